/** The meta-gradient of every learner, held to finite differences in f64; and the compiled one, in f32, to that. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { full } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { gradients, type Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { type ReptileOptions, reptile } from "../../src/learners/reptile.ts";
import type { BatchNormMode } from "../../src/nn/layer.ts";
import {
  activation,
  batchNorm,
  conv2d,
  flatten,
  globalMeanPool,
  layerNorm,
  linear,
  meanPool,
  sequential,
} from "../../src/nn/layers.ts";
import { type Model, model } from "../../src/nn/model.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { classification, gaussian, regression } from "../../src/nn/objective.ts";
import { clipped, sgd } from "../../src/optim/optimizer.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { GRADIENT, initProgram, LOSS, META } from "../../src/train/programs.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";
import { gradientError, group, groupError, metaSlope, type Problem, problemOf, type Values } from "./problems.ts";
import { modesOf, networkOf, ROSTER, serves, smallOf } from "./roster.ts";

const test = suite("meta-gradients");
const core = Core.create();

/** The library's promise. */
const BOUND = 1e-5;
/** f32 has 24 bits; second derivatives of a few layers lose some. */
const COMPILED_BOUND = 5e-5;
/** The first step of Adam is next to the sign of the gradient: it has kinks wherever one of its elements is 0. */
const ADAPTIVE = /adam|rmsProp/;
const WIDTHS = [5, 7, 8, 17, 40] as const;

const numbers: TaskSpec = { inputs: { x: [3] }, objective: regression(2), segments: [5], queries: 6 };
const labels: TaskSpec = { ...numbers, objective: classification(3), segments: [6] };
const specs = [numbers, labels, { ...numbers, objective: gaussian(1) }];
/** Unequal weights, and a stream. */
const shapesOfTasks: Readonly<Record<string, Partial<TaskSpec>>> = {
  "with weights": { weighted: true },
  "a stream": { segments: [4, 5, 4], queries: 0 },
  "segments and queries": { segments: [4, 5] },
};

const worst = new Map<string, number>();
function record(name: string, error: number): number {
  worst.set(name, Math.max(worst.get(name) ?? 0, error));
  return error;
}

function check(name: string, where: string, error: number, bound: number): void {
  record(name, error);
  assert.ok(error <= bound, `${name} ${where}: relative error ${error.toExponential(2)} > ${bound}`);
}

/** Runs a problem's program in the core and holds its loss and meta-gradient to those in f64. */
function checkCompiled(name: string, where: string, { graph, inputs }: Problem, bound: number = COMPILED_BOUND): void {
  const expected = interpret(graph, inputs);
  const actual = runGraph(core, graph, inputs);
  const gap = Math.abs((actual[LOSS]?.[0] as number) - (expected[LOSS]?.[0] as number));
  const lossBound = ADAPTIVE.test(name) ? 2e-5 : 2e-6;
  check(`compiled ${name}`, `${where}, loss`, gap / Math.max(1, Math.abs(expected[LOSS]?.[0] as number)), lossBound);
  const wanted = group(GRADIENT, expected);
  const got = Object.fromEntries(Object.keys(wanted).map((each) => [each, actual[GRADIENT + each] as Float32Array]));
  check(`compiled ${name}`, where, groupError(got, wanted), bound);
}

/** Whether the meta-gradient is the gradient of the outer loss, of something that is learned. */
function isExact(entry: (typeof ROSTER)[number]): boolean {
  const learner = entry.make(networkOf(entry, 3, labels.objective));
  if (learner.order === 1 || learner.metaGradient !== undefined) return false;
  return initProgram(learner).plan.trained.length > 0;
}

const stepFor = (name: string) => (ADAPTIVE.test(name) ? 1e-6 : 1e-4);

