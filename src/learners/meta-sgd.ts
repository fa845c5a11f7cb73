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
  weightDecay: number("learn a weight decay for every parameter too, from this start", { from: 0, default: undefined }),
};
export type MetaSgdOptions = Given<typeof OPTIONS>;

/**
 * Meta-SGD (Li et al. 2017, algorithm 1): learns the initialisation theta together with a rate alpha for every parameter,
 * which starts at `innerRate`; and, as the learned strategy RBML, a weight decay lambda for every parameter, all by
 * backpropagation through theta' = theta - alpha * (grad L_support(theta) + lambda * theta).
 */
export function metaSgd(model: Model, options: MetaSgdOptions = {}): Learner {
  const settings = readOptions("metaSgd", OPTIONS, options);
  const { innerRate, order, weightDecay: decay } = settings;
  const rule = learnedRates({ rate: innerRate, ...(decay === undefined ? {} : { decay }) });
  return {
    ...loopLearner(model, OPTIONS, settings, { name: "metaSgd", order, rule, innerRate }),
    name: decay === undefined ? "meta-sgd" : "meta-sgd with learned weight decay",
  };
}

export const metaSgdRecord: LearnerRecord<typeof OPTIONS> = {
  name: "meta-sgd",
  paper: "Li et al. 2017",
  summary: "an initialisation and a learning rate for every parameter",
  options: OPTIONS,
  model: "predictor",
  make: metaSgd,
  settings: {
    sinusoid: { options: SINUSOID_RATES, run: SINUSOID_RUN },
    omniglot: { options: { innerSteps: 1, innerRate: 0.1 } },
  },
};
