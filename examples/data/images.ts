/** Images, a folder for each class: classes that training never saw, from one image of each. `npx tsx examples/data/images.ts signs` */
import { episodes, evaluate, metaTrain, mlp, protoNet } from "quickstudy";
import { augmented, byClass, pixels, preprocess, rotate, shift } from "quickstudy/data";
import { readImageFolder } from "quickstudy/node";

const [, , folder = "signs"] = process.argv;
const table = await readImageFolder(folder, { size: 14, channels: 1 });
const known = table.where(({ label }) => `${label}` < "n");
const preprocessing = preprocess({ x: pixels("image", { size: 14, channels: 1, normalise: "standard" }) }).fit(known);

const classes = byClass(preprocessing.examples(table, { label: "label" }));
const train = classes.subset(({ name }) => name < "n");
const test = classes.subset(({ name }) => name >= "n");
const shape = { ways: 5, shots: 1, queries: 5 };
const learner = protoNet(mlp({ inputShape: [14, 14, 1], hidden: [64], outputs: 32 }));
const tasks = augmented(episodes(train, shape), { x: [shift(1), rotate(10)] });
const trained = await metaTrain(learner, tasks, { iterations: 200, metaBatch: 4, seed: 1 });
console.log(await evaluate(trained, episodes(test, shape), { episodes: 200 }));
