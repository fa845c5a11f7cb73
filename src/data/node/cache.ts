import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** `$QUICKSTUDY_CACHE`, else `$XDG_CACHE_HOME/quickstudy`, else `~/.cache/quickstudy`. */
export function defaultCacheFolder(): string {
  const { QUICKSTUDY_CACHE, XDG_CACHE_HOME } = process.env;
  return QUICKSTUDY_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "quickstudy");
}

/** How the names of files that are being written end. */
export const TEMPORARY_SUFFIX = ".tmp";

/**
 * Writes a file so that others see the whole of it or nothing: to a neighbour first, which then takes its name. Several
 * processes may do so at once. The folder must exist.
 */
export async function writeAtomically(path: string, parts: readonly Uint8Array[]): Promise<void> {
  // The name must be one that no other process or thread uses; it reaches no result.
  const temporary = `${path}.${randomUUID()}${TEMPORARY_SUFFIX}`;
  try {
    const file = await open(temporary, "wx");
    try {
      for (const part of parts) await file.writeFile(part);
      // Otherwise a power cut could leave the new name on missing contents.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
