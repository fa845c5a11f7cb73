/**
 * Sums that a block takes along: each block adds its rows to sums that wait in memory, in the written order of reduce.ts, so that
 * a sum has the same bits whether it was fused or not. Fields: `SumMicroField`.
 */

import { address, field } from "../fields";
import { SumMicroField, SumOrder } from "../opcodes";
import { addFloats, sumLanes } from "../vector";
import { RUN_CHUNK, RUN_GROUP, sumRun } from "./reduce";

/** Takes `count` floats at `x`, times those at `y` unless that is 0: elements [start, start + count) of `elements`. */
export function blockSum(micro: usize, base: usize, x: usize, y: usize, start: i32, count: i32, elements: i32): void {
  const columns = field(micro, SumMicroField.columns);
  const rows = field(micro, SumMicroField.rows);
  const out = address(micro, SumMicroField.dst, base);
  const partial = address(micro, SumMicroField.partial, base);
  if (columns > 1) addColumns(x, y, out, partial, start / columns, count / columns, rows, columns);
  else if (elements == rows) addRun(x, y, out, partial, start, count, elements);
  else addWholeRuns(x, y, out + (usize(start / rows) << 2), partial, count / rows, rows);
}

/** Runs of `rows` floats that lie in the block as a whole, `count` of them. */
function addWholeRuns(x: usize, y: usize, out: usize, partial: usize, count: i32, rows: i32): void {
  for (let i = 0; i < count; i++) {
    if (y == 0) {
      store<f32>(out, sumRun(x, rows));
    } else {
      addRun(x, y, out, partial, 0, rows, rows);
      y += usize(rows) << 2;
    }
    x += usize(rows) << 2;
    out += 4;
  }
}

/** Part of one run over all elements: sixteen interleaved sums wait in `partial` until their chunk is complete. */
function addRun(x: usize, y: usize, out: usize, partial: usize, start: i32, count: i32, elements: i32): void {
  while (count > 0) {
    const inside = start % RUN_CHUNK;
    const here = min(count, RUN_CHUNK - inside);
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    if (inside > 0) {
      sum0 = v128.load(partial);
      sum1 = v128.load(partial, 16);
      sum2 = v128.load(partial, 32);
      sum3 = v128.load(partial, 48);
    }
    let left = here;
    for (; left >= 16; left -= 16) {
      if (y == 0) {
        sum0 = f32x4.add(sum0, v128.load(x));
        sum1 = f32x4.add(sum1, v128.load(x, 16));
        sum2 = f32x4.add(sum2, v128.load(x, 32));
        sum3 = f32x4.add(sum3, v128.load(x, 48));
      } else {
        sum0 = f32x4.add(sum0, f32x4.mul(v128.load(x), v128.load(y)));
        sum1 = f32x4.add(sum1, f32x4.mul(v128.load(x, 16), v128.load(y, 16)));
        sum2 = f32x4.add(sum2, f32x4.mul(v128.load(x, 32), v128.load(y, 32)));
        sum3 = f32x4.add(sum3, f32x4.mul(v128.load(x, 48), v128.load(y, 48)));
        y += 64;
      }
      x += 64;
    }
    start += here;
    count -= here;
    if (inside + here == RUN_CHUNK || start == elements) {
      let total = sumLanes(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)));
      for (; left > 0; left--) {
        total += y == 0 ? load<f32>(x) : load<f32>(x) * load<f32>(y);
        x += 4;
        if (y != 0) y += 4;
      }
      addChunk(total, out, partial + SumOrder.Lanes * 4, start, elements);
    } else {
      v128.store(partial, sum0);
      v128.store(partial, sum1, 16);
      v128.store(partial, sum2, 32);
      v128.store(partial, sum3, 48);
    }
  }
}

/** The sum of the chunk that ends before element `end`. The first group's goes to the result as it is; the others wait in `group`. */
function addChunk(chunk: f32, out: usize, group: usize, end: i32, elements: i32): void {
  if (end <= RUN_GROUP) {
    store<f32>(out, end <= RUN_CHUNK ? chunk : load<f32>(out) + chunk);
    return;
  }
  const inside = (end - 1) % RUN_GROUP;
  const total = inside < RUN_CHUNK ? chunk : load<f32>(group) + chunk;
  if (inside + 1 == RUN_GROUP || end == elements) store<f32>(out, load<f32>(out) + total);
  else store<f32>(group, total);
}

