/** Update rules against plain computations in f64; derivatives through them in an inner loop; options out of range. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { OptionError } from "../../src/errors.ts";
import { type Graph, type Tensors, trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, constant, literal, matmul, mean, multiply, square, sum } from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { gradients } from "../../src/learners/learner.ts";
import { learnedRates } from "../../src/optim/learned-rates.ts";
import { adam, adamW, clipByGlobalNorm, clipped, sgd } from "../../src/optim/optimizer.ts";
import { type Optimizer, prefixed, unprefixed } from "../../src/optim/rule.ts";
import { cosineDecay, type Schedule, stepDecay } from "../../src/optim/schedule.ts";
import { distance, near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";

const test = suite("optimizers");
const core = Core.create();

type Numbers = Record<string, number[]>;
/** A rule in plain JavaScript: changes the parameters in place. */
type Plain = (params: Numbers, gradients: Numbers) => void;

function each(params: Numbers, visit: (name: string, i: number) => void): void {
  for (const [name, data] of Object.entries(params)) for (const i of data.keys()) visit(name, i);
}

const get = (numbers: Numbers, name: string, i: number): number => numbers[name]?.[i] ?? 0;
function put(numbers: Numbers, name: string, i: number, value: number): void {
  numbers[name] ??= [];
  numbers[name][i] = value;
}

type PlainRate = (step: number) => number;

function plainSgd(rate: PlainRate, momentum = 0, nesterov = false): Plain {
  const velocity: Numbers = {};
  let step = 0;
  return (params, slopes) => {
    const now = rate(step++);
    each(params, (name, i) => {
      const g = get(slopes, name, i);
      const v = momentum * get(velocity, name, i) + g;
      put(velocity, name, i, v);
      put(params, name, i, get(params, name, i) - now * (nesterov ? g + momentum * v : v));
    });
  };
}

function plainAdam(rate: PlainRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0): Plain {
  const m: Numbers = {};
  const v: Numbers = {};
  let step = 0;
  return (params, slopes) => {
    const now = rate(step++);
    each(params, (name, i) => {
      const [g, p] = [get(slopes, name, i), get(params, name, i)];
      put(m, name, i, beta1 * get(m, name, i) + (1 - beta1) * g);
      put(v, name, i, beta2 * get(v, name, i) + (1 - beta2) * g * g);
      const mHat = get(m, name, i) / (1 - beta1 ** step);
      const vHat = get(v, name, i) / (1 - beta2 ** step);
      put(params, name, i, p - now * decay * p - (now * mHat) / (Math.sqrt(vHat) + epsilon));
    });
  };
}

function plainClipped(rule: Plain, limit: number): Plain {
  return (params, slopes) => {
    const norm = Math.hypot(...Object.values(slopes).flat());
    const scale = Math.min(1, limit / norm);
    rule(
      params,
      norm === 0
        ? slopes
        : Object.fromEntries(Object.entries(slopes).map(([name, data]) => [name, data.map((g) => g * scale)])),
    );
  };
}

const plainStepDecay =
  (rate: number, every: number, factor: number): PlainRate =>
  (step) =>
    rate * factor ** Math.floor(step / every);
const plainCosine =
  (rate: number, steps: number, final: number): PlainRate =>
  (step) =>
    final + ((rate - final) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps))) / 2;

interface Row {
  readonly rule: Optimizer;
  readonly plain: () => Plain;
}

