/**
 * Convolution and its input gradient as one product that never multiplies padding:
 *
 *     out[n, position, :] = sum over the taps that meet the source of source[n, position of the tap, :] B[tap]
 *
 * Forward, the source is x and B[tap] is w[kh,kw] [C, O]; the input gradient's source is dy and its B[tap] the transpose [O, C]. On
 * each axis, a position p of the output meets a run of consecutive taps at consecutive source positions:
 *
 *     forward          source p * stride - pad + k meets tap k
 *     input gradient   source (p + pad - k) / stride meets tap k where that divides; ordered by k % stride, and among those from
 *                      the last tap to the first, the taps of a position follow one another as their source positions do
 *
 * Positions whose taps are the same ("a class": all of the inside, or one of each kind of border) are rows of one matrix product with
 * a few runs of A, KH at most, which are read where they lie. Each element is summed over taps in the order in which B holds them
 * (forward: kh, kw, c; input gradient: as above, then o), with one accumulator.
 */

import { field } from "../fields";
import { ConvField, Tile } from "../opcodes";
import { fillFloats } from "../vector";
import { panelColumns, panelCount, panelStart } from "./product";
import { runTileFour, runTileNarrow, runTileOne, runTileThree, runTileTwo } from "./run-tile";

/** What `locate` writes: the taps that a position of the output meets on one axis. */
enum Meeting {
  /** First tap, in B's order. */
  tap,
  /** Number of taps; 0 where the position meets nothing. */
  count,
  /** Source position of the first tap. */
  source,
  Words,
}

/** The most lines (KH) a window may have to go this way: as many runs have room in the tables. */
export const MOST_LINES: i32 = 256;

/** Words of the tables before the runs: meetings of the row, the column and the next of either, then the rows of A and C. */
const ROWS_AT: i32 = 4 * Meeting.Words;
const RUNS_AT: i32 = ROWS_AT + 2 * Tile.Patches;
const RUN_BYTES: i32 = 12;

/**
 * The tables hold addresses, so they are in the core's own memory, below `heapBase`: a Program can address its arena alone, and
 * whatever it does with its spans, it cannot change them.
 */
const TABLES: usize = memory.data(4 * RUNS_AT + MOST_LINES * RUN_BYTES, 16);

/** Place of tap k in B on one axis. */
export function tapOrder(adjoint: bool, k: i32, kernel: i32, stride: i32): i32 {
  if (!adjoint) return k;
  const phase = k % stride;
  return phaseStart(phase, kernel, stride) + phaseTaps(phase, kernel, stride) - 1 - k / stride;
}

/** Taps of one phase k % stride. */
function phaseTaps(phase: i32, kernel: i32, stride: i32): i32 {
  return phase < kernel ? (kernel - 1 - phase) / stride + 1 : 0;
}

/** Taps of all phases before this one. */
function phaseStart(phase: i32, kernel: i32, stride: i32): i32 {
  return (kernel / stride) * phase + min(kernel % stride, phase);
}

/** Writes the `Meeting` of position p with a source of `extent` positions. */
function locate(at: usize, adjoint: bool, p: i32, extent: i32, kernel: i32, stride: i32, pad: i32): void {
  let tap: i32;
  let count: i32;
  let source: i32;
  if (adjoint) {
    // In i64: position and padding may both be large.
    const shifted = i64(p) + i64(pad);
    const phase = i32(shifted % i64(stride));
    const taps = phaseTaps(phase, kernel, stride);
    const last = shifted / i64(stride);
    const first = last - i64(taps - 1);
    const begin = max(first, 0);
    count = i32(max(min(last, i64(extent - 1)) - begin + 1, 0));
    source = i32(min(begin, i64(extent)));
    tap = count > 0 ? phaseStart(phase, kernel, stride) + i32(begin - first) : 0;
  } else {
    const first = p * stride - pad;
    source = max(first, 0);
    count = max(min(first + kernel, extent) - source, 0);
    tap = count > 0 ? source - first : 0;
  }
  store<i32>(at, tap, Meeting.tap * 4);
  store<i32>(at, count, Meeting.count * 4);
  store<i32>(at, source, Meeting.source * 4);
}

