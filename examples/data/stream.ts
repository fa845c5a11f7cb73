/** A log in the order of time: each four hours are predicted from those before. `npx tsx examples/data/stream.ts load.csv` */
import { evaluate, maml, metaTrain, mlp } from "quickstudy";
import { preprocess, readCsv, splitByTime, standardise, stream } from "quickstudy/data";
import { file } from "quickstudy/node";

const [, , path = "load.csv"] = process.argv;
const table = await readCsv(file(path));
const known = table.where(({ hour }) => Number(hour) < 1500);
const preprocessing = preprocess({ x: standardise("temperature", "people"), y: standardise("load") }).fit(known);

const examples = preprocessing.examples(table, { time: "hour" });
const { before, after } = splitByTime(examples, "time", 1500);
const shape = { time: "time", size: 4, segments: 8 };
const learner = maml(mlp({ inputShape: 2, hidden: [16], outputs: 1 }), { innerRate: 0.1 });
const trained = await metaTrain(learner, stream(before, shape), { iterations: 300, metaBatch: 8, seed: 1 });
for (const innerSteps of [0, 5]) {
  const { mean, ci95 } = await evaluate(trained, stream(after, shape), { innerSteps, episodes: 200 });
  console.log(`squared error after ${innerSteps} inner steps: ${mean.toFixed(3)} ± ${ci95.toFixed(3)}`);
}
