/** Linear heads in closed form or by a fixed number of steps: what solver-based learners fit to the embeddings of a support set. */
import type { Tensors } from "../graph/graph.ts";
import {
  add,
  divide,
  greater,
  identity,
  matmul,
  minimum,
  multiply,
  reshape,
  safeSqrt,
  select,
  sigmoid,
  solve,
  sqrt,
  square,
  subtract,
  sum,
  transpose,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { nonzero } from "../nn/moments.ts";

/** Rows X [n, D] of a support set, their targets Y [n, outputs] and weights [n]; rows of weight 0 hold finite numbers. */
export interface Rows extends Tensors {
  readonly X: Tensor;
  readonly Y: Tensor;
  readonly weight: Tensor;
}

/** lambda I [n, n]. */
export function damping(n: number, lambda: Tensor): Tensor {
  return multiply(identity(n), lambda);
}

/** The W [D, outputs], or batch of them, with the least |A W - B|^2 + lambda |W|^2: A is [n, D], B [n, outputs], or both batches. */
function leastSquares(A: Tensor, B: Tensor, lambda: Tensor): Tensor {
  const [n, D] = A.shape.slice(-2) as [number, number];
  // Bertinetto et al. 2019, equation 3: W = (X'X + lambda I)^-1 X'Y
  if (D <= n) {
    const gram = matmul(A, A, { transposeA: true });
    return solve(add(gram, damping(D, lambda)), matmul(A, B, { transposeA: true }));
  }
  // Equation 4, by Woodbury's identity: W = X'(XX' + lambda I)^-1 Y
  const gram = matmul(A, A, { transposeB: true });
  return matmul(A, solve(add(gram, damping(n, lambda)), B), { transposeA: true });
}

/** Ridge regression: W [D, outputs]. */
export function ridgeWeights({ X, Y, weight }: Rows, lambda: Tensor): Tensor {
  const root = reshape(safeSqrt(weight), [-1, 1]);
  return leastSquares(multiply(X, root), multiply(Y, root), lambda);
}

/** Variances of predicted labels stay above it: they divide. */
const LEAST_VARIANCE = 1e-6;

/** Logistic regression of each class against the others by Newton steps (iteratively reweighted least squares): W [D, ways]. */
export function logisticWeights({ X, Y, weight }: Rows, lambda: Tensor, steps: number): Tensor {
  const [[n, D], ways] = [X.shape as [number, number], Y.shape[1] as number];
  const root = reshape(safeSqrt(weight), [n, 1]);
  const each = (x: Tensor) => reshape(transpose(x), [ways, n, 1]);
  let W = zeros([D, ways]);
  for (let step = 0; step < steps; step++) {
    // Equations 6 and 7: mu = sigma(X w), s = mu (1 - mu), z = X w + (y - mu) / s; then least squares, weighted by s, of z.
    const eta = matmul(X, W);
    const mu = sigmoid(eta);
    const deviation = sqrt(add(multiply(mu, subtract(1, mu)), LEAST_VARIANCE));
    const A = multiply(each(multiply(deviation, root)), reshape(X, [1, n, D]));
    const z = add(multiply(deviation, eta), divide(subtract(Y, mu), deviation));
    W = transpose(reshape(leastSquares(A, each(multiply(z, root)), lambda), [ways, D]));
  }
  return W;
}

/** The nearest rows to those of v [n, ways] that add up to 0 and are nowhere above `upper`, which has a number above 0 in each row. */
function projected(v: Tensor, upper: Tensor): Tensor {
  const [n, ways] = v.shape as [number, number];
  // min(v - tau, upper) with the tau at which it adds up to 0: a class is below its bound where the sum at its own tau is above 0.
  const taus = reshape(subtract(v, upper), [n, ways, 1]);
  const sums = sum(minimum(subtract(reshape(v, [n, 1, ways]), taus), reshape(upper, [n, 1, ways])), 2);
  const free = greater(sums, 0);
  const tau = divide(sum(select(free, v, upper), 1, { keepAxes: true }), nonzero(sum(free, 1, { keepAxes: true })));
  return minimum(subtract(v, tau), upper);
}

/**
 * The multi-class support vector machine of Crammer and Singer: W [D, ways] after so many accelerated projected gradient steps on its
 * dual (Lee et al. 2019, equation 8), max over a of sum a_n^(y_n) - |W|^2 / 2 with W = sum w_n x_n a_n', a_n^k at most C for the
 * class of x_n and at most 0 for the others, and 0 in all. Momentum by Nesterov's sequence t / (t + 3).
 */
export function svmWeights({ X, Y, weight }: Rows, C: Tensor, steps: number): Tensor {
  const w = reshape(weight, [-1, 1]);
  const gram = matmul(X, X, { transposeB: true });
  // The Frobenius norm bounds the largest eigenvalue, and is the same for a row of weight 2 as for the row twice.
  const rate = nonzero(safeSqrt(sum(multiply(square(gram), multiply(w, transpose(w))))));
  const upper = multiply(Y, C);
  let a = zeros(Y.shape);
  let ahead = a;
  for (let t = 0; t < steps; t++) {
    const slope = subtract(matmul(gram, multiply(ahead, w)), Y);
    const next = projected(subtract(ahead, divide(slope, rate)), upper);
    ahead = add(next, multiply(subtract(next, a), t / (t + 3)));
    a = next;
  }
  return matmul(X, multiply(a, w), { transposeA: true });
}
