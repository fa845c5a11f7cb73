/** A table: kinds of plants that training never saw, from three of each. `npx tsx examples/data/table.ts plants.csv` */
import { episodes, evaluate, metaTrain, mlp, protoNet } from "quickstudy";
import { byClass, isMissing, oneHot, preprocess, readCsv, standardise } from "quickstudy/data";
import { file } from "quickstudy/node";

const [, , path = "plants.csv"] = process.argv;
const table = await readCsv(file(path));
const known = table.where(({ species }) => `${species}` < "n");
const features = [standardise("height", "width"), isMissing("width"), oneHot("colour")];
const preprocessing = preprocess({ x: features }).fit(known);

const classes = byClass(preprocessing.examples(table, { label: "species" }));
const train = classes.subset(({ name }) => name < "n");
const test = classes.subset(({ name }) => name >= "n");
const shape = { ways: 5, shots: 3, queries: 5, small: "skip" } as const;
const learner = protoNet(mlp({ inputShape: preprocessing.inputs.x ?? [], hidden: [64], outputs: 32 }));
const trained = await metaTrain(learner, episodes(train, shape), { iterations: 200, metaBatch: 4, seed: 1 });
console.log(await evaluate(trained, episodes(test, shape), { episodes: 200 }));
