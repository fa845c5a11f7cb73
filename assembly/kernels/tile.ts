/**
 * Micro-kernels of the matrix product: C [rows, 8] = (C +) A [rows, depth] B [depth, 8]. Each element of C has one accumulator that
 * starts at zero and walks the depth in order; with ADD it is added to C at the end. Every tile shape gives the same bits.
 *
 * All strides are in bytes. A is read at `a + row * aRow + k * aStep`, which serves A and its transpose alike; B holds eight
 * consecutive floats at `b + k * bStep`. `columns` says what a row of C keeps of its eight sums:
 *
 *     8        both vectors
 *     4 to 7   both, the second overlapping the first: it holds the last four of the columns
 *     1 to 3   the first lanes of the first vector
 *
 * Each tile is its own function, and its loop ends where B does: a counter would be one register too many, and live on the stack.
 */

import { madd, storePartial } from "../vector";

/**
 * Terms of a product's sum that are added before their sum goes to C: each block of this many k starts at zero, and the blocks'
 * sums are added in order. Rounding errors then grow with K / DEPTH_BLOCK + DEPTH_BLOCK instead of K, whose minimum for
 * K = 50,000 is near here.
 */
export const DEPTH_BLOCK = 256;

/** Beside `columns`: a row of C is added to, which needs at least four columns. One number for both saves the tiles a register. */
export const ADD = 16;

/** Adds what `columns` says, without ADD, to a row of C. */
function addRow(c: usize, low: v128, high: v128, columns: i32): void {
  const second = c + (usize(columns - ADD - 4) << 2);
  // Both are read before either is written: they may overlap.
  const first = f32x4.add(v128.load(c), low);
  const last = f32x4.add(v128.load(second), high);
  v128.store(c, first);
  v128.store(second, last);
}

/** Stores what `columns` says of a row of C. */
export function storeRow(c: usize, low: v128, high: v128, columns: i32): void {
  if (columns >= 4) {
    v128.store(c, low);
    v128.store(c + (usize(columns - 4) << 2), high);
  } else {
    storePartial(c, low, columns);
  }
}

/** One row of C. */
export function tileOne(a: usize, aStep: usize, b: usize, bStep: usize, c: usize, columns: i32, depth: i32): void {
  const end = b + usize(depth) * bStep;
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    b += bStep;
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    a += aStep;
  } while (b != end);
  if (columns >= ADD) {
    addRow(c, low0, high0, columns);
  } else {
    storeRow(c, low0, high0, columns);
  }
}

/** Two rows of C. */
export function tileTwo(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  columns: i32,
  depth: i32,
): void {
  const end = b + usize(depth) * bStep;
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    b += bStep;
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    const a1 = a + aRow;
    const x1 = v128.load_splat<f32>(a1);
    low1 = madd(x1, low, low1);
    high1 = madd(x1, high, high1);
    a += aStep;
  } while (b != end);
  if (columns >= ADD) {
    addRow(c, low0, high0, columns);
    addRow(c + cRow, low1, high1, columns);
  } else {
    storeRow(c, low0, high0, columns);
    storeRow(c + cRow, low1, high1, columns);
  }
}

/** Three rows of C. */
export function tileThree(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  columns: i32,
  depth: i32,
): void {
  const end = b + usize(depth) * bStep;
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
  let low2 = f32x4.splat(0);
  let high2 = f32x4.splat(0);
  do {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    b += bStep;
    const x0 = v128.load_splat<f32>(a);
    low0 = madd(x0, low, low0);
    high0 = madd(x0, high, high0);
    const a1 = a + aRow;
    const x1 = v128.load_splat<f32>(a1);
    low1 = madd(x1, low, low1);
    high1 = madd(x1, high, high1);
    const a2 = a1 + aRow;
    const x2 = v128.load_splat<f32>(a2);
    low2 = madd(x2, low, low2);
    high2 = madd(x2, high, high2);
    a += aStep;
  } while (b != end);
  if (columns >= ADD) {
    addRow(c, low0, high0, columns);
    addRow(c + cRow, low1, high1, columns);
    addRow(c + 2 * cRow, low2, high2, columns);
  } else {
    storeRow(c, low0, high0, columns);
    storeRow(c + cRow, low1, high1, columns);
    storeRow(c + 2 * cRow, low2, high2, columns);
  }
}

