/** The core's elementary functions against f64, over their whole range: the bounds that assembly/math.ts states. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import * as q from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";

const functions = suite("elementary functions");
const core = Core.create();
const COUNT = 20000;

/** The function at the given f32 numbers. */
function valuesOf(build: (x: Tensor) => Tensor, x: Float32Array): Float32Array {
  const loaded = core.load(compile({ x: [x.length] }, (inputs) => ({ y: build(inputs.x) })));
  const { y } = loaded.call({ x });
  loaded.dispose();
  return y as Float32Array;
}

/** Numbers spread evenly over [low, high], both included. */
function evenly(low: number, high: number): Float32Array {
  return Float32Array.from({ length: COUNT }, (_, i) => Math.min(high, low + ((high - low) * i) / (COUNT - 1)));
}

/** Numbers spread evenly over the exponents of [low, high], both included. */
function byExponent(low: number, high: number): Float32Array {
  const ratio = Math.log2(high / low);
  return Float32Array.from({ length: COUNT }, (_, i) => Math.min(high, low * 2 ** ((ratio * i) / (COUNT - 1))));
}

const bothSigns = (x: Float32Array) => Float32Array.from([...x, ...x.map((value) => -value)]);

/** The same number; NaN is NaN, and the sign of a zero is free. */
function same(actual: number, expected: number, where: string): void {
  assert.ok(actual === expected || Object.is(actual, expected), `${where}: ${actual} instead of ${expected}`);
}

/** @param error how far the value is from the exact one, in the terms of the bound */
function holds(
  name: string,
  build: (x: Tensor) => Tensor,
  exact: (x: number) => number,
  ranges: readonly Float32Array[],
  bound: number,
  error: (actual: number, expected: number) => number,
): void {
  functions(name, () => {
    for (const x of ranges) {
      const y = valuesOf(build, x);
      for (let i = 0; i < x.length; i++) {
        const expected = exact(x[i] as number);
        const gap = error(y[i] as number, expected);
        assert.ok(gap < bound, `at ${x[i]}: ${y[i]} instead of ${expected}, error ${gap}`);
      }
    }
  });
}

const relative = (actual: number, expected: number) =>
  actual === expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
const absolute = (actual: number, expected: number) => Math.abs(actual - expected);
const either = (actual: number, expected: number) =>
  Math.abs(expected) < 1 ? absolute(actual, expected) : relative(actual, expected);

const SUBNORMAL = 1.4e-45;
const SMALLEST = 1.1754944e-38;
const LARGEST = 3.4028234e38;

