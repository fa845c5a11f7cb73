import { requireNumbers, requireShapes, show, wrong } from "../arguments.ts";
import { DataError, MemoryError } from "../errors.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import type { ClassInfo, Dataset, Place } from "../tasks/dataset.ts";
import { requireDataset } from "../tasks/dataset.ts";
import { ContentHash } from "../tasks/hash.ts";
import type { LabelledBatch } from "../tasks/types.ts";
import { nameList } from "./names.ts";

/** Largest array that `batch` and `all` make, in bytes. */
const LARGEST_BATCH = 2 ** 31;

/**
 * A data set with the operations of one: choosing classes, and reading examples without episodes. Made by the readers
 * and by `fromArrays`; `new LabelledDataset(mine)` gives the same to any `Dataset`.
 *
 * A selection of classes is a view: examples stay where they are.
 */
export class LabelledDataset implements Dataset {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly classes: readonly ClassInfo[];
  readonly fingerprint: string;
  /** Examples of all classes. */
  readonly size: number;
  /** Set where the storage has it. */
  readonly load?: (examples: readonly Place[]) => Promise<Pick<Dataset, "write">>;
  private readonly storage: Dataset;
  /** The storage's index of each class. */
  private readonly indices: readonly number[];
  /** Where each class begins among all examples, and at the end their number. */
  private readonly starts: Float64Array;

  /**
   * @param storage where the examples are
   * @param indices which of its classes, ascending; all of them when left out
   * @throws DataError when the shape, a class's size or name is not what it must be
   */
  constructor(storage: Dataset, indices?: readonly number[]) {
    requireDataset("LabelledDataset", storage);
    requireSound(storage);
    if (indices !== undefined) requireIndices(indices, storage.classes.length);
    this.name = storage.name;
    this.inputs = storage.inputs;
    this.storage = storage;
    this.indices = indices ?? storage.classes.map((_, i) => i);
    this.classes = this.indices.map((i) => storage.classes[i] as ClassInfo);
    this.starts = new Float64Array(this.classes.length + 1);
    this.classes.forEach(({ size }, i) => {
      this.starts[i + 1] = (this.starts[i] as number) + size;
    });
    this.size = this.starts[this.classes.length] as number;
    this.fingerprint = selectionFingerprint(storage, this.classes);
    if (storage.load !== undefined) this.load = (examples) => this.loaded(examples);
  }

  private async loaded(examples: readonly Place[]): Promise<Pick<Dataset, "write">> {
    const { storage, indices } = this;
    const stored = (classIndex: number) => indices[classIndex] as number;
    const writer = await storage.load?.(examples.map(([classIndex, example]) => [stored(classIndex), example]));
    return {
      write: (column, classIndex, example, out, offset) =>
        writer?.write(column, stored(classIndex), example, out, offset),
    };
  }

  write(column: string, classIndex: number, exampleIndex: number, out: Float32Array, offset: number): void {
    this.storage.write(column, this.indices[classIndex] as number, exampleIndex, out, offset);
  }

  /**
   * The data set of some of the classes, in this data set's order: a view.
   *
   * @param select names of classes, or a test of each class
   * @throws DataError when a name is unknown or repeated, or no class is left
   */
  subset(select: Iterable<string> | ((info: ClassInfo, index: number) => boolean)): LabelledDataset {
    const chosen = typeof select === "function" ? decided(select) : this.namesTest(namesIn("subset: select", select));
    const kept = this.indices.filter((_, i) => chosen(this.classes[i] as ClassInfo, i));
    if (kept.length === 0) throw new DataError(`subset: at least one class must be selected, got none (${this.name})`);
    return new LabelledDataset(this.storage, kept);
  }

  /**
   * Examples by number, for baselines and pre-training that know no episodes. Examples are counted class by class:
   * those of class 0, those of class 1, and so on up to `size`.
   *
   * @returns the columns of `inputs`, each [n, ...shape], and y [n], indices into `classes`
   */
  batch(examples: ArrayLike<number>): LabelledBatch {
    requireNumbers("batch: examples", examples);
    const count = examples.length;
    requireFits(count, this.length);
    const y = Float32Array.from(examples, (example) => this.classOf(example));
    const columns = Object.entries(this.inputs).map(([name, shape]) => {
      const length = sizeOf(shape);
      const data = new Float32Array(count * length);
      for (let row = 0; row < count; row++) {
        const classIndex = y[row] as number;
        const example = (examples[row] as number) - (this.starts[classIndex] as number);
        this.write(name, classIndex, example, data, row * length);
      }
      return [name, data] as const;
    });
    return { ...Object.fromEntries(columns), y } as LabelledBatch;
  }

