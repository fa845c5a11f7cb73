import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readCsv, readIdx } from "../../src/data.ts";
import { AbortedError } from "../../src/errors.ts";
import { file, readImageFolder, readSoundFolder } from "../../src/node.ts";
import { refused, rejected } from "../data-fixtures.ts";
import { needs } from "../needs.ts";
import { pixels, utf8, wavOf } from "../support/format-samples.ts";

const test = suite("data: files and folders");
const scratch = await mkdtemp(join(tmpdir(), "quickstudy-folders-"));
test.after(() => rm(scratch, { recursive: true }));

const images = join(scratch, "images");
const put = async (path: string, bytes: Uint8Array) => {
  await mkdir(join(images, path, ".."), { recursive: true });
  await writeFile(join(images, path), bytes);
};
const png = (seed: number, side = 4) =>
  encode({ width: side, height: side, channels: 3, data: pixels(seed, 3 * side * side) });
for (const [i, path] of ["b/2.png", "b/10.png", "A/x/1.png", "a/1.PNG", "a/.hidden.png"].entries())
  await put(path, png(i));
await put("a/notes.txt", utf8("x"));
const quiet = { cache: false, onWarning: () => undefined } as const;

test("images: sorted by code units, labelled by their folders, resized", async () => {
  const warnings: string[] = [];
  const table = await readImageFolder(images, { onWarning: (message) => warnings.push(message) });
  const cells = (name: string) => Array.from({ length: table.size }, (_, row) => table.column(name).at(row));
  assert.equal(cells("file"), ["A/x/1.png", "a/1.PNG", "b/10.png", "b/2.png"]);
  assert.equal(cells("label"), ["A/x", "a", "b", "b"]);
  assert.equal(table.column("image", "image").at(3), { width: 4, height: 4, channels: 3, data: pixels(0, 48) });
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? "", /left out 1 files.*"a\/notes\.txt"/);

  const small = await readImageFolder(images, { ...quiet, size: [1, 2], channels: 1 });
  const image = small.column("image", "image").at(3);
  assert.equal([image?.width, image?.height, image?.channels], [2, 1, 1]);
  const source = pixels(0, 48);
  const grey = (i: number) =>
    Math.floor(
      (299 * (source[3 * i] as number) +
        587 * (source[3 * i + 1] as number) +
        114 * (source[3 * i + 2] as number) +
        500) /
        1000,
    );
  const mean = [0, 1, 4, 5, 8, 9, 12, 13].reduce((sum, i) => sum + grey(i), 0) / 8;
  assert.is(image?.data[0], Math.floor(mean + 0.5));
});

test("images: the cache gives the same, without the files; a changed or damaged one is decoded again", async () => {
  const cache = join(scratch, "cache");
  const options = { ...quiet, cache, size: 3 };
  const cold = (await readImageFolder(images, options)).fingerprint();
  const [kept = ""] = await readdir(cache);
  const bytes = await readFile(join(cache, kept));
  assert.is((await readImageFolder(images, options)).fingerprint(), cold);
  assert.is((await readImageFolder(images, { ...options, cache: false })).fingerprint(), cold);
  // A kept file that says something else is believed only as far as its checksum.
  const damaged = Uint8Array.from(bytes);
  damaged[damaged.length - 1] = (damaged[damaged.length - 1] as number) ^ 1;
  await writeFile(join(cache, kept), damaged);
  assert.is((await readImageFolder(images, options)).fingerprint(), cold);
  assert.ok(bytes.equals(await readFile(join(cache, kept))), "rebuilt");
  assert.is.not((await readImageFolder(images, { ...options, size: 2 })).fingerprint(), cold);
  await put("b/2.png", png(9, 5));
  assert.is.not((await readImageFolder(images, options)).fingerprint(), cold);
  await put("b/2.png", png(0));
  const warnings: string[] = [];
  await writeFile(join(scratch, "file"), "");
  const blocked = {
    ...options,
    cache: join(scratch, "file", "below"),
    onWarning: (each: string) => warnings.push(each),
  };
  assert.is((await readImageFolder(images, blocked)).fingerprint(), cold);
  assert.ok(warnings.some((each) => /images were not kept in/.test(each)));
});

