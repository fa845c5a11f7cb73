/** Losses with masked classes and weights, against plain computations in f64. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { ShapeError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import {
  add,
  exp,
  full,
  logSoftmax,
  logSumExp,
  multiply,
  reshape,
  select,
  slice,
  softmax,
  square,
  stopGradient,
  sum,
} from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { binaryCrossEntropy, crossEntropy, gaussianLogLoss, type Loss, meanSquaredError } from "../../src/nn/losses.ts";
import { near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { checkTwice, named, runGraph } from "../support/twice.ts";

const test = suite("losses");
const core = Core.create();
const INF = Number.POSITIVE_INFINITY;

/** Value, gradient and a product with the second derivative, of a function of one operand. */
function twiceGraph(shape: readonly number[], build: (x: Tensor) => Tensor) {
  return trace({ x: shape, v: shape }, ({ x, v }) => {
    const y = build(x);
    const [g] = grad(y, [x]) as [Tensor];
    const [h] = grad(sum(multiply(g, v)), [x]) as [Tensor];
    return { y, g, h };
  });
}

const logits = [0.5, -INF, 1.25, -0.75, 2, 0.25, -INF, -INF, 3];
const labels = [2, 0, 2];

test("crossEntropy with masked classes is that of the other classes, with derivatives 0 for the masked", () => {
  const graph = trace({ x: [3, 3], labels: [3], v: [3, 3] }, ({ x, labels, v }) => {
    const y = crossEntropy(x, labels);
    const [g] = grad(y, [x]) as [Tensor];
    const [h] = grad(sum(multiply(g, v)), [x]) as [Tensor];
    return { y, g, h };
  });
  const v = new Chance(1).floats(9);
  const probabilities = [0, 1, 2].flatMap((row) => {
    const terms = logits.slice(3 * row, 3 * row + 3).map(Math.exp);
    return terms.map((term) => term / terms.reduce((total, each) => total + each, 0));
  });
  const p = (row: number, column: number) => probabilities[3 * row + column] as number;
  const y = -labels.reduce((total, label, row) => total + Math.log(p(row, label)), 0) / 3;
  const g = probabilities.map((each, i) => (each - (i % 3 === labels[Math.floor(i / 3)] ? 1 : 0)) / 3);
  // d2 / dx_i dx_j = (p_i [i = j] - p_i p_j) / n
  const h = probabilities.map((each, i) => {
    const row = Math.floor(i / 3);
    const along = [0, 1, 2].reduce((total, j) => total + p(row, j) * (v[3 * row + j] as number), 0);
    return (each * ((v[i] as number) - along)) / 3;
  });
  const inputs = { x: logits, labels, v };
  for (const [how, got] of [
    ["f64", interpret(graph, inputs)],
    ["compiled", runGraph(core, graph, inputs)],
  ] as const) {
    near(got.y ?? [], [y], 1e-6, `${how} value`);
    near(got.g ?? [], g, 1e-6, `${how} gradient`);
    near(got.h ?? [], h, 1e-6, `${how} second derivative`);
    for (const i of [1, 6, 7]) assert.is(Math.abs(got.g?.[i] as number), 0, "exactly 0 for a masked class");
  }
});

test("crossEntropy of a masked label is infinite: it is not hidden", () => {
  const graph = trace({ x: [1, 2], labels: [1] }, ({ x, labels }) => ({ y: crossEntropy(x, labels) }));
  assert.is(runGraph(core, graph, { x: [1, -INF], labels: [1] }).y?.[0], INF);
  assert.ok(Number.isNaN(runGraph(core, graph, { x: [1, Number.NaN], labels: [0] }).y?.[0]));
});

test("softmax, logSoftmax and logSumExp with some -infinity: values and derivatives are those of the rest", () => {
  const masked = [3, 0];
  const kept = [1, 2, 4];
  const point = [0, 0.5, -1.25, 0, 0.75];
  const chance = new Chance(2);
  const w = chance.floats(5);
  const v = chance.floats(5);
  // What is masked must not be summed: logSoftmax has -infinity there.
  const weighted = (y: Tensor) => sum(select(full([y.size], 1), multiply(y, square(y)), 0));
  const builds: Record<string, (x: Tensor, keep: Tensor, weights: Tensor) => Tensor> = {
    softmax: (x, keep, weights) => weighted(multiply(select(keep, softmax(x), 0), weights)),
    logSoftmax: (x, keep, weights) => weighted(multiply(select(keep, logSoftmax(x), 0), weights)),
    logSumExp: (x) => square(logSumExp(x)),
  };
  for (const [name, build] of Object.entries(builds)) {
    const graphOf = (size: number) =>
      trace({ x: [size], keep: [size], w: [size], v: [size] }, ({ x, keep, w, v }) => {
        const y = build(x, keep, w);
        const [g] = grad(y, [x]) as [Tensor];
        const [h] = grad(sum(multiply(g, v)), [x]) as [Tensor];
        return { y, g, h };
      });
    const only = (list: ArrayLike<number>) => kept.map((i) => list[i] as number);
    const expected = interpret(graphOf(3), { x: only(point), keep: [1, 1, 1], w: only(w), v: only(v) });
    const inputs = {
      x: point.map((value, i) => (masked.includes(i) ? -INF : value)),
      keep: point.map((_, i) => (masked.includes(i) ? 0 : 1)),
      w,
      v,
    };
    for (const [how, got] of [
      ["f64", interpret(graphOf(5), inputs)],
      ["compiled", runGraph(core, graphOf(5), inputs)],
    ] as const) {
      near(got.y ?? [], expected.y ?? [], 1e-5, `${name} ${how}: value`);
      for (const each of ["g", "h"] as const) {
        near(only(got[each] ?? []), expected[each] ?? [], 1e-5, `${name} ${how}: ${each}`);
        for (const i of masked) assert.is(Math.abs(got[each]?.[i] as number), 0, `${name} ${how}: masked ${each}`);
      }
    }
  }
});

