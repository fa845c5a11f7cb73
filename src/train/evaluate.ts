import { requireBoolean, requireOneOf, requireOptions, requireWhole, wrong } from "../arguments.ts";
import { AbortedError, DataError, OptionError } from "../errors.ts";
import type { Executor } from "../executors/executor.ts";
import { inThread } from "../executors/in-thread.ts";
import type { BatchNormMode } from "../nn/layer.ts";
import { meanAndInterval, medianAndWorst } from "../nn/metrics.ts";
import { fold, type Key, keyOf } from "../random.ts";
import type { Task, TaskFeed, TaskSource } from "../tasks/types.ts";
import { checkSurroundings, checkTasks, checkUse } from "./checks.ts";
import { type Episode, Judge, type Predicted, type Verdict } from "./judge.ts";
import type { UseOptions } from "./programs.ts";
import { Sampler, specOf } from "./sampling.ts";
import { Trained } from "./trained.ts";
import { Turns } from "./turns.ts";

export interface EvaluateOptions extends UseOptions {
  /** Tasks to draw; 600 by default, as most papers have it. Of a feed it is the most that are taken. */
  readonly episodes?: number;
  /** Which tasks; 0 by default. */
  readonly seed?: number;
  /**
   * How queries are predicted: all of a task in one `"batch"`, which is the default, or `"one by one"`, as an application
   * does. It makes a difference to transductive learners only.
   */
  readonly queries?: "batch" | "one by one";
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
  /** Whether the report keeps each episode's predictions, in `results`. */
  readonly details?: boolean;
}

/** One episode of an evaluation. */
export interface EpisodeResult {
  /** Under which the source gives the episode again: `tasks.sample(key, spec)`. Of a feed, a number of its own. */
  readonly key: Key;
  /** Which of the source's specs. */
  readonly spec: number;
  /** The metric. */
  readonly value: number;
  /** Whether a prediction is not finite. */
  readonly diverged: boolean;
  /** Of the queries, or of each segment of a stream. */
  readonly predictions: readonly Predicted[];
}

/** A result with all that one must know to compare it. */
export interface Report {
  /** Name of the objective's metric: accuracy, mse, … */
  readonly metric: string;
  /** Which values of the metric are better. */
  readonly better: "higher" | "lower";
  /** Of the episodes whose metric is finite. */
  readonly mean: number;
  /** Half the width of the 95 % interval of the mean. */
  readonly ci95: number;
  /** Of all episodes; diverged ones count as the worst. */
  readonly median: number;
  /** Of the worst episode; infinite where one has a metric that is not finite. */
  readonly worst: number;
  /** Part of the targets within the predicted 95 % bands, for learners that predict a deviation. */
  readonly inBand?: number;
  readonly episodes: number;
  /** Episodes with a prediction that is not finite. Such a prediction is never right; a metric of numbers leaves the episode out of its mean. */
  readonly diverged: number;
  /** The distribution of the episodes. */
  readonly fingerprint: string;
  /** Which statistics batch normalisation used. */
  readonly batchNorm: BatchNormMode;
  readonly queries: "batch" | "one by one";
  /** Whether the episodes ran with relaxed SIMD: the last bits may then differ between runtimes. */
  readonly relaxed: boolean;
  /** The metric of each episode; not enumerable, so that printing a report stays short. */
  readonly values: Float64Array;
  /** The seed of the episodes: reports of one fingerprint and seed are of the same ones. */
  readonly seed: number;
  /** Each episode with its predictions, where `details` asks for them; not enumerable. */
  readonly results?: readonly EpisodeResult[];
}

/** Stream of the episodes that a seed stands for in evaluation; training uses another. */
const EVALUATION_STREAM = 2;
/** The result of each is kept. */
const MOST_EPISODES = 10_000_000;
/** Episodes that are sampled before they are run, so that many do not lie in memory at once. */
const WAVE = 32;

/**
 * Adapts to each of a number of tasks and measures the predictions for its queries, or in a stream those for each segment,
 * by the metric of the tasks' objective.
 * @throws OptionError for options out of range, or when the tasks are not of the kind and shapes that the learner takes
 */
