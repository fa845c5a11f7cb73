/** Numbers of somebody new: the pressure of patients from five doses. `npx tsx examples/data/entities.ts patients.csv` */
import { evaluate, maml, metaTrain, mlp } from "quickstudy";
import { entities, once, preprocess, readCsv, standardise } from "quickstudy/data";
import { file } from "quickstudy/node";

const [, , path = "patients.csv"] = process.argv;
const table = await readCsv(file(path));
const known = table.where(({ patient }) => `${patient}` < "n");
const unknown = table.where(({ patient }) => `${patient}` >= "n");
const preprocessing = preprocess({ x: standardise("dose", "age") }).fit(known);

const facts = { entity: "patient", targets: "pressure" };
const shape = { shots: 5, queries: "rest" } as const;
const train = entities(preprocessing.examples(known, facts), shape);
const test = entities(preprocessing.examples(unknown, facts), shape);
const learner = maml(mlp({ inputShape: 2, hidden: [16], outputs: 1 }), { innerRate: 0.1 });
const trained = await metaTrain(learner, train, { iterations: 300, metaBatch: 8, seed: 1 });
for (const innerSteps of [0, 5]) {
  const { mean, ci95 } = await evaluate(trained, once(test, { repeats: 5 }), { innerSteps });
  console.log(`squared error after ${innerSteps} inner steps: ${mean.toFixed(2)} ± ${ci95.toFixed(2)}`);
}
