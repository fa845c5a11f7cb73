import type { Model } from "../nn/model.ts";
import { type Given, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, SINUSOID_RUN, SINUSOID_STEPS } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const OPTIONS = { ...INNER_OPTIONS, ...RULE_OPTIONS };
export type FomamlOptions = Given<typeof OPTIONS>;

/**
 * First-order MAML (Finn, Abbeel and Levine 2017, section 5.2): MAML whose inner gradients count as constants. The meta-gradient is
 * the gradient of the query loss at the adapted parameters, without second derivatives.
 */
export function fomaml(model: Model, options: FomamlOptions = {}): Learner {
  const settings = readOptions("fomaml", OPTIONS, options);
  return loopLearner(model, OPTIONS, settings, { name: "fomaml", order: 1, ...ruleOf("fomaml", settings, options) });
}

export const fomamlRecord: LearnerRecord<typeof OPTIONS> = {
  name: "fomaml",
  paper: "Finn, Abbeel and Levine 2017",
  summary: "MAML without second derivatives",
  options: OPTIONS,
  model: "predictor",
  make: fomaml,
  settings: {
    sinusoid: { options: SINUSOID_STEPS, run: SINUSOID_RUN },
    omniglot: { options: { innerSteps: 1, innerRate: 0.4, evaluationSteps: 3 } },
  },
};
