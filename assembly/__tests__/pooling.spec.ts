import { Opcode } from "../opcodes";
import {
  absoluteError,
  buffer,
  execute,
  field,
  fieldAt,
  get,
  instruction,
  intact,
  put,
  randomBuffer,
  reset,
  SIZES,
} from "./support";

/** N, H, W, C, KH, KW, HO, WO, strideH, strideW, padTop, padLeft, in the fields' order. */
type Dimensions = StaticArray<i32>;

function pooling(opcode: Opcode, a: usize, b: usize, out: usize, d: Dimensions): void {
  instruction(opcode);
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  for (let i = 0; i < 12; i++) field(d[i]);
}

/** Index into the image [N,H,W,C] of position `k` of the window of pooled element `e`, or -1 outside. */
function at(d: Dimensions, e: i32, k: i32): i32 {
  const c = e % d[3];
  const j = (e / d[3]) % d[7];
  const i = (e / (d[3] * d[7])) % d[6];
  const n = e / (d[3] * d[7] * d[6]);
  const h = i * d[8] - d[10] + k / d[5];
  const w = j * d[9] - d[11] + (k % d[5]);
  if (h < 0 || h >= d[1] || w < 0 || w >= d[2]) return -1;
  return ((n * d[1] + h) * d[2] + w) * d[3] + c;
}

/** Worst absolute error of all five operations; infinite where a winner is wrong or a sentinel fell. */
function worst(d: Dimensions): f64 {
  reset();
  const images = d[0] * d[1] * d[2] * d[3];
  const pixels = d[0] * d[6] * d[7] * d[3];
  const window = d[4] * d[5];
  const x = randomBuffer(images);
  const dy = randomBuffer(pixels);
  const winners = buffer(pixels);
  const y = buffer(pixels);
  const dx = buffer(images);
  const mean = buffer(pixels);
  const meanDx = buffer(images);
  pooling(Opcode.MaxPoolWinners, x, 0, winners, d);
  pooling(Opcode.PoolGather, x, winners, y, d);
  pooling(Opcode.PoolScatter, dy, winners, dx, d);
  pooling(Opcode.AveragePool, x, 0, mean, d);
  pooling(Opcode.AveragePoolGrad, dy, 0, meanDx, d);
  execute();
  const wantedDx = new Array<f64>(images).fill(0);
  const wantedMeanDx = new Array<f64>(images).fill(0);
  let error: f64 = intact(winners, pixels) && intact(y, pixels) && intact(mean, pixels) ? 0 : Infinity;
  for (let e = 0; e < pixels; e++) {
    let best = -1;
    let sum: f64 = 0;
    for (let k = 0; k < window; k++) {
      const from = at(d, e, k);
      if (from < 0) continue;
      if (best < 0 || get(x, from) > get(x, at(d, e, best))) best = k;
      sum += f64(get(x, from));
      wantedMeanDx[from] += f64(get(dy, e)) / f64(window);
    }
    error = max(error, absoluteError(get(mean, e), sum / f64(window)));
    if (best < 0) {
      if (!isNaN(get(y, e))) error = Infinity;
      continue;
    }
    wantedDx[at(d, e, best)] += f64(get(dy, e));
    if (get(winners, e) != f32(best) || get(y, e) != get(x, at(d, e, best))) error = Infinity;
  }
  for (let i = 0; i < images; i++) {
    error = max(error, absoluteError(get(dx, i), wantedDx[i]));
    error = max(error, absoluteError(get(meanDx, i), wantedMeanDx[i]));
  }
  return intact(dx, images) && intact(meanDx, images) ? error : Infinity;
}

const PAIR: Dimensions = [1, 2, 2, 5, 2, 2, 1, 1, 2, 2, 0, 0];

describe("pooling", () => {
  test("2x2 windows at 1, 3, 4, 5, 8, 17, 40 channels: absolute error < 1e-6", () => {
    for (let c = 0; c < SIZES.length; c++) {
      expect(worst([2, 4, 6, SIZES[c], 2, 2, 2, 3, 2, 2, 0, 0])).toBeLessThan(1e-6);
      expect(worst([2, 5, 5, SIZES[c], 2, 2, 2, 2, 2, 2, 0, 0])).toBeLessThan(1e-6);
    }
  });
  test("overlapping, padded and ragged windows: absolute error < 1e-6", () => {
    for (let s = 0; s < SIZES.length; s++) {
      const size = SIZES[s];
      expect(worst([1, size, size, 3, 3, 3, size, size, 1, 1, 1, 1])).toBeLessThan(1e-6);
      expect(worst([2, size, size, 4, 3, 2, (size + 1) / 2, (size + 2) / 3, 2, 3, 1, 0])).toBeLessThan(1e-6);
    }
  });
  test("a window outside the image has no winner: gather gives NaN, scatter and mean nothing", () => {
    expect(worst([1, 2, 2, 5, 2, 2, 4, 4, 2, 2, 4, 4])).toBeLessThan(1e-6);
  });
  test("the first of equals wins, and a NaN before all", () => {
    reset();
    const x = buffer(20);
    for (let i = 0; i < 20; i++) put(x, i, -Infinity);
    put(x, 11, 3);
    put(x, 16, 3);
    put(x, 12, NaN);
    const winners = buffer(5);
    const y = buffer(5);
    pooling(Opcode.MaxPoolWinners, x, 0, winners, PAIR);
    pooling(Opcode.PoolGather, x, winners, y, PAIR);
    execute();
    expect(get(winners, 0)).toBe(0);
    expect(get(winners, 1)).toBe(2);
    expect(get(winners, 2)).toBe(2);
    expect(get(y, 0)).toBe(-Infinity);
    expect(isNaN(get(y, 2))).toBe(true);
  });
  test("winners that are no position: NaN when gathered, skipped when scattered", () => {
    reset();
    const x = randomBuffer(20);
    const dy = randomBuffer(5);
    const winners = buffer(5);
    put(winners, 0, NaN);
    put(winners, 1, 4);
    put(winners, 2, -1);
    put(winners, 3, 0.5);
    put(winners, 4, Infinity);
    const y = buffer(5);
    const dx = buffer(20);
    pooling(Opcode.PoolGather, x, winners, y, PAIR);
    pooling(Opcode.PoolScatter, dy, winners, dx, PAIR);
    execute();
    for (let i = 0; i < 5; i++) expect(isNaN(get(y, i))).toBe(true);
    for (let i = 0; i < 20; i++) expect(get(dx, i)).toBe(0);
    expect(intact(dx, 20)).toBe(true);
  });
});
