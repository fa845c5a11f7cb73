/** Examples as users have them, as the padded columns that Programs take. */
import { isRecord, LARGEST_F32, show, wrong } from "../arguments.ts";
import type { Cell, Column as RawTableColumn } from "../data/table.ts";
import { DataError, ShapeError } from "../errors.ts";
import { type Shape, showShape, sizeOf } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import type { Objective } from "../nn/objective.ts";

/** Numbers of one column, row-major [n, ...shape]. */
export type Numbers = ArrayLike<number>;

/**
 * Examples as plain arrays by column: inputs (`x` in the common case), targets (`y`: labels [n] or numbers [n, outputs]), and
 * `weight` [n] where examples count unequally.
 */
export type SupportSet = Readonly<Record<string, Numbers | RawColumn>>;

/** A column of cells, for a learner with preprocessing. */
export type RawColumn = ArrayLike<Cell> | RawTableColumn;

/** @throws OptionError unless the value is a record, which lists and promises are not */
export function requireColumns(what: string, value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw wrong(what, "an object of columns, such as { x, y }", value);
  return value;
}

/** Inputs to predict: by column, or the numbers of the only column. */
export type Inputs = Numbers | RawColumn | SupportSet;

/** Rows up to which a batch is padded: powers of two, so that a Program serves many sizes and at most half of it is padding. */
export function bucketOf(n: number): number {
  let bucket = 1;
  while (bucket < n) bucket *= 2;
  return bucket;
}

/** A column of `n` examples, checked. */
export interface Column {
  readonly data: Numbers;
  /** Numbers of an example. */
  readonly size: number;
}

/**
 * The columns of given shapes, all of the same number of examples.
 * @throws OptionError for a column that is missing or unknown, ShapeError for lengths that do not fit, DataError for what is
 * not a number that is finite in f32
 */
export function readColumns(
  what: string,
  given: Readonly<Record<string, unknown>>,
  shapes: Readonly<Record<string, Shape>>,
): { readonly n: number; readonly columns: Readonly<Record<string, Column>> } {
  const names = Object.keys(shapes);
  const foreign = Object.keys(given).find((name) => !names.includes(name) && name !== "weight");
  if (foreign !== undefined) throw wrong(`${what}: columns`, `${names.join(", ")} or weight`, foreign);
  const columns: Record<string, Column> = {};
  let n = -1;
  for (const [name, shape] of Object.entries(given.weight === undefined ? shapes : { ...shapes, weight: [] })) {
    const size = sizeOf(shape);
    const data = numbersOf(`${what}: ${name}`, given[name], shape, size);
    const count = data.length / size;
    if (n >= 0 && count !== n) {
      throw new ShapeError(`${what}: ${name} must have ${n * size} numbers for ${n} examples, got ${data.length}`);
    }
    n = count;
    columns[name] = { data, size };
  }
  const weight = columns.weight?.data;
  if (weight !== undefined && Array.from(weight).some((each) => each < 0)) {
    throw new DataError(`${what}: weight must hold numbers from 0, got ${Array.from(weight).find((each) => each < 0)}`);
  }
  if (n > 0 && weight !== undefined && Array.from(weight).every((each) => each === 0)) {
    throw new DataError(`${what}: weight must be above 0 for an example at least, got 0 for all`);
  }
  return { n, columns };
}

/** Whether a value is an array or a typed array. */
export function isList(value: unknown): value is Numbers {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function numbersOf(what: string, value: unknown, shape: Shape, size: number): Numbers {
  const data = value as Numbers | undefined;
  if (!isList(value) || data === undefined) {
    const axes = ["n", ...shape].join(",");
    throw wrong(what, `a flat array of numbers, row-major [${axes}]`, value);
  }
  if (data.length % size !== 0) {
    throw new ShapeError(
      `${what} must hold whole examples ${showShape(shape)} of ${size} numbers, got ${data.length} numbers`,
    );
  }
  for (let i = 0; i < data.length; i++) {
    const each: unknown = data[i];
    // NaN compares false.
    if (typeof each === "number" && Math.abs(each) <= LARGEST_F32) continue;
    throw new DataError(
      `${what} must hold finite numbers, got ${show(each)} at ${i} (example ${Math.floor(i / size)})`,
    );
  }
  return data;
}

/** Inputs by column. */
export function inputColumns(what: string, learner: Learner, inputs: Inputs): Readonly<Record<string, unknown>> {
  const names = Object.keys(learner.inputs);
  if (isRecord(inputs)) return inputs;
  const [only] = names;
  if (only !== undefined && names.length === 1) return { [only]: inputs };
  throw wrong(what, `a record with the columns ${names.join(", ")}`, inputs);
}

/**
 * Columns of `rows` examples, with weights, padded by copies of the first row of weight 0: whatever padding computes is finite
 * where the example's own numbers are.
 * @param from the first of the examples that are taken
 */
export function padded(
  prefix: string,
  columns: Readonly<Record<string, Column>>,
  n: number,
  rows: number,
  from = 0,
): Record<string, Float32Array> {
  const count = Math.min(n - from, rows);
  const inputs: Record<string, Float32Array> = {};
  for (const [name, { data, size }] of Object.entries(columns)) {
    const target = new Float32Array(rows * size);
    for (let i = 0; i < rows * size; i++) {
      target[i] = data[from * size + (i < count * size ? i : i % size)] as number;
    }
    inputs[prefix + name] = target;
  }
  const weight = inputs[`${prefix}weight`] ?? new Float32Array(rows).fill(1);
  inputs[`${prefix}weight`] = weight.fill(0, count);
  return inputs;
}

/**
 * The number of classes of a support set.
 * @param known of the model or the caller, where one of them decides
 * @throws DataError for labels that are no classes, and where one has no example
 */
export function countWays(what: string, y: Numbers, known: number | undefined): number {
  if (y.length === 0) throw new DataError(`${what}: the examples must be at least one, got none`);
  const labels = new Set(Array.from(y));
  let ways = known ?? 0;
  for (const label of labels) {
    if (!Number.isInteger(label) || label < 0 || label >= (known ?? Number.POSITIVE_INFINITY)) {
      const range = known === undefined ? "from 0" : `from 0 to ${known - 1}`;
      throw new DataError(`${what}: y must hold labels that are whole numbers ${range}, got ${label}`);
    }
    ways = Math.max(ways, label + 1);
  }
  if (known === undefined && labels.size !== ways) {
    throw new DataError(
      `${what}: y must have an example of every class from 0 to ${ways - 1}, got ${labels.size} classes; name the number with ways`,
    );
  }
  return ways;
}

/** @throws DataError for labels that are not among the classes or levels of an objective */
export function checkTargets(what: string, objective: Objective, columns: Readonly<Record<string, Column>>): void {
  const labelled = objective.classes || objective.levels;
  if (labelled && columns.y !== undefined) countWays(what, columns.y.data, objective.outputs);
}
