import { requireNumber, requireOptions } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { add, full, multiply, subtract } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mapTensors, prefixed, type Rule } from "./rule.ts";

export interface LearnedRatesOptions {
  /** Starting value of every rate. */
  readonly rate: number;
  /** Learns a weight decay for every parameter too, from this starting value; without it there is none. */
  readonly decay?: number;
}

const RATE = "rate.";
const DECAY = "decay.";

/**
 * Gradient descent whose rates are learned, one for every parameter: p <- p - alpha * g (Meta-SGD, Li et al. 2017, equation
 * 2); and, as the learned strategy RBML, a learned weight decay: p <- p - alpha * (g + lambda * p).
 */
export function learnedRates(options: LearnedRatesOptions): Rule {
  requireOptions("learnedRates", options, ["rate", "decay"]);
  const { rate, decay } = options;
  requireNumber("learnedRates: rate", rate, { above: 0 });
  if (decay !== undefined) requireNumber("learnedRates: decay", decay, { from: 0 });
  const start = (prefix: string, parameters: Tensors, value: number): Tensors =>
    prefixed(
      prefix,
      mapTensors(parameters, ({ shape }) => full(shape, value)),
    );
  return {
    name: `learnedRates(${rate}, decay ${decay ?? "none"})`,
    meta: (_, parameters) => ({
      ...start(RATE, parameters, rate),
      ...(decay === undefined ? {} : start(DECAY, parameters, decay)),
    }),
    start: () => ({}),
    step({ meta, parameters, gradients }) {
      const owned = (name: string): Tensor => {
        const value = meta[name];
        if (value === undefined) throw new OptionError(`learnedRates: ${name} is missing; pass all that meta returns`);
        return value;
      };
      const next = mapTensors(parameters, (value, name) => {
        const gradient = gradients[name] as Tensor;
        const direction = decay === undefined ? gradient : add(gradient, multiply(owned(DECAY + name), value));
        return subtract(value, multiply(owned(RATE + name), direction));
      });
      return { parameters: next, memory: {} };
    },
  };
}
