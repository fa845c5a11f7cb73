/** Tasks in sequence, classes that arrive, jumps, feeds; and sources of examples trained and evaluated. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { byClass } from "../../src/data/by-class.ts";
import { splitExamples } from "../../src/data/example-splits.ts";
import { DataError, OptionError } from "../../src/errors.ts";
import { maml } from "../../src/learners/maml.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { ridge } from "../../src/learners/ridge.ts";
import { mlp } from "../../src/nn/networks.ts";
import { regression } from "../../src/nn/objective.ts";
import { adam } from "../../src/optim/optimizer.ts";
import { Draw, fold, keyOf } from "../../src/random.ts";
import { entities } from "../../src/tasks/entities.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { fromIterable } from "../../src/tasks/feeds.ts";
import { once } from "../../src/tasks/groups.ts";
import { jumpingSinusoid } from "../../src/tasks/jumping-sinusoid.ts";
import { classIncremental, sequence } from "../../src/tasks/sequences.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Task } from "../../src/tasks/types.ts";
import { within } from "../../src/tasks/within.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { throwsA } from "../support/errors.ts";
import { rejectsA } from "../train/support.ts";
import { hashOf, held, later } from "./rows.ts";

const test = suite("streams of tasks");

test("sequence: the segments of one task after the other, and the queries of all", () => {
  const curves = sinusoid({ shots: 3, queries: 2 });
  const source = sequence(curves, { tasks: 4 });
  assert.equal([source.specs[0]?.segments, source.specs[0]?.queries], [[3, 3, 3, 3], 8]);
  const task = source.sample([1, 2], 0) as Task;
  const parts = [0, 1, 2, 3].map((i) => curves.sample(fold([1, 2], i)));
  assert.equal(
    task.segments.map(({ x }) => [...(x as Float32Array)]),
    parts.map(({ support }) => [...support.x]),
  );
  assert.equal(
    [...(task.queries.y as Float32Array)],
    parts.flatMap(({ queries }) => [...queries.y]),
  );
  const two = { ...curves, sample: curves.sample.bind(curves), specs: [curves.spec, curves.spec] };
  throwsA(OptionError, () => sequence(two, { tasks: 2 }), "one spec, got 2");
});

test("jumpingSinusoid: every 20 points another curve; its bits are those of every other machine", () => {
  assert.equal(
    [20, 3, 7].map((every) => jumpingSinusoid({ every }).specs[0]?.segments[0]),
    [5, 3, 1],
  );
  const source = jumpingSinusoid({ curves: 3, size: 4, amplitude: [1, 1] });
  assert.equal([source.specs[0]?.segments, source.specs[0]?.queries], [Array(15).fill(4), 0]);
  const { segments } = source.sample(keyOf(5), 0) as Task;
  for (let curve = 0; curve < 3; curve++) {
    const { phase } = sinusoid({ amplitude: [1, 1] }).curve(fold(keyOf(5), curve));
    for (const { x, y } of segments.slice(5 * curve, 5 * curve + 5)) {
      (x as Float32Array).forEach((value, i) => {
        assert.ok(Math.abs((y?.[i] as number) - Math.sin(value - phase)) < 1e-6);
      });
    }
  }
  const tasks = Array.from({ length: 20 }, (_, i) => jumpingSinusoid().sample([0, i], 0) as Task);
  assert.is(hashOf(tasks), "bc6f7cd023ff5676");
  throwsA(OptionError, () => jumpingSinusoid({ size: 3 }), "a divisor of the 20 points", "got 3");
});

const label = Array.from({ length: 60 }, (_, row) => `class ${row % 6}`);

test("classIncremental: new classes in every segment, numbered as they come; queries of all", () => {
  const dataset = byClass(held({ label }));
  const source = classIncremental(dataset, { classes: 4, perStep: 2, shots: 3, queries: 2 });
  assert.equal([source.specs[0]?.segments, source.specs[0]?.queries], [[6, 6], 8]);
  const { segments, queries } = source.sample([1, 7], 0) as Task;
  assert.equal(
    segments.map(({ y }) => [...(y as Float32Array)]),
    [
      [0, 0, 0, 1, 1, 1],
      [2, 2, 2, 3, 3, 3],
    ],
  );
  const classOf = new Map<number, string>();
  for (const { x, y } of [...segments, queries]) {
    (x as Float32Array).forEach((row, i) => {
      const [known, own] = [classOf.get(y?.[i] as number), label[row] as string];
      assert.is(known ?? own, own);
      classOf.set(y?.[i] as number, own);
    });
  }
  assert.is(new Set(classOf.values()).size, 4);
  throwsA(DataError, () => classIncremental(dataset, { classes: 7, shots: 1, queries: 1 }), "at most the 6");
  throwsA(DataError, () => classIncremental(dataset, { classes: 3, shots: 9, queries: 2 }), "11 examples, got 10");
  throwsA(OptionError, () => classIncremental(dataset, { classes: 4, perStep: 3, shots: 1, queries: 1 }), "a divisor");
});

test("fromIterable: observations in tasks as they come, the last one padded; it is evaluated", async () => {
  const log = async function* (count: number) {
    for (let i = 0; i < count; i++) yield { x: [i, i], y: 2 * i };
  };
  const options = { inputs: { x: [2] }, objective: regression(1), size: 2, segments: 3, name: "log" };
  const tasks: Task[] = [];
  for await (const task of fromIterable(log(8), options).tasks) tasks.push(task);
  assert.is(tasks.length, 2);
  assert.equal(
    tasks.map(({ segments }) => segments.map(({ y }) => [...(y as Float32Array)])),
    [
      [
        [0, 2],
        [4, 6],
        [8, 10],
      ],
      [
        [12, 14],
        [0, 0],
        [0, 0],
      ],
    ],
  );
  assert.equal(
    tasks[1]?.segments.map(({ weight }) => [...(weight as Float32Array)]),
    [
      [1, 1],
      [0, 0],
      [0, 0],
    ],
  );
  const learner = ridge(mlp({ inputShape: 2, hidden: [4], outputs: 3 }));
  const trained = await metaTrain(
    learner,
    entities(people, { entity: "who", shots: 4, queries: 2, centre: false, scale: false }),
    {
      iterations: 1,
    },
  );
  assert.is((await evaluate(trained, fromIterable(log(20), options))).episodes, 4);
  const broken = [
    { x: [1, 2], y: 1 },
    { x: [1], y: 1 },
  ];
  await rejectsA(
    DataError,
    evaluate(trained, fromIterable(broken, options)),
    "log: observation 1: x must be 2 finite numbers",
  );
  const words = [{ x: [1, 2], y: "3" }] as never;
  await rejectsA(DataError, evaluate(trained, fromIterable(words, options)), "observation 0: y");
});

/** People whose measurements are lines of a level and a slope of their own, and whose habits have labels that mean the same. */
const people = (() => {
  const draw = new Draw(keyOf(3));
  const [count, each] = [30, 20];
  const who = Array.from(
    { length: count * each },
    (_, row) => `person ${String(Math.floor(row / each)).padStart(2, "0")}`,
  );
  const own = Array.from({ length: count }, () => [draw.uniform(-500, 500), draw.uniform(20, 60)] as const);
  const kind = who.map((_, row) => row % 3);
  const x = who.flatMap((_, row) => {
    const angle = [
      [1, 0],
      [-0.5, 0.8],
      [-0.5, -0.8],
    ][kind[row] as number] as [number, number];
    return angle.map((value) => value + draw.uniform(-0.3, 0.3));
  });
  const y = who.map((_, row) => {
    const [level, slope] = own[Math.floor(row / each)] as readonly [number, number];
    return level + slope * ((x[2 * row] as number) ** 2 + 0.5 * (x[2 * row + 1] as number));
  });
  return held({ who, kind }, { x: { shape: [2], data: x }, y: { shape: [1], data: y } });
})();
const parts = (() => {
  const names = [...new Set(people.facts.who)];
  return splitExamples(people, { by: "who", parts: { train: names.slice(0, 22), test: names.slice(22) } });
})();