/** How many positions from p on, `step` apart, meet the same taps; `at` gets p's meeting. */
function classLength(
  at: usize,
  adjoint: bool,
  p: i32,
  step: i32,
  positions: i32,
  extent: i32,
  kernel: i32,
  stride: i32,
  pad: i32,
): i32 {
  const next = at + Meeting.Words * 4;
  locate(at, adjoint, p, extent, kernel, stride, pad);
  let length = 1;
  for (p += step; p < positions; p += step) {
    locate(next, adjoint, p, extent, kernel, stride, pad);
    // Tap and count in one comparison.
    if (load<u64>(next) != load<u64>(at)) break;
    length++;
  }
  return length;
}

/**
 * The whole product, for windows of MOST_LINES lines or fewer.
 * @param b packed panels of B, `panelBytes` apart, each `bStep` bytes a row
 */
export function multiplyTaps(
  fields: usize,
  adjoint: bool,
  source: usize,
  b: usize,
  bStep: usize,
  panelBytes: usize,
  out: usize,
): void {
  const kernelHeight = field(fields, ConvField.KH);
  const kernelWidth = field(fields, ConvField.KW);
  const strideH = field(fields, ConvField.strideH);
  const strideW = field(fields, ConvField.strideW);
  const padTop = field(fields, ConvField.padTop);
  const padLeft = field(fields, ConvField.padLeft);
  const height = field(fields, adjoint ? ConvField.H : ConvField.HO);
  const width = field(fields, adjoint ? ConvField.W : ConvField.WO);
  const sourceHeight = field(fields, adjoint ? ConvField.HO : ConvField.H);
  const sourceWidth = field(fields, adjoint ? ConvField.WO : ConvField.W);
  // Positions of one class are a stride apart in the input gradient.
  const stepH = adjoint ? min(strideH, height) : 1;
  const stepW = adjoint ? min(strideW, width) : 1;
  const rowMeeting = TABLES;
  const columnMeeting = TABLES + 2 * Meeting.Words * 4;
  for (let phaseH = 0; phaseH < stepH; phaseH++) {
    let rows = 1;
    for (let row = phaseH; row < height; row += rows * stepH) {
      rows = classLength(rowMeeting, adjoint, row, stepH, height, sourceHeight, kernelHeight, strideH, padTop);
      for (let phaseW = 0; phaseW < stepW; phaseW++) {
        let columns = 1;
        for (let column = phaseW; column < width; column += columns * stepW) {
          columns = classLength(
            columnMeeting,
            adjoint,
            column,
            stepW,
            width,
            sourceWidth,
            kernelWidth,
            strideW,
            padLeft,
          );
          multiplyClass(fields, adjoint, source, b, bStep, panelBytes, out, row, rows, column, columns);
        }
      }
    }
  }
}

