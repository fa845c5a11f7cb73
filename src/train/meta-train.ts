import { checkMemory, type Memory } from "../compile/compile.ts";
import { defaultCore } from "../core/core.ts";
import type { Arrays, LoadedProgram } from "../core/loaded.ts";
import { run } from "../core/run.ts";
import { AbortedError, NonFiniteError, OptionError } from "../errors.ts";
import type { Executor, Job } from "../executors/executor.ts";
import { inThread } from "../executors/in-thread.ts";
import { keyToArray } from "../graph/operators/index.ts";
import type { Learner } from "../learners/learner.ts";
import { adam, type Optimizer } from "../optim/optimizer.ts";
import { fold, type Key, keyOf } from "../random.ts";
import type { TaskSource } from "../tasks/types.ts";
import { VERSION } from "../version.ts";
import {
  type CheckpointStore,
  checkArrays,
  checkIdentity,
  decodeCheckpoint,
  encodeCheckpoint,
  RELAXED,
  type RunIdentity,
  requireExtraMetadata,
} from "./checkpoint.ts";
import { checkCount, checkDisjoint, checkTasks } from "./checks.ts";
import { Draws } from "./draws.ts";
import { evaluate, type Report } from "./evaluate.ts";
import {
  CARRIED,
  CHECKSUM,
  compileTask,
  GRADIENT,
  initProgram,
  LOSS,
  META,
  metaShapes,
  OPTIMIZER,
  optimizerInitProgram,
  prefixed,
  type Shapes,
  taskBatch,
  updateProgram,
} from "./programs.ts";
import { Trained } from "./trained.ts";
import { Turns } from "./turns.ts";

/** What `onProgress` is told after every iteration. */
export interface Progress {
  /** Iterations done, of `iterations`. */
  readonly iteration: number;
  readonly iterations: number;
  /** Mean outer loss of this iteration's tasks. */
  readonly loss: number;
  /** Seconds since this call of `metaTrain` began its first iteration. */
  readonly seconds: number;
  /** Tasks a second since then. */
  readonly tasksPerSecond: number;
  /** Whether the tasks run with relaxed SIMD: the result may then differ between runtimes in its last bits. */
  readonly relaxed: boolean;
  /** Bytes that the Program of a task takes in each worker's core; it does not change in a run. */
  readonly peakBytes: number;
  /** Whether inner steps are computed anew to bound these bytes; it does not change in a run. */
  readonly bounded: boolean;
  /** Where this iteration was one that is validated. */
  readonly validation?: Report;
}

export interface MetaTrainOptions {
  /** Outer steps, counted from the start of the run, resumed or not. */
  readonly iterations: number;
  /** Tasks an outer step; 25 by default. */
  readonly metaBatch?: number;
  /** The outer update rule; the learner's own, or adam(1e-3), by default. */
  readonly optimizer?: Optimizer;
  /** Fixes every random choice; 0 by default. */
  readonly seed?: number;
  /** Where Programs run; the calling thread by default. */
  readonly executor?: Executor;
  /** Evaluates on other tasks every so many iterations; on 100 episodes by default. */
  readonly validation?: { readonly tasks: TaskSource; readonly every: number; readonly episodes?: number };
  /** Saves the run before its first iteration, every so many, at its end and when it is aborted. */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly every: number };
  /** Goes on from the stored checkpoint if there is one; the result has the same bytes as an uninterrupted run's. */
  readonly resume?: boolean;
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
}

const INIT_STREAM = 0;
const TASK_STREAM = 1;
const VALIDATION_EPISODES = 100;

/**
 * Meta-trains a learner: the outer loop over meta-batches of tasks.
 *
 * An iteration samples its tasks by their addresses, runs the task Program on each, sums gradients in a fixed order, and
 * runs the update Program. For one version of the package the result is the same to the bit for any executor with plain
 * SIMD, and whether or not the run was interrupted; a run with relaxed SIMD is resumed with relaxed SIMD only.
 * @throws OptionError for options out of range or a checkpoint of another run; NonFiniteError when a loss or gradient is
 * not finite (the last checkpoint stays); LockedError when another run has the checkpoint; MemoryError when a task would not fit; AbortedError when the signal says so, after a checkpoint is written
 */
export async function metaTrain(learner: Learner, tasks: TaskSource, options: MetaTrainOptions): Promise<Trained> {
  const store = options.checkpoint?.store;
  await store?.open?.();
  try {
    const training = await Training.start(learner, tasks, options);
    try {
      return await training.run();
    } finally {
      await training.end();
    }
  } finally {
    await store?.close?.();
  }
}

/** Tasks of an iteration lie in memory together. */
const LARGEST_META_BATCH = 65_536;

class Training {
  /** Of the iteration before: their memory is used again. */
  private sums: Arrays | undefined;

