import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fromArrays } from "../../src/data/arrays.ts";
import {
  type Augmentation,
  augmented,
  brightness,
  channelMask,
  contrast,
  cropAndResize,
  elastic,
  erase,
  flip,
  mixup,
  noise,
  rotate,
  scale,
  shear,
  shift,
  timeMask,
  timeShift,
  wordDropout,
} from "../../src/data.ts";
import { OptionError } from "../../src/errors.ts";
import { Draw, fold, keyOf } from "../../src/random.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { TaskSource } from "../../src/tasks/types.ts";

const test = suite("data: augmentation");

/** What an augmentation makes of numbers under a seed; numbers around them must stay as they are. */
function made(
  each: Augmentation,
  shape: readonly number[],
  values: readonly number[],
  seed: number,
  other?: Float32Array,
): number[] {
  assert.ok(each.takes(shape));
  const room = Float32Array.of(7, 7, ...values, 7);
  each.apply(room, 2, shape, new Draw(keyOf(seed)), other);
  assert.equal([room[0], room[1], room[room.length - 1]], [7, 7, 7]);
  return [...room.slice(2, -1)];
}

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);
/** The different results of many seeds, as text. */
const results = (each: Augmentation, shape: readonly number[], values: readonly number[]) =>
  new Set(SEEDS.map((seed) => made(each, shape, values, seed).join(" ")));

function near(got: readonly number[], expected: readonly number[], tolerance = 1e-6): void {
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs((got[i] as number) - value) <= tolerance, `${i}: ${got[i]} instead of ${value}`);
  }
}

test("flip: the image or its mirror image", () => {
  const image = [1, 10, 2, 20, 3, 30, 4, 40];
  assert.equal(results(flip(), [2, 2, 2], image), new Set(["1 10 2 20 3 30 4 40", "2 20 1 10 4 40 3 30"]));
  const both = results(flip({ vertical: true }), [2, 2, 2], image);
  assert.is(both.size, 4);
  assert.ok(both.has("4 40 3 30 2 20 1 10"));
});

test("shift: whole pixels, with fill", () => {
  const found = results(shift(1, { fill: 9 }), [2, 2, 1], [1, 2, 3, 4]);
  assert.equal(
    found,
    new Set(["1 2 3 4", "9 1 9 3", "2 9 4 9", "9 9 1 2", "3 4 9 9", "9 9 9 1", "9 9 2 9", "9 3 9 9", "4 9 9 9"]),
  );
});

test("erase: one filled rectangle", () => {
  for (const text of results(erase(0.5, { fill: 0 }), [4, 6, 1], new Array(24).fill(1))) {
    const values = text.split(" ").map(Number);
    const rows = [0, 1, 2, 3].map((y) => values.slice(y * 6, y * 6 + 6).join(""));
    const erased = rows.filter((row) => row.includes("0"));
    assert.ok(erased.length >= 1 && erased.length <= 2 && new Set(erased).size === 1, text);
    assert.match(erased[0] as string, /^1*0{1,3}1*$/);
  }
});

test("brightness and contrast: one number for all pixels; the mean stays", () => {
  const [a = 0, b = 0, c = 0] = made(brightness(0.5), [1, 3, 1], [0, 1, 2], 3);
  near([b - a, c - b], [1, 1]);
  assert.ok(a !== 0 && Math.abs(a) <= 0.5);
  const changed = made(contrast(0.5), [1, 3, 1], [0, 1, 5], 3);
  near([changed.reduce((x, y) => x + y)], [6]);
  const [factor = 1] = [((changed[2] as number) - 2) / 3];
  near(changed, [2 - 2 * factor, 2 - factor]);
  assert.ok(factor !== 1 && factor >= 0.5 && factor <= 1.5);
});

/** A plain warp in f64 with Math.sin and Math.cos, of a one-channel image. */
function warped(
  image: readonly number[],
  h: number,
  w: number,
  fill: number,
  at: (y: number, x: number) => [number, number],
): number[] {
  const read = (y: number, x: number) => (y < 0 || x < 0 || y >= h || x >= w ? fill : (image[y * w + x] as number));
  return image.map((_, i) => {
    const [y, x] = at(Math.floor(i / w), i % w);
    const [y0, x0] = [Math.floor(y), Math.floor(x)];
    let sum = 0;
    for (const [dy, dx] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      sum += read(y0 + dy, x0 + dx) * (1 - Math.abs(y - y0 - dy)) * (1 - Math.abs(x - x0 - dx));
    }
    return sum;
  });
}

const [H, W] = [7, 9];
const picture = Array.from({ length: H * W }, (_, i) => ((i * 37) % 17) / 17);

