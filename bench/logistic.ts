/** Logistic regression as a baseline: in f64, by Newton's method, without the library. */

/** Coefficients of the columns, and the intercept behind them. */
export type Coefficients = Float64Array;

export interface Rows {
  /** [n, D], row-major. */
  readonly x: ArrayLike<number>;
  /** 0 or 1. */
  readonly y: ArrayLike<number>;
  /** How many examples each row counts as; 1 by default. */
  readonly weight?: ArrayLike<number>;
}

const MOST_STEPS = 50;
const CONVERGED = 1e-8;
const LEAST_VARIANCE = 1e-10;
/** Keeps the intercept finite where all labels are equal. */
const INTERCEPT_PENALTY = 1e-6;

/** The coefficients with the least log loss, summed over rows, plus |w|² / (2 C); the intercept is not penalised. C is 1. */
export function logisticRegression({ x, y, weight }: Rows): Coefficients {
  const [n, D] = [y.length, x.length / y.length];
  const size = D + 1;
  const b = new Float64Array(size);
  const row = new Float64Array(size).fill(1);
  for (let step = 0; step < MOST_STEPS; step++) {
    const slope = b.map((each, j) => each * (j < D ? 1 : INTERCEPT_PENALTY));
    const curvature = Array.from({ length: size }, (_, j) => {
      const line = new Float64Array(size);
      line[j] = j < D ? 1 : INTERCEPT_PENALTY;
      return line;
    });
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < D; j++) row[j] = x[i * D + j] as number;
      const share = weight?.[i] ?? 1;
      const probability = 1 / (1 + Math.exp(-dot(b, row)));
      const error = share * (probability - (y[i] as number));
      const variance = share * Math.max(probability * (1 - probability), LEAST_VARIANCE);
      for (let j = 0; j < size; j++) {
        const value = row[j] as number;
        slope[j] = (slope[j] as number) + error * value;
        const line = curvature[j] as Float64Array;
        for (let k = 0; k < size; k++) line[k] = (line[k] as number) + variance * value * (row[k] as number);
      }
    }
    const move = solve(curvature, slope);
    for (let j = 0; j < size; j++) b[j] = (b[j] as number) - (move[j] as number);
    if (Math.sqrt(dot(move, move)) < CONVERGED) break;
  }
  return b;
}

/** Log odds of rows [n, D]. */
export function logOdds(b: Coefficients, x: ArrayLike<number>): Float64Array {
  const D = b.length - 1;
  return Float64Array.from({ length: x.length / D }, (_, i) => {
    let odds = b[D] as number;
    for (let j = 0; j < D; j++) odds += (b[j] as number) * (x[i * D + j] as number);
    return odds;
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, each, i) => sum + each * (b[i] as number), 0);
}

/** x with A x = b for a positive definite A, which is overwritten: Gaussian elimination. */
function solve(A: readonly Float64Array[], b: Float64Array): Float64Array {
  const size = b.length;
  for (let c = 0; c < size; c++) {
    const pivot = A[c] as Float64Array;
    for (let r = c + 1; r < size; r++) {
      const line = A[r] as Float64Array;
      const factor = (line[c] as number) / (pivot[c] as number);
      for (let k = c; k < size; k++) line[k] = (line[k] as number) - factor * (pivot[k] as number);
      b[r] = (b[r] as number) - factor * (b[c] as number);
    }
  }
  const x = new Float64Array(size);
  for (let c = size - 1; c >= 0; c--) {
    const line = A[c] as Float64Array;
    let rest = b[c] as number;
    for (let k = c + 1; k < size; k++) rest -= (line[k] as number) * (x[k] as number);
    x[c] = rest / (line[c] as number);
  }
  return x;
}
