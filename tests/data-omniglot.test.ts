import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readImageFolder } from "../src/data/node/image-folder.ts";
import { loadOmniglot, loadOmniglotImages } from "../src/data/node/omniglot.ts";
import { type OmniglotImages, omniglotCharacters } from "../src/data/omniglot.ts";
import { requireDisjoint } from "../src/data/splits.ts";
import { byClass, pixels, preprocess } from "../src/data.ts";
import { OptionError } from "../src/errors.ts";
import { nearestCentroid } from "../src/learners/nearest-centroid.ts";
import { flatten } from "../src/nn/layers.ts";
import { model } from "../src/nn/model.ts";
import { episodes } from "../src/tasks/episodes.ts";
import { evaluate } from "../src/train/evaluate.ts";
import { metaTrain } from "../src/train/meta-train.ts";
import { plainInk, refused, rejected } from "./data-fixtures.ts";
import { needs } from "./needs.ts";

const folder = fileURLToPath(new URL("../../shared/data/omniglot", import.meta.url));
const available = existsSync(join(folder, "images_background.zip"));
/** Upright names and pixels of the real archives: changes when decoding does; then the cache's version must, too. */
const CONTENT_HASH = "99b5688fe606f24a";

const scratch = await mkdtemp(join(tmpdir(), "quickstudy-omniglot-"));
const cache = join(scratch, "cache");

const test = suite("data: Omniglot");
const omniglot = needs(test, `Omniglot's archives in ${folder}`, available);
test.after(() => rm(scratch, { recursive: true }));

const images = available ? await loadOmniglotImages(folder, { cache }) : undefined;
const cached = available ? await loadOmniglotImages(folder, { cache }) : undefined;

omniglot("964 + 659 characters of 20 drawers, decoded as ever", () => {
  assert.is(images?.characters.length, 1623);
  assert.is(new Set(images?.characters).size, 1623);
  assert.is(images?.pixels.length, 1623 * 20 * 784);
  assert.is(images?.contentHash, CONTENT_HASH);
});

omniglot("drawings are what plain loops decode and area-average", async () => {
  const bytes = await readFile(join(folder, "images_evaluation.zip"));
  const wanted = (name: string) => /\/character0[13]\/\d+_(07|20)\.png$/.test(name);
  const files = unzipSync(bytes, { filter: ({ name }) => wanted(name) });
  const names = Object.keys(files);
  assert.ok(names.length >= 70, `only ${names.length} drawings`);
  for (const name of names) {
    const pixels = plainInk(files[name] as Uint8Array, 105);
    const ink = (y: number, x: number) => pixels[y * 105 + x] as number;
    const [, character = "", drawer] = /^[^/]+\/(.*)\/\d+_(\d\d)\.png$/.exec(name) ?? [];
    const start = ((images?.characters.indexOf(character) ?? -1) * 20 + Number(drawer) - 1) * 784;
    for (let y = 0; y < 28; y++) {
      for (let x = 0; x < 28; x++) {
        // Sixteen samples a source pixel: 105 / 28 = 15 / 4, so that none lies on an edge.
        let sum = 0;
        for (let i = 0; i < 225; i++)
          sum += ink(((y * 15 + Math.floor(i / 15)) / 4) | 0, ((x * 15 + (i % 15)) / 4) | 0);
        assert.is(images?.pixels[start + y * 28 + x], Math.floor((sum / 225) * 255 + 0.5), `${name} at ${y}, ${x}`);
      }
    }
  }
});

