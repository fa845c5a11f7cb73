/** What optimization-based learners compute, held to closed forms and plain loops of their own. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant, matmul, multiply, reshape } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { cavia } from "../../src/learners/cavia.ts";
import { imaml } from "../../src/learners/imaml.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { mamlPlusPlus } from "../../src/learners/maml-plus-plus.ts";
import { metaCurvature } from "../../src/learners/meta-curvature.ts";
import { conv2d, flatten, linear, sequential } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { regression } from "../../src/nn/objective.ts";
import { conjugateGradients } from "../../src/optim/conjugate-gradients.ts";
import { curvature } from "../../src/optim/curvature.ts";
import { stepRates } from "../../src/optim/step-rates.ts";
import { keyOf } from "../../src/random.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { CARRIED, GRADIENT, LOSS, META, taskGraph } from "../../src/train/programs.ts";
import { near } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { clusters, FEATURES, WAYS } from "./clusters.ts";
import { gradientError, group, groupError, metaSlope, problemOf, type Values } from "./problems.ts";

const test = suite("optimization-based learners");
const spec: TaskSpec = { inputs: { x: [3] }, objective: regression(1), segments: [5], queries: 6 };
const body = () => mlp({ inputShape: 3, hidden: [6], outputs: 1, activation: "tanh" });

/** The solution of A x = b by elimination, A symmetric positive definite. */
function solve(A: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = A.map((row, i) => [...row, b[i] as number]);
  const n = b.length;
  for (let i = 0; i < n; i++) {
    const pivot = rows[i] as number[];
    for (let j = i + 1; j < n; j++) {
      const row = rows[j] as number[];
      const factor = (row[i] as number) / (pivot[i] as number);
      for (let k = i; k <= n; k++) row[k] = (row[k] as number) - factor * (pivot[k] as number);
    }
  }
  const x = Array(n).fill(0) as number[];
  for (let i = n - 1; i >= 0; i--) {
    const row = rows[i] as number[];
    const known = x.reduce((total, each, k) => total + (k > i ? each * (row[k] as number) : 0), 0);
    x[i] = ((row[n] as number) - known) / (row[i] as number);
  }
  return x;
}

const rowsOf = (data: Float64Array, width: number) =>
  Array.from({ length: data.length / width }, (_, i) => Array.from(data.subarray(i * width, (i + 1) * width)));
const times = (rows: readonly (readonly number[])[], x: readonly number[]) =>
  rows.map((row) => row.reduce((total, each, i) => total + each * (x[i] as number), 0));
const transposed = (rows: readonly (readonly number[])[]) =>
  (rows[0] as number[]).map((_, i) => rows.map((row) => row[i] as number));

/** With few steps the gradient is taken where they end, as the paper's algorithm 2 has it. */
for (const [innerSteps, damping, conjugateSteps] of [
  [2, 0, 3],
  [90, 0, 3],
  [2, 5, 3],
  [2, 0, 0],
  [2, 5, 0],
] as const) {
  const settings = `${innerSteps} inner steps, damping ${damping}, ${conjugateSteps} of conjugate gradients`;
  test(`imaml: on least squares, the meta-gradient is the closed form, ${settings}`, () => {
    const lambda = 1;
    const line = model([3], linear(1, { bias: false }));
    const learner = imaml(line, { proximity: lambda, innerSteps, innerRate: 0.2, conjugateSteps, damping });
    const { graph, inputs } = problemOf(learner, spec, 3);
    const results = interpret(graph, inputs);
    const [X, Q] = [rowsOf(inputs["segments.0.x"] as Float64Array, 3), rowsOf(inputs["queries.x"] as Float64Array, 3)];
    const [y, yQ] = [inputs["segments.0.y"], inputs["queries.y"]].map((each) => Array.from(each as Float64Array)) as [
      number[],
      number[],
    ];
    const theta = Array.from(inputs[`${META}weight`] as Float64Array);
    // L = mean (Xp - y)^2 has the Hessian H = 2/n X'X; phi = (H + lambda I)^-1 (2/n X'y + lambda theta).
    const A = transposed(X).map((a, i) =>
      transposed(X).map(
        (b, j) => (2 / 5) * a.reduce((sum, each, k) => sum + each * (b[k] as number), 0) + (i === j ? lambda : 0),
      ),
    );
    const pull = times(transposed(X), y).map((each, i) => (2 / 5) * each + lambda * (theta[i] as number));
    let phi = theta;
    for (let step = 0; step < innerSteps; step++) {
      const slope = times(A, phi).map((each, i) => each - (pull[i] as number));
      phi = phi.map((each, i) => each - 0.2 * (slope[i] as number));
    }
    if (innerSteps > 50) near(phi, solve(A, pull), 1e-6, "the minimiser");
    const error = times(Q, phi).map((each, i) => each - (yQ[i] as number));
    near(results[LOSS] ?? [], [error.reduce((sum, each) => sum + each * each, 0) / 6], 1e-6, "query loss");
    const slope = times(transposed(Q), error).map((each) => (2 / 6) * each);
    // (I + H / (lambda + delta))^-1 grad L, and grad L itself, which is the first-order gradient, without any step.
    const damped = A.map((row, i) => row.map((each, j) => (each + (i === j ? damping : 0)) / (lambda + damping)));
    const expected = conjugateSteps === 0 ? slope : solve(damped, slope);
    near(results[`${GRADIENT}weight`] ?? [], expected, 1e-6, "implicit gradient");
  });
}

