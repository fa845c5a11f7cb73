/** Files that are whole at any moment, whatever is killed. */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "../../errors.ts";
import { identityTag, parseIdentityTag, stateOf, thisProcess } from "./process.ts";

/** How the names of files that are being written end. */
const TEMPORARY_SUFFIX = ".tmp";
/** Between the target's name and the suffix: who writes, and eight random bytes. */
const WRITER = /^\.([^.]+)\.[0-9a-f]{16}$/;
/** A writer on another machine that has not touched its file for so long is taken for dead. */
const ABANDONED_MILLISECONDS = 24 * 3600 * 1000;
/** Symbolic links in a row; systems give up at 40. */
const MOST_LINKS = 40;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The name of a file beside a target that no other process or thread uses. It reaches no result. */
export function temporaryName(target: string): string {
  return `${target}.${identityTag(thisProcess())}.${randomBytes(8).toString("hex")}${TEMPORARY_SUFFIX}`;
}

/** What answers `undefined` where there is no such file. */
async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
}

/** The path behind all symbolic links, also where the last of them leads to a file that is not there yet. */
export async function behindLinks(path: string): Promise<string> {
  let target = resolve(path);
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = await ifThere(realpath(target));
    if (found !== undefined) return found;
    const link = await ifThere(lstat(target));
    if (!link?.isSymbolicLink())
      return join((await ifThere(realpath(dirname(target)))) ?? dirname(target), basename(target));
    target = resolve(dirname(target), await readlink(target));
  }
  throw new DataError(`${path}: leads through more than ${MOST_LINKS} symbolic links; name the file itself`);
}

/** What is at a path that is to be written: an ordinary file, or nothing. @throws DataError for anything else */
export async function replaceable(target: string): Promise<Stats | undefined> {
  const present = await ifThere(stat(target));
  if (present !== undefined && !present.isFile()) {
    throw new DataError(`${target}: must be an ordinary file, got something else; name another path`);
  }
  return present;
}

/**
 * Writes a file so that others see the whole of it or nothing: to a neighbour first, which then takes its name. Several
 * processes may do so at once. The folder must exist. A symbolic link stays, and what it leads to is written; a file that
 * is replaced leaves its permissions to the new one.
 * @throws DataError where the path is a folder, a device or a pipe
 */
export async function writeAtomically(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const target = await behindLinks(path);
  const replaced = await replaceable(target);
  const temporary = temporaryName(target);
  try {
    const file = await open(temporary, "wx");
    try {
      // Before the contents: they may be private.
      if (replaced !== undefined) await keepMode(file, replaced.mode);
      for (const part of parts) await file.writeFile(part);
      // Otherwise a power cut could leave the new name on missing contents.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}

async function keepMode(file: FileHandle, mode: number): Promise<void> {
  // File systems without permissions refuse.
  await file.chmod(mode & 0o777).catch(() => {});
}

/** Otherwise a power cut could bring the old file back, or a new one away. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch {
    // Windows opens no folders, and some file systems do not sync them: they keep names in an order of their own.
  } finally {
    await handle?.close();
  }
}

/** Removes what killed writers of a file left beside it, where it can; what a live one is writing stays. */
export async function removeLeftovers(path: string): Promise<void> {
  const target = await behindLinks(path).catch(() => resolve(path));
  const [folder, start] = [dirname(target), basename(target)];
  const names = await readdir(folder).catch(() => []);
  const partial = names.filter((name) => name.startsWith(start) && name.endsWith(TEMPORARY_SUFFIX));
  for (const name of partial) {
    const [, tag = ""] = WRITER.exec(name.slice(start.length, -TEMPORARY_SUFFIX.length)) ?? [];
    const writer = parseIdentityTag(tag);
    if (writer === undefined) continue;
    const file = join(folder, name);
    const state = stateOf(writer);
    if (state === "dead" || (state === "unknown" && (await isAbandoned(file)))) {
      await rm(file, { force: true }).catch(() => {});
    }
  }
}

async function isAbandoned(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MILLISECONDS;
}