  /** Numbers of one example. */
  private get length(): number {
    return Object.values(this.inputs).reduce((sum, shape) => sum + sizeOf(shape), 0);
  }

  /** Every example, class by class: see `batch`. */
  all(): LabelledBatch {
    requireFits(this.size, this.length);
    return this.batch(Float64Array.from({ length: this.size }, (_, i) => i));
  }

  /** The class of an example's number, by bisection. */
  private classOf(example: number): number {
    if (!Number.isInteger(example) || example < 0 || example >= this.size) {
      throw new DataError(
        `batch: an example's number must be a whole number from 0 to ${this.size - 1}, got ${example}`,
      );
    }
    let low = 0;
    let high = this.classes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] as number) <= example) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private namesTest(names: readonly string[]): (info: ClassInfo) => boolean {
    const wanted = new Set(names);
    const known = new Set(this.classes.map(({ name }) => name));
    const unknown = [...wanted].filter((name) => !known.has(name));
    if (unknown.length > 0) {
      throw new DataError(
        `subset: every name must be a class of ${this.name}, got ${nameList(unknown)}; ` +
          `its classes are ${nameList([...known])}`,
      );
    }
    if (wanted.size < names.length) {
      const repeated = names.filter((name, i) => names.indexOf(name) < i);
      throw new DataError(`subset: a class may be named once, got twice ${nameList(repeated)} (${this.name})`);
    }
    return ({ name }) => wanted.has(name);
  }
}

/** A test of classes whose answers are checked: a promise would select every class. */
function decided(select: (info: ClassInfo, index: number) => boolean): (info: ClassInfo, index: number) => boolean {
  return (info, index) => {
    const chosen: unknown = select(info, index);
    if (chosen instanceof Promise) throw wrong("subset: the result of select", "true or false", chosen);
    return Boolean(chosen);
  };
}

/** The names that `select` holds. @throws OptionError unless it is a list of them: a string is one name, not a list of its letters */
export function namesIn(what: string, select: unknown): string[] {
  const iterable = typeof select === "object" && select !== null && Symbol.iterator in select;
  const names = iterable ? [...(select as Iterable<unknown>)] : [undefined];
  if (names.every((name) => typeof name === "string")) return names;
  throw wrong(what, "names of classes in a list, or a test of each class", select);
}

/** @throws DataError unless these are classes of a storage, in its order */
function requireIndices(indices: unknown, classes: number): void {
  const sound =
    Array.isArray(indices) &&
    indices.every((index, i) => Number.isInteger(index) && index < classes && index > (indices[i - 1] ?? -1));
  if (!sound) {
    throw new DataError(
      `LabelledDataset: indices must be classes from 0 to ${classes - 1}, ascending, got ${show(indices)}`,
    );
  }
}

function requireFits(count: number, length: number): void {
  const bytes = count * length * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > LARGEST_BATCH) {
    throw new MemoryError(
      `batch: an array must have at most ${LARGEST_BATCH} bytes, got ${bytes} (${count} examples of ${length} numbers); ` +
        "read fewer at a time with batch(indices)",
    );
  }
}

function selectionFingerprint(storage: Dataset, classes: readonly ClassInfo[]): string {
  if (classes.length === storage.classes.length) return storage.fingerprint;
  const hash = new ContentHash().value("subset").value(storage.fingerprint);
  for (const { name } of classes) hash.value(name);
  return hash.digest();
}

/** A `Dataset` may come from anywhere: what the rest relies on is checked once. */
function requireSound({ name, inputs, classes, fingerprint }: Dataset): void {
  if (typeof name !== "string" || typeof fingerprint !== "string") {
    throw new DataError(`LabelledDataset: name and fingerprint must be strings, got ${show([name, fingerprint])}`);
  }
  requireShapes("LabelledDataset: inputs", inputs);
  if (!Array.isArray(classes)) throw new DataError(`LabelledDataset: classes must be a list, got ${show(classes)}`);
  if (classes.length === 0)
    throw new DataError(`LabelledDataset: a data set must have at least one class, got none (${name})`);
  const seen = new Set<string>();
  for (const info of classes) {
    if (typeof info?.name !== "string" || !["string", "undefined"].includes(typeof info.group)) {
      throw new DataError(`LabelledDataset: every class must have a name and a size, got ${show(info)} (${name})`);
    }
    if (!Number.isSafeInteger(info.size) || info.size < 1) {
      throw new DataError(
        `LabelledDataset: a class must have at least one example, got ${show(info.size)} in ${nameList([info.name])} (${name})`,
      );
    }
    if (seen.has(info.name)) {
      throw new DataError(
        `LabelledDataset: names of classes must be unique, got twice ${nameList([info.name])} (${name})`,
      );
    }
    seen.add(info.name);
  }
}
