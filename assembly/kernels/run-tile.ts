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

import { madd, storePartial } from "../vector";
import { DEPTH_BLOCK, storeRow } from "./tile";

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
  const block = usize(DEPTH_BLOCK) * bStep;
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
        const c0 = usize(load<u32>(rows, 4)) + shift;
        if (add) {
          const second = usize(columns - 4) << 2;
          low0 = f32x4.add(v128.load(c0), low0);
          high0 = f32x4.add(v128.load(c0 + second), high0);
        }
        storeRow(c0, low0, high0, columns);
        low0 = f32x4.splat(0);
        high0 = f32x4.splat(0);
        add = true;
        left = block;
      }
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  if (left == block) return;
  const c0 = usize(load<u32>(rows, 4)) + shift;
  if (add) {
    const second = usize(columns - 4) << 2;
    low0 = f32x4.add(v128.load(c0), low0);
    high0 = f32x4.add(v128.load(c0 + second), high0);
  }
  storeRow(c0, low0, high0, columns);
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
  const block = usize(DEPTH_BLOCK) * bStep;
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
        const c0 = usize(load<u32>(rows, 4)) + shift;
        const c1 = usize(load<u32>(rows, 12)) + shift;
        if (add) {
          const second = usize(columns - 4) << 2;
          low0 = f32x4.add(v128.load(c0), low0);
          high0 = f32x4.add(v128.load(c0 + second), high0);
          low1 = f32x4.add(v128.load(c1), low1);
          high1 = f32x4.add(v128.load(c1 + second), high1);
        }
        storeRow(c0, low0, high0, columns);
        storeRow(c1, low1, high1, columns);
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
  const c0 = usize(load<u32>(rows, 4)) + shift;
  const c1 = usize(load<u32>(rows, 12)) + shift;
  if (add) {
    const second = usize(columns - 4) << 2;
    low0 = f32x4.add(v128.load(c0), low0);
    high0 = f32x4.add(v128.load(c0 + second), high0);
    low1 = f32x4.add(v128.load(c1), low1);
    high1 = f32x4.add(v128.load(c1 + second), high1);
  }
  storeRow(c0, low0, high0, columns);
  storeRow(c1, low1, high1, columns);
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
  const block = usize(DEPTH_BLOCK) * bStep;
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
        const c0 = usize(load<u32>(rows, 4)) + shift;
        const c1 = usize(load<u32>(rows, 12)) + shift;
        const c2 = usize(load<u32>(rows, 20)) + shift;
        if (add) {
          const second = usize(columns - 4) << 2;
          low0 = f32x4.add(v128.load(c0), low0);
          high0 = f32x4.add(v128.load(c0 + second), high0);
          low1 = f32x4.add(v128.load(c1), low1);
          high1 = f32x4.add(v128.load(c1 + second), high1);
          low2 = f32x4.add(v128.load(c2), low2);
          high2 = f32x4.add(v128.load(c2 + second), high2);
        }
        storeRow(c0, low0, high0, columns);
        storeRow(c1, low1, high1, columns);
        storeRow(c2, low2, high2, columns);
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
  const c0 = usize(load<u32>(rows, 4)) + shift;
  const c1 = usize(load<u32>(rows, 12)) + shift;
  const c2 = usize(load<u32>(rows, 20)) + shift;
  if (add) {
    const second = usize(columns - 4) << 2;
    low0 = f32x4.add(v128.load(c0), low0);
    high0 = f32x4.add(v128.load(c0 + second), high0);
    low1 = f32x4.add(v128.load(c1), low1);
    high1 = f32x4.add(v128.load(c1 + second), high1);
    low2 = f32x4.add(v128.load(c2), low2);
    high2 = f32x4.add(v128.load(c2 + second), high2);
  }
  storeRow(c0, low0, high0, columns);
  storeRow(c1, low1, high1, columns);
  storeRow(c2, low2, high2, columns);
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
  const block = usize(DEPTH_BLOCK) * bStep;
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
        const c0 = usize(load<u32>(rows, 4)) + shift;
        const c1 = usize(load<u32>(rows, 12)) + shift;
        const c2 = usize(load<u32>(rows, 20)) + shift;
        const c3 = usize(load<u32>(rows, 28)) + shift;
        if (add) {
          const second = usize(columns - 4) << 2;
          low0 = f32x4.add(v128.load(c0), low0);
          high0 = f32x4.add(v128.load(c0 + second), high0);
          low1 = f32x4.add(v128.load(c1), low1);
          high1 = f32x4.add(v128.load(c1 + second), high1);
          low2 = f32x4.add(v128.load(c2), low2);
          high2 = f32x4.add(v128.load(c2 + second), high2);
          low3 = f32x4.add(v128.load(c3), low3);
          high3 = f32x4.add(v128.load(c3 + second), high3);
        }
        storeRow(c0, low0, high0, columns);
        storeRow(c1, low1, high1, columns);
        storeRow(c2, low2, high2, columns);
        storeRow(c3, low3, high3, columns);
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
  const c0 = usize(load<u32>(rows, 4)) + shift;
  const c1 = usize(load<u32>(rows, 12)) + shift;
  const c2 = usize(load<u32>(rows, 20)) + shift;
  const c3 = usize(load<u32>(rows, 28)) + shift;
  if (add) {
    const second = usize(columns - 4) << 2;
    low0 = f32x4.add(v128.load(c0), low0);
    high0 = f32x4.add(v128.load(c0 + second), high0);
    low1 = f32x4.add(v128.load(c1), low1);
    high1 = f32x4.add(v128.load(c1 + second), high1);
    low2 = f32x4.add(v128.load(c2), low2);
    high2 = f32x4.add(v128.load(c2 + second), high2);
    low3 = f32x4.add(v128.load(c3), low3);
    high3 = f32x4.add(v128.load(c3 + second), high3);
  }
  storeRow(c0, low0, high0, columns);
  storeRow(c1, low1, high1, columns);
  storeRow(c2, low2, high2, columns);
  storeRow(c3, low3, high3, columns);
}

