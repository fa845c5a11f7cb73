import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fromArrays } from "../src/data/arrays.ts";
import { LabelledDataset } from "../src/data/dataset.ts";
import { turnMap, withRotations } from "../src/data/rotations.ts";
import { randomSplit, requireDisjoint, splitClasses } from "../src/data/splits.ts";
import { DataError, MemoryError, OptionError } from "../src/errors.ts";
import type { Dataset } from "../src/tasks/dataset.ts";
import { episodes } from "../src/tasks/episodes.ts";

const test = suite("data: selections, splits and rotations");

const refused = (cause: new (message: string) => Error, message: RegExp) => (error: unknown) =>
  error instanceof cause && message.test(error.message);

/** 26 classes a to z of 4 one-number examples. */
const letters = () => {
  const y = Array.from({ length: 104 }, (_, i) => String.fromCharCode(97 + (i % 26)));
  return fromArrays({ x: y.map((_, i) => [i]), y, name: "letters" });
};

test("batch refuses numbers that are no example's, and arrays that are too large", () => {
  const data = letters();
  for (const bad of [-1, 104, 0.5, Number.NaN])
    assert.throws(() => data.batch([0, bad]), refused(DataError, /from 0 to 103/));
  const huge: Dataset = { ...storageOf([2 ** 30]), inputs: { x: [1000] } };
  assert.throws(() => new LabelledDataset(huge).all(), refused(MemoryError, /at most 2147483648 bytes/));
});

function storageOf(sizes: readonly number[], names = sizes.map((_, i) => `c${i}`)): Dataset {
  const classes = sizes.map((size, i) => ({ name: names[i] ?? "", size }));
  return { name: "mine", inputs: { x: [1] }, classes, fingerprint: "f", write: () => undefined };
}

test("a Dataset from elsewhere is checked", () => {
  assert.throws(() => new LabelledDataset(storageOf([])), refused(DataError, /at least one class/));
  assert.throws(
    () => new LabelledDataset(storageOf([1, 0])),
    refused(DataError, /at least one example, got 0 in "c1"/),
  );
  assert.throws(() => new LabelledDataset(storageOf([1, 1], ["a", "a"])), refused(DataError, /unique, got twice "a"/));
  assert.throws(
    () => new LabelledDataset({ ...storageOf([1]), inputs: { x: [-1] } }),
    refused(OptionError, /inputs.x/),
  );
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
  const { support, queries: query } = source.sample([0, 1]);
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
