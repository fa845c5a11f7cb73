/**
 * An objective of your own: Huber's loss (1964), which outliers pull at with a bounded force, and the mean absolute error as
 * its metric. An objective says what targets are, what a model's outputs mean, what is minimised and what is reported.
 */
import { evaluate, maml, metaTrain, mlp, type Objective, restore, sinusoid, type TaskSource, take } from "quickstudy";

// Operators on tensors:

import { abs, divide, minimum, multiply, subtract, sum } from "quickstudy";

/** delta (|e| - delta / 2) where |e| > delta, e^2 / 2 elsewhere: m (|e| - m / 2) with m = min(|e|, delta). */
const huber = (outputs: number, delta = 1): Objective => ({
  name: `huber ${delta}`,
  outputs,
  width: outputs,
  targets: { y: [outputs] },
  metric: {
    name: "mae",
    better: "lower",
    measure(given, examples) {
      const [mean, y] = take({ ...given, ...examples }, "mean", "y");
      return mean.reduce((total, value, i) => total + Math.abs(value - (y[i] ?? Number.NaN)), 0) / y.length;
    },
  },
  read: (raw) => ({ mean: raw }),
  loss(given, examples) {
    const [mean, y, weight] = take({ ...given, ...examples }, "mean", "y", "weight");
    const error = abs(subtract(mean, y));
    const m = minimum(error, delta);
    const each = sum(multiply(m, subtract(error, multiply(m, 0.5))), 1);
    return divide(sum(multiply(each, weight)), sum(weight));
  },
  resize: (count) => huber(count, delta),
});

/** Sine curves, to be judged by another objective. */
const curves = sinusoid({ shots: 10, queries: 10 });
const tasks: TaskSource = {
  name: "curves with Huber's loss",
  specs: curves.specs.map((spec) => ({ ...spec, objective: huber(1) })),
  fingerprint: `huber ${curves.fingerprint}`,
  sample: (key, spec, into) => curves.sample(key, spec, into),
};

const learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { evaluationSteps: 5 });
const trained = await metaTrain(learner, tasks, { iterations: 1000, seed: 1 });
// A file names its objective; one of your own is given to `restore`.
const restored = restore(learner, trained.save(), { objective: huber(1) });
const before = await evaluate(restored, tasks, { episodes: 200, innerSteps: 0 });
const after = await evaluate(restored, tasks, { episodes: 200 });
console.log(
  `${after.metric} before adapting ${before.mean.toFixed(2)}, after ${after.mean.toFixed(2)} ± ${after.ci95.toFixed(2)}`,
);
