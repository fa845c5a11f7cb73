import { address, field } from "../fields";
import { MatMulField, Tile } from "../opcodes";
import { multiplyPanel, PANEL_STEP, packPanel, packPanelTransposed, panelColumns, panelCount, panelStart } from "./product";

/** Up to so many rows of C, B is read where it is: packing would not pay. */
const IN_PLACE_ROWS = 24;

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
  const aRow: usize = transposeA ? 4 : usize(depth) << 2;
  const aStep: usize = transposeA ? usize(rows) << 2 : 4;
  const bStep = usize(transposeB ? depth : columns) << 2;
  const cRow = usize(columns) << 2;
  const blockRows = max(8 * Tile.Rows, (BLOCK_BYTES / (depth << 2)) & ~(Tile.Rows - 1));
  const inPlace = !transposeB && columns >= Tile.Columns && rows <= IN_PLACE_ROWS;
  // With a single block of rows a packed panel is used once, and all panels share one room that stays in cache.
  const panelBytes = rows > blockRows ? usize(depth) * PANEL_STEP : 0;
  const width = panelColumns(columns);
  const panels = panelCount(columns);
  for (let row = 0; row < rows; row += blockRows) {
    const rowsHere = min(blockRows, rows - row);
    for (let panel = 0; panel < panels; panel++) {
      const start = usize(panelStart(panel, columns));
      let source = scratch + usize(panel) * panelBytes;
      let sourceStep = PANEL_STEP;
      if (inPlace) {
        source = b + (start << 2);
        sourceStep = bStep;
      } else if (row == 0) {
        if (transposeB) packPanelTransposed(source, b + start * bStep, bStep, depth, width);
        else packPanel(source, b + (start << 2), bStep, depth, width);
      }
      const target = out + usize(row) * cRow + (start << 2);
      multiplyPanel(a, aRow, aStep, source, sourceStep, target, cRow, width, rowsHere, depth, false);
    }
    a += usize(rowsHere) * aRow;
  }
}
