import {
  requireBoolean,
  requireFunction,
  requireNumber,
  requireObject,
  requireOptions,
  requireWhole,
  wrong,
} from "../arguments.ts";
import { checkMemory, type Memory } from "../compile/compile.ts";
import type { Arrays } from "../core/loaded.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { OptionError } from "../errors.ts";
import type { Executor } from "../executors/executor.ts";
import type { Learner } from "../learners/learner.ts";
import { requireLearner } from "../learners/require.ts";
import type { Selection } from "../learners/selection.ts";
import { requireRule } from "../optim/optimizer.ts";
import type { Optimizer } from "../optim/rule.ts";
import type { TaskSource } from "../tasks/types.ts";
import { type CheckpointStore, requireExtraMetadata } from "./checkpoint.ts";
import { checkDisjoint, checkSurroundings, checkTasks, requireOneObjective } from "./checks.ts";
import type { Report } from "./evaluate.ts";
import { requirePreprocessing, type Trained } from "./trained.ts";
import { Training } from "./training.ts";

/** What `onProgress` is told after every iteration. */
export interface Progress {
  /** Iterations done, of `iterations`. */
  readonly iteration: number;
  readonly iterations: number;
  /** Mean outer loss of this iteration's tasks. */
  readonly loss: number;
  /** What the learner logs, as means over this iteration's tasks. */
  readonly log: Readonly<Record<string, number>>;
  /** Seconds since this call of `metaTrain` began its first iteration. */
  readonly seconds: number;
  /** Tasks per second since then. */
  readonly tasksPerSecond: number;
  /** Whether the tasks run with relaxed SIMD: the result may then differ between runtimes in its last bits. */
  readonly relaxed: boolean;
  /** Bytes that the largest Program of a task so far takes in each worker's core. */
  readonly peakBytes: number;
  /** Whether inner steps are computed anew to bound these bytes. */
  readonly bounded: boolean;
  /** Where this iteration was one that is validated. */
  readonly validation?: Report;
}

export interface MetaTrainOptions {
  /** Outer steps, counted from the start of the run, resumed or not. */
  readonly iterations: number;
  /** Tasks of an outer step; 25 by default. */
  readonly metaBatch?: number;
  /** The outer update rule; the learner's own, or adam(1e-3), by default. */
  readonly optimizer?: Optimizer;
  /** Fixes every random choice; 0 by default. */
  readonly seed?: number;
  /** Where Programs run; the calling thread by default. */
  readonly executor?: Executor;
  /**
   * Begins from the meta-parameters of another run, which may be of another learner: those with the same name and shape are
   * taken, the others begin as always.
   */
  readonly from?: Trained | Arrays;
  /** Meta-parameters that stay as they are: `"body"`, `"head"`, or a test of their paths. */
  readonly freeze?: Selection;
  /** Decay of a moving average of the meta-parameters, such as 0.999, which evaluation and the result then use. */
  readonly average?: number;
  /**
   * Segments of a stream that are differentiated together; all by default. The state at a window's end is a constant for the
   * next window: with 1, no gradient reaches back through `observe`.
   */
  readonly window?: number;
  /** Evaluates on other tasks every so many iterations; on 100 episodes by default. */
  readonly validation?: { readonly tasks: TaskSource; readonly every: number; readonly episodes?: number };
  /** Saves the run before its first iteration, every so many, at its end and when it is aborted. */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly every: number };
  /** Goes on from the stored checkpoint if there is one; the result has the same bytes as an uninterrupted run's. */
  readonly resume?: boolean;
  /**
   * The preprocessing that made the tasks, which travels with the result and its checkpoints: `adapt` and `predict` then take raw
   * cells, as after `withPreprocessing`.
   */
  readonly preprocessing?: Preprocessing;
  /** Strings that go into the checkpoint's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * What a task keeps of its inner steps: `unbounded` all that they computed, `bounded` what they end with, the rest being
   * computed anew for the meta-gradient. The results are the same to the bit. By default `automatic`: bounded where a task
   * would exceed `memoryLimit` otherwise.
   */
  readonly memory?: Memory;
  /** Bytes that a task may take in each worker's core; 4 GiB less 64 MiB by default. */
  readonly memoryLimit?: number;
  readonly signal?: AbortSignal;
  /** Called after every iteration; a promise it returns is awaited. Its error ends the run, and the last checkpoint stays. */
  onProgress?(progress: Progress): unknown;
  /**
   * Called with what looks wrong: a loss that stays at chance, inner steps that do not help; `console.warn` by default. A promise
   * it returns is awaited.
   */
  onWarning?(message: string): unknown;
}

const OPTIONS = [
  "iterations",
  "metaBatch",
  "optimizer",
  "seed",
  "executor",
  "from",
  "freeze",
  "average",
  "window",
  "validation",
  "checkpoint",
  "resume",
  "preprocessing",
  "metadata",
  "memory",
  "memoryLimit",
  "signal",
  "onProgress",
  "onWarning",
];

