/** Sources over examples: which rows tasks hold, the ways out for small groups, once each, loading, and hashes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { byClass } from "../../src/data/by-class.ts";
import { withRotations } from "../../src/data/rotations.ts";
import { randomSplit } from "../../src/data/splits.ts";
import { DataError, OptionError } from "../../src/errors.ts";
import { fold, keyOf } from "../../src/random.ts";
import { entities } from "../../src/tasks/entities.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { selectRows } from "../../src/tasks/examples.ts";
import { once } from "../../src/tasks/groups.ts";
import { lazyExamples } from "../../src/tasks/lazy-examples.ts";
import { stream } from "../../src/tasks/streams.ts";
import type { Task } from "../../src/tasks/types.ts";
import { stratified, within } from "../../src/tasks/within.ts";
import { throwsA } from "../support/errors.ts";
import { rejectsA } from "../train/support.ts";
import { hashOf, held, later, now, rowsIn } from "./rows.ts";

const test = suite("sources of examples");

/** Rows of person i: `counts[i][label]` of each label. */
function people(counts: readonly (readonly number[])[]) {
  const label: string[] = [];
  const group: string[] = [];
  for (const [person, each] of counts.entries()) {
    for (const [i, count] of each.entries()) {
      for (let k = 0; k < count; k++) {
        label.push("abc"[i] as string);
        group.push(`person ${person}`);
      }
    }
  }
  return held({ label, group });
}
const same = people([
  [6, 6],
  [7, 8],
  [9, 6],
]);

test("within: support and query are different rows of one person, shots of each label, labels in their order", () => {
  const source = within(same, { shots: 2, queries: 3 });
  const { facts } = same;
  assert.equal([source.spec.segments, source.spec.queries, source.spec.weighted], [[4], 6, undefined]);
  assert.equal(source.labels, ["a", "b"]);
  const persons = new Map<string, number>();
  for (let i = 0; i < 600; i++) {
    const { support, queries } = now(source.sample([1, i]));
    const rows = [...rowsIn(support), ...rowsIn(queries)];
    assert.is(new Set(rows).size, 10);
    const [person, other] = new Set(rows.map((row) => facts.group?.[row]));
    assert.is(other, undefined);
    persons.set(person as string, (persons.get(person as string) ?? 0) + 1);
    for (const batch of [support, queries]) {
      const labels = rowsIn(batch).map((row) => facts.label?.[row]);
      assert.equal(
        labels,
        Array.from(batch.y, (y) => "ab"[y]),
      );
    }
    assert.equal([...support.y], [0, 0, 1, 1]);
    assert.equal([...queries.y], [0, 0, 0, 1, 1, 1]);
  }
  for (const count of persons.values()) assert.ok(Math.abs(count - 200) < 60, `${count} of 600`);
});

test("within: support in all is stratified, the queries are the rest", () => {
  // 8 of 123 are rare, as in Switzerland.
  const examples = people([
    [115, 8],
    [60, 63],
  ]);
  const source = within(examples, { support: 10, queries: "rest" });
  assert.equal([source.spec.segments, source.spec.queries, source.spec.weighted], [[10], 113, undefined]);
  for (let i = 0; i < 50; i++) {
    const { support, queries } = now(source.sampleOf(0, [3, i]));
    assert.is(support.y.filter((y) => y === 1).length, 1);
    assert.is(queries.y.filter((y) => y === 1).length, 7);
    assert.is(new Set([...rowsIn(support), ...rowsIn(queries)]).size, 123);
    const balanced = now(source.sampleOf(1, [3, i])).support.y.filter((y) => y === 1).length;
    assert.is(balanced, 5);
  }
  throwsA(OptionError, () => within(examples, { support: 1, queries: 5 }), "within: support", "from 2");
  throwsA(OptionError, () => within(examples, { queries: 5 }), "one of shots", "neither");
  throwsA(OptionError, () => within(examples, { shots: 1, support: 4, queries: 5 }), "both");
});

test("stratified: largest remainders, at least one of each, never more than there are", () => {
  assert.equal(stratified([115, 8], 10), [9, 1]);
  assert.equal(stratified([1, 1, 98], 10), [1, 1, 8]);
  assert.equal(stratified([50, 30, 20], 10), [5, 3, 2]);
  assert.equal(stratified([3, 3, 3], 7), [3, 2, 2]);
  assert.equal(stratified([0, 5, 5], 4), [0, 2, 2]);
  assert.equal(stratified([1, 1, 1, 1, 96], 5), [1, 1, 1, 1, 1]);
  for (let seed = 1; seed < 400; seed++) {
    const sizes = Array.from({ length: 1 + (seed % 6) }, (_, i) => ((seed * 7919 + i * 104729) % 40) + 1);
    const all = sizes.reduce((a, b) => a + b, 0);
    const total = Math.max(sizes.length, Math.floor((all * ((seed * 31) % 97)) / 97));
    const shares = stratified(sizes, total);
    assert.is(
      shares.reduce((a, b) => a + b, 0),
      total,
    );
    assert.ok(shares.every((share, i) => share >= 1 && share <= (sizes[i] as number)));
  }
});

