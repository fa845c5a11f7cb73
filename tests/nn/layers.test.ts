/** Layers, models, initialisers, losses and metrics against plain computations in f64. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { type Tensors, trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, constant, KEY_SHAPE, keyToArray, multiply, sum } from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import {
  constantInitialiser,
  fanInUniform,
  fansOf,
  glorotUniform,
  heNormal,
  type Initialiser,
  normal,
  onesInitialiser,
  truncatedNormal,
  uniform,
  zerosInitialiser,
} from "../../src/nn/initialisers.ts";
import type { BatchNormMode, Layer } from "../../src/nn/layer.ts";
import {
  type Activation,
  activation,
  batchNorm,
  conv2d,
  eachStep,
  flatten,
  globalMeanPool,
  gru,
  l2Normalise,
  layerNorm,
  linear,
  lstm,
  maxPool,
  meanPool,
  reshape,
  residual,
  rmsNorm,
  scale,
  selfAttention,
  sequential,
  shared,
  transformerBlock,
} from "../../src/nn/layers.ts";
import { crossEntropy, meanSquaredError } from "../../src/nn/losses.ts";
import { accuracy, areaUnderCurve, argmaxRows, meanAndInterval, meanSquaredDifference } from "../../src/nn/metrics.ts";
import { type Model, model } from "../../src/nn/model.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { prefixed, unprefixed } from "../../src/optim/rule.ts";
import { keyOf } from "../../src/random.ts";
import { near } from "../support/compare.ts";
import { checkGradient } from "../support/derivatives.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";

const test = suite("nn");
const core = Core.create();
const shapesOf = (body: Model) => Object.fromEntries(body.parameters.map(({ name, shape }) => [name, shape]));
const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

interface Results {
  /** Shape of the result, of one example. */
  readonly shape: Shape;
  readonly y: Float64Array;
  readonly carried: Readonly<Record<string, Float64Array>>;
  readonly statistics: Readonly<Record<string, Float64Array>>;
}

interface PassOptions {
  readonly training?: boolean;
  readonly role?: "support" | "query";
  readonly weight?: ArrayLike<number>;
}

/** Applies a model of one column in f64, and holds the compiled result to that. */
function applyModel(
  body: Model,
  params: Readonly<Record<string, ArrayLike<number>>>,
  x: ArrayLike<number>,
  { training = true, role = "support", weight }: PassOptions = {},
): Results {
  const [input] = Object.values(body.inputs) as [Shape];
  const n = x.length / sizeOf(input);
  const shapes = Object.fromEntries(body.parameters.map(({ name, shape }) => [name, shape]));
  let shape: Shape = [];
  const graph = trace(
    { ...shapes, x: [n, ...input], ...(weight ? { weight: [n] } : {}) } as Record<string, Shape>,
    (inputs: Tensors): Tensors => {
      const { x, weight } = inputs as Readonly<Record<string, Tensor>> & { readonly x: Tensor };
      const applied = body.apply(inputs, { x }, { training, role, ...(weight ? { weight } : {}) });
      shape = applied.output.shape;
      return {
        y: applied.output,
        ...prefixed("carried.", applied.carried),
        ...prefixed("statistics.", applied.statistics),
      };
    },
  );
  assert.is(shape[0], n, "the examples stay the first axis");
  const given = { ...params, x, ...(weight ? { weight } : {}) };
  const results = interpret(graph, given);
  for (const [name, data] of Object.entries(runGraph(core, graph, given))) {
    near(data, results[name] as Float64Array, 2e-5, `compiled ${name}`);
  }
  return {
    shape: shape.slice(1),
    y: results.y as Float64Array,
    carried: unprefixed("carried.", results),
    statistics: unprefixed("statistics.", results),
  };
}

function randomParams(body: Model, chance: Chance): Record<string, Float64Array> {
  return Object.fromEntries(
    body.parameters.map(({ name, shape }) => [
      name,
      chance.floats(sizeOf(shape), /(variance|count)$/.test(name) ? 0.5 : -1, 1.5),
    ]),
  );
}

