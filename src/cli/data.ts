import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { download } from "../data/node/download.ts";
import { type CheckedFile, checkFolder, PUBLISHED_SETS, type PublishedSet } from "../data/node/published.ts";
import { OWN_DATA, PUBLISHED } from "../data/node/tasks.ts";
import { DataError, OptionError } from "../errors.ts";
import { oneLine, printResult, showBytes, table } from "./output.ts";
import { find } from "./run-spec.ts";

/** Options of `quickstudy data`. */
export interface DataOptions {
  readonly download: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

/** `quickstudy data [NAME] [FOLDER]` */
export async function data(name: string | undefined, folder: string | undefined, options: DataOptions): Promise<void> {
  if (name === undefined) {
    refuseDownload(options, "name a data set and a folder");
    return list(options.json);
  }
  const set = find("data set", PUBLISHED_SETS, name);
  if (folder === undefined) {
    refuseDownload(options, "name a folder");
    return describe(set, options.json);
  }
  if (options.yes && !options.download) throw new OptionError("--yes: does nothing without --download; leave it out");
  if (options.download) await fetchMissing(set, folder, options);
  const files = await checkFolder(set, folder);
  const missing = files.filter(({ state }) => state === "missing");
  printResult(options.json, { name: set.name, folder, complete: missing.length === 0, files }, [
    ...table([["file", "state"], ...files.map((file) => [file.path, stateLine(file)])]),
    "",
    missing.length === 0
      ? `${folder} has what --task ${set.name} needs`
      : `${folder} lacks ${missing.length} of ${files.length} files, which are published at ${set.home}`,
  ]);
  if (missing.length > 0) process.exitCode = 1;
}

function refuseDownload({ download: asked, yes }: DataOptions, remedy: string): void {
  if (asked || yes) throw new OptionError(`--${asked ? "download" : "yes"}: needs a data set and a folder; ${remedy}`);
}

const STATES: Readonly<Record<CheckedFile["state"], string>> = {
  published: "as published",
  there: "there",
  differs: "there, but not as published",
  missing: "missing",
  optional: "not there, and not needed",
};

const stateLine = ({ state, why }: CheckedFile): string => STATES[state] + (why === undefined ? "" : `: ${why}`);

function list(json: boolean): void {
  const sets = PUBLISHED_SETS.map(({ name, title, licence, size, home }) => ({ name, title, licence, size, home }));
  const needs = [...PUBLISHED, ...OWN_DATA].map(({ name, data: needed = "" }) => ({ name, data: needed }));
  const own = OWN_DATA.map(({ name, summary, data: needed }) => ({ name, summary, data: needed }));
  printResult(json, { sets: sets.map((set) => ({ ...set, data: neededBy(needs, set.name) })), own }, [
    "data sets:",
    ...sets.flatMap(({ name, title, licence, size, home }) => [
      "",
      `${name}: ${title}`,
      `  licence    ${licence}`,
      `  size       ${size}`,
      `  original   ${home}`,
      `  --data     ${neededBy(needs, name)}`,
    ]),
    "",
    "data of your own:",
    ...own.flatMap(({ name, summary, data: needed }) => ["", `${name}: ${summary}`, `  --data     ${needed}`]),
  ]);
}

const neededBy = (needs: readonly { readonly name: string; readonly data: string }[], name: string): string =>
  needs.find((each) => each.name === name)?.data ?? "";

function describe(set: PublishedSet, json: boolean): void {
  const { name, title, licence, home, size, files, remark } = set;
  printResult(json, set, [
    `${name}: ${title}`,
    `licence    ${licence}`,
    `size       ${size}`,
    `original   ${home}`,
    "",
    ...table([
      ["file", "bytes", "sha256"],
      ...files.map(({ path, bytes, sha256, optional }) => [
        `${path}${optional ? " (optional)" : ""}`,
        bytes === undefined ? "-" : `${bytes}`,
        sha256 ?? "-",
      ]),
    ]),
    ...(remark === undefined ? [] : ["", remark]),
  ]);
}

/** Fetches the files of a set that a folder lacks, those that are optional too. */
async function fetchMissing(set: PublishedSet, folder: string, { yes }: DataOptions): Promise<void> {
  const states = await checkFolder(set, folder);
  const lacked = set.files.filter((_, i) => ["missing", "optional"].includes(states[i]?.state ?? ""));
  const fetched = lacked.filter(({ url }) => url !== undefined);
  if (lacked.length > 0 && fetched.length === 0) {
    throw new OptionError(`--download: ${set.name} has no files with a lasting address of their own; see ${set.home}`);
  }
  if (fetched.length === 0) return;
  const total = fetched.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  const question = `Fetch ${fetched.length} files (${showBytes(total)}) of ${set.name}, licence ${set.licence}, into ${folder}?`;
  if (!yes && !(await agrees(question)))
    throw new OptionError("--download: nothing was fetched, for it was not agreed to; --yes agrees");
  for (const { path, url = "", bytes = 0, sha256 } of fetched) {
    const full = join(folder, path);
    await mkdir(dirname(full), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      throw new DataError(`${dirname(full)}: the folder cannot be made (${error.code})`);
    });
    process.stderr.write(`${oneLine(url)}\n`);
    await download(url, full, { bytes, consent: true, ...(sha256 === undefined ? {} : { sha256 }) });
  }
}

/** Asks a person; who is none does not agree. */
async function agrees(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
