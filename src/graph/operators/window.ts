/** Windows over images, shared by convolution and pooling: options and extents. */
import { wrong } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import { type Shape, showShape } from "../shape.ts";

/** Rows and columns between windows, and zeros around the image: top, bottom, left, right. */
export type WindowAttributes = { stride: readonly number[]; pad: readonly number[] };

export interface WindowOptions {
  /** Rows and columns between windows; 1 by default. */
  readonly stride?: number | readonly [number, number];
  /**
   * Zeros around the image: a number for every side, [top, bottom, left, right], or "same" (output extent =
   * ceil(input / stride), the odd zero at the bottom and right); 0 by default.
   */
  readonly pad?: number | "same" | readonly [number, number, number, number];
}

/** A pair from one number or two. */
export function pair(value: number | readonly [number, number]): [number, number] {
  return typeof value === "number" ? [value, value] : [value[0], value[1]];
}

/** Strides and pads of a window of `kernel` over an image [H, W]. */
export function windowAttributes(
  name: string,
  image: readonly [number, number],
  kernel: readonly [number, number],
  { stride = 1, pad = 0 }: WindowOptions,
): WindowAttributes {
  const strides = requirePair(`${name}: stride`, stride);
  const pads: unknown =
    pad === "same" ? samePads(image, kernel, strides) : typeof pad === "number" ? Array(4).fill(pad) : pad;
  if (!areWholes(pads, 4, 0)) throw wrong(`${name}: pad`, 'a whole number from 0, four of them or "same"', pad);
  return { stride: strides, pad: [...pads] };
}

/** A pair of whole numbers from 1, given as one or two. @throws OptionError */
export function requirePair(what: string, value: unknown): [number, number] {
  const both = typeof value === "number" ? [value, value] : value;
  if (!areWholes(both, 2, 1)) throw wrong(what, "a whole number from 1, or two of them", value);
  return [...both] as [number, number];
}

/** Fields of instructions are 32-bit. */
const LARGEST = 2 ** 31 - 1;

function areWholes(value: unknown, count: number, least: number): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value.length === count &&
    value.every((each) => Number.isInteger(each) && each >= least && each <= LARGEST)
  );
}

function samePads(image: readonly number[], kernel: readonly number[], strides: readonly number[]): number[] {
  return [0, 1].flatMap((axis) => {
    const [extent, size, stride] = [image[axis], kernel[axis], strides[axis]] as [number, number, number];
    const total = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + size - extent);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
}

/** Extents of the output [HO, WO]. */
export function outputExtents(
  image: readonly number[],
  kernel: readonly number[],
  { stride, pad }: WindowAttributes,
): [number, number] {
  const extents = [0, 1].map((axis) => {
    const padded = (image[axis] as number) + (pad[2 * axis] as number) + (pad[2 * axis + 1] as number);
    return Math.floor((padded - (kernel[axis] as number)) / (stride[axis] as number)) + 1;
  });
  if (extents.some((extent) => !(extent >= 1))) {
    throw new ShapeError(
      `a window of ${showShape(kernel)} does not fit an image of ${showShape(image)} with pad ${showShape(pad)}`,
    );
  }
  return extents as [number, number];
}

/** Checks that a tensor has four axes. */
export function fourAxes(shape: Shape, what: string): [number, number, number, number] {
  if (shape.length !== 4) throw new ShapeError(`${what} must have 4 axes, got ${showShape(shape)}`);
  return shape as unknown as [number, number, number, number];
}
