import { access } from "node:fs/promises";
import { requireBoolean, requireOneOf, requireText, requireWhole } from "../arguments.ts";
import { MEMORY, type Memory } from "../compile/compile.ts";
import { AbortedError, FormatError, OptionError } from "../errors.ts";
import type { Executor } from "../executors/executor.ts";
import { inThread } from "../executors/in-thread.ts";
import { workers } from "../executors/node-workers.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import { fileStore } from "../train/file-store.ts";
import { hashParameters } from "../train/hash-parameters.ts";
import { type MetaTrainOptions, metaTrain, type Progress } from "../train/meta-train.ts";
import { restore, type Trained } from "../train/trained.ts";
import { errorLine, printResult, progressView, showDuration, showPeak } from "./output.ts";
import { givenSettings, readConfiguration } from "./run-options.ts";
import {
  allOptions,
  encodeRunSpec,
  learnerOf,
  optimizerOf,
  outerSettings,
  type RunSpec,
  refuseIdle,
  runSpec,
  taskSpecOf,
  type Value,
  withSettings,
} from "./run-spec.ts";
import { openTasks, type RunTasks } from "./run-tasks.ts";
import { stopOnSignals } from "./signals.ts";

/** Options of `train` that do not shape the result; the others are settings of the records. */
export interface TrainOptions {
  readonly task?: string;
  readonly learner?: string;
  readonly data?: string;
  readonly iterations?: number;
  readonly workers?: number;
  readonly checkpoint?: string;
  readonly checkpointEvery?: number;
  readonly validateEvery?: number;
  readonly resume?: boolean;
  readonly memory?: Memory;
  /** MiB. */
  readonly memoryLimit?: number;
  readonly relaxed?: boolean;
  readonly json?: boolean;
}

/** Their names, which no setting may have. */
export const COMMAND_OPTIONS: readonly string[] = [
  "task",
  "learner",
  "data",
  "iterations",
  "workers",
  "checkpoint",
  "checkpointEvery",
  "validateEvery",
  "resume",
  "memory",
  "memoryLimit",
  "relaxed",
  "json",
];

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

/** What a run is made of: flags come before the configuration file, the file before the defaults. */
async function described(path: string | undefined, flags: TrainOptions): Promise<TrainOptions> {
  if (path === undefined) return flags;
  const file = await readConfiguration(path, [...COMMAND_OPTIONS, ...allOptions().map(({ name }) => name)]);
  const stated = Object.entries(flags).filter(([, value]) => value !== undefined);
  return { ...(file as TrainOptions), ...Object.fromEntries(stated) };
}

/** @throws OptionError for what a configuration file may have wrong; flags are checked when they are parsed */
function checkOwn(options: TrainOptions): void {
  const { iterations, checkpointEvery, validateEvery, workers: count, memory, memoryLimit } = options;
  if (iterations !== undefined) requireWhole("--iterations", iterations, 1);
  if (count !== undefined) requireWhole("--workers", count, 1, 256);
  if (checkpointEvery !== undefined) requireWhole("--checkpoint-every", checkpointEvery, 1);
  if (validateEvery !== undefined) requireWhole("--validate-every", validateEvery, 0);
  if (memory !== undefined) requireOneOf("--memory", memory, MEMORY);
  if (memoryLimit !== undefined) requireWhole("--memory-limit", memoryLimit, 1);
  for (const name of ["data", "checkpoint"] as const) {
    if (options[name] !== undefined) requireText(`--${name}`, options[name]);
  }
  for (const name of ["resume", "relaxed", "json"] as const) {
    if (options[name] !== undefined) requireBoolean(`--${name}`, options[name]);
  }
}

/** `quickstudy train [FILE]` */
export async function train(path: string | undefined, flags: TrainOptions): Promise<void> {
  const options = await described(path, flags);
  checkOwn(options);
  const { task, learner = "maml", data, checkpoint, resume = false, relaxed = false, json = false } = options;
  if (task === undefined) throw new OptionError("train: --task must be given, or a configuration file that has it");
  if (resume && checkpoint === undefined) throw new OptionError("--resume: needs --checkpoint FILE to resume from");
  if (checkpoint !== undefined && !resume) await refuseOverwrite(checkpoint);
  const spec = validated(runSpec(task, learner, givenSettings(options)), options);
  if (data !== undefined) refuseIdle(spec.task, spec.learner, ["data"]);
  const executor = executorOf(options.workers ?? 1, relaxed);
  try {
    const tasks = await openTasks(spec, data);
    const { trained, last } = await trainRun(tasks, options, executor);
    const result = {
      task: spec.task.name,
      learner: spec.learner.name,
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
      `${result.learner} on ${result.task}: ${result.iterations} iterations in ${showDuration(result.seconds)} (${result.tasksPerSecond.toPrecision(4)} tasks/s)`,
      `loss of the last iteration  ${last?.loss.toFixed(4) ?? "none run"}`,
      ...(last ? [`memory of a task            ${showPeak(last)}`] : []),
      `batch norm                  ${trained.learner.batchNorm}`,
      `parameters (sha256)         ${result.parameters}`,
      ...coreLines(relaxed, executor, 28),
      ...(checkpoint === undefined ? [] : [`checkpoint                  ${checkpoint}`]),
    ]);
  } finally {
    await executor.close();
  }
}

