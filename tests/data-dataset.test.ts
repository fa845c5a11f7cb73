import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fromArrays } from "../src/data/arrays.ts";
import { LabelledDataset } from "../src/data/dataset.ts";
import { turnMap, withRotations } from "../src/data/rotations.ts";
import { randomSplit, requireDisjoint, splitClasses } from "../src/data/splits.ts";
import { DataError, MemoryError, OptionError } from "../src/errors.ts";
import type { Dataset } from "../src/tasks/dataset.ts";
import { episodes } from "../src/tasks/episodes.ts";

const test = suite("data: arrays, selections and splits");

const refused = (cause: new (message: string) => Error, message: RegExp) => (error: unknown) =>
  error instanceof cause && message.test(error.message);

/** 26 classes a to z of 4 one-number examples. */
const letters = () => {
  const y = Array.from({ length: 104 }, (_, i) => String.fromCharCode(97 + (i % 26)));
  return fromArrays({ x: y.map((_, i) => [i]), y, name: "letters" });
};

test("fromArrays: labels become sorted classes, examples stay with their labels", () => {
  const data = fromArrays({
    x: [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ],
    y: [10, 9, 10, -1],
  });
  assert.equal(
    data.classes.map(({ name, size }) => [name, size]),
    [
      ["-1", 1],
      ["9", 1],
      ["10", 2],
    ],
  );
  assert.equal(data.shape, [2]);
  assert.is(data.size, 4);
  assert.equal(data.all(), { x: new Float32Array([7, 8, 3, 4, 1, 2, 5, 6]), y: new Float32Array([0, 1, 2, 2]) });
  assert.equal(data.batch([3, 0, 3]), { x: new Float32Array([5, 6, 7, 8, 5, 6]), y: new Float32Array([2, 0, 2]) });
});

test("fromArrays: a flat array, given classes, and a copy that later changes do not reach", () => {
  const x = Float32Array.from({ length: 12 }, (_, i) => i);
  const data = fromArrays({ x, y: ["dog", "cat", "dog"], shape: [2, 2, 1], classes: ["dog", "cat"], name: "pets" });
  x.fill(-1);
  assert.equal(
    data.classes.map(({ name }) => name),
    ["dog", "cat"],
  );
  assert.equal([...data.all().x], [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7]);
  const out = new Float32Array(6);
  data.write(1, 0, out, 1);
  assert.equal([...out], [0, 4, 5, 6, 7, 0]);
});

test("fromArrays refuses, naming rule and place", () => {
  const cases: [() => unknown, new (message: string) => Error, RegExp][] = [
    [() => fromArrays({ x: [], y: [] }), DataError, /y must have at least one label/],
    [() => fromArrays({ x: new Float32Array(4), y: [0, 1] }), OptionError, /shape must be given with a flat x/],
    [
      () => fromArrays({ x: new Float32Array(5), y: [0, 1], shape: [2] }),
      DataError,
      /2 labels x 2 numbers.* = 4, got 5/,
    ],
    [
      () => fromArrays({ x: new Float32Array(4), y: [0, 1], shape: [2, 0] }),
      OptionError,
      /shape must hold whole numbers/,
    ],
    [() => fromArrays({ x: [[1]], y: [0, 1] }), DataError, /got 1 rows and 2 labels/],
    [() => fromArrays({ x: [[1, 2], [3]], y: [0, 1] }), DataError, /must have 2 numbers .* got 1 in row 1/],
    [() => fromArrays({ x: [[], []], y: [0, 1] }), DataError, /must have 1 numbers .* got 0 in row 0/],
    [
      () => fromArrays({ x: [[1], [Number.NaN]], y: [0, 1] }),
      DataError,
      /finite in f32, got NaN at position 0 of row 1/,
    ],
    [() => fromArrays({ x: [[1], [1e39]], y: [0, 1] }), DataError, /finite in f32, got Infinity/],
    [() => fromArrays({ x: [[1], [2]], y: [0, "0"] }), DataError, /all finite numbers or all non-empty strings/],
    [() => fromArrays({ x: [[1], [2]], y: [0, Number.NaN] }), DataError, /labels must be/],
    [() => fromArrays({ x: [[1], [2]], y: ["a", ""] }), DataError, /labels must be/],
    [() => fromArrays({ x: [[1], [2]], y: ["a", "b"], classes: ["a", "b", "c"] }), DataError, /got none of "c"/],
    [
      () => fromArrays({ x: [[1], [2]], y: ["a", "b"], classes: ["a"] }),
      DataError,
      /one of the classes "a", got string b at 1/,
    ],
    [() => fromArrays({ x: [[1], [2]], y: ["a", "b"], classes: ["a", "b", "a"] }), DataError, /must not repeat/],
    [
      () => fromArrays({ x: "hello" as unknown as number[][], y: [1] }),
      DataError,
      /must be a Float32Array or an array of rows/,
    ],
  ];
  for (const [make, cause, message] of cases) assert.throws(make, refused(cause, message), String(message));
});