omniglot("drawings in a folder of PNG files are the numbers of the archives, and so are results", async () => {
  const bytes = await readFile(join(folder, "images_evaluation.zip"));
  const files = unzipSync(bytes, { filter: ({ name }) => /\/character0[1-4]\/\d+_\d+\.png$/.test(name) });
  const extracted = join(scratch, "folder");
  for (const [name, data] of Object.entries(files)) {
    if (!/\/[A-G]/.test(name)) continue;
    const path = join(extracted, name.slice(name.indexOf("/") + 1));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data);
  }
  const table = await readImageFolder(extracted, { size: 28, channels: 1, cache: false });
  const ink = preprocess({ x: pixels("image", { size: 28, channels: 1, invert: true }) }).fit(table);
  const ours = byClass(ink.examples(table, { label: "label" }));
  const theirs = omniglotCharacters(images as OmniglotImages).subset(ours.classes.map(({ name }) => name));
  assert.ok(ours.classes.length >= 20, `only ${ours.classes.length} characters`);
  assert.equal(ours.classes, theirs.classes);
  assert.equal(ours.all(), theirs.all());
  const results = [ours, theirs].map(async (data) => {
    const tasks = episodes(data, { ways: 5, shots: 1, queries: 5 });
    const centroid = await metaTrain(nearestCentroid(model([28, 28, 1], flatten())), tasks, { iterations: 0 });
    return (await evaluate(centroid, tasks, { episodes: 50 })).values;
  });
  const [first, second] = await Promise.all(results);
  assert.equal(first, second);
});

omniglot("the split of Vinyals et al.: 1,028 / 172 / 423 characters in four rotations, none shared", async () => {
  const { train, val, trainval, test: held } = await loadOmniglot(folder, { cache });
  assert.equal(
    [train, val, trainval, held].map(({ classes }) => classes.length),
    [4112, 688, 4800, 1692],
  );
  requireDisjoint({ train, val, held });
  requireDisjoint({ trainval, held });
  assert.throws(() => requireDisjoint({ train, trainval }), refused(/in both "train" and "trainval"/));
  for (const [part, data] of Object.entries({ train, val, trainval, test: held })) {
    const listed = (await readFile(join(folder, "vinyals", `${part}.txt`), "utf8")).trim().split("\n");
    assert.equal(data.classes.map(({ name }) => name).sort(), listed.sort(), part);
  }
  assert.is(new Set([train, val, trainval, held].map(({ fingerprint }) => fingerprint)).size, 4);
  assert.ok(held.classes.every(({ size }) => size === 20));
});

omniglot("without rotations a class is a character", async () => {
  const { train, test: held } = await loadOmniglot(folder, { cache, rotations: false });
  assert.is(train.classes.length, 1028);
  assert.is(held.classes.length, 423);
  assert.match(held.classes[0]?.name ?? "", /^[^/]+\/character\d\d$/);
});

omniglot("random splits: 1,200 / 423 characters by the seed, rotations together, validation on demand", async () => {
  const { train, trainval, val, test: held } = await loadOmniglot(folder, { cache, split: { seed: 7 } });
  assert.equal(
    [train.classes.length, trainval.classes.length, val, held.classes.length],
    [4800, 4800, undefined, 1692],
  );
  requireDisjoint({ train, held });
  const again = await loadOmniglot(folder, { cache, split: { seed: 7, val: 100 } });
  assert.is(again.test.fingerprint, held.fingerprint);
  assert.equal([again.train.classes.length, again.val?.classes.length], [4400, 400]);
  requireDisjoint({ train: again.train, val: again.val ?? train, held });
  assert.is.not((await loadOmniglot(folder, { cache, split: { seed: 8 } })).test.fingerprint, held.fingerprint);
  await rejected(loadOmniglot(folder, { cache, split: { seed: 1, val: 1200 } }), (e) => e instanceof OptionError);
});

