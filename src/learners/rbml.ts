import type { Model } from "../nn/model.ts";
import { learnedRates } from "../optim/learned-rates.ts";
import { type Given, number, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, ORDER, SINUSOID_RATES, SINUSOID_RUN } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";

const OPTIONS = {
  ...INNER_OPTIONS,
  order: ORDER,
  weightDecay: number("start of the learned weight decays", { from: 0, default: 0 }),
};
export type RbmlOptions = Given<typeof OPTIONS>;

/**
 * Learned rates and regularisation by backpropagation: an initialisation theta, a rate alpha and a weight decay lambda for every
 * parameter, all learned through the steps theta' = theta - alpha * (grad L_support(theta) + lambda * theta). It is Meta-SGD
 * (Li et al. 2017, equation 2) with `weightDecay`, whose decays are learned from the start.
 */
export function rbml(model: Model, options: RbmlOptions = {}): Learner {
  const settings = readOptions("rbml", OPTIONS, options);
  const { innerRate, order, weightDecay } = settings;
  const rule = learnedRates({ rate: innerRate, decay: weightDecay });
  return loopLearner(model, OPTIONS, settings, { name: "rbml", order, rule, innerRate });
}

export const rbmlRecord: LearnerRecord<typeof OPTIONS> = {
  name: "rbml",
  paper: "variant of Li et al. 2017",
  summary: "an initialisation, and a learning rate and a weight decay for every parameter",
  options: OPTIONS,
  model: "predictor",
  make: rbml,
  settings: {
    sinusoid: { options: SINUSOID_RATES, run: SINUSOID_RUN },
    omniglot: { options: { innerSteps: 1, innerRate: 0.1 } },
  },
};
