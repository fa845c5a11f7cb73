/** Series of unequal length: gestures that training never saw, from two of each. `npx tsx examples/data/series.ts gestures.jsonl` */
import { episodes, evaluate, layers, metaTrain, model, protoNet } from "quickstudy";
import { byClass, preprocess, readJsonLines, series } from "quickstudy/data";
import { file } from "quickstudy/node";

const [, , path = "gestures.jsonl"] = process.argv;
// {"gesture": "circle", "points": [[0.1, 0.9], [0.2, 0.8], …]}
const table = await readJsonLines(file(path));
const known = table.where(({ gesture }) => `${gesture}` < "n");
const preprocessing = preprocess({ x: series("points", { length: 30 }) }).fit(known);

const classes = byClass(preprocessing.examples(table, { label: "gesture" }));
const train = classes.subset(({ name }) => name < "n");
const test = classes.subset(({ name }) => name >= "n");
const shape = { ways: 5, shots: 2, queries: 5 };
const body = layers.sequential([layers.gru(32, { sequence: false }), layers.linear(32)]);
const learner = protoNet(model(preprocessing.inputs.x ?? [], body));
const trained = await metaTrain(learner, episodes(train, shape), { iterations: 200, metaBatch: 4, seed: 1 });
console.log(await evaluate(trained, episodes(test, shape), { episodes: 200 }));
