import { ShapeError } from "../errors.ts";
import {
  add,
  matmul,
  multiply,
  reshape,
  rsqrt,
  square,
  stopGradient,
  subtract,
  sum,
} from "../graph/operators/index.ts";
import { showShape } from "../graph/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { moments } from "./moments.ts";

/**
 * Squared Euclidean distances [n, m] between the rows of a [n, D] and b [m, D], as one matrix product:
 * |a - c|^2 - 2 (a - c).(b - c) + |b - c|^2, where c is the mean of the rows of b.
 *
 * Distances do not depend on c. Without it, features with an offset of a thousand deviations would lose all digits in f32: |a|^2 and
 * 2 a.b are then a million times their difference. With it, the error of a distance is about 1e-6 of the largest
 * |a - c|^2 + |b - c|^2. By rounding, the distance of equal rows may be slightly below 0.
 * @param weights [m]: rows of b that count in c; those of weight 0 (padding) get distances too, but have no influence on others
 * @throws ShapeError unless both are matrices of equally long rows
 */
export function squaredDistances(a: Tensor, b: Tensor, weights?: Tensor): Tensor {
  requireTensors("squaredDistances", a, b, ...(weights === undefined ? [] : [weights]));
  requireRows("squaredDistances", a, b);
  // The result is the same function of a and b for every c, so derivatives through c are 0 in any order.
  const center = stopGradient(reshape(moments(b, 0, weights).mean, [b.shape[1] as number]));
  const [from, to] = [subtract(a, center), subtract(b, center)];
  const norms = add(sum(square(from), 1, { keepAxes: true }), sum(square(to), 1));
  return subtract(norms, multiply(matmul(from, to, { transposeB: true }), 2));
}

/** Added to squared lengths: the cosine with a row of zeros is 0, and its derivative finite. */
const SMALLEST_SQUARE = 1e-12;

/**
 * Cosines [n, m] of the angles between the rows of a [n, D] and b [m, D].
 * @throws ShapeError unless both are matrices of equally long rows
 */
export function cosines(a: Tensor, b: Tensor): Tensor {
  requireTensors("cosines", a, b);
  requireRows("cosines", a, b);
  return matmul(unit(a), unit(b), { transposeB: true });
}

const unit = (rows: Tensor): Tensor =>
  multiply(rows, rsqrt(add(sum(square(rows), 1, { keepAxes: true }), SMALLEST_SQUARE)));

function requireRows(what: string, a: Tensor, b: Tensor): void {
  if (a.rank === 2 && b.rank === 2 && a.shape[1] === b.shape[1]) return;
  throw new ShapeError(
    `${what}: operands must be [n,D] and [m,D], got ${showShape(a.shape)} and ${showShape(b.shape)}`,
  );
}
