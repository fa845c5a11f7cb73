/** The lock of a checkpoint's file: one run at a time, whoever died before, and nothing left behind. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { thisProcess } from "../../src/data/node/process.ts";
import { LockedError } from "../../src/errors.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { fileStore } from "../../src/train/file-store.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { rejectsA, smallMaml } from "./support.ts";

const test = suite("file lock");
const scratch = await mkdtemp(join(tmpdir(), "quickstudy-lock-"));
process.on("exit", () => void rm(scratch, { recursive: true, force: true }));
test.after(() => rm(scratch, { recursive: true, force: true }));

let folders = 0;
/** A folder, and the file of a checkpoint in it. */
async function place(): Promise<{ folder: string; path: string; lock: string }> {
  const folder = join(scratch, `${folders++}`);
  await mkdir(folder);
  const path = join(folder, "run");
  return { folder, path, lock: `${path}.lock` };
}

/** The id of a process that has ended. */
async function ended(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid as number;
}

const gone = await ended();
const here = { ...thisProcess(), host: hostname(), since: "2026-01-01T00:00:00.000Z", nonce: "00000000000000aa" };
const dead = { ...here, pid: gone };
const foreign = { ...dead, machine: "0123456789abcdef", host: "elsewhere" };
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

test("a second run on a file is refused by name, whoever holds it; afterwards the file is free", async () => {
  const { folder, path, lock } = await place();
  const first = fileStore(path);
  const second = fileStore(path);
  await first.open();
  const holder = `process ${process.pid} on ${hostname()} since 20`;
  await rejectsA(LockedError, second.open(), `checkpoint ${path}: another run is using it`, holder, lock);
  await rejectsA(LockedError, first.open(), holder);
  await rejectsA(LockedError, second.write(Uint8Array.of(2)), holder);
  await first.write(Uint8Array.of(1));
  assert.equal([...((await second.read()) ?? [])], [1], "reading needs no lock");
  // What does not hold the lock releases none.
  await second.close();
  assert.ok(existsSync(lock));
  await first.close();
  await first.close();
  await second.open();
  await second.close();
  assert.equal(await readdir(folder), ["run"]);
});

test("training holds the lock and gives it back, also where it fails", async () => {
  const { folder, path, lock } = await place();
  const options = { iterations: 2, metaBatch: 2, checkpoint: { store: fileStore(path), every: 1 } };
  const tasks = sinusoid({ shots: 2, queries: 2 });
  let refused = 0;
  const onProgress = async () => {
    assert.ok(existsSync(lock));
    const other = { ...options, checkpoint: { store: fileStore(path), every: 1 } };
    await rejectsA(LockedError, metaTrain(smallMaml(), tasks, other), `process ${process.pid}`);
    refused++;
  };
  await metaTrain(smallMaml(), tasks, { ...options, onProgress });
  assert.is(refused, 2);
  assert.equal(await readdir(folder), ["run"]);
  const fail = () => {
    throw new RangeError("enough");
  };
  await rejectsA(RangeError, metaTrain(smallMaml(), tasks, { ...options, onProgress: fail }), "enough");
  assert.equal(await readdir(folder), ["run"]);
});

/** Locks that are left, and the age in minutes from which they may be taken over. */
const left: Readonly<Record<string, { readonly text: string; readonly minutes: number }>> = {
  "of a dead process": { text: JSON.stringify(dead), minutes: 0 },
  "of a process whose id another one has": { text: JSON.stringify({ ...here, started: "1" }), minutes: 0 },
  "of another machine": { text: JSON.stringify(foreign), minutes: 3 },
  "that was created and not written": { text: "", minutes: 3 },
  "of a process with an impossible id": { text: JSON.stringify({ ...here, pid: -1 }), minutes: 3 },
  "with a name of its own": { text: JSON.stringify({ ...dead, nonce: "../../../out" }), minutes: 3 },
};

for (const [what, { text, minutes }] of Object.entries(left)) {
  test(`a lock ${what} is taken over${minutes > 0 ? ` after ${minutes} minutes without a sign of life` : ""}`, async () => {
    const { folder, path, lock } = await place();
    await writeFile(lock, text);
    const store = fileStore(path);
    if (minutes > 0) {
      await rejectsA(
        LockedError,
        store.open(),
        "another run is using it",
        text.includes("elsewhere") ? "elsewhere" : "",
      );
      assert.is(await readFile(lock, "utf8"), text);
      await utimes(lock, minutesAgo(minutes), minutesAgo(minutes));
    }
    await store.open();
    assert.is(JSON.parse(await readFile(lock, "utf8")).pid, process.pid);
    assert.equal(await readdir(folder), ["run.lock"]);
    await store.close();
    assert.equal(await readdir(folder), []);
  });
}

