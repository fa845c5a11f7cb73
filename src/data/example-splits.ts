/** Splits of examples by what is known of their rows, and folds of examples and of classes. */
import { isRecord, requireNumber, requireOptions, requireText, requireWhole, show, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { Draw, keyOf } from "../random.ts";
import {
  type Examples,
  type Fact,
  requireExamples,
  requireFact,
  rowsBy,
  selectRows,
  valuesOf,
} from "../tasks/examples.ts";
import type { LabelledDataset } from "./dataset.ts";
import { nameList } from "./names.ts";
import { groupOf, requireParts } from "./splits.ts";

/** Options of `splitExamples`. */
export interface SplitOptions<Part extends string> {
  /** The fact that is split by: `"label"`, `"group"`, or any other. */
  readonly by: string;
  /** Its values by the name of the part; rows of values in no part are left out. */
  readonly parts: Readonly<Record<Part, Fact>>;
}

/**
 * Splits examples by the values of a fact: labels, people, hospitals, years.
 * @throws OptionError for an unknown option; DataError for a value that no row has, one that is in two parts, and a part of none
 */
export function splitExamples<Part extends string>(
  examples: Examples,
  options: SplitOptions<Part>,
): Record<Part, Examples> {
  requireExamples("splitExamples", examples);
  requireOptions("splitExamples", options, ["by", "parts"]);
  const { by, parts } = options;
  const fact = requireFact("splitExamples: by", examples, by);
  requireParts("splitExamples", parts, "values by the name of the part, such as { train: [...], test: [...] }");
  const known = new Set(fact);
  const owners = new Map<string | number, string>();
  const split = Object.entries<Fact>(parts).map(([part, values]) => {
    if (!Array.isArray(values) || values.length === 0)
      throw wrong(`splitExamples: ${part}`, `a list of values of ${by}`, values);
    for (const value of values) {
      if (!known.has(value)) {
        throw new DataError(
          `splitExamples: ${part} must hold values of ${by}, got ${show(value)} (${examples.name}); there are ${nameList(valuesOf(fact).map(String), 10)}`,
        );
      }
      const owner = owners.get(value);
      if (owner !== undefined) {
        throw new DataError(
          `splitExamples: a value of ${by} must be in one part, got ${show(value)} in ${show(owner)} and ${show(part)} (${examples.name})`,
        );
      }
      owners.set(value, part);
    }
    const wanted = new Set(values);
    return [part, where(examples, (row) => wanted.has(fact[row] as string))] as const;
  });
  return Object.fromEntries(split) as Record<Part, Examples>;
}

/** Options of `randomParts`. */
export interface PartOptions<Part extends string> {
  /** The fact whose values are never divided between parts, such as a person; rows on their own where it is left out. */
  readonly by?: string;
  /** The share of each part, above 0 and of at most 1 together: `{ train: 0.7, test: 0.3 }`. What is left over is in no part. */
  readonly parts: Readonly<Record<Part, number>>;
  /** Which split; whole, from 0. */
  readonly seed: number;
}

/**
 * Splits examples at random: the same seed always gives the same split. Shares are of the values of `by`, not of rows.
 * @throws OptionError for an unknown option or shares of more than 1; DataError where a part would have nothing
 */
export function randomParts<Part extends string>(
  examples: Examples,
  options: PartOptions<Part>,
): Record<Part, Examples> {
  requireExamples("randomParts", examples);
  requireOptions("randomParts", options, ["by", "parts", "seed"]);
  const { by, parts, seed } = options;
  requireWhole("randomParts: seed", seed, 0);
  requireParts("randomParts", parts, "shares by the name of the part, such as { train: 0.7, test: 0.3 }");
  const entries = Object.entries<number>(parts);
  const total = entries.reduce(
    (sum, [part, share]) => sum + requireNumber(`randomParts: ${part}`, share, { above: 0, to: 1 }),
    0,
  );
  // Shares such as 0.7, 0.2 and 0.1 may add up to a little more than 1.
  if (total > 1 + 1e-9) throw wrong("randomParts: parts", "shares of at most 1 together", total);
  const units = unitsOf("randomParts", examples, by);
  const order = new Draw(keyOf(seed)).choose(units.length, units.length);
  let [from, shared] = [0, 0];
  const split = entries.map(([part, share]) => {
    shared += share;
    const to = Math.min(units.length, Math.floor(shared * units.length + 0.5));
    if (to === from) {
      throw new DataError(
        `randomParts: every part must have at least one ${by ?? "row"}, got none in ${show(part)} (${share} of ${units.length}, ${examples.name}); raise its share`,
      );
    }
    const rows = order.slice(from, to).flatMap((unit) => units[unit] as readonly number[]);
    from = to;
    return [part, inOrder(examples, rows)] as const;
  });
  return Object.fromEntries(split) as Record<Part, Examples>;
}

/**
 * Splits examples by time: rows before a value, and rows from it on.
 * @param fact a fact of numbers, or of texts that sort as times do, such as 2024-05-31
 * @throws DataError for facts of mixed kinds, a value of another kind, and a side without rows
 */
export function splitByTime(
  examples: Examples,
  fact: string,
  at: string | number,
): { readonly before: Examples; readonly after: Examples } {
  requireExamples("splitByTime", examples);
  const times = requireFact("splitByTime: fact", examples, requireText("splitByTime: fact", fact));
  if (typeof at !== "string" && !Number.isFinite(at)) throw wrong("splitByTime: at", "a number or a text", at);
  const odd = times.find((time) => typeof time !== typeof at);
  if (odd !== undefined) {
    throw new DataError(
      `splitByTime: at must be of the kind of ${fact}, got ${show(at)} and ${show(odd)} (${examples.name})`,
    );
  }
  const earlier = times.map((time) => time < at);
  const count = earlier.filter(Boolean).length;
  if (count === 0 || count === times.length) {
    const side = count === 0 ? "before" : "from";
    throw new DataError(
      `splitByTime: there must be rows on both sides, got none ${side} ${show(at)} (${examples.name})`,
    );
  }
  return {
    before: where(examples, (row) => earlier[row] as boolean),
    after: where(examples, (row) => !earlier[row]),
  };
}

/** Options of `folds`. */
export interface FoldOptions {
  /** How many folds, from 2. */
  readonly count: number;
  /** Which division; whole, from 0. */
  readonly seed: number;
  /** The fact whose values are never divided between folds; rows on their own where it is left out. Data sets have none: their classes or groups are divided. */
  readonly by?: string;
}

/** One turn of cross-validation. */
export interface Fold<T> {
  readonly train: T;
  readonly test: T;
}

/**
 * Divides examples, or the classes of a data set, at random into `count` folds of equal size (give or take one), each of which is the
 * test part once and otherwise among the training part.
 * @throws OptionError for an unknown option; DataError where there are fewer values, rows, classes or groups than folds
 */
export function folds<T extends Examples | LabelledDataset>(data: T, options: FoldOptions): Fold<T>[] {
  requireOptions("folds", options, ["count", "seed", "by"]);
  const { count, seed, by } = options;
  requireWhole("folds: count", count, 2);
  requireWhole("folds: seed", seed, 0);
  if (isDataset(data)) {
    if (by !== undefined) throw wrong("folds: by", "left out for a data set, whose classes or groups are divided", by);
    const groups = [...new Set(data.classes.map(groupOf))];
    return dealt(data.name, "classes or groups", groups, count, seed).map((test) => {
      const own = new Set(test);
      return {
        train: data.subset((info) => !own.has(groupOf(info))),
        test: data.subset((info) => own.has(groupOf(info))),
      };
    }) as unknown as Fold<T>[];
  }
  requireExamples("folds", data);
  const units = unitsOf("folds", data, by);
  return dealt(data.name, by === undefined ? "rows" : `values of ${by}`, units, count, seed).map((test) => {
    const own = new Set(test.flat());
    return { train: where(data, (row) => !own.has(row)), test: where(data, (row) => own.has(row)) };
  }) as unknown as Fold<T>[];
}

/** Told by its members: the data set may be of another entry's bundle. */
function isDataset(data: unknown): data is LabelledDataset {
  return isRecord(data) && "classes" in data && typeof data.subset === "function";
}

/** Things dealt out in turn, in an order that the seed fixes. */
function dealt<T>(name: string, what: string, things: readonly T[], count: number, seed: number): T[][] {
  if (things.length < count) {
    throw new DataError(`folds: count must be at most the ${things.length} ${what} of ${name}, got ${count}`);
  }
  const hands: T[][] = Array.from({ length: count }, () => []);
  const order = new Draw(keyOf(seed)).choose(things.length, things.length);
  for (const [turn, i] of order.entries()) hands[turn % count]?.push(things[i] as T);
  return hands;
}

/** The rows that must stay together. */
function unitsOf(operation: string, examples: Examples, by: string | undefined): readonly (readonly number[])[] {
  if (by === undefined) return Array.from({ length: examples.size }, (_, row) => [row]);
  const fact = requireFact(`${operation}: by`, examples, by);
  return rowsBy(fact, valuesOf(fact));
}

const inOrder = (examples: Examples, rows: readonly number[]): Examples =>
  selectRows(
    examples,
    [...rows].sort((a, b) => a - b),
  );

const where = (examples: Examples, test: (row: number) => boolean): Examples =>
  selectRows(
    examples,
    Array.from({ length: examples.size }, (_, row) => row).filter((row) => test(row)),
  );