/** Every rule, with settings that are not its defaults among them. */
const rules: Readonly<Record<string, Row>> = {
  sgd: { rule: sgd(0.1), plain: () => plainSgd(() => 0.1) },
  momentum: { rule: sgd(0.1, { momentum: 0.8 }), plain: () => plainSgd(() => 0.1, 0.8) },
  Nesterov: { rule: sgd(0.1, { momentum: 0.8, nesterov: true }), plain: () => plainSgd(() => 0.1, 0.8, true) },
  adam: { rule: adam(0.05), plain: () => plainAdam(() => 0.05) },
  "adam with other settings": {
    rule: adam(0.05, { beta1: 0, beta2: 0.9, epsilon: 0.1 }),
    plain: () => plainAdam(() => 0.05, 0, 0.9, 0.1),
  },
  adamW: { rule: adamW(0.05), plain: () => plainAdam(() => 0.05, 0.9, 0.999, 1e-8, 0.01) },
  "adamW with other decay": {
    rule: adamW(0.05, { weightDecay: 0.5, beta1: 0.5 }),
    plain: () => plainAdam(() => 0.05, 0.5, 0.999, 1e-8, 0.5),
  },
  "sgd clipped": {
    rule: clipped(sgd(0.1), 0.7),
    plain: () =>
      plainClipped(
        plainSgd(() => 0.1),
        0.7,
      ),
  },
  "momentum clipped": {
    rule: clipped(sgd(0.1, { momentum: 0.8 }), 2),
    plain: () =>
      plainClipped(
        plainSgd(() => 0.1, 0.8),
        2,
      ),
  },
  "adam clipped": {
    rule: clipped(adam(0.05), 0.7),
    plain: () =>
      plainClipped(
        plainAdam(() => 0.05),
        0.7,
      ),
  },
  "sgd with step decay": {
    rule: sgd(stepDecay(0.2, { every: 3, factor: 0.25 })),
    plain: () => plainSgd(plainStepDecay(0.2, 3, 0.25)),
  },
  "momentum with cosine decay": {
    rule: sgd(cosineDecay(0.2, { steps: 6, final: 0.01 }), { momentum: 0.8 }),
    plain: () => plainSgd(plainCosine(0.2, 6, 0.01), 0.8),
  },
  "adamW with cosine decay": {
    rule: adamW(cosineDecay(0.1, { steps: 5 }), { weightDecay: 0.2 }),
    plain: () => plainAdam(plainCosine(0.1, 5, 0), 0.9, 0.999, 1e-8, 0.2),
  },
};

const SHAPES: Readonly<Record<string, Shape>> = { w: [3, 5], b: [5] };

function stateShapes(rule: Optimizer): Record<string, Shape> {
  let shapes: Record<string, Shape> = {};
  trace({ ...SHAPES }, (params) => {
    const state = rule.start(params as Tensors);
    shapes = Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, shape]));
    return { ...state };
  });
  return shapes;
}

function updateGraph(rule: Optimizer): Graph {
  const shapes = { ...prefixed("p.", SHAPES), ...prefixed("g.", SHAPES), ...prefixed("s.", stateShapes(rule)) };
  return trace({ ...shapes, step: [] }, (inputs: Tensors) => {
    const next = rule.step({
      meta: {},
      memory: unprefixed("s.", inputs),
      parameters: unprefixed("p.", inputs),
      gradients: unprefixed("g.", inputs),
      step: inputs.step as Tensor,
    });
    return { ...prefixed("p.", next.parameters), ...prefixed("s.", next.memory) };
  });
}

type Run = (graph: Graph, inputs: Readonly<Record<string, ArrayLike<number>>>) => Record<string, ArrayLike<number>>;
const STEPS = 8;

/** Gradients of every update: random; on the way all of them, and some elements for ever, 0. */
function slopesOf(step: number, chance: Chance): Numbers {
  const draw = (count: number) =>
    Array.from(chance.floats(count), (value, i) => (step === 3 || i === 1 ? 0 : value * (step === 5 ? 10 : 1)));
  return { w: draw(15), b: draw(5) };
}

for (const [name, { rule, plain }] of Object.entries(rules)) {
  test(`${name}: ${STEPS} updates equal a plain computation`, () => {
    const graph = updateGraph(rule);
    const init = trace({ ...SHAPES }, (params) => ({ ...rule.start(params as Tensors) }));
    const executions: [string, Run, number][] = [
      ["f64", interpret, 2e-5],
      ["compiled", (each, inputs) => runGraph(core, each, inputs), 4e-5],
    ];
    for (const [how, execute, bound] of executions) {
      const chance = new Chance(7);
      const params: Numbers = { w: Array.from(chance.floats(15)), b: Array.from(chance.floats(5)) };
      const start = { w: [...(params.w ?? [])], b: [...(params.b ?? [])] };
      let ours: Record<string, ArrayLike<number>> = start;
      let state = execute(init, ours);
      const follow = plain();
      for (let step = 0; step < STEPS; step++) {
        const slopes = slopesOf(step, chance);
        const given = { ...prefixed("p.", ours), ...prefixed("g.", slopes), ...prefixed("s.", state) };
        const result = execute(graph, { ...given, step: [step] });
        ours = unprefixed("p.", result);
        state = unprefixed("s.", result);
        follow(params, slopes);
        for (const each of ["w", "b"]) {
          near(ours[each] ?? [], params[each] ?? [], bound, `${name}, ${how}, update ${step}, ${each}`);
        }
      }
      assert.ok(distance(ours.w ?? [], start.w) > 0.01, `${name} moves the parameters`);
    }
  });
}

