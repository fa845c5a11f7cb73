/**
 * Reductions of x [A, B, C] over B; fields: `ReduceField`.
 *
 * A sum has one written order and two levels. C > 1: rows are added in order in chunks of CHUNK_ROWS, the chunks' sums in order.
 * C = 1: sixteen interleaved sums over each chunk of 16 * CHUNK_ROWS floats, then vectors pairwise, then lanes (`sumLanes`), then the
 * chunk's last up to 15 floats one by one, then the chunks in order.
 */

import { address, field } from "../fields";
import { ReduceField } from "../opcodes";
import { maxLanes, sumLanes } from "../vector";

/** Rows that are added before their sum goes to the total. */
export const CHUNK_ROWS = 128;

/** Floats of a run that are added in interleaved sums before their sum goes to the total. */
export const INTERLEAVED_CHUNK = 16 * CHUNK_ROWS;

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
  let total = sumChunk(x, min(count, INTERLEAVED_CHUNK));
  for (let first = INTERLEAVED_CHUNK; first < count; first += INTERLEAVED_CHUNK) {
    total += sumChunk(x + (usize(first) << 2), min(count - first, INTERLEAVED_CHUNK));
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
  for (let first = 0; first < rows; first += CHUNK_ROWS) {
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    for (let left = min(CHUNK_ROWS, rows - first); left > 0; left--) {
      sum0 = f32x4.add(sum0, v128.load(x));
      sum1 = f32x4.add(sum1, v128.load(x, 16));
      sum2 = f32x4.add(sum2, v128.load(x, 32));
      sum3 = f32x4.add(sum3, v128.load(x, 48));
      x += rowBytes;
    }
    if (first > 0) {
      sum0 = f32x4.add(v128.load(out), sum0);
      sum1 = f32x4.add(v128.load(out, 16), sum1);
      sum2 = f32x4.add(v128.load(out, 32), sum2);
      sum3 = f32x4.add(v128.load(out, 48), sum3);
    }
    v128.store(out, sum0);
    v128.store(out, sum1, 16);
    v128.store(out, sum2, 32);
    v128.store(out, sum3, 48);
  }
}

function sumFour(x: usize, out: usize, rows: i32, rowBytes: usize): void {
  let total = f32x4.splat(0);
  for (let first = 0; first < rows; first += CHUNK_ROWS) {
    let partial = f32x4.splat(0);
    for (let left = min(CHUNK_ROWS, rows - first); left > 0; left--) {
      partial = f32x4.add(partial, v128.load(x));
      x += rowBytes;
    }
    total = f32x4.add(total, partial);
  }
  v128.store(out, total);
}

function sumOne(x: usize, out: usize, rows: i32, rowBytes: usize): void {
  let total: f32 = 0;
  for (let first = 0; first < rows; first += CHUNK_ROWS) {
    let partial: f32 = 0;
    for (let left = min(CHUNK_ROWS, rows - first); left > 0; left--) {
      partial += load<f32>(x);
      x += rowBytes;
    }
    total += partial;
  }
  store<f32>(out, total);
}

/** Largest of `count` consecutive floats, NaN if any is NaN. */
export function maxRun(x: usize, count: i32): f32 {
  let left = count;
  let largest: f32 = -Infinity;
  if (left >= 4) {
    let vector = v128.load(x);
    for (; left >= 4; left -= 4) {
      vector = f32x4.max(vector, v128.load(x));
      x += 16;
    }
    largest = maxLanes(vector);
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
