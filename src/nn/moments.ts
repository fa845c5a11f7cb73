import { wrong } from "../arguments.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import { type ReductionOptions, reductionAxes } from "../graph/operators/axes.ts";
import { broadcast, divide, mean, multiply, reshape, select, square, subtract, sum } from "../graph/operators/index.ts";
import { showShape } from "../graph/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

/** Mean and variance of a tensor over some axes, which they keep with size 1, and the tensor less its mean. */
export interface Moments {
  readonly mean: Tensor;
  /** Divided by the count, or by the sum of the weights. */
  readonly variance: Tensor;
  readonly centered: Tensor;
}

/**
 * Mean and variance over `axes`, in two passes: the variance is the mean of squared distances from the mean. The difference
 * E[x^2] - E[x]^2 would lose everything in f32 where the mean is a thousand times the deviation.
 * @param weights [n], one for each row of the first axis, which must be among `axes`; 0 for padding. A row of weight 0 contributes
 *   exactly nothing, also to derivatives with respect to x, whatever it holds; where all weights are 0 both moments are 0.
 * @throws OptionError for axes that x does not have, or without the first where there are weights; ShapeError for other weights
 */
export function moments(x: Tensor, axes: number | readonly number[], weights?: Tensor): Moments {
  requireTensors("moments", x, ...(weights === undefined ? [] : [weights]));
  // Elsewhere no axes mean all of them, which is hardly meant here.
  if (axes === undefined) throw wrong("moments: axes", "an axis or a list of axes", axes);
  const over = reductionAxes("moments", x, axes, {});
  if (weights === undefined) {
    const average = mean(x, over, { keepAxes: true });
    const centered = subtract(x, average);
    return { mean: average, variance: mean(square(centered), over, { keepAxes: true }), centered };
  }
  const rows = perRow("moments", x, weights);
  if (!over.includes(0))
    throw new OptionError(`moments: axis 0 must be among the axes where there are weights, got ${showShape(over)}`);
  if (constantValue(weights) === 1) return moments(x, over);
  // Every row counts as many times as it has elements for one moment.
  const inner = over.slice(1).reduce((count, axis) => count * (x.shape[axis] as number), 1);
  const total = multiply(nonzero(sum(weights)), inner);
  const known = select(rows, x, 0);
  const average = divide(sum(multiply(known, rows), over, { keepAxes: true }), total);
  const deviations = select(rows, subtract(known, average), 0);
  const variance = divide(sum(multiply(square(deviations), rows), over, { keepAxes: true }), total);
  return { mean: average, variance, centered: subtract(x, average) };
}

/**
 * Weights [n] in the rank of `x` [n, ...], so that they stretch over its rows.
 * @throws ShapeError naming `what` for weights of another shape
 */
export function perRow(what: string, x: Tensor, weights: Tensor): Tensor {
  if (x.rank === 0 || weights.rank !== 1 || weights.shape[0] !== x.shape[0]) {
    throw new ShapeError(
      `${what}: weights must be [n], one for each row of ${showShape(x.shape)}, got ${showShape(weights.shape)}`,
    );
  }
  return reshape(
    weights,
    x.shape.map((extent, axis) => (axis === 0 ? extent : 1)),
  );
}

/** A divisor: 1 in the place of 0, where what it divides is 0. */
export function nonzero(x: Tensor): Tensor {
  return select(x, x, 1);
}

/**
 * Mean of `x` over `axes` (all by default) in which every element counts with its weight: sum(w x) / sum(w), and 0 where all weights
 * are 0. An element of weight 0 contributes exactly nothing, also to derivatives with respect to x, whatever it holds.
 * @param weights from 0, of a shape that stretches to that of x
 * @throws ShapeError for weights that do not stretch; OptionError for axes that x does not have
 */
export function maskedMean(
  x: Tensor,
  weights: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  requireTensors("maskedMean", x, weights);
  const over = reductionAxes("maskedMean", x, axes, options);
  const w = broadcast(weights, x.shape);
  if (constantValue(weights) === 1) return mean(x, over, options);
  return divide(sum(multiply(select(w, x, 0), w), over, options), nonzero(sum(w, over, options)));
}
