/** Between the library's layouts (NHWC, [KH, KW, C, O]) and the channels-first ones of a peer. */

/** Permutes the axes of a row-major array: axis i of the result is axis `order[i]` of the operand. */
export function permute(
  values: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): { readonly values: Float32Array; readonly shape: number[] } {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, extent) => product * extent, 1));
  const permuted = order.map((axis) => shape[axis] as number);
  const steps = order.map((axis) => strides[axis] as number);
  const out = new Float32Array(values.length);
  const index = permuted.map(() => 0);
  let from = 0;
  for (let at = 0; at < out.length; at++) {
    out[at] = values[from] as number;
    for (let axis = permuted.length - 1; axis >= 0; axis--) {
      from += steps[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (permuted[axis] as number)) break;
      from -= (steps[axis] as number) * (permuted[axis] as number);
      index[axis] = 0;
    }
  }
  return { values: out, shape: permuted };
}
