import { decode } from "fast-png";
import { DataError } from "../errors.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
/** The chunks of every image of Omniglot. */
const LAYOUT = /^IHDR (tIME )?IDAT IEND$/;
/** Bytes of a chunk besides its data: length, kind, checksum. */
const CHUNK_BYTES = 12;
/** Bytes that header, time, end and the framing of the image data may take: twice what they take in Omniglot. */
const OVERHEAD_BYTES = 256;

/** A 1-bit greyscale PNG reader for images of one size. */
export type BilevelReader = (bytes: Uint8Array, what: string) => Uint8Array;

/**
 * A reader of 1-bit greyscale, non-interlaced PNG images of one size, for untrusted files.
 *
 * fast-png decodes, but it unpacks whatever an image holds, believes the last of several headers, and makes large buffers
 * for each of many chunks. So the bytes are checked before: one header with the right size and kind, one chunk of image
 * data, and no more bytes than image data that does not shrink would take, which bounds the work, since deflate expands
 * at most 1,032 times. Chunk checksums are left to the archive.
 *
 * Format: PNG specification, second edition (ISO 15948), chapters 5 and 11.
 *
 * @param side width and height that an image must have
 * @param remedy what the user can do about a damaged image
 * @returns reads an image (`what` names it in errors) into [side, side], 1 where it is black; the array is overwritten
 *   by the next call
 */
export function bilevelReader(side: number, remedy: string): BilevelReader {
  const lineBytes = Math.ceil(side / 8);
  const largest = side * (lineBytes + 1) + OVERHEAD_BYTES;
  const pixels = new Uint8Array(side * side);
  return (bytes, what) => {
    const fail = (problem: string): never => {
      throw new DataError(`${what}: ${problem}; ${remedy}`);
    };
    if (bytes.length > largest) fail(`must have at most ${largest} bytes, got ${bytes.length}`);
    checkLayout(bytes, fail);
    checkHeader(bytes, side, fail);
    const packed = decoded(bytes, fail);
    pixels.fill(0);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const byte = packed[y * lineBytes + (x >> 3)] as number;
        // Eight white pixels at once: most of a drawing is paper.
        if (byte === 0xff) x |= 7;
        else pixels[y * side + x] = ((byte >> (7 - (x & 7))) & 1) ^ 1;
      }
    }
    return pixels;
  };
}

/** Checks that the chunks are those of `LAYOUT`, each of them within the bytes. */
function checkLayout(bytes: Uint8Array, fail: (problem: string) => never): void {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) fail("must be a PNG image, got something else");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kinds: string[] = [];
  for (let at: number = SIGNATURE.length; at < bytes.length && kinds.length < 5; ) {
    const end = at + CHUNK_BYTES <= bytes.length ? at + CHUNK_BYTES + view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) fail(`must end with a whole chunk, got one cut short at byte ${at}`);
    kinds.push(String.fromCharCode(...bytes.subarray(at + 4, at + 8)));
    at = end;
  }
  if (!LAYOUT.test(kinds.join(" "))) {
    fail(`must have the chunks IHDR, IDAT and IEND, once, got ${JSON.stringify(kinds.join(" "))}`);
  }
}

/** Checks the header, which begins at byte 16. */
function checkHeader(bytes: Uint8Array, side: number, fail: (problem: string) => never): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(8) !== 13) fail(`must have a header of 13 bytes, got ${view.getUint32(8)}`);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width !== side || height !== side) fail(`must be ${side} x ${side} pixels, got ${width} x ${height}`);
  const [depth, colour, compression, filter, interlace] = bytes.subarray(24, 29);
  if (depth !== 1 || colour !== 0 || compression !== 0 || filter !== 0 || interlace !== 0) {
    fail(
      `must be 1-bit greyscale without interlacing, got depth ${depth}, colour type ${colour}, interlace ${interlace}`,
    );
  }
}

/** The image's lines, eight pixels a byte. Missing bytes of the last line would count as black: the archive's checksum is against that. */
function decoded(bytes: Uint8Array, fail: (problem: string) => never): ArrayLike<number> {
  try {
    return decode(bytes).data;
  } catch (error) {
    return fail(`must be an intact image, got damaged data (${error instanceof Error ? error.message : error})`);
  }
}
