/** Strided copies and fills. */

import { address, field } from "../fields";
import { CopyField, FillField } from "../opcodes";
import { copyFloats, fillFloats, transposeBlock } from "../vector";

const DIMENSIONS = 5;

/** out[0..n) = value; fields: `FillField`. */
export function fill(fields: usize, base: usize): void {
  const value = reinterpret<f32>(field(fields, FillField.valueBits));
  fillFloats(address(fields, FillField.out, base), value, field(fields, FillField.n));
}

/** out at sum(i_d * outStride_d) = x at sum(i_d * xStride_d); fields: `CopyField`. */
export function copy(fields: usize, base: usize): void {
  const x = address(fields, CopyField.x, base);
  const out = address(fields, CopyField.out, base);
  for (let d = 0; d < DIMENSIONS; d++) if (field(fields, CopyField.size0 + d) == 0) return;
  copyFrom(fields, 0, x, out);
}

/**
 * Copies dimensions `d` and inward. Neighbouring dimensions that lie in memory as one are walked as one, so that a plain copy is a
 * single run whatever its shape.
 */
function copyFrom(fields: usize, d: i32, x: usize, out: usize): void {
  let size = field(fields, CopyField.size0 + d);
  let inner = d + 1;
  while (inner < DIMENSIONS && (size == 1 || joins(fields, inner))) {
    const innerSize = field(fields, CopyField.size0 + inner);
    size *= innerSize;
    inner++;
  }
  const last = inner - 1;
  const xStride = usize(field(fields, CopyField.xStride0 + last)) << 2;
  const outStride = usize(field(fields, CopyField.outStride0 + last)) << 2;
  if (inner == DIMENSIONS) return copyRun(x, xStride, out, outStride, size);
  const rest = innermost(fields, inner);
  if (rest > 0) {
    const xInner = usize(field(fields, CopyField.xStride0 + DIMENSIONS - 1)) << 2;
    const outInner = usize(field(fields, CopyField.outStride0 + DIMENSIONS - 1)) << 2;
    return copyMatrix(x, xStride, xInner, out, outStride, outInner, size, rest);
  }
  for (let i = 0; i < size; i++) {
    copyFrom(fields, inner, x, out);
    x += xStride;
    out += outStride;
  }
}

/** Whether dimension `d` continues the one outside it, in x and out alike. */
function joins(fields: usize, d: i32): bool {
  const size = field(fields, CopyField.size0 + d);
  const x = field(fields, CopyField.xStride0 + d);
  const out = field(fields, CopyField.outStride0 + d);
  const outerX = field(fields, CopyField.xStride0 + d - 1);
  const outerOut = field(fields, CopyField.outStride0 + d - 1);
  return outerX == x * size && outerOut == out * size;
}

/** Size of dimensions `d` and inward where they are one run, else 0. */
function innermost(fields: usize, d: i32): i32 {
  let size = field(fields, CopyField.size0 + d);
  for (let inner = d + 1; inner < DIMENSIONS; inner++) {
    if (size != 1 && !joins(fields, inner)) return 0;
    size *= field(fields, CopyField.size0 + inner);
  }
  return size;
}

function copyRun(x: usize, xStride: usize, out: usize, outStride: usize, count: i32): void {
  if (outStride == 4 && xStride == 4) return copyFloats(out, x, count);
  if (outStride == 4 && xStride == 0) return fillFloats(out, load<f32>(x), count);
  for (let i = 0; i < count; i++) {
    store<f32>(out, load<f32>(x));
    x += xStride;
    out += outStride;
  }
}

/** Two dimensions, [rows, columns]; strides in bytes. Transposes go in 4x4 blocks. */
function copyMatrix(
  x: usize,
  xRow: usize,
  xColumn: usize,
  out: usize,
  outRow: usize,
  outColumn: usize,
  rows: i32,
  columns: i32,
): void {
  if (columns == 1) return copyRun(x, xRow, out, outRow, rows);
  if (xRow == 4 && outColumn == 4) return transpose(x, xColumn, out, outRow, rows, columns);
  if (xColumn == 4 && outRow == 4) return transpose(x, xRow, out, outColumn, columns, rows);
  for (let row = 0; row < rows; row++) {
    copyRun(x, xColumn, out, outColumn, columns);
    x += xRow;
    out += outRow;
  }
}

/** out [rows, columns] = transpose of x [columns, rows]; both with their inner dimension contiguous, `xStep` and `outStep` bytes a row. */
function transpose(x: usize, xStep: usize, out: usize, outStep: usize, rows: i32, columns: i32): void {
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let source = x + (usize(row) << 2);
    let target = out + usize(row) * outStep;
    let left = columns;
    for (; left >= 4; left -= 4) {
      transposeBlock(target, outStep, source, xStep);
      source += xStep << 2;
      target += 16;
    }
    for (; left > 0; left--) {
      for (let i: usize = 0; i < 4; i++) store<f32>(target + i * outStep, load<f32>(source + (i << 2)));
      source += xStep;
      target += 4;
    }
  }
  for (; row < rows; row++) copyRun(x + (usize(row) << 2), xStep, out + usize(row) * outStep, 4, columns);
}
