import { address, field } from "../fields";
import { MatMulField, Tile } from "../opcodes";
import {
  GROUP_PANELS,
  multiplyGroup,
  PANEL_STEP,
  packPanel,
  packPanelTransposed,
  panelColumns,
  panelCount,
  panelStart,
} from "./product";
import { DEPTH_BLOCK } from "./tile";
import { dots, outerProduct, rowTimesMatrix } from "./vector-product";

/** Up to so many rows of C, B is read where it is: packing would not pay. */
const IN_PLACE_ROWS = 24;

/** Up to so many floats of B it is read where it is as well: it stays in a first-level cache. */
const IN_PLACE_FLOATS = 4096;

/** Bytes of A that are taken through all of B's panels before the next ones: well inside a second-level cache. */
const BLOCK_BYTES = 196608;

/** C [batch, M, N] = op(A) op(B); fields: `MatMulField`. */
export function matMul(fields: usize, base: usize): void {
  let batch = field(fields, MatMulField.batch);
  let rows = field(fields, MatMulField.M);
  const columns = field(fields, MatMulField.N);
  const depth = field(fields, MatMulField.K);
  const transposeA = field(fields, MatMulField.transposeA) != 0;
  const transposeB = field(fields, MatMulField.transposeB) != 0;
  const aStride = field(fields, MatMulField.aBatchStride);
  const bStride = field(fields, MatMulField.bBatchStride);
  let a = address(fields, MatMulField.a, base);
  let b = address(fields, MatMulField.b, base);
  let out = address(fields, MatMulField.out, base);
  const scratch = address(fields, MatMulField.scratch, base);
  if (bStride == 0 && !transposeA && aStride == rows * depth) {
    // One B for the whole batch: its matrices are the rows of one tall A.
    rows *= batch;
    batch = 1;
  }
  for (; batch > 0; batch--) {
    multiply(a, b, out, scratch, rows, columns, depth, transposeA, transposeB);
    a += usize(aStride) << 2;
    b += usize(bStride) << 2;
    out += (usize(rows) * usize(columns)) << 2;
  }
}

/** One matrix of the batch: out [rows, columns] = op(A) [rows, depth] op(B) [depth, columns]. */
function multiply(
  a: usize,
  b: usize,
  out: usize,
  scratch: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  transposeA: bool,
  transposeB: bool,
): void {
  if (columns == 1 || rows == 1) {
    // The vector is the row; the matrix is B, or B transposed where its rows lie along the sum.
    const vector = columns == 1 ? b : a;
    const matrix = columns == 1 ? a : b;
    const length = columns == 1 ? rows : columns;
    const along = columns == 1 ? !transposeA : transposeB;
    if (along) return dots(vector, matrix, usize(depth) << 2, out, length, depth);
    if (length >= Tile.Columns) return rowTimesMatrix(vector, matrix, out, length, depth);
  }
  if (depth == 1) return outerProduct(a, b, out, rows, columns);
  const aRow: usize = transposeA ? 4 : usize(depth) << 2;
  const aStep: usize = transposeA ? usize(rows) << 2 : 4;
  const bStep = usize(transposeB ? depth : columns) << 2;
  const cRow = usize(columns) << 2;
  const blockRows = max(8 * Tile.Rows, (BLOCK_BYTES / (depth << 2)) & ~(Tile.Rows - 1));
  const inPlace =
    !transposeB && columns >= Tile.Columns && (rows <= IN_PLACE_ROWS || depth * columns <= IN_PLACE_FLOATS);
  const isBlocked = rows > blockRows;
  const width = panelColumns(columns);
  const panels = panelCount(columns);
  const whole = columns / Tile.Columns;
  // A group's panels of one block of depth stay in a first-level cache between rows of C. A blocked product keeps all of packed B.
  // Fewer than four columns are not added to C block by block.
  const chunk = width < 4 ? depth : min(depth, DEPTH_BLOCK);
  const panelBytes = inPlace ? PANEL_STEP : usize(isBlocked ? depth : chunk) * PANEL_STEP;
  const sourceStep = inPlace ? bStep : PANEL_STEP;
  for (let row = 0; row < rows; row += blockRows) {
    const rowsHere = min(blockRows, rows - row);
    let members = 1;
    for (let panel = 0; panel < panels; panel += members) {
      // The overlapping panel comes alone and last: it starts its columns anew.
      members = panel < whole ? min(GROUP_PANELS, whole - panel) : 1;
      const start = usize(panelStart(panel, columns));
      const target = out + usize(row) * cRow + (start << 2);
      for (let k = 0; k < depth; k += chunk) {
        const depthHere = min(chunk, depth - k);
        let source = scratch + (isBlocked ? usize(panel) * panelBytes + usize(k) * PANEL_STEP : 0);
        if (inPlace) source = b + usize(k) * bStep + (start << 2);
        else if (row == 0) packGroup(source, panelBytes, b, bStep, start, k, depthHere, width, members, transposeB);
        const from = a + usize(k) * aStep;
        multiplyGroup(
          from,
          aRow,
          aStep,
          source,
          sourceStep,
          panelBytes,
          target,
          cRow,
          width,
          members,
          rowsHere,
          depthHere,
          k > 0,
        );
      }
    }
    a += usize(rowsHere) * aRow;
  }
}

/** Packs rows [k, k + depth) of `panels` neighbouring panels of op(B), the first at column `start`. */
function packGroup(
  target: usize,
  panelBytes: usize,
  b: usize,
  bStep: usize,
  start: usize,
  k: i32,
  depth: i32,
  columns: i32,
  panels: i32,
  transposed: bool,
): void {
  for (let panel = 0; panel < panels; panel++) {
    const column = start + usize(panel) * Tile.Columns;
    if (transposed) packPanelTransposed(target, b + column * bStep + (usize(k) << 2), bStep, depth, columns);
    else packPanel(target, b + usize(k) * bStep + (column << 2), bStep, depth, columns);
    target += panelBytes;
  }
}
