import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, OptionError } from "../src/errors.ts";
import type { ClassInfo, Dataset } from "../src/tasks/dataset.ts";
import { type EpisodeOptions, episodes } from "../src/tasks/episodes.ts";
import { ContentHash, hashValues } from "../src/tasks/hash.ts";

const test = suite("tasks: episodes");

/** Examples [2] that say whose they are: (class, example). */
function marked(sizes: readonly number[], fingerprint = "marked"): Dataset {
  const classes: ClassInfo[] = sizes.map((size, i) => ({ name: `class ${i}`, size }));
  return {
    name: "marked",
    inputs: { x: [2] },
    classes,
    fingerprint,
    write(_column, classIndex, exampleIndex, out, offset) {
      out[offset] = classIndex;
      out[offset + 1] = exampleIndex;
    },
  };
}

test("the spec counts examples of all classes", () => {
  const { spec, name } = episodes(marked([20, 20, 20, 20, 20, 20]), { ways: 5, shots: 2, queries: 15 });
  assert.equal([spec.inputs, spec.segments, spec.queries, spec.weighted], [{ x: [2] }, [10], 75, undefined]);
  assert.equal([spec.objective.name, spec.objective.outputs], ["classification", 5]);
  assert.is(name, "marked 5-way 2-shot");
});

test("the same key gives the same bytes; other keys other episodes", () => {
  const make = () => episodes(marked(Array(30).fill(20)), { ways: 5, shots: 1, queries: 3 });
  assert.equal(make().sample([8, 1]), make().sample([8, 1]));
  assert.not.equal(make().sample([8, 1]), make().sample([8, 2]));
});

test("an episode written over an earlier one is the one of its key", () => {
  const tasks = episodes(marked(Array(30).fill(20)), { ways: 5, shots: 1, queries: 3 });
  const room = tasks.sample([8, 1]);
  const again = tasks.sample([8, 2], 0, room);
  assert.is(again.queries.x, room.queries.x);
  assert.equal(again, tasks.sample([8, 2]));
});

test("classes differ, support and query are disjoint, rows are in label order", () => {
  const [ways, shots, queries] = [4, 3, 2];
  const source = episodes(marked([5, 6, 7, 8, 9, 5]), { ways, shots, queries });
  for (let i = 0; i < 500; i++) {
    const { support, queries: query } = source.sample([1, i]);
    const classes = source.classesOf([1, i]);
    assert.is(new Set(classes).size, ways);
    const seen = new Set<string>();
    for (const [batch, count] of [
      [support, shots],
      [query, queries],
    ] as const) {
      assert.is(batch.y.length, ways * count);
      assert.is(batch.x.length, ways * count * 2);
      batch.y.forEach((label, row) => {
        assert.is(label, Math.floor(row / count));
        assert.is(batch.x[row * 2], classes[label]);
        seen.add(`${batch.x[row * 2]} ${batch.x[row * 2 + 1]}`);
      });
    }
    assert.is(seen.size, ways * (shots + queries), `key ${i} repeats an example`);
  }
});

test("unequal shots: every class draws its own number, and what it does not use repeats its first example at weight 0", () => {
  const [ways, queries] = [3, 2];
  const source = episodes(marked([8, 9, 7, 8]), { ways, shots: [1, 5], queries });
  assert.is(source.spec.weighted, true);
  assert.equal([source.spec.segments, source.spec.queries], [[15], 6]);
  assert.is(source.name, "marked 3-way 1 to 5-shot");
  const counts = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 400; i++) {
    const { support, queries: query } = source.sample([1, i]);
    const weight = support.weight as Float32Array;
    assert.ok(query.weight?.every((each) => each === 1));
    const seen = new Set<string>();
    const at = (batch: typeof query, row: number) => `${batch.x[2 * row]} ${batch.x[2 * row + 1]}`;
    for (let label = 0; label < ways; label++) {
      const own = Array.from({ length: 5 }, (_, row) => 5 * label + row);
      const used = own.filter((row) => weight[row] === 1);
      assert.equal(used, own.slice(0, used.length), "padding comes last");
      counts[used.length] = (counts[used.length] ?? 0) + 1;
      for (const row of used) seen.add(at(support, row));
      for (const row of own.slice(used.length)) assert.is(at(support, row), at(support, 5 * label));
      for (let row = 0; row < queries; row++) seen.add(at(query, queries * label + row));
    }
    assert.is(seen.size, weight.reduce((sum, each) => sum + each, 0) + ways * queries, "an example is repeated");
  }
  assert.is(counts[0], 0);
  // 240 each are expected, with a standard deviation of 14.
  for (const count of counts.slice(1)) assert.ok(Math.abs(count - 240) < 70, `${counts}`);
  assert.is.not(source.fingerprint, episodes(marked([8, 9, 7, 8]), { ways, shots: 5, queries }).fingerprint);
});

