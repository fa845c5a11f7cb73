/** Checkpoints in a file: whole or not there, whatever was killed, and nobody else's files touched. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
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

const UUID = "0f8fad5b-d9cb-469f-a165-70867728950e";

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

test("reading clears away what killed writes of this file left, and no other file", async () => {
  const place = await folder();
  const left = [`run.${UUID}.tmp`, `run.${UUID.replace("0f", "1e")}.tmp`];
  const others = [`run.backup.tmp`, `run.other.${UUID}.tmp`, `xrun.${UUID}.tmp`, "run.tmp", `run.${UUID}.tmp.keep`];
  for (const name of [...left, ...others]) await writeFile(join(place, name), "half");
  const store = fileStore(join(place, "run"));
  assert.is(await store.read(), undefined);
  assert.equal((await readdir(place)).sort(), [...others].sort());
  await store.write(Uint8Array.of(1));
  assert.equal([...((await store.read()) ?? [])], [1]);
  assert.equal((await readdir(place)).sort(), ["run", ...others].sort());
});

test("what cannot be read or written is told, with its path, and leaves nothing behind", async () => {
  const place = await folder();
  await writeFile(join(place, "file"), "");
  const below = fileStore(join(place, "file", "run"));
  await rejectsA(DataError, below.write(Uint8Array.of(1)), join(place, "file", "run"), "cannot be written");
  await mkdir(join(place, "folder", "full"), { recursive: true });
  const onFolder = fileStore(join(place, "folder"));
  await rejectsA(DataError, onFolder.read(), join(place, "folder"), "cannot be read");
  await rejectsA(DataError, onFolder.write(Uint8Array.of(1)), join(place, "folder"), "cannot be written");
  assert.equal((await readdir(place)).sort(), ["file", "folder"]);
});

test.run();