test("within: small groups are refused with the ways out, skipped, or give what they have", () => {
  const uneven = people([
    [6, 6],
    [6, 2],
    [6, 0],
    [4, 1],
  ]);
  const options = { shots: 2, queries: 3 };
  throwsA(
    DataError,
    () => within(uneven, options),
    "2 + 3 = 5 rows of each label",
    'got 2 of one in "person 1"',
    '"skip"',
    '"fewer"',
  );
  assert.equal(within(uneven, { ...options, small: "skip" }).groups, ["person 0"]);
  const fewer = within(uneven, { ...options, small: "fewer" });
  assert.equal(fewer.groups, ["person 0", "person 1", "person 3"]);
  assert.is(fewer.spec.weighted, true);
  const second = now(fewer.sampleOf(1, [1, 1]));
  assert.equal([...(second.support.weight ?? [])], [1, 1, 1, 0]);
  assert.equal([...second.support.y].slice(0, 3), [0, 0, 1]);
  assert.equal([...(second.queries.weight ?? [])], [1, 1, 1, 1, 0, 0]);
  // A single row is support.
  assert.equal([...now(fewer.sampleOf(2, [1, 1])).queries.y.slice(0, 3)], [0, 0, 0]);
  throwsA(DataError, () => within(uneven, { shots: 9, queries: 3, small: "skip" }), "got none of 4");
  assert.is(within(uneven, { support: 5, queries: 5, small: "skip" }).groups.length, 1);
});

test("within: labels are fixed by the caller, and every one of the examples must be among them", () => {
  const labels = ["c", "b", "a"];
  const source = within(same, { shots: 1, queries: 1, labels, small: "fewer" });
  assert.is(source.spec.objective.outputs, 3);
  const { support } = now(source.sample([2, 2]));
  const used = rowsIn(support).map((row) => labels.indexOf(same.facts.label?.[row] as string));
  assert.equal(used, [...support.y.slice(0, used.length)]);
  throwsA(DataError, () => within(same, { shots: 1, queries: 1, labels: ["a", "c"] }), 'got "b"', "add it");
  throwsA(OptionError, () => within(same, { shots: 1, queries: 1, labels: ["a", "a", "b"] }), "within: labels");
  throwsA(DataError, () => within(same, { shots: 1, queries: 1, group: "speaker" }), '"speaker"', '"label", "group"');
});

const patients = (sizes: readonly number[]) => {
  const entity = sizes.flatMap((size, i) => Array<number>(size).fill(10 * i));
  const data = entity.map((value, row) => value * 100 + row);
  return held({ entity }, { y: { shape: [1], data } });
};

test("entities: support and query are different rows of one entity; the targets are its own", () => {
  const source = entities(patients([9, 12, 8]), { shots: 3, queries: 5 });
  assert.equal([source.spec.segments, source.spec.queries, source.groups], [[3], 5, [0, 10, 20]]);
  assert.equal([source.spec.objective.name, source.spec.inputs], ["relative regression", { x: [1] }]);
  for (let i = 0; i < 100; i++) {
    const { support, queries } = now(source.sample([1, i]));
    assert.is(new Set([...support.x, ...queries.x]).size, 8);
    const owners = [support, queries].flatMap(({ x, y }) => [...y].map((value, j) => value - (x[j] as number)));
    assert.is(new Set(owners).size, 1);
  }
  const names = (options: object) => entities(patients([9]), { shots: 1, queries: 1, ...options }).spec.objective.name;
  assert.is(names({ scale: false }), "centred regression");
  assert.is(names({ centre: false, scale: false }), "regression");
  assert.is(names({ objective: "gaussian" }), "relative gaussian");
});

test("entities: small ones are refused with the ways out, skipped, or give what they have; the rest may be queries", () => {
  const uneven = patients([10, 4, 1, 30]);
  throwsA(DataError, () => entities(uneven, { shots: 4, queries: 4 }), "got 4 in 10", '"skip"', '"fewer"');
  assert.equal(entities(uneven, { shots: 4, queries: 4, small: "skip" }).groups, [0, 30]);
  const fewer = entities(uneven, { shots: 4, queries: 4, small: "fewer" });
  assert.equal(fewer.groups, [0, 10, 30]);
  const small = now(fewer.sampleOf(1, [0, 1]));
  assert.equal([rowsIn(small.support).length, rowsIn(small.queries).length], [2, 2]);
  const rest = entities(uneven, { shots: 4, queries: "rest", small: "skip" });
  assert.equal([rest.spec.queries, rest.spec.weighted], [26, true]);
  assert.is(rowsIn(now(rest.sampleOf(0, [0, 1])).queries).length, 6);
  throwsA(DataError, () => entities(same, { shots: 1, queries: 1, entity: "group" }), "a column y", "targets");
});

