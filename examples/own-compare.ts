/**
 * A learner of your own beside two of the library's: ALPaCA (Harrison, Sharma and Pavone 2018), Bayesian linear regression over
 * learned features with a learned prior; here by the squared error of its mean, where the paper has the density. All learn from the same tasks for as many iterations, and meet the same new ones.
 */
import { describeModel, evaluate, type Learner, maml, metaTrain, mlp, r2d2, sinusoid, take } from "quickstudy";

// Operators on tensors:

import { add, identity, matmul, multiply, reshape, solve, transpose, zeros } from "quickstudy";

const WIDTH = 32;

function alpaca(outputs: number): Learner {
  const features = mlp({ inputShape: 1, hidden: [40, 40], outputs: WIDTH, activation: "tanh" });
  return {
    name: "alpaca",
    description: `alpaca; ${describeModel(features)}`,
    inputs: features.inputs,
    width: outputs,
    batchNorm: "none",
    observing: "exact",
    ordered: false,
    // The prior of the last layer: the mean of its weights, and a root L of their precision.
    init: (key) => ({ learned: { ...features.init(key), mean: zeros([WIDTH, outputs]), root: identity(WIDTH) } }),
    start(meta) {
      const [mean, root] = take(meta, "mean", "root");
      // Positive definite, whatever L becomes.
      const precision = add(matmul(root, transpose(root)), multiply(identity(WIDTH), 1e-3));
      return { precision, weighted: matmul(precision, mean) };
    },
    observe(meta, state, examples, context) {
      const [y, weight] = take(examples, "y", "weight");
      const [precision, weighted] = take(state, "precision", "weighted");
      const { output: phi } = features.apply(meta, examples, context);
      // Padding has weight 0 and adds nothing to the sums of phi phi' and phi y'.
      const counted = transpose(multiply(phi, reshape(weight, [-1, 1])));
      return {
        state: { precision: add(precision, matmul(counted, phi)), weighted: add(weighted, matmul(counted, y)) },
      };
    },
    predict(meta, state, inputs, context) {
      const { output: phi } = features.apply(meta, inputs, context);
      const [precision, weighted] = take(state, "precision", "weighted");
      return context.spec.objective.read(matmul(phi, solve(precision, weighted)));
    },
  };
}

const tasks = sinusoid({ shots: 10, queries: 10 });
const network = (outputs: number) => mlp({ inputShape: 1, hidden: [40, 40], outputs });
console.log("learner    mse of 200 new tasks");
for (const learner of [alpaca(1), r2d2(network(WIDTH)), maml(network(1))]) {
  const trained = await metaTrain(learner, tasks, { iterations: 500, metaBatch: 10, seed: 1 });
  const { mean, ci95 } = await evaluate(trained, tasks, { episodes: 200 });
  console.log(`${learner.name.padEnd(10)} ${mean.toFixed(3)} ± ${ci95.toFixed(3)}`);
}
