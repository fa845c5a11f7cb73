/**
 * Intents that training never saw, from 1 and 5 sentences of each: docs/results.md, section 14. A weight is learned for each of
 * 16,384 hashed n-grams, under a ridge head; beside it the centroid of the largest cosine over TF-IDF of words, on the same episodes.
 */
import { readFile } from "node:fs/promises";
import { comparePaired } from "../src/analysis.ts";
import { byClass, hashedNgrams, preprocess, readJson, type Table, tableOf, tfidf } from "../src/data.ts";
import {
  adam,
  cosineDecay,
  Draw,
  episodes,
  evaluate,
  keyOf,
  layers,
  metaTrain,
  model,
  protoNet,
  r2d2,
} from "../src/index.ts";
import { file } from "../src/node.ts";
import { sharedData } from "./shared-data.ts";

const PARTS = 5;
const SPLITS = ["domains", "mixed"] as const;
type Split = (typeof SPLITS)[number];
const SIZE = 16_384;
/** More than there are: all words count. */
const MOST_WORDS = 65_536;
const ITERATIONS = 200;
const META_BATCH = 8;
const RATE = 0.002;
const SEED = 1;
const SHOTS = [1, 5] as const;
const EPISODES = 1000;

/** `npm run bench -- clinc [domains|mixed] [0 to 4]`: the first split of either kind unless told otherwise. */
export async function benchClinc([split, which = "0"]: readonly string[]): Promise<void> {
  const chosen = SPLITS.filter((each) => split === undefined || each === split);
  if (chosen.length === 0) throw new Error(`no split is called ${split}; there are ${SPLITS.join(", ")}`);
  const table = await readIntents();
  for (const each of chosen) await measure(table, each, Number(which));
}

/** Sentences of all parts of the file, with the domain of their intent. */
async function readIntents(): Promise<Table> {
  const domains = await readDomains();
  const rows: { readonly text: string; readonly intent: string; readonly domain: string }[] = [];
  for (const part of ["train", "val", "test"]) {
    const source = file(sharedData("clinc150/data_full.json"));
    const table = await readJson(source, { path: [part], header: ["text", "intent"] });
    const [texts, intents] = [table.column("text", "text"), table.column("intent", "text")];
    for (let row = 0; row < table.size; row++) {
      const intent = intents.at(row) ?? "";
      rows.push({ text: texts.at(row) ?? "", intent, domain: domains.get(intent) ?? "" });
    }
  }
  const columns = (["text", "intent", "domain"] as const).map((name) => [name, rows.map((row) => row[name])] as const);
  return tableOf(Object.fromEntries(columns), "clinc150");
}

/** The domain of each intent. */
async function readDomains(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(sharedData("clinc150/domains.json"), "utf8");
  const domains = Object.entries(JSON.parse(text) as Readonly<Record<string, readonly string[]>>);
  return new Map(domains.flatMap(([domain, intents]) => intents.map((intent) => [intent, domain] as const)));
}

/**
 * Rows of training and of the test. Domains in the order of their names, or intents in random order, are five parts: one is the
 * test, the next is left for the choice of settings, three are for training. Each of five splits has another part as its test.
 */
function splitOf(table: Table, split: Split, which: number): Record<"train" | "test", Table> {
  const by = split === "domains" ? "domain" : "intent";
  const column = table.column(by, "text");
  const values = [...new Set(Array.from({ length: table.size }, (_, row) => column.at(row) ?? ""))].sort();
  const order = new Draw(keyOf(SEED)).choose(values.length, values.length);
  const list = split === "domains" ? values : order.map((i) => values[i] as string);
  const partOf = (value: string) => (Math.floor((PARTS * list.indexOf(value)) / list.length) + PARTS - which) % PARTS;
  const parts = new Map(list.map((value) => [value, partOf(value)]));
  const where = (test: (part: number) => boolean) => table.where((row) => test(parts.get(row[by] as string) ?? 1));
  return { train: where((part) => part > 1), test: where((part) => part === 0) };
}

/** The rows as classes: n-grams weighted by training rows as `x`, and TF-IDF of words as `words`, weighted by all rows. */
function preprocessed(table: Table, { train, test }: Record<"train" | "test", Table>) {
  const ngrams = hashedNgrams("text", { size: SIZE, weighting: "tfidf", words: [1, 2], characters: [3, 5] });
  const words = tfidf("text", { most: MOST_WORDS });
  const learned = preprocess({ x: ngrams }).fit(train);
  const counted = preprocess({ words }).fit(table);
  const both = preprocess({ x: ngrams, words }).fitted({ ...learned.fits, ...counted.fits });
  const facts = { label: "intent" };
  return { train: byClass(learned.examples(train, facts)), test: byClass(both.examples(test, facts)) };
}

async function measure(table: Table, split: Split, which: number): Promise<void> {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(0);
  const { train, test } = preprocessed(table, splitOf(table, split, which));
  const prepared = seconds();
  const weighted = layers.sequential([layers.scale(), layers.l2Normalise()]);
  const trained = await metaTrain(r2d2(model([SIZE], weighted)), episodes(train, { ways: 5, shots: 1, queries: 5 }), {
    iterations: ITERATIONS,
    metaBatch: META_BATCH,
    optimizer: adam(cosineDecay(RATE, { steps: ITERATIONS })),
    seed: SEED,
  });
  const trainedBy = seconds();
  const { words = [] } = test.inputs;
  const centroid = protoNet(model(words, layers.flatten(), { column: "words" }), { distance: "cosine" });
  const untrained = await metaTrain(centroid, episodes(test, { ways: 5, shots: 1, queries: 5 }), { iterations: 0 });
  const sizes = `${train.classes.length} intents to train, ${test.classes.length} to test, split ${which}`;
  console.log(`${split}: ${sizes}; features after ${prepared} s, trained after ${trainedBy} s`);
  console.log("shots      r2d2 over weights      nearest centroid            difference");
  for (const shots of SHOTS) {
    const tasks = episodes(test, { ways: 5, shots, queries: 15 });
    const options = { episodes: EPISODES, seed: SEED };
    const [ours, theirs] = [await evaluate(trained, tasks, options), await evaluate(untrained, tasks, options)];
    const { difference, ci95 } = comparePaired(ours, theirs);
    const cells = [ours, theirs, { mean: difference, ci95 }].map((each) => percent(each).padStart(22));
    console.log(`${shots}`.padStart(5) + cells.join(""));
  }
}

const percent = ({ mean, ci95 }: { readonly mean: number; readonly ci95: number }): string =>
  `${(100 * mean).toFixed(2)} ± ${(100 * ci95).toFixed(2)}`;
