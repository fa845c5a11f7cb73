/**
 * C [M, N] = A [M, K] B [K, N] out of micro-kernels, for the matrix product and the convolutions.
 *
 * B's columns are cut into panels of eight. Panel p starts at column min(8 p, N - 8): the last one of a ragged N overlaps its
 * neighbour and computes some columns again, to the same bits, so that all stores stay whole and exact. With N < 8 there is one
 * panel; packing lays its columns out as the micro-kernels' `columns` wants them.
 *
 *     packed panel, K rows of eight floats     ┌ 4 columns from the start ┬ 4 columns that end at the panel's end ┐
 */

import { Tile } from "../opcodes";
import { loadPartial, transposeBlock } from "../vector";
import { ADD, DEPTH_BLOCK, tileFour, tileNarrow, tileOne, tileOneWide, tileThree, tileTwo, tileTwoWide } from "./tile";

/** Bytes of one row of a packed panel. */
export const PANEL_STEP: usize = Tile.Columns * 4;

export function panelCount(columns: i32): i32 {
  return (columns + Tile.Columns - 1) / Tile.Columns;
}

/** First column of a panel. */
export function panelStart(panel: i32, columns: i32): i32 {
  return min(panel * Tile.Columns, max(columns - Tile.Columns, 0));
}

/** Columns that a panel covers: fewer than eight only where B has fewer. */
export function panelColumns(columns: i32): i32 {
  return min(columns, Tile.Columns);
}

/** Rows [0, rows) of a panel of C; see tile.ts for the strides. The depth goes in blocks of DEPTH_BLOCK. Adding needs a whole panel. */
export function multiplyPanel(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  columns: i32,
  rows: i32,
  depth: i32,
  add: bool,
): void {
  if (columns < 4 && depth > DEPTH_BLOCK) {
    for (let row = 0; row < rows; row += 4) {
      tileNarrow(a, aRow, aStep, b, bStep, c, cRow, columns, min(rows - row, 4), depth);
      a += aRow << 2;
      c += cRow << 2;
    }
    return;
  }
  while (depth > DEPTH_BLOCK) {
    multiplyBlock(a, aRow, aStep, b, bStep, c, cRow, columns, rows, DEPTH_BLOCK, add);
    a += usize(DEPTH_BLOCK) * aStep;
    b += usize(DEPTH_BLOCK) * bStep;
    depth -= DEPTH_BLOCK;
    add = true;
  }
  multiplyBlock(a, aRow, aStep, b, bStep, c, cRow, columns, rows, depth, add);
}

/** As multiplyPanel, for a depth of at most one block. */
function multiplyBlock(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cRow: usize,
  columns: i32,
  rows: i32,
  depth: i32,
  add: bool,
): void {
  const kept = add ? columns | ADD : columns;
  let left = rows;
  // Remainders of 5 and 6 go as 3 + 2 and 3 + 3: a single row would wait for its two accumulators.
  const groups = left >= 4 && left != 5 && left != 6 ? (left - ((left & 3) == 1 || (left & 3) == 2 ? 4 : 0)) >> 2 : 0;
  if (groups > 0) {
    tileFour(a, aRow, aStep, b, bStep, c, cRow, kept, depth, groups);
    a += usize(groups << 2) * aRow;
    c += usize(groups << 2) * cRow;
    left -= groups << 2;
  }
  if (left >= 3) {
    tileThree(a, aRow, aStep, b, bStep, c, cRow, kept, depth);
    a += 3 * aRow;
    c += 3 * cRow;
    left -= 3;
  }
  if (left == 3) tileThree(a, aRow, aStep, b, bStep, c, cRow, kept, depth);
  else if (left == 2) tileTwo(a, aRow, aStep, b, bStep, c, cRow, kept, depth);
  else if (left == 1) tileOne(a, aStep, b, bStep, c, kept, depth);
}

/** Panels that are taken together where B is long: remaining rows of C can then use the wide tiles. */
export const GROUP_PANELS = 4;

/** Rows [0, rows) of `panels` neighbouring panels of C, whole ones if more than one, whose panels of B lie `panelBytes` apart; at most one block of depth unless they have fewer than four columns. */
export function multiplyGroup(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  panelBytes: usize,
  c: usize,
  cRow: usize,
  columns: i32,
  panels: i32,
  rows: i32,
  depth: i32,
  add: bool,
): void {
  // Five rows are 3 + 2, six 4 + 2: two rows of two panels keep as many accumulators busy as four rows of one.
  const rest = rows & (Tile.Rows - 1);
  const wide = rest == 1 || rest == 2 ? min(rows, 2) : 0;
  let left = panels;
  for (; wide > 0 && left >= 2; left -= 2) {
    multiplyPair(a, aRow, aStep, b, bStep, panelBytes, c, cRow, rows, wide, depth, add);
    b += 2 * panelBytes;
    c += 2 * PANEL_STEP;
  }
  for (; left > 0; left--) {
    if (columns < 4) multiplyPanel(a, aRow, aStep, b, bStep, c, cRow, columns, rows, depth, add);
    else multiplyBlock(a, aRow, aStep, b, bStep, c, cRow, columns, rows, depth, add);
    b += panelBytes;
    c += PANEL_STEP;
  }
}