test("batch refuses numbers that are no example's, and arrays that are too large", () => {
  const data = letters();
  for (const bad of [-1, 104, 0.5, Number.NaN])
    assert.throws(() => data.batch([0, bad]), refused(DataError, /from 0 to 103/));
  const huge: Dataset = { ...storageOf([2 ** 30]), shape: [1000] };
  assert.throws(() => new LabelledDataset(huge).all(), refused(MemoryError, /at most 2147483648 bytes/));
});

function storageOf(sizes: readonly number[], names = sizes.map((_, i) => `c${i}`)): Dataset {
  const classes = sizes.map((size, i) => ({ name: names[i] ?? "", size }));
  return { name: "mine", shape: [1], classes, fingerprint: "f", write: () => undefined };
}

test("a Dataset from elsewhere is checked", () => {
  assert.throws(() => new LabelledDataset(storageOf([])), refused(DataError, /at least one class/));
  assert.throws(
    () => new LabelledDataset(storageOf([1, 0])),
    refused(DataError, /at least one example, got 0 in "c1"/),
  );
  assert.throws(() => new LabelledDataset(storageOf([1, 1], ["a", "a"])), refused(DataError, /unique, got twice "a"/));
  assert.throws(() => new LabelledDataset({ ...storageOf([1]), shape: [-1] }), refused(DataError, /shape must hold/));
});

