/**
 * Reductions of x [A, B, C] over B; fields: `ReduceField`.
 *
 * A sum has one written order and three levels. C > 1: rows are added in order in chunks of SumOrder.Chunk, the chunks' sums in order
 * in groups of SumOrder.Group rows, the groups' sums in order. C = 1: sixteen interleaved sums over each chunk, sixteen times as long,
 * then vectors pairwise, then lanes (`sumLanes`), then the chunk's last up to 15 floats one by one; then the chunks of a group of
 * sixteen times as many floats in order, then the groups.
 */

import { address, field } from "../fields";
import { ReduceField, SumOrder } from "../opcodes";
import { maxLanes, sumLanes } from "../vector";

/** Floats of a run in one chunk, and in one group. */
export const RUN_CHUNK = SumOrder.Lanes * SumOrder.Chunk;
export const RUN_GROUP = SumOrder.Lanes * SumOrder.Group;

/** out [A, C] = sum of x over B. */
export function sum(fields: usize, base: usize): void {
  reduce(fields, base, false);
}

/** out [A, C] = largest of x over B, NaN if any is NaN. */
export function maximum(fields: usize, base: usize): void {
  reduce(fields, base, true);
}

function reduce(fields: usize, base: usize, isMax: bool): void {
  let x = address(fields, ReduceField.x, base);
  let out = address(fields, ReduceField.out, base);
  const rows = field(fields, ReduceField.B);
  const columns = field(fields, ReduceField.C);
  const matrixBytes = (usize(rows) * usize(columns)) << 2;
  for (let outer = field(fields, ReduceField.A); outer > 0; outer--) {
    if (columns == 1) store<f32>(out, isMax ? maxRun(x, rows) : sumRun(x, rows));
    else if (isMax) maxColumns(x, out, rows, columns);
    else sumColumns(x, out, rows, columns);
    x += matrixBytes;
    out += usize(columns) << 2;
  }
}

/** Sum of `count` consecutive floats. */
export function sumRun(x: usize, count: i32): f32 {
  let total = sumGroup(x, min(count, RUN_GROUP));
  for (let left = count - RUN_GROUP; left > 0; left -= RUN_GROUP) {
    x += RUN_GROUP << 2;
    total += sumGroup(x, min(left, RUN_GROUP));
  }
  return total;
}

function sumGroup(x: usize, count: i32): f32 {
  let total = sumChunk(x, min(count, RUN_CHUNK));
  for (let left = count - RUN_CHUNK; left > 0; left -= RUN_CHUNK) {
    x += RUN_CHUNK << 2;
    total += sumChunk(x, min(left, RUN_CHUNK));
  }
  return total;
}

function sumChunk(x: usize, count: i32): f32 {
  let left = count;
  let total: f32 = 0;
  if (left >= 16) {
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    for (; left >= 16; left -= 16) {
      sum0 = f32x4.add(sum0, v128.load(x));
      sum1 = f32x4.add(sum1, v128.load(x, 16));
      sum2 = f32x4.add(sum2, v128.load(x, 32));
      sum3 = f32x4.add(sum3, v128.load(x, 48));
      x += 64;
    }
    total = sumLanes(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)));
  }
  for (; left > 0; left--) {
    total += load<f32>(x);
    x += 4;
  }
  return total;
}

/** Column sums of x [rows, columns]. */
function sumColumns(x: usize, out: usize, rows: i32, columns: i32): void {
  const rowBytes = usize(columns) << 2;
  let column = 0;
  for (; column + 16 <= columns; column += 16)
    sumSixteen(x + (usize(column) << 2), out + (usize(column) << 2), rows, rowBytes);
  for (; column + 4 <= columns; column += 4)
    sumFour(x + (usize(column) << 2), out + (usize(column) << 2), rows, rowBytes);
  for (; column < columns; column++) sumOne(x + (usize(column) << 2), out + (usize(column) << 2), rows, rowBytes);
}

