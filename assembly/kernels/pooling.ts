/**
 * Pooling over windows; fields: `PoolField`. Letters: N batch, H W space, C channels.
 *
 * Window position by window position, four channels at a time: a winner is compared with each position rather than used as an
 * address, so a winner that is no position (NaN, a fraction, out of range) matches nothing.
 */

import { address, field } from "../fields";
import { PoolField } from "../opcodes";
import { addFloats, fillFloats, loadPartial, storePartial } from "../vector";

function load4(source: usize, count: i32): v128 {
  if (count >= 4) return v128.load(source);
  return loadPartial(source, count, f32x4.splat(0));
}

function store4(target: usize, value: v128, count: i32): void {
  if (count >= 4) v128.store(target, value);
  else storePartial(target, value, count);
}

/** What a window does to its image. */
enum Pooling {
  Winners,
  Gather,
  Scatter,
  Average,
  AverageGrad,
}

/** out [N,HO,WO,C] = position of the maximum inside each window of a; a NaN wins, padding never does. */
export function maxPoolWinners(fields: usize, base: usize): void {
  forEachWindow(Pooling.Winners, fields, base);
}

/** out [N,HO,WO,C] = a [N,H,W,C] at the winners b [N,HO,WO,C]. */
export function poolGather(fields: usize, base: usize): void {
  forEachWindow(Pooling.Gather, fields, base);
}

/** out [N,H,W,C] = a [N,HO,WO,C] added at the winners b [N,HO,WO,C]. */
export function poolScatter(fields: usize, base: usize): void {
  fillFloats(address(fields, PoolField.out, base), 0, imageSize(fields));
  forEachWindow(Pooling.Scatter, fields, base);
}

/** out [N,HO,WO,C] = mean of a [N,H,W,C] over each window, padding counted as zeros. */
export function averagePool(fields: usize, base: usize): void {
  forEachWindow(Pooling.Average, fields, base);
}

/** out [N,H,W,C] = a [N,HO,WO,C] / (KH * KW) added over each window. */
export function averagePoolGrad(fields: usize, base: usize): void {
  fillFloats(address(fields, PoolField.out, base), 0, imageSize(fields));
  forEachWindow(Pooling.AverageGrad, fields, base);
}

/** Floats of [N,H,W,C]. */
function imageSize(fields: usize): i32 {
  const pixels = field(fields, PoolField.N) * field(fields, PoolField.H) * field(fields, PoolField.W);
  return pixels * field(fields, PoolField.C);
}

/**
 * Walks the windows in order. `image` is the full-size side [N,H,W,C], `pixel` the pooled side [N,HO,WO,C]; which of them is read
 * and which is written is the operation's business.
 */
function forEachWindow(operation: Pooling, fields: usize, base: usize): void {
  const batch = field(fields, PoolField.N);
  const height = field(fields, PoolField.H);
  const width = field(fields, PoolField.W);
  const channels = field(fields, PoolField.C);
  const outHeight = field(fields, PoolField.HO);
  const outWidth = field(fields, PoolField.WO);
  const a = address(fields, PoolField.a, base);
  const out = address(fields, PoolField.out, base);
  const scatters = operation == Pooling.Scatter || operation == Pooling.AverageGrad;
  const pixelBytes = usize(channels) << 2;
  const imageBytes = usize(height) * usize(width) * pixelBytes;
  let image = scatters ? out : a;
  let pixel = scatters ? a : out;
  let winners = address(fields, PoolField.b, base);
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        window(operation, fields, image, pixel, winners, row, column);
        pixel += pixelBytes;
        winners += pixelBytes;
      }
    }
    image += imageBytes;
  }
}

