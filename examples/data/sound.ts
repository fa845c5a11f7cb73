/** Recordings: words of somebody new, from two of each. `npx tsx examples/data/sound.ts recordings` */
import { evaluate, metaTrain, mlp, protoNet } from "quickstudy";
import { logMel, once, preprocess, within } from "quickstudy/data";
import { readSoundFolder } from "quickstudy/node";

const [, , folder = "recordings"] = process.argv;
const table = await readSoundFolder(folder, { pattern: "{word}_{speaker}_{index}" });
const known = table.where(({ speaker }) => `${speaker}` < "n");
const preprocessing = preprocess({ x: logMel("sound", { frames: 16, bands: 20 }) }).fit(known);

const facts = { label: "word", group: "speaker" };
const train = preprocessing.examples(known, facts);
const test = preprocessing.examples(
  table.where(({ speaker }) => `${speaker}` >= "n"),
  facts,
);
const shape = { shots: 2, queries: 4 };
const learner = protoNet(mlp({ inputShape: [16, 20], hidden: [64], outputs: 32 }));
const trained = await metaTrain(learner, within(train, shape), { iterations: 200, metaBatch: 4, seed: 1 });
console.log(await evaluate(trained, once(within(test, shape), { repeats: 10 })));
