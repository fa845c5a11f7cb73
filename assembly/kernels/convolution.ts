/**
 * Convolutions as matrix products over blocks of patches; fields: `ConvField`.
 *
 * Letters: N batch, H W space, C channels, O output channels, K = KH * KW * C; a pixel is one of the N * HO * WO outputs.
 * Scratch: packed weights (or padded weight gradients), then Tile.Patches patches, then Tile.Patches packed gradients. A patch may
 * spill a few floats over its end, so packed gradients are written after the patches.
 */

import { address, field } from "../fields";
import { ConvField, Tile } from "../opcodes";
import { addFloats, copyFloats, fillFloats } from "../vector";
import { gatherNarrowPatches, gatherPatches, scatterPatches } from "./patches";
import { linesInGroup, sumPixels } from "./pixels";
import {
  multiplyPacked,
  multiplyPanel,
  PANEL_STEP,
  packAll,
  packPanelTransposed,
  panelColumns,
  panelCount,
  panelStart,
} from "./product";
import { MOST_LINES, multiplyTaps, tapOrder } from "./taps";
import { isWinograd, winograd } from "./winograd";
import { winogradWeights } from "./winograd-weights";

function roundUp(n: i32): i32 {
  return (n + Tile.Columns - 1) & ~(Tile.Columns - 1);
}

/** K: floats of one patch. */
function patchSize(fields: usize): i32 {
  return field(fields, ConvField.KH) * field(fields, ConvField.KW) * field(fields, ConvField.C);
}

function pixelCount(fields: usize): i32 {
  return field(fields, ConvField.N) * field(fields, ConvField.HO) * field(fields, ConvField.WO);
}

/** Where patches lie in the scratch area: behind max(up(O) * K, KH * KW * up(C) * O) floats. */
function patchRoom(fields: usize, base: usize): usize {
  const depth = patchSize(fields);
  const outputs = field(fields, ConvField.O);
  const taps = field(fields, ConvField.KH) * field(fields, ConvField.KW);
  const weights = max(roundUp(outputs) * depth, taps * roundUp(field(fields, ConvField.C)) * outputs);
  return address(fields, ConvField.scratch, base) + (usize(weights) << 2);
}

/** Where one image with its padding lies: behind patches and packed gradients, or what else is as large. */
function imageRoom(fields: usize, base: usize): usize {
  const outputs = roundUp(field(fields, ConvField.O));
  const patches = Tile.Patches * (roundUp(patchSize(fields)) + outputs);
  const pixels = Tile.Pixels * (field(fields, ConvField.C) + Tile.PixelGap + outputs);
  return patchRoom(fields, base) + (usize(max(patches, pixels)) << 2);
}

/** Whether a window has more lines than `multiplyTaps` has room for. */
function isTall(fields: usize): bool {
  return field(fields, ConvField.KH) > MOST_LINES;
}

/** Whether the lines of a window are so short that a run of its own would take longer to start than to multiply. */
function isNarrow(fields: usize): bool {
  return field(fields, ConvField.KW) * field(fields, ConvField.C) < Tile.Line;
}

/** y [N,HO,WO,O] = patches [pixels, K] w [K, O]. */
export function conv2d(fields: usize, base: usize): void {
  if (isNarrow(fields) || isTall(fields)) return conv2dByPatches(fields, base);
  const x = address(fields, ConvField.a, base);
  const w = address(fields, ConvField.b, base);
  const y = address(fields, ConvField.out, base);
  if (isWinograd(fields, false)) {
    return winograd(fields, false, x, w, y, address(fields, ConvField.scratch, base));
  }
  const outputs = field(fields, ConvField.O);
  const depth = patchSize(fields);
  const packed = address(fields, ConvField.scratch, base);
  packAll(packed, w, usize(outputs) << 2, depth, outputs, false);
  multiplyTaps(fields, false, x, packed, PANEL_STEP, usize(depth) * PANEL_STEP, y);
}

function conv2dByPatches(fields: usize, base: usize): void {
  const x = address(fields, ConvField.a, base);
  const w = address(fields, ConvField.b, base);
  const packed = address(fields, ConvField.scratch, base);
  const patches = patchRoom(fields, base);
  const depth = patchSize(fields);
  const outputs = field(fields, ConvField.O);
  const pixels = pixelCount(fields);
  const patchBytes = usize(roundUp(depth)) << 2;
  const pixelBytes = usize(outputs) << 2;
  const narrow = isNarrow(fields);
  let y = address(fields, ConvField.out, base);
  packAll(packed, w, pixelBytes, depth, outputs, false);
  for (let pixel = 0; pixel < pixels; pixel += Tile.Patches) {
    const count = min(Tile.Patches, pixels - pixel);
    if (narrow) gatherNarrowPatches(fields, x, pixel, count, patches, patchBytes, imageRoom(fields, base));
    else gatherPatches(fields, x, pixel, count, patches, patchBytes);
    multiplyPacked(patches, patchBytes, 4, packed, y, pixelBytes, count, outputs, depth);
    y += usize(count) * pixelBytes;
  }
}

