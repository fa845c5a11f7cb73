/** Downloads of published files: with consent, resumed where they were cut off, and checked before they get their name. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import {
  requireFunction,
  requireObject,
  requireOptions,
  requireText,
  requireWhole,
  show,
  wrong,
} from "../../arguments.ts";
import { AbortedError, DataError, QuickstudyError } from "../../errors.ts";
import { replaceable } from "./atomic-write.ts";
import { lockFile } from "./file-lock.ts";

/** What a download is about to do. */
export interface DownloadRequest {
  readonly url: string;
  readonly path: string;
  /** Bytes that are still to be fetched. */
  readonly bytes: number;
}

/** Options of `download`. */
export interface DownloadOptions {
  /** Bytes of the file: what has another length is refused. */
  readonly bytes: number;
  /** SHA-256 of the file, 64 hexadecimal digits; contents are not checked without. */
  readonly sha256?: string;
  /** Whether whoever pays for traffic and answers for the licence agrees: true, or a function that asks. */
  readonly consent: true | ((request: DownloadRequest) => boolean | Promise<boolean>);
  /** Told after each piece: bytes so far, and all of them. */
  readonly onProgress?: (bytes: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const LARGEST = 2 ** 40;
/** Connections in a row that bring nothing new. */
const MOST_FAILURES = 5;
const FIRST_PAUSE_MILLISECONDS = 50;
/** Without a byte in that time, a connection counts as lost. */
const PATIENCE_MILLISECONDS = 30_000;

interface Target extends DownloadOptions {
  readonly url: string;
  readonly path: string;
  /** Where bytes are kept until all are there. */
  readonly partial: string;
}

/**
 * Fetches a file by HTTP. Bytes go to `<path>.part`; a connection that is lost is taken up again where it ended, in this call (five
 * times in a row without progress) or a later one, if the server allows it. The file gets its name when length and checksum are
 * right. A file that is there already and right is left alone, without asking for consent.
 *
 * @throws OptionError for what is no http or https address; DataError where the server has no such file, says or sends another length,
 *   cannot be reached, or the checksum is wrong, and where another file has the path; AbortedError when the signal says so, or
 *   consent is not given; LockedError when another download writes the same file
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const target = checked(url, path, options);
  const { bytes } = options;
  if ((await replaceable(path)) !== undefined) {
    const why = await differs(path, target);
    if (why === undefined) return;
    throw new DataError(`download: ${path} must be the published file or not exist, got one with ${why}; remove it`);
  }
  const lock = await writing(path, () => lockFile(`${path}.part.lock`, `download ${path}`));
  try {
    const resumed = await sizeOf(target.partial);
    await requireConsent(target, resumed > bytes ? bytes : bytes - resumed);
    await fetchAll(target);
    let why = await differs(target.partial, target);
    if (why !== undefined && resumed > 0) {
      // What an earlier call left may be of another edition.
      await rm(target.partial, { force: true });
      await fetchAll(target);
      why = await differs(target.partial, target);
    }
    if (why !== undefined) {
      await rm(target.partial, { force: true });
      throw new DataError(`download: ${url} must be the published file, got one with ${why}; nothing was kept`);
    }
    await writing(path, () => rename(target.partial, path));
  } finally {
    await lock.release();
  }
}

function checked(url: unknown, path: unknown, options: DownloadOptions): Target {
  const address = requireText("download: url", url);
  const protocol = URL.canParse(address) ? new URL(address).protocol : "";
  if (protocol !== "https:" && protocol !== "http:") throw wrong("download: url", "an http or https address", url);
  const file = requireText("download: path", path);
  if (file === "") throw wrong("download: path", "the path of a file", path);
  requireOptions("download", options, ["bytes", "sha256", "consent", "onProgress", "signal"]);
  const { sha256, consent, onProgress, signal } = options;
  requireWhole("download: bytes", options.bytes, 1, LARGEST);
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(requireText("download: sha256", sha256))) {
    throw wrong("download: sha256", "64 hexadecimal digits in small letters", sha256);
  }
  if (consent !== true && typeof consent !== "function") {
    throw wrong("download: consent", "true, or a function that asks", consent);
  }
  if (onProgress !== undefined) requireFunction("download: onProgress", onProgress);
  if (signal !== undefined)
    requireObject("download: signal", signal, "an AbortSignal", ["aborted", "addEventListener()"]);
  return { ...options, url: address, path: file, partial: `${file}.part` };
}

async function requireConsent({ consent, url, path }: Target, bytes: number): Promise<void> {
  if (consent === true || (await consent({ url, path, bytes }))) return;
  throw new AbortedError(`download: ${url} was not fetched, since consent was not given`);
}

/** How a file differs from what was published; undefined where it does not. */
async function differs(path: string, { bytes, sha256, signal }: Target): Promise<string | undefined> {
  const size = await sizeOf(path);
  if (size !== bytes) return `${size} bytes in place of ${bytes}`;
  if (sha256 === undefined) return undefined;
  const found = await hashFile(path, signal);
  return found === sha256 ? undefined : `SHA-256 ${found} in place of ${sha256}`;
}

/** SHA-256 of a file. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) {
    requireRunning(path, signal);
    hash.update(piece as Uint8Array);
  }
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.size ?? 0;
}

function requireRunning(path: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortedError(`download: ${path}: stopped by its signal`);
}

/** Connects until all bytes are there. */
async function fetchAll(target: Target): Promise<void> {
  const { url, partial, path, bytes, signal } = target;
  let failures = 0;
  let have = await sizeOf(partial);
  if (have > bytes) {
    await rm(partial, { force: true });
    have = 0;
  }
  while (have !== bytes) {
    requireRunning(path, signal);
    try {
      await fetchSome(target, have);
    } catch (error) {
      requireRunning(path, signal);
      if (error instanceof QuickstudyError) throw error;
      failures += 1;
      if (failures > MOST_FAILURES) {
        throw new DataError(
          `download: ${url} must be reachable, got ${reasonOf(error)} ${failures} times; try again later, what is there is kept`,
        );
      }
      await delay(FIRST_PAUSE_MILLISECONDS * 2 ** failures, undefined, signal ? { signal } : {}).catch(() => {});
    }
    const now = await sizeOf(partial);
    if (now > have) failures = 0;
    have = now;
  }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: unknown; message?: unknown }; message?: unknown };
  return String(cause?.code ?? cause?.message ?? message ?? error);
}

