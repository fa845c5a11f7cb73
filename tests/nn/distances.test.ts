/** Distances and moments of data that are far from 0, against f64; weights of rows. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { run } from "../../src/core/run.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { trace } from "../../src/graph/graph.ts";
import { full, keyToArray, multiply, sum } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { squaredDistances } from "../../src/nn/distances.ts";
import { batchNorm, flatten, layerNorm } from "../../src/nn/layers.ts";
import { argmaxRows } from "../../src/nn/metrics.ts";
import { model } from "../../src/nn/model.ts";
import { moments } from "../../src/nn/moments.ts";
import { classification } from "../../src/nn/objective.ts";
import { prefixed } from "../../src/optim/rule.ts";
import { keyOf } from "../../src/random.ts";
import { adaptProgram, initProgram, outputShapes, predictProgram } from "../../src/train/programs.ts";
import { near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { checkTwice, runGraph } from "../support/twice.ts";

const test = suite("distances and moments");
const core = Core.create();
const OFFSETS = [0, 1_000, 3_000, 1e5];

function distancesOf(a: ArrayLike<number>, b: ArrayLike<number>, D: number): number[] {
  const at = (list: ArrayLike<number>, row: number, d: number) => list[row * D + d] as number;
  return Array.from({ length: a.length / D }, (_, i) =>
    Array.from({ length: b.length / D }, (_, j) =>
      Array.from({ length: D }, (_, d) => (at(a, i, d) - at(b, j, d)) ** 2).reduce((total, each) => total + each, 0),
    ),
  ).flat();
}

test("distances of rows that are far from 0 are right: offsets of 1,000, 3,000 and 1e5 against f64", () => {
  const chance = new Chance(1);
  for (const offset of OFFSETS) {
    const a = Float32Array.from(chance.floats(40 * 7), (value) => value + offset);
    const b = Float32Array.from(chance.floats(5 * 7), (value) => value + offset);
    const program = compile({ a: [40, 7], b: [5, 7] }, ({ a, b }) => ({ d: squaredDistances(a, b) }));
    // The inputs are rounded to f32 first: what is compared is the distance alone.
    near(run(program, { a, b }).d as Float32Array, distancesOf(a, b, 7), 1e-6, `offset ${offset}`);
  }
});

/** Classes that ProtoNet, with features as they are, predicts for queries of one number. */
function nearest(support: readonly number[], labels: readonly number[], queries: readonly number[]): number[] {
  const learner = protoNet(model([1], flatten()));
  const ways = new Set(labels).size;
  const tasks = {
    inputs: { x: [1] },
    objective: classification(ways),
    segments: [support.length],
    queries: queries.length,
  };
  const { plan } = initProgram(learner);
  const shared = { key: keyToArray(keyOf(1)), iteration: Float32Array.of(0) };
  const columns = { "segments.0.x": Float32Array.from(support), "segments.0.y": Float32Array.from(labels) };
  const adapting = adaptProgram(plan, tasks, {});
  const state = run(adapting, { ...shared, ...columns });
  const predicting = predictProgram(plan, outputShapes(adapting), tasks);
  const { logits } = run(predicting, {
    ...shared,
    ...prefixed("state.", state),
    "queries.x": Float32Array.from(queries),
  });
  return Array.from(argmaxRows(logits as Float32Array, ways));
}

test("protoNet tells prototypes 1000.0, 1000.1 and 1000.2 apart", () => {
  assert.equal(nearest([1000.0, 1000.1, 1000.2], [0, 1, 2], [1000.21, 1000.09, 999.99, 1000.16]), [2, 1, 0, 2]);
  for (const offset of OFFSETS) {
    const [low, middle, high] = [offset - 1, offset, offset + 1];
    assert.equal(nearest([low, middle, high], [0, 1, 2], [high + 0.25, middle, low - 3]), [2, 1, 0], `${offset}`);
  }
});

