import { requireOptions, requireWhole, show } from "../arguments.ts";
import { DataError } from "../errors.ts";
import type { Shape } from "../graph/shape.ts";
import type { ClassInfo, Dataset, LazyDataset, Place } from "../tasks/dataset.ts";
import { type Examples, type LazyExamples, requireExamples, requireFact, rowsBy, valuesOf } from "../tasks/examples.ts";
import { hashValues } from "../tasks/hash.ts";
import { LabelledDataset } from "./dataset.ts";

/** Options of `byClass`. */
export interface ByClassOptions {
  /** The fact that names an example's class; `"label"` by default. */
  readonly label?: string;
  /**
   * A fact that splits never divide, such as the domain of an intent: it must be the same for all examples of a class. Left
   * out: each class on its own.
   */
  readonly group?: string;
  /** Classes of fewer examples are left out; 1 by default. */
  readonly least?: number;
}

/**
 * Examples by class: what `episodes` takes, and what `randomSplit` and `splitClasses` divide. Classes are named by the text of
 * their labels and sorted, numbers before texts. A column `y` of numbers is left out.
 *
 * @throws OptionError for an unknown option; DataError for facts that the examples do not have, labels of which no two texts differ,
 *   a class of several groups, and where no class has `least` examples
 */
export function byClass(examples: LazyExamples, options?: ByClassOptions): LabelledDataset & LazyDataset;
export function byClass(examples: Examples, options?: ByClassOptions): LabelledDataset;
export function byClass(examples: Examples, options: ByClassOptions = {}): LabelledDataset {
  requireExamples("byClass", examples);
  requireOptions("byClass", options, ["label", "group", "least"]);
  const { label = "label", group, least = 1 } = options;
  requireWhole("byClass: least", least, 1);
  const labels = requireFact("byClass: label", examples, label);
  const groups = group === undefined ? undefined : requireFact("byClass: group", examples, group);
  const values = valuesOf(labels);
  const all = rowsBy(labels, values);
  const kept = all.flatMap((rows, i) => (rows.length < least ? [] : [{ value: values[i] as string | number, rows }]));
  if (kept.length === 0) {
    throw new DataError(
      `byClass: a class must have at least ${least} examples, got none of ${values.length} with as many (${examples.name}); lower least`,
    );
  }
  const names = new Map<string, string | number>();
  const classes = kept.map(({ value, rows }): ClassInfo => {
    const name = String(value);
    const other = names.get(name);
    if (other !== undefined) {
      throw new DataError(
        `byClass: labels must be different texts, got ${show(other)} and ${show(value)} (${examples.name}); make the label text or numbers throughout`,
      );
    }
    names.set(name, value);
    if (groups === undefined) return { name, size: rows.length };
    const found = new Set(rows.map((row) => groups[row] as string | number));
    const [own, another] = found;
    if (another !== undefined) {
      throw new DataError(
        `byClass: all examples of a class must have the same ${group}, got ${show(own)} and ${show(another)} in class ${show(value)} (${examples.name}); ` +
          "leave group out, or split the examples with splitExamples first",
      );
    }
    return { name, size: rows.length, group: String(own) };
  });
  const storage = new RowsByClass(
    examples,
    classes,
    kept.map(({ rows }) => rows),
    hashValues("byClass", examples.fingerprint, label, group ?? "", least),
  );
  return new LabelledDataset(storage);
}

/** Rows of examples, by class. */
class RowsByClass implements Dataset {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly load?: (places: readonly Place[]) => Promise<Pick<Dataset, "write">>;

  constructor(
    private readonly examples: Examples,
    readonly classes: readonly ClassInfo[],
    private readonly rows: readonly (readonly number[])[],
    readonly fingerprint: string,
  ) {
    this.name = examples.name;
    const { y: _, ...inputs } = examples.columns;
    this.inputs = inputs;
    if (examples.load !== undefined) this.load = (places) => this.loaded(places);
  }

  private row(classIndex: number, example: number): number {
    return this.rows[classIndex]?.[example] as number;
  }

  write(column: string, classIndex: number, example: number, out: Float32Array, offset: number): void {
    this.examples.write(column, this.row(classIndex, example), out, offset);
  }

  private async loaded(places: readonly Place[]): Promise<Pick<Dataset, "write">> {
    const writer = await this.examples.load?.(places.map((place) => this.row(...place)));
    return {
      write: (column, classIndex, example, out, offset) =>
        writer?.write(column, this.row(classIndex, example), out, offset),
    };
  }
}