test("memory has the same names and shapes before and after an update, for every rule", () => {
  for (const [name, { rule }] of Object.entries(rules)) {
    const after = unprefixed("s.", updateGraph(rule).outputs);
    const shapes = Object.fromEntries(Object.entries(after).map(([each, { shape }]) => [each, [...shape]]));
    const before = Object.fromEntries(Object.entries(stateShapes(rule)).map(([each, shape]) => [each, [...shape]]));
    assert.equal(shapes, before, name);
  }
});

test("names tell settings apart: a resumed run compares them", () => {
  const all = [
    ...Object.values(rules).map(({ rule }) => rule),
    sgd(0.2),
    sgd(0.1, { momentum: 0.9 }),
    adam(0.05, { beta1: 0.8 }),
    adam(0.05, { beta2: 0.99 }),
    adam(0.05, { epsilon: 1e-7 }),
    adamW(0.05, { weightDecay: 0.02 }),
    clipped(sgd(0.1), 0.8),
    sgd(stepDecay(0.2, { every: 4, factor: 0.25 })),
    sgd(stepDecay(0.2, { every: 3, factor: 0.5 })),
    sgd(cosineDecay(0.2, { steps: 6 })),
  ];
  assert.is(new Set(all.map(({ name }) => name)).size, all.length);
});

const schedules: readonly (readonly [Schedule, PlainRate])[] = [
  ...[1, 2, 3, 7, 10, 49].map(
    (every) => [stepDecay(0.3, { every, factor: 0.9 }), plainStepDecay(0.3, every, 0.9)] as const,
  ),
  [stepDecay(0.3, { every: 2000 }), plainStepDecay(0.3, 2000, 0.5)],
  [cosineDecay(0.3, { steps: 100 }), plainCosine(0.3, 100, 0)],
  [cosineDecay(0.01, { steps: 37, final: 0.3 }), plainCosine(0.01, 37, 0.3)],
];

test("schedules have the plain value at every step, on and around each change, and stay after the last", () => {
  const steps = Float64Array.from([...Array(300).keys(), 1999, 2000, 2001, 3999, 4000, 5999, 6000, 1e6]);
  for (const [schedule, plain] of schedules) {
    const graph = trace({ step: [steps.length] }, ({ step }) => ({ rate: schedule.at(step) }));
    const expected = steps.map(plain);
    for (const [how, actual] of [
      ["f64", interpret(graph, { step: steps }).rate],
      ["compiled", runGraph(core, graph, { step: steps }).rate],
    ] as const) {
      for (const [i, value] of expected.entries()) {
        const got = actual?.[i] as number;
        const gap = Math.abs(got - value) / Math.max(value, 1e-6);
        assert.ok(
          gap < 1e-4 || Math.abs(got - value) < 1e-7,
          `${schedule.name} ${how} at ${steps[i]}: ${got}, ${value}`,
        );
      }
    }
  }
});

