import { isRecord, requireObject, requireWhole, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { Draw, keyOf } from "../random.ts";
import { type ClassInfo, type Dataset, requireDataset } from "../tasks/dataset.ts";
import { type LabelledDataset, namesIn } from "./dataset.ts";
import { nameList } from "./names.ts";

/** What a split never divides. */
export const groupOf = (info: ClassInfo): string => info.group ?? info.name;

/** @throws OptionError */
export function requireParts(operation: string, parts: unknown, rule: string): void {
  if (!isRecord(parts) || Object.keys(parts).length === 0) throw wrong(`${operation}: parts`, rule, parts);
}

/** @throws OptionError */
function requireLabelled(operation: string, dataset: unknown): asserts dataset is LabelledDataset {
  const rule = "a LabelledDataset; new LabelledDataset(mine) makes one of any data set";
  requireObject(`${operation}: dataset`, dataset, rule, ["classes", "subset"]);
}

/**
 * Refuses parts that share a class, or classes of one group (rotations of one character): results measured on such
 * parts are worthless. Classes are compared by their names.
 *
 * @param parts data sets by the name of the part, such as { train, test }
 * @throws DataError naming the parts and the classes they share
 */
export function requireDisjoint(parts: Readonly<Record<string, Dataset>>): void {
  requireParts("requireDisjoint", parts, "data sets by the name of the part, such as { train, test }");
  const owners = new Map<string, string>();
  for (const [part, dataset] of Object.entries(parts)) {
    requireDataset(`requireDisjoint: ${part}`, dataset);
    const { name, classes } = dataset;
    const shared = new Map<string, string[]>();
    for (const group of new Set(classes.map(groupOf))) {
      const owner = owners.get(group);
      if (owner === undefined) owners.set(group, part);
      else shared.set(owner, [...(shared.get(owner) ?? []), group]);
    }
    for (const [owner, groups] of shared) {
      throw new DataError(
        `split: parts must not share classes (nor classes of one group, such as rotations of one image), ` +
          `got ${nameList(groups)} in both ${JSON.stringify(owner)} and ${JSON.stringify(part)} (${name}); ` +
          "take them out of one of the two",
      );
    }
  }
}

/**
 * Splits a data set by lists of class names. Classes in no list are left out.
 *
 * @param parts names of classes by the name of the part, such as { train: [...], test: [...] }
 * @throws DataError when a name is unknown, a part is empty, or parts share classes
 */
export function splitClasses<Part extends string>(
  dataset: LabelledDataset,
  parts: Readonly<Record<Part, Iterable<string>>>,
): Record<Part, LabelledDataset> {
  requireLabelled("splitClasses", dataset);
  requireParts(
    "splitClasses",
    parts,
    "names of classes by the name of the part, such as { train: [...], test: [...] }",
  );
  const split: Partial<Record<Part, LabelledDataset>> = {};
  for (const part of Object.keys(parts) as Part[]) {
    split[part] = dataset.subset(namesIn(`splitClasses: ${part}`, parts[part]));
  }
  const complete = split as Record<Part, LabelledDataset>;
  requireDisjoint(complete);
  return complete;
}

/**
 * Splits a data set at random: the same seed always gives the same split. Whole groups are drawn, so that all rotations
 * of a character fall into one part; where classes have no group, each is its own, and counts are of classes.
 * Groups beyond the sum of the counts are left out.
 *
 * @param counts number of groups by the name of the part, such as { train: 1200, test: 423 }
 * @param seed whole number from 0 to 2^53 - 1
 * @throws OptionError when a count is not a whole number of at least 1
 * @throws DataError when there are fewer groups than the counts ask for
 */
export function randomSplit<Part extends string>(
  dataset: LabelledDataset,
  counts: Readonly<Record<Part, number>>,
  seed: number,
): Record<Part, LabelledDataset> {
  requireLabelled("randomSplit", dataset);
  requireParts("randomSplit", counts, "numbers of groups by the name of the part, such as { train: 1200, test: 423 }");
  requireWhole("randomSplit: seed", seed, 0);
  const parts = Object.keys(counts) as Part[];
  let wanted = 0;
  for (const part of parts) wanted += requireWhole(`randomSplit: ${part}`, counts[part], 1);
  const groups = [...new Set(dataset.classes.map(groupOf))];
  if (wanted > groups.length) {
    throw new DataError(
      `randomSplit: counts must add up to at most the ${groups.length} classes or groups of ${dataset.name}, ` +
        `got ${parts.map((part) => `${part} ${counts[part]}`).join(" + ")} = ${wanted}`,
    );
  }
  const order = new Draw(keyOf(seed)).choose(wanted, groups.length);
  const split: Partial<Record<Part, LabelledDataset>> = {};
  let next = 0;
  for (const part of parts) {
    const mine = new Set(order.slice(next, next + counts[part]).map((i) => groups[i]));
    next += counts[part];
    split[part] = dataset.subset((info) => mine.has(groupOf(info)));
  }
  return split as Record<Part, LabelledDataset>;
}
