import type { ModelKind, RunSettings } from "../learners/record.ts";
import type { Model } from "../nn/model.ts";
import type { OptionTable, Settings } from "../options.ts";
import type { TaskSource, TaskSpec } from "./types.ts";

/** Whose tasks: those that are trained on, those that choose between models, those that are reported. */
export type Part = "train" | "validation" | "test";

/**
 * What the rest of the system knows of a kind of tasks: command-line flags, help, `compare`, checkpoint metadata and the
 * tables of the documentation are derived from it. A task's file exports its record; src/data/node/tasks.ts lists it.
 */
export interface TaskRecord<T extends OptionTable = OptionTable> {
  /** As the command line calls it. */
  readonly name: string;
  /** In one line. */
  readonly summary: string;
  readonly options: T;
  /** What `--data` must name, such as `a folder with …`; undefined for tasks without files. */
  readonly data?: string;
  /** Iterations and other settings of the outer loop, where the learner's paper gives none for this task. */
  readonly run: RunSettings & { readonly iterations: number };
  /** Options that evaluation has of its own, such as the usual ways of a learner that trains on more. */
  readonly evaluation?: Readonly<Record<string, number | string>>;
  /** What a task is made of, without reading a file. */
  spec(settings: Settings<T>): TaskSpec;
  /**
   * The tasks of a part.
   * @param data what `--data` names, for tasks that have files
   */
  source(settings: Settings<T>, part: Part, data: string): Promise<TaskSource>;
  /** The usual model of a kind for these tasks; a predictor gives `width` numbers for an example. */
  model(settings: Settings<T>, kind: Exclude<ModelKind, "raw">, width: number): Model;
}
