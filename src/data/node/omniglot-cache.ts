/**
 * The cache of decoded Omniglot images: one file for each pair of archives.
 *
 *     0   magic "QSOMNI" 0x0d 0x0a    (a file that went through a text conversion is noticed)
 *     8   u32 version
 *    12   u32 bytes of the names
 *    16   u32 bytes of the pixels
 *    20   u32 zero
 *    24   16 characters: hash of the archives
 *    40   16 characters: hash of names and pixels
 *    56   names, UTF-8, one a line; then the pixels
 *
 * Numbers are little-endian. The archives are identified by their content (see `loadOmniglotImages`).
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../errors.ts";
import type { OmniglotImages } from "../omniglot.ts";
import { OMNIGLOT_DRAWERS, OMNIGLOT_IMAGE_BYTES, omniglotHash } from "../omniglot.ts";
import { removeLeftovers, writeAtomically } from "./atomic-write.ts";
import { readBounded } from "./files.ts";

const MAGIC = "QSOMNI\r\n";
/** To be raised whenever decoding gives other pixels or the file another layout. */
const VERSION = 1;
const HEADER_BYTES = 56;
const MAX_CACHE_BYTES = 64 * 2 ** 20;

/** Where the images of a pair of archives are kept. */
export function imagesCacheFile(folder: string, source: string): string {
  return join(folder, `omniglot-v${VERSION}-${source}.bin`);
}

/** Keeps decoded images. */
export async function writeImagesCache(folder: string, source: string, images: OmniglotImages): Promise<void> {
  const names = new TextEncoder().encode(images.characters.join("\n"));
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, names.length, true);
  view.setUint32(16, images.pixels.length, true);
  const text = new TextEncoder();
  text.encodeInto(MAGIC, header);
  text.encodeInto(source + images.contentHash, header.subarray(24));
  await mkdir(folder, { recursive: true });
  await writeAtomically(imagesCacheFile(folder, source), [header, names, images.pixels]);
}

/**
 * The images kept for a pair of archives, or undefined when there are none or the file is damaged. Clears away what
 * killed writers of the file left: once it is there, nobody writes it again.
 */
export async function readImagesCache(folder: string, source: string): Promise<OmniglotImages | undefined> {
  const file = imagesCacheFile(folder, source);
  await removeLeftovers(file);
  let bytes: Uint8Array;
  try {
    bytes = await readBounded(file, MAX_CACHE_BYTES, "");
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
  return parseImagesCache(bytes, source);
}

function parseImagesCache(bytes: Uint8Array, source: string): OmniglotImages | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder();
  const nameBytes = view.getUint32(12, true);
  const pixelBytes = view.getUint32(16, true);
  const sound =
    text.decode(bytes.subarray(0, 8)) === MAGIC &&
    view.getUint32(8, true) === VERSION &&
    bytes.length === HEADER_BYTES + nameBytes + pixelBytes &&
    text.decode(bytes.subarray(24, 40)) === source;
  if (!sound) return undefined;
  const contentHash = text.decode(bytes.subarray(40, HEADER_BYTES));
  const characters = text.decode(bytes.subarray(HEADER_BYTES, HEADER_BYTES + nameBytes)).split("\n");
  const pixels = bytes.subarray(HEADER_BYTES + nameBytes);
  if (pixels.length !== characters.length * OMNIGLOT_DRAWERS * OMNIGLOT_IMAGE_BYTES) return undefined;
  return omniglotHash(characters, pixels) === contentHash ? { characters, pixels, contentHash } : undefined;
}