test("images: what is wrong names the file", async () => {
  const folder = join(scratch, "wrong");
  await mkdir(join(folder, "a"), { recursive: true });
  await rejected(readImageFolder(folder, quiet), refused(/must have files that end in \.png, \.jpg/));
  await rejected(readImageFolder(join(scratch, "none"), quiet), refused(/must be a readable folder, got ENOENT/));
  await writeFile(join(folder, "top.png"), png(1));
  await rejected(readImageFolder(folder, quiet), refused(/must be in folders named by their classes, got top\.png/));
  assert.equal((await readImageFolder(folder, { ...quiet, pattern: "{kind}" })).row(0).kind, "top");
  await writeFile(join(folder, "a", "1.png"), png(1).subarray(0, 40));
  await rejected(readImageFolder(folder, quiet), refused(/wrong\/a\/1\.png: must end with a whole chunk/));
  const controller = new AbortController();
  controller.abort();
  await rejected(
    readImageFolder(images, { ...quiet, signal: controller.signal }),
    (error) => error instanceof AbortedError,
  );
});

test("sounds: columns from names", async () => {
  const folder = join(scratch, "sounds");
  await mkdir(folder);
  for (const name of ["7_ann_b_0.wav", "10_bob_3.WAV"])
    await writeFile(join(folder, name), wavOf(1, 1, 8, Uint8Array.of(192)));
  const table = await readSoundFolder(folder, { pattern: "{digit}_{speaker}_{index}" });
  assert.equal(
    [0, 1].map((row) => table.row(row)),
    [
      {
        sound: { rate: 8000, channels: 1, samples: Float32Array.of(0.5) },
        file: "10_bob_3.WAV",
        digit: "10",
        speaker: "bob",
        index: "3",
      },
      {
        sound: { rate: 8000, channels: 1, samples: Float32Array.of(0.5) },
        file: "7_ann_b_0.wav",
        digit: "7",
        speaker: "ann",
        index: "b_0",
      },
    ],
  );
  await rejected(
    readSoundFolder(folder, { pattern: "{digit}-{speaker}" }),
    refused(/10_bob_3\.WAV: its name must fit the pattern \{digit\}-\{speaker\}, got 10_bob_3/),
  );
});

test("file: a source that can be read again; folders and missing files are refused", async () => {
  const path = join(scratch, "long.csv");
  const text = `a\n${"12345\n".repeat(100_000)}`;
  await writeFile(path, text);
  const source = file(path);
  assert.is(source.size, text.length);
  const seen: (number | undefined)[] = [];
  for (let i = 0; i < 2; i++) {
    const table = await readCsv(source, { onProgress: (bytes, total) => seen.push(bytes, total) });
    assert.equal([table.size, table.name, table.row(99_999)], [100_000, path, { a: 12345 }]);
  }
  assert.is(seen.at(-2), text.length);
  assert.throws(() => file(scratch), refused(/must be an ordinary file/));
  assert.throws(() => file(join(scratch, "none.csv")), refused(/must be a readable file, got no such file/));
  await rejected(readCsv(source, { largest: 1000 }), refused(/must have at most 1000 bytes, got 600002/));
});

const data = new URL("../../../shared/data/", import.meta.url).pathname;
const has = async (path: string) => (await readdir(join(data, path)).catch(() => [])).length > 0;

needs(
  test,
  "../shared/data/mnist",
  await has("mnist"),
)("MNIST: 10,000 digits with labels", async () => {
  const of = (name: string) => file(join(data, "mnist", name));
  const table = await readIdx(of("t10k-images-idx3-ubyte.gz"), of("t10k-labels-idx1-ubyte.gz"));
  assert.is(table.size, 10_000);
  assert.equal(
    [0, 1, 2].map((row) => table.row(row).label),
    [7, 2, 1],
  );
});

needs(
  test,
  "../shared/data/fsdd",
  await has("fsdd"),
)("spoken digits: 3,000 recordings of six speakers", async () => {
  const table = await readSoundFolder(join(data, "fsdd", "recordings"), { pattern: "{digit}_{speaker}_{index}" });
  assert.is(table.size, 3000);
  const speakers = table.column("speaker", "text");
  assert.is(new Set(Array.from({ length: 3000 }, (_, row) => speakers.at(row))).size, 6);
});

test.run();