/** One connection: appends what it brings. Errors other than those of the library mean that it was lost. */
async function fetchSome(target: Target, have: number): Promise<void> {
  const { url, partial, path, bytes, signal, onProgress } = target;
  const ending = new AbortController();
  const end = () => ending.abort();
  signal?.addEventListener("abort", end, { once: true });
  let patience = setTimeout(end, PATIENCE_MILLISECONDS);
  try {
    // Identity: a packed body has another length.
    const headers = { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) };
    const response = await fetch(url, { headers, signal: ending.signal });
    const from = startOf(target, response, have);
    const file = await writing(path, () => open(partial, from === 0 ? "w" : "a"));
    try {
      let at = from;
      for await (const piece of response.body ?? []) {
        clearTimeout(patience);
        patience = setTimeout(end, PATIENCE_MILLISECONDS);
        at += piece.length;
        if (at > bytes) throw lied(url, bytes, `more than ${bytes}`);
        await writing(path, () => file.writeFile(piece));
        onProgress?.(at, bytes);
      }
      if (at < bytes) throw new Error(`an end after ${at} of ${bytes} bytes`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    // Nothing can be added to what is another file's.
    if (error instanceof OtherFile) await rm(partial, { force: true });
    throw error;
  } finally {
    clearTimeout(patience);
    signal?.removeEventListener("abort", end);
    ending.abort();
  }
}

/** What the server sends is not the file that was asked for. */
class OtherFile extends DataError {}

const lied = (url: string, bytes: number, got: string): DataError =>
  new OtherFile(`download: ${url} must have ${bytes} bytes, got ${got}; it is not the published file`);

/** Where the body of an answer begins. @throws DataError for an answer that is not the file, or of another length */
function startOf({ url, bytes }: Target, { status, headers, url: final }: Response, have: number): number {
  if (url.startsWith("https:") && !final.startsWith("https:")) {
    throw new DataError(`download: ${url} must stay on https, got led to ${final}`);
  }
  // A server's trouble may pass.
  if (status >= 500 || status === 429) throw new Error(`status ${status}`);
  const length = headers.get("content-length");
  if (status === 200) {
    if (length !== null && Number(length) !== bytes) throw lied(url, bytes, length);
    return 0;
  }
  if (status !== 206 || have === 0) throw new DataError(`download: ${url} must be a file, got status ${status}`);
  const range = headers.get("content-range");
  if (range !== `bytes ${have}-${bytes - 1}/${bytes}`) {
    throw new OtherFile(
      `download: ${url} must go on at byte ${have} of ${bytes}, got the range ${show(range)}; start again`,
    );
  }
  if (length !== null && Number(length) !== bytes - have) throw lied(url, bytes, `${have} + ${length}`);
  return have;
}

/** Gives errors of the file system the path's name. */
async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QuickstudyError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? error;
    throw new DataError(`download: ${path} cannot be written (${code}); the folder must exist and be writable`);
  }
}
