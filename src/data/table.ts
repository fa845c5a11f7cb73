/**
 * Data as it is found: columns of cells, before preprocessing makes numbers of them. Readers make tables, `preprocess` reads
 * them.
 */
import { isRecord, requireOneOf, requireText, requireWholes, show, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { ContentHash } from "../tasks/hash.ts";
import { nameList } from "./names.ts";

/** An image: 8 bits a channel, row-major [height, width, channels]; 1 channel is grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** A recording: samples from -1 to 1, row-major [time, channels]. */
export interface Sound {
  /** Samples a second. */
  readonly rate: number;
  readonly channels: number;
  readonly samples: Float32Array;
}

/** A series of measurements: row-major [time, channels]. Rows of a table may have series of unequal length. */
export interface Series {
  readonly channels: number;
  readonly values: Float32Array;
}

/** What a column holds; `arrays` are numbers of one shape for every row. */
export interface Cells {
  readonly number: number;
  readonly text: string;
  readonly arrays: ArrayLike<number>;
  readonly image: Pixels;
  readonly sound: Sound;
  readonly series: Series;
}

export type CellKind = keyof Cells;

/** One cell; null where it is missing. */
export type Cell = Cells[CellKind] | null;

/**
 * One column of a table. Cells are read one at a time, so that a column may decode them when they are asked for; the same row
 * always gives the same cell.
 */
export interface Column<Kind extends CellKind = CellKind> {
  readonly kind: Kind;
  /** Rows. */
  readonly size: number;
  /** Of one cell, where the kind is `arrays`. */
  readonly shape?: Shape;
  /** The cell of a row, or null where it is missing. */
  at(row: number): Cells[Kind] | null;
}

/** Columns of equally many rows, by name. */
export class Table {
  readonly columns: Readonly<Record<string, Column>>;
  /** Rows. */
  readonly size: number;

  /**
   * @param name for messages and fingerprints, such as the file's
   * @throws DataError where columns have unequal numbers of rows, or there is none
   */
  constructor(
    readonly name: string,
    columns: Readonly<Record<string, Column>>,
  ) {
    requireText("Table: name", name);
    if (!isRecord(columns)) throw wrong("Table: columns", "a record of columns by name", columns);
    const [[first, { size } = { size: 0 }] = ["", undefined]] = Object.entries(columns) as [string, Column][];
    if (first === "") throw new DataError(`Table: there must be at least one column with a name, got none (${name})`);
    for (const [each, column] of Object.entries(columns)) {
      if (column.size === size) continue;
      throw new DataError(
        `Table: columns must have the same number of rows, got ${size} in ${first} and ${column.size} in ${each} (${name})`,
      );
    }
    this.columns = columns;
    this.size = size;
  }

  /** The column of a name. @throws DataError where there is none, or it is not of the kind */
  column<Kind extends CellKind>(name: string, kind?: Kind): Column<Kind> {
    const column = Object.hasOwn(this.columns, name) ? this.columns[name] : undefined;
    if (column === undefined) {
      throw new DataError(
        `table ${this.name}: there is no column ${show(name)}; it has ${nameList(Object.keys(this.columns), 20)}`,
      );
    }
    if (kind !== undefined && column.kind !== kind) {
      throw new DataError(`table ${this.name}: column ${show(name)} must be of kind ${kind}, got ${column.kind}`);
    }
    return column as Column<Kind>;
  }

  /** One row as a record of cells. */
  row(index: number): Record<string, Cell> {
    return Object.fromEntries(Object.entries(this.columns).map(([name, column]) => [name, column.at(index)]));
  }

  /** The table of some rows, in the order given: a view. @throws DataError for a row that does not exist */
  rows(indices: ArrayLike<number>): Table {
    const picked = Int32Array.from(indices, (index) => {
      if (Number.isInteger(index) && index >= 0 && index < this.size) return index;
      throw new DataError(`rows: a row must be a whole number from 0 to ${this.size - 1}, got ${index} (${this.name})`);
    });
    const columns = Object.entries(this.columns).map(([name, column]) => [name, new Picked(column, picked)]);
    return new Table(this.name, Object.fromEntries(columns));
  }

  /** The rows that pass a test, as a view. @throws DataError where none does */
  where(test: (row: Readonly<Record<string, Cell>>, index: number) => boolean): Table {
    const kept = Array.from({ length: this.size }, (_, i) => i).filter((i) => test(this.row(i), i));
    if (kept.length === 0)
      throw new DataError(`where: at least one row must pass, got none of ${this.size} (${this.name})`);
    return this.rows(kept);
  }

  /** This table with further columns, or others in their place. */
  with(columns: Readonly<Record<string, Column>>): Table {
    return new Table(this.name, { ...this.columns, ...columns });
  }

  /** Hash of names and cells: 16 hexadecimal digits. Reads every cell. */
  fingerprint(): string {
    const hash = new ContentHash();
    for (const [name, column] of Object.entries(this.columns)) {
      hash.value(name).value(column.kind);
      for (let row = 0; row < column.size; row++) hashCell(hash, column.at(row));
    }
    return hash.digest();
  }
}

/** Some rows of a column. */
class Picked implements Column {
  readonly kind: CellKind;
  readonly size: number;
  readonly shape?: Shape;

  constructor(
    private readonly whole: Column,
    private readonly picked: Int32Array,
  ) {
    this.kind = whole.kind;
    this.size = picked.length;
    if (whole.shape !== undefined) this.shape = whole.shape;
  }

  at(row: number): Cells[CellKind] | null {
    return this.whole.at(this.picked[row] as number);
  }
}

function hashCell(hash: ContentHash, cell: Cell): void {
  if (cell === null) hash.word(0);
  else if (typeof cell === "number" || typeof cell === "string") hash.word(1).value(cell);
  else if ("data" in cell) hash.value(cell.width).value(cell.channels).bytes(new Uint8Array(cell.data));
  else if ("samples" in cell) hash.value(cell.rate).value(cell.channels).floats(cell.samples);
  else if ("values" in cell && cell.values instanceof Float32Array)
    hash.value((cell as Series).channels).floats(cell.values);
  else hash.floats(Float32Array.from(cell as ArrayLike<number>));
}

/** A column of numbers; NaN and null are missing ones. */
export function numberColumn(values: ArrayLike<number | null>): Column<"number"> {
  if (!isList(values)) throw wrong("numberColumn: values", "a list of numbers", values);
  for (let row = 0; row < values.length; row++) {
    const value: unknown = values[row] ?? null;
    if (value !== null && typeof value !== "number")
      throw wrong(`numberColumn: values[${row}]`, "a number or null", value);
  }
  return {
    kind: "number",
    size: values.length,
    at: (row) => {
      const value = values[row] ?? null;
      return Number.isNaN(value) ? null : value;
    },
  };
}

/** A column of cells in a list. */
export function listColumn<Kind extends Exclude<CellKind, "arrays">>(
  kind: Kind,
  cells: ArrayLike<Cells[Kind] | null>,
): Column<Kind> {
  requireOneOf("listColumn: kind", kind, ["number", "text", "image", "sound", "series"]);
  if (!isList(cells)) throw wrong("listColumn: cells", "a list of cells", cells);
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row] ?? null;
    if (cell !== null && kindOf(cell) !== kind)
      throw wrong(`listColumn: cells[${row}]`, `of kind ${kind}, or null`, cell);
  }
  return { kind, size: cells.length, at: (row) => cells[row] ?? null };
}

