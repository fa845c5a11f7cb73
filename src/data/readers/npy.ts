/** Arrays of NumPy: .npy and .npz. */
import { isRecord, requireText, show, wrong } from "../../arguments.ts";
import { bytesOf, type Fail, failing, nameOf, type ReadOptions, requireReading, type Source } from "../bytes.ts";
import { nameList } from "../names.ts";
import { arrayColumn, type Column, numberColumn, Table } from "../table.ts";

/** Options of readers of several named arrays. */
export interface ArraysOptions extends ReadOptions {
  /** Which arrays become columns, by the column's name: `{ x: "x_train", label: "y_train" }`. Default: all, under their own names. */
  readonly columns?: Readonly<Record<string, string>>;
}

const MOST_HEADER_BYTES = 2 ** 16;
const MOST_ELEMENTS = 2 ** 28;
const MOST_ENTRY_BYTES = 2 ** 30;
const MOST_ARRAYS = 2 ** 12;
const MAGIC = "\x93NUMPY";

/** A typed array of numbers. */
type Values =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/**
 * A table of one .npy file: the array as column `x`. Its first axis are the rows; [n] is a column of numbers, more axes are
 * arrays of the others. Floats of 4 and 8 bytes, whole numbers of 1 to 8 bytes within +-2^53, and booleans (1 or 0), in either
 * byte order, in C or Fortran order.
 *
 * Format: NumPy's NEP 1, versions 1.0 to 3.0.
 * @throws DataError for a file that is damaged, of another type, or not as long as its shape says
 */
export async function readNpy(source: Source, options: ReadOptions = {}): Promise<Table> {
  requireReading("readNpy", source, options);
  const name = nameOf(source, options);
  const bytes = await bytesOf("readNpy", source, options);
  return new Table(name, { x: decodeNpy(bytes, failing(name)) });
}

/**
 * A table of the arrays of an .npz file, which must have the same number of rows. Arrays as for `readNpy`.
 * @throws DataError as `readNpy`, and where an array of `columns` is not there
 */
export async function readNpz(source: Source, options: ArraysOptions = {}): Promise<Table> {
  requireReading("readNpz", source, options, ["columns"]);
  const { columns, ...rest } = options;
  requirePicks("readNpz", columns);
  const name = nameOf(source, options);
  const bytes = await bytesOf("readNpz", source, rest);
  const { readZip } = await import("../zip.ts");
  const limits = { file: name, maxEntries: MOST_ARRAYS, maxEntryBytes: MOST_ENTRY_BYTES, remedy: "save it again" };
  const entries = readZip(bytes, limits).map((entry) => [entry.path.replace(/\.npy$/, ""), entry] as const);
  const picked = picks(columns, new Map(entries), failing(name));
  const made = picked.map(
    ([column, entry]) => [column, decodeNpy(entry.read(), failing(`${name}, ${entry.path}`))] as const,
  );
  return new Table(name, Object.fromEntries(made));
}

/** @throws OptionError unless the value is left out or a record of names */
export function requirePicks(what: string, columns: unknown): void {
  if (columns === undefined) return;
  if (!isRecord(columns) || Object.keys(columns).length === 0) {
    throw wrong(`${what}: columns`, 'names of arrays by column, such as { x: "images" }', columns);
  }
  for (const [column, array] of Object.entries(columns)) requireText(`${what}: columns.${column}`, array);
}

/** What becomes of which column. @throws DataError where there is no such array, or none at all */
export function picks<Found>(
  columns: Readonly<Record<string, string>> | undefined,
  found: ReadonlyMap<string, Found>,
  fail: Fail,
): (readonly [string, Found])[] {
  if (found.size === 0) fail("must have at least one array, got none");
  if (columns === undefined) return [...found];
  return Object.entries(columns).map(([column, array]) => {
    const each = found.get(array);
    if (each === undefined) return fail(`there is no array ${show(array)}; it has ${nameList([...found.keys()], 20)}`);
    return [column, each];
  });
}

/** A column of rows [n, ...shape]; of [n], numbers. */
export function rowsColumn(shape: readonly number[], values: Values, fail: Fail): Column {
  const [rows, ...inner] = shape;
  if (rows === undefined || values.length === 0) {
    return fail(`must have rows, got an array of shape [${shape.join(", ")}]`);
  }
  return inner.length === 0 ? numberColumn(values) : arrayColumn(inner, values);
}