  private constructor(
    private readonly learner: Learner,
    private readonly tasks: TaskSource,
    private readonly options: MetaTrainOptions,
    private readonly metaBatch: number,
    private readonly executor: Executor,
    private readonly identity: RunIdentity,
    private readonly shapes: { meta: Shapes; optimizer: Shapes },
    private readonly job: Job,
    private readonly task: Pick<Progress, "peakBytes" | "bounded">,
    private readonly update: LoadedProgram,
    /** Written over by every update. */
    private readonly meta: Arrays,
    /** Before the first update of this call; then the update program holds it. */
    private readonly optimizerStart: Arrays,
    private iteration: number,
    /** Iterations of the run that the stored checkpoint holds. */
    private saved: number | undefined,
    private readonly draws: Draws,
  ) {
    this.first = iteration;
    this.shared = prefixed(META, meta);
    this.summed = update.program.inputs
      .map(({ name }) => name)
      .filter((name) => name.startsWith(GRADIENT) || name.startsWith(CARRIED));
    const start = { ...this.shared, ...prefixed(OPTIMIZER, optimizerStart) };
    for (const { name } of update.program.inputs) {
      const data = start[name];
      if (data !== undefined) update.write(name, data);
    }
  }

  private readonly first: number;
  /** `meta`, by the names of the inputs of the task Program. */
  private readonly shared: Arrays;
  /** Inputs of the update that are sums over the meta-batch. */
  private readonly summed: readonly string[];

  static async start(learner: Learner, tasks: TaskSource, options: MetaTrainOptions): Promise<Training> {
    const {
      metaBatch = 25,
      optimizer = learner.outerOptimizer ?? adam(1e-3),
      seed = 0,
      executor = inThread(),
    } = options;
    checkCount("metaTrain: iterations", options.iterations, 0);
    checkCount("metaTrain: metaBatch", metaBatch, 1, LARGEST_META_BATCH);
    if (options.checkpoint) checkCount("metaTrain: checkpoint.every", options.checkpoint.every, 1);
    if (options.validation) {
      checkCount("metaTrain: validation.every", options.validation.every, 1);
      checkCount("metaTrain: validation.episodes", options.validation.episodes ?? VALIDATION_EPISODES, 1);
    }
    const { memory, memoryLimit } = options;
    const memoryOptions = {
      ...(memory !== undefined && { memory }),
      ...(memoryLimit !== undefined && { memoryLimit }),
    };
    checkMemory("metaTrain", memoryOptions);
    checkTasks("metaTrain", learner, tasks.spec);
    if (options.validation) {
      checkTasks("metaTrain: validation", learner, options.validation.tasks.spec);
      checkDisjoint(tasks, options.validation.tasks);
    }
    if (options.metadata !== undefined) requireExtraMetadata("metaTrain: metadata", options.metadata);
    if (options.resume && !options.checkpoint)
      throw new OptionError("metaTrain: resume needs a checkpoint to resume from");

    const seedKey = keyOf(seed);
    const init = initProgram(learner);
    const metaOf = metaShapes(init);
    const trained = Object.fromEntries(Object.entries(metaOf).filter(([name]) => !learner.carried.includes(name)));
    const optimizerInit = optimizerInitProgram(optimizer, trained);
    const optimizerOf = metaShapes(optimizerInit);
    const identity: RunIdentity = {
      learner: learner.description,
      optimizer: optimizer.name,
      tasks: tasks.fingerprint,
      metaBatch: `${metaBatch}`,
      seed: `${seed}`,
      ...(executor.relaxed ? { core: RELAXED } : {}),
    };

    let meta: Arrays = run(init, { key: keyToArray(fold(seedKey, INIT_STREAM)) });
    let optimizerState: Arrays = run(optimizerInit, prefixed(META, pick(meta, Object.keys(trained))));
    let iteration = 0;
    const stored = options.resume ? await options.checkpoint?.store.read() : undefined;
    if (stored !== undefined) {
      const checkpoint = decodeCheckpoint(stored);
      checkIdentity(identity, checkpoint.metadata);
      checkArrays("resume", checkpoint.meta, metaOf);
      checkArrays("resume", checkpoint.optimizer, optimizerOf);
      ({ meta, optimizer: optimizerState, iteration } = checkpoint);
      if (iteration > options.iterations) {
        throw new OptionError(
          `resume: the checkpoint has ${iteration} iterations behind it, more than the ${options.iterations} asked for`,
        );
      }
    }
    const compiled = compileTask(learner, metaOf, tasks.spec, memoryOptions);
    const { program: task } = compiled;
    const batch = taskBatch(learner, metaOf, tasks.spec, compiled, metaBatch, memoryOptions);
    const job = await executor.load(task, batch);
    let update: LoadedProgram;
    try {
      update = defaultCore().load(updateProgram(learner, optimizer, metaOf, optimizerOf, metaBatch));
    } catch (error) {
      await job.release();
      throw error;
    }
    const shapes = { meta: metaOf, optimizer: optimizerOf };
    const draws = new Draws(tasks, fold(seedKey, TASK_STREAM), metaBatch);
    return new Training(
      learner,
      tasks,
      options,
      metaBatch,
      executor,
      identity,
      shapes,
      job,
      {
        peakBytes: task.arenaBytes + (batch?.program.arenaBytes ?? 0),
        bounded: compiled.bounded || (batch?.bounded ?? false),
      },
      update,
      meta,
      optimizerState,
      iteration,
      stored === undefined ? undefined : iteration,
      draws,
    );
  }

