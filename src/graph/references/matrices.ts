/** Products of matrices, and systems of equations. */
import { type MatMulAttributes, matmulExtents } from "../operators/matmul.ts";
import { solveExtents } from "../operators/solve.ts";
import { sizeOf } from "../shape.ts";
import type { Array64, Reference } from "./reference.ts";

export const matmul: Reference<MatMulAttributes> = (inputs, attributes, shape) => {
  const [a, b] = inputs as readonly [Array64, Array64];
  const { batch, M, N, K } = matmulExtents(a.shape, b.shape, attributes);
  const result = new Float64Array(sizeOf(shape));
  const [aRow, aK] = attributes.transposeA ? [1, M] : [K, 1];
  const [bK, bColumn] = attributes.transposeB ? [1, K] : [N, 1];
  for (let i = 0; i < batch * M * N; i++) {
    const matrix = Math.floor(i / (M * N));
    const row = Math.floor(i / N) % M;
    for (let k = 0; k < K; k++) {
      const left = a.data[matrix * M * K + row * aRow + k * aK] as number;
      const right = b.data[matrix * K * N + k * bK + (i % N) * bColumn] as number;
      result[i] = (result[i] as number) + left * right;
    }
  }
  return result;
};

export const solve: Reference = (inputs, _, shape) => {
  const [a, b] = inputs as readonly [Array64, Array64];
  const [batch, N, K] = solveExtents(shape);
  const result = new Float64Array(sizeOf(shape));
  for (let member = 0; member < batch; member++) {
    const matrix = a.data.subarray(member * N * N, (member + 1) * N * N);
    const L = choleskyOf(matrix, N);
    for (let column = 0; column < K; column++) {
      const x = result.subarray(member * N * K + column);
      const y = new Float64Array(N);
      for (let i = 0; i < N; i++) {
        let rest = b.data[(member * N + i) * K + column] as number;
        for (let j = 0; j < i; j++) rest -= (L[i * N + j] as number) * (y[j] as number);
        y[i] = rest / (L[i * N + i] as number);
      }
      for (let i = N - 1; i >= 0; i--) {
        let rest = y[i] as number;
        for (let j = i + 1; j < N; j++) rest -= (L[j * N + i] as number) * (x[j * K] as number);
        x[i * K] = rest / (L[i * N + i] as number);
      }
    }
  }
  return result;
};

/** L of the symmetric part of a matrix, which is L L^T. */
function choleskyOf(matrix: Float64Array, N: number): Float64Array {
  const L = new Float64Array(N * N);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = ((matrix[i * N + j] as number) + (matrix[j * N + i] as number)) / 2;
      for (let k = 0; k < j; k++) rest -= (L[i * N + k] as number) * (L[j * N + k] as number);
      const pivot = rest > 0 && rest < Number.POSITIVE_INFINITY ? Math.sqrt(rest) : Number.NaN;
      L[i * N + j] = i === j ? pivot : rest / (L[j * N + j] as number);
    }
  }
  return L;
}
