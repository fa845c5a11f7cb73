/** What a task asks for: targets, the loss of predictions, the metric of reports, and what a model's outputs mean. */
import { requireObject, requireWhole } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { add, slice, softplus } from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { crossEntropy, gaussianLogLoss, meanSquaredError } from "./losses.ts";
import { accuracyOf, gaussianLogDensity, meanSquaredDifference } from "./metrics.ts";

/** Arrays by name. */
export type Columns = Readonly<Record<string, Float32Array>>;

/** A number that predictions are reported by. */
export interface Metric {
  readonly name: string;
  readonly better: "higher" | "lower";
  /**
   * Measured on the host, in f64, over the examples of weight above 0.
   * @param outputs named outputs, row-major
   * @param examples targets and, where the task has them, weights
   */
  measure(outputs: Columns, examples: Columns): number;
}

export interface Objective {
  /** Names the objective and its settings apart from `outputs`: `classification`, `gaussian`. Files are compared by it. */
  readonly name: string;
  /** Classes of a task, or numbers per target. */
  readonly outputs: number;
  /** Numbers that a model gives for an example, which `read` turns into named outputs. */
  readonly width: number;
  /** Shape of one target, by column. */
  readonly targets: Readonly<Record<string, Shape>>;
  /** Set where targets are class indices from 0 to `outputs` - 1. */
  readonly classes?: true;
  /** Set where targets are levels in order, from 0 to `outputs` - 1. */
  readonly levels?: true;
  /** Set where outputs are not on the scale of the targets, so that a head that is solved for the targets cannot serve. */
  readonly link?: true;
  /** Set where learners see targets relative to those of the support set: see `relative`. */
  readonly relative?: Relative;
  readonly metric: Metric;
  /** Named outputs of a model's raw ones [n, width]: `{ logits }`, `{ mean, deviation }`. */
  read(raw: Tensor): Tensors;
  /** The weighted mean of the examples' losses: a scalar. `examples` has the targets and `weight` [n]. */
  loss(outputs: Tensors, examples: Tensors): Tensor;
  /** The same objective for another number of outputs. */
  resize(outputs: number): Objective;
}

/** What `relative` adds to an objective. */
export interface Relative {
  /** The objective that learners serve. */
  readonly objective: Objective;
  readonly centre: boolean;
  readonly scale: boolean;
  /** The learner for tasks of these targets. */
  learner<L>(learner: L): L;
  /** A task as the learner trains on it, and the context that says so. */
  task<T, C>(task: T, context: C): { readonly task: T; readonly context: C };
}

/** @throws OptionError unless the value is an objective */
export function requireObjective(what: string, value: unknown): void {
  const members = ["name", "targets", "metric", "read()", "loss()", "resize()"];
  requireObject(what, value, "an objective, such as classification(5)", members);
}

/** A tensor by its name. @throws OptionError where it is missing */
export const at = (tensors: Tensors, name: string): Tensor => {
  const tensor = tensors[name];
  if (tensor !== undefined) return tensor;
  throw new OptionError(`objective: ${name} is missing, got ${Object.keys(tensors).join(", ") || "nothing"}`);
};

/** Which of `ways` classes an example is of: outputs `logits`, cross entropy, accuracy. Targets `y` are class indices. */
export function classification(ways: number): Objective {
  requireWhole("classification: ways", ways, 1);
  return {
    name: "classification",
    outputs: ways,
    width: ways,
    targets: { y: [] },
    classes: true,
    metric: { name: "accuracy", better: "higher", measure: accuracyOf },
    read: (raw) => ({ logits: raw }),
    loss: (outputs, examples) => crossEntropy(at(outputs, "logits"), at(examples, "y"), at(examples, "weight")),
    resize: classification,
  };
}

/** Numbers: outputs `mean`, mean squared error. Targets `y` [n, outputs]. */
export function regression(outputs: number): Objective {
  requireWhole("regression: outputs", outputs, 1);
  return {
    name: "regression",
    outputs,
    width: outputs,
    targets: { y: [outputs] },
    metric: { name: "mse", better: "lower", measure: meanSquaredDifference },
    read: (raw) => ({ mean: raw }),
    loss: (given, examples) => meanSquaredError(at(given, "mean"), at(examples, "y"), at(examples, "weight")),
    resize: regression,
  };
}

/** Smallest deviation that is predicted: densities stay bounded (neural processes usually take 0.1). */
const LEAST_DEVIATION = 0.01;

/**
 * Numbers with their uncertainty: outputs `mean` and `deviation`, the negative log density of a normal distribution; the
 * metric is the log density. A model gives 2 numbers for each target: the mean, and what softplus makes the deviation of.
 */
export function gaussian(outputs: number): Objective {
  requireWhole("gaussian: outputs", outputs, 1);
  return {
    name: "gaussian",
    outputs,
    width: 2 * outputs,
    targets: { y: [outputs] },
    metric: { name: "logDensity", better: "higher", measure: gaussianLogDensity },
    read(raw) {
      const n = raw.shape[0] as number;
      const part = (from: number) => slice(raw, [0, from], [n, outputs]);
      return { mean: part(0), deviation: add(softplus(part(outputs)), LEAST_DEVIATION) };
    },
    loss: (given, examples) =>
      gaussianLogLoss(
        { mean: at(given, "mean"), deviation: at(given, "deviation") },
        at(examples, "y"),
        at(examples, "weight"),
      ),
    resize: gaussian,
  };
}

/** The objective that a learner itself serves: that of relative targets where they are relative. */
export const servedBy = (objective: Objective): Objective => objective.relative?.objective ?? objective;

/** Objectives that a file can name; others are given to `restore`. */
export const OBJECTIVES: Readonly<Record<string, (outputs: number) => Objective>> = {
  classification,
  regression,
  gaussian,
};
