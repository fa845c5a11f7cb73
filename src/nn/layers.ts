import { OptionError, ShapeError } from "../errors.ts";
import {
  add,
  averagePool,
  conv2d as convolve,
  matmul,
  mean,
  multiply,
  type PoolOptions,
  maxPool as poolMaximum,
  relu,
  reshape,
  rsqrt,
  sigmoid,
  softplus,
  square,
  stopGradient,
  subtract,
  tanh,
  type WindowOptions,
} from "../graph/operators/index.ts";
import { outputExtents, pair, windowAttributes } from "../graph/operators/window.ts";
import { type Shape, showShape, sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { fansOf, glorotUniform, type Initialiser, onesInitialiser, zerosInitialiser } from "./initialisers.ts";
import type { BatchNormMode, Layer, Parameter } from "./layer.ts";
import { numberFromZero, wholeFromOne } from "./options.ts";

/** Nonlinearities by name. */
export const activations = { relu, tanh, sigmoid, softplus } as const;
export type Activation = keyof typeof activations;

interface WeightOptions {
  /** Starting weights; Glorot-uniform by default. */
  readonly initialiser?: Initialiser;
  readonly bias?: boolean;
  /** Starting biases; zeros by default. */
  readonly biasInitialiser?: Initialiser;
}

function weightAndBias(
  shape: Shape,
  { initialiser = glorotUniform, bias = true, biasInitialiser = zerosInitialiser }: WeightOptions,
): Parameter[] {
  const weight = { name: "weight", shape, initialiser };
  const shift = { name: "bias", shape: shape.slice(-1), initialiser: biasInitialiser, fans: fansOf(shape) };
  return bias ? [weight, shift] : [weight];
}

/** y = x W + b on [n, inputs]. */
export function linear(outputs: number, options: WeightOptions = {}): Layer {
  wholeFromOne("linear: outputs", outputs);
  return {
    description: "linear",
    outputShape(input) {
      if (input.length !== 1)
        throw new ShapeError(`linear: an example must have one axis, got ${showShape(input)}; flatten it first`);
      return [outputs];
    },
    parameters: (input) => weightAndBias([sizeOf(input), outputs], options),
    apply(scope, x) {
      const y = matmul(x, scope.param("weight"));
      return (options.bias ?? true) ? add(y, scope.param("bias")) : y;
    },
  };
}

export interface Conv2dOptions extends WeightOptions, WindowOptions {
  /** Kernel rows and columns; 3 by default. */
  readonly size?: number | readonly [number, number];
}

/** Convolution of [n, H, W, C] to [n, HO, WO, filters]. */
export function conv2d(filters: number, options: Conv2dOptions = {}): Layer {
  const kernel = pair(options.size ?? 3);
  wholeFromOne("conv2d: filters", filters);
  wholeFromOne("conv2d: size", kernel);
  return {
    description: `conv2d(${describeWindow(options)})`,
    outputShape(input) {
      const [H, W] = imageShape("conv2d", input);
      return [...outputExtents([H, W], kernel, windowAttributes("conv2d", [H, W], kernel, options)), filters];
    },
    parameters: (input) => weightAndBias([...kernel, input[2] as number, filters], options),
    apply(scope, x) {
      const y = convolve(x, scope.param("weight"), options);
      return (options.bias ?? true) ? add(y, scope.param("bias")) : y;
    },
  };
}

function describeWindow({ stride = 1, pad = 0 }: WindowOptions): string {
  return `stride ${pair(stride)}, pad ${pad}`;
}

function imageShape(name: string, input: Shape): readonly [number, number, number] {
  if (input.length !== 3) throw new ShapeError(`${name}: an example must be [H,W,C], got ${showShape(input)}`);
  return input as unknown as [number, number, number];
}

export interface BatchNormOptions {
  /** Which statistics are used; there is no default. */
  readonly mode: BatchNormMode;
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
  /** Weight of a new batch in the running statistics; 0.1 by default. */
  readonly momentum?: number;
}

/**
 * Batch normalisation over all axes but the last (Ioffe and Szegedy 2015, algorithms 1 and 2); running variances are
 * unbiased, as there.
 */
export function batchNorm({ mode, epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions): Layer {
  if (!["transductive", "running", "none"].includes(mode)) {
    throw new OptionError(`batchNorm: mode must be "transductive", "running" or "none", got ${JSON.stringify(mode)}`);
  }
  numberFromZero("batchNorm: epsilon", epsilon);
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new OptionError(`batchNorm: momentum must be in [0, 1], got ${momentum}`);
  }
  const description = `batchNorm(${mode}, epsilon ${epsilon}, momentum ${momentum})`;
  if (mode === "none")
    return { description, batchNorm: mode, outputShape: (input) => input, parameters: () => [], apply: (_, x) => x };
  return {
    description,
    batchNorm: mode,
    outputShape: (input) => input,
    parameters(input) {
      const shape = input.slice(-1);
      const learned: Parameter[] = [
        { name: "scale", shape, initialiser: onesInitialiser },
        { name: "shift", shape, initialiser: zerosInitialiser },
      ];
      if (mode === "transductive") return learned;
      return [
        ...learned,
        { name: "runningMean", shape, initialiser: zerosInitialiser, carried: true },
        { name: "runningVariance", shape, initialiser: onesInitialiser, carried: true },
      ];
    },
    apply(scope, x) {
      const scaled = (centered: Tensor, variance: Tensor) =>
        add(multiply(centered, multiply(rsqrt(add(variance, epsilon)), scope.param("scale"))), scope.param("shift"));
      if (mode === "running" && !scope.training) {
        return scaled(subtract(x, scope.carriedValue("runningMean")), scope.carriedValue("runningVariance"));
      }
      const axes = x.shape.slice(0, -1).map((_, axis) => axis);
      const average = mean(x, axes);
      const centered = subtract(x, average);
      const variance = mean(square(centered), axes);
      if (mode === "running") {
        const count = x.size / (x.shape[x.rank - 1] as number);
        const carry = (name: string, value: Tensor) => {
          const old = scope.carriedValue(name);
          scope.carry(name, add(multiply(old, 1 - momentum), multiply(stopGradient(value), momentum)));
        };
        carry("runningMean", average);
        carry("runningVariance", multiply(variance, count / Math.max(1, count - 1)));
      }
      return scaled(centered, variance);
    },
  };
}

/** Layer normalisation over the last axis (Ba et al. 2016, equation 4). */
export function layerNorm({ epsilon = 1e-5 }: { epsilon?: number } = {}): Layer {
  numberFromZero("layerNorm: epsilon", epsilon);
  return {
    description: `layerNorm(epsilon ${epsilon})`,
    outputShape: (input) => input,
    parameters: (input) => [
      { name: "scale", shape: input.slice(-1), initialiser: onesInitialiser },
      { name: "shift", shape: input.slice(-1), initialiser: zerosInitialiser },
    ],
    apply(scope, x) {
      const centered = subtract(x, mean(x, -1, { keepAxes: true }));
      const deviation = rsqrt(add(mean(square(centered), -1, { keepAxes: true }), epsilon));
      return add(multiply(multiply(centered, deviation), scope.param("scale")), scope.param("shift"));
    },
  };
}

/** A layer without parameters that works on each example alone. */
function plain(description: string, outputShape: (input: Shape) => Shape, apply: (x: Tensor) => Tensor): Layer {
  return { description, outputShape, parameters: () => [], apply: (_, x) => apply(x) };
}

/** A nonlinearity, element by element. */
export function activation(name: Activation): Layer {
  const apply = Object.hasOwn(activations, name) ? activations[name] : undefined;
  if (apply === undefined) {
    throw new OptionError(
      `activation: must be one of ${Object.keys(activations).join(", ")}, got ${JSON.stringify(name)}`,
    );
  }
  return plain(name, (input) => input, apply);
}

function pool(name: string, apply: (x: Tensor, options: PoolOptions) => Tensor, options: PoolOptions): Layer {
  const kernel = pair(options.size);
  wholeFromOne(`${name}: size`, kernel);
  const places = { stride: options.stride ?? options.size, pad: options.pad ?? 0 };
  return plain(
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
    "globalMeanPool",
    (input) => [imageShape("globalMeanPool", input)[2]],
    (x) => mean(x, [1, 2]),
  );
}

/** Each example as one axis. */
export function flatten(): Layer {
  return plain(
    "flatten",
    (input) => [sizeOf(input)],
    (x) => reshape(x, [x.shape[0] as number, -1]),
  );
}

/**
 * Layers one after another; parameters are named by the layer's position.
 * @throws OptionError when they use batch normalisation in different modes: a result could not name the one it is due to
 */
export function sequential(layers: readonly Layer[]): Layer {
  const modes = new Set(layers.map((layer) => layer.batchNorm ?? "none"));
  modes.delete("none");
  if (modes.size > 1) {
    throw new OptionError(`sequential: batchNorm must have one mode in all layers, got ${[...modes].join(" and ")}`);
  }
  const [mode] = modes;
  const shapesBefore = (input: Shape): Shape[] => {
    const shapes: Shape[] = [input];
    for (const layer of layers) shapes.push(layer.outputShape(shapes[shapes.length - 1] as Shape));
    return shapes;
  };
  return {
    description: layers.map(({ description }) => description).join(", "),
    batchNorm: mode ?? "none",
    outputShape: (input) => shapesBefore(input)[layers.length] as Shape,
    parameters(input) {
      const shapes = shapesBefore(input);
      return layers.flatMap((layer, i) =>
        layer.parameters(shapes[i] as Shape).map((parameter) => ({ ...parameter, name: `${i}.${parameter.name}` })),
      );
    },
    apply: (scope, x) => layers.reduce((value, layer, i) => layer.apply(scope.child(`${i}`), value), x),
  };
}