/** dx [N,H,W,C] = patches of dy [pixels, O] w^T [O, K], each added where it was gathered from. */
export function conv2dInputGrad(fields: usize, base: usize): void {
  if (field(fields, ConvField.C) < Tile.Columns || isTall(fields)) return conv2dInputGradByPatches(fields, base);
  const packed = address(fields, ConvField.scratch, base);
  if (isWinograd(fields, true)) {
    const dy = address(fields, ConvField.a, base);
    const w = address(fields, ConvField.b, base);
    return winograd(fields, true, dy, w, address(fields, ConvField.out, base), packed);
  }
  packTransposedTaps(fields, packed, address(fields, ConvField.b, base));
  multiplyTaps(
    fields,
    true,
    address(fields, ConvField.a, base),
    packed,
    PANEL_STEP,
    usize(field(fields, ConvField.KH) * field(fields, ConvField.KW) * field(fields, ConvField.O)) * PANEL_STEP,
    address(fields, ConvField.out, base),
  );
}

/** Packs w [KH,KW,C,O] as panels of eight channels, each with the transpose [O, 8] of every tap, in the order of `tapOrder`. */
function packTransposedTaps(fields: usize, target: usize, w: usize): void {
  const kernelHeight = field(fields, ConvField.KH);
  const kernelWidth = field(fields, ConvField.KW);
  const strideH = field(fields, ConvField.strideH);
  const strideW = field(fields, ConvField.strideW);
  const channels = field(fields, ConvField.C);
  const outputs = field(fields, ConvField.O);
  const rowBytes = usize(outputs) << 2;
  const tapBytes = usize(channels) * rowBytes;
  const packedTap = usize(outputs) * PANEL_STEP;
  const width = panelColumns(channels);
  for (let panel = 0; panel < panelCount(channels); panel++) {
    let from = w + usize(panelStart(panel, channels)) * rowBytes;
    for (let kh = 0; kh < kernelHeight; kh++) {
      const line = tapOrder(true, kh, kernelHeight, strideH) * kernelWidth;
      for (let kw = 0; kw < kernelWidth; kw++) {
        const tap = line + tapOrder(true, kw, kernelWidth, strideW);
        packPanelTransposed(target + usize(tap) * packedTap, from, rowBytes, outputs, width);
        from += tapBytes;
      }
    }
    target += usize(kernelHeight * kernelWidth) * packedTap;
  }
}

function conv2dInputGradByPatches(fields: usize, base: usize): void {
  const w = address(fields, ConvField.b, base);
  const dx = address(fields, ConvField.out, base);
  const packed = address(fields, ConvField.scratch, base);
  const patches = patchRoom(fields, base);
  const depth = patchSize(fields);
  const outputs = field(fields, ConvField.O);
  const pixels = pixelCount(fields);
  const patchBytes = usize(roundUp(depth)) << 2;
  const pixelBytes = usize(outputs) << 2;
  let dy = address(fields, ConvField.a, base);
  const images = field(fields, ConvField.N) * field(fields, ConvField.H);
  fillFloats(dx, 0, images * field(fields, ConvField.W) * field(fields, ConvField.C));
  packAll(packed, w, pixelBytes, outputs, depth, true);
  for (let pixel = 0; pixel < pixels; pixel += Tile.Patches) {
    const count = min(Tile.Patches, pixels - pixel);
    multiplyPacked(dy, pixelBytes, 4, packed, patches, patchBytes, count, depth, outputs);
    scatterPatches(fields, dx, pixel, count, patches, patchBytes);
    dy += usize(count) * pixelBytes;
  }
}

/**
 * dw [K, O] = sum over blocks of pixels of patches^T [K, block] dy [block, O]: pixel by pixel in a block, then the blocks' sums in
 * groups of Tile.Blocks, then the groups' sums, each in order.
 */
