import { constant } from "../graph/operators/index.ts";
import type { Model } from "../nn/model.ts";
import { describeOptions, type Given, number, readOptions } from "../options.ts";
import { describeModel, type Learner } from "./learner.ts";
import { linearHead } from "./linear-head.ts";
import type { LearnerRecord } from "./record.ts";
import { CAPACITY } from "./replay.ts";
import { ridgeWeights } from "./solvers.ts";

const OPTIONS = {
  regularisation: number("lambda, the weight of the squared norm of the coefficients", { above: 0, default: 1 }),
  capacity: CAPACITY,
};
export type RidgeOptions = Given<typeof OPTIONS>;

/**
 * Ridge regression of the inputs themselves (Hoerl and Kennard 1970), of labels as numbers for classes: R2-D2 on
 * `model(shape, layers.flatten())`, which has nothing to learn. `metaTrain` with 0 iterations makes it usable.
 * @param embedding a model from examples to vectors [n, D], usually one without parameters
 */
export function ridge(embedding: Model, options: RidgeOptions = {}): Learner {
  const settings = readOptions("ridge", OPTIONS, options);
  const { regularisation, capacity } = settings;
  const lambda = () => constant(regularisation);
  const fit = (rows: Parameters<typeof ridgeWeights>[0]) => ridgeWeights(rows, lambda());
  return {
    ...linearHead({ what: "ridge", embedding, bias: true, capacity, lambda, fit }),
    name: "ridge",
    description: `ridge${describeOptions(OPTIONS, settings)}; ${describeModel(embedding)}`,
  };
}

export const ridgeRecord: LearnerRecord<typeof OPTIONS> = {
  name: "ridge",
  paper: "Hoerl and Kennard 1970",
  summary: "a baseline that learns nothing: ridge regression of the raw inputs",
  options: OPTIONS,
  model: "raw",
  objectives: ["classification", "regression"],
  make: ridge,
  settings: {},
};
