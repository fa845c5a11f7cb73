import { text, whole } from "../../options.ts";
import { hashedNgrams } from "../features/text.ts";
import { type Preprocess, preprocess } from "../preprocessing.ts";
import { classSpec, DIVISION, divided, SIZES, WAYS, wordsModel } from "./data-options.ts";
import { dataTask, openTable } from "./data-task.ts";
import { readTable } from "./read-table.ts";

/** Of tasks of text. */
export const NGRAMS = {
  ngrams: whole("numbers that n-grams of words and characters are hashed to", {
    least: 16,
    most: 2 ** 18,
    default: 16_384,
  }),
};
export const TEXT_RUN = { iterations: 200, metaBatch: 16, metaRate: 0.002 };

/** N-grams of 1 and 2 words and of 3 to 5 characters, by their rarity in the training part. */
export const wordsOf = (column: string, size: number): Preprocess =>
  preprocess({ x: hashedNgrams(column, { size, weighting: "tfidf" }) });

const OPTIONS = {
  text: text("column of the text", "text"),
  label: text("column of the class", "label"),
  ...NGRAMS,
  ...WAYS,
  ...SIZES,
  ...DIVISION,
};

export const textRecord = dataTask<typeof OPTIONS>({
  name: "text",
  summary: "texts of your own with their classes, as n-grams with learned weights",
  options: OPTIONS,
  data: "a file of delimited text (.csv, .tsv), JSON (.json, .jsonl) or Parquet (.parquet)",
  run: TEXT_RUN,
  spec: ({ ngrams, ways, ...sizes }) => classSpec([ngrams], ways, sizes),
  async open(settings, data) {
    const { text: column, label, ngrams } = settings;
    const table = await readTable(data);
    const unfitted = wordsOf(column, ngrams);
    return openTable(await divided({ table, kind: { of: "classes", label }, preprocess: () => unfitted }, settings));
  },
  model: ({ ngrams }, kind, width) => wordsModel(ngrams, kind, width),
});
