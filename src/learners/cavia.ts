import { zeros } from "../graph/operators/index.ts";
import { CONTEXT, contextual } from "../nn/context.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { type Given, number, readOptions, whole } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, ORDER } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const { adapts: _, ...COMMON } = INNER_OPTIONS;
const OPTIONS = {
  contextSize: whole("context parameters", { least: 1, most: 65_536, default: 5 }),
  ...COMMON,
  innerRate: number("rate of the inner loop", { above: 0, default: 1 }),
  ...RULE_OPTIONS,
  order: ORDER,
};
export type CaviaOptions = Given<typeof OPTIONS>;

/**
 * Fast context adaptation via meta-learning (Zintgraf et al. 2019, algorithm 1): the model gets context parameters phi as a further
 * input, and the inner loop adapts these alone, from 0 in every task (equation 3): phi' = 0 - alpha * grad_phi L_support(phi, theta).
 * The outer loop learns theta, through the steps (equation 4). `contextual` (src/nn/context.ts) says where phi enters the model.
 */
export function cavia(model: Model, options: CaviaOptions = {}): Learner {
  requireModel("cavia: model", model);
  const settings = readOptions("cavia", OPTIONS, options);
  const { contextSize, order } = settings;
  const body = contextual("cavia", model, contextSize);
  const rule = ruleOf("cavia", settings, options);
  const loop = loopLearner(body, OPTIONS, settings, { name: "cavia", adapts: isContext, order, ...rule });
  return {
    ...loop,
    init(key) {
      const { learned, ...others } = loop.init(key);
      const { [CONTEXT]: _, ...theta } = learned;
      return { learned: theta, ...others };
    },
    start: (theta, context) => loop.start({ ...theta, [CONTEXT]: zeros([contextSize]) }, context),
  };
}

const isContext = (path: string): boolean => path === CONTEXT;

export const caviaRecord: LearnerRecord<typeof OPTIONS> = {
  name: "cavia",
  paper: "Zintgraf et al. 2019",
  summary: "a network with a few context parameters, which a few gradient steps from 0 set for a task",
  options: OPTIONS,
  model: "predictor",
  adapts: isContext,
  make: cavia,
  settings: {
    // Section 5.1.
    sinusoid: { options: { innerSteps: 1 } },
  },
};
