/**
 * A lock is a file that names its owner. Its text is written to a file beside it, which is then linked to the lock's name: of
 * several processes one succeeds, and the text is whole from the start.
 *
 * A lock left behind by a dead process is removed and then created anew like any other. Between finding an owner dead and
 * removing its lock, another process may have done both and hold the lock. So a stale lock is removed only by the process
 * that holds the *claim* on it (a lock of the same kind whose name ends in the nonce of the stale one) and that has looked
 * again since it got the claim. A process that dies there leaves a claim behind, which is taken over in the same way. Once a
 * lock has a new owner, claims on earlier ones mean nothing, and the owner removes them.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { link, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { LockedError } from "../../errors.ts";
import { removeLeftovers, temporaryName } from "./atomic-write.ts";
import { hostName, isProcessIdentity, type ProcessIdentity, stateOf, thisProcess } from "./process.ts";

/** What the file of a lock says of its owner. */
interface Owner extends ProcessIdentity {
  readonly host: string;
  readonly since: string;
  /** Tells this lock from every other one, also of the same process. */
  readonly nonce: string;
}

/** A lock as it was found; without an owner where it is damaged, or is being written where links do not exist. */
interface Found {
  readonly owner: Owner | undefined;
  readonly modified: number;
}

export interface FileLock {
  /** @throws LockedError where the lock was removed, or taken over from another machine */
  check(): Promise<void>;
  /** Removes the lock; called again, it does nothing. */
  release(): Promise<void>;
}

/** How often an owner shows that it runs, to machines and containers that cannot look up its process. */
const SIGN_OF_LIFE_MILLISECONDS = 10_000;
/** These take it for dead after so long without a sign. */
const SILENCE_MILLISECONDS = 120_000;
/** Attempts while other processes come and go, and the pause between them. */
const ATTEMPTS = 200;
const PAUSE_MILLISECONDS = 10;

/** Several times what one takes; a larger file is none of ours. */
const LARGEST_LOCK_BYTES = 4096;

const NONCE = /^[0-9a-f]{16}$/;
/** In place of the nonce of a lock that cannot be read. */
const UNREADABLE = "unreadable";
/** What the name of a claim has behind the lock's: the nonce of what it is about, and those of claims on claims. */
const CLAIM = /^\.([0-9a-f]{16}|unreadable)(?:\.(?:[0-9a-f]{16}|unreadable))*$/;

/** What file systems without hard links answer. */
const WITHOUT_LINKS = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK"];

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Paths of the locks that this thread has or is creating, by nonce. */
const held = new Map<string, string>();

process.on("exit", () => {
  for (const [nonce, path] of held) {
    try {
      if (parseOwner(readFileSync(path, "utf8"))?.nonce === nonce) rmSync(path);
    } catch {
      // A lock that is gone needs no removing; one that stays is stale from now on.
    }
  }
});

/**
 * Creates a lock.
 * @param path its file
 * @param what names the operation and the locked file in errors
 * @throws LockedError saying who holds it
 */
export async function lockFile(path: string, what: string): Promise<FileLock> {
  const nonce = randomBytes(8).toString("hex");
  const owner: Owner = { ...thisProcess(), host: hostName(), since: new Date().toISOString(), nonce };
  const text = temporaryName(path);
  held.set(nonce, path);
  try {
    await writeFile(text, show(owner), { flag: "wx" });
    await acquire({ path, what, text, owner, patient: false });
    await removeClaims(path, nonce);
    await removeLeftovers(path);
  } catch (error) {
    held.delete(nonce);
    throw error;
  } finally {
    await rm(text, { force: true });
  }
  const signs = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, SIGN_OF_LIFE_MILLISECONDS);
  signs.unref();
  return {
    async check() {
      const found = await find(path);
      if (found?.owner?.nonce === nonce) return;
      const now = found === undefined ? "was removed" : `is held by ${describe(found.owner)}`;
      throw new LockedError(
        `${what}: the lock ${path} ${now} while this run was using the file; another run may write it`,
      );
    },
    async release() {
      clearInterval(signs);
      if (held.delete(nonce)) await removeOwn(path, nonce);
    },
  };
}

interface Wanted {
  readonly path: string;
  readonly what: string;
  /** Path of the file with the owner's text. */
  readonly text: string;
  readonly owner: Owner;
  /** Waits for an owner that is alive, as that of a claim is done at once. */
  readonly patient: boolean;
}

async function acquire(wanted: Wanted): Promise<void> {
  const { path, what, patient } = wanted;
  let found: Found | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(wanted)) return;
    found = await find(path);
    if (found === undefined) continue;
    if (isStale(found)) {
      await removeStale(wanted, found);
      continue;
    }
    if (found.owner !== undefined && !patient) break;
    await setTimeout(PAUSE_MILLISECONDS);
  }
  throw new LockedError(
    `${what}: another run is using it (${describe(found?.owner)}); wait for that run to end or name another file, ` +
      `and remove ${path} only if that process no longer runs`,
  );
}

/** @returns whether there was none */
async function create({ path, text, owner }: Wanted): Promise<boolean> {
  try {
    await link(text, path).catch((error) => {
      if (!WITHOUT_LINKS.includes(codeOf(error) ?? "")) throw error;
      return writeFile(path, show(owner), { flag: "wx" });
    });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

const show = (owner: Owner): string => `${JSON.stringify(owner)}\n`;

async function find(path: string): Promise<Found | undefined> {
  try {
    const status = await stat(path);
    // A pipe would wait for a writer.
    const readable = status.isFile() && status.size <= LARGEST_LOCK_BYTES;
    return { owner: readable ? parseOwner(await readFile(path, "utf8")) : undefined, modified: status.mtimeMs };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parseOwner(text: string): Owner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { nonce, host, since } = (value ?? {}) as Partial<Owner>;
  const sound =
    isProcessIdentity(value) &&
    [nonce, host, since].every((each) => typeof each === "string") &&
    NONCE.test(nonce as string);
  return sound ? (value as Owner) : undefined;
}

function isStale({ owner, modified }: Found): boolean {
  const state = owner === undefined ? "unknown" : stateOf(owner);
  return state === "dead" || (state === "unknown" && Date.now() - modified > SILENCE_MILLISECONDS);
}

async function removeStale(wanted: Wanted, { owner: stale }: Found): Promise<void> {
  const { path, owner } = wanted;
  const claim = `${path}.${stale?.nonce ?? UNREADABLE}`;
  await acquire({ ...wanted, path: claim, patient: true });
  try {
    const again = await find(path);
    if (again !== undefined && again.owner?.nonce === stale?.nonce && isStale(again)) await rm(path, { force: true });
  } finally {
    await removeOwn(claim, owner.nonce);
  }
}

/** Removes claims on locks other than the current one, whose nonce is given. */
async function removeClaims(path: string, current: string): Promise<void> {
  const [folder, start] = [dirname(path), basename(path)];
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(start))) {
    const [, first] = CLAIM.exec(name.slice(start.length)) ?? [];
    if (first !== undefined && first !== current) await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

async function removeOwn(path: string, nonce: string): Promise<void> {
  const found = await find(path);
  if (found?.owner?.nonce === nonce) await rm(path, { force: true });
}

function describe(owner: Owner | undefined): string {
  if (owner === undefined) return "a process that its lock does not name";
  return `process ${owner.pid} on ${owner.host || "this machine"} since ${owner.since}`;
}
