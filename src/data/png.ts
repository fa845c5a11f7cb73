import { unzlibSync } from "fflate";
import { DataError } from "../errors.ts";
import { attempt } from "./zip.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
const IHDR = 0x49484452;
const IDAT = 0x49444154;
const IEND = 0x49454e44;

/** A 1-bit greyscale PNG reader for images of one size. */
export type BilevelReader = (bytes: Uint8Array, what: string) => Uint8Array;

/**
 * A reader of 1-bit greyscale, non-interlaced PNG images of one size, for untrusted files: the header is checked before
 * anything is unpacked, and unpacking stops at the size the header implies. A general decoder (fast-png 8) inflates
 * whatever an image holds and takes eleven times as long on these; the tests hold this reader to it.
 *
 * Format: PNG specification, second edition (ISO 15948), chapters 5, 7 and 9. Chunk checksums are left to the archive.
 *
 * @param side width and height that an image must have
 * @param remedy what the user can do about a damaged image
 * @returns reads an image (`what` names it in errors) into [side, side], 1 where it is black; the array is overwritten
 *   by the next call
 */
export function bilevelReader(side: number, remedy: string): BilevelReader {
  const lineBytes = Math.ceil(side / 8);
  const packedSize = side * (lineBytes + 1);
  // One byte more than an image has, to notice longer data: fflate drops what does not fit.
  const lines = new Uint8Array(packedSize + 1);
  const pixels = new Uint8Array(side * side);
  return (bytes, what) => {
    const fail = (problem: string): never => {
      throw new DataError(`${what}: ${problem}; ${remedy}`);
    };
    const packed = imageData(bytes, side, fail);
    const unpacked = attempt(() => unzlibSync(packed, { out: lines }));
    if (unpacked?.length !== packedSize) {
      return fail(`image data must unpack to ${packedSize} bytes, got ${unpacked?.length ?? "damaged data"}`);
    }
    if (!unfilter(lines, side, lineBytes)) fail("must use PNG's filters 0 to 4, got another");
    pixels.fill(0);
    for (let y = 0; y < side; y++) {
      const line = y * (lineBytes + 1) + 1;
      for (let x = 0; x < side; x++) {
        const byte = lines[line + (x >> 3)] as number;
        // Eight white pixels at once: most of a drawing is paper.
        if (byte === 0xff) x |= 7;
        else pixels[y * side + x] = ((byte >> (7 - (x & 7))) & 1) ^ 1;
      }
    }
    return pixels;
  };
}

/** Checks the header and gives the zlib stream. */
function imageData(bytes: Uint8Array, side: number, fail: (problem: string) => never): Uint8Array {
  if (bytes.length < 33 || SIGNATURE.some((byte, i) => bytes[i] !== byte))
    fail("must be a PNG image, got something else");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(8) !== 13 || view.getUint32(12) !== IHDR) fail("must begin with a PNG header, got another chunk");
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width !== side || height !== side) fail(`must be ${side} x ${side} pixels, got ${width} x ${height}`);
  const [depth, colour, compression, filter, interlace] = bytes.subarray(24, 29);
  if (depth !== 1 || colour !== 0 || compression !== 0 || filter !== 0 || interlace !== 0) {
    fail(
      `must be 1-bit greyscale without interlacing, got depth ${depth}, colour type ${colour}, interlace ${interlace}`,
    );
  }
  const parts: Uint8Array[] = [];
  for (let at = 33; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (at + 12 + length > bytes.length) break;
    if (type === IDAT) parts.push(bytes.subarray(at + 8, at + 8 + length));
    if (type === IEND) return join(parts);
    at += 12 + length;
  }
  return fail("must end with a PNG end chunk, got a truncated image");
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Undoes PNG's line filters in place; a line is its filter's number and its bytes. False for an unknown filter. */
function unfilter(lines: Uint8Array, side: number, lineBytes: number): boolean {
  for (let y = 0; y < side; y++) {
    const line = y * (lineBytes + 1) + 1;
    const filter = lines[line - 1] as number;
    if (filter > 4) return false;
    if (filter === 0) continue;
    for (let x = 0; x < lineBytes; x++) {
      const left = x > 0 ? (lines[line + x - 1] as number) : 0;
      const up = y > 0 ? (lines[line + x - lineBytes - 1] as number) : 0;
      const corner = x > 0 && y > 0 ? (lines[line + x - lineBytes - 2] as number) : 0;
      const predicted =
        filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner);
      // A Uint8Array keeps the sum modulo 256, as the format asks.
      lines[line + x] = (lines[line + x] as number) + predicted;
    }
  }
  return true;
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toCorner = Math.abs(estimate - corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