test("clipping leaves short gradients as they are, to the bit, and shortens long ones to the limit", () => {
  const graph = (limit: number) =>
    trace({ a: [3], b: [2, 2] }, ({ a, b }) => ({ ...clipByGlobalNorm({ a, b }, limit) }));
  const inputs = { a: [1, -2, 0.3], b: [0.1, 2, -0.7, 0] };
  const norm = Math.hypot(...inputs.a, ...inputs.b);
  const short = runGraph(core, graph(norm * 1.001), inputs);
  assert.ok(
    sameBits(short.a ?? [], Float32Array.from(inputs.a)) && sameBits(short.b ?? [], Float32Array.from(inputs.b)),
  );
  for (const limit of [1e-6, 0.1, 1, norm * 0.999]) {
    const { a = [], b = [] } = runGraph(core, graph(limit), inputs) as Record<string, Float32Array>;
    near([Math.hypot(...a, ...b) / limit], [1], 1e-5, `norm after clipping at ${limit}`);
    near(
      a.map((value) => value / limit),
      inputs.a.map((value) => value / norm),
      1e-6,
      "direction",
    );
  }
  const zero = runGraph(core, graph(1), { a: [0, 0, 0], b: [0, 0, 0, 0] });
  assert.equal(Array.from(zero.a ?? []), [0, 0, 0]);
});

// Peers differentiate the square root at 0 and get NaN (higher #125, torchopt #26).
for (const [name, { rule }] of Object.entries(rules)) {
  test(`${name}: an inner loop is differentiable without NaN, with zero and tiny gradients too`, () => {
    const graph = trace({ w: [4, 2], x: [3, 4], rate: [] }, ({ w, x, rate }) => {
      let params: Tensors = { w };
      let memory = rule.start(params);
      for (let step = 0; step < 3; step++) {
        const now = params.w as Tensor;
        const loss = multiply(mean(square(add(matmul(x, now), sum(now, 0)))), rate);
        const slopes = gradients(loss, params);
        ({ parameters: params, memory } = rule.step({
          meta: {},
          memory,
          parameters: params,
          gradients: slopes,
          step: constant(step),
        }));
      }
      const outer = sum(square(add(params.w as Tensor, constant(0.5))));
      return { outer, ...gradients(outer, { w, x, rate }) };
    });
    const chance = new Chance(3);
    const w = chance.floats(8);
    const x = chance.floats(12);
    // One element of the sum and its gradient are exactly 0 with these.
    const zeros = new Float64Array(8);
    const sizes = [0, 1, ...Array.from({ length: 24 }, (_, i) => 10 ** (-2 * i))];
    for (const point of [w, zeros, w.map((value, i) => (i % 2 ? 0 : value))]) {
      for (const rate of sizes) {
        for (const [how, results] of [
          ["f64", interpret(graph, { w: point, x, rate: [rate] })],
          ["compiled", runGraph(core, graph, { w: point, x, rate: [rate] })],
        ] as const) {
          for (const [each, data] of Object.entries(results)) {
            if (each === "rate") continue;
            assert.ok(data.every(Number.isFinite), `${name}, ${how}: ${each} is not finite at a loss times ${rate}`);
          }
        }
      }
    }
  });
}

test("learnedRates: every parameter has a rate and a decay of its own, which start equal", () => {
  const shapes = { w: [2, 3], b: [3] };
  for (const decay of [undefined, 0.1]) {
    const rule = learnedRates({ rate: 0.2, ...(decay === undefined ? {} : { decay }) });
    const start = trace({ ...shapes, key: [4] }, ({ key, ...parameters }) => ({
      ...rule.meta?.(key as Tensor, parameters as Tensors),
    }));
    const owned = interpret(start, { w: [1, 2, 3, 4, 5, 6], b: [0, 1, 2], key: [1, 2, 3, 4] });
    const names = ["rate.w", "rate.b", ...(decay === undefined ? [] : ["decay.w", "decay.b"])];
    assert.equal(Object.keys(owned), names);
    for (const name of names)
      assert.ok(owned[name]?.every((each) => each === Math.fround(name.startsWith("rate") ? 0.2 : 0.1)));
    const chance = new Chance(5);
    const values = Object.fromEntries(
      [...Object.keys(shapes).flatMap((each) => [`p.${each}`, `g.${each}`]), ...names.map((each) => `m.${each}`)].map(
        (each) => [each, chance.floats(each.endsWith("w") ? 6 : 3, each.startsWith("m.") ? 0.1 : -1, 1)],
      ),
    ) as Record<string, Float64Array>;
    const graph = trace(
      Object.fromEntries(Object.entries(values).map(([name, { length }]) => [name, length === 6 ? [2, 3] : [3]])),
      (inputs: Tensors) => {
        const [parameters, gradients, meta] = ["p.", "g.", "m."].map((prefix) => unprefixed(prefix, inputs)) as [
          Tensors,
          Tensors,
          Tensors,
        ];
        const next = rule.step({ meta, memory: {}, parameters, gradients, step: constant(0) });
        assert.equal(next.memory, {});
        return { ...next.parameters };
      },
    );
    const results = interpret(graph, values);
    for (const name of ["w", "b"]) {
      const [p, g, rate, lambda] = ["p.", "g.", "m.rate.", "m.decay."].map((prefix) => values[prefix + name]);
      const expected = p?.map(
        (value, i) => value - (rate?.[i] as number) * ((g?.[i] as number) + (lambda?.[i] ?? 0) * value),
      );
      near(results[name] ?? [], expected ?? [], 1e-12, name);
    }
  }
  throwsA(OptionError, () => learnedRates({ rate: 0 }), "learnedRates: rate", "above 0");
  throwsA(OptionError, () => learnedRates({ rate: 1, decay: -1 }), "learnedRates: decay", "from 0");
  throwsA(OptionError, () => learnedRates({ rates: 1 } as never), "learnedRates: there is no option rates");
});

