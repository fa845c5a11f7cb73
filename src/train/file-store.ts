import { stat } from "node:fs/promises";
import { wrong } from "../arguments.ts";
import { behindLinks, removeLeftovers, replaceable, writeAtomically } from "../data/node/atomic-write.ts";
import { type FileLock, lockFile } from "../data/node/file-lock.ts";
import { readBounded } from "../data/node/files.ts";
import { DataError, QuickstudyError } from "../errors.ts";
import type { CheckpointStore } from "./checkpoint.ts";

/** No checkpoint of a model that fits the core is larger. */
export const LARGEST_CHECKPOINT_BYTES = 2 ** 31 - 1;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/**
 * Keeps checkpoints in one file. A write goes to a new file beside it, is flushed to the disk and then takes the old one's
 * place, so that a run killed at any moment leaves a whole checkpoint. Symbolic links and permissions stay.
 *
 * From `open` to `close` a lock beside the file (`<file>.lock`) keeps other runs away; what dies without closing leaves a
 * lock that the next run takes over. A write without `open` takes the lock for itself. Reading needs none.
 */
export function fileStore(path: string): Required<CheckpointStore> {
  if (typeof path !== "string" || path === "") throw wrong("fileStore: path", "the path of a file", path);
  const what = `checkpoint ${path}`;
  let lock: FileLock | undefined;

  async function acquire(): Promise<FileLock> {
    const target = await behindLinks(path);
    // A device's or pipe's neighbour is no place for a lock.
    await replaceable(target);
    const acquired = await lockFile(`${target}.lock`, what);
    await removeLeftovers(target);
    return acquired;
  }

  return {
    async open() {
      lock = await writing(what, acquire);
    },
    async read() {
      const present = await stat(path).catch((error) => {
        if (codeOf(error) === "ENOENT") return undefined;
        throw new DataError(`${what}: cannot be read (${codeOf(error)})`);
      });
      if (present === undefined) return undefined;
      return readBounded(path, LARGEST_CHECKPOINT_BYTES, "name a checkpoint");
    },
    async write(bytes) {
      await writing(what, async () => {
        const own = lock ?? (await acquire());
        try {
          await own.check();
          await writeAtomically(path, [bytes]);
        } finally {
          if (own !== lock) await own.release();
        }
      });
    },
    async close() {
      await lock?.release();
      lock = undefined;
    },
  };
}

/** Gives errors of the file system the checkpoint's name. */
async function writing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QuickstudyError) throw error;
    throw new DataError(`${what}: cannot be written (${codeOf(error)}); the folder must exist and be writable`);
  }
}
