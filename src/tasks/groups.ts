/** What sources have in common whose every task is of one group of rows: a person, a sensor, a hospital. */
import { requireObject, requireOptions, requireWhole, show } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { Draw, fold, type Key, keyOf } from "../random.ts";
import type { Examples } from "./examples.ts";
import { RowTasks, type TaskRows } from "./rows.ts";
import type { Episode, Task, TaskFeed, TaskSource, TaskSpec } from "./types.ts";

/** A source of tasks each of which is of one group. A key draws the group, then the rows. */
export interface GroupSource extends TaskSource {
  readonly examples: Examples;
  readonly spec: TaskSpec;
  /** The groups that tasks are drawn from. */
  readonly groups: readonly (string | number)[];
  /** A promise where the examples have to be loaded. */
  sample(key: Key, spec?: number, into?: Task): Episode | Promise<Episode>;
  /** A task of one group, by its place in `groups`. */
  sampleOf(group: number, key: Key): Episode | Promise<Episode>;
}

/** Stream of the keys that draw rows within a group. */
const ROWS_STREAM = 0x6057;

/** What makes a source of groups. */
interface Grouped {
  readonly name: string;
  readonly examples: Examples;
  readonly spec: TaskSpec;
  readonly fingerprint: string;
  readonly groups: readonly (string | number)[];
  readonly labels?: ArrayLike<number>;
  readonly ordered?: true;
  /** The rows of a task of one group. */
  pick(group: number, draw: Draw): TaskRows;
}

export function groupSource({
  name,
  examples,
  spec,
  fingerprint,
  groups,
  labels,
  ordered,
  pick,
}: Grouped): GroupSource {
  const tasks = new RowTasks(examples, spec, labels);
  const sampleOf = (group: number, key: Key, into?: Task) =>
    tasks.task(pick(group, new Draw(fold(key, ROWS_STREAM))), into);
  return {
    name,
    examples,
    spec,
    specs: [spec],
    fingerprint,
    groups,
    ...(ordered ? { ordered } : {}),
    sample: (key, _spec, into) => sampleOf(new Draw(key).below(groups.length), key, into),
    sampleOf(group, key) {
      requireWhole("sampleOf: group", group, 0, groups.length - 1);
      return sampleOf(group, key);
    },
  };
}

/** The groups that are large enough. @throws DataError where one is too small and is not to be skipped, or none is left */
export function largeEnough<T extends { readonly value: string | number; readonly rows: readonly number[] }>(
  operation: string,
  groups: readonly T[],
  lacks: (group: T) => string | undefined,
  { skip, rule, remedy, examples }: { skip: boolean; rule: string; remedy: string; examples: Examples },
): T[] {
  const kept = groups.filter((group) => {
    const got = lacks(group);
    if (got === undefined || skip) return got === undefined;
    throw new DataError(`${operation}: ${rule}, got ${got} in ${show(group.value)} (${examples.name}); ${remedy}`);
  });
  if (kept.length > 0) return kept;
  throw new DataError(
    `${operation}: ${rule}, got none of ${groups.length} with as many (${examples.name}); lower them`,
  );
}

/** Options of `once`. */
export interface OnceOptions {
  /** Which rows each task draws; 0 by default. */
  readonly seed?: number;
  /** Tasks of each group, one after another; 1 by default. */
  readonly repeats?: number;
}

/** The feed that `once` makes. */
export interface OnceFeed extends TaskFeed {
  /** How many tasks it gives. */
  readonly size: number;
}

/**
 * A task of each group of a source, in the order of its groups, for evaluation: every person or sensor counts alike, and none is
 * left to chance. `evaluate` takes no more tasks than its option `episodes` says; `size` is how many there are.
 * @throws OptionError for a source without groups: those of `within`, `entities` and `stream` have them
 */
export function once(source: GroupSource, options: OnceOptions = {}): OnceFeed {
  requireObject("once: source", source, "a source with groups, as within, entities and stream make it", [
    "groups",
    "spec",
    "sampleOf()",
  ]);
  requireOptions("once", options, ["seed", "repeats"]);
  const { seed = 0, repeats = 1 } = options;
  requireWhole("once: seed", seed, 0);
  requireWhole("once: repeats", repeats, 1);
  const { name, spec, fingerprint, groups, ordered } = source;
  function* tasks() {
    for (let i = 0; i < groups.length * repeats; i++)
      yield source.sampleOf(Math.floor(i / repeats), fold(keyOf(seed), i));
  }
  return {
    name: `${name}, each once`,
    specs: [spec],
    fingerprint,
    ...(ordered ? { ordered } : {}),
    size: groups.length * repeats,
    tasks: {
      async *[Symbol.asyncIterator]() {
        for (const task of tasks()) yield await task;
      },
    },
  };
}