  async run(): Promise<Trained> {
    const { iterations, checkpoint, signal } = this.options;
    const first = this.iteration;
    const began = performance.now();
    const turns = new Turns();
    // Also to find out at once, and not after hours, where nothing can be stored.
    await this.save();
    while (this.iteration < iterations) {
      await turns.next();
      if (signal?.aborted) await this.stop();
      const loss = await this.step();
      this.iteration++;
      const validation = await this.validate();
      const seconds = (performance.now() - began) / 1000;
      const tasksPerSecond = ((this.iteration - first) * this.metaBatch) / seconds;
      const { relaxed } = this.executor;
      const progress = { iteration: this.iteration, iterations, loss, seconds, tasksPerSecond, relaxed, ...this.task };
      if (checkpoint && this.iteration % checkpoint.every === 0) await this.save();
      await this.options.onProgress?.(validation === undefined ? progress : { ...progress, validation });
    }
    await this.save();
    return this.trained();
  }

  /** One outer step; returns the mean outer loss. */
  private async step(): Promise<number> {
    const { keys, items } = this.draws.take(this.iteration);
    const { update, shared } = this;
    const running = this.job.sum(shared, items, this.sums);
    if (this.iteration + 1 < this.options.iterations) this.draws.ahead(this.iteration + 1);
    const sums = await running;
    this.sums = sums;
    for (const name of this.summed) update.write(name, sums[name] as Float32Array);
    update.run();
    const loss = (sums[LOSS]?.[0] as number) / this.metaBatch;
    if (!Number.isFinite(loss) || !Number.isFinite(update.view(CHECKSUM)[0])) await this.reportNonFinite(shared, keys);
    update.feedBack();
    for (const name in shared) update.readInto(name, shared[name] as Float32Array);
    return loss;
  }

  /** Runs the tasks of the iteration one by one to name the one that is not finite. */
  private async reportNonFinite(shared: Arrays, keys: readonly Key[]): Promise<never> {
    for (const key of keys) {
      const [outputs = {}] = await this.job.map(shared, [this.draws.one(key)]);
      const bad = Object.entries(outputs).find(([, data]) => data.some((each) => !Number.isFinite(each)));
      if (bad === undefined) continue;
      throw new NonFiniteError(
        `metaTrain: ${bad[0]} is not finite in iteration ${this.iteration} at the task with key [${key}]; ` +
          "tasks.sample(key) gives the task again; lower the rates or clip gradients",
        this.iteration,
        key,
      );
    }
    throw new NonFiniteError(
      `metaTrain: the gradients of iteration ${this.iteration} are finite, their sum or the update is not; lower the rates or clip gradients`,
      this.iteration,
      keys[0] as Key,
    );
  }

  private async validate(): Promise<Report | undefined> {
    const { validation, seed = 0 } = this.options;
    if (validation === undefined || this.iteration % validation.every !== 0) return undefined;
    const { tasks, episodes = VALIDATION_EPISODES } = validation;
    const signal = this.options.signal === undefined ? {} : { signal: this.options.signal };
    try {
      return await evaluate(this.trained(), tasks, { episodes, seed, executor: this.executor, ...signal });
    } catch (error) {
      if (error instanceof AbortedError) await this.stop();
      throw error;
    }
  }

  /** Saves the run and ends it as its signal asks. */
  private async stop(): Promise<never> {
    await this.save();
    throw new AbortedError(`metaTrain: stopped by its signal after iteration ${this.iteration}`);
  }

  private trained(): Trained {
    return new Trained(this.learner, this.meta, this.shapes.meta, this.tasks.spec.kind, this.iteration);
  }

  private async save(): Promise<void> {
    const { checkpoint, metadata = {} } = this.options;
    if (checkpoint === undefined || this.saved === this.iteration) return;
    const optimizer =
      this.iteration === this.first
        ? this.optimizerStart
        : mapNames(this.optimizerStart, (name) => this.update.read(OPTIMIZER + name));
    const position = { iteration: this.iteration, meta: this.meta, optimizer };
    const extra = { ...metadata, version: VERSION, kind: this.tasks.spec.kind };
    await checkpoint.store.write(encodeCheckpoint(position, this.shapes, this.identity, extra));
    this.saved = this.iteration;
  }

  async end(): Promise<void> {
    await this.job.release();
    this.update.dispose();
  }
}

function pick(arrays: Arrays, names: readonly string[]): Arrays {
  return Object.fromEntries(names.map((name) => [name, arrays[name] as Float32Array]));
}

function mapNames(arrays: Arrays, map: (name: string) => Float32Array): Arrays {
  return Object.fromEntries(Object.keys(arrays).map((name) => [name, map(name)]));
}
