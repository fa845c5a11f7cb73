import type { Model } from "../nn/model.ts";
import { learnedRates } from "../optim/learned-rates.ts";
import { type Given, number, readOptions } from "../options.ts";
import { describeLoop, INNER_OPTIONS, innerLoop, innerSettings, ORDER } from "./inner-loop.ts";
import { describeModel, type Learner } from "./learner.ts";
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
  const { weightDecay: decay, ...settings } = readOptions("metaSgd", OPTIONS, options);
  const rule = learnedRates({ rate: settings.innerRate, ...(decay === undefined ? {} : { decay }) });
  return {
    ...innerLoop({
      ...innerSettings(settings),
      name: "metaSgd",
      model,
      order: settings.order,
      rule,
      innerRate: settings.innerRate,
    }),
    name: decay === undefined ? "meta-sgd" : "meta-sgd with learned weight decay",
    description: `metaSgd${describeLoop(OPTIONS, { ...settings, weightDecay: decay }, model)}; ${describeModel(model)}`,
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
    sinusoid: { options: { innerSteps: 1, innerRate: 0.01, evaluationSteps: 10 } },
    omniglot: { options: { innerSteps: 1, innerRate: 0.1 } },
  },
};
