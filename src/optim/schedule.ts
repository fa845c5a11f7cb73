import { requireNumber, requireObject, requireOptions } from "../arguments.ts";
import {
  add,
  constant,
  divide,
  exp,
  floor,
  log,
  maximum,
  multiply,
  sin,
  square,
  subtract,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";

/** A rate: a constant, or a function of the number of updates made before (a scalar). */
export type Rate = number | Schedule;

/** How a rate changes with the updates made before. */
export interface Schedule {
  readonly name: string;
  at(step: Tensor): Tensor;
}

/** rate * factor^floor(step / every). */
export function stepDecay(rate: number, options: { readonly every: number; readonly factor?: number }): Schedule {
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
 * Falls from `rate` to `final` along half a cosine over `steps` updates, then stays. Before that it is always above `final`: the
 * last update of the fall has a rate of about (rate - final) (1.57 / steps)^2 above it.
 */
export function cosineDecay(rate: number, options: { readonly steps: number; readonly final?: number }): Schedule {
  requireNumber("cosineDecay: rate", rate, { from: 0 });
  requireOptions("cosineDecay", options, ["steps", "final"]);
  const { steps, final = 0 } = options;
  requireNumber("cosineDecay: final", final, { from: 0 });
  requireNumber("cosineDecay: steps", steps, { above: 0 });
  return {
    name: `cosineDecay(${rate}, steps ${steps}, final ${final})`,
    at(step) {
      // (1 + cos(pi t)) / 2 = sin(pi (1 - t) / 2)^2, without the difference that cancels towards the end.
      const left = divide(maximum(subtract(steps, step), 0), steps);
      return add(multiply(square(sin(multiply(left, Math.PI / 2))), rate - final), final);
    },
  };
}

/** @throws OptionError unless the value is a number from 0 or a schedule */
export function requireRate(what: string, rate: unknown): void {
  if (typeof rate === "number") requireNumber(what, rate, { from: 0 });
  else
    requireObject(what, rate, "a number from 0, or a schedule such as stepDecay(1e-3, { every: 2000 })", [
      "name",
      "at()",
    ]);
}

export const rateAt = (rate: Rate, step: Tensor): Tensor => (typeof rate === "number" ? constant(rate) : rate.at(step));
export const rateName = (rate: Rate): string => (typeof rate === "number" ? `${rate}` : rate.name);
