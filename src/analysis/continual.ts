import { requireOptions, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { type Objective, requireObjective } from "../nn/objective.ts";
import type { Batch } from "../tasks/types.ts";
import { measured, type OnlineLearner, requireLearners } from "./online.ts";

/** One task of a sequence: what is learned from, in the batches in which it arrives, and what is asked afterwards. */
export interface ContinualTask {
  readonly train: readonly Batch[];
  readonly test: Batch;
}

export interface ContinualOptions {
  readonly objective: Objective;
}

/** How one learner did on a sequence of tasks. */
export interface ContinualResult {
  readonly name: string;
  /**
   * The metric by row, after so many tasks (0 is before the first), and column, the task that is asked: [tasks + 1][tasks].
   */
  readonly matrix: readonly Float64Array[];
  /** Mean metric of all tasks after the last one. */
  readonly average: number;
  /**
   * Mean over all tasks but the last of how far the metric has fallen from its best since the task was learned (Chaudhry et al. 2018,
   * "Riemannian walk for incremental learning", equation 3).
   */
  readonly forgetting: number;
  /** Mean over all tasks but the first of the metric just before a task is learned, less before anything is (Lopez-Paz and Ranzato 2017, section 2). */
  readonly forwardTransfer: number;
  /** Mean over all tasks but the last of the final metric less the one just after the task was learned (there, equation 3). */
  readonly backwardTransfer: number;
}

/**
 * Learners see tasks one after another, never again, and are asked about all of them after each.
 * @throws DataError for fewer than 2 tasks; OptionError for what is no learner or no task
 */
export function runContinual(
  learners: readonly OnlineLearner[],
  tasks: readonly ContinualTask[],
  options: ContinualOptions,
): ContinualResult[] {
  requireLearners("runContinual", learners);
  requireOptions("runContinual", options, ["objective"]);
  const { objective } = options;
  requireObjective("runContinual: objective", objective);
  requireTasks(tasks);
  return learners.map((learner) => {
    const ask = () => Float64Array.from(tasks, ({ test }) => measured(learner, test, objective));
    const matrix = [ask()];
    for (const { train } of tasks) {
      for (const examples of train) learner.observe(examples);
      matrix.push(ask());
    }
    return { name: learner.name, matrix, ...summary(matrix, objective.metric.better === "higher" ? 1 : -1) };
  });
}

function requireTasks(tasks: unknown): void {
  if (!Array.isArray(tasks)) throw wrong("runContinual: tasks", "a list of tasks { train, test }", tasks);
  if (tasks.length < 2) throw new DataError(`runContinual: tasks must be at least 2, got ${tasks.length}`);
  for (const [i, task] of tasks.entries()) {
    const { train, test } = (task ?? {}) as Partial<ContinualTask>;
    if (Array.isArray(train) && train.length > 0 && typeof test === "object") continue;
    throw wrong(`runContinual: tasks[${i}]`, "{ train: [batch, …], test: batch }", task);
  }
}

/** @param sign 1 where higher values are better */
function summary(matrix: readonly Float64Array[], sign: 1 | -1) {
  const count = matrix.length - 1;
  const at = (after: number, task: number): number => matrix[after]?.[task] as number;
  const mean = (from: number, to: number, of: (task: number) => number): number => {
    let sum = 0;
    for (let task = from; task < to; task++) sum += of(task);
    return sum / (to - from);
  };
  return {
    average: mean(0, count, (task) => at(count, task)),
    forgetting: mean(0, count - 1, (task) => {
      let best = Number.NEGATIVE_INFINITY;
      for (let after = task + 1; after < count; after++) best = Math.max(best, sign * at(after, task));
      return best - sign * at(count, task);
    }),
    forwardTransfer: sign * mean(1, count, (task) => at(task, task) - at(0, task)),
    backwardTransfer: sign * mean(0, count - 1, (task) => at(count, task) - at(task + 1, task)),
  };
}