test("imaml: at the minimiser, the meta-gradient is the derivative of the query loss, also by what is not adapted", () => {
  const small = mlp({ inputShape: 3, hidden: [3], outputs: 1, activation: "tanh" });
  const weighted: TaskSpec = { ...spec, weighted: true };
  for (const [adapts, task] of [
    ["all", spec],
    ["head", weighted],
  ] as const) {
    const options = { adapts, proximity: 4, innerRate: 0.15, innerSteps: 30, conjugateSteps: 16 };
    const problem = problemOf(imaml(small, options), task, 2);
    const error = gradientError(metaSlope(problem), new Chance(2), { each: false });
    assert.ok(error < 1e-5, `${adapts}: ${error}`);
  }
});

test("conjugate gradients: as many steps as unknowns solve the system, more change nothing", () => {
  const A = [
    [4, 1, 0],
    [1, 3, -1],
    [0, -1, 2],
  ];
  const b = [1, -2, 3];
  for (const steps of [0, 3, 9]) {
    const graph = trace({ A: [3, 3], b: [3] }, ({ A, b }) => {
      const product = ({ x }: Readonly<Record<string, Tensor>>) => ({
        x: reshape(matmul(A, reshape(x as Tensor, [3, 1])), [3]),
      });
      return conjugateGradients(product, { x: b }, steps);
    });
    const { x } = interpret(graph, { A: A.flat(), b });
    near(x ?? [], steps === 0 ? [0, 0, 0] : solve(A, b), 1e-12, `${steps} steps`);
  }
});

test("conjugate gradients: steps end where the matrix is not positive definite, and begin where they are told to", () => {
  const along = (diagonal: readonly number[], b: readonly number[], steps: number, from?: readonly number[]) => {
    const n = diagonal.length;
    const graph = trace({ d: [n], b: [n], from: [n] }, ({ d, b, from: start }) => {
      const product = ({ x }: Readonly<Record<string, Tensor>>) => ({ x: multiply(d, x as Tensor) });
      return conjugateGradients(product, { x: b }, steps, from && { x: start });
    });
    return interpret(graph, { d: diagonal, b, from: from ?? b }).x ?? [];
  };
  // The first direction (1, 1) has curvature 2 - 3 < 0: nothing is done, however many steps there are.
  for (const steps of [1, 4]) near(along([2, -3], [1, 1], steps), [0, 0], 0, `${steps} steps`);
  // The first step is sound: alpha = 5 / 7 along (2, 1); the second direction has negative curvature.
  for (const steps of [1, 2, 5]) near(along([2, -1], [2, 1], steps), [10 / 7, 5 / 7], 1e-12, `${steps} steps`);
  near(along([2, 4], [1, 1], 3, [0.5, 0.25]), [0.5, 0.25], 0, "from the solution");
  near(along([2, 4], [1, 1], 2, [7, -3]), [0.5, 0.25], 1e-12, "from elsewhere");
  near(along([2, 4], [1, 1], 0, [7, -3]), [7, -3], 0, "no step");
});

