/** Text as bags of n-grams. */
import { requireOneOf, requireOptions, requireWhole, show, wrong } from "../../arguments.ts";
import { DataError } from "../../errors.ts";
import { logarithm } from "../../portable-math.ts";
import { textHash } from "../../tasks/hash.ts";
import { byCodeUnits } from "../names.ts";
import type { Table } from "../table.ts";
import { type GramRange, gramsOf } from "../text.ts";
import { describe, fitArray, fitNames, requireColumn, textOf } from "./cells.ts";
import type { Feature, FittedFeature } from "./feature.ts";

/** What `hashedNgrams` and `tfidf` count. A word is as src/data/text.ts says. */
export interface NgramOptions {
  /** Lengths of sequences of words, from the first to the last; false for none. */
  readonly words?: readonly [number, number] | false;
  /** Lengths of sequences of characters within a word and the spaces around it; false for none. */
  readonly characters?: readonly [number, number] | false;
  /** Whether every text is divided by the root of the sum of its squares (`"l2"`, the default). */
  readonly norm?: "l2" | "none";
}

/** Options of `hashedNgrams`. */
export interface HashedNgramOptions extends NgramOptions {
  /** Numbers that n-grams are hashed to; 4,096 by default. */
  readonly size?: number;
  /** How often a number's n-grams occur (the default), 1 where they do, or that count times the weight that `tfidf` has. */
  readonly weighting?: "counts" | "binary" | "tfidf";
}

/** Options of `tfidf`. */
export interface TfidfOptions extends NgramOptions {
  /** Keeps this many n-grams: those of most training rows, in code unit order where they tie; 4,096 by default. */
  readonly most?: number;
}

const MOST_NUMBERS = 2 ** 20;
const LONGEST_GRAM = 20;

/**
 * How often n-grams occur in a text, where n-grams share numbers by their hash: nothing is learned but weights, and n-grams
 * that training never saw count. Words [1, 2] and characters [3, 5] unless told otherwise. A missing text is all zeros.
 */
export function hashedNgrams(column: string, options: HashedNgramOptions = {}): Feature {
  requireColumn("hashedNgrams", column);
  requireOptions("hashedNgrams", options, ["words", "characters", "norm", "size", "weighting"]);
  const { size = 4096, weighting = "counts" } = options;
  requireWhole("hashedNgrams: size", size, 1, MOST_NUMBERS);
  requireOneOf("hashedNgrams: weighting", weighting, ["counts", "binary", "tfidf"]);
  const settings = gramSettings("hashedNgrams", options, { words: [1, 2], characters: [3, 5] });
  const placeOf = (gram: string): number => textHash(gram) % size;
  return {
    description: describe("hashedNgrams", [column], { ...settings, size, weighting }, HASHED_DEFAULTS),
    reads: [column],
    fit(table) {
      const texts = presentTexts("hashedNgrams", table, column);
      if (weighting !== "tfidf") return {};
      const rows = new Float64Array(size);
      for (const text of texts) {
        for (const place of new Set(settings.gramsOf(text).map(placeOf))) rows[place] = (rows[place] as number) + 1;
      }
      return { arrays: { weights: Float32Array.from(rows, (count) => rarity(texts.length, count)) } };
    },
    fitted(fit) {
      const weights = weighting === "tfidf" ? fitArray("hashedNgrams", fit, "weights", size) : undefined;
      return bag(column, size, settings, placeOf, weights, weighting === "binary");
    },
  };
}

/**
 * How often n-grams occur in a text, times ln((1 + n) / (1 + d)) + 1, where d of the n training rows have the n-gram
 * (Salton and Buckley 1988, smoothed). The n-grams are those of the training rows; others do not count. Words [1, 1] and no
 * characters unless told otherwise. A missing text is all zeros.
 * @throws DataError when fitted to a column without words
 */
export function tfidf(column: string, options: TfidfOptions = {}): Feature {
  requireColumn("tfidf", column);
  requireOptions("tfidf", options, ["words", "characters", "norm", "most"]);
  const { most = 4096 } = options;
  requireWhole("tfidf: most", most, 1, MOST_NUMBERS);
  const settings = gramSettings("tfidf", options, { words: [1, 1], characters: false });
  return {
    description: describe("tfidf", [column], { ...settings, most }, TFIDF_DEFAULTS),
    reads: [column],
    fit(table) {
      const texts = presentTexts("tfidf", table, column);
      const rows = countTexts("tfidf", texts, settings.gramsOf);
      const grams = mostFrequent(rows, most).sort(byCodeUnits);
      const weights = Float32Array.from(grams, (gram) => rarity(texts.length, rows.get(gram) as number));
      return { arrays: { weights }, names: { grams } };
    },
    fitted(fit) {
      const grams = fitNames("tfidf", fit, "grams");
      const places = new Map(grams.map((gram, place) => [gram, place]));
      const weights = fitArray("tfidf", fit, "weights", grams.length);
      return { ...bag(column, grams.length, settings, (gram) => places.get(gram), weights, false), labels: grams };
    },
  };
}

