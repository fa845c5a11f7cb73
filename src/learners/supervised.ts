import type { Tensors } from "../graph/graph.ts";
import type { Model } from "../nn/model.ts";
import {
  allExamples,
  type Context,
  describeModel,
  initModel,
  type Learner,
  modelTraits,
  type OuterLoss,
  passOf,
  type TensorTask,
} from "./learner.ts";
import { requireVector } from "./require.ts";

/** The objective's loss of all examples of a task under one network, which nothing adapts; batch statistics are theirs. */
export function jointLoss(model: Model, meta: Tensors, task: TensorTask, context: Context): OuterLoss {
  const examples = allExamples(task);
  const pass = passOf({ ...context, role: "support" }, examples, model.startingStatistics(meta));
  const { output, carried } = model.apply(meta, examples, pass);
  const { objective } = context.spec;
  return { loss: objective.loss(objective.read(output), examples), carried };
}

/**
 * A network as it is, which `fit` trains: what it predicts depends on no support set. Its outer loss is that of all examples
 * of a task together, of support and queries alike.
 */
export function supervised(model: Model): Learner {
  const width = requireVector("supervised: model", model, "end it with linear(…)");
  return {
    ...modelTraits(model),
    name: "supervised",
    description: `supervised; ${describeModel(model)}`,
    width,
    observing: "exact",
    ordered: false,
    init: (key) => initModel(model, key),
    start: () => ({}),
    observe: (_meta, state) => ({ state }),
    predict(meta, _state, inputs, context) {
      const pass = passOf(context, inputs, model.startingStatistics(meta));
      return context.spec.objective.read(model.apply(meta, inputs, pass).output);
    },
    outerLoss: (meta, task, context) => jointLoss(model, meta, task, context),
  };
}
