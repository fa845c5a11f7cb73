import type { Arrays } from "../core/loaded.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import type { Objective } from "../nn/objective.ts";
import { Draw, fold, type Key } from "../random.ts";
import { hashArrays } from "../tasks/hash.ts";
import type { Batch, Task, TaskSource, TaskSpec } from "../tasks/types.ts";

/** Examples by column, with what they are. */
export interface Examples {
  readonly n: number;
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly objective: Objective;
  /** Inputs and targets, and `weight` where examples count unequally. */
  readonly columns: Arrays;
}

/** The columns of some examples, each with the numbers of one. */
const sizesOf = ({ inputs, objective, columns }: Examples): (readonly [string, number])[] =>
  Object.entries({ ...inputs, ...objective.targets, ...(columns.weight ? { weight: [] } : {}) }).map(
    ([name, shape]) => [name, sizeOf(shape)] as const,
  );

/** Some of the examples, in the order of their numbers. */
export function rowsOf(examples: Examples, rows: ArrayLike<number>): Examples {
  const columns = sizesOf(examples).map(([name, size]) => {
    const data = new Float32Array(rows.length * size);
    const from = examples.columns[name] as Float32Array;
    for (let to = 0; to < rows.length; to++) {
      const row = rows[to] as number;
      data.set(from.subarray(row * size, (row + 1) * size), to * size);
    }
    return [name, data] as const;
  });
  return { ...examples, n: rows.length, columns: Object.fromEntries(columns) };
}

/** Examples padded to so many rows by copies of the first, of weight 0. */
export function paddedTo(examples: Examples, rows: number): Arrays {
  const { n, columns } = examples;
  const weight = Float32Array.from({ length: rows }, (_, row) => (row < n ? (columns.weight?.[row] ?? 1) : 0));
  if (n === rows) return { ...columns, weight };
  return {
    ...rowsOf(
      examples,
      Uint32Array.from({ length: rows }, (_, row) => (row < n ? row : 0)),
    ).columns,
    weight,
  };
}

/**
 * Mini-batches of examples as tasks: those of an epoch go through all examples once, in an order that the seed and the epoch
 * fix. The last one of an epoch may be smaller, and is padded.
 */
export class MiniBatches implements TaskSource {
  readonly name = "mini-batches";
  readonly specs: readonly [TaskSpec];
  readonly fingerprint: string;
  /** Mini-batches of an epoch. */
  readonly perEpoch: number;
  private readonly rows: number;
  private order: { readonly epoch: number; readonly rows: readonly number[] } = { epoch: -1, rows: [] };

  constructor(
    private readonly examples: Examples,
    batchSize: number,
    private readonly key: Key,
  ) {
    const { n, inputs, objective, columns } = examples;
    this.rows = Math.min(batchSize, n);
    this.perEpoch = Math.ceil(n / this.rows);
    const weighted = columns.weight !== undefined || n % this.rows > 0;
    this.specs = [{ inputs, objective, segments: [this.rows], queries: 0, weighted }];
    this.fingerprint = hashArrays(columns);
  }

  /** Epoch and place within it; the seed is in them so that random operators draw other numbers under another seed. */
  keysAt(iteration: number): readonly Key[] {
    const [epoch, place] = [Math.floor(iteration / this.perEpoch), iteration % this.perEpoch];
    return [[(epoch ^ this.key[0]) >>> 0, (place ^ this.key[1]) >>> 0]];
  }

  sample(key: Key): Task {
    const [epoch, place] = [(key[0] ^ this.key[0]) >>> 0, (key[1] ^ this.key[1]) >>> 0];
    const { n } = this.examples;
    if (this.order.epoch !== epoch) this.order = { epoch, rows: new Draw(fold(this.key, epoch)).choose(n, n) };
    const chosen = rowsOf(this.examples, this.order.rows.slice(place * this.rows, (place + 1) * this.rows));
    const batch: Batch = this.specs[0].weighted ? paddedTo(chosen, this.rows) : chosen.columns;
    return { segments: [batch], queries: {} };
  }
}
