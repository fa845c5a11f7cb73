/**
 * Spoken digits: those of a speaker whom training never heard, leaving out each of six, and digits that training never heard:
 * docs/results.md, section 16. A prototypical network over log-mel spectrograms, beside the nearest centroid of the same numbers
 * on the same episodes.
 */
import { comparePaired } from "../src/analysis.ts";
import {
  augmented,
  byClass,
  channelMask,
  logMel,
  type Preprocessing,
  preprocess,
  splitExamples,
  type Table,
  timeMask,
  timeShift,
} from "../src/data.ts";
import {
  adam,
  cosineDecay,
  episodes,
  evaluate,
  layers,
  metaTrain,
  mixture,
  model,
  nearestCentroid,
  protoNet,
  type TaskSource,
} from "../src/index.ts";
import { readSoundFolder } from "../src/node.ts";
import { sharedData } from "./shared-data.ts";

const [FRAMES, BANDS] = [48, 24];
const ITERATIONS = 200;
const SHOTS = [1, 5] as const;
const QUERIES = 5;
const EPISODES = 600;
const NEW_DIGITS = "digits";

/** `npm run bench -- digits [speaker … | digits]`: every speaker in turn, then the digits 5 to 9, unless told otherwise. */
export async function benchDigits(chosen: readonly string[]): Promise<void> {
  const table = await readSoundFolder(sharedData("fsdd/recordings"), { pattern: "{digit}_{speaker}_{index}" });
  const speaker = table.column("speaker", "text");
  const speakers = [...new Set(Array.from({ length: table.size }, (_, row) => speaker.at(row) ?? ""))].sort();
  const tests = chosen.length > 0 ? chosen : [...speakers, NEW_DIGITS];
  console.log("new        shots   prototypical network   nearest centroid         difference   trained");
  for (const test of tests) {
    await measure(table, test, (row) => (test === NEW_DIGITS ? Number(row.digit) > 4 : row.speaker === test));
  }
}

/** Tasks are of one speaker, who may be another one in the next. */
function tasksOf(preprocessing: Preprocessing, table: Table, shots: number | readonly [number, number]): TaskSource {
  const examples = preprocessing.examples(table, { label: "digit", group: "speaker" });
  const speakers = [...new Set(examples.facts.group)];
  const parts = splitExamples(examples, {
    by: "group",
    parts: Object.fromEntries(speakers.map((speaker) => [`${speaker}`, [speaker]])),
  });
  const sources = Object.values(parts).map((part) => episodes(byClass(part), { ways: 5, shots, queries: QUERIES }));
  return mixture(sources);
}

async function measure(table: Table, name: string, isTest: Parameters<Table["where"]>[0]): Promise<void> {
  const [train, test] = [table.where((row, i) => !isTest(row, i)), table.where(isTest)];
  const preprocessing = preprocess({ x: logMel("sound", { frames: FRAMES, bands: BANDS }) }).fit(train);
  const began = performance.now();
  const image = [FRAMES, BANDS, 1];
  const embedding = layers.sequential({
    image: layers.reshape(image),
    conv1: layers.conv2d(16, { stride: 2, pad: 1 }),
    relu1: layers.activation("relu"),
    conv2: layers.conv2d(32, { stride: 2, pad: 1 }),
    relu2: layers.activation("relu"),
    flat: layers.flatten(),
    head: layers.linear(64),
  });
  const change = { x: [timeShift(4), timeMask(6), channelMask(4)] };
  const tasks = augmented(tasksOf(preprocessing, train, [1, 5]), change, { queries: true });
  const learned = await metaTrain(protoNet(model([FRAMES, BANDS], embedding)), tasks, {
    iterations: ITERATIONS,
    metaBatch: 4,
    optimizer: adam(cosineDecay(0.002, { steps: ITERATIONS })),
    seed: 1,
  });
  const seconds = (performance.now() - began) / 1000;
  const raw = nearestCentroid(model([FRAMES, BANDS], layers.flatten()));
  const centroid = await metaTrain(raw, tasks, { iterations: 0 });
  for (const shots of SHOTS) {
    const tests = tasksOf(preprocessing, test, shots);
    const options = { episodes: EPISODES, seed: 1 };
    const [ours, theirs] = [await evaluate(learned, tests, options), await evaluate(centroid, tests, options)];
    const { difference, ci95 } = comparePaired(ours, theirs);
    const cells = [ours, theirs, { mean: difference, ci95 }].map((each) => percent(each).padStart(19));
    console.log(`${name.padEnd(11)}${`${shots}`.padStart(5)}   ${cells.join("")}${seconds.toFixed(0).padStart(8)} s`);
  }
}

const percent = ({ mean, ci95 }: { readonly mean: number; readonly ci95: number }): string =>
  `${(100 * mean).toFixed(2)} ± ${(100 * ci95).toFixed(2)}`;
