import { constant, exp, log } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { choice, describeOptions, type Given, number, onlyWith, readOptions, whole } from "../options.ts";
import { describeModel, type Learner } from "./learner.ts";
import { linearHead } from "./linear-head.ts";
import type { LearnerRecord } from "./record.ts";
import { CAPACITY } from "./replay.ts";
import { logisticWeights, ridgeWeights } from "./solvers.ts";

const OPTIONS = {
  head: choice("ridge regression, or logistic regression for classes", ["ridge", "logistic"], "ridge"),
  regularisation: number("start of the learned lambda", { above: 0, default: 1 }),
  newtonSteps: onlyWith({ head: "logistic" }, whole("Newton steps", { least: 1, most: 100, default: 5 })),
  capacity: CAPACITY,
};
export type R2d2Options = Given<typeof OPTIONS>;

/**
 * R2-D2 and LR-D2 (Bertinetto, Henriques, Torr and Vedaldi 2019): learns an embedding, and the regularisation lambda and the scale
 * alpha of a linear head over it that is solved for each task: Y = alpha X W (equation 5; its beta adds the same to all classes, and
 * the constant 1 behind every embedding serves numbers as well). Ridge regression is closed-form (equations 3 and 4), logistic
 * regression takes Newton steps (equations 6 and 7). Works for any number of classes or outputs.
 * @param embedding a model from examples to vectors [n, D]
 */
export function r2d2(embedding: Model, options: R2d2Options = {}): Learner {
  const settings = readOptions("r2d2", OPTIONS, options);
  const { head, regularisation, newtonSteps, capacity } = settings;
  const isRidge = head === "ridge";
  const lambda = ({ logLambda }: Readonly<Record<string, Tensor>>) => exp(logLambda as Tensor);
  return {
    ...linearHead({
      what: "r2d2",
      embedding,
      bias: true,
      capacity,
      learned: () => ({ logLambda: log(constant(regularisation)), scale: constant(1) }),
      // The scores of logistic regression are log odds already.
      ...(isRidge ? { lambda } : { sharpness: 1 }),
      fit: (rows, own) => (isRidge ? ridgeWeights(rows, lambda(own)) : logisticWeights(rows, lambda(own), newtonSteps)),
    }),
    ...(isRidge ? {} : { classes: true }),
    name: "r2d2",
    description: `r2d2${describeOptions(OPTIONS, settings)}; ${describeModel(embedding)}`,
  };
}

export const r2d2Record: LearnerRecord<typeof OPTIONS> = {
  name: "r2d2",
  paper: "Bertinetto et al. 2019",
  summary: "an embedding over which ridge or logistic regression learns a task in closed form",
  options: OPTIONS,
  model: "embedding",
  objectives: ["classification", "regression"],
  make: r2d2,
  settings: {},
};
