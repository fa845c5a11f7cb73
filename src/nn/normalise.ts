import { requireNumber, requireOneOf, requireOptions } from "../arguments.ts";
import {
  add,
  divide,
  exp,
  greater,
  mean,
  multiply,
  reshape,
  rsqrt,
  square,
  stopGradient,
  subtract,
  sum,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { constantInitialiser, onesInitialiser, zerosInitialiser } from "./initialisers.ts";
import { BATCH_NORM_MODES, type BatchNormMode, type Layer, type Parameter, type Scope } from "./layer.ts";
import { type Moments, moments, nonzero } from "./moments.ts";

export interface BatchNormOptions {
  /** Which statistics are used; there is no default. */
  readonly mode: BatchNormMode;
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
  /** Weight of a new batch in the averages over tasks; 0.1 by default. */
  readonly momentum?: number;
  /** How many examples the averages over tasks count as beside a support set, in mode "support"; 1 by default. */
  readonly prior?: number;
}

/** One mean and variance for each channel. */
type Channels = Pick<Moments, "mean" | "variance">;

/** Those of `count` examples. */
interface Pool extends Channels {
  readonly count: Tensor;
}

/**
 * Batch normalisation over all axes but the last (Ioffe and Szegedy 2015, algorithms 1 and 2).
 *
 * Mode "support" pools the moments of the support set with averages over the tasks of meta-training, which count as
 * `prior` examples of weight 1: shrinkage in the manner of TaskNorm (Bronskill et al. 2020), but towards those averages, and with
 * the weight n / (n + prior) of a Bayesian mean instead of a learned one. Examples that arrive later are pooled with those before.
 */
export function batchNorm(options: BatchNormOptions): Layer {
  requireOptions("batchNorm", options, ["mode", "epsilon", "momentum", "prior"]);
  const { epsilon = 1e-5, momentum = 0.1, prior = 1 } = options;
  const mode = requireOneOf("batchNorm: mode", options.mode, BATCH_NORM_MODES);
  requireNumber("batchNorm: epsilon", epsilon, { from: 0 });
  requireNumber("batchNorm: momentum", momentum, { from: 0, to: 1 });
  requireNumber("batchNorm: prior", prior, { from: 0 });
  const shared = { kind: "norm", batchNorm: mode, outputShape: (input: readonly number[]) => input } as const;
  if (mode === "none") return { ...shared, description: "batchNorm(none)", parameters: () => [], apply: (_, x) => x };
  return {
    ...shared,
    description: `batchNorm(${mode}, epsilon ${epsilon}, momentum ${momentum}${mode === "support" ? `, prior ${prior}` : ""})`,
    parameters(input) {
      const shape = input.slice(-1);
      const learned: Parameter[] = [
        { name: "scale", shape, initialiser: onesInitialiser },
        { name: "shift", shape, initialiser: zerosInitialiser },
      ];
      if (mode === "transductive") return learned;
      const averages: Parameter[] = [
        { name: "mean", shape, initialiser: zerosInitialiser, carried: true },
        { name: "variance", shape, initialiser: onesInitialiser, carried: true },
      ];
      if (mode === "running") return [...learned, ...averages];
      return [
        ...learned,
        ...averages.map((each) => ({ ...each, statistic: "carried" as const })),
        { name: "count", shape: [], initialiser: constantInitialiser(prior), statistic: "constant" },
      ];
    },
    apply(scope, x) {
      const { mean: centre, variance } = statisticsNow(mode, scope, x, momentum);
      const scale = multiply(rsqrt(add(variance, epsilon)), scope.param("scale"));
      return add(multiply(subtract(x, centre), scale), scope.param("shift"));
    },
  };
}

/** The moments that a pass normalises with; leaves behind what later passes and iterations need. */
function statisticsNow(mode: BatchNormMode, scope: Scope, x: Tensor, momentum: number): Channels {
  const { role, training, weight } = scope.pass;
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const channels = [x.shape[x.rank - 1] as number];
  const measure = (): Channels => {
    const { mean: centre, variance } = moments(x, axes, weight);
    return { mean: reshape(centre, channels), variance: reshape(variance, channels) };
  };
  if (mode === "transductive") return measure();
  if (mode === "running") {
    if (!training) return { mean: scope.param("mean"), variance: scope.param("variance") };
    const batch = measure();
    if (role === "support") carryAverages(scope, batch, momentum);
    return batch;
  }
  const before: Pool = {
    mean: scope.statistic("mean"),
    variance: scope.statistic("variance"),
    count: scope.statistic("count"),
  };
  if (role === "query") return before;
  const batch = measure();
  const examples = weight === undefined ? x.shape[0] : sum(weight);
  const pooled = pool(before, batch, examples as number | Tensor);
  for (const [name, value] of Object.entries(pooled)) scope.measured(name, value);
  carryAverages(scope, batch, momentum);
  return pooled;
}

/** Moments of two groups of examples together. */
function pool(before: Pool, batch: Channels, examples: number | Tensor): Pool {
  const count = add(before.count, examples);
  const share = divide(examples, nonzero(count));
  const shift = subtract(batch.mean, before.mean);
  const between = multiply(square(shift), multiply(share, subtract(1, share)));
  const within = add(before.variance, multiply(subtract(batch.variance, before.variance), share));
  return { mean: add(before.mean, multiply(shift, share)), variance: add(within, between), count };
}

function carryAverages(scope: Scope, batch: Channels, momentum: number): void {
  const { weight } = scope.pass;
  // A batch that is all padding moves nothing.
  const rate = weight === undefined ? momentum : multiply(greater(sum(weight), 0), momentum);
  for (const name of ["mean", "variance"] as const) {
    const old = scope.param(name);
    scope.carry(name, add(old, multiply(subtract(stopGradient(batch[name]), old), rate)));
  }
}

/** Layer normalisation over the last axis (Ba et al. 2016, equation 4). */
export function layerNorm(options: { readonly epsilon?: number } = {}): Layer {
  requireOptions("layerNorm", options, ["epsilon"]);
  const { epsilon = 1e-5 } = options;
  requireNumber("layerNorm: epsilon", epsilon, { from: 0 });
  return {
    kind: "norm",
    description: `layerNorm(epsilon ${epsilon})`,
    outputShape: (input) => input,
    parameters: (input) => [
      { name: "scale", shape: input.slice(-1), initialiser: onesInitialiser },
      { name: "shift", shape: input.slice(-1), initialiser: zerosInitialiser },
    ],
    apply(scope, x) {
      const { centered, variance } = moments(x, -1);
      const deviation = rsqrt(add(variance, epsilon));
      return add(multiply(multiply(centered, deviation), scope.param("scale")), scope.param("shift"));
    },
  };
}

/** Division by the root of the mean square over the last axis (Zhang and Sennrich 2019, equation 4). */
export function rmsNorm(options: { readonly epsilon?: number } = {}): Layer {
  requireOptions("rmsNorm", options, ["epsilon"]);
  const { epsilon = 1e-5 } = options;
  requireNumber("rmsNorm: epsilon", epsilon, { from: 0 });
  return {
    kind: "norm",
    description: `rmsNorm(epsilon ${epsilon})`,
    outputShape: (input) => input,
    parameters: (input) => [{ name: "scale", shape: input.slice(-1), initialiser: onesInitialiser }],
    apply(scope, x) {
      const scale = rsqrt(add(mean(square(x), -1, { keepAxes: true }), epsilon));
      return multiply(multiply(x, scale), scope.param("scale"));
    },
  };
}

/** Division by the Euclidean norm over the last axis, sqrt(sum x² + epsilon): directions, with dot products that are cosines. */
export function l2Normalise(options: { readonly epsilon?: number } = {}): Layer {
  requireOptions("l2Normalise", options, ["epsilon"]);
  const { epsilon = 1e-8 } = options;
  requireNumber("l2Normalise: epsilon", epsilon, { from: 0 });
  return {
    kind: "norm",
    description: `l2Normalise(epsilon ${epsilon})`,
    outputShape: (input) => input,
    parameters: () => [],
    apply: (_, x) => multiply(x, rsqrt(add(sum(square(x), -1, { keepAxes: true }), epsilon))),
  };
}

/**
 * Multiplication of every number of an example by a learned weight above 0, x · exp(logWeight): which inputs count, such as
 * words or measurements. All weights start at 1.
 */
export function scale(): Layer {
  return {
    kind: "scale",
    description: "scale",
    outputShape: (input) => input,
    parameters: (input) => [{ name: "logWeight", shape: input, initialiser: zerosInitialiser }],
    apply: (scope, x) => multiply(x, exp(scope.param("logWeight"))),
  };
}