const image: Shape = [7, 9, 3];
const layers: readonly (readonly [string, Shape, Layer, Shape])[] = [
  ["linear", [5], linear(4), [4]],
  ["linear without bias", [5], linear(1, { bias: false }), [1]],
  ["conv2d", image, conv2d(4), [5, 7, 4]],
  ["conv2d without bias", image, conv2d(5, { bias: false, size: 1 }), [7, 9, 5]],
  ["conv2d with stride and pad", image, conv2d(4, { stride: 2, pad: 1 }), [4, 5, 4]],
  ["conv2d same, stride 2", image, conv2d(2, { stride: 2, pad: "same", size: [2, 4] }), [4, 5, 2]],
  ["conv2d with four pads", image, conv2d(2, { size: [1, 4], pad: [0, 1, 2, 0], stride: [3, 1] }), [3, 8, 2]],
  ["batchNorm transductive", image, batchNorm({ mode: "transductive" }), image],
  ["batchNorm support", image, batchNorm({ mode: "support" }), image],
  ["batchNorm running", [6], batchNorm({ mode: "running" }), [6]],
  ["batchNorm none", [6], batchNorm({ mode: "none" }), [6]],
  ["layerNorm", image, layerNorm(), image],
  ["rmsNorm", image, rmsNorm(), image],
  ["l2Normalise", image, l2Normalise(), image],
  ["scale", image, scale(), image],
  ["selfAttention of vectors", [6], selfAttention({ heads: 2 }), [6]],
  ["selfAttention of sequences", [5, 6], selfAttention({ heads: 3, causal: true }), [5, 6]],
  ["transformerBlock of vectors", [6], transformerBlock({ heads: 2 }), [6]],
  ["transformerBlock of sequences", [5, 6], transformerBlock({ causal: true, norm: "rms" }), [5, 6]],
  ["lstm", [4, 3], lstm(5), [4, 5]],
  ["lstm, last step", [4, 3], lstm(5, { sequence: false }), [5]],
  ["gru", [4, 3], gru(5), [4, 5]],
  ["gru, last step", [1, 3], gru(5, { sequence: false }), [5]],
  ["eachStep", [5, 6], eachStep(linear(3)), [5, 3]],
  ["activation", image, activation("softplus"), image],
  ["maxPool", image, maxPool({ size: 2 }), [3, 4, 3]],
  ["maxPool overlapping, padded", image, maxPool({ size: 3, stride: 2, pad: 1 }), [4, 5, 3]],
  ["meanPool", image, meanPool({ size: [2, 3], stride: [1, 2] }), [6, 4, 3]],
  ["meanPool same", image, meanPool({ size: 2, pad: "same" }), [4, 5, 3]],
  ["globalMeanPool", image, globalMeanPool(), [3]],
  ["flatten", image, flatten(), [189]],
  ["flatten of a vector", [4], flatten(), [4]],
  ["reshape", image, reshape([9, 21]), [9, 21]],
  ["sequential", image, sequential([conv2d(2), flatten(), linear(3)]), [3]],
  ["sequential of names", [4], sequential({ one: linear(2), two: linear(3) }), [3]],
  ["residual", [4], residual(linear(4)), [4]],
  ["residual with a shortcut", image, residual(conv2d(2, { pad: 1 }), { shortcut: conv2d(2, { size: 1 }) }), [7, 9, 2]],
  ["shared twice", [4], sequential([shared("w", linear(4)), shared("w", linear(4))]), [4]],
  ["an empty sequential", [4], sequential([]), [4]],
];

for (const [name, input, layer, expected] of layers) {
  test(`${name}: the declared shape is that of the result`, () => {
    const body = model(input, layer);
    assert.equal([...body.outputShape], [...expected]);
    const chance = new Chance(1);
    for (const n of [1, 3]) {
      for (const training of [true, false]) {
        for (const role of ["support", "query"] as const) {
          const x = chance.floats(n * sizeOf(input));
          const { shape, y } = applyModel(body, randomParams(body, chance), x, { training, role });
          assert.equal([...shape], [...expected], `${n} examples, training ${training}`);
          assert.ok(y.every(Number.isFinite));
        }
      }
    }
  });
}

test("models: declared shapes and parameters", () => {
  const chance = new Chance(2);
  const modes: BatchNormMode[] = ["support", "transductive", "running", "none"];
  for (const mode of modes) {
    const perLayer = { support: 6, transductive: 4, running: 6, none: 2 }[mode];
    const perceptron = mlp({ inputShape: [2, 2, 1], hidden: [5, 3], outputs: 2, batchNorm: mode });
    assert.is(perceptron.parameters.length, 2 * perLayer + 2);
    assert.is(perceptron.batchNorm, mode);
    for (const downsampling of ["stride", "maxPool"] as const) {
      for (const outputs of [undefined, 3]) {
        const head = outputs === undefined ? {} : { outputs };
        const body = conv4({ inputShape: [16, 17, 2], filters: 3, downsampling, batchNorm: mode, ...head });
        assert.equal([...body.outputShape], [outputs ?? 3]);
        assert.is(body.parameters.length, 4 * perLayer + (outputs === undefined ? 0 : 2));
        assert.is(body.batchNorm, mode);
        const { shape } = applyModel(body, randomParams(body, chance), chance.floats(2 * 16 * 17 * 2));
        assert.equal([...shape], [...body.outputShape]);
      }
    }
  }
  const omniglot = conv4({ inputShape: [28, 28, 1], outputs: 5 });
  // Finn et al. 2017: 3x3x64 four times, 576 + 3 * 36,864 weights; biases, scales and shifts; and the head's 325.
  const learned = omniglot.parameters.filter(({ carried }) => !carried);
  const count = learned.reduce((total, { shape }) => total + sizeOf(shape), 0);
  assert.is(count, 576 + 3 * 36864 + 4 * 3 * 64 + 325);
  assert.is(new Set(omniglot.parameters.map(({ name }) => name)).size, omniglot.parameters.length);
});

test("linear is x W + b", () => {
  const chance = new Chance(3);
  const [x, weight, bias] = [chance.floats(6), chance.floats(8), chance.floats(4)];
  const { y } = applyModel(model([2], linear(4)), { weight, bias }, x);
  const expected = Array.from({ length: 12 }, (_, at) => {
    const [row, column] = [Math.floor(at / 4), at % 4];
    const product = (x[2 * row] ?? 0) * (weight[column] ?? 0) + (x[2 * row + 1] ?? 0) * (weight[4 + column] ?? 0);
    return product + (bias[column] ?? 0);
  });
  near(y, expected, 1e-12, "linear");
});

