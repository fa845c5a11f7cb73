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
  relativeError,
  reset,
  SIZES,
} from "./support";

function reduce(opcode: Opcode, x: usize, out: usize, a: i32, b: i32, c: i32): void {
  instruction(opcode);
  fieldAt(x);
  fieldAt(out);
  field(a);
  field(b);
  field(c);
}

/** Worst absolute error of the sum over b of x [a, b, c], infinite where a maximum is not exact or a sentinel fell. */
function worst(a: i32, b: i32, c: i32): f64 {
  reset();
  const x = randomBuffer(a * b * c);
  const sums = buffer(a * c);
  const maxima = buffer(a * c);
  reduce(Opcode.Sum, x, sums, a, b, c);
  reduce(Opcode.Max, x, maxima, a, b, c);
  execute();
  let error: f64 = intact(sums, a * c) && intact(maxima, a * c) ? 0 : Infinity;
  for (let i = 0; i < a; i++) {
    for (let k = 0; k < c; k++) {
      let sum: f64 = 0;
      let largest: f32 = -Infinity;
      for (let j = 0; j < b; j++) {
        const value = get(x, (i * b + j) * c + k);
        sum += f64(value);
        largest = max(largest, value);
      }
      error = max(error, absoluteError(get(sums, i * c + k), sum));
      if (get(maxima, i * c + k) != largest) error = Infinity;
    }
  }
  return error;
}

/** Relative error of the sum of `count` times 0.1, whose rounding errors all point the same way in a plain loop. */
function drift(count: i32, columns: i32): f64 {
  reset();
  const x = buffer(count * columns);
  for (let i = 0; i < count * columns; i++) put(x, i, 0.1);
  const out = buffer(columns);
  reduce(Opcode.Sum, x, out, 1, count, columns);
  execute();
  let error: f64 = 0;
  for (let c = 0; c < columns; c++) {
    error = max(error, relativeError(get(out, c), f64(f32(0.1)) * f64(count)));
  }
  return error;
}

describe("sum and max", () => {
  test("sizes 1, 3, 4, 5, 8, 17, 40 in all three places: sums have absolute error < 1e-5, maxima none", () => {
    for (let a = 0; a < SIZES.length; a++) {
      for (let b = 0; b < SIZES.length; b++) {
        for (let c = 0; c < SIZES.length; c++) {
          expect(worst(SIZES[a], SIZES[b], SIZES[c])).toBeLessThan(1e-5);
        }
      }
    }
  });
  test("every length of a row up to 70", () => {
    for (let length = 1; length <= 70; length++) expect(worst(2, length, 1)).toBeLessThan(1e-5);
  });
  test("sums beyond one chunk have absolute error < 1e-4", () => {
    expect(worst(1, 5000, 1)).toBeLessThan(1e-4);
    expect(worst(2, 300, 17)).toBeLessThan(1e-4);
    expect(worst(1, 129, 40)).toBeLessThan(1e-4);
    expect(worst(3, 256, 3)).toBeLessThan(1e-4);
  });
  test("a sum of 20000 equal terms has relative error < 1e-5: rounding does not pile up", () => {
    expect(drift(20000, 1)).toBeLessThan(1e-5);
    expect(drift(20000, 21)).toBeLessThan(1e-5);
  });
  test("a sum of two million equal terms has relative error < 3e-6", () => {
    expect(drift(2000000, 1)).toBeLessThan(3e-6);
    expect(drift(1000000, 2)).toBeLessThan(3e-6);
    expect(drift(120000, 17)).toBeLessThan(3e-6);
  });
  test("NaN anywhere makes its sum and its maximum NaN, and no other", () => {
    for (let b = 0; b < 17; b++) {
      reset();
      const x = randomBuffer(17 * 5);
      put(x, b * 5 + 4, NaN);
      const sums = buffer(5);
      const maxima = buffer(5);
      const rowMaxima = buffer(5);
      reduce(Opcode.Sum, x, sums, 1, 17, 5);
      reduce(Opcode.Max, x, maxima, 1, 17, 5);
      reduce(Opcode.Max, x, rowMaxima, 5, 17, 1);
      execute();
      for (let c = 0; c < 5; c++) {
        expect(isNaN(get(sums, c))).toBe(c == 4);
        expect(isNaN(get(maxima, c))).toBe(c == 4);
        expect(isNaN(get(rowMaxima, c))).toBe((b * 5 + 4) / 17 == c);
      }
    }
  });
});
