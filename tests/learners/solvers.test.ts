/** Heads that are solved for, against what defines them: normal equations, a slope of zero, and the duality gap. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OptionError } from "../../src/errors.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant, matmul } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { r2d2 } from "../../src/learners/r2d2.ts";
import { ridge } from "../../src/learners/ridge.ts";
import { logisticWeights, type Rows, ridgeWeights, svmWeights } from "../../src/learners/solvers.ts";
import { flatten } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { gaussian } from "../../src/nn/objective.ts";
import { keyOf } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { near } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { rejectsA } from "../train/support.ts";
import { clusters } from "./clusters.ts";

const test = suite("solvers");

interface Problem {
  readonly X: Float64Array;
  readonly Y: Float64Array;
  readonly weight: Float64Array;
  readonly n: number;
  readonly D: number;
  readonly k: number;
}

/** Rows of classes around random centres; every fourth has weight 0, the others from 0.5 to 2. */
function problemOf(n: number, D: number, k: number, seed: number): Problem {
  const chance = new Chance(seed);
  const centres = chance.floats(k * D);
  const X = Float64Array.from({ length: n * D }, (_, i) => {
    const label = Math.floor(i / D) % k;
    return (centres[label * D + (i % D)] as number) + chance.uniform(-1, 1);
  });
  const Y = Float64Array.from({ length: n * k }, (_, i) => Number(Math.floor(i / k) % k === i % k));
  const weight = Float64Array.from({ length: n }, (_, i) => (i % 4 === 3 ? 0 : chance.uniform(0.5, 2)));
  return { X, Y, weight, n, D, k };
}

function solved(problem: Problem, fit: (rows: Rows) => Tensor): Float64Array {
  const { n, D, k, X, Y, weight } = problem;
  const graph = trace({ X: [n, D], Y: [n, k], weight: [n] }, (rows) => ({ W: fit(rows as Rows) }));
  return interpret(graph, { X, Y, weight }).W as Float64Array;
}

/** Element [i, j] of a matrix with `columns` columns. */
const at = (matrix: Float64Array, columns: number, i: number, j: number) => matrix[i * columns + j] as number;
const range = (n: number) => [...Array(n).keys()];
const total = (n: number, of: (i: number) => number) => range(n).reduce((sum, i) => sum + of(i), 0);
/** Score of class j for row i. */
const scoreOf = ({ X, D, k }: Problem, W: Float64Array, i: number, j: number) =>
  total(D, (d) => at(X, D, i, d) * at(W, k, d, j));

test("ridge regression: weighted residuals balance lambda W, with more rows than columns and with fewer", () => {
  for (const [n, D] of [
    [12, 4],
    [7, 9],
  ] as const) {
    const problem = problemOf(n, D, 3, n);
    const { X, Y, weight, k } = problem;
    const W = solved(problem, (rows) => ridgeWeights(rows, constant(0.5)));
    for (const [d, j] of range(D).flatMap((d) => range(k).map((j) => [d, j] as const))) {
      const pull = total(
        n,
        (i) => (weight[i] as number) * at(X, D, i, d) * (at(Y, k, i, j) - scoreOf(problem, W, i, j)),
      );
      assert.ok(Math.abs(pull - 0.5 * at(W, k, d, j)) < 1e-9, `n ${n}, D ${D}`);
    }
  }
});

/** Largest slope of the regularised log loss of each class against the others. */
function logisticSlope(problem: Problem, W: Float64Array, lambda: number): number {
  const { X, Y, weight, n, D, k } = problem;
  const slopes = range(D * k).map((at_) => {
    const [d, j] = [Math.floor(at_ / k), at_ % k];
    const error = (i: number) => 1 / (1 + Math.exp(-scoreOf(problem, W, i, j))) - at(Y, k, i, j);
    return total(n, (i) => (weight[i] as number) * error(i) * at(X, D, i, d)) + lambda * at(W, k, d, j);
  });
  return Math.max(...slopes.map(Math.abs));
}

test("logistic regression: Newton steps come to a slope of zero, with more rows than columns and with fewer", () => {
  for (const [n, D] of [
    [15, 4],
    [8, 12],
  ] as const) {
    const problem = problemOf(n, D, 3, 2 * n);
    const after = (steps: number) =>
      logisticSlope(
        problem,
        solved(problem, (rows) => logisticWeights(rows, constant(1), steps)),
        1,
      );
    // The floor of the variance moves the fixed point by no more than about 1e-6 of an error.
    assert.ok(after(10) < 1e-4, `${after(10)}`);
    assert.ok(after(5) < 0.05 * after(1), `${after(5)} after 5 steps, ${after(1)} after one`);
  }
});

/** |W|^2 / 2 + C sum of w_i max over j of (s_ij - s_iy + [j != y]): what the machine minimises. */
function svmLoss(problem: Problem, W: Float64Array, C: number): number {
  const { weight, n, k } = problem;
  const slack = (i: number) => {
    const own = scoreOf(problem, W, i, i % k);
    return Math.max(...range(k).map((j) => scoreOf(problem, W, i, j) - own + Number(j !== i % k)));
  };
  return W.reduce((sum, w) => sum + (w * w) / 2, 0) + C * total(n, (i) => (weight[i] as number) * slack(i));
}