/** Mean and variance of every channel of [rows, C]. */
function momentsOf(x: Float64Array, channels: number) {
  const rows = x.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    const values = Array.from({ length: rows }, (_, row) => x[row * channels + c] as number);
    const mean = values.reduce((a, b) => a + b, 0) / rows;
    const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
    return { mean, variance: squares / rows };
  });
}

const at = (data: ArrayLike<number> | undefined, i: number): number => data?.[i] as number;

test("batchNorm: training uses the batch's statistics and carries running averages of them", () => {
  const chance = new Chance(4);
  const shape: Shape = [3, 2, 5];
  for (const momentum of [0.1, 0.25, 1]) {
    const body = model(shape, batchNorm({ mode: "running", momentum, epsilon: 1e-3 }));
    const params = randomParams(body, chance);
    const x = chance.floats(4 * 30);
    const { y, carried } = applyModel(body, params, x);
    const of = momentsOf(x, 5);
    const expected = x.map((value, i) => {
      const { mean, variance } = of[i % 5] as (typeof of)[0];
      return ((value - mean) / Math.sqrt(variance + 1e-3)) * at(params.scale, i % 5) + at(params.shift, i % 5);
    });
    near(y, expected, 1e-6, "training");
    const blend = (old: number, value: number) => (1 - momentum) * old + momentum * value;
    near(
      carried.mean as Float64Array,
      of.map(({ mean }, c) => blend(at(params.mean, c), mean)),
      1e-6,
      "running mean",
    );
    near(
      carried.variance as Float64Array,
      of.map(({ variance }, c) => blend(at(params.variance, c), variance)),
      1e-6,
      "running variance",
    );
  }
});

test("batchNorm: evaluation uses the running statistics, each example alone, and carries nothing", () => {
  const chance = new Chance(5);
  const body = model([5], batchNorm({ mode: "running" }));
  const params = randomParams(body, chance);
  const x = chance.floats(15);
  const { y, carried } = applyModel(body, params, x, { training: false });
  const expected = x.map((value, i) => {
    const c = i % 5;
    const deviation = Math.sqrt(at(params.variance, c) + 1e-5);
    return ((value - at(params.mean, c)) / deviation) * at(params.scale, c) + at(params.shift, c);
  });
  near(y, expected, 1e-6, "evaluation");
  assert.equal(Object.keys(carried), []);
  near(applyModel(body, params, x.subarray(0, 5), { training: false }).y, y.subarray(0, 5), 1e-12, "one example");
});

test("batchNorm: transductive uses the batch in evaluation too, and has nothing to carry; none is the identity", () => {
  const chance = new Chance(6);
  const body = model([4], batchNorm({ mode: "transductive" }));
  assert.equal(
    body.parameters.map(({ name }) => name),
    ["scale", "shift"],
  );
  const params = randomParams(body, chance);
  const x = chance.floats(24);
  const training = applyModel(body, params, x);
  assert.equal(training.y, applyModel(body, params, x, { training: false }).y);
  assert.equal(Object.keys(training.carried), []);
  const running = model([4], batchNorm({ mode: "running" }));
  const more = { ...params, mean: new Float64Array(4), variance: new Float64Array(4).fill(1) };
  near(applyModel(running, more, x).y, training.y, 1e-12, "the same as running in training");
  assert.equal(applyModel(model([4], batchNorm({ mode: "none" })), {}, x).y, x);
});

/** Moments of the support set pooled with the averages, which count as `prior` examples. */
function pooled(
  x: Float64Array,
  channels: number,
  start: { mean: ArrayLike<number>; variance: ArrayLike<number> },
  prior: number,
  examples: number,
) {
  return momentsOf(x, channels).map(({ mean, variance }, c) => {
    const [m, v] = [start.mean[c] as number, start.variance[c] as number];
    const total = prior + examples;
    const centre = (prior * m + examples * mean) / total;
    const spread = (prior * (v + (m - centre) ** 2) + examples * (variance + (mean - centre) ** 2)) / total;
    return { mean: centre, variance: spread };
  });
}

test("batchNorm support: moments of the support set, pooled with the averages; queries use the averages alone", () => {
  const chance = new Chance(16);
  for (const shape of [[5], [3, 2, 5]]) {
    for (const prior of [1, 3]) {
      const body = model(shape, batchNorm({ mode: "support", prior, epsilon: 1e-3, momentum: 0.25 }));
      assert.equal(
        body.parameters.map(({ name }) => name),
        ["scale", "shift", "mean", "variance"],
        "the count begins at the prior in every task",
      );
      const params = randomParams(body, chance);
      const [mean, variance] = [params.mean, params.variance] as [Float64Array, Float64Array];
      const x = chance.floats(4 * sizeOf(shape));
      const normal = (moments: readonly { mean: number; variance: number }[]) =>
        x.map((value, i) => {
          const { mean, variance } = moments[i % 5] as { mean: number; variance: number };
          return ((value - mean) / Math.sqrt(variance + 1e-3)) * at(params.scale, i % 5) + at(params.shift, i % 5);
        });
      for (const training of [true, false]) {
        const support = applyModel(body, params, x, { training });
        const expected = pooled(x, 5, { mean, variance }, prior, 4);
        near(support.y, normal(expected), 1e-6, "support");
        near(
          support.statistics.mean ?? [],
          expected.map((each) => each.mean),
          1e-6,
          "mean of the task",
        );
        near(
          support.statistics.variance ?? [],
          expected.map((each) => each.variance),
          1e-6,
          "variance of the task",
        );
        near(support.statistics.count ?? [], [prior + 4], 0, "examples so far");
        const own = momentsOf(x, 5);
        near(
          support.carried.mean ?? [],
          own.map((each, c) => 0.75 * at(mean, c) + 0.25 * each.mean),
          1e-6,
          "average",
        );
        const query = applyModel(body, params, x, { training, role: "query" });
        near(
          query.y,
          normal(Array.from(mean, (each, c) => ({ mean: each, variance: at(variance, c) }))),
          1e-6,
          "query",
        );
        assert.equal([Object.keys(query.statistics), Object.keys(query.carried)], [[], []]);
      }
    }
  }
});

