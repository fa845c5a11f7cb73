import type { Tensors } from "../graph/graph.ts";
import { subtract, zeros } from "../graph/operators/index.ts";
import type { Model } from "../nn/model.ts";
import { sgd } from "../optim/optimizer.ts";
import { mapTensors } from "../optim/rule.ts";
import { type Given, readOptions, whole } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS } from "./inner-options.ts";
import { allExamples, type Context, drawRows, type Learner, type TensorTask } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { refuseOwnedMeta } from "./require.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const OPTIONS = {
  ...INNER_OPTIONS,
  ...RULE_OPTIONS,
  innerBatch: whole("examples of an inner step in meta-training, drawn with replacement; all by default", {
    least: 1,
    default: undefined,
  }),
};
export type ReptileOptions = Given<typeof OPTIONS>;

/** epsilon, where the outer loop is given no rule of its own. */
const OUTER_RATE = 0.1;

/**
 * Reptile (Nichol, Achiam and Schulman 2018, algorithm 2): moves the initialisation towards the weights that k inner steps
 * on a task reach. Meta-training uses support and query examples alike, as the paper does; the meta-gradient it hands to
 * the outer optimizer is phi - U_k(phi), so that the outer rate of plain gradient descent is the paper's epsilon.
 */
export function reptile(model: Model, options: ReptileOptions = {}): Learner {
  const settings = readOptions("reptile", OPTIONS, options);
  const { innerBatch, innerOptimizer } = settings;
  refuseOwnedMeta("reptile", innerOptimizer);
  const loop = loopLearner(model, OPTIONS, settings, {
    name: "reptile",
    ...ruleOf("reptile", settings, options),
    order: 1,
    examplesOf: (examples, { training, key }, step) =>
      training && innerBatch !== undefined ? drawRows(examples, innerBatch, key, step) : examples,
  });
  const reach = (phi: Tensors, task: TensorTask, context: Context) =>
    loop.observe(phi, loop.start(phi, context), allExamples(task), context);
  return {
    ...loop,
    outerOptimizer: sgd(OUTER_RATE),

    /** The loss that the inner loop ends with; it is shown, not differentiated. */
    outerLoss(phi, task, context) {
      const { state, carried = {} } = reach(phi, task, context);
      const examples = allExamples(task);
      const outputs = loop.predict(phi, state, examples, { ...context, role: "query" });
      return { loss: context.spec.objective.loss(outputs, examples), carried };
    },

    metaGradient(phi, task, context) {
      const reached = loop.adapted(reach(phi, task, context).state);
      // What the inner loop leaves as it is does not move.
      return mapTensors(phi, (value, name) => {
        const moved = reached[name];
        return moved === undefined ? zeros(value.shape) : subtract(value, moved);
      });
    },
  };
}

export const reptileRecord: LearnerRecord<typeof OPTIONS> = {
  name: "reptile",
  paper: "Nichol, Achiam and Schulman 2018",
  summary: "an initialisation close to the solutions of all tasks, without second derivatives",
  options: OPTIONS,
  model: "predictor",
  make: reptile,
  settings: {
    sinusoid: { options: { innerRate: 0.02, evaluationSteps: 10 }, run: { metaBatch: 1, metaRate: 0.1 } },
    // Table 4: Adam without its first moment, batches of 10.
    omniglot: {
      options: { innerRule: "rmsProp", innerRate: 1e-3, innerBatch: 10, evaluationSteps: 50 },
      run: { metaBatch: 5, metaRate: 1 },
      task: { queries: 9 },
    },
  },
};
