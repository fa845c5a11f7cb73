import { Opcode } from "../opcodes";
import {
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
  reset,
  SIZES,
} from "./support";

function indexed(opcode: Opcode, a: usize, index: usize, out: usize, n: i32, r: i32, c: i32): void {
  instruction(opcode);
  fieldAt(a);
  fieldAt(index);
  fieldAt(out);
  field(n);
  field(r);
  field(c);
}

/** Indices in [-1, limit], of which the ends are invalid, and some worse ones. */
function indices(n: i32, limit: i32): usize {
  const at = buffer(n);
  for (let i = 0; i < n; i++) {
    put(at, i, f32(i32((random() + 0.5) * f32(limit + 2)) - 1));
    if (i % 7 == 6) put(at, i, i % 3 == 0 ? NaN : i % 3 == 1 ? 0.5 : 3e38);
  }
  return at;
}

function isValid(value: f32, limit: i32): bool {
  return value >= 0 && value < f32(limit) && f32(i32(value)) == value;
}

/** Whether gather, scatter-add and one-hot do what their loops say. Sums of a few terms are exact in the same order. */
function agrees(n: i32, r: i32, c: i32): bool {
  reset();
  const x = randomBuffer(r * c);
  const y = randomBuffer(n * c);
  const index = indices(n, r);
  const column = indices(n, c);
  const gathered = buffer(n * c);
  const scattered = buffer(r * c);
  const hot = buffer(n * c);
  indexed(Opcode.Gather, x, index, gathered, n, r, c);
  indexed(Opcode.ScatterAdd, y, index, scattered, n, r, c);
  indexed(Opcode.OneHot, 0, column, hot, n, 0, c);
  execute();
  const sums = new Array<f32>(r * c).fill(0);
  for (let i = 0; i < n; i++) {
    const row = get(index, i);
    for (let j = 0; j < c; j++) {
      if (get(hot, i * c + j) != (get(column, i) == f32(j) ? 1 : 0)) return false;
      const value = get(gathered, i * c + j);
      if (!isValid(row, r)) {
        if (!isNaN(value)) return false;
      } else {
        if (value != get(x, i32(row) * c + j)) return false;
        sums[i32(row) * c + j] += get(y, i * c + j);
      }
    }
  }
  for (let i = 0; i < r * c; i++) if (get(scattered, i) != sums[i]) return false;
  return intact(gathered, n * c) && intact(scattered, r * c) && intact(hot, n * c);
}

/** Whether one index gives a row of NaN, an empty scatter and an empty one-hot of three columns. */
function isRefused(value: f32): bool {
  reset();
  const x = randomBuffer(9);
  const index = buffer(1);
  put(index, 0, value);
  const gathered = buffer(3);
  const scattered = buffer(9);
  const hot = buffer(3);
  indexed(Opcode.Gather, x, index, gathered, 1, 3, 3);
  indexed(Opcode.ScatterAdd, x, index, scattered, 1, 3, 3);
  indexed(Opcode.OneHot, 0, index, hot, 1, 0, 3);
  execute();
  for (let i = 0; i < 9; i++) if (get(scattered, i) != 0) return false;
  for (let i = 0; i < 3; i++) if (get(hot, i) != 0 || !isNaN(get(gathered, i))) return false;
  return intact(scattered, 9) && intact(hot, 3) && intact(gathered, 3);
}

describe("gather, scatter-add and one-hot", () => {
  test("counts, rows and columns of 1, 3, 4, 5, 8, 17, 40 agree exactly with their loops", () => {
    for (let n = 0; n < SIZES.length; n++) {
      for (let r = 0; r < SIZES.length; r++) {
        for (let c = 0; c < SIZES.length; c++) expect(agrees(SIZES[n], SIZES[r], SIZES[c])).toBe(true);
      }
    }
  });
  test("NaN, infinite, negative, fractional and huge indices never become addresses", () => {
    expect(isRefused(NaN)).toBe(true);
    expect(isRefused(Infinity)).toBe(true);
    expect(isRefused(-Infinity)).toBe(true);
    expect(isRefused(-1)).toBe(true);
    expect(isRefused(-1e-30)).toBe(true);
    expect(isRefused(0.5)).toBe(true);
    expect(isRefused(2.0000002)).toBe(true);
    expect(isRefused(3)).toBe(true);
    expect(isRefused(1e9)).toBe(true);
    expect(isRefused(3e38)).toBe(true);
  });
});