test("batchNorm support: two parts one after another have the moments of both, and weights count", () => {
  const body = model([2], batchNorm({ mode: "support", prior: 1.5 }));
  const chance = new Chance(17);
  const params = randomParams(body, chance);
  const x = chance.floats(14);
  const whole = applyModel(body, params, x);
  const graph = trace({ ...shapesOf(body), a: [4, 2], b: [3, 2] }, (inputs: Tensors) => {
    const pass = { training: false, role: "support" } as const;
    const first = body.apply(inputs, { x: inputs.a as Tensor }, pass);
    const next = body.apply(inputs, { x: inputs.b as Tensor }, { ...pass, statistics: first.statistics });
    return { y: next.output, ...next.statistics };
  });
  const { y, ...statistics }: Record<string, Float64Array> = interpret(graph, {
    ...params,
    a: x.subarray(0, 8),
    b: x.subarray(8),
  });
  for (const [name, data] of Object.entries(statistics)) near(data, whole.statistics[name] ?? [], 1e-6, name);
  near(y ?? [], whole.y.subarray(8), 1e-6, "the last part is normalised as in the whole");
  // A row of weight 2 is that row twice; one of weight 0 is not there.
  const twice = Float64Array.from([...x.subarray(0, 2), ...x.subarray(0, 8)]);
  const weighted = applyModel(body, params, x, { weight: [2, 1, 1, 1, 0, 0, 0] });
  const repeated = applyModel(body, params, twice);
  for (const [name, data] of Object.entries(weighted.statistics))
    near(data, repeated.statistics[name] ?? [], 1e-6, name);
  near(weighted.y.subarray(0, 8), repeated.y.subarray(2), 1e-6, "weights");
});

test("batchNorm: a batch of one example and a constant channel stay finite", () => {
  for (const mode of ["transductive", "running", "support"] as const) {
    const body = model([3], batchNorm({ mode }));
    const params = randomParams(body, new Chance(7));
    const { y, carried } = applyModel(body, params, [5, -2, 0]);
    assert.ok(y.every(Number.isFinite));
    if (mode !== "support") near(y, params.shift as Float64Array, 1e-12, "one example is its own mean");
    assert.ok(Object.values(carried).every((data) => data.every(Number.isFinite)));
  }
});

test("layerNorm: every row of the last axis has the scale and shift it is given", () => {
  const chance = new Chance(8);
  const body = model([2, 5], layerNorm({ epsilon: 1e-3 }));
  const params = randomParams(body, chance);
  const x = chance.floats(30);
  const expected = x.map((value, i) => {
    const row = x.slice(5 * Math.floor(i / 5), 5 * Math.floor(i / 5) + 5);
    const { mean, variance } = momentsOf(row, 1)[0] as ReturnType<typeof momentsOf>[0];
    return ((value - mean) / Math.sqrt(variance + 1e-3)) * at(params.scale, i % 5) + at(params.shift, i % 5);
  });
  near(applyModel(body, params, x).y, expected, 1e-6, "layerNorm");
});

test("scale weighs every input by e^logWeight; l2Normalise divides each row by its norm", () => {
  const chance = new Chance(24);
  const x = chance.floats(2 * 3 * 4);
  const logWeight = chance.floats(12);
  const scaled = Array.from(x, (value, i) => value * Math.exp(at(logWeight, i % 12)));
  near(applyModel(model([3, 4], scale()), { logWeight }, x).y, scaled, 1e-12, "scale");
  near(applyModel(model([3, 4], scale()), { logWeight: new Float64Array(12) }, x).y, x, 0, "weights of 1");
  const unit = Array.from(x, (value, i) => {
    const row = x.slice(4 * Math.floor(i / 4), 4 * Math.floor(i / 4) + 4);
    return value / Math.sqrt(row.reduce((total, each) => total + each * each, 0) + 0.25);
  });
  near(applyModel(model([3, 4], l2Normalise({ epsilon: 0.25 })), {}, x).y, unit, 1e-7, "l2Normalise");
  near(applyModel(model([4], l2Normalise()), {}, new Float64Array(4)).y, new Float64Array(4), 0, "a row of zeros");
});

