/**
 * Micro-kernels of the convolutions that read their image in place: rows of C [*, 8] = A B, where a row of A is a few runs of
 * consecutive floats. One accumulator per element of C walks the runs in order, so that every tile gives the same bits.
 *
 *     rows     a table of two words a row: address of the row of A, address of the row of C
 *     runs     a table of three words a run, up to `runsEnd`: its byte offset from the row of A, the byte offset of its rows of B
 *              from `b`, and the bytes of B that it spans; every row has the same runs
 *
 * B holds eight consecutive floats every `bStep` bytes. `shift` is where the eight columns begin in a row of C, in bytes, and
 * `columns` says which of them are kept (tile.ts).
 */

import { madd } from "../vector";
import { storeRow } from "./tile";

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
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
    do {
      const low = v128.load(at);
      const high = v128.load(at, 16);
      at += bStep;
      const x0 = v128.load_splat<f32>(a);
      low0 = madd(x0, low, low0);
      high0 = madd(x0, high, high0);
      a += 4;
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  storeRow(usize(load<u32>(rows, 4)) + shift, low0, high0, columns);
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
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
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
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  storeRow(usize(load<u32>(rows, 4)) + shift, low0, high0, columns);
  storeRow(usize(load<u32>(rows, 12)) + shift, low1, high1, columns);
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
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
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
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  storeRow(usize(load<u32>(rows, 4)) + shift, low0, high0, columns);
  storeRow(usize(load<u32>(rows, 12)) + shift, low1, high1, columns);
  storeRow(usize(load<u32>(rows, 20)) + shift, low2, high2, columns);
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
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
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
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  storeRow(usize(load<u32>(rows, 4)) + shift, low0, high0, columns);
  storeRow(usize(load<u32>(rows, 12)) + shift, low1, high1, columns);
  storeRow(usize(load<u32>(rows, 20)) + shift, low2, high2, columns);
  storeRow(usize(load<u32>(rows, 28)) + shift, low3, high3, columns);
}
