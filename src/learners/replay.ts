/** A buffer of the newest rows of a task, for learners that go through what they kept whenever they predict. */
import type { Tensors } from "../graph/graph.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import {
  concat,
  equal,
  gather,
  greater,
  greaterEqual,
  literal,
  matmul,
  maximum,
  multiply,
  pad,
  reshape,
  select,
  subtract,
  sum,
  zeros,
} from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mapTensors } from "../optim/rule.ts";
import { whole } from "../options.ts";
import type { Context } from "./learner.ts";

/** The option of learners with a buffer. */
export const CAPACITY = whole("examples of a task that are kept, the newest, in evaluation and use", {
  least: 1,
  most: 4096,
  default: 128,
});

/** Rows of a buffer: in meta-training no more than a task has. */
export function rowsOf(capacity: number, { spec, training }: Context): number {
  const total = spec.segments.reduce((sum, n) => sum + n, 0);
  return training ? Math.min(capacity, total) : capacity;
}

/**
 * A buffer without rows.
 * @param columns shape of one row, by column; there is a column `weight` besides, which is 0 where the buffer has no row
 */
export function emptyBuffer(columns: Readonly<Record<string, Shape>>, capacity: number): Tensors {
  const shapes = { ...columns, weight: [] };
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, zeros([capacity, ...shape])]));
}

/**
 * The buffer after some more rows: the newest that fit, in the order in which they came, from the first place on. Rows of weight 0
 * (padding) are not kept.
 * @param rows the buffer's columns [n, ...], `weight` [n] among them
 */
export function kept(buffer: Tensors, rows: Tensors): Tensors {
  const capacity = (buffer.weight as Tensor).shape[0] as number;
  const n = (rows.weight as Tensor).shape[0] as number;
  // The first rows of a task without padding, as in meta-training.
  if (constantValue(buffer.weight as Tensor) === 0 && constantValue(rows.weight as Tensor) === 1 && n <= capacity) {
    return mapTensors(rows, (column) => {
      const others = column.shape.slice(1).map(() => 0);
      return n === capacity ? column : pad(column, [0, ...others], [capacity - n, ...others]);
    });
  }
  const all = mapTensors(buffer, (column, name) => concat([column, rows[name] as Tensor], 0));
  const m = capacity + n;
  const used = greater(all.weight as Tensor, 0);
  const row = literal(
    Float32Array.from({ length: m }, (_, i) => i),
    [m],
  );
  // How many rows with a weight there are up to each: whole numbers, so that sums are exact in any order.
  const upTo = greaterEqual(row, reshape(row, [m, 1]));
  const count = matmul(reshape(used, [1, m]), upTo);
  const tooMany = maximum(subtract(sum(used), capacity), 0);
  const place = subtract(subtract(count, 1), tooMany);
  const places = literal(
    Float32Array.from({ length: capacity }, (_, i) => i),
    [capacity, 1],
  );
  // [capacity, m]: 1 where a place of the new buffer takes a row.
  const takes = multiply(equal(places, place), used);
  const [filled, source] = [sum(takes, 1), sum(multiply(takes, row), 1)];
  return mapTensors(all, (column) => {
    const shape = [capacity, ...column.shape.slice(1).map(() => 1)];
    return select(reshape(filled, shape), gather(column, source), 0);
  });
}