test("rules refuse unknown options and wrong types by name", () => {
  const wrong = <T>(value: unknown) => value as T;
  throwsA(
    OptionError,
    () => sgd(0.1, wrong({ momentun: 0.9 })),
    "sgd: there is no option momentun; did you mean momentum?",
  );
  throwsA(OptionError, () => sgd(wrong("0.1")), "sgd: rate", '"0.1"');
  throwsA(OptionError, () => sgd(wrong({ rate: 0.1 })), "sgd: rate must be a number from 0, or a schedule");
  throwsA(OptionError, () => sgd(0.1, { momentum: 0.9, nesterov: wrong(1) }), "sgd: nesterov must be true or false");
  throwsA(
    OptionError,
    () => adam(1e-3, wrong({ beta_1: 0.9 })),
    "adam: there is no option beta_1; did you mean beta1?",
  );
  throwsA(OptionError, () => adamW(1e-3, wrong({ decay: 0.9 })), "adamW: there is no option decay");
  throwsA(OptionError, () => adam(1e-3, wrong(0.9)), "adam: options must be an object, got 0.9");
  throwsA(
    OptionError,
    () => clipped(wrong("adam"), 1),
    'clipped: optimizer must be an update rule, such as adam(1e-3), got "adam"',
  );
  throwsA(OptionError, () => stepDecay(1, wrong({ steps: 3 })), "stepDecay: there is no option steps");
  throwsA(OptionError, () => cosineDecay(1, wrong(undefined)), "cosineDecay: options must be an object");
});

test("options out of range are refused by name", () => {
  for (const rate of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    throwsA(OptionError, () => sgd(rate), "sgd: rate", "from 0", `${rate}`);
    throwsA(OptionError, () => adam(rate), "adam: rate", "from 0", `${rate}`);
    throwsA(OptionError, () => adamW(rate), "adamW: rate", "from 0", `${rate}`);
    throwsA(OptionError, () => stepDecay(rate, { every: 2 }), "stepDecay: rate", `${rate}`);
    throwsA(OptionError, () => cosineDecay(rate, { steps: 2 }), "cosineDecay: rate", `${rate}`);
    throwsA(OptionError, () => cosineDecay(1, { steps: 2, final: rate }), "cosineDecay: final", `${rate}`);
    throwsA(OptionError, () => adamW(1e-3, { weightDecay: rate }), "weightDecay", "from 0", `${rate}`);
  }
  for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    throwsA(OptionError, () => stepDecay(1, { every: bad }), "stepDecay: every", "above 0", `${bad}`);
    throwsA(OptionError, () => stepDecay(1, { every: 1, factor: bad }), "stepDecay: factor", "above 0", `${bad}`);
    throwsA(OptionError, () => cosineDecay(1, { steps: bad }), "cosineDecay: steps", "above 0", `${bad}`);
    throwsA(OptionError, () => adam(1, { epsilon: bad }), "adam: epsilon", "above 0", `${bad}`);
    throwsA(
      OptionError,
      () => trace({ a: [2] }, ({ a }) => ({ ...clipByGlobalNorm({ a }, bad) })),
      "clipByGlobalNorm: limit",
      "above 0",
      `${bad}`,
    );
    throwsA(OptionError, () => clipped(sgd(0.1), bad), "limit", "above 0", `${bad}`);
  }
  for (const bad of [-0.1, 1, 2, Number.NaN]) {
    throwsA(OptionError, () => sgd(0.1, { momentum: bad }), "sgd: momentum", "from 0 and below 1", `${bad}`);
    throwsA(OptionError, () => adam(0.1, { beta1: bad }), "adam: beta1", "from 0 and below 1", `${bad}`);
    throwsA(OptionError, () => adam(0.1, { beta2: bad }), "adam: beta2", "from 0 and below 1", `${bad}`);
  }
  throwsA(OptionError, () => sgd(0.1, { nesterov: true }), "nesterov", "momentum above 0");
});

