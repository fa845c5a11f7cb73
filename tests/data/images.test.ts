import { suite } from "uvu";
import * as assert from "uvu/assert";
import { resizePixels } from "../../src/data/images.ts";
import type { Pixels } from "../../src/data/table.ts";
import { DataError } from "../../src/errors.ts";
import { Draw, keyOf } from "../../src/random.ts";

const test = suite("data: resizing images");

function noise(height: number, width: number, channels: 1 | 2 | 3 | 4): Pixels {
  const draw = new Draw(keyOf(height * 1000 + width * 10 + channels));
  return {
    width,
    height,
    channels,
    data: Uint8Array.from({ length: height * width * channels }, () => draw.below(256)),
  };
}

const grey = (rows: readonly (readonly number[])[]): Pixels => ({
  height: rows.length,
  width: (rows[0] as readonly number[]).length,
  channels: 1,
  data: Uint8Array.from(rows.flat()),
});

const rowsOf = ({ data, width, channels }: Pixels): number[][] =>
  Array.from({ length: data.length / width / channels }, (_, y) => [
    ...data.slice(y * width * channels, (y + 1) * width * channels),
  ]);

/** The value of a line of pixels at a place, in f64: the mean over [low, high) where it shrinks, between centres where it grows. */
function along(line: readonly number[], o: number, to: number): number {
  const from = line.length;
  if (to <= from) {
    const [low, high] = [(o * from) / to, ((o + 1) * from) / to];
    let sum = 0;
    for (let s = 0; s < from; s++) sum += Math.max(0, Math.min(s + 1, high) - Math.max(s, low)) * (line[s] as number);
    return sum / (high - low);
  }
  const at = Math.min(Math.max(((o + 0.5) * from) / to - 0.5, 0), from - 1);
  const s = Math.min(Math.floor(at), from - 1);
  return (line[s] as number) * (s + 1 - at) + (line[s + 1] ?? 0) * (at - s);
}

test("area averages and bilinear interpolation are those of a plain f64 loop, along each axis and channel", () => {
  for (const [height, width, h, w] of [
    [7, 9, 3, 4],
    [5, 4, 11, 9],
    [6, 3, 2, 8],
    [3, 10, 9, 5],
    [4, 4, 4, 4],
    [1, 1, 3, 2],
  ] as const) {
    const image = noise(height, width, 3);
    const made = resizePixels(image, { size: [h, w], channels: 3 });
    assert.equal([made.height, made.width, made.channels, made.data.length], [h, w, 3, h * w * 3]);
    for (let i = 0; i < made.data.length; i++) {
      const [y, x, c] = [Math.floor(i / 3 / w), Math.floor(i / 3) % w, i % 3];
      const column = Array.from({ length: height }, (_, row) =>
        along(
          Array.from({ length: width }, (_, at) => image.data[(row * width + at) * 3 + c] as number),
          x,
          w,
        ),
      );
      const expected = along(column, y, h);
      assert.ok(Math.abs((made.data[i] as number) - expected) <= 0.5 + 1e-9, `${height}x${width} to ${h}x${w}, ${i}`);
    }
  }
});

test("the same size gives the same pixels", () => {
  const image = noise(5, 6, 1);
  assert.equal([...resizePixels(image, { size: [5, 6] }).data], [...image.data]);
});

test("grey is the luma of BT.601, after transparency is laid over the background", () => {
  const pixel = (channels: 1 | 2 | 3 | 4, ...data: number[]): Pixels => ({
    width: 1,
    height: 1,
    channels,
    data: Uint8Array.from(data),
  });
  const made = (image: Pixels, channels: 1 | 3, background = 255) => [
    ...resizePixels(image, { size: 1, channels, background }).data,
  ];
  assert.equal(made(pixel(3, 200, 100, 50), 1), [124]); // 59.8 + 58.7 + 5.7 = 124.2
  assert.equal(made(pixel(1, 9), 3), [9, 9, 9]);
  assert.equal(made(pixel(2, 9, 0), 1), [255]);
  assert.equal(made(pixel(2, 9, 0), 1, 7), [7]);
  assert.equal(made(pixel(4, 200, 100, 50, 128), 3), [227, 177, 152]); // (200 * 128 + 255 * 127) / 255 = 227.4, …
});

test("crop keeps the centre, pad keeps the whole", () => {
  const image = grey([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
  assert.equal(rowsOf(resizePixels(image, { size: 2, fit: "crop" })), [
    [2, 3],
    [6, 7],
  ]);
  assert.equal(rowsOf(resizePixels(image, { size: 4, fit: "pad", background: 9 })), [
    [9, 9, 9, 9],
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 9, 9, 9],
  ]);
  const tall = grey([[1], [2], [3]]);
  assert.equal(rowsOf(resizePixels(tall, { size: 3, fit: "pad", background: 0 })), [
    [0, 1, 0],
    [0, 2, 0],
    [0, 3, 0],
  ]);
});

test("what is no image is refused", () => {
  const broken: unknown[] = [
    { width: 2, height: 2, channels: 1, data: new Uint8Array(3) },
    { width: 0, height: 2, channels: 1, data: new Uint8Array(0) },
    { width: 70_000, height: 1, channels: 1, data: new Uint8Array(70_000) },
    { width: 1, height: 1, channels: 5, data: new Uint8Array(5) },
    { width: 1, height: 1, channels: 1, data: [1] },
  ];
  for (const image of broken) {
    assert.throws(
      () => resizePixels(image as Pixels, { size: 2 }),
      (error: Error) => error instanceof DataError && /^resizePixels: pixels must be an image/.test(error.message),
    );
  }
});

test.run();
