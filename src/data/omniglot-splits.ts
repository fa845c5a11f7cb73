import { DataError, OptionError } from "../errors.ts";
import type { LabelledDataset } from "./dataset.ts";
import { nameList } from "./names.ts";
import { withRotations } from "./rotations.ts";
import { randomSplit, requireDisjoint } from "./splits.ts";

/** Characters of a random split, as in the papers that do not use Vinyals et al.'s lists. */
const TRAIN_CHARACTERS = 1200;
const TEST_CHARACTERS = 423;

/** Parts of Vinyals et al.'s split. */
export const VINYALS_PARTS = ["train", "val", "trainval", "test"] as const;
export type VinyalsPart = (typeof VINYALS_PARTS)[number];

/** Names of the characters (`Alphabet/characterNN`) of every part. */
export type VinyalsLists = Readonly<Record<VinyalsPart, readonly string[]>>;

/** A random split: of the 1,623 characters, 1,200 to learn from and 423 to test. */
export interface RandomOmniglotSplit {
  /** Whole number from 0 to 2^53 - 1. */
  readonly seed: number;
  /** How many of the 1,200 are set aside for validation. Default 0: then there is no `val`, and `trainval` is `train`. */
  readonly val?: number;
}

/** Omniglot in parts that share no character. `trainval` is `train` and `val` together. */
export interface OmniglotParts {
  readonly train: LabelledDataset;
  readonly val?: LabelledDataset;
  readonly trainval: LabelledDataset;
  readonly test: LabelledDataset;
}

/** As `OmniglotParts`, with `val`. */
export interface VinyalsParts extends OmniglotParts {
  readonly val: LabelledDataset;
}

const LISTED = /^([^/]+\/character\d{2})\/rot(000|090|180|270)$/;

/**
 * Reads a list of `Alphabet/characterNN/rotDDD`, one a line. Every character must be there in all four rotations.
 *
 * @returns its characters, in the order of the list
 * @throws DataError naming the file and line
 */
export function parseVinyalsList(text: string, file: string): string[] {
  const seen = new Set<string>();
  const characters = new Map<string, number>();
  text.split("\n").forEach((raw, i) => {
    const line = raw.trim();
    if (line === "") return;
    const character = LISTED.exec(line)?.[1];
    if (character === undefined || seen.has(line)) {
      throw new DataError(
        `${file}, line ${i + 1}: every line must be Alphabet/characterNN/rotDDD with DDD 000, 090, 180 or 270, once, ` +
          `got ${nameList([line])}; restore the list of the Prototypical Networks release`,
      );
    }
    seen.add(line);
    characters.set(character, (characters.get(character) ?? 0) + 1);
  });
  const partial = [...characters].filter(([, rotations]) => rotations !== 4).map(([character]) => character);
  if (partial.length > 0 || characters.size === 0) {
    throw new DataError(
      `${file}: must list characters in all four rotations, got ${nameList(partial) || "an empty list"} ` +
        "(some rotations missing); restore the list of the Prototypical Networks release",
    );
  }
  return [...characters.keys()];
}

/**
 * The split of Vinyals et al. 2016 ("Matching Networks"), as released with Prototypical Networks: 1,028 / 172 / 423
 * characters for training, validation and test.
 *
 * @param characters Omniglot without rotations
 * @param rotations whether every character becomes four classes
 * @throws DataError when a listed character does not exist, parts overlap, or trainval is not train and val
 */
export function vinyalsSplit(characters: LabelledDataset, lists: VinyalsLists, rotations: boolean): VinyalsParts {
  const part = (name: VinyalsPart) => characters.subset(lists[name]);
  const parts = { train: part("train"), val: part("val"), trainval: part("trainval"), test: part("test") };
  requireDisjoint({ train: parts.train, val: parts.val, test: parts.test });
  const both = characters.subset([...lists.train, ...lists.val]);
  if (both.fingerprint !== parts.trainval.fingerprint) {
    throw new DataError(
      `omniglot: trainval must be train and val together, got ${parts.trainval.classes.length} characters ` +
        `for ${both.classes.length}; restore the lists of the Prototypical Networks release`,
    );
  }
  const finish = rotations ? withRotations : (dataset: LabelledDataset) => dataset;
  return {
    train: finish(parts.train),
    val: finish(parts.val),
    trainval: finish(parts.trainval),
    test: finish(parts.test),
  };
}

/**
 * A random split of 1,200 and 423 characters. Characters are drawn before rotations are added, so that all rotations of
 * one are in one part.
 *
 * @param characters Omniglot without rotations
 * @param rotations whether every character becomes four classes
 */
export function randomOmniglotSplit(
  characters: LabelledDataset,
  { seed, val = 0 }: RandomOmniglotSplit,
  rotations: boolean,
): OmniglotParts {
  if (!Number.isSafeInteger(val) || val < 0 || val >= TRAIN_CHARACTERS) {
    throw new OptionError(`omniglot: split.val must be a whole number from 0 to ${TRAIN_CHARACTERS - 1}, got ${val}`);
  }
  const finish = rotations ? withRotations : (dataset: LabelledDataset) => dataset;
  const { trainval, test } = randomSplit(characters, { trainval: TRAIN_CHARACTERS, test: TEST_CHARACTERS }, seed);
  const whole = finish(trainval);
  if (val === 0) return { train: whole, trainval: whole, test: finish(test) };
  const parts = randomSplit(trainval, { train: TRAIN_CHARACTERS - val, val }, seed);
  return { train: finish(parts.train), val: finish(parts.val), trainval: whole, test: finish(test) };
}
