import type { Model } from "../nn/model.ts";
import { type Given, readOptions } from "../options.ts";
import { describeModel, type Learner } from "./learner.ts";
import { protoNet } from "./proto-net.ts";
import type { LearnerRecord } from "./record.ts";
import { requireVector } from "./require.ts";

const OPTIONS = {};

/**
 * The nearest class mean of the inputs themselves (Mensink et al. 2013, equation 4): a Prototypical Network on
 * `model(shape, layers.flatten())`, which has nothing to learn. `metaTrain` with 0 iterations makes it usable.
 * @param embedding a model from examples to vectors [n, D], usually one without parameters
 */
export function nearestCentroid(embedding: Model, options: Given<typeof OPTIONS> = {}): Learner {
  requireVector("nearestCentroid: embedding", embedding);
  readOptions("nearestCentroid", OPTIONS, options);
  return {
    ...protoNet(embedding),
    name: "nearest-centroid",
    description: `nearestCentroid; ${describeModel(embedding)}`,
  };
}

export const nearestCentroidRecord: LearnerRecord<typeof OPTIONS> = {
  name: "nearest-centroid",
  paper: "Mensink et al. 2013",
  summary: "a baseline that learns nothing: a class is the mean of its raw inputs",
  options: OPTIONS,
  model: "raw",
  objectives: ["classification"],
  make: nearestCentroid,
  settings: {},
};
