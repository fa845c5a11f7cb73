import type { Model } from "../nn/model.ts";
import { type Given, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, ORDER, SINUSOID_RUN, SINUSOID_STEPS } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const { adapts: _, ...COMMON } = INNER_OPTIONS;
const OPTIONS = { ...COMMON, ...RULE_OPTIONS, order: ORDER };
export type BoilOptions = Given<typeof OPTIONS>;

/**
 * Body Only update in Inner Loop (Oh et al. 2021, section 3): MAML whose inner loop adapts the body alone. The head stays as it is
 * within a task, so that the representation has to change.
 */
export function boil(model: Model, options: BoilOptions = {}): Learner {
  const settings = readOptions("boil", OPTIONS, options);
  const { order } = settings;
  const rule = ruleOf("boil", settings, options);
  return loopLearner(model, OPTIONS, settings, { name: "boil", order, adapts: "body", ...rule });
}

export const boilRecord: LearnerRecord<typeof OPTIONS> = {
  name: "boil",
  paper: "Oh et al. 2021",
  summary: "a head that serves all tasks, and a body that a few gradient steps fit to one",
  options: OPTIONS,
  model: "predictor",
  adapts: "body",
  make: boil,
  settings: {
    sinusoid: { options: SINUSOID_STEPS, run: SINUSOID_RUN },
    omniglot: { options: { innerSteps: 1, innerRate: 0.4, evaluationSteps: 3 } },
  },
};
