import { requireOptions, requireText, requireWholes, show } from "../arguments.ts";
import { DataError, OptionError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import type { ClassInfo, Dataset } from "../tasks/dataset.ts";
import { ContentHash } from "../tasks/hash.ts";
import { LabelledDataset } from "./dataset.ts";
import { byCodeUnits, nameList } from "./names.ts";

/** A label as the user has it. Labels of one data set are all numbers or all strings. */
export type Label = number | string;

/** What `fromArrays` takes. */
export interface LabelledArrays {
  /** Examples: one flat array [n, ...shape], row-major, or n rows of as many numbers as an example has. */
  readonly x: Float32Array | readonly ArrayLike<number>[];
  /** The label of each example. */
  readonly y: ArrayLike<Label>;
  /** Shape of one example. May be left out for rows: then it is [numbers in a row]. */
  readonly shape?: readonly number[];
  /** Name of the data set, for messages and fingerprints. Default "arrays". */
  readonly name?: string;
  /** The classes there must be, in this order. Left out: the labels that occur, sorted. */
  readonly classes?: readonly Label[];
}

/**
 * A data set of examples in memory. Examples are copied. Labels become classes named by their text; without `classes`
 * these are in the order of their numbers, or of their UTF-16 code units.
 *
 * @throws OptionError for an unknown option, when a flat x comes without a shape, or the shape is not of whole numbers
 * @throws DataError when lengths disagree, a value is not a number that is finite in f32, labels mix numbers with strings, a label is not
 *   among `classes`, or one of `classes` has no example
 */
export function fromArrays(arrays: LabelledArrays): LabelledDataset {
  requireOptions("fromArrays", arrays, ["x", "y", "shape", "name", "classes"]);
  const { x, y, name = "arrays" } = arrays;
  requireText("fromArrays: name", name);
  if (!isList(y)) throw new DataError(`fromArrays: y must be an array of labels, got ${show(y)}`);
  const count = y.length;
  if (count === 0) throw new DataError("fromArrays: y must have at least one label, got none");
  if (!(x instanceof Float32Array || Array.isArray(x))) {
    throw new DataError(`fromArrays: x must be a Float32Array or an array of rows, got ${show(x)}`);
  }
  const shape = shapeOf(arrays);
  const length = sizeOf(shape);
  const labels = classLabels(y, arrays.classes);
  const rows = groupRows(y, labels);
  const read = x instanceof Float32Array ? flatReader(x, count, shape) : rowReader(x, count, shape);

  const values = new Float32Array(count * length);
  const starts: number[] = [];
  let next = 0;
  for (const members of rows) {
    starts.push(next);
    for (const row of members) {
      copyFinite(read(row), values, next, row);
      next += length;
    }
  }
  const classes = labels.map((label, i) => ({ name: String(label), size: rows[i]?.length ?? 0 }));
  return new LabelledDataset(new ArrayStorage(name, shape, classes, values, starts));
}

/** Whether a value is an array or a typed array: a string has a length and elements, too, and is meant as neither. */
function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** Floats from which on copying an example as a whole is worth the view that it takes. */
const LONG = 128;

/** Examples in one array, class by class. */
class ArrayStorage implements Dataset {
  readonly fingerprint: string;
  readonly inputs: { readonly x: readonly number[] };
  private readonly length: number;

  constructor(
    readonly name: string,
    shape: readonly number[],
    readonly classes: readonly ClassInfo[],
    private readonly values: Float32Array,
    private readonly starts: readonly number[],
  ) {
    this.inputs = { x: shape };
    this.length = sizeOf(shape);
    const hash = new ContentHash().value(name);
    for (const size of shape) hash.value(size);
    for (const info of classes) hash.value(info.name).value(info.size);
    this.fingerprint = hash.floats(values).digest();
  }

  write(_column: string, classIndex: number, exampleIndex: number, out: Float32Array, offset: number): void {
    const start = (this.starts[classIndex] as number) + exampleIndex * this.length;
    if (this.length >= LONG) {
      out.set(this.values.subarray(start, start + this.length), offset);
      return;
    }
    for (let i = 0; i < this.length; i++) out[offset + i] = this.values[start + i] as number;
  }
}

function shapeOf({ x, shape }: LabelledArrays): readonly number[] {
  if (shape === undefined) {
    if (x instanceof Float32Array) {
      throw new OptionError("fromArrays: shape must be given with a flat x, such as shape: [28, 28, 1]");
    }
    return [x[0]?.length ?? 0];
  }
  return requireWholes("fromArrays: shape", shape, 1);
}

function flatReader(x: Float32Array, count: number, shape: readonly number[]): (row: number) => ArrayLike<number> {
  const length = sizeOf(shape);
  if (x.length !== count * length) {
    throw new DataError(
      `fromArrays: x must have ${count} labels x ${length} numbers (shape [${shape.join(", ")}]) = ${count * length}, ` +
        `got ${x.length}`,
    );
  }
  return (row) => x.subarray(row * length, (row + 1) * length);
}

function rowReader(
  x: readonly ArrayLike<number>[],
  count: number,
  shape: readonly number[],
): (row: number) => ArrayLike<number> {
  const length = sizeOf(shape);
  if (x.length !== count) {
    throw new DataError(
      `fromArrays: x and y must have as many rows as labels, got ${x.length} rows and ${count} labels`,
    );
  }
  return (row) => {
    const values = x[row];
    if (!isList(values)) {
      throw new DataError(`fromArrays: every row of x must be an array of numbers, got ${show(values)} as row ${row}`);
    }
    if (values.length !== length || length === 0) {
      throw new DataError(
        `fromArrays: every row of x must have ${Math.max(length, 1)} numbers (shape [${shape.join(", ")}]), ` +
          `got ${values.length} in row ${row}`,
      );
    }
    return values;
  };
}

/** Values are checked as stored: what is finite as f64 may not be as f32, and null would be stored as 0. */
function copyFinite(from: ArrayLike<unknown>, to: Float32Array, start: number, row: number): void {
  for (let i = 0; i < from.length; i++) {
    const value = from[i];
    if (typeof value !== "number" || !Number.isFinite(Math.fround(value))) {
      throw new DataError(
        `fromArrays: every number of x must be finite in f32, got ${show(value)} in column ${i} of row ${row}; ` +
          "drop the row or fill the value in",
      );
    }
    to[start + i] = value;
  }
}

/** The labels that are classes, in order. */
function classLabels(y: ArrayLike<Label>, given: readonly Label[] | undefined): readonly Label[] {
  const kind = typeof y[0];
  for (let i = 0; i < y.length; i++) {
    const label = y[i] as Label;
    if (typeof label !== kind || !isLabel(label)) {
      throw new DataError(
        `fromArrays: labels must be all finite numbers or all non-empty strings, got ${kind} ${String(y[0])} ` +
          `at 0 and ${typeof label} ${String(label)} at ${i}`,
      );
    }
  }
  if (given === undefined) {
    // -0 and 0 are one label here, as they are one text.
    const found = [...new Set(Array.from(y))];
    return found.sort((a, b) =>
      typeof a === "number" && typeof b === "number" ? a - b : byCodeUnits(String(a), String(b)),
    );
  }
  if (!Array.isArray(given) || !given.every(isLabel)) {
    throw new DataError(`fromArrays: classes must be a list of labels, got ${show(given)}`);
  }
  if (new Set(given).size !== given.length) {
    throw new DataError(`fromArrays: classes must not repeat a label, got ${nameList(given.map(String))}`);
  }
  return given;
}

function isLabel(label: unknown): boolean {
  return typeof label === "string" ? label !== "" : Number.isFinite(label);
}

/** Rows of each class, in order of appearance. */
function groupRows(y: ArrayLike<Label>, labels: readonly Label[]): number[][] {
  const indexOf = new Map(labels.map((label, i) => [label, i]));
  const rows: number[][] = labels.map(() => []);
  for (let row = 0; row < y.length; row++) {
    const members = rows[indexOf.get(y[row] as Label) ?? -1];
    if (members === undefined) {
      throw new DataError(
        `fromArrays: every label must be one of the classes ${nameList(labels.map(String))}, ` +
          `got ${typeof y[row]} ${String(y[row])} at ${row}`,
      );
    }
    members.push(row);
  }
  const empty = labels.filter((_, i) => rows[i]?.length === 0).map(String);
  if (empty.length > 0) {
    throw new DataError(
      `fromArrays: every class must have an example, got none of ${nameList(empty)}; leave it out of classes`,
    );
  }
  return rows;
}