test("rotate, scale and shear are the affine maps about the centre", () => {
  for (const seed of [1, 2, 3]) {
    const drawn = (low: number, high: number) => new Draw(keyOf(seed)).uniform(low, high);
    const about =
      (f: (y: number, x: number) => [number, number]) =>
      (y: number, x: number): [number, number] => {
        const [a, b] = f(y - 3, x - 4);
        return [a + 3, b + 4];
      };
    const angle = (drawn(-30, 30) * Math.PI) / 180;
    const turned = about((y, x) => [
      Math.cos(angle) * y - Math.sin(angle) * x,
      Math.sin(angle) * y + Math.cos(angle) * x,
    ]);
    near(made(rotate(30), [H, W, 1], picture, seed), warped(picture, H, W, 0, turned));
    const factor = drawn(0.5, 2);
    const enlarged = about((y, x) => [y / factor, x / factor]);
    near(made(scale(0.5, 2, { fill: 1 }), [H, W, 1], picture, seed), warped(picture, H, W, 1, enlarged));
    const slant = Math.tan((drawn(-20, 20) * Math.PI) / 180);
    near(
      made(shear(20), [H, W, 1], picture, seed),
      warped(
        picture,
        H,
        W,
        0,
        about((y, x) => [y, x + slant * y]),
      ),
    );
  }
});

test("cropAndResize: a rectangle of the image, enlarged", () => {
  for (const seed of [1, 2, 3]) {
    const draw = new Draw(keyOf(seed));
    const side = draw.uniform(0.5, 1);
    const [top, left] = [draw.uniform(0, (1 - side) * H), draw.uniform(0, (1 - side) * W)];
    const within = (value: number, high: number) => Math.min(Math.max(value, 0), high);
    const map = (y: number, x: number): [number, number] => [
      within(top + (y + 0.5) * side - 0.5, H - 1),
      within(left + (x + 0.5) * side - 0.5, W - 1),
    ];
    near(made(cropAndResize(0.5), [H, W, 1], picture, seed), warped(picture, H, W, 0, map));
  }
});

test("elastic: displaced by smoothed noise, as a plain convolution has it", () => {
  const draw = new Draw(keyOf(4));
  const sigma = 1.5;
  const weight = (d: number) => (Math.abs(d) > 5 ? 0 : Math.exp((-d * d) / (2 * sigma * sigma)));
  const total = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5].reduce((sum, d) => sum + weight(d), 0);
  const [down, right] = [0, 1].map(() => {
    const noise = Array.from({ length: H * W }, () => draw.uniform(-6, 6));
    return noise.map((_, i) =>
      noise.reduce((sum, value, j) => {
        const [dy, dx] = [Math.floor(i / W) - Math.floor(j / W), (i % W) - (j % W)];
        return sum + (value * weight(dy) * weight(dx)) / total / total;
      }, 0),
    );
  }) as [number[], number[]];
  const map = (y: number, x: number): [number, number] => [
    y + (down[y * W + x] as number),
    x + (right[y * W + x] as number),
  ];
  near(made(elastic({ strength: 6, smoothness: sigma }), [H, W, 1], picture, 4), warped(picture, H, W, 0, map), 1e-5);
});

test("noise: normal, of the deviation", () => {
  const values = made(noise(0.5), [20_001], new Array(20_001).fill(3), 5);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const moment = (power: number) => values.reduce((sum, each) => sum + (each - mean) ** power, 0) / values.length;
  near([mean, Math.sqrt(moment(2)), moment(3)], [3, 0.5, 0], 0.01);
  near([moment(4) / moment(2) ** 2], [3], 0.15);
});

test("timeShift, timeMask and channelMask: steps move, steps and channels are filled", () => {
  const shifted = results(timeShift(1), [3, 2], [1, 2, 3, 4, 5, 6]);
  assert.equal(shifted, new Set(["1 2 3 4 5 6", "0 0 1 2 3 4", "3 4 5 6 0 0"]));
  assert.ok(results(timeShift(9), [2], [1, 2]).has("0 0"));
  const masked = results(timeMask(1, { fill: 9 }), [3], [1, 2, 3]);
  assert.equal(masked, new Set(["1 2 3", "9 2 3", "1 9 3", "1 2 9"]));
  const bands = results(channelMask(2), [2, 3], [1, 2, 3, 4, 5, 6]);
  assert.equal(
    bands,
    new Set(["1 2 3 4 5 6", "0 2 3 0 5 6", "1 0 3 4 0 6", "1 2 0 4 5 0", "0 0 3 0 0 6", "1 0 0 4 0 0"]),
  );
});

test("wordDropout: words become unknown or padding as often as asked, padding stays", () => {
  const words = Array.from({ length: 10_000 }, (_, i) => (i < 5000 ? i + 2 : 0));
  const dropped = made(wordDropout(0.2), [10_000], words, 1);
  assert.ok(Math.abs(dropped.filter((each) => each === 1).length - 1000) < 100);
  assert.ok(dropped.every((each, i) => each === words[i] || (each === 1 && words[i] !== 0)));
  assert.is(made(wordDropout(0.2, { becomes: "padding" }), [10_000], words, 1).filter((each) => each === 1).length, 0);
});

const data = (classes: number, each: number) =>
  fromArrays({
    x: Float32Array.from({ length: classes * each * 12 }, (_, i) => (i * 7919) % 1009),
    y: Array.from({ length: classes * each }, (_, i) => Math.floor(i / each)),
    shape: [3, 4, 1],
  });