/** Tasks of an iteration lie in memory together. */
const LARGEST_META_BATCH = 65_536;

/**
 * Meta-trains a learner: the outer loop over meta-batches of tasks.
 *
 * An iteration samples its tasks by their addresses, runs the task Program on each, sums gradients in a fixed order, and
 * runs the update Program. For one version of the package the result is the same to the bit for any executor with plain
 * SIMD, and whether or not the run was interrupted; a run with relaxed SIMD is resumed with relaxed SIMD only.
 * @throws OptionError for options out of range or a checkpoint of another run; NonFiniteError when a loss or gradient is
 * not finite (the last checkpoint stays); LockedError when another run has the checkpoint; MemoryError when a task would not
 * fit; AbortedError when the signal says so, after a checkpoint is written
 */
export async function metaTrain(learner: Learner, tasks: TaskSource, options: MetaTrainOptions): Promise<Trained> {
  checkOptions(learner, tasks, options);
  const store = options.checkpoint?.store;
  await store?.open?.();
  try {
    const training = await Training.start("metaTrain", learner, tasks, options);
    try {
      return await training.run();
    } finally {
      await training.end();
    }
  } finally {
    await store?.close?.();
  }
}

function checkOptions(learner: Learner, tasks: TaskSource, options: MetaTrainOptions): void {
  requireLearner("metaTrain: learner", learner);
  checkTasks("metaTrain", learner, tasks);
  requireOneObjective("metaTrain", tasks, tasks.specs[0]?.objective.name);
  requireOptions("metaTrain", options, OPTIONS);
  const { metaBatch = 25, optimizer, seed = 0, average, window, memory, memoryLimit } = options;
  requireWhole("metaTrain: iterations", options.iterations, 0, 2 ** 32 - 1);
  requireWhole("metaTrain: metaBatch", metaBatch, 1, LARGEST_META_BATCH);
  if (optimizer !== undefined) requireRule("metaTrain: optimizer", optimizer);
  if (optimizer !== undefined && "meta" in optimizer) {
    throw wrong("metaTrain: optimizer", "a rule without meta-parameters of its own", optimizer.name);
  }
  requireWhole("metaTrain: seed", seed, 0);
  checkSurroundings("metaTrain", options);
  if (average !== undefined) requireNumber("metaTrain: average", average, { above: 0, below: 1 });
  if (window !== undefined) requireWindow(learner, tasks, window);
  if (options.preprocessing !== undefined) requirePreprocessing("metaTrain", learner, options.preprocessing);
  checkMemory("metaTrain", {
    ...(memory !== undefined && { memory }),
    ...(memoryLimit !== undefined && { memoryLimit }),
  });
  for (const name of ["onProgress", "onWarning"] as const) {
    if (options[name] !== undefined) requireFunction(`metaTrain: ${name}`, options[name]);
  }
  checkValidation(learner, tasks, options);
  checkCheckpoint(options);
}

/** @throws OptionError where a window is out of range, or would do nothing */
function requireWindow(learner: Learner, tasks: TaskSource, window: number): void {
  requireWhole("metaTrain: window", window, 1);
  if (
    learner.outerLoss === undefined &&
    learner.metaGradient === undefined &&
    tasks.specs.some(({ queries }) => queries === 0)
  )
    return;
  throw new OptionError(
    "metaTrain: window must be left out where it does nothing, got " +
      `${window} for ${learner.name} on ${tasks.name}; it is for streams, and for learners without an outer loss of their own`,
  );
}

function checkValidation(learner: Learner, tasks: TaskSource, { validation }: MetaTrainOptions): void {
  if (validation === undefined) return;
  requireOptions("metaTrain: validation", validation, ["tasks", "every", "episodes"]);
  requireWhole("metaTrain: validation.every", validation.every, 1);
  if (validation.episodes !== undefined) requireWhole("metaTrain: validation.episodes", validation.episodes, 1);
  checkTasks("metaTrain: validation", learner, validation.tasks);
  requireOneObjective("metaTrain: validation", validation.tasks, tasks.specs[0]?.objective.name);
  checkDisjoint(tasks, validation.tasks);
}

function checkCheckpoint({ checkpoint, metadata, resume = false }: MetaTrainOptions): void {
  requireBoolean("metaTrain: resume", resume);
  if (metadata !== undefined) requireExtraMetadata("metaTrain: metadata", metadata);
  if (checkpoint === undefined) {
    if (resume) throw new OptionError("metaTrain: resume must come with a checkpoint to resume from, got none");
    return;
  }
  requireOptions("metaTrain: checkpoint", checkpoint, ["store", "every"]);
  requireWhole("metaTrain: checkpoint.every", checkpoint.every, 1);
  requireObject("metaTrain: checkpoint.store", checkpoint.store, "a store, such as fileStore(path)", [
    "read()",
    "write()",
  ]);
}