test("once: a task of each group in turn, again under the same seed", async () => {
  const source = entities(patients([9, 12, 8]), { shots: 3, queries: 5 });
  const feed = once(source, { repeats: 2, seed: 4 });
  const read = async () => {
    const tasks: Task[] = [];
    for await (const task of feed.tasks) tasks.push(task);
    return tasks;
  };
  const tasks = await read();
  assert.equal([feed.size, tasks.length], [6, 6]);
  const owner = ({ queries }: Task) => Math.round(((queries.y?.[0] ?? 0) - (queries.x?.[0] ?? 0)) / 1000);
  assert.equal(tasks.map(owner), [0, 0, 1, 1, 2, 2]);
  assert.is(hashOf(await read()), hashOf(tasks));
  assert.is.not(hashOf([tasks[0] as Task]), hashOf([tasks[1] as Task]));
  throwsA(OptionError, () => once(episodes(byClass(same), { ways: 2, shots: 1, queries: 1 }) as never), "once: source");
});

test("byClass: labels are classes, sorted; groups keep classes together in a split; small ones are left out", () => {
  const label = ["b", "a", "c", "a", "b", "d", "c", "a"];
  const domain = ["x", "x", "y", "x", "x", "y", "y", "x"];
  const data = byClass(held({ label, domain }), { group: "domain", least: 2 });
  assert.equal(
    data.classes.map(({ name, size, group }) => [name, size, group]),
    [
      ["a", 3, "x"],
      ["b", 2, "x"],
      ["c", 2, "y"],
    ],
  );
  assert.equal([...data.all().x], [1, 3, 7, 0, 4, 2, 6]);
  const split = randomSplit(data, { train: 1, test: 1 }, 3);
  assert.equal([split.train.classes.length, split.test.classes.length].sort(), [1, 2]);
  throwsA(
    DataError,
    () => byClass(held({ label, domain: [...domain.slice(1), "y"] }), { group: "domain" }),
    "byClass",
    "same domain",
  );
  throwsA(DataError, () => byClass(held({ label: [1, "1", 2] })), "different texts");
  throwsA(DataError, () => byClass(held({ label }), { least: 4 }), "at least 4 examples", "lower least");
  throwsA(DataError, () => byClass(held({ intent: label })), '"label"', '"intent"');
  const numbered = byClass(held({ label: [10, 9, 10, 2] }));
  assert.equal(
    numbered.classes.map(({ name }) => name),
    ["2", "9", "10"],
  );
});

test("stream: rows in the order of time, cut into segments that follow one another", () => {
  const size = 40;
  const time = Array.from({ length: size }, (_, row) => (row * 17) % size);
  const sensor = time.map((value) => value % 2);
  const examples = held({ time, sensor }, { y: { shape: [1], data: time } });
  const source = stream(examples, { time: "time", size: 3, segments: 4, group: "sensor" });
  assert.equal([source.spec.segments, source.spec.queries, source.ordered], [[3, 3, 3, 3], 0, true]);
  const starts = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const { segments } = now(source.sample([5, i]));
    const times = segments.flatMap(({ y }) => [...(y as Float32Array)]);
    starts.add(times[0] as number);
    assert.equal(
      times,
      Array.from({ length: 12 }, (_, at) => (times[0] as number) + 2 * at),
    );
  }
  assert.is(starts.size, 18, "every start of both sensors");
  throwsA(
    DataError,
    () => stream(examples, { time: "time", size: 5, segments: 5, group: "sensor" }),
    "5 x 5 = 25",
    "20",
    '"fewer"',
  );
  const padded = stream(examples, { time: "time", size: 5, segments: 5, group: "sensor", small: "fewer" });
  assert.equal(
    now(padded.sample([0, 0])).segments.map((batch) => rowsIn(batch).length),
    [5, 5, 5, 5, 0],
  );
  const labelled = stream(held({ time, label: sensor }), { time: "time", size: 2, segments: 2, label: "label" });
  assert.equal([labelled.spec.objective.name, labelled.spec.objective.outputs], ["classification", 2]);
  throwsA(
    DataError,
    () => stream(held({ time: [1, "2"], label: ["a", "b"] }), { time: "time", size: 1, segments: 1, label: "label" }),
    "throughout",
  );
});