/** Four rows of C, `groups` times: eight accumulators hide the latency of an addition. */
export function tileFour(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  columns: i32,
  depth: i32,
  groups: i32,
): void {
  const end = b + usize(depth) * bStep;
  do {
    let low0 = f32x4.splat(0);
    let high0 = f32x4.splat(0);
    let low1 = f32x4.splat(0);
    let high1 = f32x4.splat(0);
    let low2 = f32x4.splat(0);
    let high2 = f32x4.splat(0);
    let low3 = f32x4.splat(0);
    let high3 = f32x4.splat(0);
    let from = a;
    let at = b;
    do {
      const low = v128.load(at);
      const high = v128.load(at, 16);
      at += bStep;
      const x0 = v128.load_splat<f32>(from);
      low0 = madd(x0, low, low0);
      high0 = madd(x0, high, high0);
      const a1 = from + aRow;
      const x1 = v128.load_splat<f32>(a1);
      low1 = madd(x1, low, low1);
      high1 = madd(x1, high, high1);
      const a2 = a1 + aRow;
      const x2 = v128.load_splat<f32>(a2);
      low2 = madd(x2, low, low2);
      high2 = madd(x2, high, high2);
      const a3 = a2 + aRow;
      const x3 = v128.load_splat<f32>(a3);
      low3 = madd(x3, low, low3);
      high3 = madd(x3, high, high3);
      from += aStep;
    } while (at != end);
    if (columns == 8) {
      // The common case, which short depths would feel: no row asks again.
      v128.store(c, low0);
      v128.store(c, high0, 16);
      const c1 = c + cRow;
      v128.store(c1, low1);
      v128.store(c1, high1, 16);
      const c2 = c1 + cRow;
      v128.store(c2, low2);
      v128.store(c2, high2, 16);
      const c3 = c2 + cRow;
      v128.store(c3, low3);
      v128.store(c3, high3, 16);
    } else if (columns >= ADD) {
      addRow(c, low0, high0, columns);
      addRow(c + cRow, low1, high1, columns);
      addRow(c + 2 * cRow, low2, high2, columns);
      addRow(c + 3 * cRow, low3, high3, columns);
    } else {
      storeRow(c, low0, high0, columns);
      storeRow(c + cRow, low1, high1, columns);
      storeRow(c + 2 * cRow, low2, high2, columns);
      storeRow(c + 3 * cRow, low3, high3, columns);
    }
    a += aRow << 2;
    c += cRow << 2;
  } while (--groups > 0);
}

/** Up to four rows of one to three columns over more than one block of depth, to which `tileOne` and its kin cannot add. */
export function tileNarrow(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  columns: i32,
  rows: i32,
  depth: i32,
): void {
  const end = b + usize(depth) * bStep;
  // Rows that are not there are the first one again.
  const step1: usize = rows > 1 ? aRow : 0;
  const step2: usize = rows > 2 ? 2 * aRow : 0;
  const step3: usize = rows > 3 ? 3 * aRow : 0;
  let total0 = f32x4.splat(0);
  let total1 = f32x4.splat(0);
  let total2 = f32x4.splat(0);
  let total3 = f32x4.splat(0);
  do {
    const stop = b + min(end - b, usize(DEPTH_BLOCK) * bStep);
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    do {
      const row = v128.load(b);
      sum0 = madd(v128.load_splat<f32>(a), row, sum0);
      sum1 = madd(v128.load_splat<f32>(a + step1), row, sum1);
      sum2 = madd(v128.load_splat<f32>(a + step2), row, sum2);
      sum3 = madd(v128.load_splat<f32>(a + step3), row, sum3);
      a += aStep;
      b += bStep;
    } while (b != stop);
    total0 = f32x4.add(total0, sum0);
    total1 = f32x4.add(total1, sum1);
    total2 = f32x4.add(total2, sum2);
    total3 = f32x4.add(total3, sum3);
  } while (b != end);
  storePartial(c, total0, columns);
  if (rows > 1) storePartial(c + cRow, total1, columns);
  if (rows > 2) storePartial(c + 2 * cRow, total2, columns);
  if (rows > 3) storePartial(c + 3 * cRow, total3, columns);
}

/** One row of C, two panels wide; more would not fit in registers with the vectors of B. Panels of B lie `panelBytes` apart, those of C side by side. */
export function tileOneWide(
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  panelBytes: usize,
  c: usize,
  depth: i32,
  add: bool,
): void {
  const end = b + usize(depth) * bStep;
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  do {
    const x = v128.load_splat<f32>(a);
    sum0 = madd(x, v128.load(b), sum0);
    sum1 = madd(x, v128.load(b, 16), sum1);
    const b1 = b + panelBytes;
    sum2 = madd(x, v128.load(b1), sum2);
    sum3 = madd(x, v128.load(b1, 16), sum3);
    a += aStep;
    b += bStep;
  } while (b != end);
  if (add) {
    v128.store(c, f32x4.add(v128.load(c), sum0));
    v128.store(c, f32x4.add(v128.load(c, 16), sum1), 16);
    v128.store(c, f32x4.add(v128.load(c, 32), sum2), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), sum3), 48);
  } else {
    v128.store(c, sum0);
    v128.store(c, sum1, 16);
    v128.store(c, sum2, 32);
    v128.store(c, sum3, 48);
  }
}