test("distances have right first and second derivatives, also with an offset", () => {
  const chance = new Chance(3);
  for (const offset of [0, 5]) {
    const operands = [
      [[4, 3], chance.floats(12).map((value) => value + offset)],
      [[5, 3], chance.floats(15).map((value) => value + offset)],
    ] as const;
    checkTwice(`offset ${offset}`, core, (a, b) => squaredDistances(a as Tensor, b as Tensor), operands, chance);
  }
});

test("the compiled derivative of a distance is right far from 0: 2 (a - b)", () => {
  const program = compile({ a: [1, 2], b: [3, 2], w: [1, 3] }, ({ a, b, w }) => {
    const [da, db] = grad(sum(multiply(squaredDistances(a, b), w)), [a, b]);
    return { da, db };
  });
  const a = Float32Array.of(3001.5, 2999.25);
  const b = Float32Array.of(3000, 3001, 2998.5, 3000.5, 3002.25, 3003);
  const w = Float32Array.of(1, -2, 0.5);
  const { da = [], db = [] } = run(program, { a, b, w }) as Record<string, Float32Array>;
  const part = (j: number, d: number) => 2 * (w[j] as number) * ((a[d] as number) - (b[2 * j + d] as number));
  near(
    da,
    [0, 1].map((d) => part(0, d) + part(1, d) + part(2, d)),
    1e-6,
    "da",
  );
  near(
    db,
    [0, 1, 2].flatMap((j) => [-part(j, 0), -part(j, 1)]),
    1e-6,
    "db",
  );
});

test("distances: rows of weight 0 do not move the centre; shapes are checked", () => {
  const graph = trace({ a: [2, 1], b: [3, 1], w: [3] }, ({ a, b, w }) => ({ d: squaredDistances(a, b, w) }));
  const a = Float32Array.of(3000, 3000.5);
  const b = Float32Array.of(3000.25, 3001, 0);
  const { d = [] } = runGraph(core, graph, { a, b, w: [1, 1, 0] }) as Record<string, Float32Array>;
  near([d[0], d[1], d[3], d[4]] as number[], [0.0625, 1, 0.0625, 0.25], 1e-7, "rows that count");
  throwsA(ShapeError, () => trace({ a: [2, 3], b: [4, 2] }, ({ a, b }) => ({ d: squaredDistances(a, b) })), "[n,D]");
  throwsA(
    ShapeError,
    () => trace({ a: [2, 3], b: [4, 3], w: [3] }, ({ a, b, w }) => ({ d: squaredDistances(a, b, w) })),
    "weights must be [n]",
  );
});

/** Mean and variance of every column of rows, with weights, in f64. */
function plainMoments(x: ArrayLike<number>, columns: number, weights: (row: number) => number) {
  const rows = x.length / columns;
  const total = Array.from({ length: rows }, (_, row) => weights(row)).reduce((sum, each) => sum + each, 0);
  const average = (value: (row: number, column: number) => number) =>
    Array.from({ length: columns }, (_, column) => {
      let result = 0;
      for (let row = 0; row < rows; row++) if (weights(row) !== 0) result += weights(row) * value(row, column);
      return result / total;
    });
  const at = (row: number, column: number) => x[row * columns + column] as number;
  const mean = average(at);
  return { mean, variance: average((row, column) => (at(row, column) - (mean[column] as number)) ** 2) };
}

test("moments of 60,000 rows far from 0 are those of f64", () => {
  const chance = new Chance(5);
  for (const offset of OFFSETS) {
    const x = Float32Array.from(chance.floats(60_000 * 4), (value) => value + offset);
    const program = compile({ x: [60_000, 4] }, ({ x }) => {
      const { mean, variance } = moments(x, 0);
      return { mean, variance };
    });
    const expected = plainMoments(x, 4, () => 1);
    const { mean = [], variance = [] } = run(program, { x }) as Record<string, Float32Array>;
    near(mean, expected.mean, 1e-6, `mean at ${offset}`);
    near(variance, expected.variance, offset > 1e4 ? 1e-3 : 1e-4, `variance at ${offset}`);
  }
});