/** What a caller without types may pass. */
const untyped = <T>(value: unknown): T => value as T;

test("unknown option names and wrong types are refused by name", () => {
  throwsA(OptionError, () => sgd(0.1, untyped({ momentun: 0.9 })), "sgd: there is no option momentun", "momentum");
  throwsA(OptionError, () => adam(0.1, untyped({ beta3: 0.9 })), "adam: there is no option beta3");
  throwsA(OptionError, () => adamW(0.1, untyped({ decay: 0.9 })), "adamW: there is no option decay");
  throwsA(OptionError, () => stepDecay(1, untyped({ every: 2, facto: 0.1 })), "stepDecay: there is no option facto");
  throwsA(
    OptionError,
    () => cosineDecay(1, untyped({ steps: 2, final_: 0 })),
    "cosineDecay: there is no option final_",
  );
  for (const bad of ["0.1", null, {}, [0.1], true]) {
    throwsA(OptionError, () => sgd(untyped(bad)), "sgd: rate must be a number from 0, or a schedule");
    throwsA(OptionError, () => adam(untyped(bad)), "adam: rate must be a number from 0, or a schedule");
    throwsA(OptionError, () => stepDecay(untyped(bad), { every: 1 }), "stepDecay: rate must be a number from 0");
    throwsA(OptionError, () => cosineDecay(untyped(bad), { steps: 1 }), "cosineDecay: rate must be a number from 0");
    throwsA(OptionError, () => sgd(0.1, { momentum: untyped(bad) }), "sgd: momentum must be a number");
    throwsA(OptionError, () => adam(0.1, { epsilon: untyped(bad) }), "adam: epsilon must be a number");
    throwsA(OptionError, () => clipped(untyped(bad), 1), "clipped: optimizer must be an update rule");
    throwsA(OptionError, () => clipped(sgd(0.1), untyped(bad)), "clipped: limit must be a number");
  }
  for (const bad of [null, 3, "steps", [1]]) {
    throwsA(OptionError, () => sgd(0.1, untyped(bad)), "sgd: options must be an object");
    throwsA(OptionError, () => adam(0.1, untyped(bad)), "adam: options must be an object");
    throwsA(OptionError, () => stepDecay(1, untyped(bad)), "stepDecay: options must be an object");
    throwsA(OptionError, () => cosineDecay(1, untyped(bad)), "cosineDecay: options must be an object");
  }
  throwsA(
    OptionError,
    () => sgd(0.1, { momentum: 0.5, nesterov: untyped("yes") }),
    "sgd: nesterov must be true or false",
  );
  throwsA(OptionError, () => cosineDecay(1, untyped(undefined)), "cosineDecay: options must be an object");
  throwsA(OptionError, () => stepDecay(1, untyped({})), "stepDecay: every must be a number above 0, got undefined");
});

test("adam's first update is the rate itself, to rounding, whatever its constants", () => {
  for (const beta2 of [0.9, 0.999, 0.9999, 0.99999, 0.999999]) {
    for (const beta1 of [0, 0.9, 0.99999]) {
      const rule = adam(1, { beta1, beta2, epsilon: 1e-30 });
      const graph = trace({ p: [3], g: [3] }, ({ p, g }) => {
        const memory = rule.start({ p });
        const { parameters } = rule.step({
          meta: {},
          memory,
          parameters: { p },
          gradients: { p: g },
          step: constant(0),
        });
        return { p: parameters.p as Tensor };
      });
      const { p = [] } = runGraph(core, graph, { p: [0, 0, 0], g: [0.3, -7, 1e-3] });
      near(p, [-1, 1, -1], 3e-7, `beta1 ${beta1}, beta2 ${beta2}`);
    }
  }
});

