/** Windows over images: convolution, pooling and their gradients. */
import { type ConvAttributes, convExtents, type Role } from "../operators/convolution.ts";
import type { PoolAttributes } from "../operators/pooling.ts";
import { outputExtents, type WindowAttributes } from "../operators/window.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Array64, Reference } from "./reference.ts";

/** Visits every (image pixel, kernel tap, output pixel) that meet, as flat indices of [N,H,W], [KH,KW] and [N,HO,WO]. */
function forEachTap(
  [N, H, W]: readonly number[],
  [KH, KW]: readonly number[],
  [HO, WO]: readonly number[],
  { stride: [strideH = 1, strideW = 1], pad: [top = 0, , left = 0] }: WindowAttributes,
  visit: (pixel: number, tap: number, output: number) => void,
): void {
  for (let output = 0; output < (N as number) * (HO as number) * (WO as number); output++) {
    const image = Math.floor(output / ((HO as number) * (WO as number)));
    const row = Math.floor(output / (WO as number)) % (HO as number);
    const column = output % (WO as number);
    for (let tap = 0; tap < (KH as number) * (KW as number); tap++) {
      const h = row * strideH - top + Math.floor(tap / (KW as number));
      const w = column * strideW - left + (tap % (KW as number));
      if (h < 0 || h >= (H as number) || w < 0 || w >= (W as number)) continue;
      visit((image * (H as number) + h) * (W as number) + w, tap, output);
    }
  }
}

/** The member of the family that computes `result` from the other two, in the order x, w, y. */
export function convolution(result: Role): Reference<ConvAttributes> {
  const operands = (["x", "w", "y"] as const).filter((role) => role !== result) as [Role, Role];
  return (inputs, attributes, shape) => {
    const [a, b] = inputs as readonly [Array64, Array64];
    const shapes = { [operands[0]]: a.shape, [operands[1]]: b.shape };
    const { N, C, O, output } = convExtents(shapes, attributes);
    const into = new Float64Array(sizeOf(shape));
    const arrays = { [operands[0]]: a.data, [operands[1]]: b.data, [result]: into } as Record<Role, Float64Array>;
    forEachTap([N, ...attributes.image], attributes.kernel, output, attributes, (pixel, tap, position) => {
      for (let c = 0; c < C; c++) {
        for (let o = 0; o < O; o++) {
          const at = { x: pixel * C + c, w: (tap * C + c) * O + o, y: position * O + o };
          const [first, second] = operands.map((role) => arrays[role][at[role]]) as [number, number];
          into[at[result]] = (into[at[result]] as number) + first * second;
        }
      }
    });
    return into;
  };
}

/** Visits (large element, tap, small element) as flat indices. */
function forEachElement(
  shape: Shape,
  attributes: PoolAttributes,
  visit: (large: number, tap: number, small: number) => void,
) {
  const [N, , , C] = shape as [number, number, number, number];
  const output = outputExtents(attributes.image, attributes.kernel, attributes);
  forEachTap([N, ...attributes.image], attributes.kernel, output, attributes, (pixel, tap, position) => {
    for (let c = 0; c < C; c++) visit(pixel * C + c, tap, position * C + c);
  });
}

export const maxPoolWinners: Reference<PoolAttributes> = ([x], attributes, shape) => {
  const best = new Map<number, number>();
  const result = new Float64Array(sizeOf(shape));
  forEachElement((x as Array64).shape, attributes, (large, tap, small) => {
    const value = (x as Array64).data[large] as number;
    const leader = best.get(small);
    // A NaN wins, and the first one stays.
    if (leader !== undefined && (value <= leader || Number.isNaN(leader))) return;
    best.set(small, value);
    result[small] = tap;
  });
  return result;
};

export const poolGather: Reference<PoolAttributes> = ([x, winners], attributes, shape) => {
  // A winner that points into the padding reads nothing.
  const result = new Float64Array(sizeOf(shape)).fill(Number.NaN);
  forEachElement((x as Array64).shape, attributes, (large, tap, small) => {
    if (winners?.data[small] === tap) result[small] = (x as Array64).data[large] as number;
  });
  return result;
};

export const poolScatter: Reference<PoolAttributes> = ([y, winners], attributes, shape) => {
  const result = new Float64Array(sizeOf(shape));
  forEachElement(shape, attributes, (large, tap, small) => {
    if (winners?.data[small] === tap)
      result[large] = (result[large] as number) + ((y as Array64).data[small] as number);
  });
  return result;
};

export const averagePool: Reference<PoolAttributes> = ([x], attributes, shape) => {
  const result = new Float64Array(sizeOf(shape));
  const share = 1 / sizeOf(attributes.kernel);
  forEachElement((x as Array64).shape, attributes, (large, _, small) => {
    result[small] = (result[small] as number) + ((x as Array64).data[large] as number) * share;
  });
  return result;
};

export const averagePoolGrad: Reference<PoolAttributes> = ([y], attributes, shape) => {
  const result = new Float64Array(sizeOf(shape));
  const share = 1 / sizeOf(attributes.kernel);
  forEachElement(shape, attributes, (large, _, small) => {
    result[large] = (result[large] as number) + ((y as Array64).data[small] as number) * share;
  });
  return result;
};
