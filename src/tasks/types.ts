import type { Shape } from "../graph/shape.ts";
import type { Columns, Objective } from "../nn/objective.ts";
import type { Key } from "../random.ts";

/**
 * Examples by column, row-major f32, the first axis the examples: the inputs (`x` in the common case, more for multimodal
 * data), the targets (`y`), and `weight` where the spec is `weighted`.
 */
export type Batch = Columns;

/** One task: examples in the order in which they arrive, and queries. */
export interface Task {
  readonly segments: readonly Batch[];
  /** Empty columns where the spec has no queries. */
  readonly queries: Batch;
}

/** What the tasks of a source have in common. Counts are examples, not examples of a class. */
export interface TaskSpec {
  /** Shape of one example, by column. */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly objective: Objective;
  /**
   * Examples that arrive together: `[25]` for the usual task, whose one segment is the support set; `[8, 8, 8]` for a stream,
   * whose every segment is predicted from those before it and then learned from.
   */
  readonly segments: readonly number[];
  /** Queries; 0 for a stream. */
  readonly queries: number;
  /**
   * Whether batches have a column `weight` [n]: 0 for padding, 1 or any other weight for an example. Otherwise all weights
   * are 1 and training pays nothing for them.
   */
  readonly weighted?: boolean;
  /** As `TaskSource.ordered`, for the tasks of this spec alone. */
  readonly ordered?: boolean;
}

/** A distribution of tasks. A task is an address: the same key always gives the same one, on any machine. */
export interface TaskSource {
  readonly name: string;
  /** A finite list; an iteration's key picks one for its whole meta-batch. */
  readonly specs: readonly TaskSpec[];
  /** How often each spec is picked beside the others; equally often where it is left out. */
  readonly shares?: readonly number[];
  /** Tells apart distributions (data, split, ways and shots): printed beside every result. */
  readonly fingerprint: string;
  /** The order of rows means something. Otherwise rows are shuffled within a segment for learners that heed the order. */
  readonly ordered?: boolean;
  /**
   * The keys of an iteration's tasks where they are not drawn at random but follow from its number, as mini-batches that go
   * through the examples of an epoch in turn.
   * @param count tasks of the iteration
   */
  keysAt?(iteration: number, count: number): readonly Key[];
  /**
   * @param spec which of `specs`
   * @param into an earlier task of this spec, whose arrays may be written over and returned; a source need not heed it
   */
  sample(key: Key, spec: number, into?: Task): Task | Promise<Task>;
}

/**
 * Tasks that come one after another and cannot be asked for again, such as those of a log: evaluation takes them,
 * meta-training does not.
 */
export interface TaskFeed {
  readonly name: string;
  /** It has no `sample`: its tasks have no keys. */
  readonly sample?: never;
  readonly specs: readonly [TaskSpec];
  readonly fingerprint?: string;
  /** The order of rows means something: see `TaskSource`. */
  readonly ordered?: boolean;
  /** Each with arrays of its own: some are read ahead. */
  readonly tasks: AsyncIterable<Task> | Iterable<Task>;
}

/** Examples with one input and one target column. */
export interface LabelledBatch extends Batch {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** The usual task: one segment, which is the support set, and queries. */
export interface Episode extends Task {
  readonly support: LabelledBatch;
  readonly queries: LabelledBatch;
}
