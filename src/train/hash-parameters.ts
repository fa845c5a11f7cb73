import { createHash } from "node:crypto";
import { isRecord, wrong } from "../arguments.ts";
import type { Arrays } from "../core/loaded.ts";

/** SHA-256 over the parameters' bytes, little-endian f32, by ascending name: equal for equal bits. */
export function hashParameters(meta: Arrays): string {
  if (!isRecord(meta)) throw wrong("hashParameters: meta", "an object of arrays by name", meta);
  const hash = createHash("sha256");
  for (const name of Object.keys(meta).sort()) {
    const data = meta[name];
    if (!(data instanceof Float32Array)) throw wrong(`hashParameters: meta.${name}`, "a Float32Array", data);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
