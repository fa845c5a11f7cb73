/** Sentences: intents that training never saw, from one sentence of each. `npx tsx examples/data/text.ts intents.jsonl` */
import { adam, episodes, evaluate, layers, metaTrain, model, r2d2 } from "quickstudy";
import { byClass, hashedNgrams, preprocess, readJsonLines } from "quickstudy/data";
import { file } from "quickstudy/node";

const [, , path = "intents.jsonl"] = process.argv;
const table = await readJsonLines(file(path));
const known = table.where(({ intent }) => `${intent}` < "n");
const preprocessing = preprocess({ x: hashedNgrams("text", { weighting: "tfidf" }) }).fit(known);

const classes = byClass(preprocessing.examples(table, { label: "intent" }));
const train = classes.subset(({ name }) => name < "n");
const test = classes.subset(({ name }) => name >= "n");
const shape = { ways: 5, shots: 1, queries: 5 };
// Which n-grams count is learned; what they mean, ridge regression finds out for every task.
const weighted = layers.sequential([layers.scale(), layers.l2Normalise()]);
const learner = r2d2(model(preprocessing.inputs.x ?? [], weighted));
const run = { iterations: 100, metaBatch: 4, optimizer: adam(0.01), seed: 1 };
const trained = await metaTrain(learner, episodes(train, shape), run);
console.log(await evaluate(trained, episodes(test, shape), { episodes: 200 }));
