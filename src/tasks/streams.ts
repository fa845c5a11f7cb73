import { requireOptions, requireWhole, show, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { classification, type Objective, regression } from "../nn/objective.ts";
import { targetsOf } from "./entities.ts";
import { type Examples, type Fact, requireExamples, requireFact, rowsBy, valuesOf } from "./examples.ts";
import { type GroupSource, groupSource, largeEnough } from "./groups.ts";
import { ContentHash } from "./hash.ts";
import { requireSmall, type Small } from "./shares.ts";
import { labelsOf } from "./within.ts";

/** Options of `stream`. */
export interface StreamOptions {
  /** The fact that rows are ordered by: numbers, or texts that sort as times do. Rows of one time keep their order. */
  readonly time: string;
  /** Rows that arrive together. */
  readonly size: number;
  /** Segments of a task. */
  readonly segments: number;
  /** The fact whose values are streams of their own, such as a sensor; all rows are one stream by default. */
  readonly group?: string;
  /** The fact that is predicted; the targets `y` by default. */
  readonly label?: string;
  /** The labels, in the order of their classes; those that occur, sorted, by default. */
  readonly labels?: Fact;
  /** Streams that are shorter than a task: `"refuse"` them, which is the default, `"skip"` them, or take `"fewer"` rows and pad. */
  readonly small?: Small;
}

/**
 * Stretches of rows in the order of time: every task is `segments` times `size` rows of one stream that follow one another, from a
 * row that its key draws. Each segment is predicted from those before it; there are no queries.
 * @throws OptionError for an unknown option or a count that is not a whole number; DataError for facts that the examples do not
 *   have, times that are partly texts, and streams that are too short, unless `small` says what to do about them
 */
export function stream(examples: Examples, options: StreamOptions): GroupSource {
  requireExamples("stream", examples);
  requireOptions("stream", options, ["time", "size", "segments", "group", "label", "labels", "small"]);
  const { time, size, segments, group, label, labels, small = "refuse" } = options;
  requireWhole("stream: size", size, 1);
  requireWhole("stream: segments", segments, 1);
  requireSmall("stream", small);
  if (labels !== undefined && label === undefined) throw wrong("stream: labels", "left out without label", labels);
  const times = requireFact("stream: time", examples, time);
  if (new Set(times.map((each) => typeof each)).size > 1) {
    throw new DataError(
      `stream: times must be numbers or texts throughout, got both in ${show(time)} (${examples.name})`,
    );
  }
  const owners = group === undefined ? undefined : requireFact("stream: group", examples, group);
  const values = owners === undefined ? ["all rows"] : valuesOf(owners);
  const rows = owners === undefined ? [times.map((_, row) => row)] : rowsBy(owners, values);
  const length = size * segments;
  const all = rows.map((each, i) => ({ value: values[i] as string | number, rows: sortedBy(times, each) }));
  const least = small === "fewer" ? 1 : length;
  const groups = largeEnough("stream", all, (each) => (each.rows.length < least ? `${each.rows.length}` : undefined), {
    skip: small !== "refuse",
    rule: `every stream must have segments x size = ${segments} x ${size} = ${length} rows`,
    remedy: 'lower them, or give small: "skip" to leave such streams out or "fewer" to pad them',
    examples,
  });
  const { objective, classes } = aimOf(examples, label, labels);
  const { y: _, ...inputs } = examples.columns;
  const hash = new ContentHash().value("stream").value(examples.fingerprint);
  for (const value of [time, size, segments, group ?? "", label ?? "", small, ...(labels ?? [])]) hash.value(value);
  return groupSource({
    name: `${examples.name} in the order of ${time}`,
    examples,
    spec: {
      inputs,
      objective,
      segments: Array<number>(segments).fill(size),
      queries: 0,
      ...(groups.some((each) => each.rows.length < length) ? { weighted: true } : {}),
    },
    fingerprint: hash.digest(),
    groups: groups.map(({ value }) => value),
    ordered: true,
    ...(classes === undefined ? {} : { labels: classes }),
    pick(i, draw) {
      const own = (groups[i] as (typeof groups)[0]).rows;
      const from = draw.below(Math.max(1, own.length - length + 1));
      const cut = Array.from({ length: segments }, (_, at) =>
        own.slice(from + at * size, from + Math.min(length, (at + 1) * size)),
      );
      return { segments: cut, queries: [] };
    },
  });
}

/** What a stream asks for, and the class of each row where that is one. */
function aimOf(
  examples: Examples,
  label: string | undefined,
  given: Fact | undefined,
): { readonly objective: Objective; readonly classes?: readonly number[] } {
  if (label === undefined) return { objective: regression(targetsOf("stream", examples)) };
  const facts = requireFact("stream: label", examples, label);
  const labels = labelsOf("stream", examples, facts, given);
  const place = new Map(labels.map((value, i) => [value, i]));
  return { objective: classification(labels.length), classes: facts.map((value) => place.get(value) as number) };
}

/** Rows in the order of their times; those of one time keep their order. */
function sortedBy(times: Fact, rows: readonly number[]): number[] {
  const order = (a: number, b: number) => {
    const [first, second] = [times[a] as number, times[b] as number];
    return first < second ? -1 : first > second ? 1 : a - b;
  };
  return [...rows].sort(order);
}
