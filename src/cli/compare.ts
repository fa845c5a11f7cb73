import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AbortedError, DataError, OptionError } from "../errors.ts";
import type { Executor } from "../executors/executor.ts";
import { LEARNERS } from "../learners/index.ts";
import { servedBy } from "../nn/objective.ts";
import type { Option, OptionTable } from "../options.ts";
import type { TaskSource } from "../tasks/types.ts";
import { initProgram } from "../train/programs.ts";
import type { Trained } from "../train/trained.ts";
import { VERSION } from "../version.ts";
import { type Identity, ranked, resultsBeside, type SeedResult, store, storedResult, summarise } from "./comparison.ts";
import { measured } from "./comparison-measure.ts";
import { drawComparison } from "./comparison-picture.ts";
import { type Comparison, comparisonLines, comparisonMarkdown } from "./comparison-report.ts";
import { printResult } from "./output.ts";
import { givenSettings } from "./run-options.ts";
import {
  encodeRunSpec,
  learnerNamed,
  learnerOf,
  parseSetting,
  RUN_OPTIONS,
  type RunSpec,
  refuseIdle,
  runSpec,
  tableOf,
  taskNamed,
  type Value,
  withSettings,
} from "./run-spec.ts";
import { openTasks, type RunTasks } from "./run-tasks.ts";
import { TimedStore } from "./timed-store.ts";
import { executorOf, restoredRun, trainRun } from "./train.ts";

export interface CompareOptions {
  readonly task?: string;
  /** `all`, or names with commas between. */
  readonly learners: string;
  /** Seconds of training of each learner and seed. */
  readonly budget?: number;
  readonly iterations?: number;
  readonly seeds: number;
  readonly data?: string;
  readonly workers: number;
  readonly episodes: number;
  readonly checkpointEvery?: number;
  readonly out: string;
  readonly json: boolean;
}

const USUAL_BUDGET = 60;

/** Learners that can be compared on a task, and those of the list that cannot. */
interface Field {
  readonly runs: RunSpec[];
  readonly skipped: string[];
}

/** Each learner's run: its published settings of loops, under those of the command line that it has. */
function fieldOf(options: CompareOptions): Field {
  if (options.task === undefined) throw new OptionError("compare: --task must be given");
  const task = taskNamed(options.task);
  const given = givenSettings(options);
  const named = options.learners.trim() !== "all";
  const learners = named
    ? options.learners.split(",").map((name) => learnerNamed(name.trim(), "--learners"))
    : LEARNERS;
  for (const name of Object.keys(given)) {
    if (learners.some((learner) => Object.hasOwn(tableOf(task, learner), name))) continue;
    for (const learner of learners) refuseIdle(task, learner, [name]);
  }
  const field: Field = { runs: [], skipped: [] };
  const { objective } = task.spec({ ...defaultsOf(task.options), ...parsed(task.options, given) });
  for (const learner of new Set(learners)) {
    const table = tableOf(task, learner);
    const own = Object.entries(given).filter(([name]) => Object.hasOwn(table, name));
    const settings = Object.fromEntries(own) as Record<string, Value>;
    const serves = learner.objectives?.includes(servedBy(objective).name) ?? true;
    // Whoever names a learner that does not fit is told why.
    if (serves || named) field.runs.push(onCommonTasks(runSpec(task.name, learner.name, settings), given));
    else field.skipped.push(learner.name);
  }
  return field;
}

/** The given settings among those of a table. */
function parsed(table: OptionTable, given: Readonly<Record<string, Value>>): Record<string, Value> {
  const own = Object.entries(given).filter(([name]) => Object.hasOwn(table, name));
  return Object.fromEntries(
    own.map(([name, value]) => [name, parseSetting(name, table[name] as Option<unknown>, value)]),
  );
}

const defaultsOf = (table: RunSpec["task"]["options"]): Parameters<RunSpec["task"]["spec"]>[0] =>
  Object.fromEntries(Object.entries(table).map(([name, option]) => [name, option.default]));

/** A run on the same tasks as the others': what a paper says of the tasks of its own learner is left out. */
function onCommonTasks(spec: RunSpec, given: Readonly<Record<string, Value>>): RunSpec {
  const unsaid = Object.entries(spec.task.options).filter(
    ([name, { kind }]) => kind !== "value" && given[name] === undefined,
  );
  return withSettings(spec, Object.fromEntries(unsaid.map(([name, option]) => [name, option.default as Value])));
}

/** The runs with what was read off the data, and the episodes that they are measured on. */
async function openedField({ runs }: Field, data: string | undefined) {
  const [first] = runs as [RunSpec, ...RunSpec[]];
  const opened = await openTasks(first, data);
  const found = Object.keys(opened.spec.settings).filter((name) => opened.spec.task.options[name]?.found);
  const read = Object.fromEntries(found.map((name) => [name, opened.spec.settings[name]]));
  const own = runs.map((run) => withSettings(run, read));
  return { opened, runs: own, sources: await Promise.all(own.map((run) => opened.source("test", run))) };
}

/** @throws OptionError where learners would be measured on different episodes */
function requireSameEpisodes(runs: readonly RunSpec[], sources: readonly TaskSource[]): void {
  const other = sources.findIndex(({ fingerprint }) => fingerprint !== sources[0]?.fingerprint);
  if (other < 0) return;
  throw new OptionError(
    `compare: ${runs[0]?.learner.name} and ${runs[other]?.learner.name} must be measured on the same episodes, got ` +
      `${sources[0]?.fingerprint} and ${sources[other]?.fingerprint}; name the ways and shots`,
  );
}