/** Two whole panels, the last `wide` (1 or 2) rows with a wide tile. */
function multiplyPair(
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  panelBytes: usize,
  c: usize,
  cRow: usize,
  rows: i32,
  wide: i32,
  depth: i32,
  add: bool,
): void {
  const tall = rows - wide;
  multiplyBlock(a, aRow, aStep, b, bStep, c, cRow, Tile.Columns, tall, depth, add);
  multiplyBlock(a, aRow, aStep, b + panelBytes, bStep, c + PANEL_STEP, cRow, Tile.Columns, tall, depth, add);
  a += usize(tall) * aRow;
  c += usize(tall) * cRow;
  if (wide == 1) tileOneWide(a, aStep, b, bStep, panelBytes, c, depth, add);
  else tileTwoWide(a, aRow, aStep, b, bStep, panelBytes, c, cRow, depth, add);
}

/** Packs `columns` columns of B [depth, *], whose rows are `bStep` bytes apart. */
export function packPanel(target: usize, b: usize, bStep: usize, depth: i32, columns: i32): void {
  const second = usize(columns - 4) << 2;
  for (let k = 0; k < depth; k++) {
    if (columns >= 4) {
      v128.store(target, v128.load(b));
      v128.store(target, v128.load(b + second), 16);
    } else {
      v128.store(target, loadPartial(b, columns, f32x4.splat(0)));
      v128.store(target, f32x4.splat(0), 16);
    }
    b += bStep;
    target += PANEL_STEP;
  }
}

/** Packs a panel of the transpose: its columns are `columns` rows of `b` [*, depth], `bRow` bytes apart. */
export function packPanelTransposed(target: usize, b: usize, bRow: usize, depth: i32, columns: i32): void {
  if (columns < 4) return packNarrowTransposed(target, b, bRow, depth, columns);
  packQuadTransposed(target, b, bRow, depth);
  packQuadTransposed(target + 16, b + usize(columns - 4) * bRow, bRow, depth);
}

function packQuadTransposed(target: usize, b: usize, bRow: usize, depth: i32): void {
  let left = depth;
  for (; left >= 4; left -= 4) {
    transposeBlock(target, PANEL_STEP, b, bRow);
    b += 16;
    target += 4 * PANEL_STEP;
  }
  for (; left > 0; left--) {
    store<f32>(target, load<f32>(b));
    store<f32>(target, load<f32>(b + bRow), 4);
    store<f32>(target, load<f32>(b + 2 * bRow), 8);
    store<f32>(target, load<f32>(b + 3 * bRow), 12);
    b += 4;
    target += PANEL_STEP;
  }
}

/** One to three columns; the other lanes become zero. */
function packNarrowTransposed(target: usize, b: usize, bRow: usize, depth: i32, columns: i32): void {
  for (let k = 0; k < depth; k++) {
    let low = v128.load_lane<f32>(b, f32x4.splat(0), 0);
    if (columns > 1) low = v128.load_lane<f32>(b + bRow, low, 1);
    if (columns > 2) low = v128.load_lane<f32>(b + 2 * bRow, low, 2);
    v128.store(target, low);
    v128.store(target, f32x4.splat(0), 16);
    b += 4;
    target += PANEL_STEP;
  }
}

/** Packs all panels of B [depth, columns] (rows `bStep` bytes apart), or of its transpose. */
export function packAll(target: usize, b: usize, bStep: usize, depth: i32, columns: i32, transposed: bool): void {
  const width = panelColumns(columns);
  const panels = panelCount(columns);
  for (let panel = 0; panel < panels; panel++) {
    const start = usize(panelStart(panel, columns));
    if (transposed) packPanelTransposed(target, b + start * bStep, bStep, depth, width);
    else packPanel(target, b + (start << 2), bStep, depth, width);
    target += usize(depth) * PANEL_STEP;
  }
}

/** C [rows, columns] = A B with B packed by `packAll`. */
export function multiplyPacked(
  a: usize,
  aRow: usize,
  aStep: usize,
  packed: usize,
  c: usize,
  cRow: usize,
  rows: i32,
  columns: i32,
  depth: i32,
): void {
  const width = panelColumns(columns);
  const panels = panelCount(columns);
  for (let panel = 0; panel < panels; panel++) {
    const target = c + (usize(panelStart(panel, columns)) << 2);
    multiplyPanel(a, aRow, aStep, packed, PANEL_STEP, target, cRow, width, rows, depth, false);
    packed += usize(depth) * PANEL_STEP;
  }
}