test("scale and l2Normalise have the derivatives of finite differences, first and second", () => {
  const chance = new Chance(25);
  const body = model([4], sequential({ weigh: scale(), unit: l2Normalise({ epsilon: 0.1 }) }));
  const names = ["weigh.logWeight", "x"] as const;
  const shapes: Record<string, Shape> = { "weigh.logWeight": [4], x: [2, 4] };
  const cubes = (inputs: Tensors): Tensor => {
    const { output } = body.apply(inputs, { x: inputs.x as Tensor }, { training: true, role: "support" });
    return sum(multiply(output, multiply(output, output)));
  };
  const slopesOf = (loss: Tensor, inputs: Tensors) => grad(loss, names.map((name) => inputs[name]) as Tensor[]);
  const squaredSlopes = (inputs: Tensors): Tensor =>
    slopesOf(cubes(inputs), inputs).reduce((total, slope) => add(total, sum(multiply(slope, slope))), constant(0));
  const point = names.map((name) => chance.floats(sizeOf(shapes[name] as Shape)));
  const given = (values: readonly Float64Array[]) => Object.fromEntries(names.map((name, i) => [name, values[i]]));
  for (const [what, loss] of Object.entries({ first: cubes, second: squaredSlopes })) {
    const graph = trace(shapes, (inputs: Tensors): Tensors => {
      const value = loss(inputs);
      const slopes = slopesOf(value, inputs);
      return { value, ...Object.fromEntries(names.map((name, i) => [`d.${name}`, slopes[i] as Tensor])) };
    });
    const compute = (values: readonly Float64Array[]) => at(interpret(graph, given(values) as never).value, 0);
    const exact = interpret(graph, given(point) as never);
    const gradient = names.map((name) => exact[`d.${name}`] as Float64Array);
    checkGradient(`${what} derivative`, compute, point, gradient, chance);
    for (const [name, data] of Object.entries(runGraph(core, graph, given(point) as never)))
      near(data, exact[name] as Float64Array, 1e-4, `compiled ${name}`);
  }
});

test("pools take the maximum and the mean of every window, the whole image included", () => {
  const chance = new Chance(9);
  const x = chance.floats(2 * 4 * 6 * 3, -3, -1);
  const pixel = (n: number, h: number, w: number, c: number) => x[((n * 4 + h) * 6 + w) * 3 + c] as number;
  const windows = (KH: number, KW: number) => {
    const result: number[][] = [];
    for (let n = 0; n < 2; n++)
      for (let h = 0; h < 4; h += KH)
        for (let w = 0; w < 6; w += KW)
          for (let c = 0; c < 3; c++)
            result.push(Array.from({ length: KH * KW }, (_, i) => pixel(n, h + Math.floor(i / KW), w + (i % KW), c)));
    return result;
  };
  const average = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
  for (const size of [2, [2, 3], [4, 6]] as const) {
    const [KH, KW] = typeof size === "number" ? [size, size] : size;
    const all = windows(KH, KW);
    near(
      applyModel(model([4, 6, 3], maxPool({ size })), {}, x).y,
      all.map((each) => Math.max(...each)),
      0,
      "maxPool",
    );
    near(applyModel(model([4, 6, 3], meanPool({ size })), {}, x).y, all.map(average), 1e-12, "meanPool");
  }
  near(applyModel(model([4, 6, 3], globalMeanPool()), {}, x).y, windows(4, 6).map(average), 1e-7, "globalMeanPool");
  // All pixels are negative: padding must not win.
  const padded = applyModel(model([4, 6, 3], maxPool({ size: 3, stride: 1, pad: 1 })), {}, x).y;
  assert.ok(padded.every((value) => value < 0));
});

test("activations are their functions", () => {
  const x = Float64Array.of(-3, -0.5, 0, 0.25, 4);
  const plain: Readonly<Record<Activation, (v: number) => number>> = {
    relu: (v) => Math.max(0, v),
    tanh: Math.tanh,
    sigmoid: (v) => 1 / (1 + Math.exp(-v)),
    softplus: (v) => Math.log1p(Math.exp(v)),
  };
  for (const [name, compute] of Object.entries(plain)) {
    near(applyModel(model([5], activation(name as Activation)), {}, x).y, x.map(compute), 1e-12, name);
  }
});

function draw(initialiser: Initialiser, shape: Shape, stream = 0, seed = 1): Float32Array {
  const graph = trace({ key: KEY_SHAPE }, ({ key }) => ({ w: initialiser(key, shape, stream, fansOf(shape)) }));
  return runGraph(core, graph, { key: keyToArray(keyOf(seed)) }).w as Float32Array;
}

