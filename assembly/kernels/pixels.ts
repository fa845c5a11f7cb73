/**
 * The weight gradient without padding: for every tap
 *
 *     dw[kh,kw] [C, O] = sum over the pixels whose window holds the tap inside the image of x[n, h, w, :]^T dy[n, i, j, :]
 *
 * Blocks of a few lines of pixels go through all taps. For each, the rows of x and dy that meet are brought together: dy as panels of
 * eight columns, x as rows a cache line longer than their floats, since rows a power of two apart would compete for cache. Each
 * element adds its pixels in the order n, i, j: those of a block, then the blocks' sums.
 */

import { field } from "../fields";
import { ConvField, Tile } from "../opcodes";
import { copyFloats } from "../vector";
import { pixelTileFour, pixelTileOne, pixelTileThree, pixelTileTwo } from "./pixel-tile";
import { PANEL_STEP, panelCount, panelStart } from "./product";

/** Bytes from one pixel to the next in a packed panel of dy, and from one panel to the next. */
const PANEL_BYTES: usize = usize(Tile.Pixels) * PANEL_STEP;

/** First output position whose window holds tap k at or behind the image's first pixel. */
export function firstPosition(k: i32, stride: i32, pad: i32): i32 {
  return k >= pad ? 0 : (pad - k - 1) / stride + 1;
}

/** One behind the last output position whose window holds tap k at or before the image's last pixel. */
export function endPosition(k: i32, extent: i32, stride: i32, pad: i32, positions: i32): i32 {
  const reach = i64(extent) - 1 + i64(pad) - i64(k);
  return reach < 0 ? 0 : i32(min(reach / i64(stride) + 1, i64(positions)));
}

/** Bytes from one gathered row of x to the next. */
function gatheredStep(fields: usize): usize {
  return (usize(field(fields, ConvField.C)) + Tile.PixelGap) << 2;
}

/** Lines of output pixels, all images' counted through, that a weight gradient adds before their sum goes to the total. */
export function linesInGroup(fields: usize): i32 {
  return Tile.Blocks * linesAtOnce(fields);
}

function linesAtOnce(fields: usize): i32 {
  return max(1, Tile.Pixels / field(fields, ConvField.WO));
}

/**
 * Adds the part of the lines [line, end) of output pixels to `sums`: a panel of eight columns every `panelBytes`, its K rows `sumRow` bytes apart. O is at least 8.
 * @param room for Tile.Pixels rows of C + Tile.PixelGap floats, then as many of O rounded up to whole panels
 */
export function sumPixels(
  fields: usize,
  x: usize,
  dy: usize,
  sums: usize,
  sumRow: usize,
  panelBytes: usize,
  room: usize,
  line: i32,
  end: i32,
): void {
  const kernelHeight = field(fields, ConvField.KH);
  const kernelWidth = field(fields, ConvField.KW);
  const channels = field(fields, ConvField.C);
  const step = linesAtOnce(fields);
  for (; line < end; line += step) {
    let target = sums;
    for (let kh = 0; kh < kernelHeight; kh++) {
      for (let kw = 0; kw < kernelWidth; kw++) {
        sumTap(fields, x, dy, target, sumRow, panelBytes, room, line, min(line + step, end), kh, kw);
        target += usize(channels) * sumRow;
      }
    }
  }
}

/** One tap over the lines [line, end) of output pixels, all images' lines counted through. */
function sumTap(
  fields: usize,
  x: usize,
  dy: usize,
  target: usize,
  sumRow: usize,
  panelBytes: usize,
  room: usize,
  line: i32,
  end: i32,
  kh: i32,
  kw: i32,
): void {
  const height = field(fields, ConvField.H);
  const width = field(fields, ConvField.W);
  const channels = field(fields, ConvField.C);
  const outputs = field(fields, ConvField.O);
  const outHeight = field(fields, ConvField.HO);
  const outWidth = field(fields, ConvField.WO);
  const strideH = field(fields, ConvField.strideH);
  const strideW = field(fields, ConvField.strideW);
  const padTop = field(fields, ConvField.padTop);
  const padLeft = field(fields, ConvField.padLeft);
  const xPixel = usize(channels) << 2;
  const yPixel = usize(outputs) << 2;
  const first = firstPosition(kw, strideW, padLeft);
  const last = endPosition(kw, width, strideW, padLeft, outWidth);
  const across = usize(strideW) * xPixel;
  const step = gatheredStep(fields);
  const panels = room + usize(Tile.Pixels) * step;
  let image = line / outHeight;
  let row = line - image * outHeight;
  let count = 0;
  for (; line < end; line++) {
    const h = row * strideH - padTop + kh;
    if (h >= 0 && h < height) {
      let a = x + usize((image * height + h) * width + first * strideW - padLeft + kw) * xPixel;
      let b = dy + usize(line * outWidth + first) * yPixel;
      for (let column = first; column < last; column++) {
        copyFloats(room + usize(count) * step, a, channels);
        packRow(panels + usize(count) * PANEL_STEP, b, outputs);
        if (++count == Tile.Pixels) {
          sumGathered(fields, room, count, target, sumRow, panelBytes);
          count = 0;
        }
        a += across;
        b += yPixel;
      }
    }
    if (++row == outHeight) {
      row = 0;
      image++;
    }
  }
  if (count > 0) sumGathered(fields, room, count, target, sumRow, panelBytes);
}

/** One row of dy into all panels. */
function packRow(target: usize, source: usize, columns: i32): void {
  for (let panel = 0; panel < panelCount(columns); panel++) {
    const from = source + (usize(panelStart(panel, columns)) << 2);
    v128.store(target, v128.load(from));
    v128.store(target, v128.load(from, 16), 16);
    target += PANEL_BYTES;
  }
}

/** `count` gathered pixels into one tap [C, O] of the sums: a few rows through all panels, then the next. */
function sumGathered(fields: usize, room: usize, count: i32, target: usize, sumRow: usize, panelBytes: usize): void {
  const step = gatheredStep(fields);
  const panels = panelCount(field(fields, ConvField.O));
  let left = field(fields, ConvField.C);
  let a = room;
  while (left > 0) {
    const rows = tileRows(left);
    let b = room + usize(Tile.Pixels) * step;
    let c = target;
    for (let panel = 0; panel < panels; panel++) {
      const end = b + usize(count) * PANEL_STEP;
      if (rows == 4) pixelTileFour(a, step, b, end, c, sumRow);
      else if (rows == 3) pixelTileThree(a, step, b, end, c, sumRow);
      else if (rows == 2) pixelTileTwo(a, step, b, end, c, sumRow);
      else pixelTileOne(a, step, b, end, c);
      b += PANEL_BYTES;
      c += panelBytes;
    }
    a += usize(rows) << 2;
    target += usize(rows) * sumRow;
    left -= rows;
  }
}

/** Rows of the next tile where `left` are left: five and six go as 3 + 2 and 3 + 3. */
function tileRows(left: i32): i32 {
  return left > 6 || left == 4 ? 4 : min(left, 3);
}