test("cavia: the context is a further input of the first layer, which begins at 0 in every task", () => {
  const learner = cavia(body(), { contextSize: 2, innerSteps: 2, innerRate: 0.3 });
  const problem = problemOf(learner, spec, 4);
  assert.not.ok(Object.keys(problem.plan.meta).includes("context.vector"));
  // The same network on [x, phi]: rows 3 and 4 of its first matrix are those of the context.
  const wide = mlp({ inputShape: 5, hidden: [6], outputs: 1, activation: "tanh" });
  const meta = group(META, problem.inputs);
  const first = Float64Array.from([
    ...(meta["hidden1.weight"] as Float64Array),
    ...(meta["context.weight.hidden1.bias"] as Float64Array),
  ]);
  const { "context.weight.hidden1.bias": _, ...others } = meta;
  const params: Values = { ...others, "hidden1.weight": first };
  const shapes = Object.fromEntries(wide.parameters.map(({ name, shape }) => [name, shape]));
  const lossWith = (which: string, count: number, phi: readonly number[]): number => {
    const rows = rowsOf(problem.inputs[`${which}.x`] as Float64Array, 3).flatMap((row) => [...row, ...phi]);
    const graph = trace({ ...shapes, x: [count, 5] }, ({ x, ...inputs }) => {
      const { output } = wide.apply(inputs, { x: x as Tensor }, { training: true, role: "support" });
      return { output };
    });
    const { output = [] } = interpret(graph, { ...params, x: rows });
    const y = problem.inputs[`${which}.y`] as Float64Array;
    return Array.from(y).reduce((total, each, i) => total + ((output[i] as number) - each) ** 2 / count, 0);
  };
  let phi = [0, 0];
  for (let step = 0; step < 2; step++) {
    const slope = phi.map((_, i) => {
      const at = (by: number) => lossWith("segments.0", 5, phi.with(i, (phi[i] as number) + by));
      return (8 * (at(1e-3) - at(-1e-3)) - (at(2e-3) - at(-2e-3))) / 12e-3;
    });
    phi = phi.map((each, i) => each - 0.3 * (slope[i] as number));
  }
  const results = interpret(problem.graph, problem.inputs);
  near(results[LOSS] ?? [], [lossWith("queries", 6, phi)], 1e-7, "query loss");
});

const plain = { stepStatistics: false, stepWeights: false, learnedRates: false, multiStep: 0 };
const taskResults = (learner: Learner, phase: string | undefined, iteration: number, inputs?: Values) => {
  const problem = problemOf(learner, spec, 5);
  const given = { ...problem.inputs, ...inputs, iteration: Float64Array.of(iteration) };
  return interpret(taskGraph(problem.plan, spec, phase), given);
};

test("maml-plus-plus with every part off is maml", () => {
  const options = { innerRate: 0.1, innerSteps: 3 };
  const one = problemOf(mamlPlusPlus(body(), { ...options, ...plain }), spec, 5);
  const two = problemOf(maml(body(), options), spec, 5);
  assert.equal(interpret(one.graph, one.inputs), interpret(two.graph, one.inputs));
});

test("maml-plus-plus: first-order phases have maml's first-order gradient, later ones the second-order one", async () => {
  const options = { innerRate: 0.1, innerSteps: 3 };
  const learner = mamlPlusPlus(body(), { ...options, ...plain, firstOrder: 2 });
  const phases = [0, 1, 2, 9].map((iteration) => learner.phase?.(iteration));
  assert.is(new Set(phases).size, 2);
  for (const [i, phase] of phases.entries()) {
    const order = i < 2 ? 1 : 2;
    const expected = taskResults(maml(body(), { ...options, order }), undefined, 0);
    assert.equal(taskResults(learner, phase, 0), expected, phase);
  }
  // Training goes from one to the other.
  const train = (each: Learner, iterations: number, from?: Awaited<ReturnType<typeof metaTrain>>) =>
    metaTrain(each, clusters, { iterations, metaBatch: 2, ...(from && { from }) });
  const network = mlp({ inputShape: FEATURES, hidden: [5], outputs: WAYS });
  const switching = (firstOrder: number) => train(mamlPlusPlus(network, { ...options, ...plain, firstOrder }), 3);
  const [never, after, always] = await Promise.all([0, 2, 9].map(switching));
  assert.not.equal(after?.meta, never?.meta);
  assert.not.equal(after?.meta, always?.meta);
});

