import { zipSync, zlibSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bilevelReader } from "../src/data/png.ts";
import { areaResizer } from "../src/data/resize.ts";
import { readZip } from "../src/data/zip.ts";
import { DataError } from "../src/errors.ts";
import { Draw } from "../src/random.ts";
import { chunk, headerChunk, packLines, plainInk, pngOf, pngOfChunks, refused } from "./data-fixtures.ts";

const test = suite("data: zip, PNG and resizing");

const limits = { file: "a.zip", maxEntries: 100, maxEntryBytes: 1000, remedy: "fetch it again" };
const readAll = (bytes: Uint8Array) => readZip(bytes, limits).map(({ path, read }) => [path, [...read()]]);

const text = (value: string) => new TextEncoder().encode(value);
const sample = () =>
  zipSync({ "a/": new Uint8Array(0), "a/stored.txt": [text("stored"), { level: 0 }], "b.txt": text("x".repeat(500)) });

/** A copy with a little-endian number written over it. */
function patched(bytes: Uint8Array, at: number, value: number, size: 2 | 4): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (size === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

test("zip: stored and deflated entries, in order, with and without a comment", () => {
  const expected = [
    ["a/", []],
    ["a/stored.txt", [...text("stored")]],
    ["b.txt", [...text("x".repeat(500))]],
  ];
  assert.equal(readAll(sample()), expected);
  assert.equal(readAll(zipSync({ "b.txt": text("hi") }, { comment: "PK\x05\x06 in a comment" })), [
    ["b.txt", [...text("hi")]],
  ]);
});

test("zip: every truncation is refused", () => {
  const bytes = sample();
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(
      () => readAll(bytes.subarray(0, length)),
      refused(/^a\.zip: must be a complete zip archive.*fetch it again$/),
    );
  }
});

test("zip: every changed byte is refused or harmless; nothing else is thrown", () => {
  const bytes = sample();
  const expected = JSON.stringify(readAll(bytes));
  let refusals = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const copy = bytes.slice();
      copy[at] = (copy[at] as number) ^ flip;
      try {
        const got = readAll(copy);
        // Paths carry no checksum; contents do.
        assert.equal(
          JSON.stringify(got.map(([, contents]) => contents)),
          JSON.stringify(JSON.parse(expected).map((e: unknown[]) => e[1])),
        );
      } catch (error) {
        assert.instance(error, DataError, `byte ${at}: ${String(error)}`);
        refusals++;
      }
    }
  }
  assert.ok(refusals > 100, `only ${refusals} refusals`);
});

test("zip: bombs are refused before they are unpacked", () => {
  const honest = zipSync({ "big.txt": new Uint8Array(5_000_000) });
  assert.throws(() => readAll(honest), refused(/"big.txt": must have at most 1000 bytes, got 5000000/));
  // The directory lies about the size: at most one byte beyond the declared size is kept.
  const directory = honest.length - 22 - (46 + 7);
  assert.throws(
    () => readAll(patched(honest, directory + 24, 900, 4)),
    refused(/"big.txt": (must have at most|must unpack)/),
  );
  const small = zipSync({ "big.txt": new Uint8Array(100_000) });
  const lying = patched(small, small.length - 22 - (46 + 7) + 24, 900, 4);
  assert.throws(() => readAll(lying), refused(/must unpack to the declared 900 bytes, got more/));
});

test("zip: too many entries, overlapping entries, other disks, encryption and methods are refused", () => {
  const many = zipSync(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`${i}`, new Uint8Array(0)])));
  assert.throws(() => readAll(many), refused(/at most 100 entries, got 101/));
  const bytes = sample();
  const end = bytes.length - 22;
  const directory = new DataView(bytes.buffer).getUint32(end + 16, true);
  assert.throws(() => readAll(patched(bytes, directory + 20, 900, 4)), refused(/must not overlap/));
  assert.throws(() => readAll(patched(bytes, end + 4, 1, 2)), refused(/one disk/));
  assert.throws(() => readAll(patched(bytes, end + 16, 0xffffffff, 4)), refused(/directory must lie before/));
  assert.throws(() => readAll(patched(bytes, directory + 8, 1, 2)), refused(/must not be encrypted/));
  assert.throws(() => readAll(patched(bytes, directory + 10, 12, 2)), refused(/stored or deflated.*got method 12/));
  assert.throws(() => readAll(patched(bytes, directory + 42, 0xfffffff0, 4)), refused(/local header/));
});

test("PNG: all five line filters are undone as the format has it", () => {
  const draw = new Draw([5, 5]);
  const side = 77;
  const lineBytes = 10;
  const read = bilevelReader(side, "");
  for (let round = 0; round < 100; round++) {
    const filter = round % 5;
    // Few different bytes, too: then Paeth's predictor has more ties to break.
    const values = round < 50 ? 256 : 4;
    const lines = Uint8Array.from({ length: side * (lineBytes + 1) }, (_, i) =>
      i % (lineBytes + 1) === 0 ? filter : draw.below(values),
    );
    const png = pngOf(side, side, lines);
    assert.is(Buffer.compare(read(png, "image"), plainInk(png, side)), 0, `filter ${filter}, round ${round}`);
  }
});

/** An image of 8 x 8 black pixels, and the reader of such. */
const black = () =>
  pngOf(
    8,
    8,
    packLines(8, () => 1),
  );
const readSmall = (bytes: Uint8Array) => bilevelReader(8, "fetch it again")(bytes, "z.zip, i.png");

