import { requireBoolean, requireOptions, requireWhole, wrong } from "../arguments.ts";
import type { Key } from "../random.ts";
import { type Dataset, datasetsOf } from "./dataset.ts";
import { hashValues } from "./hash.ts";
import { isPromise } from "./loading.ts";
import { requireSource } from "./require.ts";
import type { Task, TaskSource, TaskSpec } from "./types.ts";

/** Options of `mixture`. */
export interface MixtureOptions {
  /** How often each source is picked beside the others: whole numbers; each once by default. */
  readonly shares?: readonly number[];
  /** Whether examples have a column `source`, the number of their source in the list, for `headPerSource`; false by default. */
  readonly heads?: boolean;
}

/** The source that `mixture` makes. */
export interface MixtureSource extends TaskSource {
  /** The data sets behind it: validation must share no class with any of them. */
  readonly datasets: readonly Dataset[];
  readonly sources: readonly TaskSource[];
}

/** The column that says which source an example is of. */
const SOURCE = "source";

/** A task whose examples say which source they are of. */
function marked(task: Task, { segments, queries }: TaskSpec, place: number): Task {
  const column = (n: number) => ({ [SOURCE]: new Float32Array(n).fill(place) });
  return {
    ...task,
    segments: task.segments.map((batch, i) => ({ ...batch, ...column(segments[i] as number) })),
    queries: { ...task.queries, ...column(queries) },
  };
}

/** The largest share. */
const LARGEST_SHARE = 1000;

/**
 * Several sources as one, for multi-task learning or episodes of changing sizes: every meta-batch is of one of them. They
 * may have different shapes; each gets a Program of its own.
 * @throws OptionError for what is no list of sources, or for shares that do not fit them
 */
export function mixture(sources: readonly TaskSource[], options: MixtureOptions = {}): MixtureSource {
  if (!Array.isArray(sources) || sources.length === 0)
    throw wrong("mixture: sources", "a list of task sources", sources);
  for (const [i, source] of sources.entries()) requireSource(`mixture: sources[${i}]`, source);
  requireOptions("mixture", options, ["shares", "heads"]);
  const { shares = sources.map(() => 1), heads = false } = options;
  requireBoolean("mixture: heads", heads);
  if (!Array.isArray(shares) || shares.length !== sources.length) {
    throw wrong("mixture: shares", `a list of ${sources.length} whole numbers`, shares);
  }
  const list: readonly TaskSource[] = sources;
  const places = list.flatMap((source, i) => {
    const share = requireWhole(`mixture: shares[${i}]`, shares[i], 1, LARGEST_SHARE);
    const own = source.shares ?? source.specs.map(() => 1);
    const total = own.reduce((sum, each) => sum + each, 0);
    return source.specs.map((spec, index) => ({
      source,
      place: i,
      index,
      spec: {
        ...spec,
        ...(source.ordered ? { ordered: true } : {}),
        ...(heads ? { inputs: { ...spec.inputs, [SOURCE]: [] } } : {}),
      },
      share: (share * (own[index] as number)) / total,
    }));
  });
  return {
    name: `mixture of ${list.map(({ name }) => name).join(", ")}`,
    fingerprint: hashValues(
      "mixture",
      ...list.flatMap(({ fingerprint }, i) => [fingerprint, shares[i] as number]),
      ...(heads ? ["heads"] : []),
    ),
    specs: places.map(({ spec }) => spec),
    shares: places.map((place) => place.share),
    sources: list,
    datasets: list.flatMap(datasetsOf),
    sample(key: Key, spec: number, into?: Task) {
      const { source, index, place, spec: of } = places[spec] as (typeof places)[0];
      const task = source.sample(key, index, into);
      if (!heads) return task;
      return isPromise(task) ? task.then((each) => marked(each, of, place)) : marked(task, of, place);
    },
  };
}
