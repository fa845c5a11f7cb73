import { OptionError } from "../errors.ts";
import { evaluate } from "../train/evaluate.ts";
import { numberTable, printResult } from "./output.ts";
import { givenSettings } from "./run-options.ts";
import {
  learnerNamed,
  type RunSpec,
  refuseIdle,
  runSpec,
  tableOf,
  taskNamed,
  tasksOf,
  type Value,
  withSettings,
} from "./run-spec.ts";
import { executorOf, trainRun } from "./train.ts";

export interface CompareOptions {
  readonly task?: string;
  readonly data?: string;
  readonly iterations?: number;
  readonly workers: number;
  readonly episodes: number;
  readonly json: boolean;
}

/** Each learner's run: its published settings for the task, under those of the command line that it has. */
function runsOf(names: readonly string[], options: CompareOptions): RunSpec[] {
  if (options.task === undefined) throw new OptionError("compare: --task must be given");
  const task = taskNamed(options.task);
  const given = givenSettings(options);
  const learners = names.map(learnerNamed);
  for (const name of Object.keys(given)) {
    if (learners.some((learner) => Object.hasOwn(tableOf(task, learner), name))) continue;
    for (const learner of learners) refuseIdle(task, learner, [name]);
  }
  return learners.map((learner) => {
    const table = tableOf(task, learner);
    const own = Object.entries(given).filter(([name]) => Object.hasOwn(table, name));
    return runSpec(task.name, learner.name, Object.fromEntries(own) as Record<string, Value>);
  });
}

/** The tasks that all learners are measured on: no learner's own settings are in them. */
function comparedRun(spec: RunSpec, options: CompareOptions): RunSpec {
  const given = givenSettings(options);
  const usual = Object.entries(spec.task.options).filter(
    ([name, { kind }]) => kind !== "value" && given[name] === undefined,
  );
  const { evaluation = {} } = spec.task;
  const defaults = usual.map(([name, option]) => [name, evaluation[name] ?? (option.default as Value)] as const);
  return withSettings(spec, Object.fromEntries(defaults));
}

/** @throws OptionError where learners would be measured on different episodes */
function requireSameEpisodes(results: readonly Record<string, number | string>[]): void {
  const [first, ...others] = results;
  const other = others.find(({ fingerprint }) => fingerprint !== first?.fingerprint);
  if (other === undefined) return;
  throw new OptionError(
    `compare: ${first?.learner} and ${other.learner} must be measured on the same episodes, got ${first?.fingerprint} and ${other.fingerprint}; name the ways and shots`,
  );
}

/** `quickstudy compare LEARNER… --task NAME` */
export async function compare(names: readonly string[], options: CompareOptions): Promise<void> {
  const runs = runsOf(names, options);
  const executor = executorOf(options.workers);
  const results: Record<string, number | string>[] = [];
  try {
    for (const [i, spec] of runs.entries()) {
      process.stderr.write(`${spec.learner.name} (${i + 1} of ${runs.length})\n`);
      const { trained, last } = await trainRun(spec, options, executor);
      const tasks = await tasksOf(comparedRun(spec, options), "test", options.data);
      const report = await evaluate(trained, tasks, { episodes: options.episodes, executor });
      const { metric, mean, ci95, diverged, fingerprint, batchNorm } = report;
      const seconds = last?.seconds ?? 0;
      const { iterations } = trained;
      results.push({
        learner: spec.learner.name,
        iterations,
        seconds,
        metric,
        mean,
        ci95,
        diverged,
        fingerprint,
        batchNorm,
      });
    }
  } finally {
    await executor.close();
  }
  requireSameEpisodes(results);
  const digits = (value: number | string | undefined) => (value as number).toFixed(4);
  printResult(options.json, { task: options.task, episodes: options.episodes, results }, [
    `${options.task}, ${options.episodes} test episodes each, ± 95 % interval`,
    ...numberTable([
      ["learner", "iterations", "seconds", String(results[0]?.metric), "±", "diverged", "batch norm"],
      ...results.map(({ learner, iterations, seconds, mean, ci95, diverged, batchNorm }) => [
        String(learner),
        String(iterations),
        (seconds as number).toFixed(0),
        digits(mean),
        digits(ci95),
        String(diverged),
        String(batchNorm),
      ]),
    ]),
  ]);
}