for (const entry of ROSTER.filter(isExact)) {
  const { name } = entry;
  const served = specs.filter(({ objective }) => serves(entry, objective));

  const widths = name === entry.record.name ? WIDTHS : ([5, 8] as const);

  test(`${name}: the meta-gradient is the derivative, to 1e-5, at widths ${widths}`, () => {
    for (const width of widths) {
      for (const spec of width === 5 ? served : served.slice(0, 2)) {
        const learner = entry.make(
          networkOf(entry, 3, spec.objective, { hidden: [width, width] }),
          smallOf(entry),
          spec.objective,
        );
        const problem = problemOf(learner, spec, width);
        const where = `${spec.objective.name} at width ${width}`;
        const slope = metaSlope(problem);
        for (const [each, data] of Object.entries(slope.gradient)) {
          assert.ok(data.some(Boolean), `${name} ${where}: nothing reaches ${each}`);
        }
        const options = { each: width < 9, step: stepFor(name) };
        check(name, where, gradientError(slope, new Chance(width), options), BOUND);
        checkCompiled(name, where, problem, ADAPTIVE.test(name) ? 2e-4 : COMPILED_BOUND);
      }
    }
  });

  test(`${name}: and for ${Object.keys(shapesOfTasks).join(", ")}, in every mode of batch norm`, () => {
    for (const [shape, change] of Object.entries(shapesOfTasks)) {
      for (const batchNorm of modesOf(entry)) {
        for (const spec of served.slice(0, 1)) {
          const learner = entry.make(
            networkOf(entry, 3, spec.objective, { hidden: [5], batchNorm }),
            smallOf(entry),
            spec.objective,
          );
          const problem = problemOf(learner, { ...spec, ...change }, 4);
          const where = `${spec.objective.name}, ${shape}, batch norm ${batchNorm}`;
          const options = { each: false, step: stepFor(name) };
          check(name, where, gradientError(metaSlope(problem), new Chance(4), options), BOUND);
          checkCompiled(name, where, problem, 1e-4);
        }
      }
    }
  });
}

test("maml, clipped: the meta-gradient is the derivative, to 1e-5", () => {
  for (const spec of specs) {
    const body = tanhBody(spec, 7);
    const problem = problemOf(maml(body, { innerOptimizer: clipped(sgd(0.2), 0.3), innerSteps: 2 }), spec, 7);
    check("maml, clipped", spec.objective.name, gradientError(metaSlope(problem), new Chance(7)), BOUND);
    checkCompiled("maml, clipped", spec.objective.name, problem);
  }
});

const tanhBody = (spec: TaskSpec, width: number) =>
  mlp({ inputShape: 3, hidden: [width, width], outputs: spec.objective.width, activation: "tanh" });

test("protoNet: classes of unequal sizes", () => {
  for (const width of WIDTHS) {
    const body = mlp({ inputShape: 3, hidden: [width], outputs: width, activation: "tanh" });
    // Five examples of three classes: two of 0 and 1, one of 2.
    const problem = problemOf(protoNet(body), { ...labels, segments: [5] }, width);
    check("protoNet", `width ${width}`, gradientError(metaSlope(problem), new Chance(width)), BOUND);
    checkCompiled("protoNet", `width ${width}`, problem);
  }
});

/** Two blocks of a convolution, normalisation and a smooth nonlinearity, with each way to make the image smaller. */
function smoothConvolutions(filters: number, mode: BatchNormMode, strided: boolean, outputs: number): Model {
  const block = (last: boolean) => [
    conv2d(filters, { size: 3, stride: strided ? 2 : 1, pad: 1 }),
    batchNorm({ mode }),
    activation("tanh"),
    ...(strided ? [] : [meanPool({ size: last ? 3 : 2 })]),
  ];
  const head = strided ? globalMeanPool() : flatten();
  return model([12, 12, 1], sequential([...block(false), ...block(true), head, layerNorm(), linear(outputs)]));
}

const images: TaskSpec = { inputs: { x: [12, 12, 1] }, objective: classification(3), segments: [4], queries: 4 };
const learnersOfImages: Readonly<Record<string, (body: Model) => Learner>> = {
  maml: (body) => maml(body, { innerRate: 0.1 }),
  "metaSgd with decay": (body) => metaSgd(body, { innerRate: 0.1, weightDecay: 0.3, innerSteps: 2 }),
  protoNet: (body) => protoNet(body),
};

for (const mode of ["transductive", "support"] as const) {
  for (const strided of [true, false]) {
    const kind = `${mode} batch norm, ${strided ? "strides" : "mean pools"}`;
    test(`smooth convolutions, ${kind}: the meta-gradient is the derivative, to 1e-5`, () => {
      for (const [name, make] of Object.entries(learnersOfImages)) {
        const problem = problemOf(make(smoothConvolutions(3, mode, strided, 3)), images, 3);
        const title = `${name} on smooth convolutions`;
        check(
          title,
          kind,
          gradientError(metaSlope(problem), new Chance(3), { each: name === "maml" && strided }),
          BOUND,
        );
        checkCompiled(title, kind, problem, 1e-4);
      }
    });
  }
}

