import { defaultCore } from "../core/core.ts";
import type { Arrays, LoadedProgram } from "../core/loaded.ts";
import { run, unload } from "../core/run.ts";
import { AbortedError, NonFiniteError } from "../errors.ts";
import type { Executor, Job } from "../executors/executor.ts";
import { inThread } from "../executors/in-thread.ts";
import { keyToArray } from "../graph/operators/index.ts";
import type { Learner } from "../learners/learner.ts";
import type { Objective } from "../nn/objective.ts";
import { adam } from "../optim/optimizer.ts";
import { prefixed } from "../optim/rule.ts";
import type { Program } from "../program/program.ts";
import { fold, type Key, keyOf } from "../random.ts";
import { hashArrays } from "../tasks/hash.ts";
import type { TaskSource } from "../tasks/types.ts";
import { VERSION } from "../version.ts";
import { Advice } from "./advice.ts";
import { encodeCheckpoint, RELAXED, type RunIdentity } from "./checkpoint.ts";
import { Draws, requireRoom } from "./draws.ts";
import { evaluate, type Report } from "./evaluate.ts";
import type { MetaTrainOptions, Progress } from "./meta-train.ts";
import { initialMeta, initProgram, LOG, LOSS, META, outputShapes, type Plan, pick, type Shapes } from "./programs.ts";
import { Sampler } from "./sampling.ts";
import { frozenNames, isFrozen, resumed, type Start, warmStart } from "./starts.ts";
import { TaskJobs } from "./task-jobs.ts";
import { Trained } from "./trained.ts";
import { Turns } from "./turns.ts";
import { AVERAGE, CHECKSUM, OPTIMIZER, optimizerStartProgram, updateProgram } from "./update.ts";

const INIT_STREAM = 0;
const TASK_STREAM = 1;
const VALIDATION_EPISODES = 100;
const META_BATCH = 25;

/** What does not change in a run. */
interface Setting {
  /** The caller's operation, for errors. */
  readonly what: string;
  readonly tasks: TaskSource;
  readonly options: MetaTrainOptions;
  readonly plan: Plan;
  readonly metaBatch: number;
  readonly executor: Executor;
  readonly identity: RunIdentity;
  readonly shapes: { readonly meta: Shapes; readonly optimizer: Shapes };
  readonly objective: Objective;
}

/** One call of `metaTrain`. */
export class Training {
  /** Of the iteration before: their memory is used again. */
  private sums: Arrays | undefined;
  private readonly first: number;
  /** The meta-parameters, by the names of the inputs of the task Program, and the iteration. */
  private readonly shared: Arrays;
  /** Those of them that an update changes. */
  private readonly moved: readonly string[];
  private iteration: number;

  private constructor(
    private readonly setting: Setting,
    /** Where this call began; `meta` is written over by every update. */
    private readonly begin: Start,
    private readonly jobs: TaskJobs,
    private readonly update: LoadedProgram,
    private readonly draws: Draws,
    private readonly advice: Advice,
  ) {
    this.iteration = begin.iteration;
    this.first = begin.iteration;
    this.shared = { ...prefixed(META, begin.meta), iteration: new Float32Array(1) };
    this.moved = update.program.outputs.map(({ name }) => name).filter((name) => name.startsWith(META));
    const inputs = { ...this.shared, ...prefixed(OPTIMIZER, begin.optimizer), ...prefixed(AVERAGE, begin.average) };
    for (const { name } of update.program.inputs) {
      const data = inputs[name];
      if (data !== undefined) update.write(name, data);
    }
  }

