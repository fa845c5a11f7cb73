import type { Model } from "../nn/model.ts";
import { type Given, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, ORDER, SINUSOID_RUN, SINUSOID_STEPS } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const { adapts: _, ...COMMON } = INNER_OPTIONS;
const OPTIONS = { ...COMMON, ...RULE_OPTIONS, order: ORDER };
export type AnilOptions = Given<typeof OPTIONS>;

/**
 * Almost No Inner Loop (Raghu et al. 2020, section 4): MAML whose inner loop adapts the head alone. The body learns features
 * that serve all tasks, and a step costs no more than the last layer.
 */
export function anil(model: Model, options: AnilOptions = {}): Learner {
  const settings = readOptions("anil", OPTIONS, options);
  const { order } = settings;
  const rule = ruleOf("anil", settings, options);
  return loopLearner(model, OPTIONS, settings, { name: "anil", order, adapts: "head", ...rule });
}

export const anilRecord: LearnerRecord<typeof OPTIONS> = {
  name: "anil",
  paper: "Raghu et al. 2020",
  summary: "features that serve all tasks, and a head from which a few gradient steps learn one",
  options: OPTIONS,
  model: "predictor",
  adapts: "head",
  make: anil,
  settings: {
    sinusoid: { options: SINUSOID_STEPS, run: SINUSOID_RUN },
    omniglot: { options: { innerSteps: 1, innerRate: 0.4, evaluationSteps: 3 } },
  },
};