test("smooth convolutions, compiled: f32 agrees with f64 at every number of filters", () => {
  for (const filters of WIDTHS) {
    const spec: TaskSpec = { ...images, segments: [3], queries: 3 };
    const problem = problemOf(maml(smoothConvolutions(filters, "transductive", true, 3)), spec, filters);
    checkCompiled("maml on smooth convolutions", `${filters} filters`, problem, 1e-4);
  }
});

for (const mode of ["transductive", "support"] as const) {
  for (const downsampling of ["stride", "maxPool"] as const) {
    test(`kinks: conv4, ${mode} batch norm, ${downsampling}: the derivative between the kinks of relu and max-pool`, () => {
      // Four times halved by pools, 16 pixels are one.
      const side = downsampling === "stride" ? 12 : 16;
      const spec: TaskSpec = { ...images, inputs: { x: [side, side, 1] }, segments: [3], queries: 4 };
      const body = conv4({ inputShape: [side, side, 1], outputs: 3, filters: 4, downsampling, batchNorm: mode });
      const problem = problemOf(maml(body, { innerRate: 0.05 }), spec, 14);
      const slope = metaSlope(problem);
      const error = gradientError(slope, new Chance(4), { step: 1e-5, each: false });
      check("maml on conv4", `${mode}, ${downsampling}`, error, BOUND);
      checkCompiled("maml on conv4", `${mode}, ${downsampling}`, problem, 2e-4);
    });
  }
}

test("kinks: maml on a relu network, at every width", () => {
  for (const width of WIDTHS) {
    const body = mlp({ inputShape: 3, hidden: [width, width], outputs: 2 });
    const problem = problemOf(maml(body, { innerRate: 0.1, innerSteps: 2 }), numbers, width);
    const slope = metaSlope(problem);
    check(
      "maml on relu",
      `width ${width}`,
      gradientError(slope, new Chance(width), { step: 1e-4, each: false }),
      BOUND,
    );
    checkCompiled("maml on relu", `width ${width}`, problem);
  }
});

/** The loss of a model on a batch and its gradient, in f64: what the definitions below are put together from. */
function slopeOfLoss(body: Model, { inputs, objective }: TaskSpec, count: number) {
  const shapes = Object.fromEntries(body.parameters.map(({ name, shape }) => [name, shape]));
  const columns = { x: [count, ...(inputs.x ?? [])], y: [count, ...(objective.targets.y ?? [])] };
  const graph = trace({ ...shapes, ...columns }, (inputs) => {
    const { x, y, ...params } = inputs as Readonly<Record<string, Tensor>> & { readonly x: Tensor; readonly y: Tensor };
    const { output } = body.apply(params, { x }, { training: true, role: "support" });
    const loss = objective.loss(objective.read(output), { y, weight: full([count], 1) });
    return { loss, ...gradients(loss, params) };
  });
  return (params: Values, batch: { x: Float64Array; y: Float64Array }) => {
    const { loss, ...gradient } = interpret(graph, { ...params, ...batch });
    return { loss: loss?.[0] as number, gradient: gradient as Values };
  };
}

const joined = (a: Float64Array, b: Float64Array) => Float64Array.from([...a, ...b]);
const minus = (a: Float64Array, b: Float64Array, rate = 1) => a.map((value, i) => value - rate * (b[i] as number));
const minusAll = (a: Values, b: Values, rate = 1): Values =>
  Object.fromEntries(Object.entries(a).map(([name, data]) => [name, minus(data, b[name] as Float64Array, rate)]));

const batchOf = ({ inputs }: Problem, which: "segments.0" | "queries") => ({
  x: inputs[`${which}.x`] as Float64Array,
  y: inputs[`${which}.y`] as Float64Array,
});
const supportSize = ({ segments }: TaskSpec): number => segments[0] as number;