test("meta-gradients through an inner adam are those of f64, also with beta2 near 1", () => {
  for (const beta2 of [0.999, 0.99999]) {
    const rate = 0.01;
    const steps = 5;
    // Large beside the gradients, so that the outer loss is smooth and its derivative large.
    const epsilon = 0.5;
    const rule = adam(rate, { beta2, epsilon });
    const targets = [0.3, -1.2, 2];
    const graph = trace({ w: [3] }, ({ w }) => {
      let params: Tensors = { w };
      let memory = rule.start(params);
      for (let step = 0; step < steps; step++) {
        const loss = sum(square(square(params.w as Tensor)));
        const given = {
          meta: {},
          memory,
          parameters: params,
          gradients: gradients(loss, params),
          step: constant(step),
        };
        ({ parameters: params, memory } = rule.step(given));
      }
      const outer = sum(square(add(params.w as Tensor, literal(targets))));
      return { outer, ...gradients(outer, { w }) };
    });
    /** The same in plain f64, with exact constants. */
    const outer = (start: readonly number[]) => {
      const params: Numbers = { w: [...start] };
      const update = plainAdam(() => rate, 0.9, beta2, epsilon);
      for (let step = 0; step < steps; step++) update(params, { w: (params.w ?? []).map((w) => 4 * w ** 3) });
      return (params.w ?? []).reduce((total, w, i) => total + (w + (targets[i] as number)) ** 2, 0);
    };
    const start = [0.7, -0.4, 0.9];
    const slopes = start.map((_, i) => {
      const moved = (by: number) => start.map((w, j) => (i === j ? w + by : w));
      return (outer(moved(1e-5)) - outer(moved(-1e-5))) / 2e-5;
    });
    const got = runGraph(core, graph, { w: start });
    near(got.outer ?? [], [outer(start)], 1e-6, `beta2 ${beta2}: outer loss`);
    near(got.w ?? [], slopes, 2e-6, `beta2 ${beta2}: meta-gradient`);
  }
});

test("cosineDecay stays above its final rate until its last step, and then is exactly that", () => {
  for (const steps of [10, 100_000, 10_000_000]) {
    for (const final of [0, 1e-4]) {
      const at = [0, 1, steps / 2, steps - 3, steps - 2, steps - 1, steps, steps + 1, 2 * steps];
      const graph = trace({ step: [at.length] }, ({ step }) => ({ rate: cosineDecay(0.1, { steps, final }).at(step) }));
      const { rate = [] } = runGraph(core, graph, { step: at }) as Record<string, Float32Array>;
      // sin^2, because the difference of 1 and the cosine has no digits left in f64 either.
      const expected = at.map((step) => {
        const left = Math.max(steps - step, 0) / steps;
        return final + (0.1 - final) * Math.sin((Math.PI / 2) * left) ** 2;
      });
      for (const [i, value] of expected.entries()) {
        const got = rate[i] as number;
        assert.ok(Math.abs(got - value) <= 2e-6 * value, `${steps} steps, at ${at[i]}: ${got}, not ${value}`);
        if (final === 0) assert.is((at[i] as number) < steps, got > 0, `at ${at[i]} of ${steps}`);
      }
      assert.equal(Array.from(rate).slice(6), Array(3).fill(Math.fround(final)));
    }
  }
});

test("a gradient that is missing is named", () => {
  const rule = sgd(0.1, { momentum: 0.9 });
  throwsA(
    OptionError,
    () =>
      trace({ a: [2], b: [2] }, ({ a, b }) => {
        const memory = rule.start({ a, b });
        const given = { meta: {}, memory, parameters: { a, b }, gradients: { a }, step: constant(0) };
        return { ...rule.step(given).parameters };
      }),
    "b is missing",
  );
});

test.run();
