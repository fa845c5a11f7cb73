import { requireOptions, requireWhole, requireWholes } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import {
  add,
  averagePool,
  conv2d as convolve,
  mean,
  type PoolOptions,
  maxPool as poolMaximum,
  reshape as reshapeTensor,
  type WindowOptions,
} from "../graph/operators/index.ts";
import { outputExtents, pair, requirePair, windowAttributes } from "../graph/operators/window.ts";
import { type Shape, showShape, sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { checkWeights, plain, WEIGHT_OPTIONS, type WeightOptions, weightAndBias } from "./dense.ts";
import type { Layer } from "./layer.ts";

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
    (x) => reshapeTensor(x, [x.shape[0] as number, -1]),
  );
}

/** Each example in another shape of as many numbers, such as a spectrogram [frames, bands] as an image [frames, bands, 1]. */
export function reshape(shape: Shape): Layer {
  const to = requireWholes("reshape: shape", shape, 1);
  return plain(
    "reshape",
    `reshape(${showShape(to)})`,
    (input) => {
      if (sizeOf(input) === sizeOf(to)) return to;
      throw new ShapeError(
        `reshape: an example must have ${sizeOf(to)} numbers to be ${showShape(to)}, got ${showShape(input)}`,
      );
    },
    (x) => reshapeTensor(x, [x.shape[0] as number, ...to]),
  );
}

export {
  type SelfAttentionOptions,
  selfAttention,
  type TransformerBlockOptions,
  transformerBlock,
} from "./attention.ts";
export { type ResidualOptions, residual, sequential, shared } from "./compose.ts";
export { type Activation, activation, activations, linear, type WeightOptions } from "./dense.ts";
export { dropout } from "./dropout.ts";
export { type BatchNormOptions, batchNorm, l2Normalise, layerNorm, rmsNorm, scale } from "./normalise.ts";
export { gru, lstm, type RecurrentOptions } from "./recurrent.ts";
export { type Conv1dLayerOptions, conv1d, type EmbeddingOptions, embedding } from "./sequence.ts";
export { eachStep } from "./steps.ts";