/** Rows [first, first + count) of [outer, rows, columns]: column sums wait in `partial` until their chunk is complete. */
function addColumns(
  x: usize,
  y: usize,
  out: usize,
  partial: usize,
  first: i32,
  count: i32,
  rows: i32,
  columns: i32,
): void {
  const rowBytes = usize(columns) << 2;
  const group = partial + ((rowBytes + 15) & ~15);
  let row = first % rows;
  out += usize(first / rows) * rowBytes;
  while (count > 0) {
    const inside = row % SumOrder.Chunk;
    const here = min(min(count, SumOrder.Chunk - inside), rows - row);
    const complete = inside + here == SumOrder.Chunk || row + here == rows;
    // The first group goes to the result as it is, and its first chunk too.
    const total = row < SumOrder.Group ? out : group;
    const add = complete && row % SumOrder.Group >= SumOrder.Chunk;
    addRows(x, y, rowBytes, here, inside > 0 ? partial : 0, complete ? total : partial, add);
    x += usize(here) * rowBytes;
    if (y != 0) y += usize(here) * rowBytes;
    const isFirst = row < SumOrder.Group;
    row += here;
    count -= here;
    if (!isFirst && (row % SumOrder.Group == 0 || row == rows)) addFloats(out, group, columns);
    if (row == rows) {
      row = 0;
      out += rowBytes;
    }
  }
}

/** target = (target +) (from +) rows of x, or of x * y, one after another; `from` is 0 where nothing waits, `y` where there is none. */
function addRows(x: usize, y: usize, rowBytes: usize, rows: i32, from: usize, target: usize, addToTarget: bool): void {
  let column: usize = 0;
  for (; column + 64 <= rowBytes; column += 64) {
    let at = x + column;
    let times = y + column;
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    if (from != 0) {
      sum0 = v128.load(from + column);
      sum1 = v128.load(from + column, 16);
      sum2 = v128.load(from + column, 32);
      sum3 = v128.load(from + column, 48);
    }
    for (let left = rows; left > 0; left--) {
      if (y == 0) {
        sum0 = f32x4.add(sum0, v128.load(at));
        sum1 = f32x4.add(sum1, v128.load(at, 16));
        sum2 = f32x4.add(sum2, v128.load(at, 32));
        sum3 = f32x4.add(sum3, v128.load(at, 48));
      } else {
        sum0 = f32x4.add(sum0, f32x4.mul(v128.load(at), v128.load(times)));
        sum1 = f32x4.add(sum1, f32x4.mul(v128.load(at, 16), v128.load(times, 16)));
        sum2 = f32x4.add(sum2, f32x4.mul(v128.load(at, 32), v128.load(times, 32)));
        sum3 = f32x4.add(sum3, f32x4.mul(v128.load(at, 48), v128.load(times, 48)));
        times += rowBytes;
      }
      at += rowBytes;
    }
    const to = target + column;
    if (addToTarget) {
      sum0 = f32x4.add(v128.load(to), sum0);
      sum1 = f32x4.add(v128.load(to, 16), sum1);
      sum2 = f32x4.add(v128.load(to, 32), sum2);
      sum3 = f32x4.add(v128.load(to, 48), sum3);
    }
    v128.store(to, sum0);
    v128.store(to, sum1, 16);
    v128.store(to, sum2, 32);
    v128.store(to, sum3, 48);
  }
  for (; column + 16 <= rowBytes; column += 16) {
    let at = x + column;
    let times = y + column;
    let total = from != 0 ? v128.load(from + column) : f32x4.splat(0);
    for (let left = rows; left > 0; left--) {
      const value = v128.load(at);
      total = f32x4.add(total, y == 0 ? value : f32x4.mul(value, v128.load(times)));
      at += rowBytes;
      times += rowBytes;
    }
    if (addToTarget) total = f32x4.add(v128.load(target + column), total);
    v128.store(target + column, total);
  }
  for (; column < rowBytes; column += 4) {
    let at = x + column;
    let times = y + column;
    let total: f32 = from != 0 ? load<f32>(from + column) : 0;
    for (let left = rows; left > 0; left--) {
      total += y == 0 ? load<f32>(at) : load<f32>(at) * load<f32>(times);
      at += rowBytes;
      times += rowBytes;
    }
    store<f32>(target + column, addToTarget ? load<f32>(target + column) + total : total);
  }
}
