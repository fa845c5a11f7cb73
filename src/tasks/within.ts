import { requireOptions, requireWhole, show, wrong } from "../arguments.ts";
import { DataError, OptionError } from "../errors.ts";
import { classification } from "../nn/objective.ts";
import type { Draw } from "../random.ts";
import { type Examples, type Fact, requireExamples, requireFact, rowsBy, valuesOf } from "./examples.ts";
import { type GroupSource, groupSource, largeEnough } from "./groups.ts";
import { ContentHash } from "./hash.ts";
import { pickRows, type TaskRows } from "./rows.ts";
import {
  needed,
  neededText,
  type Queries,
  requireQueries,
  requireSmall,
  type Small,
  sharesOf,
  waysOut,
} from "./shares.ts";

/** Options of `within`. */
export interface WithinOptions {
  /** The fact that is predicted; `"label"` by default. */
  readonly label?: string;
  /** The fact that tells whose a row is; `"group"` by default. */
  readonly group?: string;
  /** The labels, in the order of their classes; those that occur, sorted, by default. Give them where parts of a split may lack some. */
  readonly labels?: Fact;
  /** Support rows of each label; `queries` are then of each label, too. */
  readonly shots?: number;
  /** In place of shots, support rows in all: the labels have the shares that they have in the group, and each that occurs has one at least. */
  readonly support?: number;
  /** Query rows; `"rest"` for all of the group that are not support. */
  readonly queries: Queries;
  /**
   * Groups that have too few rows: `"refuse"` them, which is the default, `"skip"` them, or take `"fewer"` of their rows, in
   * the same proportion. Groups without a query or a second label are then left out.
   */
  readonly small?: Small;
}

/** The source that `within` makes. */
export interface WithinSource extends GroupSource {
  /** The label of each class. */
  readonly labels: Fact;
}

/**
 * The same classes for somebody new: every task is of one group (a person, a hospital, a device), support and query are different
 * rows of it, and each label is the same class in every task.
 *
 * Where a group has fewer rows of a label than the others, what is missing is padding of weight 0.
 *
 * @throws OptionError for an unknown option or a count that is not a whole number; DataError for facts that the examples do not
 *   have, for a label that is not among `labels`, and for groups that are too small, unless `small` says what to do about them
 */
export function within(examples: Examples, options: WithinOptions): WithinSource {
  requireExamples("within", examples);
  requireOptions("within", options, ["label", "group", "labels", "shots", "support", "queries", "small"]);
  const { label = "label", group = "group", shots, support, small = "refuse" } = options;
  const queries = requireQueries("within", options.queries);
  requireSmall("within", small);
  if ((shots === undefined) === (support === undefined)) {
    throw new OptionError(
      `within: one of shots (of each label) and support (rows in all) must be given, got ${shots === undefined ? "neither" : "both"}`,
    );
  }
  const facts = requireFact("within: label", examples, label);
  const labels = labelsOf("within", examples, facts, options.labels);
  const owners = requireFact("within: group", examples, group);
  const place = new Map(labels.map((value, i) => [value, i]));
  const classes = facts.map((value) => place.get(value) as number);
  const values = valuesOf(owners);
  const all = rowsBy(owners, values).map((rows, i): Group => {
    const byClass: number[][] = labels.map(() => []);
    for (const row of rows) byClass[classes[row] as number]?.push(row);
    return { value: values[i] as string | number, rows, byClass };
  });
  const chooser =
    shots === undefined
      ? rowChooser(requireWhole("within: support", support, labels.length), queries)
      : shotChooser(requireWhole("within: shots", shots, 1), queries);
  const groups = largeEnough("within", all, (each) => chooser.lacks(each, small), {
    skip: small !== "refuse",
    rule: chooser.rule,
    remedy: waysOut("groups"),
    examples,
  });
  const shares = groups.map((each) => chooser.shares(each));
  const sizes = shares.map(({ support: s, queries: q }) => [sum(s), sum(q)] as const);
  const most = (i: 0 | 1) => sizes.reduce((largest, each) => Math.max(largest, each[i]), 0);
  const weighted = sizes.some(([s, q]) => s < most(0) || q < most(1));
  const { y: _, ...inputs } = examples.columns;
  const settings = [label, group, shots ?? -1, support ?? -1, queries, small, ...labels];
  const hash = new ContentHash().value("within").value(examples.fingerprint);
  for (const value of settings) hash.value(value);
  const source = groupSource({
    name: `${examples.name} within ${group}`,
    examples,
    spec: {
      inputs,
      objective: classification(labels.length),
      segments: [most(0)],
      queries: most(1),
      ...(weighted ? { weighted: true } : {}),
    },
    fingerprint: hash.digest(),
    groups: groups.map(({ value }) => value),
    labels: classes,
    pick: (i, draw) => chooser.pick(groups[i] as Group, shares[i] as Split, draw),
  });
  return { ...source, labels };
}