test("weights: a weighted mean of the examples' losses, with right derivatives, also with respect to the weights", () => {
  const chance = new Chance(3);
  const w = Float64Array.of(1, 0.5, 2, 3);
  const total = 6.5;
  const rows = [0, 1, 2, 3];
  const x = chance.floats(12);
  const targets = chance.floats(12);
  const deviations = chance.floats(12, 0.3, 2);
  const mse = rows.map((row) =>
    [0, 1, 2].reduce((sum, j) => sum + ((x[3 * row + j] as number) - (targets[3 * row + j] as number)) ** 2 / 3, 0),
  );
  const nll = rows.map((row) =>
    [0, 1, 2].reduce((sum, j) => {
      const [m, s, t] = [x, deviations, targets].map((list) => list[3 * row + j] as number) as [number, number, number];
      const density = Math.exp(-(((t - m) / s) ** 2) / 2) / (s * Math.sqrt(2 * Math.PI));
      return sum - Math.log(density) / 3;
    }, 0),
  );
  const classes = Float64Array.of(0, 2, 1, 1);
  const entropies = rows.map((row) => {
    const exponentials = Array.from(x.slice(3 * row, 3 * row + 3), Math.exp);
    return Math.log(exponentials.reduce((a, b) => a + b)) - (x[3 * row + (classes[row] as number)] as number);
  });
  const chances = chance.floats(12, 0, 1);
  const binary = rows.map((row) =>
    [0, 1, 2].reduce((sum, j) => {
      const [z, t] = [x[3 * row + j] as number, chances[3 * row + j] as number];
      const p = 1 / (1 + Math.exp(-z));
      return sum - (t * Math.log(p) + (1 - t) * Math.log(1 - p)) / 3;
    }, 0),
  );
  const mean = (list: readonly number[]) => list.reduce((sum, loss, i) => sum + loss * (w[i] as number), 0) / total;
  const shape = [4, 3] as const;
  const cases = [
    ["meanSquaredError", mse, [x, targets, w], (p: Tensor, t: Tensor, w: Tensor) => meanSquaredError(p, t, w)],
    ["crossEntropy", entropies, [x, classes, w], (p: Tensor, t: Tensor, w: Tensor) => crossEntropy(p, t, w)],
    ["binaryCrossEntropy", binary, [x, chances, w], (p: Tensor, t: Tensor, w: Tensor) => binaryCrossEntropy(p, t, w)],
  ] as const;
  for (const [name, losses, data, build] of cases) {
    const shapes = data.map((list) => (list.length === 12 ? shape : [4]));
    const graph = trace(named("x", shapes), (inputs) => ({
      y: build(...(Object.values(inputs) as [Tensor, Tensor, Tensor])),
    }));
    near(runGraph(core, graph, named("x", data)).y ?? [], [mean(losses)], 1e-6, name);
    const operands = data.map((list, i) => [shapes[i] as readonly number[], list] as const);
    const fixed = name === "crossEntropy" ? [1] : [];
    checkTwice(name, core, (...xs) => build(...(xs as [Tensor, Tensor, Tensor])), operands, chance, { fixed });
  }
  checkTwice(
    "gaussianLogLoss",
    core,
    (m, s, t, w) => gaussianLogLoss({ mean: m as Tensor, deviation: s as Tensor }, t as Tensor, w),
    [
      [shape, x],
      [shape, deviations],
      [shape, targets],
      [[4], w],
    ],
    chance,
  );
  for (const weights of [true, false]) {
    const graph = trace({ m: shape, s: shape, t: shape, w: [4] }, ({ m, s, t, w }) => ({
      y: gaussianLogLoss({ mean: m, deviation: s }, t, weights ? w : undefined),
    }));
    const expected = weights ? mean(nll) : nll.reduce((sum, loss) => sum + loss / 4, 0);
    const { y = [] } = runGraph(core, graph, { m: x, s: deviations, t: targets, w });
    near(y, [expected], 1e-6, "gaussianLogLoss");
  }
});

