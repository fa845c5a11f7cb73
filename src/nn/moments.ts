import { divide, mean, multiply, reshape, square, subtract, sum } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Mean and variance (divided by n) over some axes. */
export interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/**
 * Mean and variance over the axes, which must include the first.
 * @param weights weight [n] of each row of the first axis; 0 leaves a row out
 */
export function moments(x: Tensor, axes: readonly number[], weights?: Tensor): Moments {
  if (weights === undefined) {
    const centre = mean(x, axes);
    return { mean: centre, variance: mean(square(subtract(x, centre)), axes) };
  }
  const each = reshape(weights, [x.shape[0] as number, ...Array<number>(x.rank - 1).fill(1)]);
  const perRow = axes.reduce((size, axis) => size * (axis === 0 ? 1 : (x.shape[axis] as number)), 1);
  const total = multiply(sum(weights), perRow);
  const centre = divide(sum(multiply(x, each), axes), total);
  return { mean: centre, variance: divide(sum(multiply(square(subtract(x, centre)), each), axes), total) };
}
