import { requireNumber, requireObject, requireOptions, requireWhole } from "../arguments.ts";
import { add, constant, cos, divide, exp, floor, greaterEqual, log, minimum, multiply, select } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";

/** A rate: a constant, or a function of the number of updates made before (a scalar). */
export type Rate = number | Schedule;

/** How a rate changes with the updates made before. */
export interface Schedule {
  readonly name: string;
  at(step: Tensor): Tensor;
}

/** rate * factor^floor(step / every). */
export function stepDecay(
  rate: number,
  options: { readonly every: number; readonly factor?: number },
): Schedule {
  requireNumber("stepDecay: rate", rate, { from: 0 });
  requireOptions("stepDecay", options, ["every", "factor"]);
  const { every, factor = 0.5 } = options;
  requireWhole("stepDecay: every", every, 1);
  requireNumber("stepDecay: factor", factor, { above: 0 });
  return {
    name: `stepDecay(${rate}, every ${every}, factor ${factor})`,
    at: (step) => multiply(exp(multiply(floor(divide(step, every)), log(constant(factor)))), rate),
  };
}

/** Falls from `rate` to `final` along half a cosine over `steps` updates, then stays there. Before `steps` it is above `final`. */
export function cosineDecay(
  rate: number,
  options: { readonly steps: number; readonly final?: number },
): Schedule {
  requireNumber("cosineDecay: rate", rate, { from: 0 });
  requireOptions("cosineDecay", options, ["steps", "final"]);
  const { steps, final = 0 } = options;
  requireNumber("cosineDecay: final", final, { from: 0 });
  requireWhole("cosineDecay: steps", steps, 1);
  return {
    name: `cosineDecay(${rate}, steps ${steps}, final ${final})`,
    at(step) {
      // (1 + cos(pi t)) / 2 = cos^2(pi t / 2), which keeps its digits where the sum cancels to 0.
      const half = cos(multiply(minimum(divide(step, steps), 1), Math.PI / 2));
      const falling = add(multiply(multiply(half, half), rate - final), final);
      return select(greaterEqual(step, steps), final, falling);
    },
  };
}

/** @throws OptionError unless the value is a number from 0 or a schedule */
export function requireRate(what: string, rate: unknown): void {
  if (typeof rate === "object" && rate !== null) {
    requireObject(what, rate, "a number or a schedule, such as stepDecay(1e-3, { every: 2000 })", ["name", "at"]);
  } else requireNumber(what, rate, { from: 0 });
}

export const rateAt = (rate: Rate, step: Tensor): Tensor => (typeof rate === "number" ? constant(rate) : rate.at(step));
export const rateName = (rate: Rate): string => (typeof rate === "number" ? `${rate}` : rate.name);
