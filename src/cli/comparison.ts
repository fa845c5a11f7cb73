/** What a comparison measures of each learner and seed, kept in a folder, and what it comes to. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../arguments.ts";
import { writeAtomically } from "../data/node/atomic-write.ts";
import { DataError, FormatError, OptionError } from "../errors.ts";
import { meanAndInterval, median, medianAndWorst, studentQuantile } from "../nn/metrics.ts";

/** One learner after training under one seed. */
export interface SeedResult {
  readonly learner: string;
  readonly seed: number;
  /** The run, its limit and the episodes, as text: only results of the same comparison are put together. */
  readonly identity: string;
  readonly iterations: number;
  /** Of training. */
  readonly seconds: number;
  readonly metric: string;
  readonly better: "higher" | "lower";
  /** The metric of each episode; null where it is not finite. */
  readonly values: readonly (number | null)[];
  readonly diverged: number;
  /** Part of the targets within the predicted 95 % bands, for learners that predict a deviation. */
  readonly inBand?: number;
  readonly fingerprint: string;
  readonly batchNorm: string;
  /** Median time to adapt to one task of the comparison. */
  readonly adaptMilliseconds: number;
  /** Numbers that are learned and carried. */
  readonly parameters: number;
  /** Of the state of one adapted learner. */
  readonly stateBytes: number;
  /** Of the Program of one task in meta-training. */
  readonly arenaBytes: number;
}

/** One learner over all seeds. */
export interface Row extends Omit<SeedResult, "identity" | "seed" | "values"> {
  readonly seeds: number;
  readonly mean: number;
  /** Of all episodes of all seeds; diverged ones count as the worst. */
  readonly median: number;
  /** Of the worst episode of all seeds. */
  readonly worst: number;
  /** Half the 95 % interval over episodes, each averaged over the seeds. */
  readonly ci95: number;
  /** Half the 95 % interval over seeds, by Student's t; undefined for a single one. */
  readonly seedsCi95: number | undefined;
  /** The mean of each seed. */
  readonly means: readonly number[];
}

const finite = (values: readonly (number | null)[]) => values.filter((value): value is number => value !== null);
const average = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

/** The results of one learner, put together. */
export function summarise(results: readonly SeedResult[]): Row {
  const { identity: _, seed: __, values: ___, ...first } = results[0] as SeedResult;
  const means = results.map(({ values }) => average(finite(values)));
  const episodes = (results[0] as SeedResult).values.map((_, i) => results.map(({ values }) => values[i] ?? null));
  const bands = results.map(({ inBand }) => inBand).filter((each) => each !== undefined);
  const over = (of: (result: SeedResult) => number) => results.map(of);
  return {
    ...first,
    seeds: results.length,
    mean: average(means),
    ...medianAndWorst(
      results.flatMap(({ values }) => values.map((value) => value ?? Number.NaN)),
      first.better,
    ),
    ...(bands.length === 0 ? {} : { inBand: average(bands) }),
    // An episode that diverged under one seed is left out.
    ci95: meanAndInterval(episodes.filter((each) => !each.includes(null)).map((each) => average(finite(each)))).ci95,
    means,
    seedsCi95: means.length < 2 ? undefined : seedInterval(means),
    iterations: Math.round(average(over(({ iterations }) => iterations))),
    seconds: average(over(({ seconds }) => seconds)),
    diverged: over(({ diverged }) => diverged).reduce((sum, each) => sum + each, 0),
    adaptMilliseconds: median(over(({ adaptMilliseconds }) => adaptMilliseconds)),
  };
}

/** Half the width of the 95 % interval of the mean of a few seeds. */
const seedInterval = (means: readonly number[]): number =>
  (studentQuantile(means.length - 1) / 1.96) * meanAndInterval(means).ci95;

