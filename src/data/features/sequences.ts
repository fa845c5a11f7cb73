/** What features of sequences share: a common length, padding, masks, and the scale of each channel. */
import { LARGEST_F32, requireBoolean, requireOneOf, requireWhole } from "../../arguments.ts";
import { DataError, FormatError } from "../../errors.ts";
import type { Cell, Column } from "../table.ts";
import { fitArray } from "./cells.ts";
import type { Feature, Fit, MaskedFeature } from "./feature.ts";

/** Which end of a sequence counts: longer ones are cut at the other, shorter ones padded there; `"centre"`: at both. */
export type From = "start" | "end" | "centre";

/** A kind of sequences with its settings. */
export interface Sequences {
  readonly kind: string;
  readonly column: string;
  readonly description: string;
  /** Steps of every example. */
  readonly length: number;
  readonly from: From;
  readonly standardise: boolean;
  /** What padding is where nothing is standardised. */
  readonly padding: number;
  /** Numbers of one step. */
  channelsOf(column: Column): number;
  /** The steps of a cell that is not missing, [time, channels]; NaN where a number is missing. */
  stepsOf(cell: Cell, channels: number): ArrayLike<number>;
}

const LONGEST = 2 ** 20;
export const MOST_CHANNELS = 2 ** 16;

/** @throws OptionError, naming the operation, for settings out of range */
export function requireSequenceSettings(
  what: string,
  length: [string, unknown],
  from: unknown,
  standardise: unknown,
): void {
  requireWhole(`${what}: ${length[0]}`, length[1], 1, LONGEST);
  requireOneOf(`${what}: from`, from, ["start", "end", "centre"]);
  requireBoolean(`${what}: standardise`, standardise);
}

/** The feature [length, channels] of sequences, and its mask [length]. */
export function sequenceFeature(sequences: Sequences): MaskedFeature {
  const { kind, column, description, length, padding } = sequences;
  const channelsIn = (fit: Fit): number => {
    const [channels = 0] = fitArray(kind, fit, "channels", 1);
    if (Number.isInteger(channels) && channels >= 1 && channels <= MOST_CHANNELS) return channels;
    throw new FormatError(
      `${kind}: the fit must have a whole number of channels up to ${MOST_CHANNELS}, got ${channels}`,
    );
  };
  const mask: Feature = {
    description: `mask of ${description}`,
    reads: [column],
    fit: (table) => ({ arrays: { channels: Float32Array.of(sequences.channelsOf(table.column(column))) } }),
    fitted(fit) {
      const channels = channelsIn(fit);
      return {
        shape: [length],
        write(row, out, offset) {
          const { at, kept } = placeOf(stepsIn(sequences, row(column), channels).length / channels, sequences);
          out.fill(0, offset, offset + length);
          out.fill(1, offset + at, offset + at + kept);
        },
      };
    },
  };
  return {
    description,
    reads: [column],
    mask,
    fit: (table) => fitSequences(sequences, table.column(column)),
    fitted(fit) {
      const channels = channelsIn(fit);
      const scale = sequences.standardise
        ? [fitArray(kind, fit, "mean", channels), fitArray(kind, fit, "deviation", channels)]
        : [new Float32Array(channels), new Float32Array(channels).fill(1)];
      const [mean, deviation] = scale as [Float32Array, Float32Array];
      return {
        shape: [length, channels],
        write(row, out, offset) {
          const steps = stepsIn(sequences, row(column), channels);
          const { first, at, kept } = placeOf(steps.length / channels, sequences);
          out.fill(sequences.standardise ? 0 : padding, offset, offset + length * channels);
          for (let i = 0; i < kept * channels; i++) {
            const value = steps[first * channels + i] as number;
            const scaled = (value - (mean[i % channels] as number)) / (deviation[i % channels] as number);
            out[offset + at * channels + i] = Number.isNaN(value) ? 0 : scaled;
          }
        },
      };
    },
  };
}

/** The steps of a cell; none where it is missing. */
function stepsIn({ kind, column, stepsOf }: Sequences, cell: Cell, channels: number): ArrayLike<number> {
  if (cell === null) return [];
  const steps = stepsOf(cell, channels);
  for (let i = 0; i < steps.length; i++) {
    const value = steps[i] as number;
    if (Math.abs(value) <= LARGEST_F32 || Number.isNaN(value)) continue;
    throw new DataError(
      `${column} must have finite numbers, got ${value} at step ${Math.floor(i / channels)} (${kind})`,
    );
  }
  return steps;
}

/** Mean and deviation of each channel over all steps of the training rows, each read once (Welford 1962). */
function fitSequences(sequences: Sequences, column: Column): Fit {
  const channels = sequences.channelsOf(column);
  const shape = { channels: Float32Array.of(channels) };
  if (!sequences.standardise) return { arrays: shape };
  const [mean, squares, counts] = [0, 1, 2].map(() => new Float64Array(channels)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let row = 0; row < column.size; row++) {
    const steps = stepsIn(sequences, column.at(row), channels);
    for (let i = 0; i < steps.length; i++) {
      const [value, c] = [steps[i] as number, i % channels];
      if (Number.isNaN(value)) continue;
      counts[c] = (counts[c] as number) + 1;
      const distance = value - (mean[c] as number);
      mean[c] = (mean[c] as number) + distance / (counts[c] as number);
      squares[c] = (squares[c] as number) + distance * (value - (mean[c] as number));
    }
  }
  const deviation = Float32Array.from(squares, (sum, c) => Math.sqrt(sum / Math.max(1, counts[c] as number)) || 1);
  return { arrays: { ...shape, mean: Float32Array.from(mean), deviation: deviation.map((each) => each || 1) } };
}

/** How many of `count` steps are kept from which one on, and where they go. */
function placeOf(count: number, { length, from }: Sequences): { first: number; at: number; kept: number } {
  const share = { start: 0, centre: 0.5, end: 1 }[from];
  return {
    first: Math.floor(Math.max(0, count - length) * share),
    at: Math.floor(Math.max(0, length - count) * share),
    kept: Math.min(count, length),
  };
}
