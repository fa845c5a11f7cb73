/**
 * Files of decoded data: names and bytes, kept so that later starts need not decode again.
 *
 *     0   magic "QSKEPT" 0x0d 0x0a    (a file that went through a text conversion is noticed)
 *     8   u32 version
 *    12   u32 bytes of the text
 *    16   u32 bytes of the data
 *    20   u32 zero
 *    24   16 characters: hash of what the data were made from
 *    40   16 characters: hash of text and data
 *    56   the text, UTF-8; then the data
 *
 * Numbers are little-endian.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../errors.ts";
import { ContentHash } from "../../tasks/hash.ts";
import { removeLeftovers, writeAtomically } from "./atomic-write.ts";
import { readBounded } from "./files.ts";

/** What a file keeps. */
export interface Kept {
  /** Names of what is in the data. */
  readonly text: string;
  readonly data: Uint8Array;
}

/** Which file it is. */
export interface KeptFile {
  readonly folder: string;
  /** Of the data, for the file's name. */
  readonly kind: string;
  /** To be raised whenever decoding gives other data or the file another layout. */
  readonly version: number;
  /** Hash of what the data are made from: 16 characters. */
  readonly source: string;
  /** Most bytes of the file: more is not read, and not written. */
  readonly largest: number;
}

const MAGIC = "QSKEPT\r\n";
const HEADER_BYTES = 56;

/** The path of a file. */
export function keptPath({ folder, kind, version, source }: KeptFile): string {
  return join(folder, `${kind}-v${version}-${source}.bin`);
}

/** Writes a file. @param contentHash `keptHash` of what is kept */
export async function writeKept(file: KeptFile, { text, data }: Kept, contentHash: string): Promise<void> {
  const encoder = new TextEncoder();
  const names = encoder.encode(text);
  const length = HEADER_BYTES + names.length + data.length;
  if (length > file.largest) throw new DataError(`must take at most ${file.largest} bytes, got ${length}`);
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(8, file.version, true);
  view.setUint32(12, names.length, true);
  view.setUint32(16, data.length, true);
  encoder.encodeInto(MAGIC, header);
  encoder.encodeInto(file.source + contentHash, header.subarray(24));
  await mkdir(file.folder, { recursive: true });
  await writeAtomically(keptPath(file), [header, names, data]);
}

/**
 * What a file keeps with its hash, or undefined where there is none or it is damaged. Clears away what killed writers of the
 * file left: once it is there, nobody writes it again.
 */
export async function readKept(file: KeptFile): Promise<(Kept & { readonly contentHash: string }) | undefined> {
  const path = keptPath(file);
  await removeLeftovers(path);
  let bytes: Uint8Array;
  try {
    bytes = await readBounded(path, file.largest, "");
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
  return parse(bytes, file);
}

/** Hash of text and data. */
export function keptHash({ text, data }: Kept): string {
  return new ContentHash().value(text).bytes(data).digest();
}

function parse(bytes: Uint8Array, { version, source }: KeptFile) {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder();
  const textBytes = view.getUint32(12, true);
  const sound =
    decoder.decode(bytes.subarray(0, 8)) === MAGIC &&
    view.getUint32(8, true) === version &&
    bytes.length === HEADER_BYTES + textBytes + view.getUint32(16, true) &&
    decoder.decode(bytes.subarray(24, 40)) === source;
  if (!sound) return undefined;
  const kept = {
    text: decoder.decode(bytes.subarray(HEADER_BYTES, HEADER_BYTES + textBytes)),
    data: bytes.subarray(HEADER_BYTES + textBytes),
    contentHash: decoder.decode(bytes.subarray(40, HEADER_BYTES)),
  };
  return keptHash(kept) === kept.contentHash ? kept : undefined;
}
