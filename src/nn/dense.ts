/** What layers with weights have in common; linear layers and nonlinearities. */
import { requireBoolean, requireFunction, requireOneOf, requireOptions, requireWhole } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { add, matmul, relu, sigmoid, softplus, tanh } from "../graph/operators/index.ts";
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

export const WEIGHT_OPTIONS = ["initialiser", "bias", "biasInitialiser"];

/** Checks what layers with weights have in common. @returns whether there is a bias */
export function checkWeights(what: string, { initialiser, bias = true, biasInitialiser }: WeightOptions): boolean {
  if (initialiser !== undefined) requireFunction(`${what}: initialiser`, initialiser);
  if (biasInitialiser !== undefined) requireFunction(`${what}: biasInitialiser`, biasInitialiser);
  return requireBoolean(`${what}: bias`, bias);
}

/** The weights of a layer, and its biases unless it has none. */
export function weightAndBias(
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

/** A layer without parameters that works on each example alone. */
export function plain(
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
