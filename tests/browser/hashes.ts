import { scenarios } from "./scenarios.ts";

export async function sha256({ buffer, byteOffset, byteLength }: Float32Array | Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SHA-256 of every output of every scenario, as `scenario.output`. Where there is a NaN, its payload counts as well. */
export async function hashes(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [scenario, outputsOf] of Object.entries(scenarios)) {
    for (const [output, values] of Object.entries(await outputsOf())) {
      found[`${scenario}.${output}`] = await sha256(values);
    }
  }
  return found;
}
