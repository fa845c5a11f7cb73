import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fromArrays } from "../src/data/arrays.ts";
import { DataError, OptionError } from "../src/errors.ts";

const test = suite("data: arrays");

const refused = (cause: new (message: string) => Error, message: RegExp) => (error: unknown) =>
  error instanceof cause && message.test(error.message);

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
  assert.equal(data.inputs, { x: [2] });
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
  data.write("x", 1, 0, out, 1);
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
      /shape must be a list of whole numbers from 1, got \[2, 0\]/,
    ],
    [() => fromArrays({ x: [[1]], y: [0, 1] }), DataError, /got 1 rows and 2 labels/],
    [() => fromArrays({ x: [[1, 2], [3]], y: [0, 1] }), DataError, /must have 2 numbers .* got 1 in row 1/],
    [() => fromArrays({ x: [[], []], y: [0, 1] }), DataError, /must have 1 numbers .* got 0 in row 0/],
    [() => fromArrays({ x: [[1], [Number.NaN]], y: [0, 1] }), DataError, /finite in f32, got NaN in column 0 of row 1/],
    [() => fromArrays({ x: [[1], [1e39]], y: [0, 1] }), DataError, /finite in f32, got 1e\+39 in column 0 of row 1/],
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
    ...[null, undefined, "1", [1], true, 1n, Number.NEGATIVE_INFINITY].map(
      (value): [() => unknown, typeof DataError, RegExp] => [
        () =>
          fromArrays({
            x: [
              [1, 2],
              [3, value as number],
            ],
            y: [0, 1],
          }),
        DataError,
        /every number of x must be finite in f32, got .* in column 1 of row 1/,
      ],
    ),
    [
      () => fromArrays({ x: [1, 2] as unknown as number[][], y: [0, 1] }),
      DataError,
      /row of x must be an array .* got 1 as row 0/,
    ],
    [
      () => fromArrays({ x: [[1], [2]], y: "ab" as unknown as string[] }),
      DataError,
      /y must be an array of labels, got "ab"/,
    ],
  ];
  for (const [make, cause, message] of cases) assert.throws(make, refused(cause, message), String(message));
});

test.run();
