import { requireNumber, requireOptions, requireWhole } from "../arguments.ts";
import { full, gather, minimum, multiply, reshape, subtract } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { take } from "../graph/tensors.ts";
import { mapTensors, prefixed, type Rule } from "./rule.ts";

export interface StepRatesOptions {
  /** Starting value of every rate. */
  readonly rate: number;
  /** Steps that have a rate of their own; later ones have the last one's. */
  readonly steps: number;
}

const RATE = "rate.";

/**
 * Gradient descent with learned rates, one for every parameter array and step: p <- p - alpha_i g at step i (Antoniou et al. 2019,
 * section 4).
 */
export function stepRates(options: StepRatesOptions): Rule {
  requireOptions("stepRates", options, ["rate", "steps"]);
  const { rate, steps } = options;
  requireNumber("stepRates: rate", rate, { above: 0 });
  requireWhole("stepRates: steps", steps, 1);
  return {
    name: `stepRates(${rate}, ${steps} steps)`,
    meta: (_, parameters) =>
      prefixed(
        RATE,
        mapTensors(parameters, () => full([steps], rate)),
      ),
    start: () => ({}),
    step({ meta, parameters, gradients, step }) {
      const now = reshape(minimum(step, steps - 1), [1]);
      const next = mapTensors(parameters, (value, name) => {
        const alpha = reshape(gather(take(meta, RATE + name)[0] as Tensor, now), []);
        return subtract(value, multiply(gradients[name] as Tensor, alpha));
      });
      return { parameters: next, memory: {} };
    },
  };
}