export async function evaluate(
  trained: Trained,
  tasks: TaskSource | TaskFeed,
  options: EvaluateOptions = {},
): Promise<Report> {
  checkOptions(trained, tasks, options);
  const { executor = inThread(), queries = "batch", signal, details = false, seed = 0 } = options;
  const judge = new Judge(trained, tasks.specs, executor, queries, options);
  const verdicts: Verdict[] = [];
  const results: EpisodeResult[] = [];
  const turns = new Turns();
  try {
    for await (const wave of waves(tasks, new Sampler(tasks, trained.learner), options)) {
      await turns.next();
      if (signal?.aborted) throw new AbortedError(`evaluate: stopped by its signal after ${verdicts.length} episodes`);
      const judged = await judge.measure(wave);
      verdicts.push(...judged.map((each) => ({ ...each, predictions: [] })));
      if (details) results.push(...judged.map((verdict, i) => resultOf(verdict, wave[i] as Episode)));
    }
  } finally {
    await judge.release();
  }
  if (verdicts.length === 0)
    throw new DataError(`evaluate: tasks must give at least one task, got none (${tasks.name})`);
  const values = Float64Array.from(verdicts, ({ value }) => value);
  const { metric } = (tasks.specs[0] as (typeof tasks.specs)[0]).objective;
  const bands = verdicts.map(({ inBand }) => inBand).filter((each) => each !== undefined);
  const report = {
    metric: metric.name,
    better: metric.better,
    ...meanAndInterval(values.filter(Number.isFinite)),
    ...medianAndWorst(values, metric.better),
    ...(bands.length === 0 ? {} : { inBand: meanAndInterval(bands).mean }),
    episodes: values.length,
    diverged: verdicts.filter(({ diverged }) => diverged).length,
    fingerprint: tasks.fingerprint ?? "unknown",
    batchNorm: trained.learner.batchNorm,
    queries,
    relaxed: executor.relaxed,
    seed,
  } as const;
  return Object.defineProperties(report, {
    values: { value: values },
    ...(details ? { results: { value: results } } : {}),
  }) as unknown as Report;
}

function resultOf({ value, diverged, predictions }: Verdict, { key, spec }: Episode): EpisodeResult {
  return { key, spec, value, diverged, predictions };
}

/** The tasks to judge, some at a time. */
async function* waves(
  tasks: TaskSource | TaskFeed,
  sampler: Sampler,
  { episodes = 600, seed = 0 }: EvaluateOptions,
): AsyncGenerator<Episode[]> {
  const stream = fold(keyOf(seed), EVALUATION_STREAM);
  const lay = (sampled: Task, key: Key, spec: number): Episode => {
    const task = sampler.arranged(sampled, key, spec);
    return { key, task, spec, inputs: sampler.inputs(task, key, spec) };
  };
  if (tasks.sample === undefined) {
    let wave: Episode[] = [];
    let count = 0;
    for await (const task of tasks.tasks) {
      const key = fold(stream, count++);
      wave.push(lay(sampler.checked(task, key, 0), key, 0));
      if (wave.length === WAVE) {
        yield wave;
        wave = [];
      }
      if (count === episodes) break;
    }
    if (wave.length > 0) yield wave;
    return;
  }
  for (let first = 0; first < episodes; first += WAVE) {
    const drawn = Array.from({ length: Math.min(WAVE, episodes - first) }, async (_, i) => {
      const key = fold(stream, first + i);
      const spec = specOf(tasks, key);
      return lay(await sampler.sample(key, spec), key, spec);
    });
    yield await Promise.all(drawn);
  }
}

function checkOptions(trained: Trained, tasks: TaskSource | TaskFeed, options: EvaluateOptions): void {
  if (!(trained instanceof Trained)) throw wrong("evaluate: trained", "what metaTrain or restore gives", trained);
  requireOptions("evaluate", options, ["episodes", "seed", "queries", "executor", "signal", "innerSteps", "details"]);
  const { episodes = 600, seed = 0, queries: together = "batch", details = false } = options;
  requireBoolean("evaluate: details", details);
  requireWhole("evaluate: episodes", episodes, 1, MOST_EPISODES);
  requireWhole("evaluate: seed", seed, 0);
  requireOneOf("evaluate: queries", together, ["batch", "one by one"]);
  checkUse("evaluate", trained.learner, options);
  checkSurroundings("evaluate", options);
  checkTasks("evaluate", trained.learner, tasks, true);
  for (const { objective, queries } of tasks.specs) {
    if (objective.name !== trained.objective.name) {
      throw new OptionError(
        `evaluate: the learner was trained on ${trained.objective.name}, the tasks are of ${objective.name}`,
      );
    }
    if (queries === 0 && together === "one by one") {
      throw new OptionError('evaluate: queries must be "batch" for streams, got "one by one"; they have no queries');
    }
  }
}