test("entities with relative targets beat the mean of the support set, on people never seen; without, they do not", async () => {
  const options = { entity: "who", shots: 5, queries: 10 };
  const errors = await Promise.all(
    [true, false].map(async (scaled) => {
      const given = { ...options, centre: scaled, scale: scaled };
      const learner = maml(mlp({ inputShape: 2, hidden: [20], outputs: 1, activation: "tanh" }), {
        innerRate: 0.05,
        innerSteps: 3,
      });
      const trained = await metaTrain(learner, entities(parts.train, given), {
        iterations: 300,
        metaBatch: 8,
        optimizer: adam(5e-3),
      });
      return evaluate(trained, once(entities(parts.test, given), { repeats: 10 }));
    }),
  );
  const source = entities(parts.test, options);
  let guess = 0;
  for (let i = 0; i < 80; i++) {
    const { support, queries } = source.sampleOf(i % 8, [1, i]) as Awaited<ReturnType<typeof source.sample>>;
    const mean = support.y.reduce((a, b) => a + b, 0) / 5;
    guess += queries.y.reduce((sum, y) => sum + (y - mean) ** 2, 0) / 10 / 80;
  }
  const [scaled, raw] = errors;
  assert.is(scaled?.episodes, 80);
  assert.ok((scaled?.mean as number) < 0.5 * guess, `${scaled?.mean} against ${guess} of the mean`);
  assert.ok((raw?.mean as number) > guess, `${raw?.mean} without, ${guess} of the mean`);
});