/** One window: clips it to the image and runs the operation on all channels. */
function window(
  operation: Pooling,
  fields: usize,
  image: usize,
  pixel: usize,
  winners: usize,
  row: i32,
  column: i32,
): void {
  const width = field(fields, PoolField.W);
  const channels = field(fields, PoolField.C);
  const kernelHeight = field(fields, PoolField.KH);
  const kernelWidth = field(fields, PoolField.KW);
  const top = row * field(fields, PoolField.strideH) - field(fields, PoolField.padTop);
  const left = column * field(fields, PoolField.strideW) - field(fields, PoolField.padLeft);
  const firstRow = max(-top, 0);
  const firstColumn = max(-left, 0);
  const pixelBytes = usize(channels) << 2;
  const rowBytes = usize(width) * pixelBytes;
  // The window's first pixel that lies inside the image.
  const corner = image + usize(top + firstRow) * rowBytes + usize(left + firstColumn) * pixelBytes;
  const rows = min(top + kernelHeight, field(fields, PoolField.H)) - max(top, 0);
  const columns = min(left + kernelWidth, width) - max(left, 0);
  const position = firstRow * kernelWidth + firstColumn;
  if (operation == Pooling.Winners) {
    return winnersOf(pixel, corner, rowBytes, pixelBytes, rows, columns, position, kernelWidth);
  }
  const divisor = f32(kernelHeight) * f32(kernelWidth);
  if (operation == Pooling.Gather) fillFloats(pixel, NaN, channels);
  if (operation == Pooling.Average) fillFloats(pixel, 0, channels);
  for (let i = 0; i < rows; i++) {
    let at = corner + usize(i) * rowBytes;
    for (let j = 0; j < columns; j++) {
      const place = f32(position + i * kernelWidth + j);
      if (operation == Pooling.Gather) takeAtWinners(pixel, at, winners, place, channels);
      else if (operation == Pooling.Scatter) addAtWinners(at, pixel, winners, place, channels);
      else if (operation == Pooling.Average) addFloats(pixel, at, channels);
      else addQuotients(at, pixel, divisor, channels);
      at += pixelBytes;
    }
  }
  if (operation == Pooling.Average) divideBy(pixel, divisor, channels);
}

/** pixel [channels] = position of the largest inside a clipped window; its first position where all of it lies outside the image. */
function winnersOf(
  pixel: usize,
  corner: usize,
  rowBytes: usize,
  pixelBytes: usize,
  rows: i32,
  columns: i32,
  position: i32,
  kernelWidth: i32,
): void {
  if (rows <= 0 || columns <= 0) return fillFloats(pixel, f32(position), i32(pixelBytes >> 2));
  for (let count = i32(pixelBytes >> 2); count > 0; count -= 4) {
    let winner = f32x4.splat(f32(position));
    let best = load4(corner, count);
    for (let i = 0; i < rows; i++) {
      let at = corner + usize(i) * rowBytes;
      for (let j = 0; j < columns; j++) {
        const x = load4(at, count);
        // Not (x <= best) holds for a larger x and for NaN; a NaN that leads stays.
        const beats = v128.andnot(f32x4.eq(best, best), f32x4.le(x, best));
        best = v128.bitselect(x, best, beats);
        winner = v128.bitselect(f32x4.splat(f32(position + i * kernelWidth + j)), winner, beats);
        at += pixelBytes;
      }
    }
    store4(pixel, winner, count);
    corner += 16;
    pixel += 16;
  }
}

/** target[c] = source[c] where winners[c] is `place`. */
function takeAtWinners(target: usize, source: usize, winners: usize, place: f32, channels: i32): void {
  const places = f32x4.splat(place);
  for (let count = channels; count > 0; count -= 4) {
    const wins = f32x4.eq(load4(winners, count), places);
    store4(target, v128.bitselect(load4(source, count), load4(target, count), wins), count);
    target += 16;
    source += 16;
    winners += 16;
  }
}

/** target[c] += source[c] where winners[c] is `place`. */
function addAtWinners(target: usize, source: usize, winners: usize, place: f32, channels: i32): void {
  const places = f32x4.splat(place);
  for (let count = channels; count > 0; count -= 4) {
    const wins = f32x4.eq(load4(winners, count), places);
    store4(target, f32x4.add(load4(target, count), v128.and(load4(source, count), wins)), count);
    target += 16;
    source += 16;
    winners += 16;
  }
}

/** target[c] += source[c] / divisor. */
function addQuotients(target: usize, source: usize, divisor: f32, channels: i32): void {
  const divisors = f32x4.splat(divisor);
  for (let count = channels; count > 0; count -= 4) {
    store4(target, f32x4.add(load4(target, count), f32x4.div(load4(source, count), divisors)), count);
    target += 16;
    source += 16;
  }
}

function divideBy(target: usize, divisor: f32, channels: i32): void {
  const divisors = f32x4.splat(divisor);
  for (let count = channels; count > 0; count -= 4) {
    store4(target, f32x4.div(load4(target, count), divisors), count);
    target += 16;
  }
}
