import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { requireText } from "../../arguments.ts";
import { DataError } from "../../errors.ts";
import type { Readable } from "../bytes.ts";

/** Bytes that a stream reads at a time. */
const PIECE_BYTES = 2 ** 18;
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * A file on disk as a source of readers: `readCsv(file("patients.csv"))`. It is opened when it is read, and closed behind its
 * last byte, or when reading stops. What is appended while it is read is left out.
 * @throws DataError where it does not exist, or is a folder, a pipe or a device
 */
export function file(path: string): Required<Readable> {
  requireText("file: path", path);
  const remedy = "name a file";
  const status = attempt(path, remedy, () => statSync(path));
  return {
    name: path,
    size: requireSize(path, status, Number.MAX_SAFE_INTEGER, remedy),
    stream: () => streamOf(path, remedy),
  };
}

function streamOf(path: string, remedy: string): ReadableStream<Uint8Array> {
  let handle: FileHandle | undefined;
  let left = 0;
  return new ReadableStream<Uint8Array>({
    async start() {
      try {
        handle = await open(path, READ_ONLY);
        left = requireSize(path, await handle.stat(), Number.MAX_SAFE_INTEGER, remedy);
      } catch (error) {
        await handle?.close();
        throw unreadable(path, error, remedy);
      }
    },
    async pull(controller) {
      const piece = new Uint8Array(Math.min(left, PIECE_BYTES));
      const { bytesRead = 0 } = (await handle?.read(piece, 0, piece.length)) ?? {};
      left -= bytesRead;
      if (bytesRead > 0) controller.enqueue(piece.subarray(0, bytesRead));
      if (bytesRead > 0 && left > 0) return;
      await handle?.close();
      controller.close();
    },
    cancel: () => handle?.close(),
  });
}

function attempt<Value>(path: string, remedy: string, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    throw unreadable(path, error, remedy);
  }
}

function unreadable(path: string, error: unknown, remedy: string): unknown {
  if (error instanceof DataError) return error;
  return new DataError(`${path}: must be a readable file, got ${reason(error)}; ${remedy}`);
}

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
    file = await open(path, READ_ONLY);
    return await readWhole(file, requireSize(path, await file.stat(), largest, remedy));
  } catch (error) {
    throw unreadable(path, error, remedy);
  } finally {
    await file?.close();
  }
}

/**
 * `readBounded` of a small file, now: of thousands of files, promises would take most of the time. Errors as there.
 */
export function readSmall(path: string, largest: number, remedy: string): Uint8Array {
  return attempt(path, remedy, () => {
    const descriptor = openSync(path, READ_ONLY);
    try {
      const bytes = new Uint8Array(requireSize(path, fstatSync(descriptor), largest, remedy));
      let filled = 0;
      for (let count = -1; filled < bytes.length && count !== 0; filled += count) {
        count = readSync(descriptor, bytes, filled, bytes.length - filled, null);
      }
      return bytes.subarray(0, filled);
    } finally {
      closeSync(descriptor);
    }
  });
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
