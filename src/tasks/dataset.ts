import { requireObject } from "../arguments.ts";
import type { Shape } from "../graph/shape.ts";

/** A class of a data set. */
export interface ClassInfo {
  /** Unique in its data set. */
  readonly name: string;
  /** How many examples the class has. */
  readonly size: number;
  /**
   * What must never be divided between two parts of a split, such as the character whose rotations are classes of
   * their own. Left out: the class itself.
   */
  readonly group?: string;
}

/**
 * Labelled examples, by class. Storage is the implementation's affair: an example may be decoded, turned or computed
 * at the moment it is written.
 *
 * An implementation never changes after it was made, and gives the same numbers on every machine.
 */
export interface Dataset {
  readonly name: string;
  /** Shape of one example, by column: `x` in the common case, more where an example is an image and its caption. */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly classes: readonly ClassInfo[];
  /** Hash of the name, the classes and the contents. */
  readonly fingerprint: string;
  /**
   * Writes a column of one example, row-major f32 of its shape, to `out` from `offset` (in numbers) on.
   * The column is one of `inputs`, the indices are within `classes` and the class's `size`.
   */
  write(column: string, classIndex: number, exampleIndex: number, out: Float32Array, offset: number): void;
  /**
   * Where examples must be fetched before they are written, as from a file: gives what writes these, each [class index, example
   * index], which `write` of the data set itself does not.
   */
  load?(examples: readonly Place[]): Promise<Pick<Dataset, "write">>;
}

/** An example of a data set: [class index, example index]. */
export type Place = readonly [number, number];

/** A data set that is not in memory: episodes of it are promises. */
export type LazyDataset = Dataset & Required<Pick<Dataset, "load">>;

/** @throws OptionError, naming the operation, unless the value has the members of a data set */
export function requireDataset(operation: string, value: unknown): asserts value is Dataset {
  const rule = "a data set, as fromArrays or a reader makes it";
  requireObject(`${operation}: dataset`, value, rule, ["name", "inputs", "classes", "fingerprint", "write()"]);
}

/** The data sets behind a source of tasks, where it names them: those that validation must share no class with. */
export function datasetsOf(source: object): readonly Dataset[] {
  const { dataset, datasets = [] } = source as Partial<{ dataset: Dataset; datasets: readonly Dataset[] }>;
  return dataset === undefined ? datasets : [dataset];
}