holds(
  "exp has relative error < 2e-7 over [-87.3, 88.72]",
  q.exp,
  Math.exp,
  [evenly(-87.3, 88.72), evenly(-1, 1), bothSigns(byExponent(1e-30, 80))],
  2e-7,
  relative,
);
holds(
  "log has relative error < 2e-7, absolute where |log x| < 1, subnormals included",
  q.log,
  Math.log,
  [byExponent(SMALLEST, LARGEST), evenly(0.3, 3), byExponent(SUBNORMAL, SMALLEST)],
  2e-7,
  either,
);
holds(
  "tanh has relative error < 4e-7",
  q.tanh,
  Math.tanh,
  [evenly(-10, 10), bothSigns(byExponent(1e-37, 1e38)), evenly(0.6, 0.65)],
  4e-7,
  relative,
);
holds(
  "sigmoid has relative error < 4e-7 from -87.3 on",
  q.sigmoid,
  (x) => 1 / (1 + Math.exp(-x)),
  [evenly(-87.3, 100), bothSigns(byExponent(1e-30, 80)), byExponent(1, 1e38)],
  4e-7,
  relative,
);
holds(
  "softplus has relative error < 5e-7 from -87.3 on",
  q.softplus,
  (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  [evenly(-87.3, 100), bothSigns(byExponent(1e-30, 80)), byExponent(1, 1e38)],
  5e-7,
  relative,
);
for (const [name, build, exact] of [
  ["sin", q.sin, Math.sin],
  ["cos", q.cos, Math.cos],
] as const) {
  holds(
    `${name} has absolute error < 2e-7 for |x| <= 8192`,
    build,
    exact,
    [evenly(-8192, 8192), evenly(-7, 7), bothSigns(byExponent(1e-30, 8192))],
    2e-7,
    absolute,
  );
  functions(`${name} stays within [-1, 1] far out`, () => {
    for (const y of valuesOf(build, bothSigns(byExponent(1e4, LARGEST)))) assert.ok(Math.abs(y) <= 1.0000002, `${y}`);
  });
}

functions("square root, reciprocal, division and the exact functions round once, as f32 does", () => {
  const x = bothSigns(byExponent(1e-30, 1e30));
  const exact: readonly (readonly [(x: Tensor) => Tensor, (x: number) => number])[] = [
    [q.sqrt, Math.sqrt],
    [q.reciprocal, (value) => 1 / value],
    [(y) => q.divide(y, 3), (value) => value / 3],
    [q.square, (value) => value * value],
    [q.floor, Math.floor],
    [q.abs, Math.abs],
    [q.sign, Math.sign],
    [q.negate, (value) => -value],
    [q.relu, (value) => Math.max(value, 0)],
    [q.rsqrt, (value) => 1 / Math.fround(Math.sqrt(value))],
  ];
  for (const [build, compute] of exact) {
    for (const [i, y] of valuesOf(build, x).entries()) {
      same(y, Math.fround(compute(x[i] as number)), `at ${x[i]}`);
    }
  }
});

functions("the ends of the range: infinities, NaN, zeros, overflow and underflow", () => {
  const { POSITIVE_INFINITY: up, NEGATIVE_INFINITY: down, NaN: nan } = Number;
  const x = Float32Array.of(up, down, nan, 0, -0, 89, -104, 1e-45);
  const expected: readonly (readonly [string, (x: Tensor) => Tensor, readonly number[]])[] = [
    ["exp", q.exp, [up, 0, nan, 1, 1, up, 0, 1]],
    ["tanh", q.tanh, [1, -1, nan, 0, -0, 1, -1, Math.fround(1e-45)]],
    ["sigmoid", q.sigmoid, [1, 0, nan, 0.5, 0.5, 1, 0, 0.5]],
    ["relu", q.relu, [up, 0, nan, 0, 0, 89, 0, Math.fround(1e-45)]],
    ["sign", q.sign, [1, -1, nan, 0, -0, 1, -1, 1]],
    ["floor", q.floor, [up, down, nan, 0, -0, 89, -104, 0]],
    ["abs", q.abs, [up, up, nan, 0, 0, 89, 104, Math.fround(1e-45)]],
    ["reciprocal", q.reciprocal, [0, -0, nan, up, down, Math.fround(1 / 89), Math.fround(-1 / 104), up]],
  ];
  for (const [name, build, values] of expected) {
    for (const [i, y] of valuesOf(build, x).entries()) {
      same(y, values[i] as number, `${name} at ${x[i]}`);
    }
  }
  const logarithms = valuesOf(q.log, Float32Array.of(up, down, nan, 0, -0, -1, 1));
  assert.equal(Array.from(logarithms), [up, nan, nan, down, down, nan, 0]);
  const soft = valuesOf(q.softplus, Float32Array.of(up, down, nan, 200));
  assert.equal(Array.from(soft), [up, 0, nan, 200]);
  for (const build of [q.sin, q.cos]) {
    assert.equal(Array.from(valuesOf(build, Float32Array.of(up, down, nan))), [nan, nan, nan]);
  }
});

functions("comparisons, gates and choices with NaN, ties and signed zeros", () => {
  const { NaN: nan } = Number;
  const a = Float32Array.of(1, 2, nan, 1, 0, -0, nan);
  const b = Float32Array.of(1, 1, 1, nan, -0, 0, nan);
  const expected: readonly (readonly [string, (a: Tensor, b: Tensor) => Tensor, readonly number[]])[] = [
    ["greater", q.greater, [0, 1, 0, 0, 0, 0, 0]],
    ["greaterEqual", q.greaterEqual, [1, 1, 0, 0, 1, 1, 0]],
    ["equal", q.equal, [1, 0, 0, 0, 1, 1, 0]],
    ["maximum", q.maximum, [1, 2, nan, nan, 0, 0, nan]],
    ["minimum", q.minimum, [1, 1, nan, nan, -0, -0, nan]],
    ["gate", q.gate, [1, 2, nan, 0, 0, 0, 0]],
    ["select", (x, y) => q.select(y, x, 5), [1, 2, nan, 1, 5, 5, nan]],
  ];
  for (const [name, build, values] of expected) {
    const loaded = core.load(compile({ a: [7], b: [7] }, (inputs) => ({ y: build(inputs.a, inputs.b) })));
    const y = loaded.call({ a, b }).y as Float32Array;
    loaded.dispose();
    for (const [i, value] of values.entries()) same(y[i] as number, value, `${name}(${a[i]}, ${b[i]})`);
  }
});

functions.run();
