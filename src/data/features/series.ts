/** Series of unequal length. */
import { requireOptions, requireWhole, wrong } from "../../arguments.ts";
import { DataError } from "../../errors.ts";
import { type Cell, type Column, listColumn, type Series, Table } from "../table.ts";
import { describe, requireColumn } from "./cells.ts";
import type { MaskedFeature } from "./feature.ts";
import { type From, MOST_CHANNELS, requireSequenceSettings, sequenceFeature } from "./sequences.ts";

/** Options of `series`. */
export interface SeriesOptions {
  /** Steps of every example. */
  readonly length: number;
  /**
   * Which end counts: longer series are cut at the other, shorter ones padded there; `"centre"`: at both. `"start"` by
   * default.
   */
  readonly from?: From;
  /** Whether each channel is standardised by its mean and deviation over the training rows; true by default. */
  readonly standardise?: boolean;
}

/**
 * Series as numbers [length, channels], padded with 0; `mask` is the feature [length] that is 1 for a step and 0 for
 * padding. The column holds series, or arrays [time] or [time, channels]. A missing number (NaN) becomes 0, a missing
 * series all padding.
 * @throws DataError for series of unequal numbers of channels
 */
export function series(column: string, options: SeriesOptions): MaskedFeature {
  requireColumn("series", column);
  requireOptions("series", options, ["length", "from", "standardise"]);
  const { length, from = "start", standardise = true } = options;
  requireSequenceSettings("series", ["length", length], from, standardise);
  return sequenceFeature({
    kind: "series",
    column,
    description: describe("series", [column], { length, from, standardise }, { from: "start", standardise: true }),
    length,
    from,
    standardise,
    padding: 0,
    channelsOf: (cells) => channelsOf("series", cells, column),
    stepsOf: (cell, channels) => seriesOf(cell, channels, column).values,
  });
}

/** Options of `windows`. */
export interface WindowOptions {
  /** Steps of a window. */
  readonly length: number;
  /** Steps from the beginning of one window to that of the next. */
  readonly stride: number;
}

/**
 * A table with one row for every window of a series, in order; its other columns are repeated. What does not fill a window
 * at the end of a series is left out; a series that is shorter than a window is kept as it is, and a missing one stays
 * missing.
 * @throws DataError as `series` does
 */
export function windows(table: Table, column: string, options: WindowOptions): Table {
  if (!(table instanceof Table)) throw wrong("windows: table", "a Table, as readers and tableOf make it", table);
  requireColumn("windows", column);
  requireOptions("windows", options, ["length", "stride"]);
  const length = requireWhole("windows: length", options.length, 1);
  const stride = requireWhole("windows: stride", options.stride, 1);
  const cells = table.column(column);
  const channels = channelsOf("windows", cells, column);
  const rows: number[] = [];
  const cut: (Series | null)[] = [];
  for (let row = 0; row < table.size; row++) {
    const cell = cells.at(row);
    const values = cell === null ? new Float32Array(0) : seriesOf(cell, channels, column).values;
    const steps = values.length / channels;
    for (let first = 0; first === 0 || first + length <= steps; first += stride) {
      rows.push(row);
      // A view: windows that overlap share their numbers.
      const part = values.subarray(first * channels, (first + length) * channels);
      cut.push(cell === null ? null : { channels, values: part });
    }
  }
  return table.rows(rows).with({ [column]: listColumn("series", cut) });
}

/** The channels of a column's first series that is not missing. */
function channelsOf(kind: string, column: Column, name: string): number {
  if (column.kind === "arrays" && column.shape !== undefined && column.shape.length <= 2) return column.shape[1] ?? 1;
  if (column.kind !== "series") {
    throw new DataError(
      `${kind}: column ${JSON.stringify(name)} must hold series, or arrays [time] or [time, channels], got ${column.kind}`,
    );
  }
  for (let row = 0; row < column.size; row++) {
    const cell = column.at(row) as Series | null;
    if (cell !== null) return requireWhole(`${kind}: channels of ${name}`, cell.channels, 1, MOST_CHANNELS);
  }
  throw new DataError(`${kind}: column ${JSON.stringify(name)} must have a series in the training rows, got none`);
}

/** A cell as a series. @throws DataError where it is none, or has other channels */
function seriesOf(cell: Cell, channels: number, column: string): Series {
  const given = cell as Partial<Series> | ArrayLike<number>;
  if (typeof cell === "object" && cell !== null && "length" in given) {
    const values = given instanceof Float32Array ? given : Float32Array.from(given as ArrayLike<number>);
    if (values.length % channels === 0) return { channels, values };
  } else if (typeof cell === "object" && cell !== null) {
    const { channels: own, values } = given as Partial<Series>;
    if (own === channels && values instanceof Float32Array && values.length % channels === 0)
      return { channels, values };
  }
  throw new DataError(`${column} must be a series { channels: ${channels}, values } of whole steps, got another`);
}
