import { coreText } from "../../build/core.js";

/** The bytes of core.wasm. */
export function plainBytes(): Uint8Array<ArrayBuffer> {
  return decode(coreText);
}

/** Undoes scripts/text.mjs. */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let count = 0;
  let at = 0;
  const digit = () => {
    const code = text.charCodeAt(at++);
    return code - (code < 92 ? 35 : 36);
  };
  while (at < text.length) {
    const first = digit();
    bytes[count++] = (first < 89 ? first : (first - 88) * 89 + digit()) - 3;
  }
  return bytes.slice(0, count);
}
