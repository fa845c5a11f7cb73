/** Features of images, sound and series. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { powerSpectrum, resample } from "../../src/data/sound.ts";
import {
  arrayColumn,
  type Feature,
  logMel,
  numberColumn,
  type Pixels,
  pixels,
  preprocess,
  type RawRows,
  type Series,
  type Sound,
  series,
  Table,
  tableOf,
  windows,
} from "../../src/data.ts";
import { DataError, FormatError } from "../../src/errors.ts";
import { Draw, keyOf } from "../../src/random.ts";

const test = suite("data: features of images, sound and series");

const made = (feature: Feature, train: RawRows, rows: RawRows = train): number[] => [
  ...(preprocess({ x: feature }).fit(train).apply(rows).x as Float32Array),
];

const refused = (pattern: RegExp) => (error: Error) => error instanceof DataError && pattern.test(error.message);

function near(got: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.is(got.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs((got[i] as number) - value) <= tolerance, `${i}: ${got[i]} instead of ${value}`);
  }
}

const image = (...data: number[]): Pixels => ({ width: 2, height: 1, channels: 1, data: Uint8Array.from(data) });

test("pixels: 0 to 1, standardised by the training images, by numbers that are given, inverted", () => {
  const train = { a: [image(0, 51), image(102, 255)] };
  const size = [1, 2] as const;
  near(made(pixels("a", { size }), train), [0, 0.2, 0.4, 1], 1e-7);
  near(made(pixels("a", { size, invert: true }), train), [1, 0.8, 0.6, 0], 1e-7);
  const deviation = Math.sqrt((0.4 ** 2 + 0.2 ** 2 + 0 + 0.6 ** 2) / 4);
  const expected = [-0.4, -0.2, 0, 0.6].map((each) => each / deviation);
  near(made(pixels("a", { size, normalise: "standard" }), train), expected, 1e-6);
  const normalise = { mean: 0.4, deviation: [0.5] };
  near(made(pixels("a", { size, normalise }), train), [-0.8, -0.4, 0, 1.2], 1e-6);
});

test("pixels: arrays of bytes are images, of one channel or several", () => {
  const grey = new Table("idx", { a: arrayColumn([2, 2], Uint8Array.of(0, 255, 51, 102)) });
  near(made(pixels("a", { size: 2 }), grey), [0, 1, 0.2, 0.4], 1e-7);
  const colour = new Table("cifar", { a: arrayColumn([1, 1, 3], Uint8Array.of(255, 0, 0, 0, 0, 255)) });
  const standard = pixels("a", { size: 1, channels: 3, normalise: "standard" });
  near(made(standard, colour), [1, 0, -1, -1, 0, 1], 1e-6);
  near(made(pixels("a", { size: 1 }), colour), [76 / 255, 29 / 255], 1e-7);
  const other = new Table("npy", { a: arrayColumn([2, 2], Float32Array.of(0, 0.5, 51, 102)) });
  assert.throws(
    () => made(pixels("a", { size: 2 }), other),
    refused(/npy: row 0: a must be an image \[2, 2, 1\] of whole/),
  );
  const numbers = new Table("csv", { a: numberColumn([1]) });
  assert.throws(
    () => made(pixels("a", { size: 2 }), numbers),
    refused(/^pixels: column "a" must hold images.*number$/),
  );
});

test("pixels: a missing image is refused with its row", () => {
  assert.throws(
    () => made(pixels("a", { size: 1 }), { a: [image(1, 2), null] }),
    refused(/row 1: a must be an image.*null/),
  );
});

/** Samples that Python computes, too. */
const samples = (length: number) => Float32Array.from({ length }, (_, i) => ((i * i * 7 + i * 13) % 101) / 101 - 0.5);
const sound = (length: number, rate = 8000): Sound => ({ rate, channels: 1, samples: samples(length) });
const MEL = { window: 64, hop: 32, bands: 6, standardise: false } as const;

test("logMel: numpy's numbers, padded with silence", () => {
  const got = made(logMel("a", { ...MEL, frames: 10 }), { a: [sound(300)] });
  const frame = (i: number) => got.slice(i * 6, (i + 1) * 6);
  near(frame(0), [1.824488, 0.290893, 0.62904, 2.058187, 2.157506, 3.358542], 1e-6);
  near(frame(3), [1.857783, 0.391619, 0.035007, 1.659769, 2.114527, 3.359181], 1e-6);
  near(frame(7), [0.39881, 1.316877, 2.328895, 2.083265, 1.399659, 2.759492], 1e-6);
  near([...frame(8), ...frame(9)], new Array(12).fill(Math.log(1e-10)), 1e-5);
});

test("logMel: standardised by band over the training frames; padding is 0 and has mask 0", () => {
  const mel = logMel("a", { ...MEL, standardise: true, frames: 9 });
  const { x, mask } = preprocess({ x: mel, mask: mel.mask })
    .fit({ a: [sound(300)] })
    .apply({ a: [sound(300), sound(10), null] });
  assert.equal(
    [...(mask as Float32Array)],
    [...[1, 1, 1, 1, 1, 1, 1, 1, 0], ...[1, 0, 0, 0, 0, 0, 0, 0, 0], ...new Array(9).fill(0)],
  );
  const band = Array.from({ length: 8 }, (_, i) => x?.[i * 6 + 2] as number);
  near([band.reduce((a, b) => a + b), band.reduce((sum, each) => sum + each * each, 0)], [0, 8], 1e-4);
  assert.ok(x?.slice(8 * 6, 9 * 6).every((each) => each === 0));
});

