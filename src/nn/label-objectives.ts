/** Objectives of several labels at once, and of labels that have an order. */
import { requireWhole } from "../arguments.ts";
import { concat, greater, literal, matmul, negate, slice, softplus } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { binaryCrossEntropy } from "./losses.ts";
import { levelError, macroF1Of } from "./metrics.ts";
import { at, type Objective } from "./objective.ts";

/**
 * Which of some labels an example has, any number of them: outputs `logits` [n, labels], the cross entropy of each label's
 * sigmoid; the label is predicted where its logit is above 0. Targets `y` [n, labels] are 1 for labels that an example has and 0
 * for the others.
 *
 * The metric is macro F1: the mean over labels of 2 hits / (true + predicted), of those that an example of the task has or is
 * predicted to have. Most labels are rare, so that part of the labels that are right would be near 1 for a model that never names any.
 */
export function multiLabel(labels: number): Objective {
  requireWhole("multiLabel: labels", labels, 1);
  return {
    name: "multiLabel",
    outputs: labels,
    width: labels,
    targets: { y: [labels] },
    link: true,
    metric: { name: "macroF1", better: "higher", measure: macroF1Of(labels) },
    read: (raw) => ({ logits: raw }),
    loss: (outputs, examples) => binaryCrossEntropy(at(outputs, "logits"), at(examples, "y"), at(examples, "weight")),
    resize: multiLabel,
  };
}

/**
 * Which of some levels in order an example has: outputs `logits` [n, levels - 1], those of being above level 0, above level 1, and
 * so on; the level is how many of them are above 0. Targets `y` [n, 1] are levels from 0 to `levels` - 1; the metric is the mean
 * distance from the level, in levels.
 *
 * The model gives levels - 1 numbers: the first logit, and by softplus how far each of the others is below the one before, so
 * that a higher level is never likelier to be passed than a lower one (a cumulative link, McCullagh 1980). The loss is the mean
 * cross entropy of the levels - 1 questions (the all-threshold loss of Rennie and Srebro 2005, as in CORAL, Cao et al. 2020).
 */
export function ordinal(levels: number): Objective {
  requireWhole("ordinal: levels", levels, 2);
  const thresholds = levels - 1;
  return {
    name: "ordinal",
    outputs: levels,
    width: thresholds,
    targets: { y: [1] },
    levels: true,
    link: true,
    metric: { name: "levelError", better: "lower", measure: levelError },
    read(raw) {
      const n = raw.shape[0] as number;
      const first = slice(raw, [0, 0], [n, 1]);
      if (thresholds === 1) return { logits: first };
      const steps = concat([first, negate(softplus(slice(raw, [0, 1], [n, thresholds - 1])))], 1);
      return { logits: runningSums(steps) };
    },
    loss(outputs, examples) {
      const between = Float32Array.from({ length: thresholds }, (_, k) => k + 0.5);
      const above = greater(at(examples, "y"), literal(between, [1, thresholds]));
      return binaryCrossEntropy(at(outputs, "logits"), above, at(examples, "weight"));
    },
    resize: ordinal,
  };
}

/** The sums of the first, the first two, … numbers of each row of x [n, m]. */
function runningSums(x: Tensor): Tensor {
  const m = x.shape[1] as number;
  const upTo = Float32Array.from({ length: m * m }, (_, i) => (Math.floor(i / m) <= i % m ? 1 : 0));
  return matmul(x, literal(upTo, [m, m]));
}
