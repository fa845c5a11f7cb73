/** Networks of the few-shot literature. */
import { requireFunction, requireOneOf, requireOptions, requireText, requireWhole, wrong } from "../arguments.ts";
import { glorotUniform, type Initialiser, zerosInitialiser } from "./initialisers.ts";
import { BATCH_NORM_MODES, type BatchNormMode, type Layer } from "./layer.ts";
import {
  type Activation,
  activation,
  activations,
  batchNorm,
  conv2d,
  flatten,
  globalMeanPool,
  linear,
  maxPool,
  sequential,
} from "./layers.ts";
import { type Model, type ModelOptions, model, requireShape } from "./model.ts";

interface Starts {
  /** Starting weights; Glorot-uniform by default. */
  readonly initialiser?: Initialiser;
  /** Starting biases; zeros by default. */
  readonly biasInitialiser?: Initialiser;
}

export interface MlpOptions extends Starts, ModelOptions {
  /** Shape of one example, or the number of its features. */
  readonly inputShape: readonly number[] | number;
  /** Units of each hidden layer. */
  readonly hidden: readonly number[];
  readonly outputs: number;
  /** Between layers; "relu" by default. */
  readonly activation?: Activation;
  /** After every hidden layer's product; "none" by default. */
  readonly batchNorm?: BatchNormMode;
}

interface Common extends Required<Starts> {
  readonly mode: BatchNormMode;
  readonly column: string;
}

/** @throws OptionError unless what networks have in common is what it should be */
function checkCommon(what: string, { mode, column, initialiser, biasInitialiser }: Common): void {
  requireOneOf(`${what}: batchNorm`, mode, BATCH_NORM_MODES);
  requireText(`${what}: column`, column);
  requireFunction(`${what}: initialiser`, initialiser);
  requireFunction(`${what}: biasInitialiser`, biasInitialiser);
}

/** A multilayer perceptron of layers `hidden1`, `hidden2`, … and `head`; images are flattened. */
export function mlp(options: MlpOptions): Model {
  requireOptions("mlp", options, [
    "inputShape",
    "hidden",
    "outputs",
    "activation",
    "batchNorm",
    "initialiser",
    "biasInitialiser",
    "column",
  ]);
  const { inputShape, hidden, outputs, activation: name = "relu", batchNorm: mode = "none", column = "x" } = options;
  const { initialiser = glorotUniform, biasInitialiser = zerosInitialiser } = options;
  const shape = requireShape("mlp: inputShape", typeof inputShape === "number" ? [inputShape] : inputShape);
  if (!Array.isArray(hidden)) throw wrong("mlp: hidden", "a list of whole numbers, such as [40, 40]", hidden);
  requireWhole("mlp: outputs", outputs, 1);
  requireOneOf("mlp: activation", name, Object.keys(activations));
  checkCommon("mlp", { mode, column, initialiser, biasInitialiser });
  const weights = { initialiser, biasInitialiser };
  const layers: Record<string, Layer> = shape.length === 1 ? {} : { flatten: flatten() };
  for (const [i, units] of hidden.entries()) {
    layers[`hidden${i + 1}`] = linear(requireWhole("mlp: hidden", units, 1), weights);
    if (mode !== "none") layers[`norm${i + 1}`] = batchNorm({ mode });
    layers[`activation${i + 1}`] = activation(name);
  }
  layers.head = linear(outputs, weights);
  return model(shape, sequential(layers), { column });
}

export interface Conv4Options extends Starts, ModelOptions {
  /** [H, W, C] of one image. */
  readonly inputShape: readonly [number, number, number];
  /** Units of a linear layer at the end; without it the model is an embedding. */
  readonly outputs?: number;
  /** Filters of each block; 64 by default. */
  readonly filters?: number;
  /**
   * `"stride"`: convolutions of stride 2, then the mean over space, as MAML has it for Omniglot (Finn et al. 2017, section
   * 5.2); `"maxPool"`: maximum over 2x2, then flattened, as Prototypical Networks have it (Snell et al. 2017, section 3.1);
   * `"maps"`: maximum over 2x2 after the first two blocks, and maps [H / 4, W / 4, filters] in place of a vector, as Relation
   * Networks have it (Sung et al. 2018, figure 2).
   */
  readonly downsampling?: "stride" | "maxPool" | "maps";
  /** "support" by default, and named in every report. */
  readonly batchNorm?: BatchNormMode;
}

/**
 * The field's four-block network: four times (convolution 3x3, batch normalisation, ReLU, downsampling). Its layers are
 * `conv1`, `norm1`, … `conv4`, `norm4` and, with `outputs`, `head`.
 */
export function conv4(options: Conv4Options): Model {
  requireOptions("conv4", options, [
    "inputShape",
    "outputs",
    "filters",
    "downsampling",
    "batchNorm",
    "initialiser",
    "biasInitialiser",
    "column",
  ]);
  const { inputShape, outputs, filters = 64, batchNorm: mode = "support", column = "x" } = options;
  const { downsampling = "stride" } = options;
  const { initialiser = glorotUniform, biasInitialiser = zerosInitialiser } = options;
  const shape = requireShape("conv4: inputShape", inputShape);
  if (shape.length !== 3) throw wrong("conv4: inputShape", "[H, W, C] of one image", inputShape);
  const strided = requireOneOf("conv4: downsampling", downsampling, ["stride", "maxPool", "maps"]) === "stride";
  const isMaps = downsampling === "maps";
  if (isMaps && outputs !== undefined) throw wrong("conv4: outputs", 'left out with downsampling "maps"', outputs);
  requireWhole("conv4: filters", filters, 1);
  checkCommon("conv4", { mode, column, initialiser, biasInitialiser });
  const weights = { initialiser, biasInitialiser };
  const layers: Record<string, Layer> = {};
  for (let i = 1; i <= 4; i++) {
    layers[`conv${i}`] = conv2d(filters, { ...weights, size: 3, stride: strided ? 2 : 1, pad: 1 });
    layers[`norm${i}`] = batchNorm({ mode });
    layers[`activation${i}`] = activation("relu");
    if (!strided && !(isMaps && i > 2)) layers[`pool${i}`] = maxPool({ size: 2 });
  }
  if (!isMaps) layers.flat = strided ? globalMeanPool() : flatten();
  if (outputs !== undefined) layers.head = linear(requireWhole("conv4: outputs", outputs, 1), weights);
  return model(shape, sequential(layers), { column });
}
