import type { Tensors } from "../graph/graph.ts";
import { add, constant, multiply, stopGradient } from "../graph/operators/index.ts";
import type { Model } from "../nn/model.ts";
import { mapTensors } from "../optim/rule.ts";
import { choice, type Given, number, readOptions, whole } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS } from "./inner-options.ts";
import { learnedOptimizer, PREPROCESSINGS } from "./learned-optimizer.ts";
import { foldLoss, initModel, type Learner, meanOf } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";

const { innerSteps, evaluationSteps } = INNER_OPTIONS;
const OPTIONS = {
  innerSteps,
  evaluationSteps,
  units: whole("units of each of the optimizer's two LSTM layers", { least: 1, default: 20 }),
  updateScale: number("what the optimizer's output is multiplied by to make an update", { above: 0, default: 0.1 }),
  preprocessing: choice("how gradients are read: as logarithm and sign, or as they are", PREPROCESSINGS, "log"),
  initialisation: choice(
    "weights that the inner loop begins at: meta-parameters, or new ones for every task",
    ["learned", "drawn"],
    "learned",
  ),
  window: whole(
    "inner steps that are differentiated together; the state at a window's end is a constant for the next",
    {
      least: 1,
      default: 20,
    },
  ),
};
export type LearnedDescentOptions = Given<typeof OPTIONS>;

/**
 * Learning to learn by gradient descent by gradient descent (Andrychowicz et al. 2016): an inner loop whose update rule is learned. The outer
 * loss is the mean of the query losses after each inner step (equation 3 with equal weights), in windows as in section 3. The
 * gradients that the rule reads are constants, as in the paper (figure 2).
 */
export function learnedDescent(model: Model, options: LearnedDescentOptions = {}): Learner {
  const settings = readOptions("learnedDescent", OPTIONS, options);
  const { initialisation, window, units, updateScale, preprocessing } = settings;
  const loop = loopLearner(model, OPTIONS, settings, {
    name: "learnedDescent",
    rule: learnedOptimizer({ units, updateScale, preprocessing }),
    order: 1,
    innerRate: undefined,
  });
  const isModel = new Set(model.parameters.map(({ name }) => name));
  const learner: Learner = {
    ...loop,
    name: "learned-optimizer",
    amortised: true,

    init(key) {
      const all = loop.init(key);
      if (initialisation === "learned") return all;
      return {
        ...all,
        learned: Object.fromEntries(Object.entries(all.learned).filter(([name]) => !isModel.has(name))),
      };
    },

    start: (phi, context) =>
      loop.start(initialisation === "learned" ? phi : { ...phi, ...initModel(model, context.key).learned }, context),

    outerLoss(phi, task, context) {
      const steps = loop.stepsNow(context);
      const { objective, queries } = context.spec;
      if (queries === 0 || steps === 0)
        return foldLoss(learner, phi, task, context, Math.max(1, Math.floor(window / Math.max(1, steps))));
      let state = learner.start(phi, context);
      const all: Tensors[] = [];
      let [loss, done] = [constant(0), 0];
      for (const examples of task.segments) {
        let carried: Tensors = {};
        for (let step = 0; step < steps; step++, done++) {
          if (done > 0 && done % window === 0) state = mapTensors(state, stopGradient);
          ({ state, carried = {} } = loop.observe(phi, state, examples, { ...context, innerSteps: 1 }));
          const outputs = loop.predict(phi, state, task.queries, { ...context, role: "query" });
          loss = add(loss, objective.loss(outputs, task.queries));
        }
        all.push(carried);
      }
      return { loss: multiply(loss, 1 / Math.max(1, done)), carried: meanOf(all) };
    },
  };
  return learner;
}

export const learnedOptimizerRecord: LearnerRecord<typeof OPTIONS> = {
  name: "learned-optimizer",
  paper: "Andrychowicz et al. 2016",
  summary: "an LSTM in place of the inner loop's update rule, and an initialisation for it",
  options: OPTIONS,
  model: "predictor",
  make: learnedDescent,
  settings: {},
};
