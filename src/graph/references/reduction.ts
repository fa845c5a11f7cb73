/** Reductions over axes, and the row-wise functions of classification. */
import { forEachIndex, sizeOf, stridesOf, withoutAxes } from "../shape.ts";
import type { Array64, Reference } from "./reference.ts";

function reduction(
  initial: number,
  step: (accumulated: number, value: number) => number,
): Reference<{ axes: readonly number[] }> {
  return ([x], { axes }) => {
    const { shape, data } = x as Array64;
    const kept = withoutAxes(shape, axes);
    const result = new Float64Array(sizeOf(kept)).fill(initial);
    const keptStrides = stridesOf(kept);
    let next = 0;
    const outStrides = shape.map((_, axis) => (axes.includes(axis) ? 0 : (keptStrides[next++] as number)));
    forEachIndex(shape, stridesOf(shape), outStrides, (from, to) => {
      result[to] = step(result[to] as number, data[from] as number);
    });
    return result;
  };
}

export const sum = reduction(0, (total, value) => total + value);
export const max = reduction(Number.NEGATIVE_INFINITY, Math.max);

/** A function of each row of [..., C] and its log-sum-exp. */
function byRows(compute: (row: Float64Array, logSumExp: number) => readonly number[] | Float64Array): Reference {
  return ([x]) => {
    const { shape, data } = x as Array64;
    const columns = shape[shape.length - 1] as number;
    const results: number[] = [];
    for (let at = 0; at < data.length; at += columns) {
      const row = data.subarray(at, at + columns);
      const top = row.reduce((a, b) => Math.max(a, b));
      results.push(...compute(row, top + Math.log(row.reduce((total, value) => total + Math.exp(value - top), 0))));
    }
    return Float64Array.from(results);
  };
}

export const softmax = byRows((row, logSumExp) => row.map((value) => Math.exp(value - logSumExp)));
export const logSoftmax = byRows((row, logSumExp) => row.map((value) => value - logSumExp));
export const logSumExp = byRows((_, value) => [value]);
