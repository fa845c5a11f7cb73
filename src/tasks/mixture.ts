import { requireOptions, requireWhole, wrong } from "../arguments.ts";
import type { Key } from "../random.ts";
import { hashValues } from "./hash.ts";
import { requireSource } from "./require.ts";
import type { Task, TaskSource } from "./types.ts";

/** Options of `mixture`. */
export interface MixtureOptions {
  /** How often each source is picked beside the others: whole numbers; each once by default. */
  readonly shares?: readonly number[];
}

/** The largest share. */
const LARGEST_SHARE = 1000;

/**
 * Several sources as one, for multi-task learning or episodes of changing sizes: every meta-batch is of one of them. They
 * may have different shapes; each gets a Program of its own.
 * @throws OptionError for what is no list of sources, or for shares that do not fit them
 */
export function mixture(sources: readonly TaskSource[], options: MixtureOptions = {}): TaskSource {
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
    return Array.from({ length: share }, () => source.specs.map((spec, index) => ({ source, spec, index }))).flat();
  });
  return {
    name: `mixture of ${sources.map(({ name }) => name).join(", ")}`,
    fingerprint: hashValues("mixture", ...sources.flatMap(({ fingerprint }, i) => [fingerprint, shares[i] as number])),
    specs: places.map(({ spec }) => spec),
    ...(sources.some(({ ordered }) => ordered) ? { ordered: true } : {}),
    sample(key: Key, spec: number, into?: Task) {
      const { source, index } = places[spec] as (typeof places)[0];
      return source.sample(key, index, into);
    },
  };
}