test("reptile: the meta-gradient is phi - U_k(phi) over support and query, at every width", () => {
  const rate = Math.fround(0.1);
  for (const width of WIDTHS) {
    for (const spec of specs) {
      const body = tanhBody(spec, width);
      for (const innerSteps of [1, 4]) {
        const problem = problemOf(reptile(body, { innerRate: rate, innerSteps }), spec, width);
        const phi = group(META, problem.inputs);
        const slope = slopeOfLoss(body, spec, supportSize(spec) + spec.queries);
        const [support, query] = [batchOf(problem, "segments.0"), batchOf(problem, "queries")];
        const examples = { x: joined(support.x, query.x), y: joined(support.y, query.y) };
        let moved = phi;
        for (let k = 0; k < innerSteps; k++) moved = minusAll(moved, slope(moved, examples).gradient, rate);
        const actual = interpret(problem.graph, problem.inputs);
        const where = `${spec.objective.name}, ${innerSteps} steps at width ${width}`;
        check("reptile", where, groupError(group(GRADIENT, actual), minusAll(phi, moved)), 1e-12);
        const gap = Math.abs((actual[LOSS]?.[0] as number) - slope(moved, examples).loss);
        assert.ok(gap < 1e-12, `reptile ${where}: the loss is not that after the inner loop`);
        checkCompiled("reptile", where, problem);
      }
    }
  }
});

/** phi - U(phi) of one step on one drawn example must be that of one of the examples. */
test("reptile: innerBatch draws examples evenly, by the task's key", () => {
  const spec: TaskSpec = { ...numbers, segments: [3], queries: 2 };
  const body = tanhBody(spec, 5);
  const learner = (options: ReptileOptions) => reptile(body, { innerRate: 0.1, innerSteps: 1, ...options });
  const problem = problemOf(learner({ innerBatch: 1 }), spec, 1);
  const phi = group(META, problem.inputs);
  const slope = slopeOfLoss(body, spec, 1);
  const all = (["segments.0", "queries"] as const).flatMap((which) => {
    const { x, y } = batchOf(problem, which);
    return Array.from({ length: y.length / 2 }, (_, i) => ({
      x: x.slice(3 * i, 3 * i + 3),
      y: y.slice(2 * i, 2 * i + 2),
    }));
  });
  const single = all.map((example) => minusAll(phi, minusAll(phi, slope(phi, example).gradient, Math.fround(0.1))));
  const drawn = all.map(() => 0);
  const chance = new Chance(8);
  const draws = 300;
  for (let i = 0; i < draws; i++) {
    const key = Float64Array.from({ length: 4 }, () => chance.whole(0, 0xffff));
    const gradient = group(GRADIENT, interpret(problem.graph, { ...problem.inputs, key }));
    const matches = single.map((each) => groupError(gradient, each) < 1e-9);
    assert.is(matches.filter(Boolean).length, 1, `draw ${i} is the step of one example`);
    const at = matches.indexOf(true);
    drawn[at] = (drawn[at] as number) + 1;
  }
  // 60 each are expected, with a standard deviation of 7.
  assert.ok(Math.min(...drawn) > 30 && Math.max(...drawn) < 90, `draws ${drawn} are not even`);
  // Two steps of one key draw independently: not always the same example.
  const two = problemOf(learner({ innerBatch: 1, innerSteps: 2 }), spec, 1);
  const repeated = single.map((_, i) => {
    const once = minusAll(phi, slope(phi, all[i] as (typeof all)[0]).gradient, Math.fround(0.1));
    return minusAll(phi, minusAll(once, slope(once, all[i] as (typeof all)[0]).gradient, Math.fround(0.1)));
  });
  let same = 0;
  for (let i = 0; i < 50; i++) {
    const key = Float64Array.from({ length: 4 }, () => chance.whole(0, 0xffff));
    const gradient = group(GRADIENT, interpret(two.graph, { ...two.inputs, key }));
    if (repeated.some((each) => groupError(gradient, each) < 1e-9)) same++;
  }
  assert.ok(same > 0 && same < 25, `${same} of 50 keys drew the same example twice; 10 are expected`);
});