test("initialisers have their mean, deviation and limits", () => {
  const dense: Shape = [300, 200];
  const kernel: Shape = [3, 3, 20, 300];
  // fan in 180 and fan out 2,700 for the kernel.
  const rows: readonly (readonly [string, Initialiser, Shape, number, number])[] = [
    ["normal", normal(0.3), dense, 0.3, Number.POSITIVE_INFINITY],
    ["uniform", uniform(0.3), dense, 0.3 / Math.sqrt(3), 0.3],
    // Of a standard normal between -2 and 2: variance 1 - 4 phi(2) / erf(sqrt 2).
    ["truncatedNormal", truncatedNormal(0.5), dense, 0.5 * 0.8796, 1],
    ["glorotUniform", glorotUniform, dense, Math.sqrt(2 / 500), Math.sqrt(6 / 500)],
    ["glorotUniform of a kernel", glorotUniform, kernel, Math.sqrt(2 / 2880), Math.sqrt(6 / 2880)],
    ["heNormal", heNormal, dense, Math.sqrt(2 / 300), Number.POSITIVE_INFINITY],
    ["heNormal of a kernel", heNormal, kernel, Math.sqrt(2 / 180), Number.POSITIVE_INFINITY],
    ["fanInUniform of a kernel", fanInUniform, kernel, 1 / Math.sqrt(3 * 180), 1 / Math.sqrt(180)],
  ];
  for (const [name, initialiser, shape, deviation, limit] of rows) {
    const values = draw(initialiser, shape);
    const n = values.length;
    const mean = values.reduce((a, b) => a + b, 0) / n;
    const spread = Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / n);
    assert.ok(Math.abs(mean) < (5 * deviation) / Math.sqrt(n), `${name}: mean ${mean}`);
    assert.ok(Math.abs(spread / deviation - 1) < 0.02, `${name}: deviation ${spread} instead of ${deviation}`);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(largest <= limit * (1 + 1e-6), `${name}: ${largest} is beyond ${limit}`);
    if (Number.isFinite(limit)) assert.ok(largest > 0.99 * limit, `${name}: nothing comes near the limit`);
    else assert.ok(largest > 3.5 * deviation, `${name}: has no tails`);
    const again = draw(initialiser, shape);
    assert.equal(values.slice(0, 50), again.slice(0, 50));
    for (const other of [draw(initialiser, shape, 1), draw(initialiser, shape, 0, 2)]) {
      const correlation =
        values.reduce((total, value, i) => total + value * (other[i] as number), 0) / (n * spread ** 2);
      assert.ok(Math.abs(correlation) < 5 / Math.sqrt(n), `${name}: streams or keys are correlated`);
    }
  }
});

test("truncatedNormal has the normal's quantiles between its limits", () => {
  const values = draw(truncatedNormal(1), [60000]).sort();
  // P(|z| < 2) = 0.9545; a quantile q of the truncated is one of the normal at 0.02275 + 0.9545 q.
  for (const [z, below] of [
    [-1.5, 0.0668072],
    [-1, 0.1586553],
    [-0.5, 0.3085375],
    [0, 0.5],
    [1, 0.8413447],
    [1.75, 0.9599408],
  ] as const) {
    const expected = (below - 0.0227501) / 0.9544997;
    const share = values.filter((value) => value < z).length / values.length;
    assert.ok(Math.abs(share - expected) < 0.007, `${share} instead of ${expected} lie below ${z}`);
  }
});

test("constants; fans; biases know the fans of their weights; equal shapes start differently", () => {
  assert.equal(Array.from(draw(constantInitialiser(2.5), [3])), [2.5, 2.5, 2.5]);
  assert.equal(Array.from(draw(onesInitialiser, [2])), [1, 1]);
  assert.equal(Array.from(draw(zerosInitialiser, [2])), [0, 0]);
  assert.equal(fansOf([300, 200]), { fanIn: 300, fanOut: 200 });
  assert.equal(fansOf([3, 2, 20, 30]), { fanIn: 120, fanOut: 180 });
  const body = mlp({ inputShape: 400, hidden: [400], outputs: 400, biasInitialiser: fanInUniform });
  const graph = trace({ key: KEY_SHAPE }, ({ key }) => ({ ...body.init(key) }));
  const start = runGraph(core, graph, { key: keyToArray(keyOf(3)) });
  const largest = (start["hidden1.bias"] as Float32Array).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.ok(largest <= 0.05 && largest > 0.045, `bias up to ${largest}; 1 / sqrt(400) is 0.05`);
  assert.not.equal(start["hidden1.weight"]?.slice(0, 9), start["head.weight"]?.slice(0, 9));
  assert.not.equal(start["hidden1.bias"]?.slice(0, 9), start["head.bias"]?.slice(0, 9));
});

test("losses are the plain ones", () => {
  const chance = new Chance(10);
  for (const [n, classes] of [
    [1, 2],
    [4, 5],
    [7, 17],
  ] as const) {
    const logits = chance.floats(n * classes, -30, 30);
    const labels = Float64Array.from({ length: n }, () => chance.whole(0, classes - 1));
    const graph = trace({ logits: [n, classes], labels: [n] }, (inputs) => ({
      loss: crossEntropy(inputs.logits, inputs.labels),
    }));
    const expected =
      labels.reduce((total, label, i) => {
        const row = logits.slice(i * classes, (i + 1) * classes);
        const top = Math.max(...row);
        return total + top + Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0)) - (row[label] as number);
      }, 0) / n;
    near(interpret(graph, { logits, labels }).loss ?? [], [expected], 1e-6, "crossEntropy");
    near(runGraph(core, graph, { logits, labels }).loss ?? [], [expected], 1e-5, "compiled crossEntropy");
    const squared = trace({ a: [n, classes], b: [n, classes] }, ({ a, b }) => ({ loss: meanSquaredError(a, b) }));
    const targets = chance.floats(n * classes);
    const mean = logits.reduce((total, value, i) => total + (value - (targets[i] as number)) ** 2, 0) / (n * classes);
    near(interpret(squared, { a: logits, b: targets }).loss ?? [], [mean], 1e-6, "meanSquaredError");
  }
  const huge = trace({ logits: [1, 3], labels: [1] }, (x) => ({ loss: crossEntropy(x.logits, x.labels) }));
  const { loss } = runGraph(core, huge, { logits: [1e4, -1e4, 0], labels: [1] });
  near(loss ?? [], [2e4], 1e-6, "large logits do not overflow");
});

