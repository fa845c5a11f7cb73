import { requireObject } from "../arguments.ts";
import type { Shape } from "../graph/shape.ts";

/**
 * Examples as rows: numbers by column, and what is known of every row. Task sources draw from them: `within` the rows of
 * one person, `entities` with targets of their own, streams in the order of time. `byClass` makes the data set of classes
 * that `episodes` takes.
 *
 * An implementation never changes after it was made, and gives the same numbers on every machine.
 */
export interface Examples {
  readonly name: string;
  /** Rows. */
  readonly size: number;
  /** Shape of one example, by column: inputs, and targets where they are numbers. */
  readonly columns: Readonly<Record<string, Shape>>;
  /** What rows are told apart by: a label, a group, an entity, a time, by name; one value for each row. */
  readonly facts: Readonly<Record<string, readonly (string | number)[]>>;
  /** Hash of name, columns, facts and contents. */
  readonly fingerprint: string;
  /** Writes a column of one row, row-major f32 of its shape, to `out` from `offset` (in numbers) on. */
  write(column: string, row: number, out: Float32Array, offset: number): void;
  /**
   * Where rows must be fetched before they are written, as from a file: gives what writes these rows, which `write` of the
   * examples itself does not.
   */
  load?(rows: readonly number[]): Promise<Pick<Examples, "write">>;
}

/** @throws OptionError, naming the operation, unless the value has the members of examples */
export function requireExamples(operation: string, value: unknown): asserts value is Examples {
  const rule = "examples, as preprocessing.examples(table, { … }) makes them";
  requireObject(`${operation}: examples`, value, rule, ["name", "size", "columns", "facts", "fingerprint", "write()"]);
}