test("labels, classes and examples are drawn evenly", () => {
  const source = episodes(marked([4, 4, 4, 4]), { ways: 2, shots: 1, queries: 1 });
  const count = 12_000;
  const labels = new Map<string, number>();
  const examples = new Float64Array(4);
  for (let i = 0; i < count; i++) {
    const { support } = source.sample([2, i]);
    const pair = `${support.x[0]} ${support.x[2]}`;
    labels.set(pair, (labels.get(pair) ?? 0) + 1);
    examples[support.x[1] as number] = (examples[support.x[1] as number] as number) + 1;
  }
  assert.is(labels.size, 12);
  for (const [pair, times] of labels) assert.ok(Math.abs(times - count / 12) < 150, `${pair} came ${times} times`);
  for (const times of examples) assert.ok(Math.abs(times - count / 4) < 250, `an example came ${times} times`);
});

test("episodes of equal classes have the bits that they always had", () => {
  const bits = (options: EpisodeOptions) => {
    const source = episodes(marked(Array(12).fill(20)), options);
    const hash = new ContentHash();
    for (let i = 0; i < 50; i++) {
      const { support, queries } = source.sample([4, i]);
      for (const { x, y, weight } of [support, queries])
        hash
          .floats(x)
          .floats(y)
          .floats(weight ?? new Float32Array());
    }
    return `${hash.digest()} ${source.fingerprint}`;
  };
  const equal = { ways: 5, shots: 2, queries: 3 };
  assert.is(bits(equal), "7a8131e32c5d4c10 5bc421e6b18d4c1c");
  assert.is(bits({ ...equal, shots: [1, 4] }), "9917ce557574da08 339288540500a013");
  // Nothing is small: what would be done about it changes nothing.
  for (const small of ["skip", "fewer"] as const) assert.is(bits({ ...equal, small }), bits(equal));
});

test("small classes: refused with the ways out, skipped, or fewer examples of them", () => {
  const data = marked([20, 4, 20, 1, 20, 9]);
  const options = { ways: 3, shots: 5, queries: 5 };
  assert.throws(() => episodes(data, options), /got 4 in class "class 1".*small: "skip".*"fewer"/);
  const skipping = episodes(data, { ...options, small: "skip" });
  assert.is(skipping.spec.weighted, undefined);
  for (let i = 0; i < 100; i++) {
    assert.equal(
      skipping.classesOf([1, i]).sort((a, b) => a - b),
      [0, 2, 4],
    );
  }
  assert.throws(
    () => episodes(data, { ...options, ways: 4, small: "skip" }),
    /4 ways of 6 classes, of which 3 are large enough.*lower ways to 3/,
  );
  const fewer = episodes(data, { ...options, ways: 5, small: "fewer" });
  assert.equal([fewer.spec.weighted, fewer.spec.segments, fewer.spec.queries], [true, [25], 25]);
  for (let i = 0; i < 100; i++) {
    const { support, queries } = fewer.sample([1, i]);
    const classes = fewer.classesOf([1, i]);
    assert.not(classes.includes(3), "a class of one example has no query");
    for (const [label, classIndex] of classes.entries()) {
      const used = (batch: typeof queries) =>
        Array.from({ length: 5 }, (_, row) => 5 * label + row).filter((row) => batch.weight?.[row] === 1);
      // 9 of 10 and 4 of 10 are shared out in the proportion 5 to 5.
      const expected = { 1: [2, 2], 5: [4, 5] }[classIndex as 1 | 5] ?? [5, 5];
      assert.equal([used(support).length, used(queries).length], expected);
      const seen = [support, queries].flatMap((batch) => used(batch).map((row) => batch.x[2 * row + 1]));
      assert.is(new Set(seen).size, seen.length, "an example is repeated");
    }
  }
});

