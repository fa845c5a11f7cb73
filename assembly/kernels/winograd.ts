/**
 * 3x3 convolutions of stride 1, and their input gradients, with 16 multiplications for 4 outputs instead of 36
 * (A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.1: F(2x2, 3x3)):
 *
 *     Y = A^T [ (G g G^T) . (B^T d B) ] A        d: a 4x4 square of the source, g: the taps, Y: a 2x2 square of the output
 *
 *     B^T = 1  0 -1  0      G = 1    0    0       A^T = 1  1  1  0
 *           0  1  1  0          1/2  1/2  1/2           0  1 -1 -1
 *           0 -1  1  0          1/2 -1/2  1/2
 *           0  1  0 -1          0    0    1
 *
 * Summed over channels, the products of one of the 16 places are a matrix product [squares, D] [D, E]. The input gradient is the
 * same with the taps turned around and transposed, and padding 2 - pad. The order of every sum is the written one: places in rows,
 * channels in order, with one accumulator. Zeros and infinities may meet inside a square: what is not finite spreads over it.
 */

import { field } from "../fields";
import { ConvField, Tile } from "../opcodes";
import { copyFloats, fillFloats } from "../vector";
import { endPosition, firstPosition } from "./pixels";
import { multiplyPacked } from "./product";

/** Fewer squares than this do not pay for transforming the taps. */
const FEWEST_SQUARES: i64 = 64;

/** Pairs of an output position and a tap inside the image, on one axis. */
function meetings(extent: i32, positions: i32, pad: i32): i64 {
  let count: i64 = 0;
  for (let k = 0; k < 3; k++)
    count += i64(max(endPosition(k, extent, 1, pad, positions) - firstPosition(k, 1, pad), 0));
  return count;
}

/** Whether the shapes of a convolution make this the faster way: then its scratch area is large enough. */
export function isWinograd(fields: usize, adjoint: bool): bool {
  const channels = field(fields, ConvField.C);
  const outputs = field(fields, ConvField.O);
  if (field(fields, ConvField.KH) != 3 || field(fields, ConvField.KW) != 3) return false;
  if (field(fields, ConvField.strideH) != 1 || field(fields, ConvField.strideW) != 1) return false;
  if (((channels | outputs) & (Tile.Columns - 1)) != 0 || min(channels, outputs) < 2 * Tile.Columns) return false;
  // A square that leaves the source is completed where the products of a block will lie.
  if (max(channels, outputs) / min(channels, outputs) >= Tile.Squares) return false;
  const height = field(fields, ConvField.H);
  const width = field(fields, ConvField.W);
  const outHeight = field(fields, ConvField.HO);
  const outWidth = field(fields, ConvField.WO);
  const rows = meetings(height, outHeight, field(fields, ConvField.padTop));
  const columns = meetings(width, outWidth, field(fields, ConvField.padLeft));
  const squares = i64(((adjoint ? height : outHeight) + 1) >> 1) * i64(((adjoint ? width : outWidth) + 1) >> 1);
  // A quarter more multiplications of the direct way pay for the transforms.
  return squares * i64(field(fields, ConvField.N)) >= FEWEST_SQUARES && 20 * squares < rows * columns;
}