/** What ends a run before its iterations are done. */
export interface Limit {
  readonly store: CheckpointStore;
  /** The part of the limit that is used up, from 0 to 1. */
  used(progress: Progress): number;
}

/** Trains a run with a view of its progress; a signal saves and stops it. */
export async function trainRun(
  opened: RunTasks,
  options: TrainOptions,
  executor: Executor,
  limit?: Limit,
): Promise<{ readonly trained: Trained; readonly last: Progress | undefined }> {
  const { spec, preprocessing, division } = opened;
  const learner = learnerOf(spec);
  const tasks = await opened.source("train", spec);
  const { metaBatch, seed, average } = outerSettings(spec);
  const { checkpoint, checkpointEvery = 500, memory, memoryLimit } = options;
  const view = progressView();
  const stop = stopOnSignals();
  const ending = new AbortController();
  stop.signal.addEventListener("abort", () => ending.abort());
  const store = limit?.store ?? (checkpoint === undefined ? undefined : storeOf(checkpoint, options.resume ?? false));
  let last: Progress | undefined;
  try {
    const settings: MetaTrainOptions = {
      iterations: options.iterations ?? spec.task.run.iterations,
      metaBatch,
      optimizer: optimizerOf(spec),
      seed,
      executor,
      resume: options.resume ?? false,
      ...(memory === undefined ? {} : { memory }),
      ...(memoryLimit === undefined ? {} : { memoryLimit: memoryLimit * 2 ** 20 }),
      ...(average === 0 ? {} : { average }),
      signal: ending.signal,
      metadata: { run: encodeRunSpec(spec), ...(division === undefined ? {} : { division }) },
      ...(preprocessing === undefined ? {} : { preprocessing }),
      ...(store === undefined ? {} : { checkpoint: { store, every: checkpointEvery } }),
      ...(await validationOf(options, opened)),
      onWarning: (message) => process.stderr.write(`${errorLine(new OptionError(message))}\n`),
      onProgress(progress) {
        stop.begin();
        last = progress;
        const used = limit?.used(progress) ?? 0;
        if (used >= 1) ending.abort();
        // The iterations of a run that is limited are not known before its end.
        const { iteration } = progress;
        view.update(
          limit === undefined ? progress : { ...progress, iterations: Math.round(iteration / Math.min(1, used)) },
        );
      },
    };
    const trained = await metaTrain(learner, tasks, settings).catch(async (error) => {
      if (error instanceof AbortedError && limit !== undefined && !stop.signal.aborted) {
        return restoredRun(opened, (await limit.store.read()) as Uint8Array);
      }
      // Only the checkpoint that is resumed has a format to be wrong.
      throw error instanceof FormatError ? new FormatError(`--checkpoint ${checkpoint}: ${error.message}`) : error;
    });
    return { trained, last };
  } finally {
    view.end();
    stop.end();
  }
}

/** What a checkpoint of a run that is going on holds. */
export function restoredRun({ spec, preprocessing }: RunTasks, bytes: Uint8Array): Trained {
  const { objective } = taskSpecOf(spec);
  return restore(learnerOf(spec), bytes, { objective, ...(preprocessing === undefined ? {} : { preprocessing }) });
}

/** The store of a run's checkpoints. A run that is not resumed looks again, once other runs are locked out, for a file of theirs. */
function storeOf(checkpoint: string, resume: boolean): CheckpointStore {
  const store = fileStore(checkpoint);
  if (resume) return store;
  return {
    ...store,
    async open() {
      await store.open();
      await refuseOverwrite(checkpoint).catch(async (error) => {
        await store.close();
        throw error;
      });
    },
  };
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

/**
 * The run whose tasks evaluation draws: its own, with what the task has for evaluation where the learner takes any ways.
 * @param given settings of the user, which come before those of the task
 */
export function evaluationRun(spec: RunSpec, given: Readonly<Record<string, Value>> = {}): RunSpec {
  const { evaluation = {} } = spec.task;
  if (learnerOf(spec).width !== undefined) return spec;
  const unsaid = Object.entries(evaluation).filter(([name]) => given[name] === undefined);
  return withSettings(spec, Object.fromEntries(unsaid));
}

async function validationOf(options: TrainOptions, opened: RunTasks): Promise<Pick<MetaTrainOptions, "validation">> {
  const { validateEvery = 0 } = options;
  if (validateEvery === 0) return {};
  const tasks = await opened.source("validation", evaluationRun(opened.spec, givenSettings(options)));
  return { validation: { tasks, every: validateEvery, episodes: 100 } };
}

/** Validation classes are part of `trainval`: who validates trains on the rest. */
function validated(spec: RunSpec, { validateEvery = 0, ...options }: TrainOptions): RunSpec {
  const chosen = "split" in options && options.split !== undefined;
  return validateEvery > 0 && spec.settings.split === "trainval" && !chosen
    ? withSettings(spec, { split: "train" })
    : spec;
}