test("logMel: stereo is averaged, other rates resampled, what is no sound refused", () => {
  const stereo: Sound = {
    rate: 8000,
    channels: 2,
    samples: Float32Array.from({ length: 600 }, (_, i) => (i % 2 === 0 ? 2 : 0) * (samples(300)[i >> 1] as number)),
  };
  const mel = logMel("a", { ...MEL, frames: 8 });
  assert.equal(made(mel, { a: [stereo] }), made(mel, { a: [sound(300)] }));
  const nan = { ...sound(4), samples: Float32Array.of(Number.NaN) };
  assert.throws(() => made(mel, { a: [nan] }), refused(/row 0: a must have finite samples/));
  assert.throws(() => made(mel, { a: [{ ...sound(4), rate: 0 }] }), refused(/row 0: a must be a sound/));
});

test("resampling: numpy's numbers, and a tone stays the tone or is removed", () => {
  const x = Float64Array.from(samples(300));
  const down = resample(x, 11025, 8000);
  assert.is(down.length, 218);
  near(
    [0, 1, 50, 100, 217].map((i) => down[i] as number),
    [-0.455846627, -0.140741841, 0.153051735, 0.194353507, -0.062670727],
    1e-8,
  );
  const up = resample(x, 4000, 8000);
  near(
    [0, 1, 301, 599].map((i) => up[i] as number),
    [-0.5, -0.577968516, -0.04229329, 0.167871439],
    1e-8,
  );
  const tone = (frequency: number, rate: number, n: number) =>
    Float64Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));
  const kept = resample(tone(1000, 44_100, 8820), 44_100, 8000);
  near([...kept.slice(200, 1400)], [...tone(1000, 8000, 1600).slice(200, 1400)], 2e-3);
  const gone = resample(tone(6000, 44_100, 8820), 44_100, 8000);
  assert.ok(gone.slice(200, 1400).every((each) => Math.abs(each) < 2e-3));
});

test("the power spectrum is that of the plain transform", () => {
  const draw = new Draw(keyOf(5));
  for (const size of [2, 8, 64]) {
    const frame = Float64Array.from({ length: size - 1 }, () => draw.uniform(-1, 1));
    const expected = Array.from({ length: size / 2 + 1 }, (_, k) => {
      const part = (f: (x: number) => number) =>
        frame.reduce((sum, each, i) => sum + each * f((2 * Math.PI * k * i) / size), 0);
      return part(Math.cos) ** 2 + part(Math.sin) ** 2;
    });
    near([...powerSpectrum(size)(frame)], expected, 1e-12);
  }
});

const steps = (channels: number, ...values: number[]): Series => ({ channels, values: Float32Array.from(values) });

test("series: cut and padded from either end or the centre", () => {
  const a = [steps(1, 1, 2, 3, 4, 5), steps(1, 6)];
  const of = (from: "start" | "end" | "centre") => {
    const feature = series("a", { length: 3, from, standardise: false });
    const { x, mask } = preprocess({ x: feature, mask: feature.mask }).fit({ a }).apply({ a });
    return [[...(x as Float32Array)], [...(mask as Float32Array)]];
  };
  assert.equal(of("start"), [
    [1, 2, 3, 6, 0, 0],
    [1, 1, 1, 1, 0, 0],
  ]);
  assert.equal(of("end"), [
    [3, 4, 5, 0, 0, 6],
    [1, 1, 1, 0, 0, 1],
  ]);
  assert.equal(of("centre"), [
    [2, 3, 4, 0, 6, 0],
    [1, 1, 1, 0, 1, 0],
  ]);
});

test("series: standardised by channel over all steps; missing numbers and padding are 0", () => {
  const a = [steps(2, 1e9, 1, 1e9 + 128, 1), steps(2, Number.NaN, 1, 1e9 + 64, 4)];
  const deviation = Math.sqrt((64 ** 2 * 2) / 3);
  const [low, high, one, four] = [-64 / deviation, 64 / deviation, -0.75 / Math.sqrt(1.6875), 2.25 / Math.sqrt(1.6875)];
  near(made(series("a", { length: 3 }), { a }), [low, one, high, one, 0, 0, 0, one, 0, four, 0, 0], 1e-6);
  assert.throws(
    () => made(series("a", { length: 3 }), { a: [steps(1, 1), steps(2, 1, 2)] }),
    refused(/a must be a series \{ channels: 1/),
  );
  assert.throws(
    () => made(series("a", { length: 3 }), { a: [steps(1, Number.POSITIVE_INFINITY)] }),
    refused(/must have finite numbers/),
  );
  const feature = series("a", { length: 3, standardise: false });
  const hostile = () => feature.fitted({ arrays: { channels: Float32Array.of(1e9) } });
  assert.throws(hostile, (error: Error) => error instanceof FormatError);
});

test("windows: rows of equal length; other columns are repeated", () => {
  const table = tableOf({ a: [steps(2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), steps(2, 1, 2), null], who: ["x", "y", "z"] });
  const cut = windows(table, "a", { length: 2, stride: 2 });
  const values = Array.from({ length: cut.size }, (_, i) => {
    const cell = cut.column("a", "series").at(i);
    return [cut.column("who").at(i), cell === null ? null : [...cell.values]];
  });
  assert.equal(values, [
    ["x", [1, 2, 3, 4]],
    ["x", [5, 6, 7, 8]],
    ["y", [1, 2]],
    ["z", null],
  ]);
  const arrays = new Table("npy", { a: arrayColumn([4], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)) });
  assert.is(windows(arrays, "a", { length: 3, stride: 1 }).size, 4);
});

test.run();
