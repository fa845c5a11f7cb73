import { readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { TEMPORARY_SUFFIX, writeAtomically } from "../data/node/cache.ts";
import { DataError } from "../errors.ts";
import type { CheckpointStore } from "./checkpoint.ts";

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/**
 * Keeps checkpoints in one file. A write goes to a new file beside it, is flushed to the disk and then takes the old one's
 * place, so that a run killed at any moment leaves a whole checkpoint. Reading also clears away what killed writes left.
 */
export function fileStore(path: string): CheckpointStore {
  const target = resolve(path);
  return {
    async read() {
      await removePartialWrites(target);
      try {
        return await readFile(target);
      } catch (error) {
        if (codeOf(error) === "ENOENT") return undefined;
        throw new DataError(`checkpoint ${path}: cannot be read (${codeOf(error)})`);
      }
    },
    async write(bytes) {
      try {
        await writeAtomically(target, [bytes]);
      } catch (error) {
        throw new DataError(
          `checkpoint ${path}: cannot be written (${codeOf(error)}); the folder must exist and be writable`,
        );
      }
    },
  };
}

async function removePartialWrites(target: string): Promise<void> {
  const names = await readdir(dirname(target)).catch(() => []);
  const partial = names.filter((name) => name.startsWith(`${basename(target)}.`) && name.endsWith(TEMPORARY_SUFFIX));
  await Promise.all(partial.map((name) => rm(join(dirname(target), name), { force: true })));
}
