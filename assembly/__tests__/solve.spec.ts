import { Opcode } from "../opcodes";
import { buffer, execute, field, fieldAt, get, instruction, intact, put, random, reset, SIZES } from "./support";

function solve(batch: i32, n: i32, k: i32, a: usize, b: usize, out: usize, scratch: usize): void {
  instruction(Opcode.Solve);
  field(batch);
  field(n);
  field(k);
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  fieldAt(scratch);
  execute();
}

/** A random matrix with n on its diagonal, whose symmetric part is definite. */
function matrices(batch: i32, n: i32): usize {
  const at = buffer(batch * n * n);
  for (let i = 0; i < batch * n * n; i++) put(at, i, random() + ((i % (n * n)) % (n + 1) == 0 ? f32(n) : 0));
  return at;
}

/** Largest element of S X - B, S the symmetric part of A; infinite when something else was written. */
function residual(batch: i32, n: i32, k: i32): f64 {
  reset();
  const room = 2 * n * (n + k);
  const a = matrices(batch, n);
  const b = buffer(batch * n * k);
  for (let i = 0; i < batch * n * k; i++) put(b, i, random());
  const out = buffer(batch * n * k);
  const scratch = buffer(room);
  solve(batch, n, k, a, b, out, scratch);
  if (!intact(a, batch * n * n) || !intact(b, batch * n * k)) return Infinity;
  if (!intact(out, batch * n * k) || !intact(scratch, room)) return Infinity;
  let worst: f64 = 0;
  for (let m = 0; m < batch; m++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < k; j++) {
        let rest = -f64(get(b, (m * n + i) * k + j));
        for (let l = 0; l < n; l++) {
          const both = f64(get(a, (m * n + i) * n + l)) + f64(get(a, (m * n + l) * n + i));
          rest += 0.5 * both * f64(get(out, (m * n + l) * k + j));
        }
        worst = max(worst, abs(rest));
      }
    }
  }
  return worst;
}

/** How many of the results are NaN of two systems of which the first has `value` at the place `at` of its diagonal. */
function broken(n: i32, at: i32, value: f32): i32 {
  reset();
  const a = matrices(2, n);
  put(a, at * (n + 1), value);
  const b = buffer(2 * n);
  for (let i = 0; i < 2 * n; i++) put(b, i, 1);
  const out = buffer(2 * n);
  solve(2, n, 1, a, b, out, buffer(2 * n * (n + 1)));
  let count = 0;
  for (let i = 0; i < 2 * n; i++) if (isNaN(get(out, i))) count += i < n ? 1 : 1000;
  return count;
}

describe("solve", () => {
  test("batches of 1 and 3, n and k of 1, 3, 4, 5, 8, 17, 40: A X = B to 1e-6", () => {
    for (let i = 0; i < SIZES.length; i++) {
      for (let j = 0; j < SIZES.length; j++) {
        expect(residual(1, SIZES[i], SIZES[j])).toBeLessThan(1e-6);
        expect(residual(3, SIZES[i], SIZES[j])).toBeLessThan(1e-6);
      }
    }
  });
  test("a matrix that is not positive definite, or not finite, gives NaN for all of its system and none other", () => {
    for (let at = 0; at < 5; at++) {
      expect(broken(5, at, -1)).toBe(5);
      expect(broken(5, at, NaN)).toBe(5);
      expect(broken(5, at, Infinity)).toBe(5);
    }
    expect(broken(1, 0, 0)).toBe(1);
    expect(broken(5, 2, 5)).toBe(0);
  });
});
