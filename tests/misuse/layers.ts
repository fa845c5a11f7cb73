/** Misuses of layers, models, losses, metrics and update rules. */
import { ones, zeros } from "../../src/graph/operators/index.ts";
import { withTrace } from "../../src/graph/tensor.ts";
import { relative } from "../../src/learners/relative.ts";
import { attention, causalWeights, maskedSoftmax } from "../../src/nn/attention.ts";
import { cosines, squaredDistances } from "../../src/nn/distances.ts";
import { headPerSource } from "../../src/nn/heads.ts";
import {
  fanInUniform,
  glorotUniform,
  heNormal,
  normal,
  onesInitialiser,
  truncatedNormal,
  uniform,
  zerosInitialiser,
} from "../../src/nn/initialisers.ts";
import { multiLabel, ordinal } from "../../src/nn/label-objectives.ts";
import { type Layer, Scope } from "../../src/nn/layer.ts";
import * as layers from "../../src/nn/layers.ts";
import { binaryCrossEntropy, crossEntropy, gaussianLogLoss, meanSquaredError } from "../../src/nn/losses.ts";
import { accuracy, areaUnderCurve, argmaxRows, meanAndInterval, median } from "../../src/nn/metrics.ts";
import { join, model, named } from "../../src/nn/model.ts";
import { maskedMean, moments } from "../../src/nn/moments.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { classification, gaussian, regression } from "../../src/nn/objective.ts";
import { gruCell, lstmCell, scan } from "../../src/nn/recurrent.ts";
import { learnedRates } from "../../src/optim/learned-rates.ts";
import { adam, adamW, clipByGlobalNorm, clipped, sgd } from "../../src/optim/optimizer.ts";
import { mapTensors, prefixed, unprefixed } from "../../src/optim/rule.ts";
import { cosineDecay, stepDecay } from "../../src/optim/schedule.ts";
import { type Argument, type Entry, list, number, optional, options, thing, whole } from "./runner.ts";

const within = (body: () => void): void => withTrace(body);
const entry = (operation: string, call: Entry["call"], given: Entry["given"]): Entry => ({ operation, call, given });
const traced = (operation: string, call: Entry["call"], given: Entry["given"]): Entry => ({
  ...entry(operation, call, given),
  within,
});
/** Operations that take the same. */
const each = (calls: Readonly<Record<string, Entry["call"]>>, given: Entry["given"], make = entry): Entry[] =>
  Object.entries(calls).map(([name, call]) => make(name, call, given));

const shape = (...extents: readonly number[]): Argument => list(extents.map((extent) => whole(extent)));
const tensor = (...extents: readonly number[]): Argument => thing(ones(extents));
const tensors = (): Argument => {
  const x = ones([2]);
  return { ...thing({ x }), refuses: [{ x: null }, { x: 1 }, [x]] };
};
/** A record whose values may be anything. */
const record = (): Argument => thing({ x: 1 }, "an object");
const aFunction = (value: unknown): Argument => thing(value, "a function");
const flag = (): Argument => optional(thing(true, "a boolean"));
const numbers = (...values: readonly number[]): Argument =>
  list(values.map((value) => thing(value, "a number", "NaN")));
/** A number from 0 or above it. */
const above = (value: number): Argument => optional(number(value, -1.5, 1e308));

const aLayer = (value: Layer = layers.linear(2)): Argument => ({
  ...thing(value),
  refuses: ["kind", "apply", "parameters", "outputShape"].map((name) => ({ ...value, [name]: null })),
});
const weights = (): Record<string, Argument> => ({
  initialiser: optional(aFunction(glorotUniform)),
  bias: flag(),
  biasInitialiser: optional(aFunction(zerosInitialiser)),
});
const places = (): Record<string, Argument> => ({ stride: optional(whole(1)), pad: optional(whole(0, 0)) });
const network = (): Record<string, Argument> => ({
  batchNorm: optional(thing("none")),
  initialiser: optional(aFunction(glorotUniform)),
  biasInitialiser: optional(aFunction(zerosInitialiser)),
  column: optional(thing("x", "a string")),
});
/** The scope of a cell with 2 units on 5 inputs. */
const cellScope = (): Scope =>
  new Scope(
    { input: ones([5, 8]), hidden: ones([2, 8]), bias: ones([8]) },
    { training: false, role: "support" },
    { statistics: {}, carried: {} },
  );
const cellState = (): Argument => {
  const hidden = ones([3, 2]);
  return { ...thing({ hidden, cell: hidden }), refuses: [{ hidden }, { hidden: ones([2, 3]), cell: hidden }] };
};
const body = mlp({ inputShape: 2, hidden: [3], outputs: 1 });