test("areaUnderCurve is the share of ordered pairs, with halves for ties", () => {
  const chance = new Chance(26);
  for (let n = 2; n < 40; n++) {
    const scores = Array.from({ length: n }, () => chance.whole(-3, 3));
    const labels = Array.from({ length: n }, (_, i) => (i < 2 ? i : chance.whole(0, 1)));
    let [won, pairs] = [0, 0];
    for (const [i, score] of scores.entries()) {
      for (const [j, other] of scores.entries()) {
        if (labels[i] !== 1 || labels[j] !== 0) continue;
        pairs++;
        won += score > other ? 1 : score === other ? 0.5 : 0;
      }
    }
    near([areaUnderCurve(scores, labels)], [won / pairs], 1e-12, `${n} examples`);
  }
  const { POSITIVE_INFINITY: top, NEGATIVE_INFINITY: bottom, NaN: none } = Number;
  assert.is(areaUnderCurve([top, bottom, top, 0], [1, 0, 0, 1]), 0.625);
  assert.ok(Number.isNaN(areaUnderCurve([1, none], [1, 0])));
  assert.ok(Number.isNaN(areaUnderCurve([1, 2], [1, 1])));
  throwsA(OptionError, () => areaUnderCurve([1, 2], [1, 2]), "areaUnderCurve: labels", "0 or 1, got 2");
  throwsA(ShapeError, () => areaUnderCurve([1, 2], [1]), "areaUnderCurve: labels", "each of 2 scores, got 1");
});

test("metrics are the plain ones", () => {
  const logits = Float32Array.of(1, 3, 2, 5, 5, 0, -1, -2, -0.5);
  assert.equal(Array.from(argmaxRows(logits, 3)), [1, 0, 2], "the first of equals");
  assert.is(accuracy(logits, Float32Array.of(1, 0, 0)), 2 / 3);
  assert.is(meanSquaredDifference({ mean: Float32Array.of(1, 2) }, { y: Float32Array.of(0, 4) }), 2.5);
  const { mean, ci95 } = meanAndInterval([1, 2, 3, 6]);
  assert.is(mean, 3);
  // Deviation sqrt(14 / 3) of the sample, over sqrt(4).
  near([ci95], [(1.96 * Math.sqrt(14 / 3)) / 2], 1e-12, "ci95");
  // One value says nothing of the spread.
  assert.ok(Number.isNaN(meanAndInterval([4]).ci95));
});

test("what does not fit is refused by name, when the model is made", () => {
  throwsA(ShapeError, () => model([4, 4, 1], linear(2)), "linear", "[4,4,1]", "flatten it first");
  throwsA(ShapeError, () => model([4], conv2d(2)), "conv2d", "[H,W,C]", "[4]");
  throwsA(ShapeError, () => model([4], maxPool({ size: 2 })), "maxPool", "[H,W,C]");
  throwsA(ShapeError, () => model([4], globalMeanPool()), "globalMeanPool", "[H,W,C]");
  throwsA(ShapeError, () => model([4, 4, 1], conv2d(2, { size: 5 })), "[5,5]", "[4,4]", "does not fit");
  throwsA(ShapeError, () => conv4({ inputShape: [12, 12, 1], downsampling: "maxPool" }), "does not fit");
  for (const bad of [0, -1, 2.5, Number.NaN]) {
    throwsA(OptionError, () => linear(bad), "linear: outputs", "whole number from 1", `${bad}`);
    throwsA(OptionError, () => mlp({ inputShape: 2, hidden: [bad], outputs: 1 }), "mlp: hidden", `${bad}`);
    throwsA(OptionError, () => mlp({ inputShape: 2, hidden: [], outputs: bad }), "mlp: outputs", `${bad}`);
    throwsA(OptionError, () => mlp({ inputShape: bad, hidden: [], outputs: 1 }), "mlp: inputShape", `${bad}`);
    throwsA(OptionError, () => conv4({ inputShape: [16, 16, 1], filters: bad }), "conv4: filters", `${bad}`);
    throwsA(OptionError, () => conv2d(bad), "conv2d: filters", "whole number from 1", `${bad}`);
    throwsA(OptionError, () => conv2d(2, { size: bad }), "conv2d: size", "whole number from 1", `${bad}`);
    throwsA(OptionError, () => maxPool({ size: bad }), "maxPool: size", "whole number from 1", `${bad}`);
    throwsA(OptionError, () => meanPool({ size: [2, bad] }), "meanPool: size", "whole number from 1", `${bad}`);
    throwsA(OptionError, () => model(image, conv2d(2, { stride: bad })), "conv2d: stride", `${bad}`);
  }
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    throwsA(OptionError, () => batchNorm({ mode: "running", epsilon: bad }), "batchNorm: epsilon", `${bad}`);
    throwsA(OptionError, () => batchNorm({ mode: "running", momentum: bad }), "batchNorm: momentum", `${bad}`);
    throwsA(OptionError, () => layerNorm({ epsilon: bad }), "layerNorm: epsilon", `${bad}`);
  }
  const unknown = "gelu" as Activation;
  throwsA(
    OptionError,
    () => activation(unknown),
    "activation",
    'one of "relu", "tanh", "sigmoid", "softplus"',
    '"gelu"',
  );
  throwsA(OptionError, () => activation("constructor" as Activation), "activation", '"constructor"');
  for (const mode of ["batch", undefined] as unknown as BatchNormMode[]) {
    throwsA(
      OptionError,
      () => batchNorm({ mode }),
      "batchNorm: mode",
      'one of "support", "transductive", "running", "none"',
    );
  }
  const mixed = [batchNorm({ mode: "running" }), batchNorm({ mode: "none" }), batchNorm({ mode: "transductive" })];
  throwsA(OptionError, () => sequential(mixed), "the same mode in all layers", "running and transductive");
});