/** Best first; what has no finite mean comes last. */
export function ranked(rows: readonly Row[]): Row[] {
  const worth = ({ mean, better }: Row) => (better === "higher" ? -mean : mean);
  const place = (row: Row) => (Number.isNaN(row.mean) ? Number.POSITIVE_INFINITY : worth(row));
  // The mean leaves out what diverged: who diverges less comes first.
  return [...rows].sort((a, b) => a.diverged - b.diverged || (place(a) === place(b) ? 0 : place(a) - place(b)));
}

/** What a comparison is told apart by: the end of training, the episodes, the version, and the run as text. */
export interface Identity {
  readonly iterations?: number;
  readonly budget?: number;
  readonly episodes: number;
  readonly fingerprint: string;
  readonly VERSION: string;
  readonly run: string;
}

/**
 * A result that an earlier call stored, if there is one.
 * @throws OptionError where it is of another comparison, FormatError where it is none
 */
export async function storedResult(path: string, identity: string): Promise<SeedResult | undefined> {
  const found = await readResult(path);
  if (found === undefined || found.identity === identity) return found;
  const [name, theirs, ours] = firstDifference(JSON.parse(found.identity), JSON.parse(identity));
  throw new OptionError(
    `--out: ${path} must be of the same comparison, got one with ${name} ${theirs} instead of ${ours}; name another folder, or the same ${name}`,
  );
}

/**
 * Results of the same comparison that earlier calls stored in a folder.
 * @param except paths of those that are known already
 */
export async function resultsBeside(
  folder: string,
  identity: Identity,
  except: readonly string[],
): Promise<SeedResult[]> {
  const names = (await readdir(folder)).filter((name) => /^[a-z0-9-]+-\d+\.json$/.test(name)).sort();
  const paths = names.map((name) => join(folder, name)).filter((path) => !except.includes(path));
  const found = await Promise.all(paths.map((path) => readResult(path).catch(() => undefined)));
  const { run, ...conditions } = identity;
  const { task } = JSON.parse(run) as { task: string };
  return found.filter((each) => {
    if (each === undefined) return false;
    const { run: theirs, ...others } = JSON.parse(each.identity) as Identity;
    const sameTask = (JSON.parse(theirs) as { task: string }).task === task;
    return sameTask && JSON.stringify(others) === JSON.stringify(conditions);
  }) as SeedResult[];
}

/** The first setting in which two identities differ, with both values. */
function firstDifference(theirs: Identity, ours: Identity): readonly [name: string, theirs: string, ours: string] {
  const flat = ({ run, ...conditions }: Identity): Record<string, unknown> => ({ ...conditions, ...JSON.parse(run) });
  const [a, b] = [flat(theirs), flat(ours)];
  const name = [...Object.keys(a), ...Object.keys(b)].find((each) => a[each] !== b[each]) ?? "run";
  const shown = (value: unknown): string => (value === undefined ? "none" : String(value));
  return [name === "VERSION" ? "version" : name, shown(a[name]), shown(b[name])];
}

/** @throws FormatError where a file is no result, DataError where it cannot be read */
async function readResult(path: string): Promise<SeedResult | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new DataError(`--out: ${path} cannot be read (${error.code})`);
  });
  if (text === undefined) return undefined;
  const value = parsed(text);
  const identity = isRecord(value) && typeof value.identity === "string" ? parsed(value.identity) : undefined;
  const run = isRecord(identity) && typeof identity.run === "string" ? parsed(identity.run) : undefined;
  if (!isRecord(value) || !isRecord(run) || !Array.isArray(value.values)) {
    throw new FormatError(`${path}: it must be a result of quickstudy compare; remove it, or name another folder`);
  }
  return value as unknown as SeedResult;
}

/** What a text of JSON says; undefined where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Stores text so that a reader sees all of it or nothing. */
export async function store(path: string, text: string): Promise<void> {
  try {
    await writeAtomically(path, [new TextEncoder().encode(text)]);
  } catch (error) {
    throw new DataError(`--out: ${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
}
