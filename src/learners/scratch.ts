import type { Model } from "../nn/model.ts";
import { type Given, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const { adapts: _, ...COMMON } = INNER_OPTIONS;
const OPTIONS = { ...COMMON, ...RULE_OPTIONS };
export type ScratchOptions = Given<typeof OPTIONS>;

/**
 * The baseline that learns nothing from other tasks: gradient steps on the support set from an initialisation that stays as
 * it was drawn. Meta-training moves none of its numbers.
 */
export function scratch(model: Model, options: ScratchOptions = {}): Learner {
  const settings = readOptions("scratch", OPTIONS, options);
  const loop = loopLearner(model, OPTIONS, settings, {
    name: "scratch",
    order: 1,
    ...ruleOf("scratch", settings, options),
  });
  return {
    ...loop,
    init(key) {
      const { learned, carried } = loop.init(key);
      return { learned: {}, kept: { ...learned, ...carried } };
    },
    // Averages over tasks would be learned from them.
    observe: (meta, state, examples, context) => ({ state: loop.observe(meta, state, examples, context).state }),
  };
}

export const scratchRecord: LearnerRecord<typeof OPTIONS> = {
  name: "scratch",
  paper: "baseline: no meta-learning",
  summary: "nothing: gradient steps on the support set from an initialisation that is not learned",
  options: OPTIONS,
  model: "predictor",
  make: scratch,
  settings: {
    sinusoid: { options: { innerSteps: 1, evaluationSteps: 100, innerRule: "adam", innerRate: 0.01 } },
    omniglot: { options: { innerSteps: 1, evaluationSteps: 50, innerRule: "adam", innerRate: 0.001 } },
  },
};