/** `quickstudy compare --task NAME` */
export async function compare(options: CompareOptions): Promise<void> {
  if (options.budget !== undefined && options.iterations !== undefined) {
    throw new OptionError("compare: --budget must be given without --iterations: a run has one end");
  }
  const field = fieldOf(options);
  const { skipped } = field;
  const { runs, sources, opened } = await openedField(field, options.data);
  requireSameEpisodes(runs, sources);
  for (const name of skipped) process.stderr.write(`${name}: skipped, it does not learn tasks of this kind\n`);
  await mkdir(options.out, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new DataError(`--out ${options.out}: the folder cannot be made (${error.code})`);
  });
  const places = placesOf(runs, sources, options);
  // What cannot be put together is refused before anything is trained.
  const results = await Promise.all(places.map(({ path, identity }) => storedResult(path, identity)));
  const executor = executorOf(options.workers);
  try {
    for (const [i, place] of places.entries()) {
      results[i] ??= await newResult(place, opened, options, executor).catch((error: unknown) => {
        if (!(error instanceof AbortedError)) throw error;
        throw new AbortedError(
          `compare: stopped with ${place.label}; what is done is in ${options.out}, and the same command goes on`,
        );
      });
    }
  } finally {
    await executor.close();
  }
  const [first] = places;
  const known = places.map(({ path }) => path);
  // Learners of earlier calls stay in the table.
  const others =
    first === undefined ? [] : await resultsBeside(options.out, JSON.parse(first.identity) as Identity, known);
  const all = [...results.filter((each) => each !== undefined), ...others];
  const names = new Set(all.map(({ learner }) => learner));
  const rows = ranked(Array.from(names, (name) => summarise(all.filter(({ learner }) => learner === name))));
  const { task, episodes, seeds, iterations, budget = USUAL_BUDGET } = options;
  const limit = iterations === undefined ? { budgetSeconds: budget } : { iterations };
  const comparison: Comparison = { task: task as string, ...limit, episodes, seeds, rows, skipped };
  const path = (ending: string) => join(options.out, `comparison.${ending}`);
  await store(path("json"), `${JSON.stringify(comparison, undefined, 1)}\n`);
  await store(path("md"), comparisonMarkdown(comparison));
  await store(path("svg"), drawComparison(comparison));
  printResult(options.json, { ...comparison, files: ["json", "md", "svg"].map(path) }, [
    ...comparisonLines(comparison),
    "",
    `written to ${path("md")}, ${path("json")} and ${path("svg")}`,
  ]);
}

/** One learner and seed, and where its result is kept. */
interface Place {
  readonly spec: RunSpec;
  readonly tasks: TaskSource;
  /** As progress calls it. */
  readonly label: string;
  readonly identity: string;
  readonly path: string;
  readonly checkpoint: string;
}

/** Seed by seed, so that a comparison that is interrupted has something of every learner. */
function placesOf(runs: readonly RunSpec[], sources: readonly TaskSource[], options: CompareOptions): Place[] {
  const { seeds, iterations, budget = USUAL_BUDGET, episodes, out } = options;
  const end = iterations === undefined ? { budget } : { iterations };
  return Array.from({ length: seeds }).flatMap((_, seed) =>
    runs.map((run, i) => {
      const first = (run.settings.seed ?? RUN_OPTIONS.seed.default) as number;
      const spec = withSettings(run, { seed: first + seed });
      const tasks = sources[i] as TaskSource;
      const { fingerprint } = tasks;
      const file = join(out, `${run.learner.name}-${first + seed}`);
      return {
        spec,
        tasks,
        label: `${run.learner.name} (${i + 1} of ${runs.length}), seed ${seed + 1} of ${seeds}`,
        identity: JSON.stringify({
          ...end,
          episodes,
          fingerprint,
          VERSION,
          run: encodeRunSpec(spec),
        } satisfies Identity),
        path: `${file}.json`,
        checkpoint: `${file}.safetensors`,
      };
    }),
  );
}

async function newResult(
  place: Place,
  { source }: RunTasks,
  options: CompareOptions,
  executor: Executor,
): Promise<SeedResult> {
  const { spec, tasks, label, identity, path, checkpoint } = place;
  process.stderr.write(`${label}\n`);
  // Without preprocessing: what is measured takes numbers.
  const { trained, seconds } = await trainedUnder({ spec, source }, checkpoint, options, executor);
  const result = { ...(await measured(spec, trained, tasks, options.episodes, executor)), identity, seconds };
  await store(path, `${JSON.stringify(result)}\n`);
  return result;
}

/** More than any budget has time for. */
const UNLIMITED = 2 ** 32 - 1;

/** The learner after its iterations, or its time: what is left of it where an earlier call was interrupted. */
async function trainedUnder(
  run: RunTasks,
  checkpoint: string,
  options: CompareOptions,
  executor: Executor,
): Promise<{ readonly trained: Trained; readonly seconds: number }> {
  const timed = new TimedStore(checkpoint);
  const bytes = await timed.read();
  const { iterations, budget = USUAL_BUDGET, checkpointEvery } = options;
  if (bytes !== undefined && iterations === undefined && timed.stored >= budget) {
    return { trained: restoredRun(run, bytes), seconds: timed.stored };
  }
  // Time makes no difference to what learns nothing.
  const idle = initProgram(learnerOf(run.spec)).plan.trained.length === 0;
  let seconds = timed.stored;
  const { trained } = await trainRun(
    run,
    {
      iterations: idle ? 0 : (iterations ?? UNLIMITED),
      resume: true,
      ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
    },
    executor,
    {
      store: timed,
      used(progress) {
        seconds = timed.at(progress);
        return iterations === undefined ? seconds / budget : progress.iteration / iterations;
      },
    },
  );
  return { trained, seconds };
}