test("first-order maml: the gradient with the inner gradients held constant, and not that of second order", () => {
  const rate = Math.fround(0.1);
  for (const width of WIDTHS) {
    for (const spec of specs) {
      const body = tanhBody(spec, width);
      const options = { innerRate: rate, innerSteps: 3 };
      const problem = problemOf(maml(body, { ...options, order: 1 }), spec, width);
      const where = `${spec.objective.name} at width ${width}`;
      const theta = group(META, problem.inputs);
      const inner = slopeOfLoss(body, spec, supportSize(spec));
      const outer = slopeOfLoss(body, spec, spec.queries);
      let adapted = theta;
      for (let k = 0; k < 3; k++)
        adapted = minusAll(adapted, inner(adapted, batchOf(problem, "segments.0")).gradient, rate);
      const taken = minusAll(theta, adapted);
      // theta -> L_query(theta - taken), with what the inner loop took away held constant.
      const at = (point: Values) => ({ value: outer(minusAll(point, taken), batchOf(problem, "queries")).loss });
      const results = interpret(problem.graph, problem.inputs);
      const gradient = group(GRADIENT, results);
      const error = gradientError({ at, point: theta, gradient }, new Chance(width), { each: width < 10 });
      check("maml, first order", where, error, BOUND);
      checkCompiled("maml, first order", where, problem);
      const second = problemOf(maml(body, { ...options, order: 2 }), spec, width);
      const secondResults = interpret(second.graph, second.inputs);
      const lossGap = Math.abs((results[LOSS]?.[0] as number) - (secondResults[LOSS]?.[0] as number));
      // Constants that fold into one are rounded to f32 once more; stopGradient stands between some of them.
      assert.ok(lossGap < 1e-7, `${where}: the order changes the loss by ${lossGap}`);
      const apart = groupError(gradient, group(GRADIENT, secondResults));
      assert.ok(apart > 0.01, `${where}: first and second order are only ${apart} apart`);
    }
  }
});

test("first-order metaSgd: theta gets the query's gradient, phi its product with the inner gradient", () => {
  for (const weightDecay of [undefined, 0.3]) {
    for (const width of WIDTHS) {
      const body = tanhBody(numbers, width);
      const decay = weightDecay === undefined ? {} : { weightDecay };
      const problem = problemOf(metaSgd(body, { innerRate: 0.1, innerSteps: 1, order: 1, ...decay }), numbers, width);
      const meta = group(META, problem.inputs);
      const names = body.parameters.map(({ name }) => name);
      const theta: Values = Object.fromEntries(names.map((name) => [name, meta[name] as Float64Array]));
      const taken = slopeOfLoss(body, numbers, 5)(theta, batchOf(problem, "segments.0")).gradient;
      const at = (prefix: string, name: string, i: number) => meta[prefix + name]?.[i] ?? 0;
      const direction = (name: string) =>
        (taken[name] as Float64Array).map(
          (g, i) => g + at("rule.decay.", name, i) * ((theta[name] as Float64Array)[i] as number),
        );
      const adapted: Values = Object.fromEntries(
        names.map((name) => [
          name,
          direction(name).map((d, i) => ((theta[name] as Float64Array)[i] as number) - at("rule.rate.", name, i) * d),
        ]),
      );
      const q = slopeOfLoss(body, numbers, 6)(adapted, batchOf(problem, "queries")).gradient;
      const expected: Record<string, Float64Array> = {};
      for (const name of names) {
        const slope = q[name] as Float64Array;
        const along = direction(name);
        expected[name] = slope.map((v, i) => v * (1 - at("rule.rate.", name, i) * at("rule.decay.", name, i)));
        expected[`rule.rate.${name}`] = slope.map((v, i) => -v * (along[i] as number));
        if (weightDecay === undefined) continue;
        const values = theta[name] as Float64Array;
        expected[`rule.decay.${name}`] = slope.map((v, i) => -v * at("rule.rate.", name, i) * (values[i] as number));
      }
      const gradient = group(GRADIENT, interpret(problem.graph, problem.inputs));
      assert.equal(Object.keys(gradient).sort(), Object.keys(expected).sort());
      check("metaSgd, first order", `width ${width}`, groupError(gradient, expected), 1e-12);
      checkCompiled("metaSgd, first order", `width ${width}`, problem);
    }
  }
});

test("metaSgd with every rate equal and no decay takes maml's steps and gradient", () => {
  const body = tanhBody(labels, 8);
  const options = { innerRate: 0.1, innerSteps: 2 };
  const plain = problemOf(maml(body, options), labels, 2);
  const rates = problemOf(metaSgd(body, options), labels, 2);
  const inputs = Object.fromEntries(
    Object.entries(rates.inputs).map(([name, data]) => {
      if (name.startsWith(`${META}rule.rate.`)) return [name, data.map(() => Math.fround(0.1))];
      return [name, plain.inputs[name] ?? data];
    }),
  );
  const expected = interpret(plain.graph, plain.inputs);
  const actual = interpret(rates.graph, inputs);
  assert.ok(groupError(group(GRADIENT, actual), group(GRADIENT, expected)) < 1e-12);
});

test.after(() => {
  for (const [name, error] of worst) console.log(`note: ${name}: worst relative error ${error.toExponential(1)}`);
});

test.run();
