import type { Executor, Job } from "../executors/executor.ts";
import type { TaskSource, TaskSpec } from "../tasks/types.ts";
import { taskBatch } from "./batches.ts";
import { CARRIED, compileTask, GRADIENT, LOG, type MemoryOptions, type Plan } from "./programs.ts";

/** The task Program of one spec and phase, loaded. */
export interface TaskJob {
  readonly job: Job;
  /** Its outputs that the update Program takes. */
  readonly summed: readonly string[];
  /** Its outputs that are shown. */
  readonly logged: readonly string[];
}

/** The task Programs of a run, compiled and loaded on first use. */
export class TaskJobs {
  private readonly loaded = new Map<string, TaskJob>();
  /** The job of the last iteration: mostly the next one's too. */
  private last: { readonly spec: number; readonly phase: string | undefined; readonly job: TaskJob } | undefined;
  /** Bytes of the largest Program so far in each worker's core, and whether one has bounded memory. */
  peakBytes = 0;
  bounded = false;
  private readonly memory: MemoryOptions;

  constructor(
    private readonly plan: Plan,
    private readonly tasks: TaskSource,
    private readonly executor: Executor,
    private readonly metaBatch: number,
    { memory, memoryLimit }: { readonly memory?: MemoryOptions["memory"]; readonly memoryLimit?: number },
  ) {
    this.memory = { ...(memory !== undefined && { memory }), ...(memoryLimit !== undefined && { memoryLimit }) };
  }

  private phase(iteration: number): string | undefined {
    return this.plan.learner.phase?.(iteration);
  }

  /** The job of an iteration, if it is loaded. */
  ready(spec: number, iteration: number): TaskJob | undefined {
    const phase = this.phase(iteration);
    if (this.last?.spec === spec && this.last.phase === phase) return this.last.job;
    const job = this.loaded.get(`${spec} ${phase}`);
    if (job !== undefined) this.last = { spec, phase, job };
    return job;
  }

  /** The job of an iteration. @throws MemoryError where its Program does not fit */
  async of(spec: number, iteration: number): Promise<TaskJob> {
    const known = this.ready(spec, iteration);
    if (known !== undefined) return known;
    const { plan, memory, metaBatch } = this;
    const phase = this.phase(iteration);
    const of = this.tasks.specs[spec] as TaskSpec;
    const compiled = compileTask(plan, of, memory, phase);
    const batch = taskBatch(plan, of, compiled, metaBatch, memory, phase);
    const job = await this.executor.load({ task: compiled.program, batch });
    this.peakBytes = Math.max(this.peakBytes, compiled.program.arenaBytes + (batch?.program.arenaBytes ?? 0));
    this.bounded ||= compiled.bounded || (batch?.bounded ?? false);
    const names = compiled.program.outputs.map(({ name }) => name);
    const made = {
      job,
      summed: names.filter((name) => name.startsWith(GRADIENT) || name.startsWith(CARRIED)),
      logged: names.filter((name) => name.startsWith(LOG)),
    };
    this.loaded.set(`${spec} ${phase}`, made);
    return made;
  }

  async release(): Promise<void> {
    // A release that fails must not keep the others from theirs, nor hide why the run ended.
    await Promise.allSettled(Array.from(this.loaded.values(), ({ job }) => job.release()));
    this.loaded.clear();
  }
}
