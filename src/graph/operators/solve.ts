import { Opcode } from "../../../assembly/opcodes.ts";
import { ShapeError } from "../../errors.ts";
import type { Operator } from "../operator.ts";
import { type Shape, showShape } from "../shape.ts";
import { apply, requireTensors, type Tensor } from "../tensor.ts";
import { add, broadcast, multiply } from "./algebra.ts";
import { matmul } from "./matmul.ts";
import { transpose } from "./movement.ts";

/** Extents of X [batch, N, K] = A^-1 B. */
export function solveExtents(b: Shape): [batch: number, N: number, K: number] {
  return [b.length === 3 ? (b[0] as number) : 1, b[b.length - 2] as number, b[b.length - 1] as number];
}

const solveOperator: Operator<Record<string, never>> = {
  name: "solve",
  arity: 2,
  shape([a, b]) {
    const [left, right] = [a as Shape, b as Shape];
    const shown = `a ${showShape(left)}, b ${showShape(right)}`;
    if (left.length !== right.length || left.length < 2 || left.length > 3) {
      throw new ShapeError(`operands must both be matrices or both batches of matrices, got ${shown}`);
    }
    const [batch, N] = solveExtents(right);
    const [members, rows, columns] = solveExtents(left);
    if (batch !== members) throw new ShapeError(`batches must be equal, got ${shown}`);
    if (rows !== columns) throw new ShapeError(`a must be square, got ${shown}`);
    if (rows !== N) throw new ShapeError(`a and b must have equally many rows, got ${shown}`);
    return right;
  },
  vjp(index, g, node) {
    // A X = B, so dX = A^-1 (dB - dA X); A is symmetric, and of dA only the symmetric part counts.
    const right = solve(node.inputs[0] as Tensor, g);
    if (index === 1) return right;
    const outer = matmul(right, node, { transposeB: true });
    const axes = node.rank === 3 ? [0, 2, 1] : [1, 0];
    return multiply(add(outer, transpose(outer, axes)), -0.5);
  },
  lowering: {
    kind: "instructions",
    emit: (node, at) => [
      { opcode: Opcode.Solve, fields: [...solveExtents(node.shape), ...at.inputs, at.output, at.scratch] },
    ],
    scratchBytes(node) {
      const [, N, K] = solveExtents(node.shape);
      return 8 * N * (N + K);
    },
  },
};

/**
 * X with a X = b, for symmetric positive definite a, by Cholesky's factorisation in double precision. Of a matrix that is not
 * symmetric its symmetric part (a + a^T) / 2 is taken. Where that is not positive definite, all of the result is NaN.
 * @param a [n, n], or a batch [B, n, n]; one matrix for a batch of right-hand sides, or the other way round, serves all members
 * @param b right-hand sides [n, k] or [B, n, k]
 * @throws ShapeError when a is not square, or extents or batches differ
 */
export function solve(a: Tensor, b: Tensor): Tensor {
  requireTensors("solve", a, b);
  const [left, right] = [a, b].map((each, i) => {
    const other = [b, a][i] as Tensor;
    return each.rank === 2 && other.rank === 3 ? broadcast(each, [other.shape[0] as number, ...each.shape]) : each;
  }) as [Tensor, Tensor];
  return apply(solveOperator, [left, right], {});
}

export const solveOperators = [solveOperator];
