/** Checkpoints in a file: whole or not there, whatever was killed, and nobody else's files touched. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { thisProcess } from "../../src/data/node/process.ts";
import { DataError } from "../../src/errors.ts";
import { fileStore } from "../../src/train/file-store.ts";
import { rejectsA } from "./support.ts";

const test = suite("file store");
const scratch = await mkdtemp(join(tmpdir(), "quickstudy-store-"));
process.on("exit", () => void rm(scratch, { recursive: true, force: true }));
test.after(() => rm(scratch, { recursive: true, force: true }));

let folders = 0;
async function folder(): Promise<string> {
  const path = join(scratch, `${folders++}`);
  await mkdir(path);
  return path;
}

test("nothing to read before the first write; then the last one, and one file alone", async () => {
  const place = await folder();
  const store = fileStore(join(place, "run"));
  assert.is(await store.read(), undefined);
  for (const bytes of [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(100_000).fill(7)]) {
    await store.write(bytes);
    assert.is(Buffer.compare((await store.read()) ?? Buffer.from("none"), bytes), 0);
    assert.equal(await readdir(place), ["run"]);
  }
});

test("a reader sees one whole write or another at any moment", async () => {
  const place = await folder();
  const path = join(place, "run");
  const store = fileStore(path);
  await store.write(new Uint8Array(200_000).fill(0));
  let writing = true;
  const writes = (async () => {
    for (let i = 1; i <= 20; i++) await store.write(new Uint8Array(200_000 + i).fill(i));
    writing = false;
  })();
  let reads = 0;
  while (writing) {
    const bytes = await readFile(path);
    const value = bytes[0] as number;
    assert.is(bytes.length, 200_000 + value);
    assert.ok(bytes.every((each) => each === value));
    reads++;
  }
  await writes;
  assert.ok(reads > 0);
});

/** Identities of this process, of one that has ended, and of one on another machine, as names of files hold them. */
const { machine, pid, started } = thisProcess();
const gone = await ended();
const self = `${machine}-${pid}-${started}`;
const dead = `${machine}-${gone}-${started}`;
const foreign = `${"0123456789abcdef"}-${gone}-${started}`;
const RANDOM = "5f1e00d2c0ffee11";

/** The id of a process that has ended. */
async function ended(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid as number;
}

test("opening clears away what killed writes of this file left, and nothing else; reading clears nothing away", async () => {
  const place = await folder();
  const left = [`run.${dead}.${RANDOM}.tmp`, `run.${dead}.${RANDOM.replace("5f", "6e")}.tmp`];
  const old = `run.${foreign}.${RANDOM.replace("5f", "7d")}.tmp`;
  const others = [
    `run.${self}.${RANDOM}.tmp`,
    `run.${foreign}.${RANDOM}.tmp`,
    "run.backup.tmp",
    `run.other.${dead}.${RANDOM}.tmp`,
    `xrun.${dead}.${RANDOM}.tmp`,
    "run.tmp",
    `run.${dead}.${RANDOM}.tmp.keep`,
  ];
  for (const name of [...left, old, ...others]) await writeFile(join(place, name), "half");
  const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000);
  await utimes(join(place, old), twoDaysAgo, twoDaysAgo);
  const store = fileStore(join(place, "run"));
  assert.is(await store.read(), undefined);
  assert.equal((await readdir(place)).sort(), [...left, old, ...others].sort());
  await store.open();
  assert.equal((await readdir(place)).sort(), [...others, "run.lock"].sort());
  await store.write(Uint8Array.of(1));
  assert.equal([...((await store.read()) ?? [])], [1]);
  await store.close();
  assert.equal((await readdir(place)).sort(), ["run", ...others].sort());
});

test("what cannot be read or written is told, with its path, and leaves nothing behind", async () => {
  const place = await folder();
  await writeFile(join(place, "file"), "");
  const below = fileStore(join(place, "file", "run"));
  await rejectsA(DataError, below.write(Uint8Array.of(1)), join(place, "file", "run"), "cannot be written");
  await rejectsA(DataError, below.open(), join(place, "file", "run"), "cannot be written");
  await rejectsA(DataError, below.read(), join(place, "file", "run"), "cannot be read");
  await rejectsA(DataError, fileStore(join(place, "none", "run")).open(), "cannot be written (ENOENT)");
  assert.equal((await readdir(place)).sort(), ["file"]);
});

test("folders, pipes and devices are refused at once, and are not replaced", async () => {
  const place = await folder();
  await mkdir(join(place, "folder", "full"), { recursive: true });
  execFileSync("mkfifo", [join(place, "pipe")]);
  await symlink("/dev/zero", join(place, "zero"));
  for (const name of ["folder", "pipe", "zero"]) {
    const store = fileStore(join(place, name));
    for (const work of [() => store.read(), () => store.open(), () => store.write(Uint8Array.of(1))]) {
      await rejectsA(DataError, work(), name, "must be an ordinary file");
    }
  }
  assert.equal((await readdir(place)).sort(), ["folder", "pipe", "zero"]);
});

test("a file that is larger than any checkpoint is refused without being read", async () => {
  const path = join(await folder(), "run");
  const file = await open(path, "w");
  await file.truncate(2 ** 31);
  await file.close();
  await rejectsA(DataError, fileStore(path).read(), path, "at most 2147483647 bytes");
});

test("a write keeps symbolic links and permissions", async () => {
  const place = await folder();
  await mkdir(join(place, "real"));
  await symlink("real/run", join(place, "second"));
  await symlink("second", join(place, "first"));
  const store = fileStore(join(place, "first"));
  // The links lead to nothing yet.
  await store.write(Uint8Array.of(1));
  await chmod(join(place, "real/run"), 0o640);
  await store.open();
  assert.equal(await readdir(join(place, "real")), ["run", "run.lock"]);
  await store.write(Uint8Array.of(2));
  await store.close();
  assert.equal([await readlink(join(place, "first")), await readlink(join(place, "second"))], ["second", "real/run"]);
  assert.equal([...(await readFile(join(place, "real/run")))], [2]);
  assert.is((await stat(join(place, "real/run"))).mode & 0o777, 0o640);
  assert.equal([...((await store.read()) ?? [])], [2]);
  assert.equal((await readdir(place)).sort(), ["first", "real", "second"]);
  assert.equal(await readdir(join(place, "real")), ["run"]);
});

test.run();
