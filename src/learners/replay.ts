/** A buffer of kept examples of bounded size: the state of learners that go through all they have seen again. */
import { requireWhole } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import {
  add,
  concat,
  constant,
  gather,
  greater,
  greaterEqual,
  matmul,
  multiply,
  oneHot,
  range,
  reshape,
  select,
  slice,
  subtract,
  sum,
  zeros,
} from "../graph/operators/index.ts";
import { lowerTriangle } from "../graph/operators/matrices.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mapTensors } from "../optim/rule.ts";
import { whole } from "../options.ts";
import type { Context } from "./learner.ts";

/** The option of learners that keep examples. */
export const CAPACITY = {
  ...whole("examples that an adapted learner keeps, the newest; tasks of training and evaluation are kept whole", {
    least: 1,
    most: 65_536,
    default: 64,
  }),
  useOnly: true as const,
};

const WEIGHT = "weight";
/** The row that is written next. */
const NEXT = "next";
/** Rows that are written together: their places are a table of this number squared. */
const TOGETHER = 64;

/** The rows of a task's buffer: in training those of its segments, elsewhere no fewer than `capacity`. */
export function rowsKept({ spec, training }: Context, capacity: number): number {
  const seen = spec.segments.reduce((total, n) => total + n, 0);
  return training ? Math.max(seen, 1) : Math.max(seen, capacity);
}

/** An empty buffer of `rows` rows: columns [rows, ...shape], `weight` [rows], 0 where nothing is kept, and the row written next. */
export function emptyReplay(columns: Readonly<Record<string, Shape>>, rows: number): Tensors {
  requireWhole("emptyReplay: rows", rows, 1);
  const empty = Object.entries({ ...columns, [WEIGHT]: [] }).map(([name, shape]) => [name, zeros([rows, ...shape])]);
  return { ...Object.fromEntries(empty), [NEXT]: constant(0) };
}

/**
 * The buffer with some examples written after those before; once it is full, over the oldest. Examples of weight 0 (padding) take
 * no row, whatever they hold.
 * @param examples the buffer's columns [n, ...shape] and `weight` [n]
 */
export function keep(replay: Tensors, examples: Tensors): Tensors {
  const [rows, n] = [lengthOf(replay), lengthOf(examples)];
  const from = constantValue(replay[NEXT] as Tensor);
  // In training all of this is known while tracing, and costs nothing.
  if (from !== undefined && constantValue(examples[WEIGHT] as Tensor) === 1 && from + n <= rows) {
    return appended(replay, examples, from);
  }
  const together = Math.min(rows, TOGETHER);
  let kept = replay;
  for (let first = 0; first < n; first += together) {
    const size = Math.min(together, n - first);
    kept = written(
      kept,
      mapTensors(columnsOf(examples, replay), (column) => rowsOf(column, first, size)),
    );
  }
  return kept;
}

const lengthOf = (columns: Tensors): number => (columns[WEIGHT] as Tensor).shape[0] as number;

/** The columns that a buffer has. */
const columnsOf = (tensors: Tensors, { [NEXT]: _, ...replay }: Tensors): Tensors =>
  mapTensors(replay, (_column, name) => tensors[name] as Tensor);

function rowsOf(column: Tensor, first: number, size: number): Tensor {
  const rest = column.shape.slice(1);
  return slice(column, [first, ...rest.map(() => 0)], [size, ...rest]);
}

function appended(replay: Tensors, examples: Tensors, from: number): Tensors {
  const [rows, n] = [lengthOf(replay), lengthOf(examples)];
  const next = from + n;
  const columns = mapTensors(columnsOf(replay, replay), (column, name) => {
    const parts = [examples[name] as Tensor];
    if (from > 0) parts.unshift(rowsOf(column, 0, from));
    if (next < rows) parts.push(rowsOf(column, next, rows - next));
    return parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 0);
  });
  return { ...columns, [NEXT]: constant(next % rows) };
}

/** As `keep`, for no more examples than the buffer has rows. */
function written(replay: Tensors, examples: Tensors): Tensors {
  const [rows, n] = [lengthOf(replay), lengthOf(examples)];
  const present = greater(examples[WEIGHT] as Tensor, 0);
  // Place i is that of the next row, and one more for each example before i that is no padding.
  const before = reshape(matmul(lowerTriangle(n, true), reshape(present, [n, 1])), [n]);
  const wrapped = (place: Tensor): Tensor => subtract(place, multiply(greaterEqual(place, rows), rows));
  const places = wrapped(add(before, replay[NEXT] as Tensor));
  const table = multiply(oneHot(places, rows), reshape(present, [n, 1]));
  const fresh = sum(table, 0);
  const columns = mapTensors(columnsOf(replay, replay), (column, name) => {
    const example = examples[name] as Tensor;
    const ones = example.shape.slice(1).map(() => 1);
    const flat = reshape(select(reshape(present, [n, ...ones]), example, 0), [n, -1]);
    const moved = reshape(matmul(table, flat, { transposeA: true }), column.shape);
    return select(reshape(fresh, [rows, ...ones]), moved, column);
  });
  return { ...columns, [NEXT]: wrapped(add(replay[NEXT] as Tensor, sum(present))) };
}

/** Kept examples in the order in which they came, the newest last, places that are still empty first. */
export function inOrder({ [NEXT]: next, ...columns }: Tensors): Tensors {
  if (constantValue(next as Tensor) === 0) return columns;
  const rows = (columns.weight as Tensor).shape[0] as number;
  const places = add(range(rows), next as Tensor);
  const wrapped = subtract(places, multiply(greaterEqual(places, rows), rows));
  return mapTensors(columns, (column) => gather(column, wrapped));
}
