import { createHash } from "node:crypto";
import type { Arrays } from "../core/loaded.ts";

/** SHA-256 over the parameters' bytes, little-endian f32, by ascending name: equal for equal bits. */
export function hashParameters(meta: Arrays): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(meta).sort()) {
    const data = meta[name] as Float32Array;
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