function sumSixteen(x: usize, out: usize, rows: i32, rowBytes: usize): void {
  for (let first = 0; first < rows; first += SumOrder.Group) {
    const end = min(rows, first + SumOrder.Group);
    let total0 = f32x4.splat(0);
    let total1 = total0;
    let total2 = total0;
    let total3 = total0;
    for (let row = first; row < end; row += SumOrder.Chunk) {
      let sum0 = f32x4.splat(0);
      let sum1 = sum0;
      let sum2 = sum0;
      let sum3 = sum0;
      for (let left = min(SumOrder.Chunk, end - row); left > 0; left--) {
        sum0 = f32x4.add(sum0, v128.load(x));
        sum1 = f32x4.add(sum1, v128.load(x, 16));
        sum2 = f32x4.add(sum2, v128.load(x, 32));
        sum3 = f32x4.add(sum3, v128.load(x, 48));
        x += rowBytes;
      }
      total0 = f32x4.add(total0, sum0);
      total1 = f32x4.add(total1, sum1);
      total2 = f32x4.add(total2, sum2);
      total3 = f32x4.add(total3, sum3);
    }
    if (first > 0) {
      total0 = f32x4.add(v128.load(out), total0);
      total1 = f32x4.add(v128.load(out, 16), total1);
      total2 = f32x4.add(v128.load(out, 32), total2);
      total3 = f32x4.add(v128.load(out, 48), total3);
    }
    v128.store(out, total0);
    v128.store(out, total1, 16);
    v128.store(out, total2, 32);
    v128.store(out, total3, 48);
  }
}

function sumFour(x: usize, out: usize, rows: i32, rowBytes: usize): void {
  let total = f32x4.splat(0);
  for (let first = 0; first < rows; first += SumOrder.Group) {
    const end = min(rows, first + SumOrder.Group);
    let group = f32x4.splat(0);
    for (let row = first; row < end; row += SumOrder.Chunk) {
      let partial = f32x4.splat(0);
      for (let left = min(SumOrder.Chunk, end - row); left > 0; left--) {
        partial = f32x4.add(partial, v128.load(x));
        x += rowBytes;
      }
      group = f32x4.add(group, partial);
    }
    total = f32x4.add(total, group);
  }
  v128.store(out, total);
}

function sumOne(x: usize, out: usize, rows: i32, rowBytes: usize): void {
  let total: f32 = 0;
  for (let first = 0; first < rows; first += SumOrder.Group) {
    const end = min(rows, first + SumOrder.Group);
    let group: f32 = 0;
    for (let row = first; row < end; row += SumOrder.Chunk) {
      let partial: f32 = 0;
      for (let left = min(SumOrder.Chunk, end - row); left > 0; left--) {
        partial += load<f32>(x);
        x += rowBytes;
      }
      group += partial;
    }
    total += group;
  }
  store<f32>(out, total);
}

/**
 * Largest of `count` consecutive floats, NaN if any is NaN. Four runs side by side: machines take some eight instructions for a
 * maximum, each of which waits for the one before.
 */
export function maxRun(x: usize, count: i32): f32 {
  let left = count;
  let largest: f32 = -Infinity;
  if (left >= 4) {
    let max0 = v128.load(x);
    if (left >= 16) {
      let max1 = v128.load(x, 16);
      let max2 = v128.load(x, 32);
      let max3 = v128.load(x, 48);
      for (; left >= 16; left -= 16) {
        max0 = f32x4.max(max0, v128.load(x));
        max1 = f32x4.max(max1, v128.load(x, 16));
        max2 = f32x4.max(max2, v128.load(x, 32));
        max3 = f32x4.max(max3, v128.load(x, 48));
        x += 64;
      }
      max0 = f32x4.max(f32x4.max(max0, max1), f32x4.max(max2, max3));
    }
    for (; left >= 4; left -= 4) {
      max0 = f32x4.max(max0, v128.load(x));
      x += 16;
    }
    largest = maxLanes(max0);
  }
  for (; left > 0; left--) {
    largest = max(largest, load<f32>(x));
    x += 4;
  }
  return largest;
}

/** Column maxima of x [rows, columns]. */
function maxColumns(x: usize, out: usize, rows: i32, columns: i32): void {
  const rowBytes = usize(columns) << 2;
  let column = 0;
  for (; column + 4 <= columns; column += 4) {
    let at = x + (usize(column) << 2);
    let largest = v128.load(at);
    for (let left = rows; left > 0; left--) {
      largest = f32x4.max(largest, v128.load(at));
      at += rowBytes;
    }
    v128.store(out + (usize(column) << 2), largest);
  }
  for (; column < columns; column++) {
    let at = x + (usize(column) << 2);
    let largest: f32 = -Infinity;
    for (let left = rows; left > 0; left--) {
      largest = max(largest, load<f32>(at));
      at += rowBytes;
    }
    store<f32>(out + (usize(column) << 2), largest);
  }
}
