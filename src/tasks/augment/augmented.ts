/** A source whose examples are changed at random under the task's key. */
import { isRecord, requireBoolean, requireOptions, wrong } from "../../arguments.ts";
import { type Shape, showShape, sizeOf } from "../../graph/shape.ts";
import { Draw, fold, type Key } from "../../random.ts";
import { type Dataset, datasetsOf } from "../dataset.ts";
import { hashValues } from "../hash.ts";
import { requireSource } from "../require.ts";
import type { Batch, Task, TaskSource, TaskSpec } from "../types.ts";
import { type Augmentation, requireAugmentation } from "./augmentation.ts";

/** Augmentations by the input column that they change: one, or several that are applied one after another. */
export type AugmentedColumns = Readonly<Record<string, Augmentation | readonly Augmentation[]>>;

/** Options of `augmented`. */
export interface AugmentedOptions {
  /** Whether the support set, or every segment of a stream, is changed; true by default. */
  readonly support?: boolean;
  /** Whether the queries are; false by default. */
  readonly queries?: boolean;
}

/** The source that `augmented` makes. */
export interface AugmentedSource<Source extends TaskSource> extends TaskSource {
  /** Whose examples are changed. */
  readonly source: Source;
  /** The data sets behind it: validation must share no class with any of them. */
  readonly datasets: readonly Dataset[];
  sample(key: Key, spec?: number, into?: Task): ReturnType<Source["sample"]>;
}

/** The streams of a task's key: see `fold`. */
const AUGMENT_STREAM = 0xa6e7;
const PARTNER_STREAM = 0xa6e8;

/**
 * A source with its examples changed at random: `augmented(episodes(…), { x: [shift(2), rotate(15)] })`. What is drawn
 * follows from the task's key and the example's row, column and place in the list of augmentations, so that a task stays an
 * address.
 * @throws OptionError for what is no source or augmentation, a column that is no input of every spec, or a shape that an
 *   augmentation does not take
 */
export function augmented<Source extends TaskSource>(
  source: Source,
  columns: AugmentedColumns,
  options: AugmentedOptions = {},
): AugmentedSource<Source> {
  requireSource("augmented: source", source);
  requireOptions("augmented", options, ["support", "queries"]);
  const { support = true, queries = false } = options;
  requireBoolean("augmented: support", support);
  requireBoolean("augmented: queries", queries);
  if (!support && !queries) throw wrong("augmented: support or queries", "true", false);
  const lists = listsOf(source, columns);
  const changed = (batch: Batch, key: Key, spec: TaskSpec, own: boolean): Batch => {
    const made = lists.map(({ name, list }, column) => {
      const given = batch[name] as Float32Array;
      const values = own ? given : given.slice();
      changeRows(values, batch, spec.inputs[name] as Shape, list, fold(key, column));
      return [name, values] as const;
    });
    return { ...batch, ...Object.fromEntries(made) };
  };
  const change = (task: Task, key: Key, spec: TaskSpec, own: boolean): Task => {
    const stream = fold(key, AUGMENT_STREAM);
    const segments = support
      ? task.segments.map((batch, i) => changed(batch, fold(stream, i + 1), spec, own))
      : task.segments;
    const query = queries && spec.queries > 0 ? changed(task.queries, fold(stream, 0), spec, own) : task.queries;
    return { ...task, segments, queries: query, ...("support" in task ? { support: segments[0] } : {}) };
  };
  const words = lists.map(({ name, list }) => `${name}: ${list.map(({ description }) => description).join(" + ")}`);
  return {
    ...traitsOf(source),
    source,
    name: `${source.name}, augmented`,
    fingerprint: hashValues("augmented", source.fingerprint, Number(support), Number(queries), ...words),
    sample(key: Key, spec = 0, into?: Task) {
      const of = source.specs[spec] as TaskSpec;
      const task = source.sample(key, spec, into);
      // Arrays of an earlier task are this source's own; others may be the user's, and stay as they are.
      const finish = (each: Task): Task => change(each, key, of, each === into);
      return ("then" in task ? task.then(finish) : finish(task)) as ReturnType<Source["sample"]>;
    },
  };
}

/** What a source has in common with that of its changed examples. */
function traitsOf(
  source: TaskSource,
): Pick<TaskSource, "specs" | "shares" | "ordered" | "keysAt"> & { datasets: readonly Dataset[] } {
  const { specs, shares, ordered, keysAt } = source;
  return {
    specs,
    datasets: datasetsOf(source),
    ...(shares === undefined ? {} : { shares }),
    ...(ordered === undefined ? {} : { ordered }),
    ...(keysAt === undefined ? {} : { keysAt: (iteration, count) => keysAt.call(source, iteration, count) }),
  };
}

interface ColumnList {
  readonly name: string;
  readonly list: readonly Augmentation[];
}

/** The augmentations of each column, checked against every spec. */
function listsOf(source: TaskSource, columns: unknown): readonly ColumnList[] {
  if (!isRecord(columns) || Object.keys(columns).length === 0) {
    throw wrong("augmented: columns", "augmentations by input column, such as { x: [shift(2)] }", columns);
  }
  return Object.entries(columns).map(([name, given]) => {
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    if (list.length === 0) throw wrong(`augmented: ${name}`, "at least one augmentation", given);
    for (const [i, each] of list.entries()) {
      requireAugmentation(`augmented: ${name}[${i}]`, each);
      for (const { inputs, objective } of source.specs) {
        const shape = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
        if (shape === undefined) {
          throw wrong("augmented: columns", `inputs of ${source.name}: ${Object.keys(inputs).join(", ")}`, name);
        }
        if (!each.takes(shape)) {
          throw wrong(`augmented: ${name}`, `${each.rule} for ${each.description}`, showShape(shape));
        }
        if (each.pairs && !objective.classes) {
          throw wrong(`augmented: the objective for ${each.description}`, "one of classes", objective.name);
        }
      }
    }
    return { name, list: list as readonly Augmentation[] };
  });
}

/** Changes a column of a batch in place. */
function changeRows(values: Float32Array, batch: Batch, shape: Shape, list: readonly Augmentation[], key: Key): void {
  const length = sizeOf(shape);
  const partners = list.some(({ pairs }) => pairs) ? new Partners(values.slice(), batch, length) : undefined;
  for (let row = 0; row < values.length / length; row++) {
    const own = fold(key, row);
    for (const [i, each] of list.entries()) {
      const draw = new Draw(fold(own, i));
      const other = each.pairs ? partners?.of(row, fold(own, PARTNER_STREAM + i)) : undefined;
      each.apply(values, row * length, shape, draw, other);
    }
  }
}

/** Examples of a batch by class, as they were before any change. */
class Partners {
  private readonly rows = new Map<number, number[]>();

  constructor(
    private readonly values: Float32Array,
    private readonly batch: Batch,
    private readonly length: number,
  ) {
    const { y = new Float32Array(0), weight } = batch;
    for (const [row, label] of y.entries()) {
      // Padding repeats another example.
      if (weight?.[row] === 0) continue;
      const known = this.rows.get(label);
      if (known === undefined) this.rows.set(label, [row]);
      else known.push(row);
    }
  }

  /** Another example of a row's class; none where there is no other. */
  of(row: number, key: Key): Float32Array | undefined {
    const others = (this.rows.get(this.batch.y?.[row] as number) ?? []).filter((each) => each !== row);
    if (others.length === 0) return undefined;
    const chosen = others[new Draw(key).below(others.length)] as number;
    return this.values.subarray(chosen * this.length, (chosen + 1) * this.length);
  }
}
