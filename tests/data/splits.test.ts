/** Splits and folds of examples: nothing in two parts, nothing lost, the same under the same seed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { byClass } from "../../src/data/by-class.ts";
import { folds, randomParts, splitByTime, splitExamples } from "../../src/data/example-splits.ts";
import { DataError, OptionError } from "../../src/errors.ts";
import { maml } from "../../src/learners/maml.ts";
import { mlp } from "../../src/nn/networks.ts";
import { entities } from "../../src/tasks/entities.ts";
import { type Examples, selectRows, sharedRows } from "../../src/tasks/examples.ts";
import { mixture } from "../../src/tasks/mixture.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { throwsA } from "../support/errors.ts";
import { rejectsA } from "../train/support.ts";
import { held } from "./rows.ts";

const test = suite("splits of examples");

const size = 60;
const person = Array.from({ length: size }, (_, row) => `p${(row * 7) % 10}`);
const year = Array.from({ length: size }, (_, row) => 2000 + ((row * 11) % 20));
const examples = held({ person, year }, { y: { shape: [1], data: year } });
const numbers = (part: Examples) => {
  const out = new Float32Array(1);
  return Array.from({ length: part.size }, (_, row) => {
    part.write("x", row, out, 0);
    return out[0] as number;
  });
};

test("splitExamples: rows of the values of each part; what is in two parts, or nowhere, is refused", () => {
  const { train, test: held } = splitExamples(examples, { by: "person", parts: { train: ["p1", "p2"], test: ["p3"] } });
  assert.equal(
    numbers(train),
    numbers(examples).filter((row) => ["p1", "p2"].includes(person[row] as string)),
  );
  assert.ok(held.facts.person?.every((each) => each === "p3"));
  const split = (parts: Record<string, string[]>) => () => splitExamples(examples, { by: "person", parts });
  throwsA(DataError, split({ train: ["p1", "p2"], test: ["p2"] }), '"p2" in "train" and "test"');
  throwsA(DataError, split({ train: ["p1"], test: ["p77"] }), 'got "p77"', '"p0"');
  throwsA(OptionError, split({ train: [] }), "splitExamples: train");
  throwsA(DataError, () => splitExamples(examples, { by: "age", parts: { train: ["p1"] } }), '"age"', '"person"');
});

test("randomParts: shares of people, whole people, the same under the same seed", () => {
  const parts = { train: 0.6, validation: 0.2, test: 0.2 };
  const split = randomParts(examples, { by: "person", parts, seed: 5 });
  const people = Object.values(split).map((part) => new Set(part.facts.person));
  assert.equal(
    people.map((each) => each.size),
    [6, 2, 2],
  );
  assert.is(new Set(people.flatMap((each) => [...each])).size, 10);
  assert.is(split.train.size + split.validation.size + split.test.size, size);
  const again = randomParts(examples, { by: "person", parts, seed: 5 });
  assert.is(again.train.fingerprint, split.train.fingerprint);
  assert.is.not(randomParts(examples, { by: "person", parts, seed: 6 }).train.fingerprint, split.train.fingerprint);
  assert.is(randomParts(examples, { parts: { some: 0.25 }, seed: 1 }).some.size, 15);
  throwsA(OptionError, () => randomParts(examples, { parts: { a: 0.7, b: 0.4 }, seed: 1 }), "at most 1 together");
  throwsA(
    DataError,
    () => randomParts(examples, { by: "person", parts: { a: 0.96, b: 0.04 }, seed: 1 }),
    'none in "b"',
  );
});

test("splitByTime: before, and from it on", () => {
  const { before, after } = splitByTime(examples, "year", 2012);
  assert.is(before.size + after.size, size);
  assert.ok(before.facts.year?.every((each) => (each as number) < 2012));
  assert.ok(after.facts.year?.every((each) => (each as number) >= 2012));
  throwsA(DataError, () => splitByTime(examples, "year", 1990), "both sides", "before 1990");
  throwsA(DataError, () => splitByTime(examples, "year", "2012"), "of the kind of year");
});

test("folds: each row is tested once; people and classes are never divided", () => {
  for (const by of [undefined, "person"]) {
    const made = folds(examples, { count: 4, seed: 3, ...(by === undefined ? {} : { by }) });
    const tested = made.flatMap((fold) => numbers(fold.test)).sort((a, b) => a - b);
    assert.equal(tested, numbers(examples));
    for (const { train, test: part } of made) {
      assert.is(sharedRows(train, part), 0);
      assert.is(train.size + part.size, size);
      const owners = new Set(train.facts.person);
      if (by !== undefined) assert.ok(part.facts.person?.every((each) => !owners.has(each)));
    }
  }
  const data = byClass(examples, { label: "person" });
  const made = folds(data, { count: 3, seed: 1 });
  assert.equal(
    made.map((fold) => fold.test.classes.length),
    [4, 3, 3],
  );
  assert.is(new Set(made.flatMap((fold) => fold.test.classes.map(({ name }) => name))).size, 10);
  throwsA(DataError, () => folds(data, { count: 11, seed: 1 }), "at most the 10 classes", "got 11");
  throwsA(OptionError, () => folds(data, { count: 3, seed: 1, by: "person" }), "folds: by");
});

test("selectRows: a view of a view counts in the first examples", () => {
  const some = selectRows(examples, [5, 3, 9, 1]);
  assert.equal(numbers(selectRows(some, [2, 0])), [9, 5]);
  assert.is(sharedRows(selectRows(some, [2, 0]), selectRows(examples, [9, 10])), 1);
  throwsA(DataError, () => selectRows(some, [4]), "from 0 to 3, got 4");
  throwsA(DataError, () => selectRows(some, [1, 1]), "named once, got twice 1");
});

test("validation on rows of the training tasks is refused, also behind a mixture", async () => {
  const { before, after } = splitByTime(examples, "year", 2010);
  const of = (part: Examples) => entities(part, { entity: "person", shots: 1, queries: 1 });
  const learner = maml(mlp({ inputShape: 1, hidden: [3], outputs: 1 }));
  const run = (tasks: Examples) =>
    metaTrain(learner, mixture([of(before)]), {
      iterations: 1,
      metaBatch: 2,
      validation: { tasks: of(tasks), every: 1, episodes: 3 },
    });
  await rejectsA(DataError, run(examples), "rows of the training tasks, got 30 of both", "splitExamples");
  await run(after);
});

test.run();
