import { requireOptions, requireWhole, wrong } from "../arguments.ts";
import type { Key } from "../random.ts";
import { type Dataset, datasetsOf } from "./dataset.ts";
import { hashValues } from "./hash.ts";
import { requireSource } from "./require.ts";
import type { Task, TaskSource } from "./types.ts";

/** Options of `mixture`. */
export interface MixtureOptions {
  /** How often each source is picked beside the others: whole numbers; each once by default. */
  readonly shares?: readonly number[];
}

/** The source that `mixture` makes. */
export interface MixtureSource extends TaskSource {
  /** The data sets behind it: validation must share no class with any of them. */
  readonly datasets: readonly Dataset[];
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
  requireOptions("mixture", options, ["shares"]);
  const { shares = sources.map(() => 1) } = options;
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
      index,
      spec: source.ordered ? { ...spec, ordered: true } : spec,
      share: (share * (own[index] as number)) / total,
    }));
  });
  return {
    name: `mixture of ${list.map(({ name }) => name).join(", ")}`,
    fingerprint: hashValues("mixture", ...list.flatMap(({ fingerprint }, i) => [fingerprint, shares[i] as number])),
    specs: places.map(({ spec }) => spec),
    shares: places.map((place) => place.share),
    datasets: list.flatMap(datasetsOf),
    sample(key: Key, spec: number, into?: Task) {
      const { source, index } = places[spec] as (typeof places)[0];
      return source.sample(key, index, into);
    },
  };
}