omniglot("episodes: ink from 0 to 1, four rotations of the same drawing", async () => {
  const { test: held } = await loadOmniglot(folder, { cache });
  const { support, queries: query } = episodes(held, { ways: 20, shots: 1, queries: 19 }).sample([0, 0]);
  assert.is(support.x.length, 20 * 784);
  for (const value of query.x)
    assert.ok(value >= 0 && value <= 1 && value === Math.fround(Math.round(value * 255) / 255));
  const ink = query.x.reduce((sum, value) => sum + value, 0) / query.x.length;
  assert.ok(ink > 0.03 && ink < 0.15, `mean ink ${ink}: drawings are dark on light paper, ink is 1`);
  const turned = [0, 1, 2, 3].map((rotation) => [...held.batch([rotation * 20]).x]);
  const quarter = (image: readonly number[]) => image.map((_, i) => image[(i % 28) * 28 + 27 - Math.floor(i / 28)]);
  for (let rotation = 0; rotation < 4; rotation++) {
    assert.equal(turned[(rotation + 1) % 4], quarter(turned[rotation] ?? []), `rotation ${rotation + 1}`);
  }
});

/** Not `assert.equal`: its report of a difference between 25 million bytes does not fit into memory. */
function requireSame(other: OmniglotImages | undefined): void {
  assert.equal(other?.characters, images?.characters);
  assert.is(other?.contentHash, images?.contentHash);
  assert.is(Buffer.compare(other?.pixels ?? new Uint8Array(0), images?.pixels ?? new Uint8Array(0)), 0);
}

omniglot("the cache gives what a cold read gives, and survives damage", async () => {
  requireSame(cached);
  const [file = ""] = await readdir(cache);
  assert.equal(await readdir(cache), [file], "one file, nothing temporary left");
  const good = await readFile(join(cache, file));
  const spoiled = (at: number) => {
    const copy = Uint8Array.from(good);
    copy[at] = (copy[at] as number) ^ 1;
    return copy;
  };
  const damaged = join(scratch, "damaged");
  await mkdir(damaged);
  const damages = [new Uint8Array(0), good.subarray(0, 1_000_000), spoiled(0), spoiled(100), spoiled(good.length - 1)];
  const { readImagesCache } = await import("../src/data/node/omniglot-cache.ts");
  const source = file.slice("omniglot-v1-".length, -".bin".length);
  for (const bytes of damages) {
    await writeFile(join(damaged, file), bytes);
    assert.is(await readImagesCache(damaged, source), undefined);
  }
  for (let at = 0; at < 56; at++) {
    await writeFile(join(damaged, file), spoiled(at));
    // Bytes 20 to 23 are unused.
    if (at < 20 || at > 23) assert.is(await readImagesCache(damaged, source), undefined, `byte ${at}`);
  }
  requireSame(await loadOmniglotImages(folder, { cache: damaged }));
  assert.ok(good.equals(await readFile(join(damaged, file))), "rebuilt");
});

omniglot("a cache that cannot be written is reported, and no obstacle", async () => {
  await writeFile(join(scratch, "file"), "");
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const got = await loadOmniglotImages(folder, { cache: join(scratch, "file", "below"), onWarning });
  assert.is(got.contentHash, CONTENT_HASH);
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? "", /decoded images were not kept in .*below/);
});

omniglot("damaged real archives are refused", async () => {
  const broken = join(scratch, "broken");
  await mkdir(broken);
  await copyFile(join(folder, "images_evaluation.zip"), join(broken, "images_evaluation.zip"));
  const good = await readFile(join(folder, "images_background.zip"));
  const attempt = () => loadOmniglot(broken, { cache: false, split: { seed: 1 } });
  await writeFile(join(broken, "images_background.zip"), good.subarray(0, good.length >> 1));
  await rejected(attempt(), refused(/images_background\.zip: must be a complete zip archive/));
  const flipped = Uint8Array.from(good);
  flipped.fill(0, 4_000_000, 4_000_500);
  await writeFile(join(broken, "images_background.zip"), flipped);
  await rejected(attempt(), refused(/images_background\.zip.*must.*fetch the archive again/));
  await copyFile(join(folder, "images_background.zip"), join(broken, "images_evaluation.zip"));
  await writeFile(join(broken, "images_background.zip"), good);
  await rejected(attempt(), refused(/images_evaluation\.zip: every file must be images_evaluation\//));
});

test.run();
