/** The cache of decoded images clears away what killed writers left, also where its file is whole. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { imagesCacheFile, readImagesCache, writeImagesCache } from "../src/data/node/omniglot-cache.ts";
import { identityTag, thisProcess } from "../src/data/node/process.ts";
import { OMNIGLOT_DRAWERS, OMNIGLOT_IMAGE_BYTES, omniglotHash } from "../src/data/omniglot.ts";

const test = suite("data: cache");
const SOURCE = "0123456789abcdef";

test("what killed writers left is removed when the cache is read, what a live one writes is not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quickstudy-cache-"));
  const characters = ["Latin/character01"];
  const pixels = new Uint8Array(OMNIGLOT_DRAWERS * OMNIGLOT_IMAGE_BYTES).fill(7);
  await writeImagesCache(folder, SOURCE, { characters, pixels, contentHash: omniglotHash(characters, pixels) });
  const name = basename(imagesCacheFile(folder, SOURCE));
  const dead = { ...thisProcess(), pid: spawnSync(process.execPath, ["--version"]).pid };
  const left = `${name}.${identityTag(dead)}.00112233445566aa.tmp`;
  const live = `${name}.${identityTag(thisProcess())}.00112233445566bb.tmp`;
  for (const each of [left, live]) await writeFile(join(folder, each), "half");
  assert.equal((await readImagesCache(folder, SOURCE))?.characters, characters);
  assert.equal((await readdir(folder)).sort(), [name, live].sort());
  await rm(folder, { recursive: true });
});

test.run();
