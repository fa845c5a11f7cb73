/** Gzip (RFC 1952) of untrusted bytes, by fflate. */
import { Gunzip } from "fflate";
import type { Fail } from "../bytes.ts";
import { crc32 } from "../zip.ts";

/** Deflate expands at most 1,032 times, so that a piece becomes at most 4 MiB before the limit is looked at. */
const PIECE_BYTES = 2 ** 12;

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * Unpacks one gzip member, or returns bytes that are none as they are.
 * @param limitOf most bytes that the contents may have, by their beginning; undefined while that is too short to tell
 */
export function gunzipped(
  bytes: Uint8Array,
  limitOf: (start: Uint8Array) => number | undefined,
  fail: Fail,
): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  const parts: Uint8Array[] = [];
  let length = 0;
  let limit: number | undefined;
  const stream = new Gunzip((part) => {
    parts.push(part);
    length += part.length;
  });
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const end = Math.min(bytes.length, at + PIECE_BYTES);
    try {
      stream.push(bytes.subarray(at, end), end === bytes.length);
    } catch {
      fail("must be intact gzip data, got damaged data");
    }
    limit ??= limitOf(joined(parts, length));
    if (limit !== undefined && length > limit) fail(`must unpack to at most ${limit} bytes, got more`);
  }
  const whole = joined(parts, length);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + Math.max(0, bytes.length - 8));
  if (bytes.length < 18 || trailer.getUint32(4, true) !== whole.length % 2 ** 32) {
    fail(`must be one gzip member of ${whole.length} bytes, got another length`);
  }
  if (crc32(whole) !== trailer.getUint32(0, true)) fail("must match its checksum, got damaged data");
  return whole;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
