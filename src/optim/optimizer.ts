import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  abs,
  add,
  constant,
  cos,
  divide,
  exp,
  floor,
  log,
  max,
  maximum,
  minimum,
  multiply,
  safeSqrt,
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
export function stepDecay(rate: number, { every, factor = 0.5 }: { every: number; factor?: number }): Schedule {
  checkRate("stepDecay", rate);
  positive("stepDecay: every", every);
  positive("stepDecay: factor", factor);
  return {
    name: `stepDecay(${rate}, every ${every}, factor ${factor})`,
    at: (step) => multiply(exp(multiply(floor(divide(step, every)), log(constant(factor)))), rate),
  };
}

/** Falls from `rate` to `final` along half a cosine over `steps` updates, then stays. */
export function cosineDecay(rate: number, { steps, final = 0 }: { steps: number; final?: number }): Schedule {
  checkRate("cosineDecay", rate);
  if (!(final >= 0 && Number.isFinite(final))) {
    throw new OptionError(`cosineDecay: final must be a number from 0, got ${final}`);
  }
  positive("cosineDecay: steps", steps);
  return {
    name: `cosineDecay(${rate}, steps ${steps}, final ${final})`,
    at(step) {
      const angle = multiply(minimum(divide(step, steps), 1), Math.PI);
      return add(multiply(add(cos(angle), 1), (rate - final) / 2), final);
    },
  };
}

function positive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new OptionError(`${name}: must be a number above 0, got ${value}`);
  }
}

function checkRate(name: string, rate: Rate): void {
  if (typeof rate === "number" && !(rate >= 0 && Number.isFinite(rate))) {
    throw new OptionError(`${name}: rate must be a number from 0, got ${rate}`);
  }
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
export function sgd(
  rate: Rate,
  { momentum = 0, nesterov = false }: { momentum?: number; nesterov?: boolean } = {},
): Optimizer {
  checkRate("sgd", rate);
  if (!(momentum >= 0 && momentum < 1)) throw new OptionError(`sgd: momentum must be in [0, 1), got ${momentum}`);
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

/**
 * Adam (Kingma and Ba 2015, algorithm 1). The square root's derivative is taken as 0 where a second moment is 0, so that
 * an inner loop can differentiate through the first steps without NaN.
 */
export function adam(
  rate: Rate,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamOptions = {},
): Optimizer {
  checkRate("adam", rate);
  for (const [name, beta] of Object.entries({ beta1, beta2 })) {
    if (!(beta >= 0 && beta < 1)) throw new OptionError(`adam: ${name} must be in [0, 1), got ${beta}`);
  }
  positive("adam: epsilon", epsilon);
  if (!(weightDecay >= 0 && Number.isFinite(weightDecay))) {
    throw new OptionError(`adam: weightDecay must be a number from 0, got ${weightDecay}`);
  }
  return {
    name: `adam(${rateName(rate)}, ${beta1}, ${beta2}, ${epsilon}, weight decay ${weightDecay})`,
    init(params) {
      const empty = mapTensors(params, (param) => zeros(param.shape));
      // The powers of beta are carried because the core has no power function, and to keep them exact to f32.
      return {
        step: constant(0),
        beta1Power: constant(1),
        beta2Power: constant(1),
        ...slotOf("first", empty),
        ...slotOf("second", empty),
      };
    },
    update(params, gradients, state) {
      const now = rateAt(rate, at(state, "step"));
      const beta1Power = multiply(at(state, "beta1Power"), beta1);
      const beta2Power = multiply(at(state, "beta2Power"), beta2);
      const first = mapTensors(params, (_, name) =>
        add(multiply(at(state, `first.${name}`), beta1), multiply(at(gradients, name), 1 - beta1)),
      );
      const second = mapTensors(params, (_, name) =>
        add(multiply(at(state, `second.${name}`), beta2), multiply(square(at(gradients, name)), 1 - beta2)),
      );
      const firstScale = divide(1, subtract(1, beta1Power));
      const secondScale = divide(1, subtract(1, beta2Power));
      const next = mapTensors(params, (param, name) => {
        const deviation = add(safeSqrt(multiply(at(second, name), secondScale)), epsilon);
        const direction = divide(multiply(at(first, name), firstScale), deviation);
        const kept = weightDecay === 0 ? param : multiply(param, subtract(1, multiply(now, weightDecay)));
        return subtract(kept, multiply(direction, now));
      });
      return {
        params: next,
        state: { ...count(state), beta1Power, beta2Power, ...slotOf("first", first), ...slotOf("second", second) },
      };
    },
  };
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2). */
export function adamW(rate: Rate, { weightDecay = 0.01, ...options }: AdamOptions = {}): Optimizer {
  const rule = adam(rate, { ...options, weightDecay });
  return { ...rule, name: rule.name.replace("adam", "adamW") };
}

/** What gradients are divided by at the least before they are squared. */
const SMALLEST_PEAK = 1e-30;

/** Scales gradients down so that their common Euclidean norm is at most `limit` (Pascanu et al. 2013, algorithm 1). */
export function clipByGlobalNorm(gradients: Tensors, limit: number): Tensors {
  positive("clipByGlobalNorm: limit", limit);
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
  positive("clipped: limit", limit);
  return {
    ...optimizer,
    name: `${optimizer.name} clipped at ${limit}`,
    update: (params, gradients, state) => optimizer.update(params, clipByGlobalNorm(gradients, limit), state),
  };
}
