/** Files of a folder and of the folders in it, and what their names say. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { requireFunction, requireObject, requireText, wrong } from "../../arguments.ts";
import { AbortedError, DataError } from "../../errors.ts";
import { byCodeUnits, nameList } from "../names.ts";
import { type Column, listColumn } from "../table.ts";
import { readSmall } from "./files.ts";
import { emitWarning } from "./warn.ts";

/** Options of readers of folders. */
export interface FolderOptions {
  /**
   * What the names of files say, without their ending: `{digit}_{speaker}_{index}` makes three columns of text. Each part takes
   * as little as it can, the last one the rest.
   */
  readonly pattern?: string;
  /** Told after each hundred files: files so far, and all of them. */
  readonly onProgress?: (files: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Told what is left out, and of a cache that cannot be written. Default: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
}

export const FOLDER_OPTIONS = ["pattern", "onProgress", "signal", "onWarning"] as const;

/** A file of a folder. */
export interface FoundFile {
  /** Path below the folder, with slashes. */
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

const DEEPEST = 8;
const MOST_FILES = 2 ** 21;
/** Folders that are listed before anything else may run. */
const FOLDERS_AT_ONCE = 64;
/** Files that are read before anything else may run. */
const FILES_AT_ONCE = 16;
const LARGEST_FILE = 2 ** 28;
const FILES_PER_REPORT = 100;

/** @throws OptionError */
export function requireFolder(what: string, folder: unknown, options: FolderOptions): void {
  requireText(`${what}: folder`, folder);
  const { pattern, onProgress, signal, onWarning } = options;
  if (pattern !== undefined) parsePattern(`${what}: pattern`, pattern);
  if (onProgress !== undefined) requireFunction(`${what}: onProgress`, onProgress);
  if (onWarning !== undefined) requireFunction(`${what}: onWarning`, onWarning);
  if (signal !== undefined) {
    requireObject(`${what}: signal`, signal, "an AbortSignal", ["aborted", "addEventListener()"]);
  }
}

/**
 * The files of a folder whose names end as asked for, sorted by the code units of their paths. Names that begin with a dot are left
 * out, other files too, with a warning. Links to folders are not followed.
 * @throws DataError where the folder cannot be read, is nested more than 8 deep, or has no such file
 */
export async function filesOf(
  what: string,
  folder: string,
  endings: readonly string[],
  options: FolderOptions,
): Promise<FoundFile[]> {
  const ending = new RegExp(`(${endings.join("|").replaceAll(".", "\\.")})$`, "i");
  const files: FoundFile[] = [];
  const others: string[] = [];
  const folders = [""];
  for (let i = 0; i < folders.length; i++) {
    const below = folders[i] as string;
    if (i % FOLDERS_AT_ONCE === FOLDERS_AT_ONCE - 1) await setImmediate();
    requireRunning(what, folder, options);
    if (below.split("/").length > DEEPEST + 1) {
      throw new DataError(`${folder}: folders must be nested at most ${DEEPEST} deep, got ${below}`);
    }
    for (const entry of entriesOf(folder, below)) {
      const path = `${below}${entry.name}`;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) folders.push(`${path}/`);
      else if (!ending.test(entry.name)) others.push(path);
      else {
        const status = statSync(`${folder}/${path}`, { throwIfNoEntry: false });
        if (status?.isFile()) files.push({ path, size: status.size, modified: status.mtimeMs });
        else others.push(path);
      }
      if (files.length > MOST_FILES) throw new DataError(`${folder}: must have at most ${MOST_FILES} files, got more`);
    }
  }
  if (files.length === 0) {
    throw new DataError(
      `${folder}: must have files that end in ${endings.join(", ")}, got none; name the folder above the classes`,
    );
  }
  if (others.length > 0) {
    const warn = options.onWarning ?? emitWarning;
    warn(
      `${what}: ${folder}: left out ${others.length} files that are of no known kind: ${nameList(others.sort(byCodeUnits))}`,
    );
  }
  return files.sort((a, b) => byCodeUnits(a.path, b.path));
}

function entriesOf(folder: string, below: string) {
  try {
    return readdirSync(join(folder, below), { withFileTypes: true });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? error;
    throw new DataError(`${join(folder, below)}: must be a readable folder, got ${reason}; name a folder`);
  }
}

/** @throws AbortedError where the signal says so */
export function requireRunning(what: string, folder: string, { signal }: FolderOptions): void {
  if (signal?.aborted) throw new AbortedError(`${what}: ${folder}: stopped by its signal`);
}

/**
 * Does something with the contents of every file, one after another; other work gets its turn in between.
 * @returns what it gave, in the order of the files
 */
export async function eachFile<Made>(
  what: string,
  folder: string,
  files: readonly FoundFile[],
  options: FolderOptions,
  work: (bytes: Uint8Array, path: string, index: number) => Made | Promise<Made>,
): Promise<Made[]> {
  const made: Made[] = [];
  for (const [index, { path }] of files.entries()) {
    if (index % FILES_AT_ONCE === 0) {
      await setImmediate();
      requireRunning(what, folder, options);
    }
    const full = join(folder, path);
    made.push(await work(readSmall(full, LARGEST_FILE, "take it out of the folder"), full, index));
    if (made.length % FILES_PER_REPORT === 0 || made.length === files.length) {
      options.onProgress?.(made.length, files.length);
    }
  }
  return made;
}

/**
 * What paths say, as columns of text: `file`, `label` (the folders above, joined by slashes) where there are any, and the parts of
 * `pattern`.
 * @throws DataError for a name that does not fit the pattern
 */
export function pathColumns(
  what: string,
  folder: string,
  files: readonly FoundFile[],
  { pattern }: FolderOptions,
): Record<string, Column> {
  const columns: Record<string, Column> = {
    file: listColumn(
      "text",
      files.map(({ path }) => path),
    ),
  };
  const labels = files.map(({ path }) => (path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : null));
  if (labels.some((label) => label !== null)) columns.label = listColumn("text", labels);
  if (pattern === undefined) return columns;
  const parts = parsePattern(`${what}: pattern`, pattern);
  const cells = files.map(({ path }) => {
    const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
    const found = matchPattern(parts, name);
    if (found !== undefined) return found;
    throw new DataError(`${join(folder, path)}: its name must fit the pattern ${pattern}, got ${name}`);
  });
  for (const [i, name] of parts.names.entries()) {
    columns[name] = listColumn(
      "text",
      cells.map((each) => each[i] as string),
    );
  }
  return columns;
}

interface Pattern {
  readonly names: readonly string[];
  /** Text before, between and behind the parts: one more than there are names. */
  readonly texts: readonly string[];
}

function parsePattern(what: string, pattern: unknown): Pattern {
  const sound = typeof pattern === "string" && /^[^{}]*(\{\w+\}[^{}]+)*\{\w+\}[^{}]*$/.test(pattern);
  if (!sound) throw wrong(what, "names in braces with text between them, such as {digit}_{speaker}", pattern);
  const pieces = pattern.split(/\{(\w+)\}/);
  const names = pieces.filter((_, i) => i % 2 === 1);
  if (new Set([...names, "file", "label", "image", "sound"]).size !== names.length + 4) {
    throw wrong(what, "made of distinct names other than file, label, image and sound", pattern);
  }
  return { names, texts: pieces.filter((_, i) => i % 2 === 0) };
}

function matchPattern({ names, texts }: Pattern, name: string): string[] | undefined {
  const [first = ""] = texts;
  const last = texts.at(-1) as string;
  if (!name.startsWith(first) || !name.endsWith(last)) return undefined;
  const found: string[] = [];
  let at = first.length;
  for (let i = 0; i < names.length; i++) {
    const final = i === names.length - 1;
    const text = texts[i + 1] as string;
    const end = final ? name.length - last.length : name.indexOf(text, at + 1);
    if (end <= at) return undefined;
    found.push(name.slice(at, end));
    at = end + text.length;
  }
  return found;
}
