/** Least squares over the powers of one variable. */

export interface Fit {
  /** Coefficients of 1, x, x^2, … */
  readonly coefficients: readonly number[];
  /** Share of the variance that the fit explains. */
  readonly r2: number;
}

/** Fits y = c0 + c1 x (+ c2 x^2), weighted by 1 / y so that small values count as much as large ones. */
export function fitPowers(xs: readonly number[], ys: readonly number[], degree: number): Fit {
  const size = degree + 1;
  // Normal equations, on x scaled to 1 so that powers stay of one size.
  const scale = Math.max(...xs);
  const rows = xs.map((x) => Array.from({ length: size }, (_, power) => (x / scale) ** power));
  const weights = ys.map((y) => 1 / Math.max(y, 1e-12) ** 2);
  const at = (matrix: readonly (readonly number[])[], i: number, j: number) => matrix[i]?.[j] as number;
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) =>
      rows.reduce((total, row, k) => total + (weights[k] as number) * (row[i] as number) * (row[j] as number), 0),
    ),
    rows.reduce((total, row, k) => total + (weights[k] as number) * (row[i] as number) * (ys[k] as number), 0),
  ]);
  for (let pivot = 0; pivot < size; pivot++) {
    for (let i = 0; i < size; i++) {
      if (i === pivot) continue;
      const factor = at(matrix, i, pivot) / at(matrix, pivot, pivot);
      matrix[i] = (matrix[i] as number[]).map((value, j) => value - factor * at(matrix, pivot, j));
    }
  }
  const coefficients = matrix.map((row, i) => (row[size] as number) / (row[i] as number) / scale ** i);
  const predict = (x: number) => coefficients.reduce((total, each, power) => total + each * x ** power, 0);
  const mean = ys.reduce((total, y) => total + y, 0) / ys.length;
  const squares = (of: (x: number, y: number) => number) =>
    xs.reduce((total, x, i) => total + of(x, ys[i] as number) ** 2, 0);
  const spread = squares((_, y) => y - mean);
  return { coefficients, r2: spread === 0 ? 1 : 1 - squares((x, y) => y - predict(x)) / spread };
}
