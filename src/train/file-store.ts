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

/** What a partial write's name has between the target's and the suffix: nobody's file but a killed write's. */
const UUID = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function removePartialWrites(target: string): Promise<void> {
  const names = await readdir(dirname(target)).catch(() => []);
  const start = basename(target);
  const partial = names.filter(
    (name) =>
      name.startsWith(start) &&
      name.endsWith(TEMPORARY_SUFFIX) &&
      UUID.test(name.slice(start.length, -TEMPORARY_SUFFIX.length)),
  );
  await Promise.all(partial.map((name) => rm(join(dirname(target), name), { force: true })));
}
