import type { Key } from "../random.ts";

/**
 * Examples as arrays, row-major f32.
 * x is [n, ...inputShape]; y is class indices [n] for classification, targets [n, outputs] for regression.
 */
export interface Batch {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** One few-shot task. */
export interface Episode {
  readonly support: Batch;
  readonly query: Batch;
}

/** What every episode of a source has in common. Counts are examples, not examples a class. */
export interface TaskSpec {
  readonly kind: "classification" | "regression";
  /** Shape of one example. */
  readonly inputShape: readonly number[];
  /** Classes of a task (ways), or numbers per target. */
  readonly outputs: number;
  readonly supportSize: number;
  readonly querySize: number;
}

/** A distribution of tasks. An episode is an address: the same key always gives the same episode, on any machine. */
export interface TaskSource {
  readonly name: string;
  readonly spec: TaskSpec;
  /** Tells apart distributions (data, split, ways and shots): printed beside every result. */
  readonly fingerprint: string;
  /** @param into an earlier episode of this source, whose arrays may be written over and returned; a source need not heed it */
  sample(key: Key, into?: Episode): Episode;
}
