import type { Model } from "../nn/model.ts";
import type { Objective } from "../nn/objective.ts";
import type { Given, OptionTable } from "../options.ts";
import type { Learner } from "./learner.ts";
import type { Selection } from "./selection.ts";

/**
 * What a learner's model gives for an example.
 * - `"predictor"`: the raw numbers that the objective reads;
 * - `"embedding"`: a vector of learned features;
 * - `"features"`: a vector for a network of the learner's own, with as little learned before it as the input allows: vectors as
 *   they are, images through a convolutional embedding;
 * - `"maps"`: features with their places [H, W, C] where the inputs are images, otherwise an embedding;
 * - `"raw"`: the inputs as they are, as one vector.
 */
export type ModelKind = "predictor" | "embedding" | "features" | "maps" | "raw";

/** Settings of the outer loop that a learner's paper gives. */
export interface RunSettings {
  readonly metaBatch?: number;
  readonly metaRate?: number;
  /** Halves the meta rate every so many iterations. */
  readonly halveEvery?: number;
  /** Iterations over which the meta rate falls along half a cosine. */
  readonly cosineOver?: number;
  /** Common norm that meta-gradients are scaled down to. */
  readonly metaClip?: number;
}

/** Settings that a paper gives for one task. */
export interface PublishedSettings<T extends OptionTable> {
  readonly options?: Given<T>;
  readonly run?: RunSettings;
  /** Options of the task. */
  readonly task?: Readonly<Record<string, number | string>>;
}

/**
 * What the rest of the system knows of a learner: command-line flags, help, `compare`, checkpoint metadata, the law tests
 * and the tables of the documentation are derived from it. A learner's file exports its record; src/learners/index.ts lists it.
 */
export interface LearnerRecord<T extends OptionTable = OptionTable> {
  /** As the command line calls it. */
  readonly name: string;
  readonly paper: string;
  /** What it learns, in one line. */
  readonly summary: string;
  readonly options: T;
  readonly model: ModelKind;
  /** Names of the objectives that it serves; all where it is left out. */
  readonly objectives?: readonly string[];
  /** What the inner loop adapts, where no option says so; all parameters by default. */
  readonly adapts?: Selection;
  /** @param objective of the tasks that it is to learn, for learners whose own networks depend on it */
  make(model: Model, options: Given<T>, objective: Objective): Learner;
  /** By the name of the task; a task that is not named gets the defaults. */
  readonly settings: Readonly<Record<string, PublishedSettings<T>>>;
}
