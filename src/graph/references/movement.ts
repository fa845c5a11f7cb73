/** What moves elements without computing. */
import { broadcastStrides } from "../operators/algebra.ts";
import { concatStart, offsetBytes } from "../operators/movement.ts";
import { forEachIndex, type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { Array64, Reference } from "./reference.ts";

export const copy: Reference = ([x]) => (x as Array64).data.slice();

/** Elements of `x` from `start` on with strides `from`, in the order of `shape`. */
function read(x: Array64, shape: Shape, from: readonly number[], start = 0): Float64Array {
  const result = new Float64Array(sizeOf(shape));
  forEachIndex(shape, from, stridesOf(shape), (a, b) => {
    result[b] = x.data[start + a] as number;
  });
  return result;
}

/** Puts all of `x` into the block of `result` [shape] that begins at `start`. */
function put(x: Array64, result: Float64Array, shape: Shape, start: readonly number[]): void {
  const strides = stridesOf(shape);
  const first = offsetBytes(start, strides) / 4;
  forEachIndex(x.shape, stridesOf(x.shape), strides, (a, b) => {
    result[first + b] = x.data[a] as number;
  });
}

export const broadcast: Reference = ([x], _, shape) =>
  read(x as Array64, shape, broadcastStrides((x as Array64).shape, shape).strides);

export const transpose: Reference<{ order: readonly number[] }> = ([x], { order }, shape) => {
  const strides = stridesOf((x as Array64).shape);
  return read(
    x as Array64,
    shape,
    order.map((axis) => strides[axis] as number),
  );
};

export const slice: Reference<{ start: readonly number[]; size: readonly number[] }> = ([x], { start }, shape) => {
  const strides = stridesOf((x as Array64).shape);
  return read(x as Array64, shape, strides, offsetBytes(start, strides) / 4);
};

export const pad: Reference<{ before: readonly number[]; after: readonly number[] }> = ([x], { before }, shape) => {
  const result = new Float64Array(sizeOf(shape));
  put(x as Array64, result, shape, before);
  return result;
};

export const concat: Reference<{ axis: number }> = (inputs, { axis }, shape) => {
  const result = new Float64Array(sizeOf(shape));
  for (const [i, x] of inputs.entries()) put(x, result, shape, concatStart(inputs, i, axis));
  return result;
};
