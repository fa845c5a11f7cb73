import { OptionError } from "../errors.ts";
import { evaluate as evaluateTrained, type Report } from "../train/evaluate.ts";
import { loadTrained } from "./checkpoint-file.ts";
import { showMetric } from "./comparison-report.ts";
import { detailsOf, makeFolder, writeDetails } from "./evaluation-details.ts";
import { printResult } from "./output.ts";
import { learnerOf, parseSetting, type RunSpec, refuseIdle, tableOf, type Value, withSettings } from "./run-spec.ts";
import { openTasks } from "./run-tasks.ts";
import { coreLines, evaluationRun, executorOf } from "./train.ts";

export interface EvaluateCommandOptions {
  readonly data?: string;
  readonly part: "test" | "validation" | "train";
  readonly ways?: string;
  readonly shots?: string;
  readonly queries?: string;
  readonly oneByOne: boolean;
  readonly episodes: number;
  readonly innerSteps?: number;
  readonly seed: number;
  readonly workers: number;
  readonly relaxed: boolean;
  readonly json: boolean;
  readonly details: boolean;
  readonly out?: string;
}

/** Where details go that are given no folder. */
const DETAILS_FOLDER = "out/evaluate";

/** The run of a checkpoint, with the options of its tasks that the command was given. */
function evaluated(spec: RunSpec, options: EvaluateCommandOptions): RunSpec {
  const given = (["ways", "shots", "queries"] as const).filter((name) => options[name] !== undefined);
  refuseIdle(spec.task, spec.learner, [...given, ...(options.data === undefined ? [] : ["data"])]);
  const table = tableOf(spec.task, spec.learner);
  const { width } = learnerOf(spec);
  if (options.ways !== undefined && width !== undefined && Number(options.ways) !== width) {
    throw new OptionError(
      `--ways must be ${width}, the number of outputs of the model, got ${options.ways}; train with --ways ${options.ways}, or with a learner that takes any number of classes`,
    );
  }
  const settings = given.map((name) => {
    const option = table[name];
    return [name, option && parseSetting(name, option, options[name] as Value)] as const;
  });
  return withSettings(evaluationRun(spec), Object.fromEntries(settings));
}

/** `quickstudy evaluate FILE` */
export async function evaluate(path: string, options: EvaluateCommandOptions): Promise<void> {
  const { trained, spec, trainers } = await loadTrained(path);
  if (options.innerSteps !== undefined && trained.learner.innerSteps === undefined) {
    throw new OptionError(`--inner-steps: does nothing with --learner ${spec.learner.name}, which has no inner loop`);
  }
  if (options.out !== undefined && !options.details) throw new OptionError("--out: does nothing without --details");
  const folder = options.out ?? DETAILS_FOLDER;
  if (options.details) await makeFolder(folder);
  const wanted = evaluated(spec, options);
  const tasks = await (await openTasks(spec, options.data, trainers)).source(options.part, wanted);
  const executor = executorOf(options.workers, options.relaxed);
  try {
    const { episodes, innerSteps, seed } = options;
    const report = await evaluateTrained(trained, tasks, {
      episodes,
      seed,
      executor,
      details: options.details,
      queries: options.oneByOne ? "one by one" : "batch",
      ...(innerSteps === undefined ? {} : { innerSteps }),
    });
    const details = options.details ? detailsOf(report, tasks) : undefined;
    if (details !== undefined) await writeDetails(folder, details);
    const unit = report.metric === "accuracy" ? " %" : "";
    const shown = (value: number) => showMetric(report, value);
    const steps = innerSteps ?? trained.learner.innerSteps?.evaluation;
    printResult(options.json, report, [
      `${trained.learner.name} after ${trained.iterations} iterations, on ${tasks.name}${spec.task.data === undefined ? "" : ` (${options.part})`}`,
      `${report.metric.padEnd(12)} ${shown(report.mean)} ± ${shown(report.ci95)}${unit} (95 % interval over ${counted(report)})`,
      ...(steps === undefined ? [] : [`inner steps  ${steps}`]),
      `median       ${shown(report.median)}${unit}, worst episode ${shown(report.worst)}${unit}`,
      ...(report.inBand === undefined
        ? []
        : [`95 % bands   hold ${(100 * report.inBand).toFixed(1)} % of the targets`]),
      ...divergence(report),
      ...(details?.lines ?? []),
      `batch norm   ${report.batchNorm}, queries ${report.queries === "batch" ? "in one batch" : "one by one"}`,
      ...coreLines(options.relaxed, report, 13),
      `fingerprint  ${report.fingerprint}`,
      ...(details === undefined ? [] : [`details      ${Object.keys(details.files).join(", ")} in ${folder}`]),
    ]);
  } finally {
    await executor.close();
  }
}

/** The episodes that a mean is of. */
function counted({ metric, episodes, values }: Report): string {
  const finite = values.filter(Number.isFinite).length;
  return finite === episodes
    ? `${episodes} episodes`
    : `the ${finite} of ${episodes} episodes whose ${metric} is finite`;
}

/** Says how many episodes an inner loop diverged in: their numbers hide those of the others. */
const divergence = ({ diverged, episodes }: Report): string[] =>
  diverged === 0 ? [] : [`diverged     ${diverged} of ${episodes} episodes; lower the inner steps or rates`];
