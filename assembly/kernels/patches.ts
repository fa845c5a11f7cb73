/**
 * Patches of a convolution: row p of [patches, K] is the window of x under output pixel p, K = KH * KW * C, zeros where it leaves the
 * image. Inside a patch and inside the image alike, one row of the window is one run of KW * C floats.
 */

import { field } from "../fields";
import { ConvField } from "../opcodes";
import { addFloats, copyFloats, fillFloats } from "../vector";

/** Gathers patches [first, first + count) of x [N,H,W,C] to `target`, rows `rowBytes` apart, in order: a row may spill up to 3 floats over its end. */
export function gatherPatches(fields: usize, x: usize, first: i32, count: i32, target: usize, rowBytes: usize): void {
  const height = field(fields, ConvField.H);
  const width = field(fields, ConvField.W);
  const channels = field(fields, ConvField.C);
  const kernelHeight = field(fields, ConvField.KH);
  const kernelWidth = field(fields, ConvField.KW);
  const outHeight = field(fields, ConvField.HO);
  const outWidth = field(fields, ConvField.WO);
  const strideH = field(fields, ConvField.strideH);
  const strideW = field(fields, ConvField.strideW);
  const padTop = field(fields, ConvField.padTop);
  const padLeft = field(fields, ConvField.padLeft);
  const run = kernelWidth * channels;
  const runBytes = usize(run) << 2;
  const imageRow = (usize(width) * usize(channels)) << 2;
  // The last byte at which a whole vector of x may start.
  const lastVector = x + usize(field(fields, ConvField.N)) * usize(height) * imageRow - 16;
  let column = first % outWidth;
  let row = (first / outWidth) % outHeight;
  let image = x + usize(first / (outWidth * outHeight)) * usize(height) * imageRow;
  for (let patch = 0; patch < count; patch++) {
    const top = row * strideH - padTop;
    const left = column * strideW - padLeft;
    const source = image + isize(top * width + left) * (isize(channels) << 2);
    const inside = top >= 0 && top + kernelHeight <= height && left >= 0 && left + kernelWidth <= width;
    const lastRun = source + usize(kernelHeight - 1) * imageRow + (runBytes & ~15);
    if (inside && ((run & 3) == 0 || lastRun <= lastVector)) {
      gatherInside(target, runBytes, source, imageRow, kernelHeight, run);
    } else {
      gatherClipped(target, source, imageRow, kernelHeight, kernelWidth, channels, top, left, height, width);
    }
    target += rowBytes;
    if (++column == outWidth) {
      column = 0;
      if (++row == outHeight) {
        row = 0;
        image += usize(height) * imageRow;
      }
    }
  }
}

/** A window that lies inside the image: whole vectors, each run overwriting what the one before it spilled. */
function gatherInside(target: usize, runBytes: usize, source: usize, imageRow: usize, runs: i32, run: i32): void {
  if ((run & 15) == 0) {
    for (let i = 0; i < runs; i++) {
      copyFloats(target, source, run);
      target += runBytes;
      source += imageRow;
    }
    return;
  }
  for (let i = 0; i < runs; i++) {
    for (let at: usize = 0; at < runBytes; at += 16) v128.store(target + at, v128.load(source + at));
    target += runBytes;
    source += imageRow;
  }
}

/** A window that may leave the image: exact runs between zeros. `source` may point outside; only what lies inside is read. */
function gatherClipped(
  target: usize,
  source: usize,
  imageRow: usize,
  kernelHeight: i32,
  kernelWidth: i32,
  channels: i32,
  top: i32,
  left: i32,
  height: i32,
  width: i32,
): void {
  const begin = min(max(-left, 0), kernelWidth);
  const end = max(min(width - left, kernelWidth), begin);
  const run = kernelWidth * channels;
  const skip = usize(begin * channels) << 2;
  for (let i = 0; i < kernelHeight; i++) {
    const y = top + i;
    if (y < 0 || y >= height) {
      fillFloats(target, 0, run);
    } else {
      if (begin > 0) fillFloats(target, 0, begin * channels);
      copyFloats(target + skip, source + skip, (end - begin) * channels);
      if (end < kernelWidth) fillFloats(target + (usize(end * channels) << 2), 0, (kernelWidth - end) * channels);
    }
    target += usize(run) << 2;
    source += imageRow;
  }
}

/**
 * As gatherPatches, for short lines and blocks of patches that follow one another: each image is laid out at `room` with its padding
 * first, so that no window leaves it. Lines may be copied up to 3 floats beyond their end.
 */