/** A column of arrays of one shape, one after another in `values` [n, ...shape]. */
export function arrayColumn(
  shape: Shape,
  values: Float32Array | Float64Array | Uint8Array | Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array,
): Column<"arrays"> {
  const length = sizeOf(requireWholes("arrayColumn: shape", shape, 1));
  if (!ArrayBuffer.isView(values) || values instanceof DataView || values instanceof BigInt64Array) {
    throw wrong("arrayColumn: values", "a typed array of numbers", values);
  }
  if (values.length % length !== 0) {
    throw new DataError(`arrayColumn: values must hold whole arrays of ${length} numbers, got ${values.length}`);
  }
  return {
    kind: "arrays",
    size: values.length / length,
    shape,
    at: (row) => values.subarray(row * length, (row + 1) * length),
  };
}

/**
 * A table of cells in memory: `tableOf({ age: [63, 41, null], sex: ["f", "m", "m"] })`. Columns of numbers and of text are told
 * by their cells, images, sounds and series by their members.
 * @throws DataError where a column mixes kinds or has none
 */
export function tableOf(columns: Readonly<Record<string, Column | ArrayLike<Cell>>>, name = "table"): Table {
  if (!isRecord(columns)) throw wrong("tableOf: columns", "lists of cells by the name of the column", columns);
  const made = Object.entries(columns).map(([each, cells]) => [each, columnOf(`tableOf: ${each}`, cells)] as const);
  return new Table(name, Object.fromEntries(made));
}

/** A column of cells; what is a column already stays as it is. @throws DataError where cells are of several kinds or of none */
export function columnOf(what: string, cells: unknown): Column {
  if (isRecord(cells) && typeof cells.at === "function" && "kind" in cells) return cells as unknown as Column;
  if (cells instanceof Float32Array || cells instanceof Float64Array) return numberColumn(cells);
  if (!Array.isArray(cells)) throw wrong(what, "a list of cells", cells);
  const present = cells.findIndex((cell) => cell !== null && cell !== undefined);
  const kind = present < 0 ? "number" : kindOf(cells[present]);
  for (const [row, cell] of cells.entries()) {
    if (cell === null || cell === undefined || (kind !== undefined && kindOf(cell) === kind)) continue;
    throw new DataError(
      `${what} must hold cells of one kind, got ${show(cells[present])} in row ${present} and ${show(cell)} in row ${row}`,
    );
  }
  if (kind === "arrays") return listedArrays(what, cells);
  return kind === "number" ? numberColumn(cells) : listColumn(kind as "text", cells);
}

function listedArrays(what: string, cells: readonly (ArrayLike<number> | null)[]): Column<"arrays"> {
  const length = cells.find((cell) => cell !== null)?.length ?? 0;
  const other = cells.findIndex((cell) => cell !== null && cell.length !== length);
  if (other >= 0) {
    throw new DataError(
      `${what} must hold arrays of one length, got ${length} and ${cells[other]?.length} numbers (row ${other})`,
    );
  }
  return { kind: "arrays", size: cells.length, shape: [length], at: (row) => cells[row] ?? null };
}

/** Whether a value is an array or a typed array. */
function isList(value: unknown): boolean {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function kindOf(cell: unknown): CellKind | undefined {
  if (typeof cell === "number") return "number";
  if (typeof cell === "string") return "text";
  if (Array.isArray(cell) || ArrayBuffer.isView(cell)) return "arrays";
  if (!isRecord(cell)) return undefined;
  if ("samples" in cell) return "sound";
  if ("width" in cell && "data" in cell) return "image";
  return "values" in cell ? "series" : undefined;
}