test("maml-plus-plus: the loss is that after every step, weighted as annealed", () => {
  const options = { innerRate: 0.1, ...plain };
  const after = [1, 2, 3].map(
    (innerSteps) => taskResults(maml(body(), { innerRate: 0.1, innerSteps }), undefined, 0)[LOSS]?.[0] as number,
  );
  const learner = mamlPlusPlus(body(), { ...options, innerSteps: 3, multiStep: 100 });
  for (const [iteration, share] of [
    [0, 1],
    [50, 0.5],
    [99, 0.03],
  ] as const) {
    const [a = 0, b = 0, c = 0] = after;
    const expected = (share / 3) * (a + b) + (1 - (2 * share) / 3) * c;
    const loss = taskResults(learner, learner.phase?.(iteration), iteration)[LOSS] ?? [];
    near(loss, [expected], 1e-7, `iteration ${iteration}`);
  }
  near(taskResults(learner, learner.phase?.(100), 100)[LOSS] ?? [], [after[2] as number], 1e-12, "annealed");
});

test("maml-plus-plus: every segment moves the averages as much, whether the loss is that after every step or not", () => {
  const network = mlp({ inputShape: 3, hidden: [4], outputs: 1, batchNorm: "support" });
  const task: TaskSpec = { ...spec, segments: [4, 5, 3] };
  const carriedOf = (multiStep: number) => {
    const learner = mamlPlusPlus(network, { innerSteps: 2, innerRate: 0.1, multiStep });
    const { graph, inputs } = problemOf(learner, task, 5);
    return group(CARRIED, interpret(graph, inputs));
  };
  const [every, last] = [carriedOf(100), carriedOf(0)];
  assert.equal(Object.keys(every).length, 6);
  assert.ok(groupError(every, last) < 1e-12);
});

test("stepRates: every step has its rate, and those beyond the last have the last one's", () => {
  const rule = stepRates({ rate: 0.1, steps: 2 });
  const graph = trace({ rates: [2], p: [2], g: [2] }, ({ rates, p, g }) => {
    const at = (step: number) =>
      rule.step({
        meta: { "rate.p": rates },
        memory: {},
        parameters: { p },
        gradients: { p: g },
        step: constant(step),
      }).parameters.p as Tensor;
    return { first: at(0), second: at(1), ninth: at(8) };
  });
  const { first, second, ninth } = interpret(graph, { rates: [0.5, 0.25], p: [1, 2], g: [4, 8] });
  near(first ?? [], [-1, -2], 1e-12, "stepRates");
  near(second ?? [], [0, 0], 1e-12, "stepRates");
  near(ninth ?? [], [0, 0], 1e-12, "stepRates");
});

