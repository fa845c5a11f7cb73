/** Update rules that own nothing: the outer loop's optimizers, and the usual rules of inner loops. */
import { requireBoolean, requireNumber, requireObject, requireOptions } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  abs,
  add,
  constant,
  divide,
  max,
  maximum,
  multiply,
  safeSqrt,
  square,
  stopGradient,
  subtract,
  sum,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mapTensors, type Optimizer, prefixed, requireTensorsByName } from "./rule.ts";
import { type Rate, rateAt, rateName, requireRate } from "./schedule.ts";

/** @throws OptionError unless the value is an update rule */
export function requireRule(what: string, value: unknown): void {
  requireObject(what, value, "an update rule, such as adam(1e-3)", ["name", "start()", "step()"]);
}

const at = (tensors: Tensors, name: string): Tensor => {
  const tensor = tensors[name];
  if (tensor !== undefined) return tensor;
  throw new OptionError(`optimizer: ${name} is missing, got ${Object.keys(tensors).join(", ") || "nothing"}`);
};

const zerosLike = (tensors: Tensors): Tensors => mapTensors(tensors, ({ shape }) => zeros(shape));

export interface SgdOptions {
  /** In [0, 1); 0 by default. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/**
 * Gradient descent; with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013) as PyTorch writes it:
 * v <- momentum * v + g; p <- p - rate * v, or p - rate * (g + momentum * v) for Nesterov.
 */
export function sgd(rate: Rate, options: SgdOptions = {}): Optimizer {
  requireRate("sgd: rate", rate);
  requireOptions("sgd", options, ["momentum", "nesterov"]);
  const { momentum = 0, nesterov = false } = options;
  requireNumber("sgd: momentum", momentum, { from: 0, below: 1 });
  requireBoolean("sgd: nesterov", nesterov);
  if (nesterov && momentum === 0) throw new OptionError("sgd: nesterov needs a momentum above 0, got 0");
  return {
    name: `sgd(${rateName(rate)}, momentum ${momentum}, nesterov ${nesterov})`,
    start: (parameters) => (momentum > 0 ? prefixed("velocity.", zerosLike(parameters)) : {}),
    step({ parameters, gradients, memory, step }) {
      const now = rateAt(rate, step);
      const velocity = mapTensors(parameters, (_, name) => {
        const gradient = at(gradients, name);
        return momentum > 0 ? add(multiply(at(memory, `velocity.${name}`), momentum), gradient) : gradient;
      });
      const next = mapTensors(parameters, (value, name) => {
        const direction = nesterov
          ? add(at(gradients, name), multiply(at(velocity, name), momentum))
          : at(velocity, name);
        return subtract(value, multiply(direction, now));
      });
      return { parameters: next, memory: momentum > 0 ? prefixed("velocity.", velocity) : {} };
    },
  };
}

export interface AdamOptions {
  /** In [0, 1); 0.9 by default. */
  readonly beta1?: number;
  /** In [0, 1); 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment; 1e-8 by default. */
  readonly epsilon?: number;
  /** Decoupled weight decay, for AdamW; 0 by default. */
  readonly weightDecay?: number;
}

/**
 * Adam (Kingma and Ba 2015, algorithm 1). The square root's derivative is taken as 0 where a second moment is 0, so that
 * an inner loop can differentiate through the first steps without NaN.
 */
export function adam(rate: Rate, options: AdamOptions = {}): Optimizer {
  return adamNamed("adam", rate, options);
}

function adamNamed(called: string, rate: Rate, options: AdamOptions): Optimizer {
  requireRate(`${called}: rate`, rate);
  requireOptions(called, options, ["beta1", "beta2", "epsilon", "weightDecay"]);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  requireNumber(`${called}: beta1`, beta1, { from: 0, below: 1 });
  requireNumber(`${called}: beta2`, beta2, { from: 0, below: 1 });
  requireNumber(`${called}: epsilon`, epsilon, { above: 0 });
  requireNumber(`${called}: weightDecay`, weightDecay, { from: 0 });
  // The average m of x is m <- m + c (x - m), and its bias correction divides by q <- q + c (1 - q): the same rounded c
  // in both, so that m / q is unbiased to rounding. 1 - beta^n beside c = 1 - beta is not (beta2 = 0.99999 errs by 7e-4).
  const average = (memory: Tensors, slot: string, values: Tensors, beta: number) => {
    const c = 1 - beta;
    const moments = mapTensors(values, (value, name) => {
      const old = at(memory, `${slot}.${name}`);
      return add(old, multiply(subtract(value, old), c));
    });
    const old = at(memory, `${slot}Share`);
    const share = add(old, multiply(subtract(1, old), c));
    return { moments, share, memory: { [`${slot}Share`]: share, ...prefixed(`${slot}.`, moments) } };
  };
  return {
    name: `${called}(${rateName(rate)}, ${beta1}, ${beta2}, ${epsilon}, weight decay ${weightDecay})`,
    start(parameters) {
      const empty = zerosLike(parameters);
      return {
        firstShare: constant(0),
        secondShare: constant(0),
        ...prefixed("first.", empty),
        ...prefixed("second.", empty),
      };
    },
    step({ parameters, gradients, memory, step }) {
      const now = rateAt(rate, step);
      const slopes = mapTensors(parameters, (_, name) => at(gradients, name));
      const first = average(memory, "first", slopes, beta1);
      const second = average(memory, "second", mapTensors(slopes, square), beta2);
      const firstScale = divide(1, first.share);
      const secondScale = divide(1, second.share);
      const next = mapTensors(parameters, (value, name) => {
        const deviation = add(safeSqrt(multiply(at(second.moments, name), secondScale)), epsilon);
        const direction = divide(multiply(at(first.moments, name), firstScale), deviation);
        const kept = weightDecay === 0 ? value : multiply(value, subtract(1, multiply(now, weightDecay)));
        return subtract(kept, multiply(direction, now));
      });
      return { parameters: next, memory: { ...first.memory, ...second.memory } };
    },
  };
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2); 0.01 by default. */
export function adamW(rate: Rate, options: AdamOptions = {}): Optimizer {
  requireOptions("adamW", options, ["beta1", "beta2", "epsilon", "weightDecay"]);
  return adamNamed("adamW", rate, { weightDecay: 0.01, ...options });
}

/** What gradients are divided by at the least before they are squared. */
const SMALLEST_PEAK = 1e-30;

/** Scales gradients down so that their common Euclidean norm is at most `limit` (Pascanu et al. 2013, algorithm 1). */
export function clipByGlobalNorm(gradients: Tensors, limit: number): Tensors {
  requireTensorsByName("clipByGlobalNorm: gradients", gradients);
  requireNumber("clipByGlobalNorm: limit", limit, { above: 0 });
  const list = Object.values(gradients);
  // Squares of the gradients themselves would overflow from 1e19 on. The norm does not depend on what it is scaled by.
  const largest = list.reduce<Tensor>((most, gradient) => maximum(most, max(abs(gradient))), constant(SMALLEST_PEAK));
  const peak = stopGradient(largest);
  const squares = list.map((gradient) => sum(square(divide(gradient, peak))));
  const norm = multiply(safeSqrt(squares.reduce((total, each) => add(total, each), constant(0))), peak);
  const scale = divide(limit, maximum(norm, limit));
  return mapTensors(gradients, (gradient) => multiply(gradient, scale));
}

/** An optimizer whose gradients are clipped first. */
export function clipped(optimizer: Optimizer, limit: number): Optimizer {
  requireRule("clipped: optimizer", optimizer);
  requireNumber("clipped: limit", limit, { above: 0 });
  return {
    ...optimizer,
    name: `${optimizer.name} clipped at ${limit}`,
    step: (given) => optimizer.step({ ...given, gradients: clipByGlobalNorm(given.gradients, limit) }),
  };
}

/** Update rules that a command line can name, each of a rate. */
export const RULES = {
  sgd: (rate: Rate) => sgd(rate),
  adam: (rate: Rate) => adam(rate),
  /** Adam without its first moment, as Reptile has it for images (Nichol et al. 2018, table 4). */
  rmsProp: (rate: Rate) => adam(rate, { beta1: 0 }),
} as const;
export type RuleName = keyof typeof RULES;
