import type { Arrays } from "../core/loaded.ts";
import type { Program } from "../program/program.ts";

/**
 * Where Programs run. Every executor with plain SIMD gives the same bits: items are summed in chunks that depend on their number alone,
 * and the chunks in their order, however many workers share them.
 */
export interface Executor {
  readonly workers: number;
  /** Whether relaxed SIMD is in use: results may then differ from those of other runtimes. Asked for and not had, it is false. */
  readonly relaxed: boolean;
  /**
   * Makes a program ready to run on every worker.
   * @param batch does the same for several items at once, where it is faster; sums then use it
   */
  load(program: Program, batch?: Batch): Promise<Job>;
  /** Ends the workers; jobs must not be used any more. */
  close(): Promise<void>;
}

/**
 * A program that does for several items at once what another does for one, and adds up the outputs. Input `name` of item i is
 * called `i.name`; shared inputs and outputs are those of the other.
 */
export interface Batch {
  readonly program: Program;
  readonly items: number;
}

/** What input `name` of item `i` is called in a batch. */
export function itemInput(i: number, name: string): string {
  return `${i}.${name}`;
}

/** A program that an executor has ready. */
export interface Job {
  /**
   * Runs the program once for every item and adds up its outputs.
   * @param shared inputs that are the same for all items
   * @param items the other inputs of each run
   * @param into what an earlier sum returned: its memory may be used again
   */
  sum(shared: Arrays, items: readonly Arrays[], into?: Arrays): Promise<Arrays>;
  /** Runs the program once for every item. @returns the outputs of each, in the order of the items */
  map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]>;
  /** Gives the program's memory back. */
  release(): Promise<void>;
}

/** Chunks of a sum: enough to keep several workers busy, few enough that moving their results costs little. */
const CHUNKS = 8;

/** Items in each chunk of a sum over `count` of them; the last chunk may have fewer. */
export function chunkSize(count: number): number {
  return Math.max(1, Math.ceil(count / CHUNKS));
}

/** Splits items into the chunks in which they are summed: a function of their number alone. */
export function chunksOf<T>(items: readonly T[]): T[][] {
  const size = chunkSize(items.length);
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}
