import type { Arrays } from "../core/loaded.ts";
import type { Program } from "../program/program.ts";

/**
 * Where Programs run. Every executor with plain SIMD gives the same bits: items are summed in an order that depends on their
 * number alone (`order.ts`), however many workers share them.
 */
export interface Executor {
  readonly workers: number;
  /** Whether relaxed SIMD is in use: results may then differ from those of other runtimes. False where it was asked for and is missing. */
  readonly relaxed: boolean;
  /**
   * Makes work ready to run on every worker.
   * @throws OptionError where the parts of the work do not fit together; MemoryError when the core cannot hold it
   */
  load(work: Work): Promise<Job>;
  /** Ends the workers; jobs must not be used any more. */
  close(): Promise<void>;
}

/** What an executor runs. It is one value, so that an executor around another one passes on all of it. */
export interface Work {
  /** Runs once for every item. */
  readonly task: Program;
  /** Does the same for several items at once, where that is faster; sums then use it for every leaf of as many items. */
  readonly batch?: Batch | undefined;
  /**
   * Names of the outputs that are summed over the items: the task's first outputs, in its order. The others are returned
   * for each item. All outputs are summed by default.
   */
  readonly summed?: readonly string[] | undefined;
}

/**
 * A Program that does for several items what the task does for one. Shared inputs have the task's names, input `name` of
 * item i is called `i.name`. Its outputs are the sums under the task's names, then for each item in order the outputs that
 * are not summed, output `name` of item i as `i.name`.
 */
export interface Batch {
  readonly program: Program;
  readonly items: number;
}

/** What `name` of item `i` is called in a batch. */
export function itemName(i: number, name: string): string {
  return `${i}.${name}`;
}

/** What a sum over items gives. */
export interface Summed {
  readonly sums: Arrays;
  /** The outputs that are not summed, of each item in order; empty records where there are none. */
  readonly items: readonly Arrays[];
}

/** Work that an executor has ready. */
export interface Job {
  /**
   * Runs the task for every item, adds up the outputs that are to be summed and collects the others.
   * @param shared inputs that are the same for all items
   * @param items the other inputs of each run
   * @param into `sums` of an earlier call, whose memory may be used again
   */
  sum(shared: Arrays, items: readonly Arrays[], into?: Arrays): Promise<Summed>;
  /** Runs the task once for every item. @returns all outputs of each, in the order of the items */
  map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]>;
  /** Gives the work's memory back. */
  release(): Promise<void>;
}
