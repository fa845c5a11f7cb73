import { ShapeError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { type Shape, sameShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { fansOf, glorotUniform, type Initialiser, zerosInitialiser } from "./initialisers.ts";
import type { BatchNormMode, ForwardContext, Layer, Parameter } from "./layer.ts";
import { Scope } from "./layer.ts";
import {
  type Activation,
  activation,
  batchNorm,
  conv2d,
  flatten,
  globalMeanPool,
  linear,
  maxPool,
  sequential,
} from "./layers.ts";

/** A layer with the shape of its examples: what learners work on. */
export interface Model {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** The layers: with the parameters' names and shapes, all that tells the function apart from others. */
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly batchNorm: BatchNormMode;
  /** Starting parameters under a key [4]. */
  init(key: Tensor): Tensors;
  /** @param x [n, ...inputShape] @returns [n, ...outputShape] */
  apply(params: Tensors, x: Tensor, context: ForwardContext): Tensor;
}

/**
 * Makes a model of a layer.
 * @param inputShape shape of one example
 * @throws ShapeError when a layer does not fit the one before
 */
export function model(inputShape: Shape, layer: Layer): Model {
  const parameters = layer.parameters(inputShape);
  return {
    inputShape,
    outputShape: layer.outputShape(inputShape),
    description: layer.description,
    parameters,
    batchNorm: layer.batchNorm ?? "none",
    init: (key) =>
      Object.fromEntries(
        parameters.map(({ name, shape, initialiser, fans = fansOf(shape) }, i) => [
          name,
          initialiser(key, shape, i, fans),
        ]),
      ),
    apply(params, x, context) {
      if (!sameShape(x.shape.slice(1), inputShape)) {
        throw new ShapeError(`model: examples must be ${showShape(inputShape)}, got ${showShape(x.shape.slice(1))}`);
      }
      return layer.apply(new Scope(params, context), x);
    },
  };
}

export interface MlpOptions {
  /** Shape of one example, or the number of its features. */
  readonly inputShape: Shape | number;
  /** Units of each hidden layer. */
  readonly hidden: readonly number[];
  readonly outputs: number;
  /** Between layers; "relu" by default. */
  readonly activation?: Activation;
  /** Starting weights; Glorot-uniform by default. */
  readonly initialiser?: Initialiser;
  /** Starting biases; zeros by default. */
  readonly biasInitialiser?: Initialiser;
  /** After every hidden layer's product; "none" by default. */
  readonly batchNorm?: BatchNormMode;
}

/** A multilayer perceptron; images are flattened. */
export function mlp({
  inputShape,
  hidden,
  outputs,
  activation: name = "relu",
  initialiser = glorotUniform,
  biasInitialiser = zerosInitialiser,
  batchNorm: mode = "none",
}: MlpOptions): Model {
  const shape = typeof inputShape === "number" ? [inputShape] : inputShape;
  const options = { initialiser, biasInitialiser };
  const layers: Layer[] = shape.length === 1 ? [] : [flatten()];
  for (const units of hidden) {
    layers.push(linear(units, options));
    if (mode !== "none") layers.push(batchNorm({ mode }));
    layers.push(activation(name));
  }
  return model(shape, sequential([...layers, linear(outputs, options)]));
}

export interface Conv4Options {
  /** [H, W, C] of one image. */
  readonly inputShape: readonly [number, number, number];
  /** Units of a linear layer at the end; without it the model is an embedding. */
  readonly outputs?: number;
  /** Filters of each block; 64 by default. */
  readonly filters?: number;
  /**
   * `"stride"`: convolutions of stride 2, then the mean over space, as MAML has it for Omniglot (Finn et al. 2017, section
   * 5.2); `"maxPool"`: maximum over 2x2, then flattened, as Prototypical Networks have it (Snell et al. 2017, section 3.1).
   */
  readonly downsampling?: "stride" | "maxPool";
  /** "transductive" by default, and named in every report. */
  readonly batchNorm?: BatchNormMode;
  /** Starting weights; Glorot-uniform by default. */
  readonly initialiser?: Initialiser;
  /** Starting biases; zeros by default. */
  readonly biasInitialiser?: Initialiser;
}

/** The field's four-block network: four times (convolution 3x3, batch normalisation, ReLU, downsampling). */
export function conv4({
  inputShape,
  outputs,
  filters = 64,
  downsampling = "stride",
  batchNorm: mode = "transductive",
  initialiser = glorotUniform,
  biasInitialiser = zerosInitialiser,
}: Conv4Options): Model {
  const options = { initialiser, biasInitialiser };
  const strided = downsampling === "stride";
  const block = [
    conv2d(filters, { ...options, size: 3, stride: strided ? 2 : 1, pad: 1 }),
    batchNorm({ mode }),
    activation("relu"),
    ...(strided ? [] : [maxPool({ size: 2 })]),
  ];
  const body = [...block, ...block, ...block, ...block, strided ? globalMeanPool() : flatten()];
  return model(inputShape, sequential(outputs === undefined ? body : [...body, linear(outputs, options)]));
}
