/**
 * The safetensors format: a u64 header length, a JSON header of names, dtypes, shapes and byte ranges with string
 * metadata, then the raw little-endian arrays. Read and written here for f32 arrays.
 *
 * Files that are written here hold, among the metadata, a `checksum` of all names, shapes, numbers and other metadata.
 */
import { isRecord, requireObject, requireOptions, requireText, requireWholes, wrong } from "../arguments.ts";
import { FormatError, OptionError, ShapeError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import { ContentHash } from "../tasks/hash.ts";

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
const CHECKSUM = "checksum";
const LENGTH_BYTES = 8;
/**
 * The format allows 100 MB, which takes gigabytes to parse. A tensor takes about 100 bytes of the header; files of the
 * largest models hold a few thousand of them, ours some hundred and a run's settings.
 */
const LARGEST_HEADER_BYTES = 2 ** 21;
const MOST_TENSORS = 2 ** 14;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * The bytes of a file; the same tensors and metadata always give the same bytes.
 * @throws OptionError for metadata that are not strings, a name that is taken or a header that would be too large to read;
 * ShapeError for a tensor that does not have its shape's numbers
 */
export function encodeTensors(file: TensorFile): Uint8Array {
  // With `checked`, as `decodeTensors` gives it.
  requireOptions("encodeTensors", file, ["tensors", "metadata", "checked"]);
  const { tensors, metadata } = file;
  if (!isRecord(tensors)) throw wrong("encodeTensors: tensors", "an object of { shape, data } by name", tensors);
  requireMetadata("encodeTensors: metadata", metadata);
  let end = 0;
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const what = `encodeTensors: tensor ${name}`;
    if (name === METADATA) throw new OptionError(`encodeTensors: no tensor may be called ${METADATA}`);
    requireObject(what, tensor, "an object { shape, data }", ["shape", "data"]);
    const { data } = tensor;
    const shape = requireWholes(`${what}: shape`, tensor.shape, 0);
    if (!(data instanceof Float32Array)) throw wrong(`${what}: data`, "a Float32Array", data);
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(`${what} [${shape}] must have ${sizeOf(shape)} numbers, got ${data.length}`);
    }
    const from = end;
    end += data.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [from, end] }];
  });
  const all = { ...metadata, [CHECKSUM]: checksumOf({ tensors, metadata }) };
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries([[METADATA, all], ...entries])));
  // Spaces up to a multiple of 8 keep the arrays aligned, as the format recommends.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  if (headerBytes > LARGEST_HEADER_BYTES || entries.length > MOST_TENSORS) {
    throw new OptionError(
      `encodeTensors: names, shapes and metadata must take at most ${LARGEST_HEADER_BYTES} bytes and be of at most ` +
        `${MOST_TENSORS} tensors, got ${headerBytes} bytes and ${entries.length} tensors; write several files`,
    );
  }
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + end).fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const { data } of Object.values(tensors)) {
    // As words: an f32 that passes through a number may lose the bits of a NaN, which the checksum counts.
    for (const word of new Uint32Array(data.buffer, data.byteOffset, data.length)) {
      view.setUint32(at, word, true);
      at += 4;
    }
  }
  return bytes;
}

/** @throws OptionError unless the value is an object of strings, none of them called `checksum` */
export function requireMetadata(what: string, metadata: unknown): asserts metadata is Record<string, string> {
  if (!isRecord(metadata)) throw wrong(what, "an object of strings", metadata);
  for (const [name, value] of Object.entries(metadata)) requireText(`${what}.${name}`, value);
  if (Object.hasOwn(metadata, CHECKSUM)) {
    throw new OptionError(`${what}: the name ${CHECKSUM} is taken by the file's own; choose another`);
  }
}

/**
 * Reads a file that may come from anywhere.
 * @returns the file without its checksum, and whether it had one
 * @throws FormatError when it is truncated, damaged, holds another dtype than F32 or does not match its checksum
 */
export function decodeTensors(bytes: Uint8Array): TensorFile & { readonly checked: boolean } {
  if (!(bytes instanceof Uint8Array)) throw wrong("decodeTensors: bytes", "a Uint8Array", bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { start, entries, metadata, checksum } = decodeHeader(bytes, view);
  const ranges = entries.map(([name, entry]) => ({ name, ...checkEntry(name, entry) }));
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
    const words = Uint32Array.from({ length: (to - from) / 4 }, (_, i) => view.getUint32(start + from + 4 * i, true));
    return [name, { shape, data: new Float32Array(words.buffer) }] as const;
  });
  const file = { tensors: Object.fromEntries(tensors), metadata };
  const checked = checksum !== undefined;
  if (checked && checksumOf(file) !== checksum) {
    throw new FormatError(
      `safetensors: the contents do not have the checksum ${checksum} that the file states; it was damaged or changed`,
    );
  }
  return { ...file, checked };
}

function decodeHeader(bytes: Uint8Array, view: DataView) {
  if (bytes.length < LENGTH_BYTES) throw new FormatError(`safetensors: ${bytes.length} bytes cannot be a file`);
  const headerBytes = Number(view.getBigUint64(0, true));
  const start = LENGTH_BYTES + headerBytes;
  if (start > bytes.length) {
    throw new FormatError(
      `safetensors: a header of ${headerBytes} bytes does not fit a file of ${bytes.length}; it is cut off, or no safetensors file`,
    );
  }
  if (headerBytes > LARGEST_HEADER_BYTES) {
    throw new FormatError(
      `safetensors: the header must have at most ${LARGEST_HEADER_BYTES} bytes, got ${headerBytes}`,
    );
  }
  const header = parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, start)));
  const { [METADATA]: texts = {}, ...named } = header;
  if (!isStrings(texts)) throw new FormatError("safetensors: metadata must be strings");
  const { [CHECKSUM]: checksum, ...metadata } = texts;
  const entries = Object.entries(named);
  if (entries.length > MOST_TENSORS) {
    throw new FormatError(`safetensors: a file must have at most ${MOST_TENSORS} tensors, got ${entries.length}`);
  }
  return { start, entries, metadata, checksum };
}

/** Of everything in a file, in whatever order it is listed. */
function checksumOf({ tensors, metadata }: TensorFile): string {
  const hash = new ContentHash();
  const names = Object.keys(metadata).sort();
  hash.word(names.length);
  for (const name of names) hash.value(name).value(metadata[name] as string);
  for (const name of Object.keys(tensors).sort()) {
    const { shape, data } = tensors[name] as ShapedArray;
    hash.value(name).value(shape.join());
    hash.floats(data);
  }
  return hash.digest();
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
