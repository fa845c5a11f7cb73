/** Which classes or groups are trained on, which choose between models, and which are reported. */
import { isRecord, show } from "../../arguments.ts";
import { DataError } from "../../errors.ts";
import { Draw, keyOf } from "../../random.ts";
import type { Part } from "../../tasks/record.ts";
import { byCodeUnits, nameList } from "../names.ts";
import { readBounded } from "./files.ts";

/** Names of classes or groups by part. */
export type Parts = Readonly<Record<Part, readonly string[]>>;

const PARTS: readonly Part[] = ["train", "validation", "test"];
const LARGEST_FILE = 2 ** 24;

/** How classes or groups are divided. */
export interface Division {
  /** A JSON file of the parts; by seed where it is left out. */
  readonly split?: string | undefined;
  readonly splitSeed: number;
  /** Classes or groups that tasks of every part need. */
  readonly least: number;
}

/**
 * Divides classes or groups at random: a fifth each to validate and to test, or `least` of them where that is more. Where
 * there are not enough for three parts, none validates.
 * @param units with repetition, in any order
 * @throws DataError where there are not enough to train and to test
 */
export async function partsOf(name: string, units: readonly string[], division: Division): Promise<Parts> {
  const { split, splitSeed, least } = division;
  const known = [...new Set(units)].sort(byCodeUnits);
  if (split !== undefined) return partsOfFile(split, known);
  const count = known.length;
  if (count < 2 * least) {
    throw new DataError(
      `${name}: there must be at least ${least} classes or groups to train on and ${least} others to test on, got ${count} in all; ` +
        "lower the ways, add some, or give a split",
    );
  }
  const fifth = Math.max(least, Math.floor(count / 5 + 0.5));
  const test = count - fifth >= least ? fifth : least;
  const validation = count - test - fifth >= least ? fifth : 0;
  const order = new Draw(keyOf(splitSeed)).choose(count, count).map((i) => known[i] as string);
  return {
    test: order.slice(0, test),
    validation: order.slice(test, test + validation),
    train: order.slice(test + validation),
  };
}

/** Reads `{ "train": […], "validation": […], "test": […] }`; units in no part are left out. */
async function partsOfFile(path: string, known: readonly string[]): Promise<Parts> {
  const text = new TextDecoder().decode(await readBounded(path, LARGEST_FILE, "name a JSON file of the parts"));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path}: must be JSON, got something else (${(error as Error).message})`);
  }
  if (!isRecord(value)) {
    throw new DataError(
      `${path}: must be an object { "train": […], "validation": […], "test": […] }, got ${show(value)}`,
    );
  }
  const foreign = Object.keys(value).find((name) => !PARTS.includes(name as Part));
  if (foreign !== undefined) {
    throw new DataError(`${path}: parts must be train, validation and test, got ${show(foreign)}`);
  }
  const { train, validation, test } = value;
  const parts = {
    train: namesOf(path, "train", train),
    validation: namesOf(path, "validation", validation),
    test: namesOf(path, "test", test),
  };
  requireSplit(path, parts, known);
  return parts;
}

function namesOf(path: string, part: Part, given: unknown = []): string[] {
  if (!Array.isArray(given) || given.some((each) => typeof each !== "string" && typeof each !== "number")) {
    throw new DataError(`${path}: ${part} must be a list of names, got ${show(given)}`);
  }
  return given.map(String);
}

/** @throws DataError for names that the data do not have, for one in two parts, and where nothing is to train on or to test */
export function requireSplit(path: string, parts: Parts, known: readonly string[]): void {
  const all = new Set(known);
  const owners = new Map<string, Part>();
  for (const part of PARTS) {
    if (part !== "validation" && parts[part].length === 0) {
      throw new DataError(`${path}: ${part} must name at least one class or group, got none`);
    }
    for (const name of parts[part]) {
      if (!all.has(name)) {
        throw new DataError(
          `${path}: ${part} must name classes or groups of the data, got ${show(name)}; there are ${nameList(known, 10)}`,
        );
      }
      const owner = owners.get(name);
      if (owner !== undefined) {
        throw new DataError(`${path}: a name must be in one part and once, got ${show(name)} in ${owner} and ${part}`);
      }
      owners.set(name, part);
    }
  }
}