const rate = (): Argument => ({
  ...number(0.1, -1.5, 1e308),
  refuses: [-1, "5", 1e308, { name: "mine" }, { name: "mine", at: 1 }],
});
const momenta = (): Argument =>
  optional(
    options({
      beta1: optional(number(0.9, -1.5, 1)),
      beta2: optional(number(0.9, -1.5, 1)),
      epsilon: optional(number(1e-8, -1.5, 0)),
      weightDecay: above(0),
    }),
  );
const initialiserArguments = (): readonly Argument[] => [
  tensor(4),
  shape(2, 3),
  whole(1, 0),
  options({ fanIn: number(2, -1.5, 0), fanOut: number(3, -1.5, 0) }),
];

const layerEntries: readonly Entry[] = [
  entry("linear", layers.linear, () => [whole(2), optional(options(weights()))]),
  entry("conv2d", layers.conv2d, () => [
    whole(2),
    optional(options({ ...weights(), size: optional(whole(3)), ...places() })),
  ]),
  entry("conv1d", layers.conv1d, () => [
    options({
      ...weights(),
      filters: whole(2),
      size: optional(whole(3)),
      dilation: optional(whole(2)),
      causal: flag(),
    }),
  ]),
  entry("embedding", layers.embedding, () => [
    options({ count: whole(4), width: whole(2), initialiser: optional(aFunction(glorotUniform)) }),
  ]),
  ...each({ maxPool: layers.maxPool, meanPool: layers.meanPool }, () => [options({ size: whole(2), ...places() })]),
  entry("activation", layers.activation, () => [thing("relu")]),
  entry("batchNorm", layers.batchNorm, () => [
    options({
      mode: thing("support"),
      epsilon: above(1e-5),
      momentum: optional(number(0.1, -1.5, 2)),
      prior: above(1),
    }),
  ]),
  entry("layerNorm", layers.layerNorm, () => [optional(options({ epsilon: above(1e-5) }))]),
  entry("rmsNorm", layers.rmsNorm, () => [optional(options({ epsilon: above(1e-5) }))]),
  entry("l2Normalise", layers.l2Normalise, () => [optional(options({ epsilon: above(1e-8) }))]),
  entry("reshape", layers.reshape, () => [shape(2, 3)]),
  entry("dropout", layers.dropout, () => [number(0.5, -1.5, 1)]),
  entry("eachStep", layers.eachStep, () => [aLayer()]),
  ...each({ lstm: layers.lstm, gru: layers.gru }, () => [whole(2), optional(options({ sequence: flag() }))]),
  ...each({ lstmCell, gruCell }, () => [whole(2)]),
  entry("selfAttention", layers.selfAttention, () => [
    optional(options({ heads: optional(whole(1)), causal: flag() })),
  ]),
  entry("transformerBlock", layers.transformerBlock, () => [
    optional(
      options({
        heads: optional(whole(1)),
        causal: flag(),
        hidden: optional(whole(4)),
        dropout: optional(number(0.1, -1.5, 1)),
        norm: optional(thing("rms")),
      }),
    ),
  ]),
  entry("sequential", layers.sequential, () => [list([aLayer(), aLayer(layers.flatten())])]),
  entry("sequential", layers.sequential, () => [
    { ...thing({ first: layers.linear(2) }), refuses: [{ first: null }, { "a.b": layers.linear(2) }] },
  ]),
  entry("residual", layers.residual, () => [aLayer(), optional(options({ shortcut: optional(aLayer()) }))]),
  entry("shared", layers.shared, () => [thing("encoder", "a string"), aLayer()]),
];

const modelEntries: readonly Entry[] = [
  entry("model", model, () => [shape(2), aLayer(), optional(options({ column: optional(thing("x", "a string")) }))]),
  entry("join", join, () => [
    {
      ...thing({ x: [[2], layers.linear(2)] }),
      refuses: [{}, { x: null }, { x: [[2]] }, { x: [2, layers.linear(2)] }, { x: [[2], null] }],
    },
    aLayer(),
  ]),
  entry("named", named, () => [
    thing("teacher", "a string"),
    {
      ...thing(body),
      refuses: [
        { ...body, apply: null },
        { ...body, parameters: undefined },
      ],
    },
  ]),
  entry("mlp", mlp, () => [
    options({
      inputShape: shape(2),
      hidden: list([whole(3), whole(3)]),
      outputs: whole(1),
      activation: optional(thing("tanh")),
      ...network(),
    }),
  ]),
  entry("conv4", conv4, () => [
    options({
      inputShape: shape(16, 16, 1),
      outputs: optional(whole(2)),
      filters: optional(whole(2)),
      downsampling: optional(thing("stride")),
      ...network(),
    }),
  ]),
  ...each({ normal, uniform, truncatedNormal }, () => [number(0.1, -1.5, 1e308)]),
  ...each(
    {
      fanInUniform,
      glorotUniform,
      heNormal,
      onesInitialiser,
      zerosInitialiser,
      normal: normal(1),
      uniform: uniform(1),
      truncatedNormal: truncatedNormal(1),
    },
    initialiserArguments,
    traced,
  ),
];

