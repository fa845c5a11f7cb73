import { AbortedError, OptionError } from "../errors.ts";
import type { Executor } from "../executors/executor.ts";
import { inThread } from "../executors/in-thread.ts";
import { keyToArray } from "../graph/operators/index.ts";
import type { BatchNormMode } from "../nn/layer.ts";
import { accuracy, meanAndInterval, meanSquaredDifference } from "../nn/metrics.ts";
import { fold, keyOf } from "../random.ts";
import type { TaskSource } from "../tasks/types.ts";
import { checkCount, checkEpisode, checkTasks } from "./checks.ts";
import { episodeProgram, META, prefixed, type UseOptions } from "./programs.ts";
import type { Trained } from "./trained.ts";
import { Turns } from "./turns.ts";

export interface EvaluateOptions extends UseOptions {
  /** Episodes to draw; 600 by default, as most papers have it. */
  readonly episodes?: number;
  /** Which episodes; 0 by default. */
  readonly seed?: number;
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
}

/** A result with all that one must know to compare it. */
export interface Report {
  readonly metric: "accuracy" | "mse";
  readonly mean: number;
  /** Half the width of the 95 % interval of the mean. */
  readonly ci95: number;
  readonly episodes: number;
  /** The distribution of the episodes. */
  readonly fingerprint: string;
  /** Which statistics batch normalisation used. */
  readonly batchNorm: BatchNormMode;
  /** Whether the episodes ran with relaxed SIMD: the last bits may then differ between runtimes. */
  readonly relaxed: boolean;
  /** The metric of each episode; not enumerable, so that printing a report stays short. */
  readonly values: Float64Array;
}

/** Stream of the episodes that a seed stands for in evaluation; training uses another. */
const EVALUATION_STREAM = 2;
/** The result of each is kept. */
const MOST_EPISODES = 10_000_000;
/** Episodes that are sampled before they are run, so that many do not lie in memory at once. */
const WAVE = 32;

/**
 * Adapts to each of a number of episodes and measures the predictions for its query set: accuracy, or mean squared error.
 * @throws OptionError for options out of range, or when the tasks are not of the kind and shapes that the learner takes
 */
export async function evaluate(trained: Trained, tasks: TaskSource, options: EvaluateOptions = {}): Promise<Report> {
  const { episodes = 600, seed = 0, executor = inThread(), signal } = options;
  checkCount("evaluate: episodes", episodes, 1, MOST_EPISODES);
  if (options.innerSteps !== undefined) checkCount("evaluate: innerSteps", options.innerSteps, 0);
  checkTasks("evaluate", trained.learner, tasks.spec);
  if (tasks.spec.kind !== trained.kind) {
    throw new OptionError(`evaluate: the learner was trained on ${trained.kind}, the tasks are ${tasks.spec.kind}`);
  }
  const stream = fold(keyOf(seed), EVALUATION_STREAM);
  const values = new Float64Array(episodes);
  const classification = tasks.spec.kind === "classification";
  const job = await executor.load({ task: episodeProgram(trained.learner, trained.shapes, tasks.spec, options) });
  const turns = new Turns();
  try {
    for (let first = 0; first < episodes; first += WAVE) {
      await turns.next();
      if (signal?.aborted) throw new AbortedError(`evaluate: stopped by its signal after ${first} episodes`);
      const keys = Array.from({ length: Math.min(WAVE, episodes - first) }, (_, i) => fold(stream, first + i));
      const wave = keys.map((key) => checkEpisode(tasks, key));
      const items = wave.map(({ support, query }, i) => ({
        "support.x": support.x,
        "support.y": support.y,
        "query.x": query.x,
        key: keyToArray(keys[i] as (typeof keys)[0]),
      }));
      const results = await job.map(prefixed(META, trained.meta), items);
      for (const [i, { predictions }] of results.entries()) {
        const targets = (wave[i] as (typeof wave)[0]).query.y;
        const measure = classification ? accuracy : meanSquaredDifference;
        values[first + i] = measure(predictions as Float32Array, targets);
      }
    }
  } finally {
    await job.release();
  }
  const report = {
    metric: classification ? "accuracy" : "mse",
    ...meanAndInterval(values),
    episodes,
    fingerprint: tasks.fingerprint,
    batchNorm: trained.learner.batchNorm,
    relaxed: executor.relaxed,
  } as const;
  return Object.defineProperty({ ...report, values }, "values", { enumerable: false });
}
