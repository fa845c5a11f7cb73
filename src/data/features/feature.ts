/** What preprocessing is made of: a feature reads columns of a table and makes numbers of one shape of each row. */
import { requireObject } from "../../arguments.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Cell, Table } from "../table.ts";

/** What a feature learned from the training rows, as files hold it. */
export interface Fit {
  readonly arrays?: Readonly<Record<string, Float32Array>>;
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

/**
 * A feature before it is fitted: a kind with its settings. Arithmetic is +, -, *, / and square roots of f64, and what
 * src/portable-math.ts has, so that every engine gives the same bits.
 */
export interface Feature {
  /** Kind, columns and settings: what a file with a fit must agree on. */
  readonly description: string;
  /** The columns that it reads. */
  readonly reads: readonly string[];
  /**
   * Learns from the training rows. @throws DataError for columns that are missing, of another kind, or give nothing to
   * learn from
   */
  fit(table: Table): Fit;
  /** The feature with what was learned. @throws FormatError for a fit that is not one of this feature's */
  fitted(fit: Fit): FittedFeature;
}

/** A feature of sequences of unequal length, and the feature of equal settings that is 1 for what is there and 0 for padding. */
export interface MaskedFeature extends Feature {
  readonly mask: Feature;
}

/** A fitted feature: a pure function of one row. */
export interface FittedFeature {
  /** Of what it gives for a row. */
  readonly shape: Shape;
  /** Names of the numbers, where the shape is a vector and they have any: `cp=3`, `age`. */
  readonly labels?: readonly string[];
  /**
   * Writes what it makes of a row to `out` from `offset` on; what is there is overwritten.
   * @throws DataError for a cell that it does not take, naming the column
   */
  write(row: Row, out: Float32Array, offset: number): void;
}

/** One row: the cell of a column. */
export type Row = (column: string) => Cell;

/** @throws OptionError unless the value is a feature */
export function requireFeature(what: string, value: unknown): asserts value is Feature {
  const rule = 'a feature, such as standardise("age")';
  requireObject(what, value, rule, ["description", "reads", "fit()", "fitted()"]);
}
