import { exp } from "../math";
import { Opcode, SumOrder } from "../opcodes";
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
  random,
  randomBuffer,
  relativeError,
  reset,
  SIZES,
} from "./support";

function rows(opcode: Opcode, x: usize, out: usize, r: i32, c: i32): void {
  instruction(opcode);
  fieldAt(x);
  fieldAt(out);
  field(r);
  field(c);
}

/** Worst error over the three operations on rows of numbers within `spread` of zero: relative for softmax, else over max(1, |wanted|). */
function worst(r: i32, c: i32, spread: f32): f64 {
  reset();
  const x = buffer(r * c);
  for (let i = 0; i < r * c; i++) put(x, i, random() * 2 * spread);
  const soft = buffer(r * c);
  const logs = buffer(r * c);
  const sums = buffer(r);
  rows(Opcode.Softmax, x, soft, r, c);
  rows(Opcode.LogSoftmax, x, logs, r, c);
  rows(Opcode.LogSumExp, x, sums, r, c);
  execute();
  let error: f64 = intact(soft, r * c) && intact(logs, r * c) && intact(sums, r) ? 0 : Infinity;
  for (let i = 0; i < r; i++) {
    let largest: f64 = -Infinity;
    for (let j = 0; j < c; j++) largest = max(largest, f64(get(x, i * c + j)));
    let sum: f64 = 0;
    for (let j = 0; j < c; j++) sum += NativeMath.exp(f64(get(x, i * c + j)) - largest);
    const total = largest + NativeMath.log(sum);
    error = max(error, absoluteError(get(sums, i), total) / max(1, abs(total)));
    for (let j = 0; j < c; j++) {
      const wanted = f64(get(x, i * c + j)) - total;
      error = max(error, absoluteError(get(logs, i * c + j), wanted) / max(1, abs(wanted)));
      error = max(error, relativeError(get(soft, i * c + j), NativeMath.exp(wanted)));
    }
  }
  return error;
}

/** The three operations on one row of `c` equal to `value` but for the last, which is `last`: [softmax first, log first, log-sum-exp]. */
function special(c: i32, value: f32, last: f32): StaticArray<f32> {
  reset();
  const x = buffer(c);
  for (let i = 0; i < c; i++) put(x, i, i == c - 1 ? last : value);
  const soft = buffer(c);
  const logs = buffer(c);
  const sums = buffer(1);
  rows(Opcode.Softmax, x, soft, 1, c);
  rows(Opcode.LogSoftmax, x, logs, 1, c);
  rows(Opcode.LogSumExp, x, sums, 1, c);
  execute();
  return [get(soft, 0), get(logs, 0), get(sums, 0)];
}

/** e^(x - shift) of column c, and 0 behind the last. */
function exponential(x: usize, columns: i32, c: i32, shift: f32): f32 {
  return c < columns ? f32x4.extract_lane(exp(f32x4.splat(get(x, c) - shift)), 0) : 0;
}

/** How many of the softmax of a row of `c` are not the bits of its exponentials over their sum in the written order. */
function outOfOrder(c: i32): i32 {
  reset();
  const x = randomBuffer(c);
  const out = buffer(c);
  rows(Opcode.Softmax, x, out, 1, c);
  execute();
  let largest: f32 = -Infinity;
  for (let i = 0; i < c; i++) largest = max(largest, get(x, i));
  const totals: StaticArray<f32> = [0, 0, 0, 0];
  const vectors = c >> 2;
  for (let lane = 0; lane < 4; lane++) {
    for (let first = 0; first < vectors; first += SumOrder.Chunk) {
      let sum: f32 = 0;
      for (let vector = first; vector < min(vectors, first + SumOrder.Chunk); vector++)
        sum += exponential(x, c, 4 * vector + lane, largest);
      totals[lane] += sum;
    }
    totals[lane] += exponential(x, c, 4 * vectors + lane, largest);
  }
  const total = totals[0] + totals[2] + (totals[1] + totals[3]);
  let differing = 0;
  for (let i = 0; i < c; i++) if (get(out, i) != exponential(x, c, i, largest) / total) differing++;
  return differing;
}

describe("softmax, log-softmax and log-sum-exp", () => {
  test("rows and columns of 1, 3, 4, 5, 8, 17, 40: error < 1e-6 for inputs within 1", () => {
    for (let r = 0; r < SIZES.length; r++) {
      for (let c = 0; c < SIZES.length; c++) expect(worst(SIZES[r], SIZES[c], 1)).toBeLessThan(1e-6);
    }
  });
  test("error < 4e-6 for inputs within 20", () => {
    for (let c = 1; c <= 20; c++) expect(worst(5, c, 20)).toBeLessThan(4e-6);
  });
  test("softmax has the bits of the written order: chunks of 128 vectors, four vectors at a time or one", () => {
    for (let c = 1; c <= 70; c++) expect(outOfOrder(c)).toBe(0);
    for (let c = 505; c <= 535; c++) expect(outOfOrder(c)).toBe(0);
    expect(outOfOrder(1063)).toBe(0);
  });
  test("neither overflow at 1e4 nor underflow at -1e4", () => {
    for (let c = 2; c <= 9; c++) {
      const high = special(c, 1e4, 1e4);
      expect(high[0]).toBeCloseTo(1 / f32(c), 6);
      expect(high[1]).toBeCloseTo(-f32(NativeMath.log(f64(c))), 3);
      expect(special(c, -1e4, -1e4)[0]).toBeCloseTo(1 / f32(c), 6);
    }
  });
  test("a row that is masked but for one entry gives it everything", () => {
    const masked = special(5, -Infinity, 2);
    expect(masked[0]).toBe(0);
    expect(masked[1]).toBe(-Infinity);
    expect(masked[2]).toBe(2);
    expect(special(5, -Infinity, -Infinity)[2]).toBe(-Infinity);
  });
  test("NaN in a row makes the row NaN", () => {
    for (let c = 2; c <= 9; c++) {
      const spoiled = special(c, 0, NaN);
      expect(isNaN(spoiled[0]) && isNaN(spoiled[1]) && isNaN(spoiled[2])).toBe(true);
    }
  });
});