test("subset is a view in the data set's order, whichever way it was chosen", () => {
  const data = letters();
  const some = data.subset(["d", "b", "z"]);
  assert.equal(
    some.classes.map(({ name }) => name),
    ["b", "d", "z"],
  );
  assert.equal([...some.all().x], [1, 27, 53, 79, 3, 29, 55, 81, 25, 51, 77, 103]);
  assert.equal([...some.all().y], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  const again = data.subset(({ name }) => "abdz".includes(name)).subset(["b", "z", "d"]);
  assert.equal(again.all(), some.all());
  assert.is(again.fingerprint, some.fingerprint);
  assert.is(data.subset(() => true).fingerprint, data.fingerprint);
  assert.throws(
    () => data.subset(["a", "1", "2"]),
    refused(DataError, /got "1", "2"; its classes are "a".* and 21 more/),
  );
  assert.throws(() => data.subset(["a", "b", "a"]), refused(DataError, /got twice "a"/));
  assert.throws(() => data.subset([]), refused(DataError, /at least one class must be selected/));
});

test("splits that share classes are refused, naming them", () => {
  const data = letters();
  const { train, test: held } = splitClasses(data, { train: ["a", "b"], test: ["c"] });
  assert.is(train.classes.length + held.classes.length, 3);
  assert.throws(
    () => splitClasses(data, { train: ["a", "b"], val: ["d"], test: ["c", "b"] }),
    refused(DataError, /got "b" in both "train" and "test" \(letters\)/),
  );
  assert.throws(() => requireDisjoint({ a: train, b: data }), refused(DataError, /"a", "b" in both "a" and "b"/));
  requireDisjoint({ train, held });
});

test("rotations of one class count as shared, and random splits keep them together", () => {
  const images = fromArrays({
    x: Array.from({ length: 10 }, (_, i) => [i, 0, 0, 0]),
    y: [...Array(10).keys()],
    shape: [2, 2],
  });
  const turned = withRotations(images);
  assert.throws(
    () => splitClasses(turned, { train: ["3/rot000", "4/rot090"], test: ["5/rot000", "3/rot270"] }),
    refused(DataError, /got "3" in both "train" and "test"/),
  );
  const { train, test: held } = randomSplit(turned, { train: 7, test: 3 }, 1);
  assert.is(train.classes.length, 28);
  assert.is(held.classes.length, 12);
  requireDisjoint({ train, held });
});

test("randomSplit: by the seed alone, every class at most once", () => {
  const data = letters();
  const names = (part: LabelledDataset) => part.classes.map(({ name }) => name).join("");
  const first = randomSplit(data, { train: 20, test: 5 }, 1);
  const again = randomSplit(letters(), { train: 20, test: 5 }, 1);
  assert.is(names(first.train), names(again.train));
  assert.is(names(first.test), names(again.test));
  assert.is(new Set(names(first.train) + names(first.test)).size, 25);
  assert.is.not(names(first.test), names(randomSplit(data, { train: 20, test: 5 }, 2).test));
  assert.throws(() => randomSplit(data, { train: 20, test: 7 }, 1), refused(DataError, /at most the 26 .* = 27/));
  assert.throws(
    () => randomSplit(data, { train: 20, test: 0 }, 1),
    refused(OptionError, /test must be a whole number/),
  );
  assert.throws(() => randomSplit(data, { train: 20 }, -1), refused(OptionError, /seed/));
});

test("turning is counter-clockwise, and four quarter turns are the identity", () => {
  // 1 2 / 3 4 turned by a quarter counter-clockwise is 2 4 / 1 3.
  const images = withRotations(fromArrays({ x: [[1, 2, 3, 4]], y: ["i"], shape: [2, 2] }));
  assert.equal(
    images.classes.map(({ name, group }) => [name, group]),
    ["000", "090", "180", "270"].map((degrees) => [`i/rot${degrees}`, "i"]),
  );
  const turns = [0, 1, 2, 3].map((example) => [...images.batch([example]).x]);
  assert.equal(turns, [
    [1, 2, 3, 4],
    [2, 4, 1, 3],
    [4, 3, 2, 1],
    [3, 1, 4, 2],
  ]);
  for (const [side, channels] of [
    [1, 1],
    [3, 1],
    [5, 3],
    [28, 1],
  ] as const) {
    const image = Float32Array.from({ length: side * side * channels }, (_, i) => i);
    let turned = image;
    for (let quarters = 0; quarters < 4; quarters++) {
      assert.equal(
        turned,
        image.map((_, i) => image[turnMap(side, channels, quarters)[i] as number] as number),
      );
      const before = turned;
      turned = image.map((_, i) => before[turnMap(side, channels, 1)[i] as number] as number);
    }
    assert.equal(turned, image);
  }
  assert.throws(() => withRotations(letters()), refused(DataError, /must be square.*got \[1\] \(letters\)/));
});

test("fingerprints change with values, labels, names, selections and rotations", () => {
  const base = {
    x: [
      [1, 2],
      [3, 4],
    ],
    y: ["a", "b"],
    name: "n",
  };
  const data = fromArrays(base);
  const prints = [
    data,
    fromArrays({
      ...base,
      x: [
        [1, 2],
        [3, 5],
      ],
    }),
    fromArrays({ ...base, y: ["a", "c"] }),
    fromArrays({ ...base, y: ["b", "a"] }),
    fromArrays({ ...base, name: "m" }),
    fromArrays({ ...base, shape: [2, 1] }),
    data.subset(["a"]),
    data.subset(["b"]),
    withRotations(fromArrays({ x: [[1], [2]], y: ["a", "b"], shape: [1, 1] })),
    fromArrays({ x: [[1], [2]], y: ["a", "b"], shape: [1, 1] }),
  ].map(({ fingerprint }) => fingerprint);
  assert.is(new Set(prints).size, prints.length);
  assert.is(fromArrays(base).fingerprint, data.fingerprint);
});

test("episodes of the user's own arrays", () => {
  const source = episodes(letters(), { ways: 5, shots: 1, queries: 2 });
  const { support, query } = source.sample([0, 1]);
  for (const { x, y } of [support, query]) {
    x.forEach((value, row) => {
      assert.is(
        letters().classes[value % 26]?.name,
        letters().classes[source.classesOf([0, 1])[y[row] as number] as number]?.name,
      );
    });
  }
});

test.run();
