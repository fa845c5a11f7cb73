/** Checks of what authors of learners hand to the functions that learners are made of, and of learners themselves. */
import { requireObject, requireShapes, wrong } from "../arguments.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { type Rule, requireTensorsByName } from "../optim/rule.ts";
import type { Learner, TensorTask } from "./learner.ts";

/** @throws OptionError unless the value is a learner */
export function requireLearner(what: string, value: unknown): void {
  const members = ["name", "inputs", "init()", "start()", "observe()", "predict()"];
  requireObject(what, value, "a learner, such as maml(mlp({ … }))", members);
  requireShapes(`${what}.inputs`, (value as Learner).inputs);
}

/**
 * The numbers that a model gives for an example.
 * @throws OptionError unless the value is a model that gives a vector for one
 */
export function requireVector(what: string, model: Model, remedy = "flatten it"): number {
  requireModel(what, model);
  const [width] = model.outputShape;
  if (width !== undefined && model.outputShape.length === 1) return width;
  throw wrong(what, "a model that gives a vector for an example", model.outputShape, remedy);
}

/** @throws OptionError unless the value is a context */
export function requireContext(operation: string, value: unknown): void {
  const members = ["spec", "role", "innerStep", "iteration", "key"];
  requireObject(`${operation}: context`, value, "the context that a learner's methods are given", members);
}

/** @throws OptionError unless the value is a task of tensors */
export function requireTask(operation: string, value: unknown): void {
  requireObject(`${operation}: task`, value, "a task { segments, queries } of tensors", ["segments", "queries"]);
  const { segments, queries } = value as TensorTask;
  if (!Array.isArray(segments)) throw wrong(`${operation}: task.segments`, "a list of examples", segments);
  for (const [i, examples] of segments.entries()) requireTensorsByName(`${operation}: task.segments[${i}]`, examples);
  requireTensorsByName(`${operation}: task.queries`, queries);
}

/** @throws OptionError where an inner rule owns meta-parameters, of which the learner's meta-gradient would teach nothing */
export function refuseOwnedMeta(operation: string, rule: Rule | undefined): void {
  if (rule?.meta === undefined) return;
  throw wrong(
    `${operation}: innerOptimizer`,
    "a rule without meta-parameters: nothing would be learned of them",
    rule.name,
  );
}
