/** Arrays of known numbers that compositions are made of. */
import { requireWhole } from "../../arguments.ts";
import type { Tensor } from "../tensor.ts";
import { full } from "./algebra.ts";
import { oneHot } from "./indexing.ts";
import { literal } from "./source.ts";

/** Whole numbers above it have no f32 of their own. */
const MOST_EXACT = 2 ** 24;
/** Of a matrix of as many numbers. */
const MOST_SIDE = 2 ** 12;

/** The whole numbers from 0 to n - 1: [n]. */
export function range(n: number): Tensor {
  requireWhole("range: n", n, 1, MOST_EXACT);
  return literal(Float32Array.from({ length: n }, (_, i) => i));
}

/** The identity matrix [n, n]. */
export function identity(n: number): Tensor {
  requireWhole("identity: n", n, 1, MOST_SIDE);
  return oneHot(range(n), n);
}

/** [n, n] of ones below the diagonal, and on it unless it is `strict`; zeros elsewhere. */
export function lowerTriangle(n: number, strict = false): Tensor {
  if (strict && n === 1) return full([1, 1], 0);
  const last = strict ? 1 : 0;
  return literal(
    Float32Array.from({ length: n * n }, (_, at) => (at % n <= Math.floor(at / n) - last ? 1 : 0)),
    [n, n],
  );
}
