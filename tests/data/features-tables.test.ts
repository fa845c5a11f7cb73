import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  clip,
  type Feature,
  isMissing,
  minMax,
  numbers,
  oneHot,
  ordinal,
  preprocess,
  type RawRows,
  standardise,
  tableOf,
} from "../../src/data.ts";
import { DataError, FormatError } from "../../src/errors.ts";

const test = suite("data: features of tables");

const train = { age: [20, 30, null, 70], sex: ["m", "f", "m", null], cp: [10, 2, 2, 1] };

/** What a feature, fitted to the training rows, makes of others. */
function made(feature: Feature, rows: RawRows = train): number[] {
  return [...(preprocess({ x: feature }).fit(train).apply(rows).x as Float32Array)];
}

const refused = (pattern: RegExp) => (error: Error) => error instanceof DataError && pattern.test(error.message);

test("standardise: mean 0 and deviation 1 over the training rows; a missing number is the mean", () => {
  const deviation = Math.sqrt((20 ** 2 + 10 ** 2 + 30 ** 2) / 3);
  const expected = [-20 / deviation, -10 / deviation, 0, 30 / deviation].map(Math.fround);
  assert.equal(made(standardise("age")), expected);
});

test("minMax and numbers: missing numbers are the mean, the median or what the options say", () => {
  assert.equal(made(minMax("age")), [0, 0.2, 0.4, 1].map(Math.fround));
  assert.equal(made(numbers("age")), [20, 30, 40, 70]);
  assert.equal(made(numbers("age", { missing: "median" })), [20, 30, 30, 70]);
  assert.equal(made(numbers("age", "cp", { missing: -1 })), [20, 10, 30, 2, -1, 2, 70, 1]);
});

test("a number that f32 cannot hold is refused, in training rows and in others", () => {
  assert.throws(() => made(numbers("age"), { age: [1e39] }), refused(/row 0: age must be a finite number.*1e\+39/));
  const fit = () => preprocess({ x: standardise("a") }).fit({ a: [1, Number.POSITIVE_INFINITY] });
  assert.throws(fit, refused(/^standardise: column "a": row 1 must have a finite number, got Infinity$/));
});

test("oneHot: text in code unit order, codes by value; missing and unknown ones are zeros", () => {
  const fitted = preprocess({ x: oneHot("sex", "cp") }).fit(train);
  assert.equal(fitted.inputs.x, [5]);
  assert.equal(
    [...(fitted.apply({ sex: ["f", null, "x"], cp: [10, 1, 3] }).x as Float32Array)],
    [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
  );
  assert.equal(oneHot("sex", "cp").fitted(oneHot("sex", "cp").fit(tableOf(train))).labels, [
    "sex=f",
    "sex=m",
    "cp=1",
    "cp=2",
    "cp=10",
  ]);
});

test("oneHot: `other` has a number for unknown ones, `most` keeps the most frequent", () => {
  assert.equal(made(oneHot("sex", { other: true }), { sex: ["f", "x", null] }), [1, 0, 0, 0, 0, 1, 0, 0, 0]);
  assert.equal(made(oneHot("cp", { most: 1 })), [0, 1, 1, 0]);
  assert.equal(made(oneHot("cp", { most: 2, other: true })), [0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0]);
  const many = { a: Array.from({ length: 5000 }, (_, i) => `${i}`) };
  assert.throws(() => preprocess({ x: oneHot("a") }).fit(many), refused(/^oneHot: column "a" must have at most 4096/));
  assert.throws(() => preprocess({ x: oneHot("a") }).fit({ a: [null] }), refused(/must have a category/));
});

test("ordinal: the place in the order, -1 where there is none", () => {
  assert.equal(made(ordinal("cp")), [2, 1, 1, 0]);
  assert.equal(made(ordinal("sex", { order: ["m", "f", "d"] }), { sex: ["m", "d", null, "x"] }), [0, 2, -1, -1]);
  assert.throws(() => made(ordinal("cp", { order: [1, 2] })), refused(/^ordinal: order must list every.*"10"/));
});

test("isMissing: of every kind", () => {
  assert.equal(made(isMissing("age", "sex")), [0, 0, 0, 0, 1, 0, 0, 1]);
});

test("clip: brings what a feature makes within bounds", () => {
  assert.equal(made(clip(minMax("age"), 0.25, 2), { age: [0, 45, 700] }), [0.25, 0.5, 2]);
});

const all = () =>
  preprocess({
    x: [standardise("age"), oneHot("sex", { other: true })],
    z: [minMax("cp"), ordinal("cp"), isMissing("age")],
  });

test("pack and unpack: the same bits; files of other preprocessing, damaged or not finite, are refused", () => {
  const fitted = all().fit(train);
  const packed = fitted.pack();
  const again = all().unpack(structuredClone(packed));
  assert.equal(again.apply(train), fitted.apply(train));
  assert.equal(again.pack(), packed);
  const format = (pattern: RegExp) => (error: Error) => error instanceof FormatError && pattern.test(error.message);
  const other = () => preprocess({ x: standardise("age", "cp") });
  assert.throws(() => other().unpack(packed), format(/must hold a fit of x: standardise\(age, cp\), got one of x: /));
  assert.throws(() => all().unpack({ tensors: {}, metadata: {} }), format(/must hold a fit, got none/));
  assert.throws(() => all().unpack({ tensors: {}, metadata: packed.metadata }), format(/there must be an array/));
  for (const name of Object.keys(packed.tensors)) {
    const change = (data: Float32Array) => ({ ...packed, tensors: { ...packed.tensors, [name]: { shape: [], data } } });
    assert.throws(() => all().unpack(change(Float32Array.of(Number.NaN))), format(/must have finite numbers/));
    assert.throws(() => all().unpack(change(new Float32Array(7))), format(/must have 1 numbers as/));
  }
});

test("unpack: every truncation and changed character of the metadata is refused or harmless", () => {
  const { tensors, metadata } = all().fit(train).pack();
  const text = metadata.preprocessing as string;
  let refusals = 0;
  for (let at = 0; at < text.length; at++) {
    for (const changed of [
      text.slice(0, at),
      `${text.slice(0, at)}]${text.slice(at + 1)}`,
      `${text.slice(0, at)}1${text.slice(at + 1)}`,
    ]) {
      try {
        all().unpack({ tensors, metadata: { preprocessing: changed } });
      } catch (error) {
        assert.instance(error, FormatError, `${at}: ${error}`);
        refusals++;
      }
    }
  }
  assert.ok(refusals > text.length * 2);
});

test.run();