  /** @param what the caller's operation, for errors */
  static async start(what: string, learner: Learner, tasks: TaskSource, options: MetaTrainOptions): Promise<Training> {
    const { metaBatch = META_BATCH, seed = 0, executor = inThread(), average, window } = options;
    requireRoom(what, tasks, metaBatch, options.memoryLimit);
    const optimizer = options.optimizer ?? learner.outerOptimizer ?? adam(1e-3);
    const seedKey = keyOf(seed);
    const init = initProgram(learner);
    const frozen = frozenNames(what, init.plan, options.freeze);
    const plan: Plan = {
      ...init.plan,
      trained: init.plan.trained.filter((name) => !frozen.includes(name)),
      // Statistics of a frozen layer stay as they are, too.
      carried: init.plan.carried.filter((name) => !isFrozen(name, options.freeze)),
      ...(window === undefined ? {} : { window }),
    };
    const trained = pick(plan.meta, plan.trained);
    const optimizerStart = optimizerStartProgram(optimizer, trained);
    const shapes = { meta: plan.meta, optimizer: outputShapes(optimizerStart) };
    const fresh = initialMeta(runOnce(init.program, { key: keyToArray(fold(seedKey, INIT_STREAM)) }));
    const meta = options.from === undefined ? fresh : warmStart(what, plan, fresh, options.from);
    const identity: RunIdentity = {
      learner: learner.description,
      optimizer: optimizer.name,
      tasks: tasks.fingerprint,
      metaBatch: `${metaBatch}`,
      seed: `${seed}`,
      ...(executor.relaxed ? { core: RELAXED } : {}),
      ...(average === undefined ? {} : { average: `${average}` }),
      ...(window === undefined ? {} : { window: `${window}` }),
      ...(frozen.length === 0 ? {} : { frozen: frozen.join(" ") }),
      ...(options.from === undefined ? {} : { from: hashArrays(meta) }),
    };
    const start: Start = {
      iteration: 0,
      meta,
      optimizer: runOnce(optimizerStart, prefixed(META, pick(meta, plan.trained))),
      average:
        average === undefined
          ? {}
          : pick(
              mapped(meta, (data) => data.slice()),
              plan.trained,
            ),
      saved: undefined,
    };
    const begin = (await resumed(options, identity, plan, shapes.optimizer)) ?? start;
    const { objective } = tasks.specs[0] as TaskSource["specs"][0];
    const setting = { what, tasks, options, plan, metaBatch, executor, identity, shapes, objective };
    const sampler = new Sampler(tasks, learner);
    const draws = new Draws(tasks, sampler, fold(seedKey, TASK_STREAM), metaBatch);
    const jobs = new TaskJobs(plan, tasks, executor, metaBatch, options);
    // What does not fit or does not trace is found out here, before anything is saved.
    await jobs.of(draws.specAt(begin.iteration), begin.iteration);
    let update: LoadedProgram;
    try {
      update = defaultCore().load(
        updateProgram({ plan, optimizer, memory: shapes.optimizer, tasks: metaBatch, average }),
      );
    } catch (error) {
      await jobs.release();
      throw error;
    }
    const advice = new Advice(plan, tasks, options, (key, spec) => draws.one(key, spec));
    return new Training(setting, begin, jobs, update, draws, advice);
  }

  async run(): Promise<Trained> {
    // Also to find out at once, and not after hours, where nothing can be stored.
    await this.save();
    await this.advance(this.setting.options.iterations);
    await this.save();
    return this.trained();
  }

  /** Goes on until so many iterations are done. */
  async advance(until: number): Promise<void> {
    const { iterations, checkpoint, signal, onProgress } = this.setting.options;
    const began = performance.now();
    const turns = new Turns();
    while (this.iteration < until) {
      await turns.next();
      if (signal?.aborted) await this.stop();
      const { loss, log } = await this.step();
      this.iteration++;
      const validation = await this.validate();
      const seconds = (performance.now() - began) / 1000;
      const tasksPerSecond = ((this.iteration - this.first) * this.setting.metaBatch) / seconds;
      if (checkpoint && this.iteration % checkpoint.every === 0) await this.save();
      if (onProgress === undefined) continue;
      const { relaxed } = this.setting.executor;
      const { peakBytes, bounded } = this.jobs;
      const progress: Progress = {
        iteration: this.iteration,
        iterations,
        loss,
        log,
        seconds,
        tasksPerSecond,
        relaxed,
        peakBytes,
        bounded,
        ...(validation === undefined ? {} : { validation }),
      };
      const answer = this.setting.options.onProgress?.(progress);
      if (answer !== undefined) await answer;
    }
  }

  /** One outer step; returns means over its tasks. */
  private async step(): Promise<{ loss: number; log: Record<string, number> }> {
    const { update, shared, iteration, draws } = this;
    const { metaBatch, options } = this.setting;
    const drawn = draws.take(iteration);
    const { spec, keys, items } = drawn instanceof Promise ? await drawn : drawn;
    const ready = this.jobs.ready(spec, iteration);
    const { job, summed, logged } = ready ?? (await this.jobs.of(spec, iteration));
    (shared.iteration as Float32Array)[0] = iteration;
    const running = job.sum(shared, items, this.sums);
    if (iteration + 1 < options.iterations) draws.ahead(iteration + 1);
    const { sums } = await running;
    this.sums = sums;
    for (const name of summed) update.write(name, sums[name] as Float32Array);
    update.write("iteration", shared.iteration as Float32Array);
    update.run();
    const loss = (sums[LOSS]?.[0] as number) / metaBatch;
    if (!Number.isFinite(loss) || !Number.isFinite(update.view(CHECKSUM)[0])) {
      await this.reportNonFinite(job, keys, spec);
    }
    update.feedBack();
    for (const name of this.moved) update.readInto(name, shared[name] as Float32Array);
    const advice = this.advice.after(iteration, loss, { shared, keys, spec });
    if (advice !== undefined) await advice;
    const log: Record<string, number> = {};
    for (const name of logged) log[name.slice(LOG.length)] = (sums[name]?.[0] as number) / metaBatch;
    return { loss, log };
  }