/** The labels of classes, checked. @throws OptionError, DataError */
export function labelsOf(operation: string, { name }: Examples, facts: Fact, given: unknown): Fact {
  const found = valuesOf(facts);
  if (given !== undefined) {
    const list: unknown = given;
    if (!Array.isArray(list) || new Set(list).size < list.length) {
      throw wrong(`${operation}: labels`, "a list of different labels", given);
    }
    const odd = list.find((each) => typeof each !== "string" && !Number.isFinite(each));
    if (odd !== undefined || list.length === 0)
      throw wrong(`${operation}: labels`, "a list of texts and numbers", given);
    const foreign = found.find((value) => !list.includes(value));
    if (foreign !== undefined) {
      throw new DataError(
        `${operation}: every label must be among labels, got ${show(foreign)} (${name}); add it, or leave its rows out`,
      );
    }
  }
  const labels = (given as Fact | undefined) ?? found;
  if (labels.length < 2) {
    throw new DataError(`${operation}: there must be at least 2 labels, got ${labels.map(show).join(", ")} (${name})`);
  }
  return labels;
}

/** The rows of one group. */
interface Group {
  readonly value: string | number;
  readonly rows: readonly number[];
  readonly byClass: readonly (readonly number[])[];
}

/** How many rows are support and query: by class, or the queries of all classes as one number. */
interface Split {
  readonly support: readonly number[];
  readonly queries: readonly number[];
}

/** A way of choosing support and queries. */
interface Chooser {
  /** What a group must have, for errors. */
  readonly rule: string;
  /** What a group has too little of, if anything. */
  lacks(group: Group, small: Small): string | undefined;
  shares(group: Group): Split;
  pick(group: Group, split: Split, draw: Draw): TaskRows;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const labelsIn = ({ byClass }: Group): number => byClass.filter((rows) => rows.length > 0).length;

/** So many shots and queries of each label. */
function shotChooser(shots: number, queries: Queries): Chooser {
  const shares = ({ byClass }: Group): Split => {
    const each = byClass.map((rows) => sharesOf(rows.length, shots, queries));
    return { support: each.map((of) => of.shots), queries: each.map((of) => of.queries) };
  };
  return {
    rule: `every group must have shots + queries = ${neededText(shots, queries)} rows of each label`,
    lacks(group, small) {
      const least = group.byClass.reduce((all, rows) => Math.min(all, rows.length), Number.POSITIVE_INFINITY);
      const enough =
        small === "fewer" ? labelsIn(group) > 1 && sum(shares(group).queries) > 0 : least >= needed(shots, queries);
      return enough ? undefined : `${least} of one`;
    },
    shares,
    pick({ byClass }, split, draw) {
      const chosen = byClass.map((rows, i) => {
        const [s, q] = [split.support[i] as number, split.queries[i] as number];
        const picked = pickRows(rows, draw.choose(s + q, rows.length));
        return [picked.slice(0, s), picked.slice(s)] as const;
      });
      return { segments: [chosen.flatMap(([support]) => support)], queries: chosen.flatMap(([, rest]) => rest) };
    },
  };
}

/** So many support rows in all, stratified; queries are drawn from the others as they are. */
function rowChooser(support: number, queries: Queries): Chooser {
  return {
    rule: `every group must have support + queries = ${neededText(support, queries)} rows`,
    lacks(group, small) {
      const { length } = group.rows;
      const labels = labelsIn(group);
      const enough = small === "fewer" ? labels > 1 && length > labels : length >= needed(support, queries);
      return enough ? undefined : `${length}`;
    },
    shares(group) {
      const { shots, queries: left } = sharesOf(group.rows.length, support, queries);
      const taken = Math.max(shots, labelsIn(group));
      const strata = stratified(
        group.byClass.map(({ length }) => length),
        taken,
      );
      return { support: strata, queries: [Math.min(left, group.rows.length - taken)] };
    },
    pick({ byClass }, split, draw) {
      const orders = byClass.map((rows, i) => {
        const s = split.support[i] as number;
        const places = draw.choose(s, rows.length);
        const chosen = new Set(places);
        return [pickRows(rows, places), rows.filter((_, place) => !chosen.has(place))] as const;
      });
      const rest = orders.flatMap(([, others]) => others);
      const queried = pickRows(rest, draw.choose(split.queries[0] as number, rest.length));
      return { segments: [orders.flatMap(([chosen]) => chosen)], queries: queried };
    },
  };
}

/**
 * `total` rows shared out among strata of these sizes in their proportion, at least one of each that has any: largest remainders,
 * the first of equals. `total` is from the number of strata that have any to the sum of the sizes.
 */
export function stratified(sizes: readonly number[], total: number): number[] {
  const all = sum(sizes);
  const quotas = sizes.map((size) => (total * size) / all);
  const shares = sizes.map((size, i) => Math.min(size, Math.max(1, Math.floor(quotas[i] as number))));
  const best = (of: (i: number) => number) => {
    let [place, top] = [-1, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < sizes.length; i++) if (of(i) > top) [place, top] = [i, of(i)];
    return place;
  };
  const missing = (i: number) => (quotas[i] as number) - (shares[i] as number);
  for (let left = total - sum(shares); left !== 0; left += left > 0 ? -1 : 1) {
    const more = left > 0;
    const may = (i: number) => (more ? (shares[i] as number) < (sizes[i] as number) : (shares[i] as number) > 1);
    const place = best((i) => (may(i) ? (more ? missing(i) : -missing(i)) : Number.NEGATIVE_INFINITY));
    shares[place] = (shares[place] as number) + (more ? 1 : -1);
  }
  return shares;
}