test("moments with weights are weighted means; a row of weight 0 adds nothing, whatever it holds", () => {
  const chance = new Chance(7);
  const x = Float32Array.from(chance.floats(6 * 3));
  const weights = [1, 0, 2, 0.5, 0, 1];
  x.set([Number.NaN, Number.POSITIVE_INFINITY, 1e30], 3);
  const graph = trace({ x: [6, 3], w: [6], v: [1, 3] }, ({ x, w, v }) => {
    const { mean, variance } = moments(x, 0, w);
    const [dx] = grad(sum(multiply(multiply(mean, variance), v)), [x]) as [Tensor];
    return { mean, variance, dx };
  });
  const inputs = { x, w: weights, v: [1, 2, 3] };
  const { mean = [], variance = [], dx = [] } = runGraph(core, graph, inputs) as Record<string, Float32Array>;
  const expected = plainMoments(x, 3, (row) => weights[row] as number);
  near(mean, expected.mean, 1e-6, "mean");
  near(variance, expected.variance, 1e-6, "variance");
  assert.equal(Array.from(dx).slice(3, 6), [0, 0, 0], "derivatives of padding");
  assert.ok(Array.from(dx).every(Number.isFinite));
  const none = runGraph(core, graph, { ...inputs, w: new Float64Array(6) });
  assert.ok([...(none.mean ?? []), ...(none.variance ?? []), ...(none.dx ?? [])].every((value) => value === 0));
});

test("moments with weights over all axes but the last, and their derivatives", () => {
  const chance = new Chance(9);
  const w = Float64Array.of(1, 0.5, 2);
  checkTwice(
    "weighted variance",
    core,
    (x, w) => {
      const { mean, variance } = moments(x as Tensor, [0, 1], w as Tensor);
      return multiply(mean, variance);
    },
    [
      [[3, 4, 2], chance.floats(24)],
      [[3], w],
    ],
    chance,
  );
});

test("weights that are known to be 1 fold away, to the bit; wrong ones are refused", () => {
  const of = (weighted: boolean) =>
    trace({ x: [6, 3] }, ({ x }) => ({ v: moments(x, 0, weighted ? full([6], 1) : undefined).variance }));
  assert.is(of(true).nodes.length, of(false).nodes.length);
  const x = new Chance(2).floats(18);
  assert.ok(sameBits(runGraph(core, of(true), { x }).v ?? [], runGraph(core, of(false), { x }).v ?? []));
  throwsA(OptionError, () => trace({ x: [2, 3], w: [2] }, ({ x, w }) => ({ m: moments(x, 1, w).mean })), "axis 0");
  throwsA(ShapeError, () => trace({ x: [2, 3], w: [3] }, ({ x, w }) => ({ m: moments(x, 0, w).mean })), "[n]");
});

test("batch and layer normalisation of data with an offset are those of the data without", () => {
  const chance = new Chance(11);
  const x = Float32Array.from(chance.floats(500 * 8));
  const ones = new Float32Array(8).fill(1);
  for (const layer of [batchNorm({ mode: "transductive" }), layerNorm()]) {
    const net = model([8], layer);
    const program = compile({ x: [500, 8], scale: [8], shift: [8] }, ({ x, scale, shift }) => ({
      y: net.apply({ scale, shift }, { x }, { training: true, role: "support" }).output,
    }));
    const of = (offset: number) =>
      run(program, { x: x.map((value) => value + offset), scale: ones, shift: new Float32Array(8) }).y as Float32Array;
    const plain = of(0);
    // 1,000 and 3,000 themselves round the data to 1e-4.
    for (const offset of [1_000, 3_000]) near(of(offset), plain, 1e-3, `${layer.description} at ${offset}`);
  }
});

test.run();
