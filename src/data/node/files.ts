import { readFile, stat } from "node:fs/promises";
import { DataError } from "../../errors.ts";

/**
 * Reads a whole file of at most `largest` bytes.
 *
 * @param remedy what the user can do when the file is missing
 * @throws DataError when it cannot be read, is not an ordinary file, or is larger
 */
export async function readBounded(path: string, largest: number, remedy: string): Promise<Uint8Array> {
  try {
    // Before opening: a pipe would wait for a writer, and a device may never end.
    const status = await stat(path);
    if (!status.isFile()) throw new DataError(`${path}: must be an ordinary file, got something else; ${remedy}`);
    if (status.size > largest) {
      throw new DataError(`${path}: must have at most ${largest} bytes, got ${status.size}; ${remedy}`);
    }
    const { buffer, byteOffset, byteLength } = await readFile(path);
    // A plain view: Buffer's methods (slice, toString) are not those of Uint8Array.
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${path}: must be a readable file, got ${reason(error)}; ${remedy}`);
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission";
  return String(code ?? error);
}