const measureEntries: readonly Entry[] = [
  traced("crossEntropy", crossEntropy, () => [tensor(2, 3), tensor(2), optional(tensor(2))]),
  traced("binaryCrossEntropy", binaryCrossEntropy, () => [tensor(2, 3), tensor(2, 3), optional(tensor(2))]),
  traced("meanSquaredError", meanSquaredError, () => [tensor(2, 3), tensor(2, 3), optional(tensor(2))]),
  traced("gaussianLogLoss", gaussianLogLoss, () => [
    options({ mean: tensor(2, 3), deviation: tensor(2, 3) }),
    tensor(2, 3),
    optional(tensor(2)),
  ]),
  traced("cosines", cosines, () => [tensor(2, 3), tensor(4, 3)]),
  traced("squaredDistances", squaredDistances, () => [tensor(2, 3), tensor(4, 3), optional(tensor(4))]),
  traced("maskedSoftmax", maskedSoftmax, () => [tensor(2, 3), optional(tensor(3))]),
  traced("attention", attention, () => [
    tensor(2, 4),
    tensor(3, 4),
    tensor(3, 2),
    optional(options({ heads: optional(whole(1)), weights: optional(tensor(3)) })),
  ]),
  traced("scan", scan, () => [
    { ...thing(lstmCell(2)), refuses: [{ ...lstmCell(2), step: null }] },
    thing(cellScope()),
    tensor(3, 4, 5),
    optional(options({ state: optional(cellState()), weights: optional(tensor(3, 4)) })),
  ]),
  traced("causalWeights", causalWeights, () => [whole(3)]),
  traced("maskedMean", maskedMean, () => [
    tensor(2, 3),
    tensor(3),
    optional(thing(0)),
    optional(options({ keepAxes: flag() })),
  ]),
  traced("moments", moments, () => [tensor(2, 3), thing(0), optional(tensor(2))]),
  ...each({ classification, regression, gaussian, multiLabel }, () => [whole(2)]),
  entry("headPerSource", headPerSource, () => [
    { ...thing([3]), refuses: [[0], [1.5]] },
    thing(layers.linear(4)),
    options({ sources: whole(2), outputs: whole(1) }),
  ]),
  entry("ordinal", ordinal, () => [whole(3, 2)]),
  entry("relative", relative, () => [
    { ...thing(regression(1)), refuses: [classification(2), ordinal(3), relative(gaussian(1))] },
    optional(options({ centre: optional(thing(true, "a boolean")), scale: optional(thing(true, "a boolean")) })),
  ]),
  entry("accuracy", accuracy, () => [numbers(1, 2, 3, 4), numbers(0, 1), optional(numbers(1, 1))]),
  entry("argmaxRows", argmaxRows, () => [numbers(1, 2, 3, 4), whole(2)]),
  entry("areaUnderCurve", areaUnderCurve, () => [numbers(1, 2, 3), numbers(0, 1, 1)]),
  ...each({ meanAndInterval, median }, () => [numbers(1, 2, 3)]),
];

const ruleEntries: readonly Entry[] = [
  entry("sgd", sgd, () => [
    rate(),
    optional(options({ momentum: optional(number(0.9, -1.5, 1)), nesterov: optional(thing(true, "a boolean")) })),
  ]),
  ...each({ adam, adamW }, () => [rate(), momenta()]),
  entry("clipped", clipped, () => [
    { ...thing(adam(0.1)), refuses: [{ ...adam(0.1), step: null }, { name: "mine" }] },
    number(1, -1.5, 0, 1e308),
  ]),
  traced("clipByGlobalNorm", clipByGlobalNorm, () => [tensors(), number(1, -1.5, 0, 1e308)]),
  entry("stepDecay", stepDecay, () => [
    number(0.1, -1.5, 1e308),
    options({ every: number(10, -1.5, 0, 1e308), factor: optional(number(0.5, -1.5, 0, 1e308)) }),
  ]),
  entry("cosineDecay", cosineDecay, () => [
    number(0.1, -1.5, 1e308),
    options({ steps: number(10, -1.5, 0, 1e308), final: above(0.01) }),
  ]),
  entry("learnedRates", learnedRates, () => [options({ rate: number(0.1, -1.5, 0, 1e308), decay: above(0.1) })]),
  traced("mapTensors", mapTensors, () => [
    { ...tensors(), takes: ["an object"], refuses: [] },
    aFunction(() => zeros([1])),
  ]),
  ...each({ prefixed, unprefixed }, () => [thing("a.", "a string"), record()]),
];

export const nnEntries: readonly Entry[] = [...layerEntries, ...modelEntries, ...measureEntries, ...ruleEntries];
