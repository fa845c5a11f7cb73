/** Numbers on a common scale. */
import { fitArray, numberOf, presentNumbers, requireColumnNames, sumOf } from "./cells.ts";
import type { Feature } from "./feature.ts";

/**
 * Columns of numbers less their mean, divided by their deviation (of the population); 0 where a number is missing. A column that never changes is
 * only centred.
 * @throws DataError when fitted to a column without numbers
 */
export function standardise(...columns: readonly string[]): Feature {
  return scaled("standardise", columns, (values) => {
    const mean = sumOf(values) / values.length;
    const deviation = Math.sqrt(sumOf(values.map((each) => (each - mean) * (each - mean))) / values.length);
    return [mean, deviation];
  });
}

/** Columns of numbers from 0, the smallest of the training rows, to 1, the largest; 0 where a number is missing. Numbers outside that range go beyond. */
export function minMax(...columns: readonly string[]): Feature {
  return scaled("minMax", columns, (values) => {
    const least = values.reduce((a, b) => Math.min(a, b));
    return [least, values.reduce((a, b) => Math.max(a, b)) - least];
  });
}

/** Features (value - centre) / width. */
function scaled(kind: string, columns: readonly string[], measure: (values: number[]) => [number, number]): Feature {
  requireColumnNames(kind, columns);
  return {
    description: `${kind}(${columns.join(", ")})`,
    reads: columns,
    fit(table) {
      const pairs = columns.map((name) => measure(presentNumbers(kind, table.column(name, "number"), name)));
      return {
        arrays: {
          centre: Float32Array.from(pairs, ([centre]) => centre),
          width: Float32Array.from(pairs, ([, width]) => (Math.fround(width) === 0 ? 1 : width)),
        },
      };
    },
    fitted(fit) {
      const [centre, width] = ["centre", "width"].map((name) => fitArray(kind, fit, name, columns.length)) as [
        Float32Array,
        Float32Array,
      ];
      return {
        shape: [columns.length],
        labels: columns,
        write(row, out, offset) {
          for (const [i, name] of columns.entries()) {
            const value = numberOf(row, name);
            out[offset + i] = value === null ? 0 : (value - (centre[i] as number)) / (width[i] as number);
          }
        },
      };
    },
  };
}
