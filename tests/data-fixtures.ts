/** What the tests of data readers share: checks of errors, and PNG images made by hand, so that they can be wrong. */
import { unzlibSync, zlibSync } from "fflate";
import * as assert from "uvu/assert";
import { DataError } from "../src/errors.ts";

/** A test of what was thrown: a DataError with such a message. */
export const refused = (message: RegExp) => (error: unknown) =>
  error instanceof DataError && message.test(error.message);

/** Asserts that a promise is rejected with what passes a test. */
export async function rejected(work: Promise<unknown>, expected: (error: unknown) => boolean): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(expected(error), `rejected with ${String(error)}`);
}

/** Bits per pixel, colour type, compression, filter and interlace of a 1-bit greyscale image. */
const BILEVEL = [1, 0, 0, 0, 0] as const;

/** A PNG file with the given header and lines, whether they fit or not. Chunk checksums are zero. */
export function pngOf(width: number, height: number, lines: Uint8Array, kind: readonly number[] = BILEVEL): Uint8Array {
  return pngOfChunks(headerChunk(width, height, kind), chunk("IDAT", zlibSync(lines)), chunk("IEND"));
}

/** A PNG file of the given chunks, whether they make sense or not. */
export function pngOfChunks(...chunks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...chunks.flatMap((bytes) => [...bytes])]);
}

/** The header of an image; its last bytes are those of `BILEVEL`. */
export function headerChunk(width: number, height: number, kind: readonly number[] = BILEVEL): Uint8Array {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set(kind, 8);
  return chunk("IHDR", header);
}

/**
 * The ink of a square 1-bit image, 1 where it is black, decoded by the plainest loops: what the reader is compared with.
 * The image's data must be in one chunk.
 */
export function plainInk(png: Uint8Array, side: number): Uint8Array {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let at = 8;
  while (view.getUint32(at + 4) !== 0x49444154) at += 12 + view.getUint32(at);
  const lines = unzlibSync(png.subarray(at + 8, at + 8 + view.getUint32(at)));
  const width = Math.ceil(side / 8);
  const bytes: number[][] = [];
  for (let y = 0; y < side; y++) {
    const [filter = 0, ...line] = lines.subarray(y * (width + 1), (y + 1) * (width + 1));
    for (const [x, byte] of line.entries()) {
      const [left, up, corner] = [line[x - 1] ?? 0, bytes[y - 1]?.[x] ?? 0, bytes[y - 1]?.[x - 1] ?? 0];
      // Paeth's: the neighbour closest to left + up - corner, in this order where two are equally close.
      const estimate = left + up - corner;
      const closest = [left, up, corner].sort((a, b) => Math.abs(a - estimate) - Math.abs(b - estimate))[0] ?? 0;
      line[x] = (byte + ([0, left, up, (left + up) >> 1, closest][filter] ?? Number.NaN)) & 0xff;
    }
    bytes.push(line);
  }
  return Uint8Array.from({ length: side * side }, (_, i) => {
    const byte = bytes[Math.floor(i / side)]?.[(i % side) >> 3] ?? 0;
    return 1 - ((byte >> (7 - ((i % side) & 7))) & 1);
  });
}

/** The lines of a square 1-bit image without filters. `ink` is 1 where a pixel is black. */
export function packLines(side: number, ink: (y: number, x: number) => number): Uint8Array {
  const lineBytes = Math.ceil(side / 8) + 1;
  const lines = new Uint8Array(side * lineBytes);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = y * lineBytes + 1 + (x >> 3);
      if (ink(y, x) === 0) lines[at] = (lines[at] as number) | (0x80 >> (x & 7));
    }
  }
  return lines;
}

/** One chunk, with a checksum of zero. */
export function chunk(type: string, data = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  new DataView(bytes.buffer).setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  return bytes;
}
