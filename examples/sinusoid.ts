/**
 * Second-order MAML on sine curves (Finn et al. 2017, section 5.1), for a few seconds instead of the paper's 70,000
 * iterations: meta-train, adapt to new curves from ten points, and print the error before and after.
 */
import { adam, evaluate, fold, keyOf, maml, metaTrain, mlp, sinusoid } from "quickstudy";

const tasks = sinusoid({ shots: 10, queries: 10 });
const learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerRate: 0.01, innerSteps: 1 });

const trained = await metaTrain(learner, tasks, {
  iterations: 3000,
  metaBatch: 25,
  optimizer: adam(1e-3),
  seed: 1,
  onProgress({ iteration, loss, tasksPerSecond }) {
    if (iteration % 1000 !== 0) return;
    console.log(`iteration ${iteration}: loss ${loss.toFixed(3)}, ${tasksPerSecond.toFixed(0)} tasks/s`);
  },
});

// One new curve: its key is its address, and gives the same points on any machine.
const key = fold(keyOf(2), 2);
const { support, queries } = tasks.sample(key);
const { amplitude, phase } = tasks.curve(key);
console.log(`y = ${amplitude.toFixed(2)} sin(x - ${phase.toFixed(2)}), from ${support.x.length} points:`);
for (const innerSteps of [0, 1, 5]) {
  const adapted = trained.adapt(support, { innerSteps });
  const error = adapted.objective.metric.measure(adapted.predict(queries.x), queries);
  console.log(`  squared error after inner step ${innerSteps}: ${error.toFixed(3)}`);
}

console.log("mean over 200 curves, with 95 % interval:");
for (const innerSteps of [0, 1, 5]) {
  const { mean, ci95 } = await evaluate(trained, tasks, { episodes: 200, innerSteps });
  console.log(`  squared error after inner step ${innerSteps}: ${mean.toFixed(3)} ± ${ci95.toFixed(3)}`);
}
