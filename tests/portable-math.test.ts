import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cosine, exponential, logarithm } from "../src/portable-math.ts";
import { Draw, keyOf } from "../src/random.ts";

const test = suite("portable math");

/** The largest error relative to 1 or the value, whichever is larger in size, over numbers from low to high. */
function worst(
  f: (x: number) => number,
  reference: (x: number) => number,
  low: number,
  high: number,
  floor: number,
): number {
  const draw = new Draw(keyOf(1));
  let largest = 0;
  for (let i = 0; i < 50_000; i++) {
    const x = draw.uniform(low, high);
    largest = Math.max(largest, Math.abs(f(x) - reference(x)) / Math.max(floor, Math.abs(reference(x))));
  }
  return largest;
}

test("logarithm has relative error < 1e-15", () => {
  for (const [low, high] of [
    [1e-300, 1e300],
    [1e-10, 1e-3],
    [0.5, 2],
    [0.999, 1.001],
    [1, 1e6],
  ] as const) {
    // Near 1 the reference itself is rounded.
    assert.ok(worst(logarithm, Math.log, low, high, 1e-12) < 1e-15, `${low} to ${high}`);
  }
  assert.is(logarithm(1), 0);
});

test("exponential has relative error < 1e-15", () => {
  for (const [low, high] of [
    [-700, 700],
    [-1, 1],
    [-30, 0],
  ] as const) {
    assert.ok(worst(exponential, Math.exp, low, high, 0) < 1e-15, `${low} to ${high}`);
  }
  assert.is(exponential(0), 1);
});

test("cosine has absolute error < 1e-15", () => {
  assert.ok(worst(cosine, Math.cos, -100, 100, 1) < 1e-15);
});

test.run();