test("varying ways: a spec for each number of them", () => {
  const source = episodes(marked(Array(8).fill(9)), { ways: [2, 4], shots: 1, queries: 2 });
  assert.is(source.name, "marked 2 to 4-way 1-shot");
  for (const [spec, ways] of [2, 3, 4].entries()) {
    const { support, queries } = source.sample([1, 1], spec);
    assert.equal([support.y.length, queries.y.length, source.classesOf([1, 1], spec).length], [ways, 2 * ways, ways]);
    assert.is(source.specs[spec]?.objective.outputs, ways);
  }
  assert.throws(
    () => episodes(marked(Array(60).fill(9)), { ways: [2, 40], shots: 1, queries: 2 }),
    /at most 32 numbers/,
  );
});

test("the rest as queries: all that support leaves, or as many as the caller wants", () => {
  const data = marked([6, 9, 4]);
  const source = episodes(data, { ways: 3, shots: [1, 3], queries: "rest" });
  assert.equal([source.spec.queries, source.spec.weighted], [24, true]);
  for (let i = 0; i < 100; i++) {
    const { support, queries } = source.sample([2, i]);
    const total = [support, queries].reduce((sum, { weight }) => sum + (weight?.reduce((a, b) => a + b, 0) ?? 0), 0);
    assert.is(total, 19, "every example is support or query");
  }
  const most = episodes(data, { ways: 3, shots: 2, queries: "rest", mostQueries: 3 });
  assert.is(most.spec.queries, 9);
  assert.equal([...(most.sample([1, 1]).queries.weight ?? [])].filter((weight) => weight === 0).length, 1);
  assert.throws(() => episodes(data, { ways: 3, shots: 4, queries: "rest" }), /4 \+ 1 = 5 examples, got 4/);
  assert.throws(
    () => episodes(data, { ways: 3, shots: 2, queries: 1, mostQueries: 3 }),
    /mostQueries must be left out/,
  );
});

test("too few classes or examples are refused at construction, with what to lower", () => {
  const options = { ways: 3, shots: 2, queries: 2 };
  assert.throws(
    () => episodes(marked([4, 4]), options),
    (e: unknown) => e instanceof OptionError && /got 3 ways of 2 classes \(marked\); lower ways to 2/.test(e.message),
  );
  assert.throws(
    () => episodes(marked([4, 3, 4]), options),
    (e: unknown) =>
      e instanceof DataError &&
      /2 \+ 2 = 4 examples, got 3 in class "class 1".*lower shots \+ queries to 3/.test(e.message),
  );
  const enough = marked([9, 9, 9]);
  assert.throws(() => episodes(enough, { ...options, ways: 1 }), /episodes: ways must be a whole number from 2, got 1/);
  assert.throws(() => episodes(enough, { ...options, shots: 0 }), /episodes: shots/);
  assert.throws(() => episodes(enough, { ...options, queries: 0.5 }), /episodes: queries/);
});

test("the fingerprint changes with data, ways, shots and queries, and with nothing else", () => {
  const base = { ways: 2, shots: 1, queries: 1 };
  const data = marked([4, 4, 4]);
  const prints = [
    episodes(data, base),
    episodes(data, { ...base, ways: 3 }),
    episodes(data, { ...base, shots: 2 }),
    episodes(data, { ...base, queries: 2 }),
    episodes(marked([4, 4, 4], "other data"), base),
  ].map(({ fingerprint }) => fingerprint);
  assert.is(new Set(prints).size, 5);
  assert.is(prints[0], episodes(marked([4, 4, 4]), base).fingerprint);
  assert.match(prints[0] as string, /^[0-9a-f]{16}$/);
});

test("the content hash notices every bit, every length and every order", () => {
  const bytes = Uint8Array.from({ length: 67 }, (_, i) => i * 41);
  const hash = (values: Uint8Array) => new ContentHash().bytes(values).digest();
  const seen = new Set([hash(bytes)]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = bytes.slice();
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    seen.add(hash(copy));
  }
  for (let length = 0; length < bytes.length; length++) seen.add(hash(bytes.subarray(0, length)));
  seen.add(hash(bytes.slice().reverse()));
  assert.is(seen.size, 1 + 67 * 8 + 67 + 1);
  // Unaligned bytes, and the same values as words.
  assert.is(hash(new Uint8Array([9, ...bytes]).subarray(1)), hash(bytes));
  assert.is.not(hashValues("ab", "c"), hashValues("a", "bc"));
  assert.is.not(hashValues(1), hashValues("1"));
});

test.run();