const source = (shots: number | [number, number] = 2) => episodes(data(4, 6), { ways: 3, shots, queries: 2 });
const key = keyOf(17);

test("augmented: support alone unless told otherwise; the task is an address, and earlier arrays may be reused", () => {
  const plain = source();
  const wrapped = augmented(plain, { x: [shift(1), noise(1)] });
  const [before, after] = [plain.sample(key), wrapped.sample(key)];
  assert.not.equal(after.support.x, before.support.x);
  assert.is(after.segments[0], after.support);
  assert.equal([after.queries, after.support.y], [before.queries, before.support.y]);
  assert.equal(wrapped.sample(key, 0, wrapped.sample(fold(key, 1))), after);
  assert.not.equal(wrapped.sample(fold(key, 1)).support.x, after.support.x);
  const queries = augmented(plain, { x: shift(1) }, { support: false, queries: true }).sample(key);
  assert.equal(queries.support, before.support);
  assert.not.equal(queries.queries.x, before.queries.x);
});

test("augmented: arrays of the wrapped source stay as they are, also where it answers with a promise", async () => {
  const kept = source().sample(key);
  const before = structuredClone(kept);
  const slow: TaskSource = {
    name: "slow",
    specs: source().specs,
    fingerprint: "f",
    sample: () => Promise.resolve(kept),
  };
  const { segments } = await augmented(slow, { x: noise(1) }).sample(key);
  assert.equal(kept, before);
  assert.not.equal(segments[0]?.x, before.support.x);
});

test("augmented: rows are drawn independently of one another, columns and lists by their place", () => {
  const same = fromArrays({
    x: new Float32Array(4 * 6 * 12),
    y: Array.from({ length: 24 }, (_, i) => i >> 3),
    shape: [3, 4, 1],
  });
  const { support } = augmented(episodes(same, { ways: 3, shots: 2, queries: 2 }), { x: noise(1) }).sample(key);
  const rows = Array.from({ length: 6 }, (_, i) => support.x.slice(i * 12, (i + 1) * 12).join());
  assert.is(new Set(rows).size, 6);
});

test("augmented: name, fingerprint and data sets", () => {
  const fingerprints = [
    source(),
    augmented(source(), { x: shift(1) }),
    augmented(source(), { x: shift(2) }),
    augmented(source(), { x: [shift(1), noise(1)] }),
    augmented(source(), { x: shift(1) }, { queries: true }),
  ].map(({ fingerprint }) => fingerprint);
  assert.is(new Set(fingerprints).size, 5);
  const { name, datasets } = augmented(source(), { x: shift(1) });
  assert.equal([name, datasets.length], ["arrays 3-way 2-shot, augmented", 1]);
});

test("mixup: with another example of the class, which is none of the padding", () => {
  const wrapped = augmented(source(), { x: mixup(0.5) });
  const [before, after] = [source().sample(key), wrapped.sample(key)];
  for (let row = 0; row < 6; row++) {
    const of = (batch: Float32Array, at: number) => batch.slice(at * 12, at * 12 + 12);
    const [own, other, mixed] = [of(before.support.x, row), of(before.support.x, row ^ 1), of(after.support.x, row)];
    const part = ((mixed[1] as number) - (own[1] as number)) / ((other[1] as number) - (own[1] as number));
    assert.ok(part > 0 && part < 0.5, `${row}: ${part}`);
    near(
      [...mixed],
      [...own].map((value, i) => (1 - part) * value + part * (other[i] as number)),
      1e-3,
    );
  }
  const single = augmented(source(1), { x: mixup(0.5) }).sample(key);
  assert.equal(single.support, source(1).sample(key).support);
  const unequal = source([1, 3]);
  for (let i = 0; i < 20; i++) {
    const [plain, mixed] = [unequal, augmented(unequal, { x: mixup(0.5) })].map(
      (each) => each.sample(fold(key, i)).support,
    );
    const weight = plain?.weight as Float32Array;
    for (let row = 0; row < 9; row++) {
      const shots = weight.slice(row - (row % 3), row - (row % 3) + 3).reduce((sum, each) => sum + each);
      const changed = plain?.x[row * 12 + 1] !== mixed?.x[row * 12 + 1];
      if (weight[row] === 1) assert.is(changed, shots > 1, `task ${i}, row ${row} of ${shots} shots`);
    }
  }
});

test("augmented refuses columns, shapes and objectives that do not fit", () => {
  const refused = (pattern: RegExp) => (error: Error) => error instanceof OptionError && pattern.test(error.message);
  assert.throws(
    () => augmented(source(), { z: shift(1) }),
    refused(/^augmented: columns must be inputs of .*: x, got "z"/),
  );
  assert.throws(
    () => augmented(source(), { x: timeShift(1) }),
    refused(/^augmented: x must be sequences .*got "\[3,4,1\]"/),
  );
  assert.throws(
    () => augmented(sinusoid(), { x: mixup(0.1) }),
    refused(/^augmented: the objective for mixup\(0.1\) must be one of classes/),
  );
});

test.run();
