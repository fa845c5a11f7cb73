/**
 * Bytes as text that stays what it is in every file, quoted and compressed: gzip makes a few per cent more of it than of the bytes
 * themselves, of hexadecimal an eighth more and of base64 a third.
 */

/** Characters from # to ~, without the backslash. */
const character = (digit) => String.fromCharCode(35 + digit + (digit < 57 ? 0 : 1));

/**
 * What `decode` of src/core/bytes.ts turns into the bytes again. A byte below 89 is one character; any other begins with one of
 * two further characters. Three is added first, so that 253, with which SIMD instructions begin, is among the short ones.
 */
export function textOf(bytes) {
  const digits = Array.from(bytes, (byte) => (byte + 3) & 255);
  return digits
    .map((at) => (at < 89 ? character(at) : character(88 + Math.floor(at / 89)) + character(at % 89)))
    .join("");
}
