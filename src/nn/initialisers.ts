import { requireNumber, requireObject, requireWhole, requireWholes } from "../arguments.ts";
import {
  add,
  full,
  log,
  multiply,
  negate,
  randomNormal,
  randomUniform,
  square,
  subtract,
} from "../graph/operators/index.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

/** Inputs and outputs of one unit of the layer that a parameter belongs to. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/**
 * Starting values of one parameter.
 * `stream` tells apart the parameters that are drawn under one key; a bias has the fans of its layer's weights.
 */
export type Initialiser = (key: Tensor, shape: Shape, stream: number, fans: Fans) => Tensor;

/** The same initialiser with its arguments checked: layers of one's own call it too. */
// @__NO_SIDE_EFFECTS__
function checked(what: string, initialise: Initialiser): Initialiser {
  return (key, shape, stream, fans) => {
    requireTensors(what, key);
    requireWholes(`${what}: shape`, shape, 1);
    requireWhole(`${what}: stream`, stream, 0);
    requireObject(`${what}: fans`, fans, "an object { fanIn, fanOut }", ["fanIn", "fanOut"]);
    requireNumber(`${what}: fans.fanIn`, fans.fanIn, { above: 0 });
    requireNumber(`${what}: fans.fanOut`, fans.fanOut, { above: 0 });
    return initialise(key, shape, stream, fans);
  };
}

/** Every element the same. */
// @__NO_SIDE_EFFECTS__
export function constantInitialiser(value: number, what = "constantInitialiser"): Initialiser {
  requireNumber(`${what}: value`, value);
  return checked(what, (_, shape) => full(shape, value));
}

/** Zeros. */
export const zerosInitialiser = constantInitialiser(0, "zerosInitialiser");

/** Ones. */
export const onesInitialiser = constantInitialiser(1, "onesInitialiser");

/** Normal with mean 0. */
export function normal(standardDeviation: number): Initialiser {
  requireNumber("normal: standardDeviation", standardDeviation, { from: 0 });
  return checked("normal", (key, shape, stream) => multiply(randomNormal(key, shape, stream), standardDeviation));
}

/** Uniform in [-limit, limit). */
export function uniform(limit: number): Initialiser {
  requireNumber("uniform: limit", limit, { from: 0 });
  return checked("uniform", (key, shape, stream) =>
    multiply(subtract(randomUniform(key, shape, stream), 0.5), 2 * limit),
  );
}

/** erf(sqrt 2): the part of a normal distribution within two standard deviations. */
const WITHIN_TWO_DEVIATIONS = 0.954499736;

/** Central branch of the inverse error function's approximation, in w - 2.5 with w = -log(1 - u^2) (Giles 2010, "Approximating the erfinv function", table 5). */
const INVERSE_ERF = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];

/** Normal with mean 0, truncated at two standard deviations, by inversion. */
export function truncatedNormal(standardDeviation: number): Initialiser {
  requireNumber("truncatedNormal: standardDeviation", standardDeviation, { from: 0 });
  return checked("truncatedNormal", (key, shape, stream) => {
    const u = multiply(subtract(randomUniform(key, shape, stream), 0.5), 2 * WITHIN_TWO_DEVIATIONS);
    const w = subtract(negate(log(subtract(1, square(u)))), 2.5);
    const [first = 0, ...rest] = INVERSE_ERF;
    const polynomial = rest.reduce<Tensor>(
      (sum, coefficient) => add(multiply(sum, w), coefficient),
      full(shape, first),
    );
    return multiply(multiply(polynomial, u), Math.SQRT2 * standardDeviation);
  });
}

/** Fans of weights: [in, out] for a matrix, [KH, KW, in, out] for a kernel. */
export function fansOf(shape: Shape): Fans {
  const window = sizeOf(shape.slice(0, -2));
  const [inputs = 1, outputs = 1] = shape.slice(-2);
  return { fanIn: window * inputs, fanOut: window * outputs };
}

/** Glorot and Bengio 2010, equation 16: uniform with variance 2 / (fan in + fan out). */
export const glorotUniform = checked("glorotUniform", (key, shape, stream, fans) =>
  uniform(Math.sqrt(6 / (fans.fanIn + fans.fanOut)))(key, shape, stream, fans),
);

/** He et al. 2015, equation 10: normal with variance 2 / fan in, for layers followed by ReLU. */
export const heNormal = checked("heNormal", (key, shape, stream, fans) =>
  normal(Math.sqrt(2 / fans.fanIn))(key, shape, stream, fans),
);

/** Uniform with variance 1 / (3 fan in): what PyTorch's linear and convolution layers start from, weights and biases. */
export const fanInUniform = checked("fanInUniform", (key, shape, stream, fans) =>
  uniform(1 / Math.sqrt(fans.fanIn))(key, shape, stream, fans),
);