/** out = the convolution or input gradient of `source` with w. */
export function winograd(fields: usize, adjoint: bool, source: usize, w: usize, out: usize, scratch: usize): void {
  const channels = field(fields, ConvField.C);
  const outputs = field(fields, ConvField.O);
  const depth = adjoint ? outputs : channels;
  const width = adjoint ? channels : outputs;
  const outHeight = field(fields, adjoint ? ConvField.H : ConvField.HO);
  const outWidth = field(fields, adjoint ? ConvField.W : ConvField.WO);
  const squares = scratch + (usize(16 * channels * outputs) << 2);
  const products = squares + (usize(16 * Tile.Squares * depth) << 2);
  transformTaps(adjoint, w, channels, outputs, scratch);
  const down = (outHeight + 1) >> 1;
  const across = (outWidth + 1) >> 1;
  const total = field(fields, ConvField.N) * down * across;
  for (let first = 0; first < total; first += Tile.Squares) {
    const count = min(Tile.Squares, total - first);
    for (let i = 0; i < count; i++) {
      const column = (first + i) % across;
      const line = (first + i) / across;
      const row = line % down;
      const image = line / down;
      const target = squares + (usize(i * depth) << 2);
      loadSquare(fields, adjoint, source, image, 2 * row, 2 * column, target, products);
    }
    for (let place = 0; place < 16; place++) {
      const a = squares + (usize(place * Tile.Squares * depth) << 2);
      const b = scratch + (usize(place * channels * outputs) << 2);
      const c = products + (usize(place * Tile.Squares * width) << 2);
      multiplyPacked(a, usize(depth) << 2, 4, b, c, usize(width) << 2, count, width, depth);
    }
    for (let i = 0; i < count; i++) {
      const column = (first + i) % across;
      const line = (first + i) / across;
      const row = line % down;
      const image = line / down;
      const pixel = ((image * outHeight + 2 * row) * outWidth + 2 * column) * width;
      storeSquare(
        products + (usize(i * width) << 2),
        out + (usize(pixel) << 2),
        usize(outWidth * width) << 2,
        width,
        2 * row + 1 < outHeight,
        2 * column + 1 < outWidth,
      );
    }
  }
}

/** B^T d B of the square that output (row, column) begins; `room` takes a square that leaves the source. */
export function loadSquare(
  fields: usize,
  adjoint: bool,
  source: usize,
  image: i32,
  row: i32,
  column: i32,
  target: usize,
  room: usize,
): void {
  const depth = field(fields, adjoint ? ConvField.O : ConvField.C);
  const height = field(fields, adjoint ? ConvField.HO : ConvField.H);
  const width = field(fields, adjoint ? ConvField.WO : ConvField.W);
  const padTop = field(fields, ConvField.padTop);
  const padLeft = field(fields, ConvField.padLeft);
  const top = row - (adjoint ? 2 - padTop : padTop);
  const left = column - (adjoint ? 2 - padLeft : padLeft);
  const pixel = usize(depth) << 2;
  const line = usize(width) * pixel;
  const from = source + usize(image * height + top) * line + usize(left) * pixel;
  if (top >= 0 && top <= height - 4 && left >= 0 && left <= width - 4) {
    return transformSquare(from, line, pixel, target);
  }
  let to = room;
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      const inside = top + i >= 0 && top + i < height && left + j >= 0 && left + j < width;
      if (inside) copyFloats(to, from + usize(i) * line + usize(j) * pixel, depth);
      else fillFloats(to, 0, depth);
      to += pixel;
    }
  }
  transformSquare(room, 4 * pixel, pixel, target);
}

function transformSquare(from: usize, line: usize, pixel: usize, target: usize): void {
  const step = usize(Tile.Squares) * pixel;
  const minus = i32x4.splat(1 << 31);
  const plus = i32x4.splat(0);
  const second = from + line;
  const third = second + line;
  transformRow(from, third, minus, pixel, target, step);
  transformRow(second, third, plus, pixel, target + 4 * step, step);
  transformRow(third, second, minus, pixel, target + 8 * step, step);
  transformRow(second, third + line, minus, pixel, target + 12 * step, step);
}

/** One row of B^T d B from the two rows of d in it, the second with a sign. */
function transformRow(p: usize, q: usize, sign: v128, pixel: usize, target: usize, step: usize): void {
  const end = p + pixel;
  const third = pixel << 1;
  const fourth = third + pixel;
  do {
    const d0 = f32x4.add(v128.load(p), v128.xor(sign, v128.load(q)));
    const d1 = f32x4.add(v128.load(p + pixel), v128.xor(sign, v128.load(q + pixel)));
    const d2 = f32x4.add(v128.load(p + third), v128.xor(sign, v128.load(q + third)));
    const d3 = f32x4.add(v128.load(p + fourth), v128.xor(sign, v128.load(q + fourth)));
    v128.store(target, f32x4.sub(d0, d2));
    v128.store(target + step, f32x4.add(d1, d2));
    v128.store(target + 2 * step, f32x4.sub(d2, d1));
    v128.store(target + 3 * step, f32x4.sub(d1, d3));
    p += 16;
    q += 16;
    target += 16;
  } while (p != end);
}