test("PNG: other sizes and kinds are refused", () => {
  const lines = packLines(8, () => 1);
  assert.equal([...readSmall(black())], Array(64).fill(1));
  assert.throws(
    () => readSmall(pngOf(9, 8, lines)),
    refused(/^z\.zip, i\.png: must be 8 x 8 pixels, got 9 x 8; fetch it again$/),
  );
  assert.throws(() => readSmall(pngOf(0xffffffff, 0xffffffff, lines)), refused(/got 4294967295 x 4294967295/));
  assert.throws(() => readSmall(pngOf(8, 8, lines, [8, 0, 0, 0, 0])), refused(/1-bit greyscale.*got depth 8/));
  assert.throws(() => readSmall(pngOf(8, 8, lines, [1, 3, 0, 0, 0])), refused(/colour type 3/));
  assert.throws(() => readSmall(pngOf(8, 8, lines, [1, 0, 0, 0, 1])), refused(/interlace 1/));
  assert.throws(() => readSmall(text("not an image, but long enough to be one")), refused(/must be a PNG image/));
});

test("PNG: damaged data is refused with the decoder's reason, and nothing but a DataError is thrown", () => {
  const unknownFilter = packLines(8, () => 1).map(() => 7);
  assert.throws(
    () => readSmall(pngOf(8, 8, unknownFilter)),
    refused(/^z\.zip, i\.png: must be an intact image.*filter: 7/),
  );
  assert.throws(() => readSmall(pngOf(8, 8, new Uint8Array(14))), refused(/must be an intact image/));
  const good = black();
  for (let length = 0; length < good.length; length++)
    assert.throws(() => readSmall(good.subarray(0, length)), refused(/must /), `the first ${length} bytes`);
  let refusals = 0;
  for (let at = 0; at < good.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const copy = good.slice();
      copy[at] = (copy[at] as number) ^ flip;
      try {
        readSmall(copy);
      } catch (error) {
        assert.instance(error, DataError, `byte ${at} of ${good.length}: ${String(error)}`);
        refusals++;
      }
    }
  }
  assert.ok(refusals > 100, `only ${refusals} refusals`);
});

test("PNG: what would make the decoder work or grow is refused before it is decoded", () => {
  const [header, end] = [headerChunk(8, 8), chunk("IEND")];
  const data = chunk("IDAT", zlibSync(packLines(8, () => 1)));
  assert.equal([...readSmall(pngOfChunks(header, chunk("tIME", new Uint8Array(7)), data, end))], Array(64).fill(1));
  const layouts = {
    "a second header": [header, headerChunk(60_000, 60_000, [8, 0, 0, 0, 0]), data, end],
    "many chunks of data": [header, ...Array<Uint8Array>(10).fill(chunk("IDAT")), data, end],
    "a packed colour profile": [header, chunk("iCCP", zlibSync(new Uint8Array(100_000))), data, end],
    "no end": [header, data],
    "more than the end": [header, data, end, data],
  };
  for (const [what, chunks] of Object.entries(layouts)) {
    assert.throws(
      () => readSmall(pngOfChunks(...chunks)),
      refused(/must have the chunks IHDR, IDAT and IEND, once/),
      what,
    );
  }
  const bomb = pngOf(8, 8, new Uint8Array(1_000_000));
  assert.throws(() => readSmall(bomb), refused(/must have at most 272 bytes, got \d+; fetch it again$/));
  // The image lies in a larger array, as in an archive: a chunk must not reach beyond it.
  const good = black();
  const around = new Uint8Array(good.length + 1000);
  around.set(good);
  new DataView(around.buffer).setUint32(33, 900);
  assert.throws(() => readSmall(around.subarray(0, good.length)), refused(/cut short at byte 33/));
});

/** The mean of every output pixel, from the source blown up so that pixels divide evenly. */
function areaByEnlarging(source: Uint8Array, from: number, to: number): number[] {
  const pixel = (y: number, x: number) => source[Math.floor(y / to) * from + Math.floor(x / to)] as number;
  const means: number[] = [];
  for (let oy = 0; oy < to; oy++) {
    for (let ox = 0; ox < to; ox++) {
      let sum = 0;
      for (let y = oy * from; y < (oy + 1) * from; y++) {
        for (let x = ox * from; x < (ox + 1) * from; x++) sum += pixel(y, x);
      }
      means.push(sum / (from * from));
    }
  }
  return means;
}

const square = (side: number) => ({ width: side, height: side });

test("area averaging is exact: against an enlarged image", () => {
  const draw = new Draw([6, 6]);
  for (const [from, to] of [
    [105, 28],
    [7, 7],
    [8, 4],
    [5, 3],
    [9, 1],
    [13, 12],
    [3, 7],
    [1, 4],
  ] as const) {
    const source = Uint8Array.from({ length: from * from }, () => (draw.below(3) === 0 ? 1 : 0));
    const out = new Uint8Array(to * to + 5).fill(77);
    areaResizer(square(from), square(to), 1, 255)(source, out, 3);
    const expected = areaByEnlarging(source, from, to).map((mean) => Math.floor(mean * 255 + 0.5));
    assert.equal([...out], [77, 77, 77, ...expected, 77, 77], `${from} to ${to}`);
  }
});

test("area averaging keeps black black, white white, and the total of ink", () => {
  const reduce = areaResizer(square(105), square(28), 1, 255);
  const out = new Uint8Array(784);
  reduce(new Uint8Array(105 * 105), out, 0);
  assert.ok(out.every((value) => value === 0));
  reduce(new Uint8Array(105 * 105).fill(1), out, 0);
  assert.ok(out.every((value) => value === 255));
});

test.run();