export function conv2dWeightGrad(fields: usize, base: usize): void {
  const outputs = field(fields, ConvField.O);
  if (outputs < Tile.Columns || field(fields, ConvField.C) < Tile.Columns) {
    return conv2dWeightGradByPatches(fields, base);
  }
  const x = address(fields, ConvField.a, base);
  const dy = address(fields, ConvField.b, base);
  const dw = address(fields, ConvField.out, base);
  const depth = patchSize(fields);
  if (isWinograd(fields, false)) {
    return winogradWeights(fields, x, dy, dw, address(fields, ConvField.scratch, base));
  }
  const room = patchRoom(fields, base);
  // Where dw has whole panels, sums of one group need no room of their own. The last panel of others overlaps its neighbour.
  const lines = field(fields, ConvField.N) * field(fields, ConvField.HO);
  const group = linesInGroup(fields);
  const direct = (outputs & (Tile.Columns - 1)) == 0;
  const sums = address(fields, ConvField.scratch, base);
  const rowBytes = usize(outputs) << 2;
  for (let line = 0; line < lines; line += group) {
    const end = min(line + group, lines);
    if (direct) {
      const target = line == 0 ? dw : sums;
      fillFloats(target, 0, depth * outputs);
      sumPixels(fields, x, dy, target, rowBytes, PANEL_STEP, room, line, end);
      if (line > 0) addFloats(dw, sums, depth * outputs);
    } else {
      const panelBytes = usize(depth) * PANEL_STEP;
      fillFloats(sums, 0, panelCount(outputs) * depth * Tile.Columns);
      sumPixels(fields, x, dy, sums, PANEL_STEP, panelBytes, room, line, end);
      if (line == 0) fillFloats(dw, 0, depth * outputs);
      addPanels(dw, sums, depth, outputs);
    }
  }
}

/** dw [rows, columns] += panels of their own, whose last one overlaps its neighbour. */
function addPanels(target: usize, panels: usize, rows: i32, columns: i32): void {
  for (let panel = 0; panel < panelCount(columns); panel++) {
    const first = panel * Tile.Columns;
    const skip = first - panelStart(panel, columns);
    let to = target + (usize(first) << 2);
    let from = panels + (usize(skip) << 2);
    for (let row = 0; row < rows; row++) {
      addFloats(to, from, Tile.Columns - skip);
      to += usize(columns) << 2;
      from += PANEL_STEP;
    }
    panels += usize(rows) * PANEL_STEP;
  }
}

function conv2dWeightGradByPatches(fields: usize, base: usize): void {
  const x = address(fields, ConvField.a, base);
  const dw = address(fields, ConvField.out, base);
  const patches = patchRoom(fields, base);
  const depth = patchSize(fields);
  const outputs = field(fields, ConvField.O);
  const pixels = pixelCount(fields);
  const padded = roundUp(outputs);
  const patchBytes = usize(roundUp(depth)) << 2;
  const gradients = patches + usize(Tile.Patches) * patchBytes;
  const ragged = padded != outputs;
  const narrow = isNarrow(fields);
  // A group is summed in the scratch area, where ragged rows of dw are padded, and then added to dw.
  const sums = address(fields, ConvField.scratch, base);
  const sumBytes = usize(padded) << 2;
  let dy = address(fields, ConvField.b, base);
  fillFloats(dw, 0, depth * outputs);
  fillFloats(sums, 0, depth * padded);
  for (let pixel = 0; pixel < pixels; pixel += Tile.Patches) {
    const count = min(Tile.Patches, pixels - pixel);
    if (narrow) gatherNarrowPatches(fields, x, pixel, count, patches, patchBytes, imageRoom(fields, base));
    else gatherPatches(fields, x, pixel, count, patches, patchBytes);
    if (ragged) padRows(gradients, padded, dy, outputs, count);
    const source = ragged ? gradients : dy;
    for (let panel = 0; panel < panelCount(outputs); panel++) {
      const at = usize(panel) * Tile.Columns * 4;
      multiplyPanel(
        patches,
        4,
        patchBytes,
        source + at,
        sumBytes,
        sums + at,
        sumBytes,
        Tile.Columns,
        depth,
        count,
        true,
      );
    }
    dy += (usize(count) * usize(outputs)) << 2;
    const next = pixel + count;
    if (next == pixels || next % (Tile.Patches * Tile.Blocks) == 0) {
      addUnpadded(dw, outputs, sums, padded, depth);
      fillFloats(sums, 0, depth * padded);
    }
  }
}

/** target [rows, padded] = source [rows, columns] and zeros. */
function padRows(target: usize, padded: i32, source: usize, columns: i32, rows: i32): void {
  for (let row = 0; row < rows; row++) {
    copyFloats(target, source, columns);
    fillFloats(target + (usize(columns) << 2), 0, padded - columns);
    target += usize(padded) << 2;
    source += usize(columns) << 2;
  }
}

/** target [rows, columns] += source [rows, padded] without its padding. */
function addUnpadded(target: usize, columns: i32, source: usize, padded: i32, rows: i32): void {
  for (let row = 0; row < rows; row++) {
    addFloats(target, source, columns);
    target += usize(columns) << 2;
    source += usize(padded) << 2;
  }
}