/** A^T M A into the pixels of a square that lie inside the output. */
function storeSquare(from: usize, out: usize, line: usize, width: i32, hasRow: bool, hasColumn: bool): void {
  const pixel = usize(width) << 2;
  const row = (usize(Tile.Squares) * pixel) << 2;
  storeRow(from, i32x4.splat(0), row, pixel, out, hasColumn);
  if (hasRow) storeRow(from + row, i32x4.splat(1 << 31), row, pixel, out + line, hasColumn);
}

/** One row of A^T M A from three rows of M, the second and third with a sign. */
function storeRow(from: usize, sign: v128, row: usize, pixel: usize, out: usize, hasColumn: bool): void {
  const step = usize(Tile.Squares) * pixel;
  const end = out + pixel;
  do {
    const m0 = sumThree(from, row, sign);
    const m1 = sumThree(from + step, row, sign);
    const m2 = sumThree(from + 2 * step, row, sign);
    const m3 = sumThree(from + 3 * step, row, sign);
    v128.store(out, f32x4.add(f32x4.add(m0, m1), m2));
    if (hasColumn) v128.store(out + pixel, f32x4.sub(f32x4.sub(m1, m2), m3));
    from += 16;
    out += 16;
  } while (out != end);
}

function sumThree(from: usize, row: usize, sign: v128): v128 {
  const second = v128.xor(sign, v128.load(from + row));
  const third = v128.xor(sign, v128.load(from + 2 * row));
  return f32x4.add(f32x4.add(v128.load(from), second), third);
}

/** G g G^T of all taps, packed as panels [D, 8] of E columns, one matrix a place. */
function transformTaps(adjoint: bool, w: usize, channels: i32, outputs: i32, target: usize): void {
  const tap = usize(channels * outputs) << 2;
  for (let i = 0; i < 4; i++) {
    for (let c = 0; c < channels; c++) {
      for (let o = 0; o < outputs; o += 4) {
        const from = w + (usize(c * outputs + o) << 2);
        // One row of G g from the three taps of each column; turned around for the input gradient.
        const g0 = tapRow(from + (adjoint ? 2 * tap : 0), tap, i, adjoint);
        const g1 = tapRow(from + tap, tap, i, adjoint);
        const g2 = tapRow(from + (adjoint ? 0 : 2 * tap), tap, i, adjoint);
        const half = f32x4.splat(0.5);
        const ends = f32x4.add(g0, g2);
        const g01 = f32x4.mul(half, f32x4.add(ends, g1));
        const g02 = f32x4.mul(half, f32x4.sub(ends, g1));
        const place = target + usize(4 * i) * tap;
        if (adjoint) {
          const to = place + (usize(((c >> 3) * outputs + o) * 8 + (c & 7)) << 2);
          scatterLanes(to, g0);
          scatterLanes(to + tap, g01);
          scatterLanes(to + 2 * tap, g02);
          scatterLanes(to + 3 * tap, g2);
        } else {
          const to = place + (usize(((o >> 3) * channels + c) * 8 + (o & 4)) << 2);
          v128.store(to, g0);
          v128.store(to + tap, g01);
          v128.store(to + 2 * tap, g02);
          v128.store(to + 3 * tap, g2);
        }
      }
    }
  }
}

/** Row i of G times the three taps of a column, 3 * tap bytes apart. */
function tapRow(from: usize, tap: usize, i: i32, turned: bool): v128 {
  const first = v128.load(from + (turned ? 6 * tap : 0));
  const last = v128.load(from + (turned ? 0 : 6 * tap));
  if (i == 0) return first;
  if (i == 3) return last;
  const ends = f32x4.add(first, last);
  const middle = v128.load(from + 3 * tap);
  return f32x4.mul(f32x4.splat(0.5), i == 1 ? f32x4.add(ends, middle) : f32x4.sub(ends, middle));
}

/** Stores four lanes eight floats apart. */
function scatterLanes(target: usize, value: v128): void {
  v128.store_lane<f32>(target, value, 0);
  v128.store_lane<f32>(target, value, 1, 32);
  v128.store_lane<f32>(target, value, 2, 64);
  v128.store_lane<f32>(target, value, 3, 96);
}
