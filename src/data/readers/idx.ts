/** The idx format of MNIST and its kin, and the binary format of CIFAR-10 and CIFAR-100. */
import { requireOneOf } from "../../arguments.ts";
import {
  bytesOf,
  type Fail,
  failing,
  nameOf,
  type ReadOptions,
  requireReading,
  requireSource,
  type Source,
} from "../bytes.ts";
import { arrayColumn, type Column, numberColumn, type Pixels, Table } from "../table.ts";

/** Bytes of an element by the type in the third byte of the magic number. */
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 };
const MOST_ELEMENTS = 2 ** 30;
const CIFAR_SIDE = 32;

/**
 * A table of idx files, gzipped or not: the examples as `x`, and their labels as `label` where there is a second file. A file of
 * bytes [n, height, width] becomes images of one channel, [n] numbers, anything else arrays.
 *
 * Format (LeCun): big-endian; two zero bytes, the type of elements, how many extents; the extents as u32; the elements.
 * @throws DataError for a file that is damaged, not as long as its extents say, or has another number of labels
 */
export async function readIdx(images: Source, labels?: Source, options: ReadOptions = {}): Promise<Table> {
  const what = "readIdx";
  requireReading(what, images, options);
  const name = nameOf(images, options);
  const columns: Record<string, Column> = { x: idxColumn(await contents(what, images, options, name)) };
  if (labels !== undefined) {
    requireSource(`${what}: labels`, labels);
    const labelName = nameOf(labels, { name: `${name} (labels)` });
    const found = await contents(what, labels, options, labelName);
    if (found.extents.length !== 1) {
      found.fail(`must have one label per example, got extents [${found.extents.join(", ")}]`);
    }
    columns.label = idxColumn(found);
    const [wanted, got] = [columns.x?.size, columns.label.size];
    if (wanted !== got) found.fail(`must have as many labels as ${name} has examples, ${wanted}, got ${got}`);
  }
  return new Table(name, columns);
}

interface Idx {
  readonly type: number;
  readonly extents: readonly number[];
  readonly view: DataView;
  /** Where elements begin. */
  readonly start: number;
  readonly fail: Fail;
}

async function contents(what: string, source: Source, options: ReadOptions, name: string): Promise<Idx> {
  const fail = failing(name);
  const packed = await bytesOf(what, source, { ...options, name });
  const { gunzipped } = await import("../decoders/gzip.ts");
  const bytes = gunzipped(packed, (start) => headerOf(start, fail)?.end, fail);
  const header = headerOf(bytes, fail);
  if (header === undefined) return fail(`must have an idx header, got ${bytes.length} bytes`);
  const { type, extents, start, end } = header;
  if (bytes.length !== end) {
    fail(`must have ${end} bytes for its extents [${extents.join(", ")}], got ${bytes.length}`);
  }
  return { type, extents, start, fail, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** The header at the beginning of a file, or undefined where there are not enough bytes of it. */
function headerOf(bytes: Uint8Array, fail: Fail) {
  if (bytes.length < 4) return undefined;
  const [zero, nought, type = 0, rank = 0] = bytes;
  const size = ELEMENT_BYTES[type];
  if (zero !== 0 || nought !== 0 || size === undefined || rank < 1 || rank > 4) {
    return fail(`must be an idx file of 1 to 4 extents, got a magic number ${[...bytes.subarray(0, 4)].join(" ")}`);
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const extents = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const elements = extents.reduce((product, extent) => product * extent, 1);
  if (!(elements >= 1 && elements <= MOST_ELEMENTS)) {
    fail(`must have from 1 to ${MOST_ELEMENTS} elements, got extents [${extents.join(", ")}]`);
  }
  return { type, extents, start, end: start + elements * size };
}

function idxColumn({ type, extents, view, start }: Idx): Column {
  const [rows = 0, ...shape] = extents;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start, view.byteLength - start);
  if (type === 8 && shape.length === 2) return imageColumn(rows, shape[1] as number, shape[0] as number, 1, bytes);
  const values = idxValues(type, view, start);
  return shape.length === 0 ? numberColumn(values) : arrayColumn(shape, values);
}

function idxValues(type: number, view: DataView, start: number) {
  const count = (view.byteLength - start) / (ELEMENT_BYTES[type] as number);
  const each = { length: count };
  switch (type) {
    case 8:
      return Uint8Array.from(each, (_, i) => view.getUint8(start + i));
    case 9:
      return Int8Array.from(each, (_, i) => view.getInt8(start + i));
    case 11:
      return Int16Array.from(each, (_, i) => view.getInt16(start + 2 * i));
    case 12:
      return Int32Array.from(each, (_, i) => view.getInt32(start + 4 * i));
    case 13:
      return Float32Array.from(each, (_, i) => view.getFloat32(start + 4 * i));
    default:
      return Float64Array.from(each, (_, i) => view.getFloat64(start + 8 * i));
  }
}

/** Images of one size, one after another in `bytes` [n, height, width, channels]. */
export function imageColumn(
  rows: number,
  width: number,
  height: number,
  channels: Pixels["channels"],
  bytes: Uint8Array,
): Column<"image"> {
  const length = width * height * channels;
  return {
    kind: "image",
    size: rows,
    at: (row) => ({ width, height, channels, data: bytes.subarray(row * length, (row + 1) * length) }),
  };
}

/** Options of `readCifar`. */
export interface CifarOptions extends ReadOptions {
  /** 10, or 100 with twenty coarse classes above. Default 10. */
  readonly classes?: 10 | 100;
}

/**
 * A table of a file in the binary format of CIFAR: `image` [32, 32, 3] and `label`, or `coarse` and `fine` of CIFAR-100.
 *
 * Format (Krizhevsky 2009): for each image a byte for each label, then 1,024 bytes each of red, green and blue, row by row.
 * @throws DataError for a file that is no whole number of images, or a label beyond its classes
 */
export async function readCifar(source: Source, options: CifarOptions = {}): Promise<Table> {
  requireReading("readCifar", source, options, ["classes"]);
  const { classes = 10, ...rest } = options;
  requireOneOf("readCifar: classes", classes, [10, 100]);
  const name = nameOf(source, options);
  const fail = failing(name);
  const bytes = await bytesOf("readCifar", source, rest);
  const kinds = classes === 10 ? [["label", 10] as const] : [["coarse", 20] as const, ["fine", 100] as const];
  const plane = CIFAR_SIDE * CIFAR_SIDE;
  const record = kinds.length + 3 * plane;
  const rows = bytes.length / record;
  if (!Number.isInteger(rows) || rows === 0) {
    fail(`must be whole images of ${record} bytes (CIFAR-${classes}), got ${bytes.length} bytes`);
  }
  const labels = kinds.map(([label, count], i) => {
    const values = Uint8Array.from({ length: rows }, (_, row) => bytes[row * record + i] as number);
    const wrong = values.findIndex((value) => value >= count);
    if (wrong >= 0) fail(`row ${wrong + 1}: ${label} must be below ${count}, got ${values[wrong]}`);
    return [label, numberColumn(values)] as const;
  });
  const at = (row: number): Pixels => {
    const data = new Uint8Array(3 * plane);
    const start = row * record + kinds.length;
    for (let i = 0; i < plane; i++) {
      for (let channel = 0; channel < 3; channel++)
        data[3 * i + channel] = bytes[start + channel * plane + i] as number;
    }
    return { width: CIFAR_SIDE, height: CIFAR_SIDE, channels: 3, data };
  };
  return new Table(name, { image: { kind: "image", size: rows, at }, ...Object.fromEntries(labels) });
}
