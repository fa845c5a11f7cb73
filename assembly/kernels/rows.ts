/** The softmax family, row by row over x [R, C]; fields: `RowField`. The row's maximum is taken off first, so nothing overflows. */

import { address, field } from "../fields";
import { exp, expFour, log } from "../math";
import { RowField, SumOrder } from "../opcodes";
import { loadPartial, maxLanes, storePartial, sumLanes } from "../vector";
import { maxRun } from "./reduce";

/** out [R, C]: each row exp(x - max) over its sum. */
export function softmax(fields: usize, base: usize): void {
  const columns = field(fields, RowField.C);
  let x = address(fields, RowField.x, base);
  let out = address(fields, RowField.out, base);
  for (let row = field(fields, RowField.R); row > 0; row--) {
    const total = exponentials(x, out, columns, largestOf(x, columns), true);
    divideBy(out, columns, total);
    x += usize(columns) << 2;
    out += usize(columns) << 2;
  }
}

/** out [R, C]: each row x - max - log(sum of exp(x - max)). */
export function logSoftmax(fields: usize, base: usize): void {
  const columns = field(fields, RowField.C);
  let x = address(fields, RowField.x, base);
  let out = address(fields, RowField.out, base);
  for (let row = field(fields, RowField.R); row > 0; row--) {
    const largest = largestOf(x, columns);
    // Four vectors side by side need a place, which the row of the result is until it is filled.
    const total = exponentials(x, out, columns, largest, true);
    subtractFrom(x, out, columns, largest, logOf(total));
    x += usize(columns) << 2;
    out += usize(columns) << 2;
  }
}

/** out [R]: max + log(sum of exp(x - max)); the maximum itself where it is infinite. */
export function logSumExp(fields: usize, base: usize): void {
  const columns = field(fields, RowField.C);
  let x = address(fields, RowField.x, base);
  let out = address(fields, RowField.out, base);
  for (let row = field(fields, RowField.R); row > 0; row--) {
    const largest = maxRun(x, columns);
    const isInfinite = abs(largest) == Infinity;
    const value = isInfinite ? largest : largest + logOf(exponentials(x, out, columns, largest, false));
    store<f32>(out, value);
    x += usize(columns) << 2;
    out += 4;
  }
}

function logOf(x: f32): f32 {
  return f32x4.extract_lane(log(f32x4.splat(x)), 0);
}

/**
 * Largest of a row to shift it by: a comparison takes machines one instruction, where `maxRun` takes eight. It may pass over NaN, which
 * the row's exponentials bring back, and take either zero for the other, whose exponentials are the same.
 */
function largestOf(x: usize, columns: i32): f32 {
  if (columns < 4) return maxRun(x, columns);
  const last = x + (usize(columns - 4) << 2);
  let largest = v128.load(last);
  for (; x < last; x += 16) largest = f32x4.pmax(largest, v128.load(x));
  return maxLanes(largest);
}

/**
 * Sum of exp(x - largest) over a row: four interleaved sums over chunks of SumOrder.Chunk vectors, the chunks in order, then lanes.
 * Keeps the exponentials in `out` when told to.
 */
function exponentials(x: usize, out: usize, columns: i32, largest: f32, keep: bool): f32 {
  const shift = f32x4.splat(largest);
  let total = f32x4.splat(0);
  let left = columns;
  while (left >= 4) {
    let sum = f32x4.splat(0);
    const last = max(left - 4 * SumOrder.Chunk, 3);
    for (; keep && left - last > 12; left -= 16) {
      sum = expFour(out, x, shift, sum);
      x += 64;
      out += 64;
    }
    for (; left > last; left -= 4) {
      const value = exp(f32x4.sub(v128.load(x), shift));
      sum = f32x4.add(sum, value);
      if (keep) v128.store(out, value);
      x += 16;
      out += 16;
    }
    total = f32x4.add(total, sum);
  }
  if (left > 0) {
    const value = exp(f32x4.sub(loadPartial(x, left, f32x4.splat(-Infinity)), shift));
    total = f32x4.add(total, value);
    if (keep) storePartial(out, value, left);
  }
  return sumLanes(total);
}

function divideBy(out: usize, columns: i32, divisor: f32): void {
  let left = columns;
  for (; left >= 4; left -= 4) {
    v128.store(out, f32x4.div(v128.load(out), f32x4.splat(divisor)));
    out += 16;
  }
  for (; left > 0; left--) {
    store<f32>(out, load<f32>(out) / divisor);
    out += 4;
  }
}

function subtractFrom(x: usize, out: usize, columns: i32, largest: f32, logTotal: f32): void {
  let left = columns;
  for (; left >= 4; left -= 4) {
    const shifted = f32x4.sub(v128.load(x), f32x4.splat(largest));
    v128.store(out, f32x4.sub(shifted, f32x4.splat(logTotal)));
    x += 16;
    out += 16;
  }
  for (; left > 0; left--) {
    store<f32>(out, load<f32>(x) - largest - logTotal);
    x += 4;
    out += 4;
  }
}