/** Up to four rows of one to three columns, to whose rows of C the others cannot add. */
export function runTileNarrow(
  rows: usize,
  count: i32,
  runs: usize,
  runsEnd: usize,
  b: usize,
  bStep: usize,
  shift: usize,
  columns: i32,
): void {
  const a0 = usize(load<u32>(rows));
  // Rows that are not there are the first one again.
  const step1 = usize(load<u32>(rows + (count > 1 ? 8 : 0))) - a0;
  const step2 = usize(load<u32>(rows + (count > 2 ? 16 : 0))) - a0;
  const step3 = usize(load<u32>(rows + (count > 3 ? 24 : 0))) - a0;
  let total0 = f32x4.splat(0);
  let total1 = f32x4.splat(0);
  let total2 = f32x4.splat(0);
  let total3 = f32x4.splat(0);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  const block = usize(DEPTH_BLOCK) * bStep;
  let left = block;
  do {
    let a = a0 + usize(load<u32>(runs));
    let at = b + usize(load<u32>(runs, 4));
    const end = at + usize(load<u32>(runs, 8));
    do {
      const stop = at + min(end - at, left);
      left -= stop - at;
      do {
        const row = v128.load(at);
        at += bStep;
        sum0 = madd(v128.load_splat<f32>(a), row, sum0);
        sum1 = madd(v128.load_splat<f32>(a + step1), row, sum1);
        sum2 = madd(v128.load_splat<f32>(a + step2), row, sum2);
        sum3 = madd(v128.load_splat<f32>(a + step3), row, sum3);
        a += 4;
      } while (at != stop);
      if (left == 0) {
        total0 = f32x4.add(total0, sum0);
        total1 = f32x4.add(total1, sum1);
        total2 = f32x4.add(total2, sum2);
        total3 = f32x4.add(total3, sum3);
        sum0 = f32x4.splat(0);
        sum1 = f32x4.splat(0);
        sum2 = f32x4.splat(0);
        sum3 = f32x4.splat(0);
        left = block;
      }
    } while (at != end);
    runs += 12;
  } while (runs != runsEnd);
  storePartial(usize(load<u32>(rows, 4)) + shift, f32x4.add(total0, sum0), columns);
  if (count > 1) storePartial(usize(load<u32>(rows, 12)) + shift, f32x4.add(total1, sum1), columns);
  if (count > 2) storePartial(usize(load<u32>(rows, 20)) + shift, f32x4.add(total2, sum2), columns);
  if (count > 3) storePartial(usize(load<u32>(rows, 28)) + shift, f32x4.add(total3, sum3), columns);
}