/** One row of C, four neighbouring panels wide, A's row in one piece. */
export function tileOneQuad(a: usize, b: usize, bStep: usize, c: usize, depth: i32, add: bool): void {
  const end = b + usize(depth) * bStep;
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  let sum4 = f32x4.splat(0);
  let sum5 = f32x4.splat(0);
  let sum6 = f32x4.splat(0);
  let sum7 = f32x4.splat(0);
  do {
    const x = v128.load_splat<f32>(a);
    sum0 = madd(x, v128.load(b), sum0);
    sum1 = madd(x, v128.load(b, 16), sum1);
    sum2 = madd(x, v128.load(b, 32), sum2);
    sum3 = madd(x, v128.load(b, 48), sum3);
    sum4 = madd(x, v128.load(b, 64), sum4);
    sum5 = madd(x, v128.load(b, 80), sum5);
    sum6 = madd(x, v128.load(b, 96), sum6);
    sum7 = madd(x, v128.load(b, 112), sum7);
    a += 4;
    b += bStep;
  } while (b != end);
  if (add) {
    v128.store(c, f32x4.add(v128.load(c), sum0));
    v128.store(c, f32x4.add(v128.load(c, 16), sum1), 16);
    v128.store(c, f32x4.add(v128.load(c, 32), sum2), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), sum3), 48);
    v128.store(c, f32x4.add(v128.load(c, 64), sum4), 64);
    v128.store(c, f32x4.add(v128.load(c, 80), sum5), 80);
    v128.store(c, f32x4.add(v128.load(c, 96), sum6), 96);
    v128.store(c, f32x4.add(v128.load(c, 112), sum7), 112);
  } else {
    v128.store(c, sum0);
    v128.store(c, sum1, 16);
    v128.store(c, sum2, 32);
    v128.store(c, sum3, 48);
    v128.store(c, sum4, 64);
    v128.store(c, sum5, 80);
    v128.store(c, sum6, 96);
    v128.store(c, sum7, 112);
  }
}

/** Two rows of C, two panels wide. Panels of B lie `panelBytes` apart, those of C side by side. */
export function tileTwoWide(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  panelBytes: usize,
  c: usize,
  cRow: usize,
  depth: i32,
  add: bool,
): void {
  const end = b + usize(depth) * bStep;
  const c1 = c + cRow;
  let sum00 = f32x4.splat(0);
  let sum01 = f32x4.splat(0);
  let sum02 = f32x4.splat(0);
  let sum03 = f32x4.splat(0);
  let sum10 = f32x4.splat(0);
  let sum11 = f32x4.splat(0);
  let sum12 = f32x4.splat(0);
  let sum13 = f32x4.splat(0);
  do {
    const x0 = v128.load_splat<f32>(a);
    const x1 = v128.load_splat<f32>(a + aRow);
    const low0 = v128.load(b);
    const high0 = v128.load(b, 16);
    sum00 = madd(x0, low0, sum00);
    sum01 = madd(x0, high0, sum01);
    sum10 = madd(x1, low0, sum10);
    sum11 = madd(x1, high0, sum11);
    const b1 = b + panelBytes;
    const low1 = v128.load(b1);
    const high1 = v128.load(b1, 16);
    sum02 = madd(x0, low1, sum02);
    sum03 = madd(x0, high1, sum03);
    sum12 = madd(x1, low1, sum12);
    sum13 = madd(x1, high1, sum13);
    a += aStep;
    b += bStep;
  } while (b != end);
  if (add) {
    v128.store(c, f32x4.add(v128.load(c), sum00));
    v128.store(c, f32x4.add(v128.load(c, 16), sum01), 16);
    v128.store(c, f32x4.add(v128.load(c, 32), sum02), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), sum03), 48);
    v128.store(c1, f32x4.add(v128.load(c1), sum10));
    v128.store(c1, f32x4.add(v128.load(c1, 16), sum11), 16);
    v128.store(c1, f32x4.add(v128.load(c1, 32), sum12), 32);
    v128.store(c1, f32x4.add(v128.load(c1, 48), sum13), 48);
  } else {
    v128.store(c, sum00);
    v128.store(c, sum01, 16);
    v128.store(c, sum02, 32);
    v128.store(c, sum03, 48);
    v128.store(c1, sum10);
    v128.store(c1, sum11, 16);
    v128.store(c1, sum12, 32);
    v128.store(c1, sum13, 48);
  }
}
