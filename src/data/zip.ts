import { inflateSync } from "fflate";
import { DataError } from "../errors.ts";
import { nameList } from "./names.ts";

/** What a reader of untrusted archives accepts. */
export interface ZipLimits {
  /** The archive's name, for messages. */
  readonly file: string;
  /** Most entries, directories included. */
  readonly maxEntries: number;
  /** Largest size of an entry that is read, in bytes, packed or unpacked. */
  readonly maxEntryBytes: number;
  /** What the user can do about a damaged archive. */
  readonly remedy: string;
}

/** One entry of an archive. Directories are entries too; their path ends with a slash. */
export interface ZipEntry {
  readonly path: string;
  /** The contents, checked against their declared size and CRC-32. */
  read(): Uint8Array;
}

const END_BYTES = 22;
const HEADER_BYTES = 46;
const LOCAL_BYTES = 30;
const LONGEST_COMMENT = 0xffff;
const END_MAGIC = 0x06054b50;
const HEADER_MAGIC = 0x02014b50;
const LOCAL_MAGIC = 0x04034b50;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
/** Deflate expands at most so many times: a larger declared size is a lie, for which no memory is set aside. */
const MOST_EXPANSION = 1032;

/**
 * Lists the entries of a zip archive, in the archive's order. Nothing is unpacked before an entry is read, and the work
 * of any archive is bounded by its limits: entries must not overlap, and sizes are checked before inflating, while the
 * output buffer holds the declared size and no more.
 *
 * The format is PKWARE's APPNOTE 6.3; zip64, encryption and several disks are refused.
 *
 * @throws DataError when the archive is truncated, damaged or beyond its limits; `read` throws the same
 */
export function readZip(bytes: Uint8Array, limits: ZipLimits): ZipEntry[] {
  const { file, maxEntries, remedy } = limits;
  const fail = (problem: string): never => {
    throw new DataError(`${file}: ${problem}; ${remedy}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  if (end < 0) return fail(`must be a complete zip archive, got ${bytes.length} bytes without its end record`);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) {
    fail("must be one archive on one disk, got a part of several");
  }
  if (count > maxEntries) fail(`must have at most ${maxEntries} entries, got ${count}`);
  if (start + size > end) fail(`directory must lie before byte ${end}, got bytes ${start} to ${start + size}`);

  const entries: ZipEntry[] = [];
  const text = new TextDecoder();
  let at = start;
  let packedTotal = 0;
  for (let i = 0; i < count; i++) {
    if (at + HEADER_BYTES > end || view.getUint32(at, true) !== HEADER_MAGIC) {
      fail(`directory must have ${count} entries, got a damaged one at number ${i} (byte ${at})`);
    }
    const pathEnd = at + HEADER_BYTES + view.getUint16(at + 28, true);
    const next = pathEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) fail(`directory entry ${i} must end before byte ${end}, got byte ${next}`);
    const entry: Header = {
      path: text.decode(bytes.subarray(at + HEADER_BYTES, pathEnd)),
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      unpacked: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    packedTotal += entry.packed;
    entries.push({ path: entry.path, read: () => readEntry(bytes, view, entry, limits) });
    at = next;
  }
  // Without this, thousands of entries could share the same packed bytes and multiply their cost.
  if (packedTotal > bytes.length) {
    fail(`entries must not overlap, got ${packedTotal} packed bytes in an archive of ${bytes.length}`);
  }
  return entries;
}

interface Header {
  readonly path: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly offset: number;
}

/** Position of the end record, or -1: the last one whose comment reaches exactly to the end. */
function findEnd(view: DataView): number {
  const lowest = Math.max(0, view.byteLength - END_BYTES - LONGEST_COMMENT);
  for (let at = view.byteLength - END_BYTES; at >= lowest; at--) {
    if (view.getUint32(at, true) !== END_MAGIC) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  return -1;
}

function readEntry(bytes: Uint8Array, view: DataView, entry: Header, limits: ZipLimits): Uint8Array {
  const { method, packed, unpacked, offset } = entry;
  const fail = (problem: string): never => {
    throw new DataError(`${limits.file}, ${nameList([entry.path])}: ${problem}; ${limits.remedy}`);
  };
  if ((entry.flags & ENCRYPTED) !== 0) fail("must not be encrypted");
  const largest = Math.max(packed, unpacked);
  if (largest > limits.maxEntryBytes) fail(`must have at most ${limits.maxEntryBytes} bytes, got ${largest}`);
  if (offset + LOCAL_BYTES > bytes.length || view.getUint32(offset, true) !== LOCAL_MAGIC) {
    fail(`must begin with a local header at byte ${offset}, got none`);
  }
  const begin = offset + LOCAL_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (begin + packed > bytes.length) fail(`must end before byte ${bytes.length}, got byte ${begin + packed}`);
  const data = bytes.subarray(begin, begin + packed);
  let contents = data;
  if (method === DEFLATED) {
    if (unpacked > MOST_EXPANSION * (packed + 1))
      fail(`must unpack to at most ${MOST_EXPANSION} times ${packed} bytes, got ${unpacked}`);
    // One byte more than declared: fflate drops what does not fit, so that an oversized entry shows as that byte.
    const inflated = attempt(() => inflateSync(data, { out: new Uint8Array(unpacked + 1) }));
    if (inflated === undefined) return fail("must be intact deflate data, got damaged data");
    contents = inflated;
  } else if (method !== STORED) {
    fail(`must be stored or deflated (method 0 or 8), got method ${method}`);
  }
  if (contents.length !== unpacked) {
    const got = contents.length > unpacked ? "more" : String(contents.length);
    fail(`must unpack to the declared ${unpacked} bytes, got ${got}`);
  }
  if (crc32(contents) !== entry.crc) fail("must match its checksum, got damaged data");
  return contents;
}

/** The result, or undefined where the library throws: its messages know nothing of files. */
export function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = (c & 1) !== 0 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 as in zip, gzip and PNG (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    c = (CRC_TABLE[(c ^ (bytes[i] as number)) & 0xff] as number) ^ (c >>> 8);
  }
  return (c ^ 0xffffffff) >>> 0;
}
