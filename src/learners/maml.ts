import type { Model } from "../nn/model.ts";
import { type Given, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, ORDER, SINUSOID_RUN, SINUSOID_STEPS } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const OPTIONS = { ...INNER_OPTIONS, ...RULE_OPTIONS, order: ORDER };
export type MamlOptions = Given<typeof OPTIONS>;

/**
 * Model-agnostic meta-learning (Finn, Abbeel and Levine 2017, algorithm 2): learns an initialisation theta from which a few
 * gradient steps on a support set do well on the query set. Each step (line 6) is
 * theta' = theta - alpha * grad L_support(theta). With `adapts: "head"` it is ANIL (Raghu et al. 2020), with `"body"` BOIL
 * (Oh et al. 2021).
 */
export function maml(model: Model, options: MamlOptions = {}): Learner {
  const settings = readOptions("maml", OPTIONS, options);
  const { order } = settings;
  return {
    ...loopLearner(model, OPTIONS, settings, { name: "maml", order, ...ruleOf("maml", settings, options) }),
    name: order === 2 ? "maml" : "first-order maml",
  };
}

export const mamlRecord: LearnerRecord<typeof OPTIONS> = {
  name: "maml",
  paper: "Finn, Abbeel and Levine 2017",
  summary: "an initialisation from which a few gradient steps learn a task",
  options: OPTIONS,
  model: "predictor",
  make: maml,
  settings: {
    sinusoid: { options: SINUSOID_STEPS, run: SINUSOID_RUN },
    omniglot: { options: { innerSteps: 1, innerRate: 0.4, evaluationSteps: 3 } },
  },
};
