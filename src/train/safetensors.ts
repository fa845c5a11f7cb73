/**
 * The safetensors format: a u64 header length, a JSON header of names, dtypes, shapes and byte ranges with string
 * metadata, then the raw little-endian arrays. Read and written here for f32 arrays.
 */
import { FormatError, OptionError, ShapeError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";

/** An array with its shape, row-major f32. */
export interface ShapedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A safetensors file in memory. */
export interface TensorFile {
  readonly tensors: Readonly<Record<string, ShapedArray>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const METADATA = "__metadata__";
const LENGTH_BYTES = 8;
/** The format's own limit. */
const MAXIMUM_HEADER_BYTES = 100_000_000;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * The bytes of a file; the same tensors and metadata always give the same bytes.
 * @throws OptionError for a tensor that is called __metadata__, ShapeError for one that does not have its shape's numbers
 */
export function encodeTensors({ tensors, metadata }: TensorFile): Uint8Array {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { shape, data }]) => {
    if (name === METADATA) throw new OptionError(`safetensors: no tensor may be called ${METADATA}`);
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(`safetensors: tensor ${name} [${shape}] needs ${sizeOf(shape)} numbers, got ${data.length}`);
    }
    const from = end;
    end += data.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [from, end] }];
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries([[METADATA, metadata], ...entries])));
  // Spaces up to a multiple of 8 keep the arrays aligned, as the format recommends.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + end).fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const { data } of Object.values(tensors)) {
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

/**
 * Reads a file that may come from anywhere.
 * @throws FormatError when it is truncated, damaged or holds another dtype than F32
 */
export function decodeTensors(bytes: Uint8Array): TensorFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < LENGTH_BYTES) throw new FormatError(`safetensors: ${bytes.length} bytes cannot be a file`);
  const headerBytes = Number(view.getBigUint64(0, true));
  const start = LENGTH_BYTES + headerBytes;
  if (headerBytes > MAXIMUM_HEADER_BYTES || start > bytes.length) {
    throw new FormatError(`safetensors: a header of ${headerBytes} bytes does not fit a file of ${bytes.length}`);
  }
  const header = parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, start)));
  const { [METADATA]: metadata = {}, ...entries } = header;
  if (!isStrings(metadata)) throw new FormatError("safetensors: metadata must be strings");
  const ranges = Object.entries(entries).map(([name, entry]) => ({ name, ...checkEntry(name, entry) }));
  // The header may list them in any order; in the bytes they follow one another without a hole.
  const inOrder = [...ranges].sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of inOrder) {
    if (from !== end) throw new FormatError(`safetensors: tensor ${name} begins at byte ${from} instead of ${end}`);
    end = to;
    if (start + to > bytes.length) throw new FormatError(`safetensors: the file is cut short in tensor ${name}`);
  }
  if (start + end !== bytes.length)
    throw new FormatError(`safetensors: ${bytes.length - start - end} bytes follow the last tensor`);
  const tensors = ranges.map(({ name, shape, from, to }) => {
    const data = Float32Array.from({ length: (to - from) / 4 }, (_, i) => view.getFloat32(start + from + 4 * i, true));
    return [name, { shape, data }] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

function parse(text: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new FormatError("safetensors: the header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new FormatError("safetensors: the header is not an object");
  }
  return header as Record<string, unknown>;
}

function isStrings(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((each) => typeof each === "string");
}

function checkEntry(name: string, value: unknown): { shape: readonly number[]; from: number; to: number } {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<Entry>;
  if (dtype !== "F32") throw new FormatError(`safetensors: tensor ${name} has dtype ${dtype}, only F32 is read`);
  const counts = [shape, offsets].every(
    (list) => Array.isArray(list) && list.every((each) => Number.isSafeInteger(each) && each >= 0),
  );
  if (!counts || shape === undefined || offsets === undefined || offsets.length !== 2) {
    throw new FormatError(`safetensors: tensor ${name} has no shape or no byte range`);
  }
  const [from, to] = offsets;
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (to - from !== 4 * size)
    throw new FormatError(`safetensors: tensor ${name} [${shape}] does not fill its byte range`);
  return { shape, from, to };
}