test("the same key gives the same bits; the hashes are those of every other machine", () => {
  const uneven = people([
    [6, 6, 9],
    [6, 2, 5],
    [4, 1, 7],
  ]);
  const time = uneven.facts.label?.map((_, row) => (row * 13) % uneven.size) ?? [];
  const timed = held({ ...uneven.facts, time }, { y: { shape: [1], data: time } });
  const sources = {
    shots: within(uneven, { shots: 2, queries: 3, small: "fewer" }),
    support: within(uneven, { support: 5, queries: "rest" }),
    entities: entities(timed, { entity: "group", shots: 3, queries: 4 }),
    stream: stream(timed, { time: "time", size: 2, segments: 3, group: "group" }),
    classes: episodes(byClass(uneven), { ways: 2, shots: 2, queries: 4 }),
  };
  const hashes = Object.entries(sources).map(([name, source]) => {
    const tasks = Array.from({ length: 30 }, (_, i) => source.sample(fold(keyOf(7), i)) as Task);
    return [name, `${hashOf(tasks)} ${source.fingerprint}`];
  });
  assert.equal(Object.fromEntries(hashes), GOLDEN);
});

/** Tasks, and the source's fingerprint. */
const GOLDEN = {
  shots: "9d4df5cfc0fe34f3 c2e0388c41775e0e",
  support: "0904455aafd2f04c 04aa8b5cb2fcf1df",
  entities: "cbca1a070633b021 bc2da821c3a319fd",
  stream: "a2677b1fcf708bb7 a30140d8b600ccae",
  classes: "3b274c3be38246d6 4ae85aca41b04491",
};

test("what has to be loaded gives the same tasks, later, and loads what it needs alone", async () => {
  const lazy = later(same);
  for (const make of [
    (of: typeof same) => within(of, { shots: 2, queries: 3 }),
    (of: typeof same) => episodes(byClass(of), { ways: 2, shots: 2, queries: 4 }),
    (of: typeof same) => within(selectRows(of, [...Array(12).keys()].reverse()), { shots: 2, queries: 3 }),
    (of: typeof same) => episodes(byClass(of).subset(["b", "a"]), { ways: 2, shots: 2, queries: "rest" }),
  ]) {
    const expected = make(same).sample([4, 4]) as Task;
    lazy.asked.length = 0;
    const promised = make(lazy).sample([4, 4]);
    assert.ok(promised instanceof Promise);
    assert.is(hashOf([await promised]), hashOf([expected]));
    assert.is(lazy.asked.length, 1);
    const written = new Set([...(expected.segments[0]?.x ?? []), ...(expected.queries.x ?? [])]);
    assert.equal(new Set(lazy.asked[0]), written);
  }
  const square = held(
    { label: ["a", "a", "b", "b"] },
    { x: { shape: [2, 2, 1], data: Array.from({ length: 16 }, (_, i) => i) } },
  );
  const turned = (of: typeof square) => episodes(withRotations(byClass(of)), { ways: 3, shots: 1, queries: 1 });
  assert.is(hashOf([await turned(later(square)).sample([1, 2])]), hashOf([turned(square).sample([1, 2])]));
});

test("lazyExamples: rows are decoded when they are asked for, checked, and the latest kept", async () => {
  const decoded: number[] = [];
  const options = {
    name: "files",
    columns: { x: [2] },
    facts: { label: ["a", "b", "a", "b"] },
    contents: "v1",
    keep: 2,
    decode: async (row: number) => {
      decoded.push(row);
      return { x: row === 3 ? [1, Number.NaN] : [row, -row] };
    },
  };
  const examples = lazyExamples(options);
  const out = new Float32Array(2);
  (await examples.load([1, 1, 0])).write("x", 1, out, 0);
  assert.equal(
    [[...out], decoded],
    [
      [1, -1],
      [1, 0],
    ],
  );
  await examples.load([0, 1]);
  assert.equal(decoded, [1, 0]);
  await examples.load([2]);
  await examples.load([1]);
  assert.equal(decoded, [1, 0, 2], "1 is kept: it was asked for after 0");
  await examples.load([0]);
  assert.equal(decoded, [1, 0, 2, 0]);
  await rejectsA(DataError, examples.load([3]), "files: row 3: x must hold finite numbers, got NaN at 1");
  throwsA(DataError, () => examples.write("x", 0, out, 0), "must be loaded");
  assert.is.not(examples.fingerprint, lazyExamples({ ...options, contents: "v2" }).fingerprint);
  throwsA(DataError, () => lazyExamples({ ...options, facts: { a: [1, 2], b: [1] } }), "lazyExamples", "2 rows, got 1");
});

test.run();