test("what a process left that died while it took over is taken over too", async () => {
  const { folder, path, lock } = await place();
  const [taker, taker2] = [
    { ...dead, nonce: "00000000000000bb" },
    { ...dead, nonce: "00000000000000cc" },
  ];
  await writeFile(lock, JSON.stringify(dead));
  await writeFile(`${lock}.${dead.nonce}`, JSON.stringify(taker));
  await writeFile(`${lock}.${dead.nonce}.${taker.nonce}`, JSON.stringify(taker2));
  const store = fileStore(path);
  await store.open();
  assert.equal(await readdir(folder), ["run.lock"]);
  await store.close();
  assert.equal(await readdir(folder), []);
});

test("claims that dead processes left on locks of long ago are removed by the next owner, and nothing else", async () => {
  const { folder, path, lock } = await place();
  const nonce = "00000000000000dd";
  const claims = [`${lock}.${nonce}`, `${lock}.${nonce}.${dead.nonce}`, `${lock}.unreadable`];
  const others = [`${lock}.keep`, `${lock}.${nonce}.keep`, `${lock}${nonce}`];
  for (const each of [...claims, ...others]) await writeFile(each, JSON.stringify(dead));
  const store = fileStore(path);
  await store.open();
  await store.close();
  assert.equal((await readdir(folder)).sort(), others.map((each) => basename(each)).sort());
});

test("what is in a lock's place and is no lock is not waited for", async () => {
  const { path, lock } = await place();
  execFileSync("mkfifo", [lock]);
  await rejectsA(LockedError, fileStore(path).open(), "a process that its lock does not name", lock);
  await rm(lock);
  await writeFile(lock, JSON.stringify({ ...dead, padding: "x".repeat(5000) }));
  await rejectsA(LockedError, fileStore(path).open(), "a process that its lock does not name", lock);
});

test("a run whose lock was taken from it writes no more, and leaves the other's lock", async () => {
  const { folder, path, lock } = await place();
  const store = fileStore(path);
  await store.open();
  await store.write(Uint8Array.of(1));
  await writeFile(lock, JSON.stringify(foreign));
  await rejectsA(LockedError, store.write(Uint8Array.of(2)), `checkpoint ${path}`, "is held by process", "elsewhere");
  await store.close();
  assert.equal((await readdir(folder)).sort(), ["run", "run.lock"]);
  await rm(lock);
  const again = fileStore(path);
  await again.open();
  await rm(lock);
  await rejectsA(LockedError, again.write(Uint8Array.of(3)), "was removed");
  await again.close();
  assert.equal([...(await readFile(path))], [1]);
});

const child = fileURLToPath(new URL("./lock-child.ts", import.meta.url));

test("of four processes that take turns, some of them killed with the lock in their hands, no write is lost", async () => {
  const { folder, path } = await place();
  const run = async (die: boolean) => {
    const args = ["--import", "tsx", child, path, "12", ...(die ? ["die"] : [])];
    const { stdout } = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let written = 0;
    for await (const text of stdout) written += String(text).length;
    return written;
  };
  const written = await Promise.all([run(true), run(false), run(true), run(false)]);
  assert.equal(written, [12, 12, 12, 12]);
  assert.is((await readFile(path)).toString(), "48");
  assert.ok(
    (await readdir(folder)).every((name) => name === "run" || name === "run.lock"),
    `${await readdir(folder)}`,
  );
});

test("a process that ends by itself without closing leaves no lock", async () => {
  const { folder, path } = await place();
  const lines = [
    `import { fileStore } from ${JSON.stringify(new URL("../../src/train/file-store.ts", import.meta.url).href)};`,
    `await fileStore(${JSON.stringify(path)}).open();`,
    "process.exit(3);",
  ];
  const ending = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", lines.join("\n")], {
    stdio: "inherit",
  });
  assert.equal(await once(ending, "exit"), [3, null]);
  assert.equal(await readdir(folder), []);
});

test.run();