  /** Runs the tasks of the iteration one by one to name the one that is not finite. */
  private async reportNonFinite(job: Job, keys: readonly Key[], spec: number): Promise<never> {
    for (const key of keys) {
      const [outputs = {}] = await job.map(this.shared, [await this.draws.one(key, spec)]);
      const bad = Object.entries(outputs).find(([, data]) => data.some((each) => !Number.isFinite(each)));
      if (bad === undefined) continue;
      throw new NonFiniteError(
        `${this.setting.what}: ${bad[0]} must be finite, got ${bad[1].find((each) => !Number.isFinite(each))} in iteration ` +
          `${this.iteration} at the task with key [${key}]; tasks.sample(key, ${spec}) gives the task again; ${this.remedy()}`,
        this.iteration,
        key,
      );
    }
    throw new NonFiniteError(
      `${this.setting.what}: the gradients of iteration ${this.iteration} are finite, their sum or the update is not; ${this.remedy()}`,
      this.iteration,
      keys[0] as Key,
    );
  }

  private remedy(): string {
    const { innerRate } = this.setting.plan.learner;
    return `lower the rates${innerRate === undefined ? "" : ` (innerRate is ${innerRate})`} or clip gradients`;
  }

  private async validate(): Promise<Report | undefined> {
    const { validation, seed = 0, signal } = this.setting.options;
    if (validation === undefined || this.iteration % validation.every !== 0) return undefined;
    const { tasks, episodes = VALIDATION_EPISODES } = validation;
    const { executor } = this.setting;
    try {
      return await evaluate(this.trained(), tasks, { episodes, seed, executor, ...(signal && { signal }) });
    } catch (error) {
      if (error instanceof AbortedError) await this.stop();
      throw error;
    }
  }

  /** Saves the run and ends it as its signal asks. */
  private async stop(): Promise<never> {
    await this.save();
    throw new AbortedError(`${this.setting.what}: stopped by its signal after iteration ${this.iteration}`);
  }

  /** The learner as it is now. Its arrays are those that training goes on with. */
  trained(): Trained {
    const { plan, objective } = this.setting;
    const meta = { ...this.begin.meta, ...this.now(AVERAGE, this.begin.average) };
    const { preprocessing } = this.setting.options;
    return new Trained(plan, meta, objective, this.iteration, preprocessing === undefined ? {} : { preprocessing });
  }

  /** Arrays that the update Program holds, as they are now. */
  private now(prefix: string, begin: Arrays): Arrays {
    if (this.iteration === this.first) return begin;
    return mapped(begin, (_, name) => this.update.read(prefix + name));
  }

  private async save(): Promise<void> {
    const { options, shapes, identity, objective } = this.setting;
    const { checkpoint, metadata = {}, preprocessing } = options;
    if (checkpoint === undefined || this.begin.saved === this.iteration) return;
    const position = {
      iteration: this.iteration,
      meta: this.begin.meta,
      optimizer: this.now(OPTIMIZER, this.begin.optimizer),
      average: this.now(AVERAGE, this.begin.average),
    };
    const packed = preprocessing?.pack();
    const own = { version: VERSION, objective: objective.name, outputs: `${objective.outputs}` };
    const extra = { tensors: { ...packed?.tensors }, metadata: { ...metadata, ...packed?.metadata, ...own } };
    await checkpoint.store.write(encodeCheckpoint(position, shapes, identity, extra));
    this.begin.saved = this.iteration;
  }

  async end(): Promise<void> {
    await this.jobs.release();
    this.update.dispose();
  }
}

/** Runs a Program that nobody runs again: it leaves nothing in the core. */
function runOnce(program: Program, inputs: Arrays): Arrays {
  const outputs = run(program, inputs);
  unload(program);
  return outputs;
}

function mapped(arrays: Arrays, map: (data: Float32Array, name: string) => Float32Array): Arrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, map(data, name)]));
}