test("unknown options and wrong types are refused by name", () => {
  const wrong = <T>(value: unknown) => value as T;
  throwsA(
    OptionError,
    () => linear(2, wrong({ biases: true })),
    "linear: there is no option biases",
    "did you mean bias?",
  );
  throwsA(OptionError, () => linear(2, { bias: wrong(1) }), "linear: bias must be true or false, got 1");
  throwsA(OptionError, () => linear(wrong("2")), 'linear: outputs must be a whole number from 1, got "2"');
  throwsA(OptionError, () => conv2d(2, wrong({ strides: 2 })), "did you mean stride?");
  throwsA(OptionError, () => maxPool(wrong({ sise: 2 })), "maxPool: there is no option sise");
  throwsA(OptionError, () => batchNorm(wrong({ mode: "support", eps: 1 })), "batchNorm: there is no option eps");
  throwsA(OptionError, () => batchNorm({ mode: "support", prior: -1 }), "batchNorm: prior", "-1");
  throwsA(OptionError, () => layerNorm(wrong({ eps: 1 })), "layerNorm: there is no option eps");
  throwsA(OptionError, () => l2Normalise(wrong({ eps: 1 })), "l2Normalise: there is no option eps");
  throwsA(OptionError, () => reshape(wrong([2, 0])), "reshape: shape");
  throwsA(ShapeError, () => model([6], reshape([2, 2])), "reshape: an example must have 4 numbers", "[6]");
  throwsA(OptionError, () => residual(wrong("linear")), "residual: layer must be a layer");
  throwsA(OptionError, () => residual(linear(2), wrong({ short: 1 })), "residual: there is no option short");
  throwsA(OptionError, () => shared("a/b", linear(2)), "shared: name", '"a/b"');
  throwsA(OptionError, () => sequential(wrong([linear(2), 3])), "sequential: layer 1 must be a layer", "got 3");
  throwsA(OptionError, () => sequential(wrong("layers")), "sequential: layers must be a list or record");
  throwsA(OptionError, () => sequential({ "a.b": linear(2) }), "sequential: names", '"a.b"');
  throwsA(OptionError, () => model(wrong("28x28"), linear(2)), "model: inputShape", '"28x28"');
  throwsA(OptionError, () => model([2], wrong(undefined)), "model: layer must be a layer", "got undefined");
  throwsA(OptionError, () => model([2], linear(2), wrong({ columns: "x" })), "did you mean column?");
  throwsA(OptionError, () => mlp(wrong({ inputShape: 2, hiden: [3], outputs: 1 })), "mlp: there is no option hiden");
  throwsA(OptionError, () => mlp({ inputShape: 2, hidden: wrong(40), outputs: 1 }), "mlp: hidden must be a list", "40");
  throwsA(OptionError, () => mlp(wrong(undefined)), "mlp: options must be an object, got undefined");
  throwsA(
    OptionError,
    () => conv4({ inputShape: [28, 28, 1], downsampling: wrong("maxpool") }),
    'did you mean "maxPool"?',
  );
  throwsA(OptionError, () => conv4(wrong({ inputShape: [28, 28, 1], filter: 3 })), "did you mean filters?");
});

test("what does not fit is refused by name, when the model is applied", () => {
  const body = mlp({ inputShape: 3, hidden: [], outputs: 2 });
  const pass = { training: true, role: "support" } as const;
  throwsA(
    ShapeError,
    () => trace({ key: KEY_SHAPE, x: [5, 4] }, ({ key, x }) => ({ y: body.apply(body.init(key), { x }, pass).output })),
    "model: examples of column x must be [3]",
    "[4]",
  );
  throwsA(
    OptionError,
    () => trace({ w: [3, 2], x: [5, 3] }, ({ w, x }) => ({ y: body.apply({ "head.weight": w }, { x }, pass).output })),
    "head.bias is missing",
  );
  throwsA(
    ShapeError,
    () => trace({ a: [4, 2], b: [3] }, ({ a, b }) => ({ y: crossEntropy(a, b) })),
    "crossEntropy",
    "[4,2] and [3]",
  );
  throwsA(
    ShapeError,
    () => trace({ a: [4, 1], b: [4] }, ({ a, b }) => ({ y: meanSquaredError(a, b) })),
    "meanSquaredError: shapes must be equal",
    "[4,1] and [4]",
  );
});

test.run();
