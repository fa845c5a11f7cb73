import { access } from "node:fs/promises";
import type { Memory } from "../compile/compile.ts";
import { FormatError, OptionError } from "../errors.ts";
import type { Executor } from "../executors/executor.ts";
import { inThread } from "../executors/in-thread.ts";
import { workers } from "../executors/node-workers.ts";
import { fileStore } from "../train/file-store.ts";
import { hashParameters } from "../train/hash-parameters.ts";
import { type MetaTrainOptions, metaTrain, type Progress } from "../train/meta-train.ts";
import { printResult, progressView, showDuration, showPeak } from "./output.ts";
import {
  type LearnerName,
  learnerOf,
  optimizerOf,
  type RunSpec,
  refuseIdle,
  runSpec,
  type Task,
  tasksOf,
} from "./run-spec.ts";
import { stopOnSignals } from "./signals.ts";

export interface TrainOptions extends Partial<Omit<RunSpec, "task" | "learner">> {
  readonly task: Task;
  readonly learner: LearnerName;
  readonly data?: string;
  readonly iterations: number;
  readonly workers: number;
  readonly checkpoint?: string;
  readonly checkpointEvery: number;
  readonly validateEvery: number;
  readonly resume: boolean;
  readonly memory: Memory;
  /** MiB. */
  readonly memoryLimit?: number;
  readonly relaxed: boolean;
  readonly json: boolean;
}

/** Iterations where the user names none: the papers' for the sinusoid, about an hour's on two cores for Omniglot. */
export const DEFAULT_ITERATIONS: Record<Task, number> = { sinusoid: 70_000, omniglot: 4_000 };

/** `workers(n)`, or this thread for one. */
export function executorOf(count: number, relaxed = false): Executor {
  return count === 1 ? inThread({ relaxed }) : workers(count, { relaxed });
}

/** Says which core a command that was told `--relaxed` runs on; nothing where it was not. */
export function coreLines(asked: boolean, { relaxed }: { readonly relaxed: boolean }, width: number): string[] {
  if (!asked) return [];
  const core = relaxed
    ? "relaxed SIMD: results may differ between runtimes in their last bits"
    : "plain SIMD: this runtime has no relaxed SIMD (Node has it from version 22)";
  return [`${"core".padEnd(width)}${core}`];
}

/** The settings among the options that were given. */
function settings(options: TrainOptions): Partial<RunSpec> {
  const {
    task,
    learner,
    data,
    iterations,
    workers: count,
    checkpoint,
    checkpointEvery,
    validateEvery,
    resume,
    memory,
    memoryLimit,
    relaxed,
    json,
    ...given
  } = options;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** `quickstudy train` */
export async function train(options: TrainOptions): Promise<void> {
  const { checkpoint, resume, relaxed, json } = options;
  if (resume && checkpoint === undefined) throw new OptionError("--resume: needs --checkpoint FILE to resume from");
  if (checkpoint !== undefined && !resume) await refuseOverwrite(checkpoint);
  if (options.data !== undefined) refuseIdle(options.task, options.learner, ["data"]);
  const spec = runSpec(options.task, options.learner, { ...validatedSplit(options), ...settings(options) });
  const learner = learnerOf(spec);
  const tasks = await tasksOf(spec.task, options.data, spec.split, spec);
  const executor = executorOf(options.workers, relaxed);
  const view = progressView();
  const stop = stopOnSignals();
  let last: Progress | undefined;
  try {
    const settingsOf: MetaTrainOptions = {
      iterations: options.iterations,
      metaBatch: spec.metaBatch,
      optimizer: optimizerOf(spec),
      seed: spec.seed,
      executor,
      resume,
      memory: options.memory,
      ...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit * 2 ** 20 }),
      signal: stop.signal,
      metadata: { run: JSON.stringify(spec) },
      ...(checkpoint === undefined
        ? {}
        : { checkpoint: { store: fileStore(checkpoint), every: options.checkpointEvery } }),
      ...(await validationOf(options, spec)),
      onProgress(progress) {
        stop.begin();
        last = progress;
        view.update(progress);
      },
    };
    const trained = await metaTrain(learner, tasks, settingsOf).catch((error) => {
      // Only the checkpoint that is resumed has a format to be wrong.
      throw error instanceof FormatError ? new FormatError(`--checkpoint ${checkpoint}: ${error.message}`) : error;
    });
    view.end();
    const result = {
      task: spec.task,
      learner: spec.learner,
      iterations: trained.iterations,
      seconds: last?.seconds ?? 0,
      tasksPerSecond: last?.tasksPerSecond ?? 0,
      parameters: hashParameters(trained.meta),
      relaxed: executor.relaxed,
      loss: last?.loss ?? null,
      peakBytes: last?.peakBytes ?? null,
      bounded: last?.bounded ?? null,
    };
    printResult(json, result, [
      `${spec.learner} on ${spec.task}: ${result.iterations} iterations in ${showDuration(result.seconds)} (${result.tasksPerSecond.toPrecision(4)} tasks/s)`,
      `loss of the last iteration  ${last?.loss.toFixed(4) ?? "none run"}`,
      ...(last ? [`memory of a task            ${showPeak(last)}`] : []),
      `batch norm                  ${learner.batchNorm}`,
      `parameters (sha256)         ${result.parameters}`,
      ...coreLines(relaxed, executor, 28),
      ...(checkpoint === undefined ? [] : [`checkpoint                  ${checkpoint}`]),
    ]);
  } finally {
    view.end();
    stop.end();
    await executor.close();
  }
}

async function refuseOverwrite(checkpoint: string): Promise<void> {
  const exists = await access(checkpoint).then(
    () => true,
    () => false,
  );
  if (exists) {
    throw new OptionError(
      `--checkpoint ${checkpoint}: the file exists; add --resume to go on from it, or name another file`,
    );
  }
}

async function validationOf(options: TrainOptions, spec: RunSpec): Promise<Pick<MetaTrainOptions, "validation">> {
  if (options.validateEvery === 0) return {};
  const ways = learnerOf(spec).outputs === undefined ? Math.min(5, spec.ways) : spec.ways;
  const tasks = await tasksOf(spec.task, options.data, "val", { ...spec, ways });
  return { validation: { tasks, every: options.validateEvery, episodes: 100 } };
}

/** Validation classes are part of `trainval`: who validates trains on the rest. */
function validatedSplit({ task, validateEvery }: TrainOptions): Partial<RunSpec> {
  return task === "omniglot" && validateEvery > 0 ? { split: "train" } : {};
}
