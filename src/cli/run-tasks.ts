/** The data of a run: opened once, for the tasks of every part. */
import type { DataTaskRecord } from "../data/node/data-task.ts";
import type { Preprocess, Preprocessing } from "../data/preprocessing.ts";
import { DataError, OptionError } from "../errors.ts";
import type { Part } from "../tasks/record.ts";
import type { TaskSource } from "../tasks/types.ts";
import { type RunSpec, taskSettings, withSettings } from "./run-spec.ts";

/** The tasks of a run, by part. */
export interface RunTasks {
  /** The run with what was read off its data: its learner fits them. */
  readonly spec: RunSpec;
  /** What made numbers of the data, for tasks that have any. */
  readonly preprocessing?: Preprocessing;
  /** Tells one division of the data into parts from another, for tasks that divide them by their options. */
  readonly division?: string;
  /** The tasks of a part, where the settings of the task may be others. */
  source(part: Part, spec?: RunSpec): Promise<TaskSource>;
}

/** What a checkpoint knows of the data that it was trained on. */
export interface Trainers {
  /** As its metadata have it. */
  readonly division: string | undefined;
  /** The fit that it holds. */
  readonly restored: (unfitted: Preprocess) => Preprocessing | undefined;
}

/**
 * Opens the data of a run.
 * @param data what `--data` names
 * @param trained of a run that is used and not trained: its preprocessing is taken, and its parts must be those of training
 * @throws OptionError where data are missing; DataError as readers do, and for data that are divided in another way
 */
export async function openTasks(spec: RunSpec, data: string | undefined, trained?: Trainers): Promise<RunTasks> {
  const { task } = spec;
  if (task.data !== undefined && data === undefined)
    throw new OptionError(`--data: must name ${task.data}, for ${task.name}`);
  if (!("open" in task)) {
    return { spec, source: (part, own = spec) => task.source(taskSettings(own), part, data ?? "") };
  }
  const opened = await (task as DataTaskRecord).open(taskSettings(spec), data as string);
  if (trained?.division !== undefined && trained.division !== opened.division) {
    throw new DataError(
      `--data ${data}: must have the classes or groups that the checkpoint was trained with, got others; ` +
        "training and test parts would mix, so name the data of training",
    );
  }
  const preprocessing = trained?.restored(opened.preprocess) ?? opened.fit();
  return {
    spec: trained === undefined ? withFound(spec, opened.found(preprocessing)) : spec,
    preprocessing,
    division: opened.division,
    source: async (part, own = spec) => opened.source(taskSettings(own), part, preprocessing),
  };
}

/** A run with what was read off its data, as far as its task has options for it. */
function withFound(spec: RunSpec, found: Readonly<Record<string, string | number>>): RunSpec {
  const own = Object.entries(found).filter(([name]) => spec.task.options[name]?.found);
  return withSettings(spec, Object.fromEntries(own));
}
