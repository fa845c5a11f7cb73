import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadOmniglot } from "../src/data/node/omniglot.ts";
import { decodeDrawings, listDrawings, omniglotCharacters, readOmniglot } from "../src/data/omniglot.ts";
import { parseVinyalsList } from "../src/data/omniglot-splits.ts";
import { OptionError } from "../src/errors.ts";
import { packLines, pngOf, refused, rejected } from "./data-fixtures.ts";

const test = suite("data: Omniglot, hostile input");

const scratch = await mkdtemp(join(tmpdir(), "quickstudy-omniglot-"));
test.after(() => rm(scratch, { recursive: true }));

/** A little archive of two characters; `change` may spoil its files. */
function littleArchive(change: (files: Record<string, Uint8Array>) => void = () => undefined): Uint8Array {
  const files: Record<string, Uint8Array> = {};
  for (const character of ["Zeta/character02", "Alpha/character01"]) {
    for (let drawer = 20; drawer >= 1; drawer--) {
      const name = `images_background/${character}/0001_${String(drawer).padStart(2, "0")}.png`;
      files[name] = pngOf(
        105,
        105,
        packLines(105, (y) => (y < drawer ? 1 : 0)),
      );
    }
  }
  change(files);
  return zipSync(files);
}

const FIRST = "images_background/Alpha/character01/0001_01.png";
const decodeLittle = (bytes: Uint8Array) => decodeDrawings(listDrawings(bytes, "images_background"));

test("entries are sorted: characters by name, drawings by drawer; litter is ignored", () => {
  const images = decodeLittle(
    littleArchive((files) => {
      files["images_background/.DS_Store"] = new Uint8Array(3);
      files["__MACOSX/images_background/._x"] = new Uint8Array(3);
    }),
  );
  assert.equal(images.characters, ["Alpha/character01", "Zeta/character02"]);
  const data = omniglotCharacters(images);
  for (let drawer = 1; drawer <= 20; drawer++) {
    const { x } = data.batch([20 + drawer - 1]);
    const ink = x.reduce((sum, value) => sum + value, 0) / 784;
    assert.ok(Math.abs(ink - drawer / 105) < 2e-3, `drawer ${drawer} has ink ${ink}`);
  }
});

test("what does not belong into an archive is refused with its path and the rule", () => {
  const cases: [(files: Record<string, Uint8Array>) => void, RegExp][] = [
    [
      (f) => delete f[FIRST],
      /^images_background\.zip: every character must be drawn by drawers 1 to 20, got none of Alpha\/character01 by 1; fetch/,
    ],
    [(f) => (f["../../etc/passwd"] = new Uint8Array(1)), /every file must be .* got "\.\.\/\.\.\/etc\/passwd"/],
    [(f) => (f["images_background/../../x/character01/0001_01.png"] = new Uint8Array(1)), /every file must be/],
    [(f) => (f["images_evaluation/A/character01/0001_01.png"] = new Uint8Array(1)), /every file must be/],
    [(f) => (f["images_background/Alpha/character01/0001_21.png"] = new Uint8Array(1)), /DD from 01 to 20/],
    [
      (f) => (f["images_background/Alpha/character01/0002_01.png"] = new Uint8Array(1)),
      /got two of Alpha\/character01 by drawer 01/,
    ],
    [(f) => (f[FIRST] = new Uint8Array(100)), /0001_01\.png: must be a PNG image/],
    [(f) => (f[FIRST] = new Uint8Array(0)), /must be a PNG image/],
    [
      (f) =>
        (f[FIRST] = pngOf(
          28,
          28,
          packLines(28, () => 0),
        )),
      /must be 105 x 105 pixels, got 28 x 28/,
    ],
    [(f) => (f[FIRST] = pngOf(105, 105, new Uint8Array(3_000_000))), /must have at most 1831 bytes, got \d+/],
    [(f) => (f[FIRST] = new Uint8Array(5000)), /must have at most 4096 bytes, got 5000/],
  ];
  for (const [spoil, message] of cases) {
    assert.throws(() => decodeLittle(littleArchive((files) => void spoil(files))), refused(message), String(message));
  }
  assert.throws(
    () => decodeLittle(new TextEncoder().encode("<html>404</html>")),
    refused(/must be a complete zip archive/),
  );
});

test("an archive with too few characters is refused", () => {
  const little = littleArchive();
  assert.throws(
    () => readOmniglot({ images_background: little, images_evaluation: little }),
    refused(/images_background\.zip: must have 964 characters, got 2; fetch/),
  );
});

test("lists: other lines, repeated lines, missing rotations and nothing at all are refused", () => {
  const all = (character: string) => ["000", "090", "180", "270"].map((r) => `${character}/rot${r}`);
  assert.equal(parseVinyalsList(`${all("A/character01").join("\r\n")}\r\n\n`, "f"), ["A/character01"]);
  assert.throws(() => parseVinyalsList("A/character01/rot045", "f"), refused(/^f, line 1: every line must be/));
  assert.throws(() => parseVinyalsList("x".repeat(1e6), "f"), refused(/line 1/));
  assert.throws(
    () => parseVinyalsList([...all("A/character01"), "A/character01/rot000"].join("\n"), "f"),
    refused(/line 5/),
  );
  assert.throws(() => parseVinyalsList(all("A/character01").slice(1).join("\n"), "f"), refused(/got "A\/character01"/));
  assert.throws(() => parseVinyalsList("", "f"), refused(/an empty list/));
});

test("a missing folder or file is refused with how the folder must look", async () => {
  await rejected(
    loadOmniglot(join(scratch, "nowhere"), { cache: false }),
    refused(
      /nowhere.*train\.txt: must be a readable file, got no such file; the folder must hold images_background\.zip/s,
    ),
  );
  await rejected(
    loadOmniglot(join(scratch, "nowhere"), { cache: false, split: { seed: 1 } }),
    refused(/images_background\.zip: must be a readable file/),
  );
  await mkdir(join(scratch, "odd", "images_background.zip"), { recursive: true });
  await rejected(
    loadOmniglot(join(scratch, "odd"), { cache: false, split: { seed: 1 } }),
    refused(/must be an ordinary file, got something else/),
  );
  await rejected(
    loadOmniglot(scratch, { cache: false, split: "random" as unknown as "vinyals" }),
    (error) =>
      error instanceof OptionError && /split must be "vinyals" or \{ seed \}, got "random"/.test(error.message),
  );
});

test.run();