interface GramSettings {
  readonly words: GramRange;
  readonly characters: GramRange;
  readonly norm: "l2" | "none";
  readonly gramsOf: (text: string) => string[];
}

type GramDefaults = Pick<GramSettings, "words" | "characters">;
const HASHED_DEFAULTS = { words: [1, 2], characters: [3, 5], norm: "l2", size: 4096, weighting: "counts" };
const TFIDF_DEFAULTS = { words: [1, 1], characters: false, norm: "l2", most: 4096 };

function gramSettings(kind: string, options: NgramOptions, defaults: GramDefaults): GramSettings {
  const { norm = "l2", words = defaults.words, characters = defaults.characters } = options;
  requireOneOf(`${kind}: norm`, norm, ["l2", "none"]);
  requireRange(`${kind}: words`, words);
  requireRange(`${kind}: characters`, characters);
  if (words === false && characters === false) throw wrong(`${kind}: words and characters`, "not both false", false);
  return { words, characters, norm, gramsOf: (text) => gramsOf(text, words, characters) };
}

function requireRange(what: string, value: unknown): asserts value is GramRange {
  if (value === false) return;
  if (!Array.isArray(value) || value.length !== 2) throw wrong(what, "[first, last], or false", value);
  requireWhole(`${what}[0]`, value[0], 1, LONGEST_GRAM);
  requireWhole(`${what}[1]`, value[1], value[0], LONGEST_GRAM);
}

const rarity = (rows: number, having: number): number => logarithm((1 + rows) / (1 + having)) + 1;

/** The texts of a column. @throws DataError where there is none */
export function presentTexts(kind: string, table: Table, name: string): string[] {
  const column = table.column(name, "text");
  const texts: string[] = [];
  for (let row = 0; row < column.size; row++) {
    const text = column.at(row);
    if (text !== null) texts.push(text);
  }
  if (texts.length > 0) return texts;
  throw new DataError(`${kind}: column ${show(name)} must have a text in the training rows, got none; leave it out`);
}

/** In how many texts each part occurs. @throws DataError where none has any */
export function countTexts(
  kind: string,
  texts: readonly string[],
  partsOf: (text: string) => string[],
): Map<string, number> {
  const rows = new Map<string, number>();
  for (const text of texts) {
    for (const part of new Set(partsOf(text))) rows.set(part, (rows.get(part) ?? 0) + 1);
  }
  if (rows.size > 0) return rows;
  throw new DataError(`${kind}: the training rows must have a word, got ${texts.length} texts without any`);
}

/** The names of the largest counts, largest first; equal counts in code unit order. */
export function mostFrequent(counts: ReadonlyMap<string, number>, most: number): string[] {
  const ranked = [...counts].sort((a, b) => b[1] - a[1] || byCodeUnits(a[0], b[0]));
  return ranked.slice(0, most).map(([name]) => name);
}

/** Counts of what has a place, weighted and normed. Sums run in the order of places. */
function bag(
  column: string,
  size: number,
  { gramsOf, norm }: GramSettings,
  placeOf: (gram: string) => number | undefined,
  weights: Float32Array | undefined,
  binary: boolean,
): FittedFeature {
  const counts = new Float64Array(size);
  return {
    shape: [size],
    write(row, out, offset) {
      counts.fill(0);
      for (const gram of gramsOf(textOf(row, column) ?? "")) {
        const place = placeOf(gram);
        if (place !== undefined) counts[place] = binary ? 1 : (counts[place] as number) + 1;
      }
      let squares = 0;
      for (let i = 0; i < size; i++) {
        const value = (counts[i] as number) * (weights?.[i] ?? 1);
        counts[i] = value;
        squares += value * value;
      }
      const divisor = norm === "l2" && squares > 0 ? Math.sqrt(squares) : 1;
      for (let i = 0; i < size; i++) out[offset + i] = (counts[i] as number) / divisor;
    },
  };
}
