import { Opcode, Tile } from "../../../assembly/opcodes.ts";
import { requireBoolean, requireOptions } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import type { Operator } from "../operator.ts";
import { type Shape, showShape } from "../shape.ts";
import { apply, requireTensors, type Tensor } from "../tensor.ts";
import { broadcast, multiply, reshape, sum } from "./algebra.ts";

export type MatMulAttributes = { transposeA: boolean; transposeB: boolean };

/** Extents of C [batch, M, N] = op(A) op(B), summed over K. */
export function matmulExtents(a: Shape, b: Shape, { transposeA, transposeB }: MatMulAttributes) {
  const [rowsA, columnsA] = a.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.slice(-2) as [number, number];
  return {
    batch: a.length === 3 ? (a[0] as number) : 1,
    M: transposeA ? columnsA : rowsA,
    K: transposeA ? rowsA : columnsA,
    KB: transposeB ? columnsB : rowsB,
    N: transposeB ? rowsB : columnsB,
  };
}

const matmulOperator: Operator<MatMulAttributes> = {
  name: "matmul",
  arity: 2,
  shape([a, b], attributes) {
    const [left, right] = [a as Shape, b as Shape];
    const shown = `a ${showShape(left)}, b ${showShape(right)}`;
    if (left.length !== right.length || left.length < 2 || left.length > 3) {
      throw new ShapeError(`operands must both be matrices or both batches of matrices, got ${shown}`);
    }
    if (left.length === 3 && left[0] !== right[0]) throw new ShapeError(`batches must be equal, got ${shown}`);
    const { batch, M, N, K, KB } = matmulExtents(left, right, attributes);
    if (K !== KB) throw new ShapeError(`inner extents must be equal, got ${K} and ${KB} (${shown})`);
    return left.length === 3 ? [batch, M, N] : [M, N];
  },
  vjp(index, g, node, { transposeA, transposeB }) {
    const [a, b] = node.inputs as [Tensor, Tensor];
    if (index === 0) return transposeA ? product(b, g, transposeB, true) : product(g, b, false, !transposeB);
    return transposeB ? product(g, a, true, transposeA) : product(a, g, !transposeA, false);
  },
  lowering: {
    kind: "instructions",
    emit(node, at) {
      const [a, b] = node.inputs as [Tensor, Tensor];
      const attributes = node.attributes as MatMulAttributes;
      const { batch, M, N, K } = matmulExtents(a.shape, b.shape, attributes);
      const transposes = [Number(attributes.transposeA), Number(attributes.transposeB)];
      const addresses = [...at.inputs, at.output];
      return [
        { opcode: Opcode.MatMul, fields: [batch, M, N, K, ...transposes, ...addresses, M * K, K * N, at.scratch] },
      ];
    },
    scratchBytes(node) {
      const [a, b] = node.inputs as [Tensor, Tensor];
      const { N, K } = matmulExtents(a.shape, b.shape, node.attributes as MatMulAttributes);
      return Math.ceil(N / Tile.Columns) * Tile.Columns * K * 4;
    },
  },
  simplify: ([a, b], attributes) => narrowProduct(a as Tensor, b as Tensor, attributes),
};

/** A vector times a matrix of so many elements, or fewer, is multiplied element by element and summed. */
const NARROW = 4096;

/**
 * A product with an extent of one, as elementwise steps and a sum: those fuse with what comes before and after, while an
 * instruction of its own takes longer to start than to run.
 */
function narrowProduct(a: Tensor, b: Tensor, { transposeA, transposeB }: MatMulAttributes): Tensor | undefined {
  if (a.rank !== 2) return undefined;
  const { M, N, K } = matmulExtents(a.shape, b.shape, { transposeA, transposeB });
  if (K === 1) return M * N <= NARROW ? multiply(reshape(a, [M, 1]), reshape(b, [1, N])) : undefined;
  if (N === 1 && M * K <= NARROW) return reshape(weightedSum(a, b, transposeA), [M, 1]);
  if (M === 1 && K * N <= NARROW) return reshape(weightedSum(b, a, !transposeB), [1, N]);
  return undefined;
}

/** The matrix [R, C] times the K weights: over its rows (K = R) or its columns (K = C). */
function weightedSum(matrix: Tensor, weights: Tensor, overRows: boolean): Tensor {
  const [rows, columns] = matrix.shape as [number, number];
  return sum(multiply(matrix, reshape(weights, overRows ? [rows, 1] : [1, columns])), overRows ? 0 : 1);
}

function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  return apply(matmulOperator, [a, b], { transposeA, transposeB });
}

/**
 * Matrix product op(a) op(b) of [M,K] and [K,N], or of batches [B,M,K] and [B,K,N]; a matrix times a batch is used for
 * every member of the batch.
 * @param options transposeA: a is [K,M]; transposeB: b is [N,K]
 * @throws ShapeError when inner extents or batches differ
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  options: { readonly transposeA?: boolean; readonly transposeB?: boolean } = {},
): Tensor {
  requireTensors("matmul", a, b);
  requireOptions("matmul", options, ["transposeA", "transposeB"]);
  const { transposeA = false, transposeB = false } = options;
  requireBoolean("matmul: transposeA", transposeA);
  requireBoolean("matmul: transposeB", transposeB);
  if (a.rank === 2 && b.rank === 3)
    return product(broadcast(a, [b.shape[0] as number, ...a.shape]), b, transposeA, transposeB);
  if (a.rank === 3 && b.rank === 2)
    return product(a, broadcast(b, [a.shape[0] as number, ...b.shape]), transposeA, transposeB);
  return product(a, b, transposeA, transposeB);
}

export const matmulOperators = [matmulOperator];