export function gatherNarrowPatches(
  fields: usize,
  x: usize,
  first: i32,
  count: i32,
  target: usize,
  rowBytes: usize,
  room: usize,
): void {
  const kernelHeight = field(fields, ConvField.KH);
  const outHeight = field(fields, ConvField.HO);
  const outWidth = field(fields, ConvField.WO);
  const channels = field(fields, ConvField.C);
  const lineBytes = usize(paddedWidth(fields) * channels) << 2;
  const windowBytes = usize(field(fields, ConvField.KW) * channels) << 2;
  const step = usize(field(fields, ConvField.strideW) * channels) << 2;
  let column = first % outWidth;
  let row = (first / outWidth) % outHeight;
  let image = first / (outWidth * outHeight);
  while (count > 0) {
    if (row == 0 && column == 0) padImage(fields, x, image, room, lineBytes);
    const here = min(count, outWidth - column);
    const source = room + usize(row * field(fields, ConvField.strideH)) * lineBytes + usize(column) * step;
    gatherLine(source, step, lineBytes, target, rowBytes, windowBytes, kernelHeight, here);
    target += usize(here) * rowBytes;
    count -= here;
    column += here;
    if (column == outWidth) {
      column = 0;
      if (++row == outHeight) {
        row = 0;
        image++;
      }
    }
  }
}

/** The windows of neighbouring output pixels, `step` bytes apart. */
function gatherLine(
  source: usize,
  step: usize,
  lineBytes: usize,
  target: usize,
  rowBytes: usize,
  windowBytes: usize,
  lines: i32,
  count: i32,
): void {
  for (; count > 0; count--) {
    let from = source;
    let to = target;
    for (let line = lines; line > 0; line--) {
      v128.store(to, v128.load(from));
      for (let at: usize = 16; at < windowBytes; at += 16) v128.store(to + at, v128.load(from + at));
      from += lineBytes;
      to += windowBytes;
    }
    source += step;
    target += rowBytes;
  }
}

/** Pixels of a line of an image with its padding, as far as windows reach. */
function paddedWidth(fields: usize): i32 {
  return (field(fields, ConvField.WO) - 1) * field(fields, ConvField.strideW) + field(fields, ConvField.KW);
}

/** Image `index` of x at `room`, with zeros around it. */
function padImage(fields: usize, x: usize, index: i32, room: usize, lineBytes: usize): void {
  const height = field(fields, ConvField.H);
  const width = field(fields, ConvField.W);
  const channels = field(fields, ConvField.C);
  const padTop = field(fields, ConvField.padTop);
  const padLeft = field(fields, ConvField.padLeft);
  const lines = (field(fields, ConvField.HO) - 1) * field(fields, ConvField.strideH) + field(fields, ConvField.KH);
  const wide = paddedWidth(fields);
  // The part of a line that lies in the image.
  const begin = min(padLeft, wide);
  const end = max(begin, min(padLeft + width, wide));
  const imageRow = usize(width * channels) << 2;
  x += usize(index) * usize(height) * imageRow;
  for (let line = 0; line < lines; line++) {
    const y = line - padTop;
    if (y < 0 || y >= height) {
      fillFloats(room, 0, wide * channels);
    } else {
      fillFloats(room, 0, begin * channels);
      copyFloats(room + (usize(begin * channels) << 2), x + usize(y) * imageRow, (end - begin) * channels);
      fillFloats(room + (usize(end * channels) << 2), 0, (wide - end) * channels);
    }
    room += lineBytes;
  }
}

/** The transpose of gatherPatches: adds patches [first, first + count) from `source` to x [N,H,W,C]. */
export function scatterPatches(fields: usize, x: usize, first: i32, count: i32, source: usize, rowBytes: usize): void {
  const height = field(fields, ConvField.H);
  const width = field(fields, ConvField.W);
  const channels = field(fields, ConvField.C);
  const kernelHeight = field(fields, ConvField.KH);
  const kernelWidth = field(fields, ConvField.KW);
  const outHeight = field(fields, ConvField.HO);
  const outWidth = field(fields, ConvField.WO);
  const runBytes = usize(kernelWidth * channels) << 2;
  const imageRow = (usize(width) * usize(channels)) << 2;
  for (let patch = first; patch < first + count; patch++) {
    const top = ((patch / outWidth) % outHeight) * field(fields, ConvField.strideH) - field(fields, ConvField.padTop);
    const left = (patch % outWidth) * field(fields, ConvField.strideW) - field(fields, ConvField.padLeft);
    const image = x + usize(patch / (outWidth * outHeight)) * usize(height) * imageRow;
    const begin = min(max(-left, 0), kernelWidth);
    const end = max(min(width - left, kernelWidth), begin);
    const skip = usize(begin * channels) << 2;
    const lastRow = min(kernelHeight, height - top);
    for (let i = max(-top, 0); i < lastRow; i++) {
      const target = image + usize(top + i) * imageRow + (isize(left * channels) << 2);
      addFloats(target + skip, source + usize(i) * runBytes + skip, (end - begin) * channels);
    }
    source += rowBytes;
  }
}