test("support vector machine: many steps come to the least loss; with the default's penalty, its 15 come near it", () => {
  for (const [n, D, k] of [
    [15, 5, 3],
    [8, 20, 5],
  ] as const) {
    const problem = problemOf(n, D, k, 3 * n);
    for (const C of [0.1, 1]) {
      const after = (steps: number) =>
        svmLoss(
          problem,
          solved(problem, (rows) => svmWeights(rows, constant(C), steps)),
          C,
        );
      const best = descended(problem, C);
      const [one, usual, many] = [1, 15, 400].map(after) as [number, number, number];
      assert.ok(many < best * 1.001, `n ${n}, C ${C}: ${many}, descent ${best}`);
      if (C === 0.1) assert.ok(usual < best * 1.1, `n ${n}: 15 steps ${usual}, descent ${best}`);
      assert.ok(one > best * 1.01, "one step is not the end");
    }
  }
});

/** The least loss that long subgradient descent finds. */
function descended(problem: Problem, C: number): number {
  const { X, weight, n, D, k } = problem;
  const W = new Float64Array(D * k);
  let best = svmLoss(problem, W, C);
  for (let step = 0; step < 1500; step++) {
    const slope = W.slice();
    for (const i of range(n)) {
      const y = i % k;
      const margins = range(k).map((j) => scoreOf(problem, W, i, j) + Number(j !== y));
      const worst = margins.indexOf(Math.max(...margins));
      for (const d of range(D)) {
        const push = C * (weight[i] as number) * at(X, D, i, d);
        slope[d * k + worst] = at(slope, k, d, worst) + push;
        slope[d * k + y] = at(slope, k, d, y) - push;
      }
    }
    for (const [i, each] of slope.entries()) W[i] = (W[i] as number) - (0.5 / (step + 10)) * each;
    if (step % 20 === 0) best = Math.min(best, svmLoss(problem, W, C));
  }
  return best;
}

test("rows without weight are no rows: all heads of nothing are 0, also where rows hold numbers", () => {
  const problem = { ...problemOf(6, 3, 2, 1), weight: new Float64Array(6) };
  const fits: readonly ((rows: Rows) => Tensor)[] = [
    (rows) => ridgeWeights(rows, constant(1)),
    (rows) => logisticWeights(rows, constant(1), 3),
    (rows) => svmWeights(rows, constant(1), 3),
  ];
  for (const fit of fits) assert.ok(solved(problem, fit).every((w) => w === 0));
});

test("ridge on raw inputs is the ridge regression of labels, whatever number of examples at a time", async () => {
  const trained = await metaTrain(ridge(model([4], flatten()), { regularisation: 2 }), clusters, { iterations: 0 });
  assert.equal(Object.keys(trained.meta), []);
  const { support, queries } = clusters.sample(keyOf(5));
  const n = support.y.length;
  const withOne = (x: Float32Array) =>
    Float32Array.from({ length: (x.length / 4) * 5 }, (_, i) =>
      i % 5 === 4 ? 1 : (x[Math.floor(i / 5) * 4 + (i % 5)] as number),
    );
  const graph = trace({ X: [n, 5], Y: [n, 3], weight: [n], q: [12, 5] }, (rows) => ({
    y: matmul(rows.q as Tensor, ridgeWeights(rows as unknown as Rows, constant(2))),
  }));
  const Y = Float32Array.from({ length: n * 3 }, (_, i) => Number(support.y[Math.floor(i / 3)] === i % 3));
  const expected = interpret(graph, {
    X: withOne(support.x),
    Y,
    weight: new Float32Array(n).fill(1),
    q: withOne(queries.x),
  });
  const logits = trained.adapt(support).predict(queries.x).logits as Float32Array;
  near(
    logits.map((each) => each / 10),
    expected.y as Float64Array,
    1e-6,
    "predictions",
  );
  trained.dispose();
});

test("r2d2 predicts no deviation: tasks of gaussian are refused by name", async () => {
  const tasks = sinusoid({ shots: 4, queries: 4 });
  const [spec] = tasks.specs as readonly [TaskSpec];
  const deviating = { ...tasks, sample: tasks.sample.bind(tasks), specs: [{ ...spec, objective: gaussian(1) }] };
  const embedding = mlp({ inputShape: 1, hidden: [4], outputs: 4 });
  await rejectsA(
    OptionError,
    metaTrain(r2d2(embedding), deviating, { iterations: 1 }),
    "r2d2: tasks must be of",
    "gaussian",
  );
});

test("r2d2 learns curves: a head of ten points on learned features", async () => {
  const tasks = sinusoid({ shots: 10, queries: 10 });
  const embedding = mlp({ inputShape: 1, hidden: [40], outputs: 40, activation: "tanh" });
  const errors: number[] = [];
  for (const iterations of [0, 300]) {
    const trained = await metaTrain(r2d2(embedding), tasks, { iterations, seed: 1 });
    const each = range(40).map((i) => {
      const { support, queries } = tasks.sample(keyOf(1000 + i));
      const { mean } = trained.adapt(support).predict(queries.x);
      return queries.y.reduce((sum, y, j) => sum + (y - (mean?.[j] as number)) ** 2, 0) / queries.y.length;
    });
    errors.push(each.reduce((sum, value) => sum + value, 0) / each.length);
    trained.dispose();
  }
  const [untrained, trained] = errors as [number, number];
  assert.ok(trained < 0.3 * untrained, `${trained} after, ${untrained} before`);
});

test.run();
