/** What the tests of data readers share: checks of errors, and PNG images made by hand, so that they can be wrong. */
import { zlibSync } from "fflate";
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
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set(kind, 8);
  const chunks = [chunk("IHDR", header), chunk("IDAT", zlibSync(lines)), chunk("IEND", new Uint8Array(0))];
  return Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...chunks.flatMap((bytes) => [...bytes])]);
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

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  new DataView(bytes.buffer).setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  return bytes;
}
