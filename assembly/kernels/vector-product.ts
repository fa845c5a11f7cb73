/** Matrix products with a vector on one side, or of depth one, where the tiles of tile.ts would leave most lanes idle. */

import { madd, sumLanes } from "../vector";
import { tileOne, tileOneQuad, tileOneWide } from "./tile";

/**
 * out[i] = a . b[i] for `rows` rows of b, `bRow` bytes apart. The order of each sum: four partial sums, of k % 4 over the whole
 * quadruples of k, added (0 + 2) + (1 + 3); then what is left of k, one after another.
 */
export function dots(a: usize, b: usize, bRow: usize, out: usize, rows: i32, depth: i32): void {
  let left = rows;
  for (; left >= 4; left -= 4) {
    dotFour(a, b, bRow, out, depth);
    b += bRow << 2;
    out += 16;
  }
  for (; left > 0; left--) {
    dotOne(a, b, out, depth);
    b += bRow;
    out += 4;
  }
}

function dotFour(a: usize, b: usize, bRow: usize, out: usize, depth: i32): void {
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  const end = a + (usize(depth & ~3) << 2);
  for (; a != end; a += 16) {
    const x = v128.load(a);
    sum0 = madd(x, v128.load(b), sum0);
    const b1 = b + bRow;
    sum1 = madd(x, v128.load(b1), sum1);
    const b2 = b1 + bRow;
    sum2 = madd(x, v128.load(b2), sum2);
    const b3 = b2 + bRow;
    sum3 = madd(x, v128.load(b3), sum3);
    b += 16;
  }
  // Transposed, lanes are added as `sumLanes` does.
  const low01 = v128.shuffle<f32>(sum0, sum1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(sum2, sum3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(sum0, sum1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(sum2, sum3, 2, 6, 3, 7);
  const even = f32x4.add(v128.shuffle<i64>(low01, low23, 0, 2), v128.shuffle<i64>(high01, high23, 0, 2));
  const odd = f32x4.add(v128.shuffle<i64>(low01, low23, 1, 3), v128.shuffle<i64>(high01, high23, 1, 3));
  let sum = f32x4.add(even, odd);
  for (let left = depth & 3; left > 0; left--) {
    let column = v128.load_lane<f32>(b, f32x4.splat(0), 0);
    column = v128.load_lane<f32>(b + bRow, column, 1);
    column = v128.load_lane<f32>(b + 2 * bRow, column, 2);
    column = v128.load_lane<f32>(b + 3 * bRow, column, 3);
    sum = madd(v128.load_splat<f32>(a), column, sum);
    a += 4;
    b += 4;
  }
  v128.store(out, sum);
}

function dotOne(a: usize, b: usize, out: usize, depth: i32): void {
  let partial = f32x4.splat(0);
  const end = a + (usize(depth & ~3) << 2);
  for (; a != end; a += 16) {
    partial = madd(v128.load(a), v128.load(b), partial);
    b += 16;
  }
  let sum = f32x4.splat(sumLanes(partial));
  for (let left = depth & 3; left > 0; left--) {
    sum = madd(v128.load_splat<f32>(a), v128.load_splat<f32>(b), sum);
    a += 4;
    b += 4;
  }
  v128.store_lane<f32>(out, sum, 0);
}

/** out [columns] = a [depth] b [depth, columns], at least eight columns, k in order. */
export function rowTimesMatrix(a: usize, b: usize, out: usize, columns: i32, depth: i32): void {
  const bStep = usize(columns) << 2;
  let left = columns;
  for (; left >= 32; left -= 32) {
    tileOneQuad(a, b, bStep, out, depth);
    b += 128;
    out += 128;
  }
  for (; left >= 16; left -= 16) {
    tileOneWide(a, 4, b, bStep, 32, out, depth, false);
    b += 64;
    out += 64;
  }
  if (left >= 8) {
    tileOne(a, 4, b, bStep, out, 8, depth, false);
    b += 32;
    out += 32;
    left -= 8;
  }
  if (left > 0) {
    // The last eight columns: some are computed again, to the same bits.
    const back = usize(8 - left) << 2;
    tileOne(a, 4, b - back, bStep, out - back, 8, depth, false);
  }
}

/** out [rows, columns] = a [rows] b [columns]. */
export function outerProduct(a: usize, b: usize, out: usize, rows: i32, columns: i32): void {
  // Sums begin at zero, so that no product is a negative zero.
  const zero = f32x4.splat(0);
  const whole = usize(columns & ~3) << 2;
  const end = usize(columns) << 2;
  for (let row = 0; row < rows; row++) {
    const x = v128.load_splat<f32>(a);
    let at: usize = 0;
    for (; at != whole; at += 16) v128.store(out + at, madd(x, v128.load(b + at), zero));
    for (; at != end; at += 4) v128.store_lane<f32>(out + at, madd(x, v128.load_splat<f32>(b + at), zero), 0);
    a += 4;
    out += end;
  }
}
