/** Arrays of known numbers that compositions are made of. */
import { requireWhole } from "../../arguments.ts";
import type { Tensor } from "../tensor.ts";
import { full } from "./algebra.ts";
import { oneHot } from "./indexing.ts";
import { literal } from "./source.ts";

/** The whole numbers from 0 to n - 1: [n]. */
export function range(n: number): Tensor {
  requireWhole("range: n", n, 1);
  return literal(Float32Array.from({ length: n }, (_, i) => i));
}

/** The identity matrix [n, n]. */
export function identity(n: number): Tensor {
  requireWhole("identity: n", n, 1);
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
