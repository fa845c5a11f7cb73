import { evaluate as evaluateTrained } from "../train/evaluate.ts";
import { loadTrained } from "./checkpoint-file.ts";
import { printResult } from "./output.ts";
import { refuseIdle, type Split, tasksOf } from "./run-spec.ts";
import { coreLines, executorOf } from "./train.ts";

export interface EvaluateCommandOptions {
  readonly data?: string;
  readonly split?: Split;
  readonly ways?: number;
  readonly shots?: number;
  readonly queries?: number;
  readonly episodes: number;
  readonly innerSteps?: number;
  readonly seed: number;
  readonly workers: number;
  readonly relaxed: boolean;
  readonly json: boolean;
}

/** `quickstudy evaluate FILE` */
export async function evaluate(path: string, options: EvaluateCommandOptions): Promise<void> {
  const { trained, spec } = await loadTrained(path);
  const given = (["data", "split", "ways", "innerSteps"] as const).filter((name) => options[name] !== undefined);
  refuseIdle(spec.task, spec.learner, given);
  const { split = "test" } = options;
  // Metric-based learners train on more classes than they are asked about.
  const ways = options.ways ?? trained.learner.outputs ?? Math.min(5, spec.ways);
  const { shots = spec.shots, queries = spec.queries } = options;
  const tasks = await tasksOf(spec.task, options.data, split, { ways, shots, queries });
  const executor = executorOf(options.workers, options.relaxed);
  try {
    const { episodes, innerSteps, seed } = options;
    const report = await evaluateTrained(trained, tasks, {
      episodes,
      seed,
      executor,
      ...(innerSteps === undefined ? {} : { innerSteps }),
    });
    const scale = report.metric === "accuracy" ? 100 : 1;
    const unit = report.metric === "accuracy" ? " %" : "";
    const steps = innerSteps ?? trained.learner.innerSteps?.evaluation;
    printResult(options.json, report, [
      `${trained.learner.name} after ${trained.iterations} iterations, on ${tasks.name}${spec.task === "sinusoid" ? "" : ` (${split})`}`,
      `${report.metric.padEnd(12)} ${(report.mean * scale).toFixed(scale === 1 ? 4 : 2)} ± ${(report.ci95 * scale).toFixed(scale === 1 ? 4 : 2)}${unit} (95 % interval over ${report.episodes} episodes)`,
      ...(steps === undefined ? [] : [`inner steps  ${steps}`]),
      ...divergence(report.values),
      `batch norm   ${report.batchNorm}`,
      ...coreLines(options.relaxed, report, 13),
      `fingerprint  ${report.fingerprint}`,
    ]);
  } finally {
    await executor.close();
  }
}

/** Says how many episodes an inner loop diverged in: their numbers hide those of the others. */
function divergence(values: Float64Array): string[] {
  const diverged = values.filter((value) => !Number.isFinite(value)).length;
  return diverged === 0
    ? []
    : [`diverged     ${diverged} of ${values.length} episodes; lower the inner steps or rates`];
}
