import { constant } from "../graph/operators/index.ts";
import type { Model } from "../nn/model.ts";
import { choice, describeOptions, type Given, number, onlyWith, readOptions, whole } from "../options.ts";
import { describeModel, type Learner } from "./learner.ts";
import { linearHead } from "./linear-head.ts";
import type { LearnerRecord } from "./record.ts";
import { CAPACITY } from "./replay.ts";
import { ridgeWeights, svmWeights } from "./solvers.ts";

const OPTIONS = {
  head: choice("support vector machine, or ridge regression of the labels", ["svm", "ridge"], "svm"),
  penalty: onlyWith({ head: "svm" }, number("C: how much an example may count", { above: 0, default: 0.1 })),
  solverSteps: onlyWith({ head: "svm" }, whole("steps of its solution", { least: 1, most: 1000, default: 15 })),
  regularisation: onlyWith({ head: "ridge" }, number("lambda", { above: 0, default: 1 })),
  capacity: CAPACITY,
};
/** Logits of the margin of 1 at which gamma starts: a class that is ahead by it has 0.8 beside four others. */
const MARGIN_SCALE = 3;

export type MetaOptNetOptions = Given<typeof OPTIONS>;

/**
 * MetaOptNet (Lee, Maji, Ravichandran and Soatto 2019): learns an embedding in which a linear classifier of few examples separates
 * classes well, and the scale gamma of its logits (equation 9). The classifier is a multi-class support vector machine, whose dual
 * takes a fixed number of steps that are differentiated through, or ridge regression.
 * @param embedding a model from examples to vectors [n, D]
 */
export function metaOptNet(embedding: Model, options: MetaOptNetOptions = {}): Learner {
  const settings = readOptions("metaOptNet", OPTIONS, options);
  const { head, penalty, solverSteps, regularisation, capacity } = settings;
  const isRidge = head === "ridge";
  const lambda = () => constant(regularisation);
  return {
    ...linearHead({
      what: "metaOptNet",
      embedding,
      bias: false,
      capacity,
      learned: () => ({ scale: constant(1) }),
      ...(isRidge ? { lambda } : { sharpness: MARGIN_SCALE }),
      fit: (rows) => (isRidge ? ridgeWeights(rows, lambda()) : svmWeights(rows, constant(penalty), solverSteps)),
    }),
    classes: true,
    name: "metaoptnet",
    description: `metaOptNet${describeOptions(OPTIONS, settings)}; ${describeModel(embedding)}`,
  };
}

export const metaOptNetRecord: LearnerRecord<typeof OPTIONS> = {
  name: "metaoptnet",
  paper: "Lee et al. 2019",
  summary: "an embedding in which a support vector machine of few examples separates classes",
  options: OPTIONS,
  model: "embedding",
  objectives: ["classification"],
  make: metaOptNet,
  settings: {},
};
