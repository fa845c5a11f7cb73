import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { DataError } from "../../errors.ts";

/**
 * Reads a whole file of at most `largest` bytes.
 *
 * @param remedy what the user can do when the file is missing
 * @throws DataError when it cannot be read, is not an ordinary file, or is larger
 */
export async function readBounded(path: string, largest: number, remedy: string): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    // Before opening: some devices do something when they are opened.
    requireSize(path, await stat(path), largest, remedy);
    // A pipe that took the file's place since would wait for a writer.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    return await readWhole(file, requireSize(path, await file.stat(), largest, remedy));
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${path}: must be a readable file, got ${reason(error)}; ${remedy}`);
  } finally {
    await file?.close();
  }
}

/** @returns the size of an ordinary file */
function requireSize(path: string, status: Stats, largest: number, remedy: string): number {
  if (!status.isFile()) throw new DataError(`${path}: must be an ordinary file, got something else; ${remedy}`);
  if (status.size > largest) {
    throw new DataError(`${path}: must have at most ${largest} bytes, got ${status.size}; ${remedy}`);
  }
  return status.size;
}

/** The first `size` bytes: a file that grows meanwhile, or says that it is empty and never ends, is bounded too. */
async function readWhole(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission";
  return String(code ?? error);
}
