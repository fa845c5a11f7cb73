import type { Model } from "../nn/model.ts";
import { type Given, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, SINUSOID_RUN, SINUSOID_STEPS } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";
import { jointLoss } from "./supervised.ts";

const OPTIONS = { ...INNER_OPTIONS, ...RULE_OPTIONS };
export type FineTuneOptions = Given<typeof OPTIONS>;

/**
 * The baseline "pretrained on all tasks" (Finn, Abbeel and Levine 2017, section 5.1): one network is trained on the examples
 * of all tasks together, support and queries alike, with no inner loop; a new task is learned by gradient steps from there.
 * Labels of episodes mean nothing beyond them: a classifier's body is pre-trained by `fit` over all classes of training
 * instead, and handed to `metaTrain` with `from`, which leaves a head of another width as it was drawn.
 */
export function fineTune(model: Model, options: FineTuneOptions = {}): Learner {
  const settings = readOptions("fineTune", OPTIONS, options);
  return {
    ...loopLearner(model, OPTIONS, settings, { name: "fineTune", order: 1, ...ruleOf("fineTune", settings, options) }),
    name: "fine-tune",
    outerLoss: (theta, task, context) => jointLoss(model, theta, task, context),
  };
}

export const fineTuneRecord: LearnerRecord<typeof OPTIONS> = {
  name: "fine-tune",
  paper: "baseline of Finn, Abbeel and Levine 2017",
  summary: "one network for all tasks by plain supervised training, which gradient steps then fit to a task",
  options: OPTIONS,
  model: "predictor",
  // An episode's labels mean nothing in another: there is no training of one network on all of them.
  objectives: ["regression", "gaussian", "multiLabel", "ordinal"],
  make: fineTune,
  settings: {
    sinusoid: { options: SINUSOID_STEPS, run: SINUSOID_RUN },
  },
};
