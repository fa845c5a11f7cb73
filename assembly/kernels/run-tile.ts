/**
 * Micro-kernels of the convolutions that read their image in place: rows of C [*, 8] = A B, where a row of A is a few runs of
 * consecutive floats. One accumulator per element of C walks the runs in order, counted through in blocks of DEPTH_BLOCK whose sums
 * are added to C, so that every tile gives the same bits.
 *
 *     rows     a table of two words a row: address of the row of A, address of the row of C
 *     runs     a table of three words a run, up to `runsEnd`: its byte offset from the row of A, the byte offset of its rows of B
 *              from `b`, and the bytes of B that it spans; every row has the same runs
 *
 * B holds eight consecutive floats every `bStep` bytes. `shift` is where the eight columns begin in a row of C, in bytes, and
 * `columns` says which of them are kept (tile.ts).
 */

import { madd } from "../vector";
import { DEPTH_BLOCK, storeRow } from "./tile";

/** Stores a row of a table's C, or adds to it. */
function storeTableRow(row: usize, shift: usize, low: v128, high: v128, columns: i32, add: bool): void {
  storeRow(usize(load<u32>(row, 4)) + shift, low, high, columns, add);
}

/** One row of C. */
export function runTileOne(
  rows: usize,
  runs: usize,
  runsEnd: usize,
  b: usize,
  bStep: usize,
  shift: usize,
  columns: i32,
): void {
  const a0 = usize(load<u32>(rows));
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  const block = DEPTH_BLOCK * bStep;
  let left = block;
  let add = false;
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
    do {
      const stop = at + min(end - at, left);
      left -= stop - at;
      do {
        const low = v128.load(at);
        const high = v128.load(at, 16);
        at += bStep;
        const x0 = v128.load_splat<f32>(a);
        low0 = madd(x0, low, low0);
        high0 = madd(x0, high, high0);
        a += 4;
      } while (at != stop);
      if (left == 0) {
        storeTableRow(rows, shift, low0, high0, columns, add);
        low0 = f32x4.splat(0);
        high0 = f32x4.splat(0);
        add = true;
        left = block;
      }
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  if (left == block) return;
  storeTableRow(rows, shift, low0, high0, columns, add);
}

/** Two rows of C. */
export function runTileTwo(
  rows: usize,
  runs: usize,
  runsEnd: usize,
  b: usize,
  bStep: usize,
  shift: usize,
  columns: i32,
): void {
  const a0 = usize(load<u32>(rows));
  const step1 = usize(load<u32>(rows, 8)) - a0;
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
  const block = DEPTH_BLOCK * bStep;
  let left = block;
  let add = false;
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
    do {
      const stop = at + min(end - at, left);
      left -= stop - at;
      do {
        const low = v128.load(at);
        const high = v128.load(at, 16);
        at += bStep;
        const x0 = v128.load_splat<f32>(a);
        low0 = madd(x0, low, low0);
        high0 = madd(x0, high, high0);
        const x1 = v128.load_splat<f32>(a + step1);
        low1 = madd(x1, low, low1);
        high1 = madd(x1, high, high1);
        a += 4;
      } while (at != stop);
      if (left == 0) {
        storeTableRow(rows, shift, low0, high0, columns, add);
        storeTableRow(rows + 8, shift, low1, high1, columns, add);
        low0 = f32x4.splat(0);
        high0 = f32x4.splat(0);
        low1 = f32x4.splat(0);
        high1 = f32x4.splat(0);
        add = true;
        left = block;
      }
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  if (left == block) return;
  storeTableRow(rows, shift, low0, high0, columns, add);
  storeTableRow(rows + 8, shift, low1, high1, columns, add);
}

/** Three rows of C. */
export function runTileThree(
  rows: usize,
  runs: usize,
  runsEnd: usize,
  b: usize,
  bStep: usize,
  shift: usize,
  columns: i32,
): void {
  const a0 = usize(load<u32>(rows));
  const step1 = usize(load<u32>(rows, 8)) - a0;
  const step2 = usize(load<u32>(rows, 16)) - a0;
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
  let low2 = f32x4.splat(0);
  let high2 = f32x4.splat(0);
  const block = DEPTH_BLOCK * bStep;
  let left = block;
  let add = false;
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
    do {
      const stop = at + min(end - at, left);
      left -= stop - at;
      do {
        const low = v128.load(at);
        const high = v128.load(at, 16);
        at += bStep;
        const x0 = v128.load_splat<f32>(a);
        low0 = madd(x0, low, low0);
        high0 = madd(x0, high, high0);
        const x1 = v128.load_splat<f32>(a + step1);
        low1 = madd(x1, low, low1);
        high1 = madd(x1, high, high1);
        const x2 = v128.load_splat<f32>(a + step2);
        low2 = madd(x2, low, low2);
        high2 = madd(x2, high, high2);
        a += 4;
      } while (at != stop);
      if (left == 0) {
        storeTableRow(rows, shift, low0, high0, columns, add);
        storeTableRow(rows + 8, shift, low1, high1, columns, add);
        storeTableRow(rows + 16, shift, low2, high2, columns, add);
        low0 = f32x4.splat(0);
        high0 = f32x4.splat(0);
        low1 = f32x4.splat(0);
        high1 = f32x4.splat(0);
        low2 = f32x4.splat(0);
        high2 = f32x4.splat(0);
        add = true;
        left = block;
      }
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  if (left == block) return;
  storeTableRow(rows, shift, low0, high0, columns, add);
  storeTableRow(rows + 8, shift, low1, high1, columns, add);
  storeTableRow(rows + 16, shift, low2, high2, columns, add);
}

/** Four rows of C. */
export function runTileFour(
  rows: usize,
  runs: usize,
  runsEnd: usize,
  b: usize,
  bStep: usize,
  shift: usize,
  columns: i32,
): void {
  const a0 = usize(load<u32>(rows));
  const step1 = usize(load<u32>(rows, 8)) - a0;
  const step2 = usize(load<u32>(rows, 16)) - a0;
  const step3 = usize(load<u32>(rows, 24)) - a0;
  let low0 = f32x4.splat(0);
  let high0 = f32x4.splat(0);
  let low1 = f32x4.splat(0);
  let high1 = f32x4.splat(0);
  let low2 = f32x4.splat(0);
  let high2 = f32x4.splat(0);
  let low3 = f32x4.splat(0);
  let high3 = f32x4.splat(0);
  const block = DEPTH_BLOCK * bStep;
  let left = block;
  let add = false;
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
    do {
      const stop = at + min(end - at, left);
      left -= stop - at;
      do {
        const low = v128.load(at);
        const high = v128.load(at, 16);
        at += bStep;
        const x0 = v128.load_splat<f32>(a);
        low0 = madd(x0, low, low0);
        high0 = madd(x0, high, high0);
        const x1 = v128.load_splat<f32>(a + step1);
        low1 = madd(x1, low, low1);
        high1 = madd(x1, high, high1);
        const x2 = v128.load_splat<f32>(a + step2);
        low2 = madd(x2, low, low2);
        high2 = madd(x2, high, high2);
        const x3 = v128.load_splat<f32>(a + step3);
        low3 = madd(x3, low, low3);
        high3 = madd(x3, high, high3);
        a += 4;
      } while (at != stop);
      if (left == 0) {
        storeTableRow(rows, shift, low0, high0, columns, add);
        storeTableRow(rows + 8, shift, low1, high1, columns, add);
        storeTableRow(rows + 16, shift, low2, high2, columns, add);
        storeTableRow(rows + 24, shift, low3, high3, columns, add);
        low0 = f32x4.splat(0);
        high0 = f32x4.splat(0);
        low1 = f32x4.splat(0);
        high1 = f32x4.splat(0);
        low2 = f32x4.splat(0);
        high2 = f32x4.splat(0);
        low3 = f32x4.splat(0);
        high3 = f32x4.splat(0);
        add = true;
        left = block;
      }
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  if (left == block) return;
  storeTableRow(rows, shift, low0, high0, columns, add);
  storeTableRow(rows + 8, shift, low1, high1, columns, add);
  storeTableRow(rows + 16, shift, low2, high2, columns, add);
  storeTableRow(rows + 24, shift, low3, high3, columns, add);
}
