/**
 * Micro-kernels of the weight gradient: rows of C [*, 8] += A^T B over the rows of B up to its `end`. One accumulator per element of C
 * starts at zero, walks the rows in order and is added to C at the end.
 *
 * A row of A holds the factors of C's rows one after another, rows `aStep` bytes apart; B is a packed panel (product.ts); rows of C are
 * `cRow` bytes apart.
 */

import { madd } from "../vector";
import { PANEL_STEP } from "./product";

/** One row of C. */
export function pixelTileOne(a: usize, aStep: usize, b: usize, end: usize, c: usize): void {
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    a += aStep;
    b += PANEL_STEP;
  } while (b != end);
  v128.store(c, f32x4.add(v128.load(c), low0));
  v128.store(c, f32x4.add(v128.load(c, 16), high0), 16);
}

/** Two rows of C. */
export function pixelTileTwo(a: usize, aStep: usize, b: usize, end: usize, c: usize, cRow: usize): void {
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
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
  v128.store(c, f32x4.add(v128.load(c), low0));
  v128.store(c, f32x4.add(v128.load(c, 16), high0), 16);
  v128.store(c + cRow, f32x4.add(v128.load(c + cRow), low1));
  v128.store(c + cRow, f32x4.add(v128.load(c + cRow, 16), high1), 16);
}

/** Three rows of C. */
export function pixelTileThree(a: usize, aStep: usize, b: usize, end: usize, c: usize, cRow: usize): void {
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
  let low2 = f32x4.splat(0);
  let high2 = f32x4.splat(0);
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
  v128.store(c, f32x4.add(v128.load(c), low0));
  v128.store(c, f32x4.add(v128.load(c, 16), high0), 16);
  v128.store(c + cRow, f32x4.add(v128.load(c + cRow), low1));
  v128.store(c + cRow, f32x4.add(v128.load(c + cRow, 16), high1), 16);
  v128.store(c + 2 * cRow, f32x4.add(v128.load(c + 2 * cRow), low2));
  v128.store(c + 2 * cRow, f32x4.add(v128.load(c + 2 * cRow, 16), high2), 16);
}

/** Four rows of C. */
export function pixelTileFour(a: usize, aStep: usize, b: usize, end: usize, c: usize, cRow: usize): void {
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
  let low2 = f32x4.splat(0);
  let high2 = f32x4.splat(0);
  let low3 = f32x4.splat(0);
  let high3 = f32x4.splat(0);
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
  v128.store(c, f32x4.add(v128.load(c), low0));
  v128.store(c, f32x4.add(v128.load(c, 16), high0), 16);
  v128.store(c + cRow, f32x4.add(v128.load(c + cRow), low1));
  v128.store(c + cRow, f32x4.add(v128.load(c + cRow, 16), high1), 16);
  v128.store(c + 2 * cRow, f32x4.add(v128.load(c + 2 * cRow), low2));
  v128.store(c + 2 * cRow, f32x4.add(v128.load(c + 2 * cRow, 16), high2), 16);
  v128.store(c + 3 * cRow, f32x4.add(v128.load(c + 3 * cRow), low3));
  v128.store(c + 3 * cRow, f32x4.add(v128.load(c + 3 * cRow, 16), high3), 16);
}
