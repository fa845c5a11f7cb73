/**
 * An inner update rule of your own: gradient descent with momentum, whose rate and momentum coefficient are meta-parameters,
 * learned by differentiating through the inner steps. Any learner with an inner loop takes it.
 */
import {
  evaluate,
  maml,
  mapTensors,
  metaTrain,
  mlp,
  prefixed,
  type Rule,
  sinusoid,
  take,
  unprefixed,
} from "quickstudy";

// Operators on tensors:

import { add, constant, multiply, sigmoid, softplus, subtract, zeros } from "quickstudy";

/** v <- sigmoid(momentum) v + g; p <- p - softplus(rate) v: both coefficients stay in their ranges, whatever is learned. */
const learnedMomentum: Rule = {
  name: "learnedMomentum",
  meta: () => ({ rate: constant(-4.6), momentum: constant(0) }),
  start(parameters) {
    return prefixed(
      "velocity.",
      mapTensors(parameters, ({ shape }) => zeros(shape)),
    );
  },
  step({ meta, memory, parameters, gradients }) {
    const [rate, momentum] = take(meta, "rate", "momentum");
    const old = unprefixed("velocity.", memory);
    const velocity = mapTensors(gradients, (gradient, name) =>
      add(multiply(take(old, name)[0], sigmoid(momentum)), gradient),
    );
    const next = mapTensors(parameters, (value, name) =>
      subtract(value, multiply(take(velocity, name)[0], softplus(rate))),
    );
    return { parameters: next, memory: prefixed("velocity.", velocity) };
  },
};

const tasks = sinusoid({ shots: 10, queries: 10 });
const model = mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 });
const rules = { plain: { innerRate: 0.01 }, learned: { innerOptimizer: learnedMomentum } };
for (const [name, options] of Object.entries(rules)) {
  const trained = await metaTrain(maml(model, { innerSteps: 3, ...options }), tasks, { iterations: 600, seed: 1 });
  const { mean, ci95 } = await evaluate(trained, tasks, { episodes: 200 });
  console.log(`${name}: mse ${mean.toFixed(2)} ± ${ci95.toFixed(2)}`);
  const { "rule.rate": rate, "rule.momentum": momentum } = trained.meta;
  if (rate && momentum) console.log(`rate before softplus ${rate[0]}, momentum before sigmoid ${momentum[0]}`);
}
