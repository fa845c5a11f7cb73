/** Rows by index; fields: `IndexField`. Indices are data: one that is not an integer in range never becomes an address. */

import { address, field } from "../fields";
import { IndexField } from "../opcodes";
import { addFloats, copyFloats, fillFloats } from "../vector";

/** The index stored at `source`, or -1 unless it is an integer in [0, limit). */
function readIndex(source: usize, limit: i32): i32 {
  // In f64 both sides are exact whatever the limit.
  const value = f64(load<f32>(source));
  return value >= 0 && value < f64(limit) && value == floor(value) ? i32(value) : -1;
}

/** out [n, C] = x [R, C] at the rows index [n]; NaN for an invalid index. */
export function gather(fields: usize, base: usize): void {
  const x = address(fields, IndexField.a, base);
  const rows = field(fields, IndexField.R);
  const columns = field(fields, IndexField.C);
  const rowBytes = usize(columns) << 2;
  let index = address(fields, IndexField.index, base);
  let out = address(fields, IndexField.out, base);
  for (let i = field(fields, IndexField.n); i > 0; i--) {
    const row = readIndex(index, rows);
    if (row >= 0) copyFloats(out, x + usize(row) * rowBytes, columns);
    else fillFloats(out, NaN, columns);
    index += 4;
    out += rowBytes;
  }
}

/** out [R, C] = zeros, plus row i of y [n, C] at row index[i], for i in order; an invalid index is skipped. */
export function scatterAdd(fields: usize, base: usize): void {
  const out = address(fields, IndexField.out, base);
  const rows = field(fields, IndexField.R);
  const columns = field(fields, IndexField.C);
  const rowBytes = usize(columns) << 2;
  let index = address(fields, IndexField.index, base);
  let y = address(fields, IndexField.a, base);
  fillFloats(out, 0, rows * columns);
  for (let i = field(fields, IndexField.n); i > 0; i--) {
    const row = readIndex(index, rows);
    if (row >= 0) addFloats(out + usize(row) * rowBytes, y, columns);
    index += 4;
    y += rowBytes;
  }
}

/** out [n, C] = 1 where the column is index [n], else 0. */
export function oneHot(fields: usize, base: usize): void {
  const columns = field(fields, IndexField.C);
  const count = field(fields, IndexField.n);
  let index = address(fields, IndexField.index, base);
  let out = address(fields, IndexField.out, base);
  fillFloats(out, 0, count * columns);
  for (let i = count; i > 0; i--) {
    const column = readIndex(index, columns);
    if (column >= 0) store<f32>(out + (usize(column) << 2), 1);
    index += 4;
    out += usize(columns) << 2;
  }
}
