import { requireBoolean, requireFunction, requireOneOf, requireOptions, requireWhole } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import {
  add,
  averagePool,
  conv2d as convolve,
  matmul,
  mean,
  type PoolOptions,
  maxPool as poolMaximum,
  relu,
  reshape,
  sigmoid,
  softplus,
  tanh,
  type WindowOptions,
} from "../graph/operators/index.ts";
import { outputExtents, pair, requirePair, windowAttributes } from "../graph/operators/window.ts";
import { type Shape, showShape, sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { fansOf, glorotUniform, type Initialiser, zerosInitialiser } from "./initialisers.ts";
import type { Layer, Parameter } from "./layer.ts";

/** Nonlinearities by name. */
export const activations = { relu, tanh, sigmoid, softplus } as const;
export type Activation = keyof typeof activations;

export interface WeightOptions {
  /** Starting weights; Glorot-uniform by default. */
  readonly initialiser?: Initialiser;
  readonly bias?: boolean;
  /** Starting biases; zeros by default. */
  readonly biasInitialiser?: Initialiser;
}

const WEIGHT_OPTIONS = ["initialiser", "bias", "biasInitialiser"];

/** @returns whether the layer has a bias */
function checkWeights(what: string, { initialiser, bias = true, biasInitialiser }: WeightOptions): boolean {
  if (initialiser !== undefined) requireFunction(`${what}: initialiser`, initialiser);
  if (biasInitialiser !== undefined) requireFunction(`${what}: biasInitialiser`, biasInitialiser);
  return requireBoolean(`${what}: bias`, bias);
}

function weightAndBias(
  name: string,
  shape: Shape,
  { initialiser = glorotUniform, bias = true, biasInitialiser = zerosInitialiser }: WeightOptions,
): Parameter[] {
  const weight = { name, shape, initialiser };
  const shift = { name: "bias", shape: shape.slice(-1), initialiser: biasInitialiser, fans: fansOf(shape) };
  return bias ? [weight, shift] : [weight];
}

/** y = x W + b on [n, inputs]. */
export function linear(outputs: number, options: WeightOptions = {}): Layer {
  requireWhole("linear: outputs", outputs, 1);
  requireOptions("linear", options, WEIGHT_OPTIONS);
  const biased = checkWeights("linear", options);
  return {
    kind: "linear",
    description: "linear",
    outputShape(input) {
      if (input.length !== 1)
        throw new ShapeError(`linear: an example must have one axis, got ${showShape(input)}; flatten it first`);
      return [outputs];
    },
    parameters: (input) => weightAndBias("weight", [sizeOf(input), outputs], options),
    apply(scope, x) {
      const y = matmul(x, scope.param("weight"));
      return biased ? add(y, scope.param("bias")) : y;
    },
  };
}

export interface Conv2dOptions extends WeightOptions, WindowOptions {
  /** Kernel rows and columns; 3 by default. */
  readonly size?: number | readonly [number, number];
}

/** Convolution of [n, H, W, C] to [n, HO, WO, filters]. */
export function conv2d(filters: number, options: Conv2dOptions = {}): Layer {
  requireWhole("conv2d: filters", filters, 1);
  requireOptions("conv2d", options, [...WEIGHT_OPTIONS, "size", "stride", "pad"]);
  const biased = checkWeights("conv2d", options);
  const { size = 3, stride = 1, pad = 0 } = options;
  const kernel = requirePair("conv2d: size", size);
  const places = checkPlaces("conv2d", kernel, { stride, pad });
  return {
    kind: "conv",
    description: `conv2d(${describeWindow(places)})`,
    outputShape(input) {
      const [H, W] = imageShape("conv2d", input);
      return [...outputExtents([H, W], kernel, windowAttributes("conv2d", [H, W], kernel, places)), filters];
    },
    parameters: (input) => weightAndBias("kernel", [...kernel, input[2] as number, filters], options),
    apply(scope, x) {
      const y = convolve(x, scope.param("kernel"), places);
      return biased ? add(y, scope.param("bias")) : y;
    },
  };
}

/** Stride and pad, checked on an image of the window's own size: that of the examples comes later. */
function checkPlaces(name: string, kernel: readonly [number, number], places: WindowOptions): WindowOptions {
  windowAttributes(name, kernel, kernel, places);
  return places;
}

function describeWindow({ stride = 1, pad = 0 }: WindowOptions): string {
  return `stride ${pair(stride)}, pad ${pad}`;
}

function imageShape(name: string, input: Shape): readonly [number, number, number] {
  if (input.length !== 3) throw new ShapeError(`${name}: an example must be [H,W,C], got ${showShape(input)}`);
  return input as unknown as [number, number, number];
}

/** A layer without parameters that works on each example alone. */
function plain(
  kind: string,
  description: string,
  outputShape: (input: Shape) => Shape,
  apply: (x: Tensor) => Tensor,
): Layer {
  return { kind, description, outputShape, parameters: () => [], apply: (_, x) => apply(x) };
}

/** A nonlinearity, element by element. */
export function activation(name: Activation): Layer {
  requireOneOf("activation: name", name, Object.keys(activations));
  return plain("activation", name, (input) => input, activations[name]);
}

function pool(name: string, apply: (x: Tensor, options: PoolOptions) => Tensor, options: PoolOptions): Layer {
  requireOptions(name, options, ["size", "stride", "pad"]);
  const kernel = requirePair(`${name}: size`, options.size);
  const { stride = options.size, pad = 0 } = options;
  const places = checkPlaces(name, kernel, { stride, pad });
  return plain(
    "pool",
    `${name}(size ${kernel}, ${describeWindow(places)})`,
    (input) => {
      const [H, W, C] = imageShape(name, input);
      const window = windowAttributes(name, [H, W], kernel, places);
      return [...outputExtents([H, W], kernel, window), C];
    },
    (x) => apply(x, options),
  );
}

/** Maximum over windows of [n, H, W, C]. */
export function maxPool(options: PoolOptions): Layer {
  return pool("maxPool", poolMaximum, options);
}

/** Mean over windows of [n, H, W, C]. */
export function meanPool(options: PoolOptions): Layer {
  return pool("meanPool", averagePool, options);
}

/** Mean over all of H and W: [n, H, W, C] to [n, C]. */
export function globalMeanPool(): Layer {
  return plain(
    "pool",
    "globalMeanPool",
    (input) => [imageShape("globalMeanPool", input)[2]],
    (x) => mean(x, [1, 2]),
  );
}

/** Each example as one axis. */
export function flatten(): Layer {
  return plain(
    "flatten",
    "flatten",
    (input) => [sizeOf(input)],
    (x) => reshape(x, [x.shape[0] as number, -1]),
  );
}

export { type ResidualOptions, residual, sequential, shared } from "./compose.ts";
export { type BatchNormOptions, batchNorm, layerNorm } from "./normalise.ts";
