/** Numbers at the edges: ties of maxima, the domain of sine and cosine, and what simplification must not hide. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { run } from "../../src/core/run.ts";
import { grad } from "../../src/graph/grad.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import {
  add,
  constant,
  cos,
  divide,
  full,
  log,
  max,
  multiply,
  reshape,
  sin,
  solve,
  square,
  subtract,
  sum,
} from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { near } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { checkTwice, runGraph } from "../support/twice.ts";

const test = suite("numerics");
const core = Core.create();

/** Derivative of the sum of maxima of x over axes. */
function shares(x: readonly number[], shape: readonly number[], axes: readonly number[]): number[] {
  const graph = trace({ x: shape }, ({ x }) => ({ dx: grad(sum(max(x, axes)), [x])[0] as Tensor }));
  const compiled = runGraph(core, graph, { x }).dx as Float32Array;
  assert.equal(Array.from(compiled), Array.from(interpret(graph, { x }).dx as Float64Array, Math.fround));
  return Array.from(compiled);
}

test("max shares a tie evenly, whichever axes it goes over", () => {
  const third = Math.fround(1 / 3);
  // [[1, 1], [1, 0]] with an axis of 1, 2 or 3 between.
  assert.equal(shares([1, 1, 1, 0], [2, 1, 2], [0, 2]), [third, third, third, 0]);
  assert.equal(shares([1, 1, 1, 0], [2, 2], [0, 1]), [third, third, third, 0]);
  // Between them a second matrix, whose only maximum is its last element.
  const pair = [1, 1, 5, 2, 1, 0, 2, 6];
  assert.equal(shares(pair, [2, 2, 2], [0, 2]), [third, third, 0, 0, third, 0, 0, 1]);
  // Four axes, of which the second and the last are reduced; all zeros: every group of six shares evenly.
  const sixth = Math.fround(1 / 6);
  assert.equal(shares(Array(24).fill(0), [2, 2, 2, 3], [1, 3]), Array(24).fill(sixth));
});

test("max over axes that are not neighbours has right values and derivatives where nothing ties", () => {
  const chance = new Chance(1);
  const x = Float64Array.from(chance.order(60), (value) => value / 10);
  const build = (x: Tensor | undefined) => square(max(x as Tensor, [0, 2], { keepAxes: true }));
  checkTwice("max", core, build, [[[3, 5, 4], x]], chance);
  const graph = trace({ x: [3, 5, 4] }, ({ x }) => ({ y: max(x, [0, 2]) }));
  const expected = [0, 1, 2, 3, 4].map((j) => Math.max(...Array.from(x).filter((_, i) => Math.floor(i / 4) % 5 === j)));
  near(runGraph(core, graph, { x }).y ?? [], expected, 1e-7, "value");
});

test("sine and cosine have absolute error < 2e-7 up to 8,192 and < 1e-6 to the end of their domain, 100,000", () => {
  const count = 400_000;
  const program = compile({ x: [count] }, ({ x }) => ({ s: sin(x), c: cos(x) }));
  const chance = new Chance(2);
  for (const [end, bound] of [
    [8_192, 2e-7],
    [100_000, 1e-6],
  ] as const) {
    // Half of them at odd multiples of pi / 4, where the remainder is largest, and on both sides of it.
    const x = Float32Array.from({ length: count }, (_, i) => {
      if (i % 2 === 0) return chance.uniform(-end, end);
      const eighth = Math.PI / 4;
      return Math.max(-end, Math.min(end, (2 * chance.whole(-end, end) + 1) * eighth + chance.uniform(-0.01, 0.01)));
    });
    x.set([end, -end, 0]);
    const { s = [], c = [] } = run(program, { x }) as Record<string, Float32Array>;
    let worst = 0;
    for (const [i, value] of x.entries()) {
      worst = Math.max(
        worst,
        Math.abs((s[i] as number) - Math.sin(value)),
        Math.abs((c[i] as number) - Math.cos(value)),
      );
    }
    assert.ok(worst < bound, `up to ${end}: ${worst}`);
  }
});

test("sine and cosine stay within 1 beyond their domain", () => {
  const x = Float32Array.from({ length: 1000 }, (_, i) => 1e5 * 1.09 ** (i % 500) * (i % 2 ? 1 : -1));
  const { s = [], c = [] } = run(
    compile({ x: [1000] }, ({ x }) => ({ s: sin(x), c: cos(x) })),
    { x },
  );
  for (const value of [...(s as Float32Array), ...(c as Float32Array)]) assert.ok(Math.abs(value) <= 1.000001);
});