test("within: a learner of fixed labels is trained and evaluated, also where groups lack a label and rows are loaded", async () => {
  const few = splitExamples(people, { by: "who", parts: { some: [...new Set(people.facts.who)].slice(0, 12) } }).some;
  const lazy = later(few);
  const options = { label: "kind", group: "who", shots: 2, queries: 3 };
  const learner = protoNet(mlp({ inputShape: 2, hidden: [16], outputs: 8 }));
  const train = { iterations: 20, metaBatch: 4 };
  const trained = await metaTrain(learner, within(few, options), train);
  const loaded = await metaTrain(learner, within(lazy, options), train);
  assert.equal(loaded.save(), trained.save());
  const feed = once(within(parts.test, { ...options, labels: [0, 1, 2] }));
  const report = await evaluate(trained, feed);
  assert.is(report.episodes, 8);
  assert.ok(report.mean > 0.8, `${report.mean}`);
  const lacking = within(parts.test, { ...options, labels: [0, 1, 2, 3], small: "fewer" });
  const wide = await metaTrain(learner, lacking, { iterations: 2, metaBatch: 2 });
  assert.ok((await evaluate(wide, lacking, { episodes: 10 })).mean > 0.6, "a label that nobody has is never predicted");
});

test("varying ways, unequal classes and the rest as queries are trained on and evaluated", async () => {
  const sizes = [3, 9, 5, 12, 7, 4, 30];
  const rows = sizes.flatMap((size, i) => Array<number>(size).fill(i));
  const data = rows.flatMap((i) => [i % 3, Math.floor(i / 3)]);
  const dataset = byClass(held({ label: rows }, { x: { shape: [2], data } }));
  const source = episodes(dataset, { ways: [2, 4], shots: [1, 3], queries: "rest", mostQueries: 6, small: "fewer" });
  assert.equal(
    source.specs.map(({ objective, segments, queries }) => [objective.outputs, segments[0], queries]),
    [
      [2, 6, 12],
      [3, 9, 18],
      [4, 12, 24],
    ],
  );
  const trained = await metaTrain(protoNet(mlp({ inputShape: 2, hidden: [8], outputs: 4 })), source, {
    iterations: 20,
    metaBatch: 2,
  });
  assert.ok((await evaluate(trained, source, { episodes: 60 })).mean > 0.9);
});

test("class-incremental tasks and jumping curves are trained on and evaluated", async () => {
  const incremental = classIncremental(byClass(held({ label })), { classes: 3, shots: 2, queries: 2 });
  const classifier = maml(mlp({ inputShape: 1, hidden: [6], outputs: 3 }), { innerSteps: 1 });
  const first = await metaTrain(classifier, incremental, { iterations: 3, metaBatch: 2 });
  assert.ok(Number.isFinite((await evaluate(first, incremental, { episodes: 5 })).mean));
  const jumps = jumpingSinusoid({ curves: 2, every: 8, size: 4 });
  const curve = maml(mlp({ inputShape: 1, hidden: [6], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
  const second = await metaTrain(curve, jumps, { iterations: 3, metaBatch: 2 });
  assert.ok(Number.isFinite((await evaluate(second, jumps, { episodes: 5 })).mean));
});

test.run();
