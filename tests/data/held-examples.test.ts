import { suite } from "uvu";
import * as assert from "uvu/assert";
import { heldExamples } from "../../src/data/held-examples.ts";
import { hashedNgrams, preprocess, standardise, tableOf } from "../../src/data.ts";
import type { Examples } from "../../src/tasks/examples.ts";
import { ContentHash } from "../../src/tasks/hash.ts";
import { Chance } from "../support/random.ts";

const test = suite("data: examples in memory");

/** The numbers of a column, into an array that holds others before. */
function read(examples: Examples, column: string, length: number): Float32Array {
  const out = new Float32Array(examples.size * length).fill(7);
  for (let row = 0; row < examples.size; row++) examples.write(column, row, out, row * length);
  return out;
}

test("rows are the same bits however they are kept, and so is the fingerprint", () => {
  const chance = new Chance(1);
  for (const [size, length, share] of [
    [300, 7, 1],
    [300, 40, 0.02],
    [5, 2 ** 19 + 3, 0.001],
    [257, 9, 0],
  ] as const) {
    const data = Float32Array.from({ length: size * length }, () =>
      chance.chance(share) ? chance.uniform(-1, 1) : chance.chance(0.001) ? -0 : 0,
    );
    const make = (_: string, row: number, out: Float32Array, offset: number) =>
      out.set(data.subarray(row * length, (row + 1) * length), offset);
    const held = heldExamples("made", size, { x: [length] }, { label: ["a"] }, make);
    const [words, expected] = [read(held, "x", length), data].map((each) => new Uint32Array(each.buffer));
    assert.ok(
      words?.every((word, i) => word === expected?.[i]),
      `${length} numbers`,
    );
    const hash = new ContentHash().value("made").value("x").floats(data).value("label").value("a");
    assert.is(held.fingerprint, hash.digest());
  }
});

test("preprocessing makes the rows of apply, and targets beside them", () => {
  const table = tableOf({ text: ["wake me", "play it", null], age: [1, 5, 3], dose: [2, 4, 6], days: [1, 0, 1] });
  const fitted = preprocess({ x: hashedNgrams("text", { size: 512 }), age: standardise("age") }).fit(table);
  const examples = fitted.examples(table, { targets: ["dose", "days"] });
  const made = fitted.apply(table);
  assert.equal(read(examples, "x", 512), made.x);
  assert.equal(read(examples, "age", 1), made.age);
  assert.equal(read(examples, "y", 2), Float32Array.of(2, 1, 4, 0, 6, 1));
});

test("bags of words take the room of their words", () => {
  const texts = Array.from({ length: 600 }, (_, i) => `word${i} and word${i % 17} again`);
  const table = tableOf({ text: texts });
  const fitted = preprocess({ x: hashedNgrams("text", { size: 2 ** 17, words: [1, 2], characters: false }) }).fit(
    table,
  );
  const before = process.memoryUsage().arrayBuffers;
  const examples = fitted.examples(table);
  const room = process.memoryUsage().arrayBuffers - before;
  // All numbers would take 315 MB.
  assert.ok(room < 20e6, `${room} bytes`);
  assert.is(examples.size, 600);
});

test.run();