test("maml-plus-plus: averages, scales and shifts of batch norm are each step's own, and clamp to the last", async () => {
  const network = mlp({ inputShape: FEATURES, hidden: [5], outputs: WAYS, batchNorm: "support" });
  const learner = mamlPlusPlus(network, { innerSteps: 2, innerRate: 0.2 });
  const trained = await metaTrain(learner, clusters, { iterations: 6, metaBatch: 3, onWarning: () => {} });
  const names = ["mean", "variance", "scale", "shift"].flatMap((each) => [0, 1, 2].map((i) => `norm1.${each}.${i}`));
  for (const name of names) assert.ok(trained.meta[name] !== undefined, name);
  for (const each of ["mean", "variance", "scale", "shift"]) {
    const rows = [0, 1, 2].map((i) => Array.from(trained.meta[`norm1.${each}.${i}`] ?? []).join());
    assert.is(new Set(rows).size, 3, `${each} is not each step's own`);
  }
  // The averages before the first step are those of the starting weights' features, as maml carries them without a step.
  const noSteps = maml(network, { innerSteps: 0 });
  const task = { ...clusters.specs[0] };
  const one = problemOf(learner, task, 2);
  const two = problemOf(noSteps, task, 2);
  const inputs: Record<string, Float64Array> = { ...two.inputs };
  for (const [name, data] of Object.entries(one.inputs)) if (!name.startsWith(META)) inputs[name] = data;
  for (const name of Object.keys(two.inputs)) {
    if (name.startsWith(META)) inputs[name] = (one.inputs[name] ?? one.inputs[`${name}.0`]) as Float64Array;
  }
  const carriedOne = group(CARRIED, interpret(one.graph, one.inputs));
  const carriedTwo = group(CARRIED, interpret(two.graph, inputs));
  for (const each of ["mean", "variance"]) {
    near(carriedOne[`norm1.${each}.0`] ?? [], carriedTwo[`norm1.${each}`] ?? [], 1e-12, each);
  }
  const { support, queries } = clusters.sample(keyOf(3));
  const five = trained.adapt(support, { innerSteps: 5 }).predict(queries.x).logits;
  assert.ok(five?.every(Number.isFinite));
});

test("curvature: the gradient is multiplied along each of its modes, in plain loops", () => {
  const chance = new Chance(3);
  const [f, i, o] = [4, 3, 2];
  const rule = curvature({ rate: 1 });
  const graph = trace({ g: [2, 2, i, o], mf: [f, f], mi: [i, i], mo: [o, o] }, ({ g, mf, mi, mo }) => {
    const { parameters } = rule.step({
      meta: { "f.k": mf, "i.k": mi, "o.k": mo },
      memory: {},
      parameters: { k: g },
      gradients: { k: g },
      step: constant(0),
    });
    return { k: parameters.k as Tensor };
  });
  const inputs = {
    g: chance.floats(f * i * o),
    mf: chance.floats(f * f),
    mi: chance.floats(i * i),
    mo: chance.floats(o * o),
  };
  const expected = inputs.g.map((value, at) => {
    const [a, b, c] = [Math.floor(at / (i * o)), Math.floor(at / o) % i, at % o];
    let total = 0;
    for (let p = 0; p < f; p++)
      for (let q = 0; q < i; q++)
        for (let r = 0; r < o; r++)
          total +=
            (inputs.mf[a * f + p] as number) *
            (inputs.mi[b * i + q] as number) *
            (inputs.mo[c * o + r] as number) *
            (inputs.g[(p * i + q) * o + r] as number);
    return value - total;
  });
  near(interpret(graph, inputs).k ?? [], expected, 1e-6, "k");
});

test("meta-curvature begins as maml, on kernels, matrices and vectors", () => {
  const images = model([4, 4, 2], sequential([conv2d(3), flatten(), linear(2)]));
  const options = { innerRate: 0.1, innerSteps: 2 };
  const task: TaskSpec = { ...spec, objective: regression(2), inputs: { x: [4, 4, 2] } };
  const two = problemOf(maml(images, options), task, 2);
  const one = problemOf(metaCurvature(images, options), task, 2);
  const own = (name: string) => name.startsWith(`${META}rule.`);
  const identity = (data: Float64Array) => {
    const n = Math.round(Math.sqrt(data.length));
    return data.map((_, at) => (Math.floor(at / n) === at % n ? 1 : 0));
  };
  const inputs = Object.fromEntries(
    Object.entries(one.inputs).map(([name, data]) => [name, own(name) ? identity(data) : (two.inputs[name] ?? data)]),
  );
  assert.is(Object.keys(inputs).filter(own).length, 3 + 1 + 2 + 1);
  const gradient = group(GRADIENT, interpret(one.graph, inputs));
  const expected = group(GRADIENT, interpret(two.graph, two.inputs));
  const error = groupError(gradient, expected);
  assert.ok(error < 1e-6, `${error}`);
});

test.run();