const INF = Number.POSITIVE_INFINITY;

test("what is known while tracing to be infinite or NaN is not folded to 0", () => {
  const wide = (value: number) => full([3], value);
  const tall = () => reshape(full([3, 1], INF), [3]);
  // Of scalars and of stretched ones; each is NaN.
  const graph = trace({ x: [3] }, ({ x }) => ({
    scalarProduct: multiply(constant(0), constant(INF)),
    product: multiply(wide(0), wide(INF)),
    productOfNaN: multiply(wide(Number.NaN), 0),
    later: multiply(multiply(x, 0), wide(INF)),
    difference: subtract(wide(INF), wide(INF)),
    sameDifference: subtract(tall(), tall()),
    quotient: divide(wide(0), wide(0)),
    quotientByNaN: divide(wide(0), wide(Number.NaN)),
  }));
  for (const [name, data] of Object.entries(runGraph(core, graph, { x: [1, 2, 3] }))) {
    assert.ok(data.every(Number.isNaN), `${name} is ${data}`);
  }
});

test("0 times a tensor and its difference from itself are 0, whatever it will hold: the documented exception", () => {
  const graph = trace({ x: [2] }, ({ x }) => ({
    product: multiply(x, 0),
    difference: subtract(x, x),
    none: divide(0, x),
  }));
  const { product, difference, none } = runGraph(core, graph, { x: [Number.NaN, 0] });
  for (const data of [product, difference, none]) assert.equal(Array.from(data ?? []), [0, 0]);
});

test("a non-finite number reaches every value that is computed from it, through sums, products and losses", () => {
  const graph = trace({ x: [4, 3], w: [3] }, ({ x, w }) => {
    const loss = sum(square(subtract(multiply(x, w), 1)));
    const [dw] = grad(loss, [w]) as [Tensor];
    // As an update and its checksum would be written, with a rate of 0.
    const next = subtract(w, multiply(dw, 0));
    return { loss, dw, checksum: add(sum(dw), sum(next)), log: log(sum(multiply(x, -1))) };
  });
  const x = new Chance(3).floats(12);
  for (const bad of [Number.NaN, INF, -INF]) {
    x[7] = bad;
    const { loss = [], dw = [], checksum = [] } = runGraph(core, graph, { x, w: [1, 2, 3] });
    assert.not.ok(Number.isFinite(loss[0]));
    assert.not.ok(Number.isFinite(dw[1]));
    assert.not.ok(Number.isFinite(checksum[0]));
  }
});

test("solve takes the symmetric part of a matrix; one that is not positive definite gives NaN, in derivatives too", () => {
  const graph = trace({ a: [2, 2], b: [2, 1] }, ({ a, b }) => {
    const x = solve(a as Tensor, b as Tensor);
    const [da, db] = grad(sum(x), [a as Tensor, b as Tensor]);
    return { x, da: da as Tensor, db: db as Tensor };
  });
  const b = [1, 2];
  const symmetric = runGraph(core, graph, { a: [2, 0.5, 0.5, 1], b });
  // x = [[1, -0.5], [-0.5, 2]] b / 1.75, computed by hand.
  near(symmetric.x as Float32Array, [0, 2], 1e-6, "x");
  assert.equal(runGraph(core, graph, { a: [2, 0.75, 0.25, 1], b }), symmetric);
  for (const a of [
    [1, 2, 2, 1],
    [0, 0, 0, 0],
    [-1, 0, 0, 1],
    [Number.POSITIVE_INFINITY, 0, 0, 1],
    [1, Number.NaN, 0, 1],
  ]) {
    for (const found of [
      runGraph(core, graph, { a, b }),
      interpret(graph, { a: Float64Array.from(a), b: Float64Array.from(b) }),
    ]) {
      for (const [name, data] of Object.entries(found)) assert.ok(data.every(Number.isNaN), `${name} of ${a}: ${data}`);
    }
  }
});

test("solve keeps four digits where the condition is 1e6", () => {
  const program = compile({ a: [2, 2], b: [2, 1] }, ({ a, b }) => ({ x: solve(a as Tensor, b as Tensor) }));
  const [p, q] = [Math.fround(1), Math.fround(1 - 2e-6)];
  const { x } = run(program, { a: [p, q, q, p], b: [1, 0] });
  const determinant = p * p - q * q;
  near(x as Float32Array, [p / determinant, -q / determinant], 1e-6, "x");
});

test.run();
