/**
 * A transformer neural process on sine curves: how sure it is after three points, and after ten. It is trained for seconds here; with
 * 20,000 iterations of the default width the bands of 95 % are narrow between the points too.
 */
import { fold, keyOf, layers, metaTrain, model, regression, sinusoid, type TaskSource, tnp } from "quickstudy";

const many = sinusoid({ shots: 10, queries: 10 });
const few = sinusoid({ shots: 3, queries: 10 });
/** Support sets of both sizes, so that it learns how sure it may be after each. */
const tasks: TaskSource = {
  name: "curves of 3 and 10 points",
  specs: [many.spec, few.spec],
  fingerprint: many.fingerprint + few.fingerprint,
  sample: (key, spec, into) => (spec === 0 ? many : few).sample(key, 0, into),
};
const learner = tnp(model([1], layers.flatten()), regression(1), { width: 32, layers: 2 });
const trained = await metaTrain(learner, tasks, { iterations: 1000, metaBatch: 16, seed: 1 });

const curve = many.curve(keyOf(9));
const { support } = many.sample(keyOf(9));
for (const count of [3, 10]) {
  const [x, y] = [support.x.slice(0, count), support.y.slice(0, count)];
  console.log(`after points at ${Array.from(x, (each) => each.toFixed(1)).join(", ")}:`);
  const places = [-5, -3, -1, 1, 3, 5];
  const { mean = [], deviation = [] } = trained.adapt({ x, y }).predict(places);
  for (const [i, place] of places.entries()) {
    const band = 1.96 * (deviation[i] ?? 0);
    console.log(`  at ${place}: ${mean[i]?.toFixed(2)} ± ${band.toFixed(2)}, the curve ${curve.at(place).toFixed(2)}`);
  }
}

let inside = 0;
for (let i = 0; i < 100; i++) {
  const task = many.sample(fold(keyOf(8), i));
  const { mean = [], deviation = [] } = trained.adapt(task.support).predict(task.queries.x);
  for (const [j, y] of task.queries.y.entries()) {
    if (Math.abs(y - (mean[j] ?? 0)) <= 1.96 * (deviation[j] ?? 0)) inside++;
  }
}
console.log(`inside the bands: ${(inside / 10).toFixed(1)} % of 1,000 points of new curves`);
