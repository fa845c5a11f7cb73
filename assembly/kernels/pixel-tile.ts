/**
 * Micro-kernels of the weight gradient: rows of C [*, 8] += A^T B over the rows of B up to its `end`, one accumulator per element of C.
 *
 * A row of A holds the factors of C's rows one after another, rows `aStep` bytes apart; B is a packed panel (product.ts); rows of C are
 * `cRow` bytes apart.
 */

import { madd } from "../vector";
import { PANEL_STEP } from "./product";

/** One row of C. */
export function pixelTileOne(a: usize, aStep: usize, b: usize, end: usize, c: usize): void {
  let low0 = v128.load(c);
  let high0 = v128.load(c, 16);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    a += aStep;
    b += PANEL_STEP;
  } while (b != end);
  v128.store(c, low0);
  v128.store(c, high0, 16);
}

/** Two rows of C. */
export function pixelTileTwo(a: usize, aStep: usize, b: usize, end: usize, c: usize, cRow: usize): void {
  let low0 = v128.load(c);
  let high0 = v128.load(c, 16);
  let low1 = v128.load(c + cRow);
  let high1 = v128.load(c + cRow, 16);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    const x1 = v128.load_splat<f32>(a, 4);
    low1 = madd(x1, low, low1);
    high1 = madd(x1, high, high1);
    a += aStep;
    b += PANEL_STEP;
  } while (b != end);
  v128.store(c, low0);
  v128.store(c, high0, 16);
  v128.store(c + cRow, low1);
  v128.store(c + cRow, high1, 16);
}

/** Three rows of C. */
export function pixelTileThree(a: usize, aStep: usize, b: usize, end: usize, c: usize, cRow: usize): void {
  let low0 = v128.load(c);
  let high0 = v128.load(c, 16);
  let low1 = v128.load(c + cRow);
  let high1 = v128.load(c + cRow, 16);
  let low2 = v128.load(c + 2 * cRow);
  let high2 = v128.load(c + 2 * cRow, 16);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    const x1 = v128.load_splat<f32>(a, 4);
    low1 = madd(x1, low, low1);
    high1 = madd(x1, high, high1);
    const x2 = v128.load_splat<f32>(a, 8);
    low2 = madd(x2, low, low2);
    high2 = madd(x2, high, high2);
    a += aStep;
    b += PANEL_STEP;
  } while (b != end);
  v128.store(c, low0);
  v128.store(c, high0, 16);
  v128.store(c + cRow, low1);
  v128.store(c + cRow, high1, 16);
  v128.store(c + 2 * cRow, low2);
  v128.store(c + 2 * cRow, high2, 16);
}

/** Four rows of C. */
export function pixelTileFour(a: usize, aStep: usize, b: usize, end: usize, c: usize, cRow: usize): void {
  let low0 = v128.load(c);
  let high0 = v128.load(c, 16);
  let low1 = v128.load(c + cRow);
  let high1 = v128.load(c + cRow, 16);
  let low2 = v128.load(c + 2 * cRow);
  let high2 = v128.load(c + 2 * cRow, 16);
  let low3 = v128.load(c + 3 * cRow);
  let high3 = v128.load(c + 3 * cRow, 16);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    const x1 = v128.load_splat<f32>(a, 4);
    low1 = madd(x1, low, low1);
    high1 = madd(x1, high, high1);
    const x2 = v128.load_splat<f32>(a, 8);
    low2 = madd(x2, low, low2);
    high2 = madd(x2, high, high2);
    const x3 = v128.load_splat<f32>(a, 12);
    low3 = madd(x3, low, low3);
    high3 = madd(x3, high, high3);
    a += aStep;
    b += PANEL_STEP;
  } while (b != end);
  v128.store(c, low0);
  v128.store(c, high0, 16);
  v128.store(c + cRow, low1);
  v128.store(c + cRow, high1, 16);
  v128.store(c + 2 * cRow, low2);
  v128.store(c + 2 * cRow, high2, 16);
  v128.store(c + 3 * cRow, low3);
  v128.store(c + 3 * cRow, high3, 16);
}
