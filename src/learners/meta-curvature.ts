import type { Model } from "../nn/model.ts";
import { curvature } from "../optim/curvature.ts";
import { type Given, readOptions } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, ORDER, SINUSOID_RUN, SINUSOID_STEPS } from "./inner-options.ts";
import type { Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";

const OPTIONS = { ...INNER_OPTIONS, order: ORDER };
export type MetaCurvatureOptions = Given<typeof OPTIONS>;

/**
 * Meta-Curvature (Park and Oliva 2019, algorithm 1): learns the initialisation theta together with matrices that transform the inner
 * gradients along the modes of every parameter array: theta' = theta - alpha * MC(grad L_support(theta)).
 */
export function metaCurvature(model: Model, options: MetaCurvatureOptions = {}): Learner {
  const settings = readOptions("metaCurvature", OPTIONS, options);
  const { innerRate, order } = settings;
  const loop = { name: "metaCurvature", order, rule: curvature({ rate: innerRate }), innerRate };
  return { ...loopLearner(model, OPTIONS, settings, loop), name: "meta-curvature" };
}

export const metaCurvatureRecord: LearnerRecord<typeof OPTIONS> = {
  name: "meta-curvature",
  paper: "Park and Oliva 2019",
  summary: "an initialisation, and matrices that transform the inner gradients of every parameter array",
  options: OPTIONS,
  model: "predictor",
  make: metaCurvature,
  settings: {
    sinusoid: { options: SINUSOID_STEPS, run: SINUSOID_RUN },
    omniglot: { options: { innerSteps: 1, innerRate: 0.1 } },
  },
};