/** The losses as functions of predictions [n, 3] and targets. */
const LOSSES: Readonly<
  Record<string, { loss: Loss; targets: (n: number) => number[]; shape: (n: number) => number[] }>
> = {
  crossEntropy: { loss: crossEntropy, targets: (n) => Array.from({ length: n }, (_, i) => i % 3), shape: (n) => [n] },
  meanSquaredError: {
    loss: meanSquaredError,
    targets: (n) => Array.from({ length: 3 * n }, (_, i) => i / 7),
    shape: (n) => [n, 3],
  },
  binaryCrossEntropy: {
    loss: binaryCrossEntropy,
    targets: (n) => Array.from({ length: 3 * n }, (_, i) => i % 2),
    shape: (n) => [n, 3],
  },
  gaussianLogLoss: {
    loss: (p, t, w) => gaussianLogLoss({ mean: p, deviation: add(exp(stopGradient(p)), 0.5) }, t, w),
    targets: (n) => Array.from({ length: 3 * n }, (_, i) => i / 5),
    shape: (n) => [n, 3],
  },
};

for (const [name, { loss, targets, shape }] of Object.entries(LOSSES)) {
  test(`${name}: examples of weight 0 contribute exactly nothing, whatever they hold`, () => {
    const graphOf = (n: number) =>
      trace({ p: [n, 3], t: shape(n), w: [n], v: [n, 3] }, ({ p, t, w, v }) => {
        const y = loss(p, t, w);
        const [dp] = grad(y, [p]) as [Tensor];
        const [hp] = grad(sum(multiply(dp, v)), [p]) as [Tensor];
        return {
          y,
          dp: slice(dp, [0, 0], [2, 3]),
          hp: slice(hp, [0, 0], [2, 3]),
          padding: slice(dp, [n - 2, 0], [2, 3]),
        };
      });
    const chance = new Chance(4);
    const p = chance.floats(6);
    const v = chance.floats(12);
    const t = targets(2);
    const alone = runGraph(core, graphOf(2), { p, t, w: [1, 2], v: v.slice(0, 6) });
    const rest = targets(4).slice(t.length);
    for (const filling of [0, 1, Number.NaN, INF, -INF]) {
      const padded = [...p, ...Array<number>(6).fill(filling)];
      const wrongTargets = rest.map(() => filling);
      for (const [how, got] of [
        ["compiled", runGraph(core, graphOf(4), { p: padded, t: [...t, ...wrongTargets], w: [1, 2, 0, 0], v })],
        ["f64", interpret(graphOf(4), { p: padded, t: [...t, ...wrongTargets], w: [1, 2, 0, 0], v })],
      ] as const) {
        for (const each of ["y", "dp", "hp"] as const)
          near(got[each] ?? [], alone[each] ?? [], 1e-6, `${how} ${each} with ${filling}`);
        assert.ok(
          Array.from(got.padding ?? [1]).every((value) => value === 0),
          `${how}: padding ${filling}`,
        );
      }
    }
    const none = runGraph(core, graphOf(4), { p: [...p, ...p], t: targets(4), w: [0, 0, 0, 0], v });
    assert.ok(
      [...(none.y ?? [1]), ...(none.dp ?? [1])].every((value) => value === 0),
      "all weights 0",
    );
  });

  test(`${name}: weights that are known to be 1 fold away, to the bit; wrong ones are refused`, () => {
    const graphOf = (weighted: boolean) =>
      trace({ p: [4, 3], t: shape(4) }, ({ p, t }) => ({ y: loss(p, t, weighted ? full([4], 1) : undefined) }));
    assert.is(graphOf(true).nodes.length, graphOf(false).nodes.length);
    const inputs = { p: new Chance(5).floats(12), t: targets(4) };
    assert.ok(sameBits(runGraph(core, graphOf(true), inputs).y ?? [], runGraph(core, graphOf(false), inputs).y ?? []));
    for (const bad of [[3], [4, 1], []]) {
      throwsA(
        ShapeError,
        () => trace({ p: [4, 3], t: shape(4), w: bad }, ({ p, t, w }) => ({ y: loss(p, t, w) })),
        "weights",
      );
    }
  });
}

test("crossEntropy without weights of finite logits has a finite second derivative", () => {
  const graph = twiceGraph([12], (x) => crossEntropy(reshape(x, [4, 3]), full([4], 1)));
  const { y = [], g = [], h = [] } = interpret(graph, { x: new Chance(6).floats(12), v: new Chance(7).floats(12) });
  assert.ok([...y, ...g, ...h].every(Number.isFinite));
});

test("gaussianLogLoss: shapes of both parts must be the targets'", () => {
  throwsA(
    ShapeError,
    () =>
      trace({ m: [4, 1], s: [1], t: [4, 1] }, ({ m, s, t }) => ({ y: gaussianLogLoss({ mean: m, deviation: s }, t) })),
    "gaussianLogLoss: shapes must be equal",
  );
});

test.run();