/** The positions of one class, `rows` by `columns` of them from (row, column), of all images. */
function multiplyClass(
  fields: usize,
  adjoint: bool,
  source: usize,
  b: usize,
  bStep: usize,
  panelBytes: usize,
  out: usize,
  row: i32,
  rows: i32,
  column: i32,
  columns: i32,
): void {
  const channels = field(fields, ConvField.C);
  const outputs = field(fields, ConvField.O);
  const depth = adjoint ? outputs : channels;
  const width = adjoint ? channels : outputs;
  const strideH = field(fields, ConvField.strideH);
  const strideW = field(fields, ConvField.strideW);
  const rowMeeting = TABLES;
  const columnMeeting = TABLES + 2 * Meeting.Words * 4;
  const sourcePixel = usize(depth) << 2;
  const sourceRow = sourcePixel * usize(field(fields, adjoint ? ConvField.WO : ConvField.W));
  const sourceImage = sourceRow * usize(field(fields, adjoint ? ConvField.HO : ConvField.H));
  const outPixel = usize(width) << 2;
  const outRow = outPixel * usize(field(fields, adjoint ? ConvField.W : ConvField.WO));
  const outImage = outRow * usize(field(fields, adjoint ? ConvField.H : ConvField.HO));
  // From one position of the class to the next, in the source and in the output.
  const sourceDown = sourceRow * (adjoint ? 1 : usize(strideH));
  const sourceAcross = sourcePixel * (adjoint ? 1 : usize(strideW));
  const outDown = outRow * (adjoint ? usize(strideH) : 1);
  const outAcross = outPixel * (adjoint ? usize(strideW) : 1);
  const runsEnd = writeRuns(
    TABLES + RUNS_AT * 4,
    rowMeeting,
    columnMeeting,
    sourceRow,
    usize(depth) * bStep,
    field(fields, ConvField.KW),
  );
  source += usize(load<i32>(rowMeeting, Meeting.source * 4)) * sourceRow;
  source += usize(load<i32>(columnMeeting, Meeting.source * 4)) * sourcePixel;
  out += usize(row) * outRow + usize(column) * outPixel;
  const table = TABLES + ROWS_AT * 4;
  const empty = runsEnd == TABLES + RUNS_AT * 4;
  let count = 0;
  for (let n = field(fields, ConvField.N); n > 0; n--) {
    let sourceLine = source;
    let outLine = out;
    for (let i = 0; i < rows; i++) {
      let a = sourceLine;
      let c = outLine;
      for (let j = 0; j < columns; j++) {
        if (empty) {
          fillFloats(c, 0, width);
        } else {
          const entry = table + (usize(count) << 3);
          store<u32>(entry, u32(a));
          store<u32>(entry, u32(c), 4);
          if (++count == Tile.Patches) {
            multiplyRows(runsEnd, b, bStep, panelBytes, width, count);
            count = 0;
          }
        }
        a += sourceAcross;
        c += outAcross;
      }
      sourceLine += sourceDown;
      outLine += outDown;
    }
    source += sourceImage;
    out += outImage;
  }
  if (count > 0) multiplyRows(runsEnd, b, bStep, panelBytes, width, count);
}

/** The runs of a class, one a row of taps: writes the table and gives its end. None where either axis meets nothing. */
function writeRuns(at: usize, row: usize, column: usize, sourceRow: usize, tapBytes: usize, kernelWidth: i32): usize {
  const count = load<i32>(column, Meeting.count * 4);
  const rows = count > 0 ? load<i32>(row, Meeting.count * 4) : 0;
  let tap = load<i32>(row, Meeting.tap * 4) * kernelWidth + load<i32>(column, Meeting.tap * 4);
  for (let i = 0; i < rows; i++) {
    store<u32>(at, u32(usize(i) * sourceRow));
    store<u32>(at, u32(usize(tap) * tapBytes), 4);
    store<u32>(at, u32(usize(count) * tapBytes), 8);
    at += RUN_BYTES;
    tap += kernelWidth;
  }
  return at;
}

/** `count` rows of the table through all panels of B. */
function multiplyRows(runsEnd: usize, b: usize, bStep: usize, panelBytes: usize, width: i32, count: i32): void {
  const kept = panelColumns(width);
  const panels = panelCount(width);
  const runs = TABLES + RUNS_AT * 4;
  for (let panel = 0; panel < panels; panel++) {
    const shift = usize(panelStart(panel, width)) << 2;
    multiplyTable(TABLES + ROWS_AT * 4, runs, runsEnd, b + usize(panel) * panelBytes, bStep, shift, kept, count);
  }
}

/** `count` rows of the table through one panel. */
function multiplyTable(
  rows: usize,
  runs: usize,
  runsEnd: usize,
  b: usize,
  bStep: usize,
  shift: usize,
  columns: i32,
  count: i32,
): void {
  let left = count;
  if (columns < 4) {
    for (; left > 0; left -= 4) {
      runTileNarrow(rows, min(left, 4), runs, runsEnd, b, bStep, shift, columns);
      rows += 4 * 8;
    }
    return;
  }
  // Five and six rows go as 3 + 2 and 3 + 3, as in product.ts.
  for (; left > 6 || left == 4; left -= 4) {
    runTileFour(rows, runs, runsEnd, b, bStep, shift, columns);
    rows += 4 * 8;
  }
  if (left >= 3) {
    runTileThree(rows, runs, runsEnd, b, bStep, shift, columns);
    rows += 3 * 8;
    left -= 3;
  }
  if (left == 3) runTileThree(rows, runs, runsEnd, b, bStep, shift, columns);
  else if (left == 2) runTileTwo(rows, runs, runsEnd, b, bStep, shift, columns);
  else if (left == 1) runTileOne(rows, runs, runsEnd, b, bStep, shift, columns);
}
