export async function sha256({ buffer, byteOffset, byteLength }: Float32Array | Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
