/**
 * The weight gradient of 3x3 convolutions of stride 1 over the squares of winograd.ts, with 16 multiplications for 36:
 *
 *     dg = G^T [ sum over squares of (B^T d B) . (A dY A^T) ] G
 *
 * For each of the 16 places that sum is a matrix product [squares, C]^T [squares, O]. Each of its elements adds its squares in order
 * (images, then rows, then columns) within a block, then the blocks' sums in groups of Tile.Blocks. Each group gives its part of dw.
 */

import { field } from "../fields";
import { ConvField, Tile } from "../opcodes";
import { fillFloats } from "../vector";
import { multiplyPanel } from "./product";
import { loadSquare } from "./winograd";

/** dw [3,3,C,O] of x and dy; `scratch` holds the 16 sums, then a block of squares of x and of dy. */
export function winogradWeights(fields: usize, x: usize, dy: usize, dw: usize, scratch: usize): void {
  const channels = field(fields, ConvField.C);
  const outputs = field(fields, ConvField.O);
  const outHeight = field(fields, ConvField.HO);
  const outWidth = field(fields, ConvField.WO);
  const squares = scratch + (usize(16 * channels * outputs) << 2);
  const gradients = squares + (usize(16 * Tile.Squares * channels) << 2);
  fillFloats(scratch, 0, 16 * channels * outputs);
  const down = (outHeight + 1) >> 1;
  const across = (outWidth + 1) >> 1;
  const total = field(fields, ConvField.N) * down * across;
  for (let first = 0; first < total; first += Tile.Squares) {
    const count = min(Tile.Squares, total - first);
    const isGroupStart = first % (Tile.Squares * Tile.Blocks) == 0;
    if (isGroupStart && first > 0) {
      reduceGroup(scratch, channels, outputs, dw, first > Tile.Squares * Tile.Blocks);
      fillFloats(scratch, 0, 16 * channels * outputs);
    }
    for (let i = 0; i < count; i++) {
      const column = 2 * ((first + i) % across);
      const line = (first + i) / across;
      const row = 2 * (line % down);
      const image = line / down;
      // Squares of dy come second: until then their room completes a square of x.
      loadSquare(fields, false, x, image, row, column, squares + (usize(i * channels) << 2), gradients);
    }
    for (let i = 0; i < count; i++) {
      const column = 2 * ((first + i) % across);
      const line = (first + i) / across;
      const row = 2 * (line % down);
      const pixel = ((line / down) * outHeight + row) * outWidth + column;
      loadGradient(
        dy + (usize(pixel * outputs) << 2),
        usize(outWidth * outputs) << 2,
        usize(outputs) << 2,
        row + 1 < outHeight,
        column + 1 < outWidth,
        gradients + (usize(i * outputs) << 2),
      );
    }
    for (let place = 0; place < 16; place++) {
      sumPlace(
        squares + (usize(place * Tile.Squares * channels) << 2),
        gradients + (usize(place * Tile.Squares * outputs) << 2),
        scratch + (usize(place * channels * outputs) << 2),
        channels,
        outputs,
        count,
      );
    }
  }
  reduceGroup(scratch, channels, outputs, dw, total > Tile.Squares * Tile.Blocks);
}

/** dw = (dw +) G^T dU G. */
function reduceGroup(sums: usize, channels: i32, outputs: i32, dw: usize, add: bool): void {
  const tap = usize(channels * outputs) << 2;
  for (let kh = 0; kh < 3; kh++) reduceRow(sums, tap, kh, dw + usize(3 * kh) * tap, add);
}

/** c [channels, outputs] += a [count, channels]^T b [count, outputs]. */
function sumPlace(a: usize, b: usize, c: usize, channels: i32, outputs: i32, count: i32): void {
  const row = usize(outputs) << 2;
  const end = b + row;
  for (; b != end; b += 32) {
    multiplyPanel(a, 4, usize(channels) << 2, b, row, c, row, Tile.Columns, channels, count, true);
    c += 32;
  }
}

/** A dY A^T of a 2x2 square of dy; what lies outside the output counts as zero. */
function loadGradient(from: usize, line: usize, pixel: usize, hasRow: bool, hasColumn: bool, target: usize): void {
  const step = usize(Tile.Squares) * pixel;
  const right = hasColumn ? pixel : 0;
  const below = hasRow ? line : 0;
  const rightMask = i32x4.splat(hasColumn ? -1 : 0);
  const belowMask = i32x4.splat(hasRow ? -1 : 0);
  const end = from + pixel;
  for (; from != end; from += 16) {
    const y00 = v128.load(from);
    const y01 = v128.and(v128.load(from + right), rightMask);
    const y10 = v128.and(v128.load(from + below), belowMask);
    const y11 = v128.and(v128.and(v128.load(from + below + right), rightMask), belowMask);
    storeFour(target, step, y00, y01);
    storeFour(target + 4 * step, step, f32x4.add(y00, y10), f32x4.add(y01, y11));
    storeFour(target + 8 * step, step, f32x4.sub(y00, y10), f32x4.sub(y01, y11));
    storeFour(target + 12 * step, step, f32x4.neg(y10), f32x4.neg(y11));
    target += 16;
  }
}

function storeFour(target: usize, step: usize, left: v128, right: v128): void {
  v128.store(target, left);
  v128.store(target + step, f32x4.add(left, right));
  v128.store(target + 2 * step, f32x4.sub(left, right));
  v128.store(target + 3 * step, f32x4.neg(right));
}

/** Row kh of G^T dU G, stored in or added to three taps of dw, from the 16 sums. */
function reduceRow(sums: usize, tap: usize, kh: i32, target: usize, add: bool): void {
  const half = f32x4.splat(0.5);
  const end = sums + tap;
  for (; sums != end; sums += 16) {
    const u0 = columnOf(sums, tap, kh);
    const u1 = columnOf(sums + tap, tap, kh);
    const u2 = columnOf(sums + 2 * tap, tap, kh);
    const u3 = columnOf(sums + 3 * tap, tap, kh);
    const middle = f32x4.mul(half, f32x4.add(u1, u2));
    let left = f32x4.add(u0, middle);
    let center = f32x4.mul(half, f32x4.sub(u1, u2));
    let right = f32x4.add(middle, u3);
    if (add) {
      left = f32x4.add(v128.load(target), left);
      center = f32x4.add(v128.load(target + tap), center);
      right = f32x4.add(v128.load(target + 2 * tap), right);
    }
    v128.store(target, left);
    v128.store(target + tap, center);
    v128.store(target + 2 * tap, right);
    target += 16;
  }
}

/** Row kh of G^T times a column of dU, whose four sums are 4 * tap bytes apart. */
function columnOf(from: usize, tap: usize, kh: i32): v128 {
  const half = f32x4.splat(0.5);
  const u1 = v128.load(from + 4 * tap);
  const u2 = v128.load(from + 8 * tap);
  if (kh == 1) return f32x4.mul(half, f32x4.sub(u1, u2));
  const middle = f32x4.mul(half, f32x4.add(u1, u2));
  return kh == 0 ? f32x4.add(v128.load(from), middle) : f32x4.add(middle, v128.load(from + 12 * tap));
}
