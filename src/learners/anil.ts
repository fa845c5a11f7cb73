import type { Model } from "../nn/model.ts";
import { describeOptions, type Given, readOptions } from "../options.ts";
import { INNER_OPTIONS, innerLoop, innerSettings, ORDER, RULE_OPTIONS, ruleOf } from "./inner-loop.ts";
import { describeModel, type Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";

const { adapts: _, ...COMMON } = INNER_OPTIONS;
const OPTIONS = { ...COMMON, ...RULE_OPTIONS, order: ORDER };
export type AnilOptions = Given<typeof OPTIONS>;

/**
 * Almost No Inner Loop (Raghu et al. 2020, section 4): MAML whose inner loop adapts the head alone. The body learns features
 * that serve all tasks, and a step costs no more than the last layer.
 */
export function anil(model: Model, options: AnilOptions = {}): Learner {
  const settings = readOptions("anil", OPTIONS, options);
  return {
    ...innerLoop({
      ...innerSettings({ ...settings, adapts: "head" }),
      name: "anil",
      model,
      order: settings.order,
      ...ruleOf("anil", settings, options),
    }),
    name: "anil",
    description: `anil${describeOptions(OPTIONS, settings)}; ${describeModel(model)}`,
  };
}

export const anilRecord: LearnerRecord<typeof OPTIONS> = {
  name: "anil",
  paper: "Raghu et al. 2020",
  summary: "features that serve all tasks, and a head from which a few gradient steps learn one",
  options: OPTIONS,
  model: "predictor",
  make: anil,
  settings: {
    sinusoid: { options: { innerSteps: 1, innerRate: 0.01, evaluationSteps: 10 } },
    omniglot: { options: { innerSteps: 1, innerRate: 0.4, evaluationSteps: 3 } },
  },
};
