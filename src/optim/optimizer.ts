import { requireBoolean, requireNumber, requireObject, requireOptions } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  abs,
  add,
  constant,
  divide,
  exp,
  floor,
  log,
  max,
  maximum,
  multiply,
  safeSqrt,
  sin,
  square,
  stopGradient,
  subtract,
  sum,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * An update rule as two pure functions on symbolic tensors, so that the outer loop can run it and an inner loop can
 * differentiate through it.
 */
export interface Optimizer {
  /** Names the rule and its settings: part of what a resumed run must agree on. */
  readonly name: string;
  /** State before the first update. */
  init(params: Tensors): Tensors;
  /** @param gradients one a parameter, under the same names */
  update(params: Tensors, gradients: Tensors, state: Tensors): { params: Tensors; state: Tensors };
}

/** A rate: a constant, or a function of the number of updates made before (a scalar). */
export type Rate = number | Schedule;

/** How a rate changes with the updates made before. */
export interface Schedule {
  readonly name: string;
  at(step: Tensor): Tensor;
}

/** rate * factor^floor(step / every). */
export function stepDecay(rate: number, options: { every: number; factor?: number }): Schedule {
  requireNumber("stepDecay: rate", rate, { from: 0 });
  requireOptions("stepDecay", options, ["every", "factor"]);
  const { every, factor = 0.5 } = options;
  requireNumber("stepDecay: every", every, { above: 0 });
  requireNumber("stepDecay: factor", factor, { above: 0 });
  return {
    name: `stepDecay(${rate}, every ${every}, factor ${factor})`,
    at: (step) => multiply(exp(multiply(floor(divide(step, every)), log(constant(factor)))), rate),
  };
}

/**
 * Falls from `rate` to `final` along half a cosine over `steps` updates, then stays. Before that it is always above `final`: the last
 * update of the fall has a rate of about (rate - final) (1.57 / steps)^2 above it.
 */
export function cosineDecay(rate: number, options: { steps: number; final?: number }): Schedule {
  requireNumber("cosineDecay: rate", rate, { from: 0 });
  requireOptions("cosineDecay", options, ["steps", "final"]);
  const { steps, final = 0 } = options;
  requireNumber("cosineDecay: steps", steps, { above: 0 });
  requireNumber("cosineDecay: final", final, { from: 0 });
  return {
    name: `cosineDecay(${rate}, steps ${steps}, final ${final})`,
    at(step) {
      // (1 + cos(pi t)) / 2 = sin(pi (1 - t) / 2)^2, without the difference that cancels towards the end.
      const left = divide(maximum(subtract(steps, step), 0), steps);
      return add(multiply(square(sin(multiply(left, Math.PI / 2))), rate - final), final);
    },
  };
}

function checkRate(name: string, rate: Rate): void {
  if (typeof rate === "number") requireNumber(`${name}: rate`, rate, { from: 0 });
  else
    requireObject(`${name}: rate`, rate, "a number from 0, or a schedule such as cosineDecay(1e-3, …)", ["name", "at"]);
}

const rateAt = (rate: Rate, step: Tensor): Tensor => (typeof rate === "number" ? constant(rate) : rate.at(step));
const rateName = (rate: Rate): string => (typeof rate === "number" ? `${rate}` : rate.name);

type ParamMap = (param: Tensor, name: string) => Tensor;

function mapTensors(tensors: Tensors, map: ParamMap): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, map(tensor, name)]));
}

