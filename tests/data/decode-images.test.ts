import { zlibSync } from "fflate";
import { encode as encodeJpeg } from "jpeg-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeImage, readImage } from "../../src/data.ts";
import { chunk, headerChunk, pngOfChunks, refused, rejected } from "../data-fixtures.ts";
import { utf8 } from "../support/format-samples.ts";
import { withChecksums } from "../support/fuzz-formats.ts";

const test = suite("data: decoding images");

/** A PNG file with right checksums. @param lines bytes of the lines, each with its filter */
function pngFile(
  [width, height]: readonly [number, number],
  [depth, colour, interlace = 0]: readonly number[],
  lines: readonly number[],
  ...between: readonly Uint8Array[]
): Uint8Array {
  const header = headerChunk(width, height, [depth as number, colour as number, 0, 0, interlace]);
  return withChecksums(pngOfChunks(header, ...between, chunk("IDAT", zlibSync(Uint8Array.from(lines))), chunk("IEND")));
}

const dataOf = async (bytes: Uint8Array) => {
  const { channels, data } = await decodeImage(bytes);
  return [channels, ...data];
};

test("PNG: every colour type and depth becomes 8 bits a channel", async () => {
  const palette = chunk("PLTE", Uint8Array.of(10, 11, 12, 20, 21, 22, 30, 31, 32));
  // Lines begin with their filter; 1 is the difference to the pixel before.
  assert.equal(await dataOf(pngFile([3, 2], [8, 0], [0, 1, 2, 3, 1, 5, 1, 1])), [1, 1, 2, 3, 5, 6, 7]);
  assert.equal(await dataOf(pngFile([3, 1], [1, 0], [0, 0b10100000])), [1, 255, 0, 255]);
  assert.equal(await dataOf(pngFile([3, 1], [2, 0], [0, 0b00011100])), [1, 0, 85, 255]);
  assert.equal(await dataOf(pngFile([3, 1], [4, 0], [0, 0x0f, 0x80])), [1, 0, 255, 136]);
  assert.equal(await dataOf(pngFile([2, 1], [16, 0], [0, 0x12, 0xff, 0xab, 0x00])), [1, 0x12, 0xab]);
  assert.equal(await dataOf(pngFile([1, 1], [8, 2], [0, 1, 2, 3])), [3, 1, 2, 3]);
  assert.equal(await dataOf(pngFile([1, 1], [8, 4], [0, 1, 2])), [2, 1, 2]);
  assert.equal(await dataOf(pngFile([1, 1], [16, 6], [0, 1, 0, 2, 0, 3, 0, 4, 0])), [4, 1, 2, 3, 4]);
  assert.equal(
    await dataOf(pngFile([3, 1], [2, 3], [0, 0b10000100], palette)),
    [3, 30, 31, 32, 10, 11, 12, 20, 21, 22],
  );
  const clear = chunk("tRNS", Uint8Array.of(0, 128));
  assert.equal(await dataOf(pngFile([2, 1], [8, 3], [0, 2, 1], palette, clear)), [4, 30, 31, 32, 255, 20, 21, 22, 128]);
  const key = chunk("tRNS", Uint8Array.of(0, 2));
  assert.equal(await dataOf(pngFile([2, 1], [2, 0], [0, 0b10010000], key)), [2, 170, 0, 85, 255]);
  // Interlaced, 2 x 2: passes 1, 6 and 7 hold pixels 0, 1 and the second line.
  assert.equal(await dataOf(pngFile([2, 2], [8, 0, 1], [0, 1, 0, 2, 0, 3, 4])), [1, 1, 2, 3, 4]);
});

test("PNG: what is damaged, hostile or cut short is refused", async () => {
  const good = pngFile([2, 1], [8, 0], [0, 1, 2]);
  for (let end = 8; end < good.length; end++) {
    await rejected(decodeImage(good.subarray(0, end)), refused(/must end with a whole chunk/));
  }
  const flipped = good.slice();
  flipped[45] = (flipped[45] as number) ^ 1;
  await rejected(decodeImage(flipped, "a.png"), refused(/^a\.png: chunk IDAT at byte 33 must match its checksum/));
  await rejected(decodeImage(pngFile([2, 1], [8, 0], [0, 1])), refused(/must have 3 bytes of pixels, got 2/));
  await rejected(
    decodeImage(pngFile([2, 1], [8, 0], new Array(5_000_000).fill(0))),
    refused(/3 bytes of pixels, got more/),
  );
  await rejected(
    decodeImage(pngFile([1e5, 1e5], [8, 0], [0])),
    refused(/must have from 1 to 33554432 pixels, got 100000 x/),
  );
  await rejected(
    decodeImage(pngFile([1, 1], [8, 3], [0, 9], chunk("PLTE", new Uint8Array(3)))),
    refused(/colours of its palette/),
  );
  await rejected(
    decodeImage(pngFile([4096, 4096], [8, 6], [0])),
    refused(/got \d+ packed ones, which cannot be as many/),
  );
  await rejected(decodeImage(pngFile([2, 1], [1, 0, 1], [0, 0])), refused(/8 or 16 bits where it is interlaced/));
  await rejected(decodeImage(utf8("GIF89a")), refused(/must be a PNG, JPEG or WebP image, got 6 bytes/));
  await rejected(decodeImage(utf8("RIFF\0\0\0\0WEBPVP8 ")), refused(/must be PNG or JPEG here, got image\/webp/));
});

test("JPEG: close to what was encoded; cut short, it is refused", async () => {
  const [width, height] = [24, 16];
  const data = Uint8Array.from(
    { length: 4 * width * height },
    (_, i) => (i % 4 === 3 ? 255 : Math.floor(i / 4) % width) * (i % 4 === 3 ? 1 : 8),
  );
  const bytes = Uint8Array.from(encodeJpeg({ width, height, data }, 100).data);
  const image = await readImage(bytes);
  assert.equal([image.width, image.height, image.channels], [width, height, 3]);
  for (let i = 0; i < width * height; i++) {
    assert.ok(Math.abs((image.data[3 * i] as number) - (data[4 * i] as number)) <= 4, `pixel ${i}`);
  }
  for (const end of [3, 100, 400, bytes.length - 2]) {
    await rejected(decodeImage(bytes.subarray(0, end)), refused(/must (end with an end of image|be an intact JPEG)/));
  }
  const large = bytes.slice();
  const frame = large.findIndex((byte, i) => byte === 0xff && large[i + 1] === 0xc0);
  large.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  await rejected(decodeImage(large), refused(/must have from 1 to 33554432 pixels, got 65535 x 65535/));
  large.set([0x10, 0, 0x10, 0], frame + 5);
  await rejected(decodeImage(large), refused(/must be a whole image, got \d+ bytes for 4096 x 4096 pixels/));
});

test.run();
