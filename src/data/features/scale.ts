/** Numbers as they are, or on a common scale. */
import { requireNumber, wrong } from "../../arguments.ts";
import { type ColumnsAnd, columnsAnd, describe, fitArray, numberOf, presentNumbers, sumOf } from "./cells.ts";
import type { Feature } from "./feature.ts";

/** Options of `standardise`, `minMax` and `numbers`. */
export interface ScaleOptions {
  /** What a missing number is taken to be: the mean of the training rows (the default), their median, or this number. */
  readonly missing?: "mean" | "median" | number;
}

/**
 * Columns of numbers less their mean, divided by their deviation (of the population), both of the training rows. A column
 * that never changes is only centred. A missing number becomes 0 unless the options say otherwise.
 * @throws DataError when fitted to a column without numbers
 */
export function standardise(...columns: ColumnsAnd<ScaleOptions>): Feature {
  return scaled("standardise", columns, (values) => {
    const mean = meanOf(values);
    const deviation = Math.sqrt(sumOf(values.map((each) => (each - mean) * (each - mean))) / values.length);
    return [mean, deviation];
  });
}

/**
 * Columns of numbers from 0, the smallest of the training rows, to 1, the largest. Numbers outside that range go beyond it; see
 * `clip`.
 * @throws DataError when fitted to a column without numbers
 */
export function minMax(...columns: ColumnsAnd<ScaleOptions>): Feature {
  return scaled("minMax", columns, (values) => {
    const least = values.reduce((a, b) => Math.min(a, b));
    return [least, values.reduce((a, b) => Math.max(a, b)) - least];
  });
}

/** Columns of numbers as they are. @throws DataError when fitted to a column without numbers */
export function numbers(...columns: ColumnsAnd<ScaleOptions>): Feature {
  return scaled("numbers", columns, () => [0, 1]);
}

const meanOf = (values: readonly number[]): number => sumOf(values) / values.length;

function medianOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** Features (value - centre) / width. */
function scaled(kind: string, given: readonly unknown[], measure: (values: number[]) => [number, number]): Feature {
  const [columns, { missing = "mean" }] = columnsAnd<ScaleOptions>(kind, given, ["missing"]);
  if (missing !== "mean" && missing !== "median") {
    if (typeof missing !== "number") throw wrong(`${kind}: missing`, '"mean", "median" or a number', missing);
    requireNumber(`${kind}: missing`, missing);
  }
  const ofMissing = { mean: meanOf, median: medianOf };
  return {
    description: describe(kind, columns, { missing }, { missing: "mean" }),
    reads: columns,
    fit(table) {
      const measured = columns.map((name) => {
        const values = presentNumbers(kind, table.column(name, "number"), name);
        const [centre, width] = measure(values);
        return { centre, width, missing: typeof missing === "number" ? missing : ofMissing[missing](values) };
      });
      return {
        arrays: {
          centre: Float32Array.from(measured, ({ centre }) => centre),
          width: Float32Array.from(measured, ({ width }) => (Math.fround(width) === 0 ? 1 : width)),
          missing: Float32Array.from(measured, (each) => each.missing),
        },
      };
    },
    fitted(fit) {
      const centre = fitArray(kind, fit, "centre", columns.length);
      const width = fitArray(kind, fit, "width", columns.length);
      const instead = fitArray(kind, fit, "missing", columns.length);
      return {
        shape: [columns.length],
        labels: columns,
        write(row, out, offset) {
          for (const [i, name] of columns.entries()) {
            const value = numberOf(row, name) ?? (instead[i] as number);
            out[offset + i] = (value - (centre[i] as number)) / (width[i] as number);
          }
        },
      };
    },
  };
}