/** One state array for every parameter, named `slot.parameter`. */
function slotOf(slot: string, tensors: Tensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${slot}.${name}`, tensor]));
}

const at = (tensors: Tensors, name: string): Tensor => {
  const tensor = tensors[name];
  if (tensor === undefined)
    throw new OptionError(`optimizer: ${name} is missing; there are ${Object.keys(tensors).join(", ")}`);
  return tensor;
};

const count = (state: Tensors): Tensors => ({ step: add(at(state, "step"), 1) });

/**
 * Gradient descent; with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013) as PyTorch writes it:
 * v <- momentum * v + g; p <- p - rate * v, or p - rate * (g + momentum * v) for Nesterov.
 */
export function sgd(rate: Rate, options: { momentum?: number; nesterov?: boolean } = {}): Optimizer {
  checkRate("sgd", rate);
  requireOptions("sgd", options, ["momentum", "nesterov"]);
  const { momentum = 0, nesterov = false } = options;
  requireNumber("sgd: momentum", momentum, { from: 0, below: 1 });
  requireBoolean("sgd: nesterov", nesterov);
  if (nesterov && momentum === 0) throw new OptionError("sgd: nesterov needs a momentum above 0");
  return {
    name: `sgd(${rateName(rate)}, momentum ${momentum}, nesterov ${nesterov})`,
    init: (params) => ({
      step: constant(0),
      ...(momentum > 0
        ? slotOf(
            "velocity",
            mapTensors(params, (param) => zeros(param.shape)),
          )
        : {}),
    }),
    update(params, gradients, state) {
      const now = rateAt(rate, at(state, "step"));
      const velocity = mapTensors(params, (_, name) => {
        const gradient = at(gradients, name);
        return momentum > 0 ? add(multiply(at(state, `velocity.${name}`), momentum), gradient) : gradient;
      });
      const next = mapTensors(params, (param, name) => {
        const direction = nesterov
          ? add(at(gradients, name), multiply(at(velocity, name), momentum))
          : at(velocity, name);
        return subtract(param, multiply(direction, now));
      });
      return { params: next, state: { ...count(state), ...(momentum > 0 ? slotOf("velocity", velocity) : {}) } };
    },
  };
}

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled weight decay, for AdamW. */
  readonly weightDecay?: number;
}

const ADAM_OPTIONS = ["beta1", "beta2", "epsilon", "weightDecay"];

/**
 * Adam (Kingma and Ba 2015, algorithm 1). The square root's derivative is taken as 0 where a second moment is 0, so that
 * an inner loop can differentiate through the first steps without NaN.
 */
export function adam(rate: Rate, options: AdamOptions = {}): Optimizer {
  return adamRule("adam", rate, options, 0);
}

/** Adam with decoupled weight decay, 0.01 by default (Loshchilov and Hutter 2019, algorithm 2). */
export function adamW(rate: Rate, options: AdamOptions = {}): Optimizer {
  return adamRule("adamW", rate, options, 0.01);
}

function adamRule(name: string, rate: Rate, options: AdamOptions, defaultDecay: number): Optimizer {
  checkRate(name, rate);
  requireOptions(name, options, ADAM_OPTIONS);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = defaultDecay } = options;
  requireNumber(`${name}: beta1`, beta1, { from: 0, below: 1 });
  requireNumber(`${name}: beta2`, beta2, { from: 0, below: 1 });
  requireNumber(`${name}: epsilon`, epsilon, { above: 0 });
  requireNumber(`${name}: weightDecay`, weightDecay, { from: 0 });
  return {
    name: `${name}(${rateName(rate)}, ${beta1}, ${beta2}, ${epsilon}, weight decay ${weightDecay})`,
    init(params) {
      const empty = mapTensors(params, (param) => zeros(param.shape));
      return {
        step: constant(0),
        firstWeight: constant(0),
        secondWeight: constant(0),
        ...slotOf("first", empty),
        ...slotOf("second", empty),
      };
    },
    update(params, gradients, state) {
      const now = rateAt(rate, at(state, "step"));
      // The weight that an average has seen so far, 1 - beta^t, is averaged like the gradients, by the same rounded constant: their
      // quotient has no bias. With beta itself, 1 - f32(beta)^t and f32(1 - beta) would not belong together.
      const firstWeight = towards(at(state, "firstWeight"), constant(1), 1 - beta1);
      const secondWeight = towards(at(state, "secondWeight"), constant(1), 1 - beta2);
      const first = mapTensors(params, (_, each) =>
        towards(at(state, `first.${each}`), at(gradients, each), 1 - beta1),
      );
      const second = mapTensors(params, (_, each) =>
        towards(at(state, `second.${each}`), square(at(gradients, each)), 1 - beta2),
      );
      const firstScale = divide(1, firstWeight);
      const secondScale = divide(1, secondWeight);
      const next = mapTensors(params, (param, each) => {
        const deviation = add(safeSqrt(multiply(at(second, each), secondScale)), epsilon);
        const direction = divide(multiply(at(first, each), firstScale), deviation);
        const kept = weightDecay === 0 ? param : multiply(param, subtract(1, multiply(now, weightDecay)));
        return subtract(kept, multiply(direction, now));
      });
      return {
        params: next,
        state: { ...count(state), firstWeight, secondWeight, ...slotOf("first", first), ...slotOf("second", second) },
      };
    },
  };
}

/** average + part * (value - average) */
function towards(average: Tensor, value: Tensor, part: number): Tensor {
  return add(average, multiply(subtract(value, average), part));
}

/** What gradients are divided by at the least before they are squared. */
const SMALLEST_PEAK = 1e-30;

/** Scales gradients down so that their common Euclidean norm is at most `limit` (Pascanu et al. 2013, algorithm 1). */
export function clipByGlobalNorm(gradients: Tensors, limit: number): Tensors {
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
  requireObject("clipped: optimizer", optimizer, "an optimizer, such as adam(1e-3)", ["name", "init", "update"]);
  requireNumber("clipped: limit", limit, { above: 0 });
  return {
    ...optimizer,
    name: `${optimizer.name} clipped at ${limit}`,
    update: (params, gradients, state) => optimizer.update(params, clipByGlobalNorm(gradients, limit), state),
  };
}
