/** Matrix products with a vector on one side, or of depth one, where the tiles of tile.ts would leave most lanes idle. */

import { madd, sumLanes } from "../vector";
import { ADD, DEPTH_BLOCK, tileOne, tileOneQuad, tileOneWide } from "./tile";

/**
 * out[i] = a . b[i] for `rows` rows of b, `bRow` bytes apart. The order of each sum: four partial sums, of k % 4 over the whole
 * quadruples of k, each in blocks of DEPTH_BLOCK k whose sums are added in order; the four added (0 + 2) + (1 + 3); then what is left
 * of k, one after another.
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
  while (a != end) {
    const stop = a + min(end - a, DEPTH_BLOCK * 4);
    let part0 = f32x4.splat(0);
    let part1 = f32x4.splat(0);
    let part2 = f32x4.splat(0);
    let part3 = f32x4.splat(0);
    for (; a != stop; a += 16) {
      const x = v128.load(a);
      part0 = madd(x, v128.load(b), part0);
      const b1 = b + bRow;
      part1 = madd(x, v128.load(b1), part1);
      const b2 = b1 + bRow;
      part2 = madd(x, v128.load(b2), part2);
      const b3 = b2 + bRow;
      part3 = madd(x, v128.load(b3), part3);
      b += 16;
    }
    sum0 = f32x4.add(sum0, part0);
    sum1 = f32x4.add(sum1, part1);
    sum2 = f32x4.add(sum2, part2);
    sum3 = f32x4.add(sum3, part3);
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
  let total = f32x4.splat(0);
  const end = a + (usize(depth & ~3) << 2);
  while (a != end) {
    const stop = a + min(end - a, DEPTH_BLOCK * 4);
    let partial = f32x4.splat(0);
    for (; a != stop; a += 16) {
      partial = madd(v128.load(a), v128.load(b), partial);
      b += 16;
    }
    total = f32x4.add(total, partial);
  }
  let sum = f32x4.splat(sumLanes(total));
  for (let left = depth & 3; left > 0; left--) {
    sum = madd(v128.load_splat<f32>(a), v128.load_splat<f32>(b), sum);
    a += 4;
    b += 4;
  }
  v128.store_lane<f32>(out, sum, 0);
}

/** out [columns] = a [depth] b [depth, columns], at least eight columns, k in order in blocks of DEPTH_BLOCK. */
export function rowTimesMatrix(a: usize, b: usize, out: usize, columns: i32, depth: i32): void {
  const bStep = usize(columns) << 2;
  let left = columns;
  while (left > 0) {
    const width = left >= 32 ? 32 : left >= 16 ? 16 : 8;
    if (left < 8) {
      // The last eight columns: some are computed again, to the same bits.
      const back = usize(8 - left) << 2;
      b -= back;
      out -= back;
    }
    rowTimesColumns(a, b, bStep, out, width, depth);
    b += usize(width) << 2;
    out += usize(width) << 2;
    left -= width;
  }
}

/** 8, 16 or 32 columns of `rowTimesMatrix`. */
function rowTimesColumns(a: usize, b: usize, bStep: usize, out: usize, columns: i32, depth: i32): void {
  for (let k = 0; k < depth; k += DEPTH_BLOCK) {
    const here = min(depth - k, DEPTH_BLOCK);
    if (columns == 32) tileOneQuad(a, b, bStep, out, here, k > 0);
    else if (columns == 16) tileOneWide(a, 4, b, bStep, 32, out, here, k > 0);
    else tileOne(a, 4, b, bStep, out, k > 0 ? 8 | ADD : 8, here);
    a += DEPTH_BLOCK * 4;
    b += usize(DEPTH_BLOCK) * bStep;
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