function decodeNpy(bytes: Uint8Array, fail: Fail): Column {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  const version = bytes[6] ?? 0;
  if (bytes.length < 12 || magic !== MAGIC || version < 1 || version > 3) {
    return fail("must be a NumPy array of version 1 to 3, got something else");
  }
  const lengthBytes = version === 1 ? 2 : 4;
  const headerBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = 8 + lengthBytes + headerBytes;
  if (headerBytes > MOST_HEADER_BYTES || start > bytes.length) {
    fail(`must have a header of at most ${MOST_HEADER_BYTES} bytes and whole, got ${headerBytes} bytes`);
  }
  const { type, little, fortran, shape } = parseHeader(
    new TextDecoder().decode(bytes.subarray(8 + lengthBytes, start)),
    fail,
  );
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (!(count <= MOST_ELEMENTS)) fail(`must have at most ${MOST_ELEMENTS} numbers, got shape [${shape.join(", ")}]`);
  const reader = READERS[type];
  if (reader === undefined)
    return fail(`must hold numbers of type f4, f8, i1 to i8, u1 to u8 or b1, got ${show(type)}`);
  const size = Number(type.slice(1));
  if (bytes.length - start !== count * size) {
    fail(`must have ${count * size} bytes for its shape [${shape.join(", ")}], got ${bytes.length - start}`);
  }
  const values = reader.make(count);
  const places = fortran ? fortranPlaces(shape) : undefined;
  for (let i = 0; i < count; i++) {
    const value = reader.read(view, start + size * (places === undefined ? i : (places[i] as number)), little);
    if (!Number.isSafeInteger(value) && size === 8 && type !== "f8") {
      fail(`whole numbers must be within +-2^53, got one of about ${value} at ${i}; save them as f8`);
    }
    values[i] = value;
  }
  return rowsColumn(shape, values, fail);
}

/** How one type of element is read, and what holds it. */
interface ElementReader {
  make(count: number): Values;
  read(view: DataView, at: number, little: boolean): number;
}

const READERS: Readonly<Record<string, ElementReader>> = {
  f4: { make: (n) => new Float32Array(n), read: (view, at, little) => view.getFloat32(at, little) },
  f8: { make: (n) => new Float64Array(n), read: (view, at, little) => view.getFloat64(at, little) },
  i1: { make: (n) => new Int8Array(n), read: (view, at) => view.getInt8(at) },
  u1: { make: (n) => new Uint8Array(n), read: (view, at) => view.getUint8(at) },
  b1: { make: (n) => new Uint8Array(n), read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
  i2: { make: (n) => new Int16Array(n), read: (view, at, little) => view.getInt16(at, little) },
  u2: { make: (n) => new Uint16Array(n), read: (view, at, little) => view.getUint16(at, little) },
  i4: { make: (n) => new Int32Array(n), read: (view, at, little) => view.getInt32(at, little) },
  u4: { make: (n) => new Uint32Array(n), read: (view, at, little) => view.getUint32(at, little) },
  i8: { make: (n) => new Float64Array(n), read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  u8: { make: (n) => new Float64Array(n), read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};

/** The header is a literal of Python: `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`. */
function parseHeader(text: string, fail: Fail) {
  const descr = /'descr': ?'([<>|=]?)([a-zA-Z]\d{1,4})'/.exec(text);
  const order = /'fortran_order': ?(True|False)/.exec(text);
  const shape = /'shape': ?\(([\d, L]{0,1000})\)/.exec(text);
  if (descr === null || order === null || shape === null) {
    return fail(
      `must have a header with descr, fortran_order and shape, got ${show(text)}; tables of several types are not read`,
    );
  }
  const extents = (shape[1] as string)
    .split(",")
    .flatMap((each) => (/\d/.test(each) ? [Number.parseInt(each, 10)] : []));
  return { type: descr[2] as string, little: descr[1] !== ">", fortran: order[1] === "True", shape: extents };
}

/** Where the elements of C order are in Fortran order. */
function fortranPlaces(shape: readonly number[]): Int32Array {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, extent) => product * extent, 1));
  const count = shape.reduce((product, extent) => product * extent, 1);
  const places = new Int32Array(count);
  const index = shape.map(() => 0);
  for (let i = 0, place = 0; i < count; i++) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      place += strides[axis] as number;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      place -= (shape[axis] as number) * (strides[axis] as number);
      index[axis] = 0;
    }
  }
  return places;
}
