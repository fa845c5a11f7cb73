import { join } from "node:path";
import { isRecord } from "../../arguments.ts";
import { DataError } from "../../errors.ts";
import { choice } from "../../options.ts";
import type { Part } from "../../tasks/record.ts";
import { readJson } from "../readers/json.ts";
import { classSpec, DIVISION, SIZES, WAYS, wordsModel } from "./data-options.ts";
import { dataTask, openTable } from "./data-task.ts";
import { file, readBounded } from "./files.ts";
import { stacked } from "./read-table.ts";
import { type Parts, partsOf, requireSplit } from "./task-parts.ts";
import { NGRAMS, TEXT_RUN, wordsOf } from "./text-record.ts";

const OPTIONS = {
  split: choice("what parts do not share: domains of intents, or intents alone", ["domain", "mixed"], "domain"),
  splitSeed: DIVISION.splitSeed,
  ...NGRAMS,
  ...WAYS,
  ...SIZES,
};
const LARGEST_LIST = 2 ** 20;

export const clinc150Record = dataTask<typeof OPTIONS>({
  name: "clinc150",
  summary: "what people ask an assistant for: 150 intents of 10 domains (Larson et al. 2019)",
  options: OPTIONS,
  data: "a folder with data_full.json and domains.json",
  run: TEXT_RUN,
  spec: ({ ngrams, ways, ...sizes }) => classSpec([ngrams], ways, sizes),
  async open({ split, splitSeed, ngrams }, data) {
    const path = join(data, "data_full.json");
    const header = ["text", "label"];
    const tables = [];
    for (const part of ["train", "val", "test"]) tables.push(await readJson(file(path), { path: [part], header }));
    const domains = await domainsOf(join(data, "domains.json"));
    const units = split === "domain" ? Object.keys(domains) : Object.values(domains).flat();
    const chosen = await partsOf("clinc150", units, { splitSeed, least: 1 });
    const intents = (part: Part) =>
      chosen[part].flatMap((name) => (split === "domain" ? (domains[name] ?? []) : [name]));
    const parts: Parts = { train: intents("train"), validation: intents("validation"), test: intents("test") };
    const table = stacked("clinc150", tables);
    const labels = table.column("label", "text");
    requireSplit(path, parts, [...new Set(Array.from({ length: table.size }, (_, row) => labels.at(row) ?? ""))]);
    const unfitted = wordsOf("text", ngrams);
    return openTable({ table, kind: { of: "classes", label: "label" }, preprocess: () => unfitted, parts });
  },
  model: ({ ngrams }, kind, width) => wordsModel(ngrams, kind, width),
});

/** The intents of each domain. */
async function domainsOf(path: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const text = new TextDecoder().decode(await readBounded(path, LARGEST_LIST, "see quickstudy data"));
  const rule = `${path}: must be a JSON object of lists of intents by domain`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${rule} (${(error as Error).message})`);
  }
  const lists = isRecord(value) ? Object.values(value) : [];
  const texts = lists.every((list) => Array.isArray(list) && list.every((each) => typeof each === "string"));
  if (lists.length === 0 || !texts) throw new DataError(`${rule}, got something else`);
  return value as Record<string, string[]>;
}
