/** Streams, truncated gradients, unequal shots, several specs, asynchronous sources: the same bits wherever they run. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Executor } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { workers } from "../../src/executors/node-workers.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, constant, full, KEY_SHAPE } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { contextOf, gradients, type Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { mlp } from "../../src/nn/networks.ts";
import { adam } from "../../src/optim/optimizer.ts";
import { prefixed, unprefixed } from "../../src/optim/rule.ts";
import { fold, type Key, keyOf } from "../../src/random.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Batch, Task, TaskSource, TaskSpec } from "../../src/tasks/types.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { type MetaTrainOptions, metaTrain } from "../../src/train/meta-train.ts";
import { GRADIENT, LOSS, META } from "../../src/train/programs.ts";
import { Sampler } from "../../src/train/sampling.ts";
import { group, groupError, problemOf, type Values } from "../learners/problems.ts";
import { near } from "../support/compare.ts";
import { recurrent } from "./recurrent.ts";
import { clouds, MemoryStore, rejectsA, sameBytes } from "./support.ts";

const test = suite("streams");

const stream = sinusoid({ segments: [4, 4, 4] });
const curve = () => mlp({ inputShape: 1, hidden: [8], outputs: 1, activation: "tanh" });
const inner = { innerRate: 0.05, innerSteps: 2 };
const uneven = clouds({ ways: 3, shots: [1, 5], queries: 2 });
const embedding = (batchNorm: "support" | "none") => mlp({ inputShape: 4, hidden: [8], outputs: 6, batchNorm });
const classifier = () => mlp({ inputShape: 4, hidden: [8], outputs: 3, batchNorm: "support" });

/** A source of two sizes of tasks. */
const sizes: TaskSource = (() => {
  const sources = [sinusoid({ shots: 3, queries: 4 }), sinusoid({ shots: 6, queries: 2 })] as const;
  const [small, large] = sources;
  return {
    name: "two sizes",
    fingerprint: "two sizes",
    specs: [small.spec, large.spec],
    sample: (key, spec, into) => (sources[spec] ?? small).sample(key, 0, into),
  };
})();

/** The same tasks, later. */
function later(source: TaskSource): TaskSource {
  const { name, specs, fingerprint } = source;
  return {
    name,
    specs,
    fingerprint,
    async sample(key, spec, into) {
      await new Promise((done) => setTimeout(done, (key[1] >>> 0) % 3));
      return source.sample(key, spec, into);
    },
  };
}

interface Run {
  readonly learner: Learner;
  readonly tasks: TaskSource;
  readonly options?: Partial<MetaTrainOptions>;
}

const runs: Readonly<Record<string, Run>> = {
  "a stream, maml": { learner: maml(curve(), inner), tasks: stream },
  "a stream, recurrent": { learner: recurrent(), tasks: stream },
  "a truncated stream, recurrent": { learner: recurrent(), tasks: stream, options: { window: 1 } },
  "a truncated stream, meta-sgd": { learner: metaSgd(curve(), inner), tasks: stream, options: { window: 2 } },
  "a stream, reptile": { learner: reptile(curve(), inner), tasks: stream },
  "unequal shots, maml": { learner: maml(classifier(), inner), tasks: uneven },
  "unequal shots, protonet": { learner: protoNet(embedding("support")), tasks: uneven },
  "unequal shots, reptile": { learner: reptile(classifier(), { ...inner, innerBatch: 4 }), tasks: uneven },
  "two sizes of tasks": { learner: maml(curve(), inner), tasks: sizes },
  "two sizes, recurrent": { learner: recurrent(), tasks: sizes },
  "an asynchronous source": { learner: maml(curve(), inner), tasks: later(sizes) },
  "an average of the meta-parameters": { learner: maml(curve(), inner), tasks: stream, options: { average: 0.9 } },
};

const executors: readonly Executor[] = [inThread(), workers(2)];
test.after(async () => {
  for (const executor of executors) await executor.close();
});

async function finalBytes(
  { learner, tasks, options }: Run,
  more: Partial<MetaTrainOptions> = {},
  store = new MemoryStore(),
) {
  const checkpoint = { store, every: 2 };
  await metaTrain(learner, tasks, { iterations: 7, metaBatch: 5, seed: 2, checkpoint, ...options, ...more });
  return store.last;
}

for (const [name, run] of Object.entries(runs)) {
  test(`${name}: the same bytes in this thread and on workers, straight and resumed`, async () => {
    const expected = await finalBytes(run);
    for (const executor of executors) {
      assert.ok(sameBytes(await finalBytes(run, { executor }), expected), `${executor.workers} workers`);
      for (const iterations of [1, 4]) {
        const store = new MemoryStore(await finalBytes(run, { iterations, executor }));
        const resumed = await finalBytes(run, { resume: true, executor }, store);
        assert.ok(sameBytes(resumed, expected), `resumed after ${iterations}`);
      }
    }
  });
}

for (const name of ["a stream, maml", "a stream, recurrent", "a truncated stream, recurrent"]) {
  test(`${name}: meta-training lowers the loss, and evaluation sees it`, async () => {
    const { learner, tasks, options } = runs[name] as Run;
    const losses: number[] = [];
    const train = (iterations: number) =>
      metaTrain(learner, tasks, {
        iterations,
        metaBatch: 8,
        optimizer: adam(0.01),
        ...options,
        onProgress: ({ loss }) => losses.push(loss),
      });
    const [before, after] = [await train(0), await train(300)];
    const mean = (list: readonly number[]) => list.reduce((sum, each) => sum + each, 0) / list.length;
    assert.ok(mean(losses.slice(-50)) < 0.8 * mean(losses.slice(0, 20)), `${mean(losses.slice(-50))}`);
    const [start, end] = [
      await evaluate(before, tasks, { episodes: 100 }),
      await evaluate(after, tasks, { episodes: 100 }),
    ];
    assert.ok(end.mean < 0.8 * start.mean, `${end.mean} after, ${start.mean} before`);
  });
}

test("evaluation of a stream is the mean over its segments of the metric of each, predicted from those before it", async () => {
  const trained = await metaTrain(maml(curve(), inner), stream, { iterations: 5, metaBatch: 2 });
  const seen: Task[] = [];
  const { name, specs, fingerprint } = stream;
  const sample = (key: Key): Task => {
    const task = stream.sample(key);
    seen.push(task);
    return task;
  };
  const { values } = await evaluate(trained, { name, specs, fingerprint, sample }, { episodes: 5 });
  for (const [i, { segments }] of seen.entries()) {
    const [first, second, third] = segments as readonly [Batch, Batch, Batch];
    // Without a step, nothing is known but the meta-parameters.
    const states = [
      trained.adapt(first, { innerSteps: 0 }),
      trained.adapt(first),
      trained.adapt(first).observe(second),
    ];
    const losses = [first, second, third].map(({ x, y }, at) => {
      const { mean } = (states[at] as (typeof states)[0]).predict(x as Float32Array);
      return (y as Float32Array).reduce((total, each, j) => total + (each - (mean?.[j] as number)) ** 2, 0) / 4;
    });
    near([values[i] as number], [losses.reduce((total, each) => total + each, 0) / 3], 1e-5, `episode ${i}`);
  }
});

/**
 * The gradient of a stream in windows, put together by hand: the loss of a window as a function of the meta-parameters, with the
 * state in which it begins held constant.
 */
function windowGradients(
  learner: Learner,
  spec: TaskSpec,
  inputs: Values,
  window: number,
): { loss: number; gradient: Values } {
  const meta = group(META, inputs);
  const shapes = Object.fromEntries(
    Object.entries(problemOf(learner, spec, 6).plan.meta).map(([name, shape]) => [META + name, shape]),
  );
  let state: Values = {};
  let loss = 0;
  let gradient: Values = Object.fromEntries(Object.entries(meta).map(([name, data]) => [name, data.map(() => 0)]));
  for (let from = 0; from < spec.segments.length; from += window) {
    const part = spec.segments.slice(from, from + window);
    const columns = Object.fromEntries(
      part.flatMap((n, i) => [
        [`${i}.x`, [n, 1]],
        [`${i}.y`, [n, 1]],
      ]),
    );
    const sizesOfState = Object.fromEntries(
      Object.entries(state).map(([name, data]) => [
        `state.${name}`,
        meta[name] ? shapes[META + name] : shapeOf(name, data),
      ]),
    );
    const all = { ...shapes, ...columns, ...sizesOfState, key: KEY_SHAPE } as Record<string, readonly number[]>;
    const graph = trace(all, (given) => {
      const values = given as Readonly<Record<string, Tensor>>;
      const params = unprefixed(META, values);
      const context = contextOf({ spec, training: true, iteration: constant(3), key: values.key as Tensor });
      let now = from === 0 ? learner.start(params, context) : unprefixed("state.", values);
      let total: Tensor = constant(0);
      for (const [i, n] of part.entries()) {
        const { x, y } = unprefixed(`${i}.`, values) as Readonly<Record<"x" | "y", Tensor>>;
        const examples = { x, y, weight: full([n], 1) };
        const predicted = learner.predict(params, now, examples, { ...context, role: "query" });
        total = add(total, spec.objective.loss(predicted, examples));
        now = learner.observe(params, now, examples, context).state;
      }
      return { loss: total, ...prefixed(GRADIENT, gradients(total, params)), ...prefixed("state.", now) };
    });
    const batches = Object.fromEntries(
      part.flatMap((_, i) => [
        [`${i}.x`, inputs[`segments.${from + i}.x`]],
        [`${i}.y`, inputs[`segments.${from + i}.y`]],
      ]),
    ) as Values;
    const results = interpret(graph, {
      ...prefixed(META, meta),
      ...batches,
      ...prefixed("state.", state),
      key: inputs.key as Float64Array,
    }) as Values;
    loss += (results.loss?.[0] as number) / spec.segments.length;
    gradient = Object.fromEntries(
      Object.entries(gradient).map(([name, data]) => [
        name,
        data.map((value, i) => value + (results[GRADIENT + name]?.[i] as number) / spec.segments.length),
      ]),
    );
    state = group("state.", results);
  }
  return { loss, gradient };
}

const shapeOf = (name: string, data: Float64Array): readonly number[] => (name === "step" ? [] : [1, data.length]);

for (const [name, learner] of Object.entries({ recurrent: recurrent(), "meta-sgd": metaSgd(curve(), inner) })) {
  test(`${name}: a truncated gradient is the sum of its windows', each with the state before it held constant`, () => {
    const spec: TaskSpec = { ...stream.spec, segments: [2, 3, 2, 3] };
    const seen = new Set<string>();
    for (const window of [1, 2, 3, 4]) {
      const { graph, inputs } = problemOf(learner, spec, 6, window);
      const results = interpret(graph, inputs);
      const expected = windowGradients(learner, spec, inputs, window);
      near(results[LOSS] ?? [], [expected.loss], 1e-7, `window ${window}: loss`);
      const error = groupError(group(GRADIENT, results), expected.gradient);
      assert.ok(error < 1e-6, `window ${window}: ${error}`);
      seen.add(Object.values(group(GRADIENT, results)).join(";"));
    }
    assert.is(seen.size, 4, "the window changes the gradient");
  });
}

test("rows are shuffled within a segment, for learners that heed the order only, and never where the source is ordered", () => {
  const source = clouds({ ways: 3, shots: 4, queries: 2 });
  const { spec, name, fingerprint } = source;
  const ordered: Learner = { ...protoNet(embedding("none")), ordered: true };
  const weighted: TaskSpec = { ...spec, weighted: true };
  const sample = (key: Key) => {
    const { support, queries } = source.sample(key);
    const weight = (n: number) => Float32Array.from({ length: n }, (_, i) => i / 8);
    return {
      segments: [{ ...support, weight: weight(12) }],
      queries: { ...queries, weight: weight(6) },
    };
  };
  const tasks: TaskSource = { name, fingerprint, specs: [weighted], sample };
  const rows = ({ x, y, weight }: Batch) =>
    Array.from({ length: 12 }, (_, i) => [...(x?.slice(4 * i, 4 * i + 4) ?? []), y?.[i], weight?.[i]].join(" "));
  const key = keyOf(5);
  const plain = rows(sample(key).segments[0] as Batch);
  const arranged = (learner: Learner, from: TaskSource, at = key) => {
    const sampler = new Sampler(from, learner);
    const task = sample(at);
    const before = rows(task.segments[0] as Batch);
    const { segments, queries } = sampler.arranged(task, at, 0);
    assert.equal(rows(task.segments[0] as Batch), before, "the source's arrays are changed");
    assert.equal(queries, task.queries, "queries are shuffled");
    return rows(segments[0] as Batch);
  };
  const moved = arranged(ordered, tasks);
  assert.not.equal(moved, plain);
  assert.equal(moved.toSorted(), plain.toSorted());
  assert.equal(arranged(ordered, tasks), moved, "the order is the key's");
  const other = fold(key, 1);
  const own = rows(sample(other).segments[0] as Batch);
  assert.not.equal(
    arranged(ordered, tasks, other).map((row) => own.indexOf(row)),
    moved.map((row) => plain.indexOf(row)),
    "another key has the same order",
  );
  assert.equal(arranged(ordered, { ...tasks, ordered: true }), plain);
  assert.equal(arranged(protoNet(embedding("none")), tasks), plain);
});

test("the order of a source's rows does not show: labels cannot be read off it", async () => {
  // Row i has label floor(i / shots) in every episode.
  const source = clouds({ ways: 3, shots: 4, queries: 2 });
  const ordered: Learner = { ...protoNet(embedding("none")), ordered: true };
  const firsts = [0, 0, 0];
  const sampler = new Sampler(source, ordered);
  for (let i = 0; i < 300; i++) {
    const key = fold(keyOf(1), i);
    const label = sampler.arranged(source.sample(key), key, 0).segments[0]?.y?.[0] as number;
    firsts[label] = (firsts[label] ?? 0) + 1;
  }
  // 100 each are expected, with a standard deviation of 8.
  for (const count of firsts) assert.ok(Math.abs(count - 100) < 40, `${firsts}`);
});

test("a source that writes over earlier tasks gives an ordered learner the same bits as one that does not", async () => {
  const source = clouds({ ways: 3, shots: 2, queries: 2 });
  const { name, specs, fingerprint } = source;
  const fresh: TaskSource = { name, specs, fingerprint, sample: (key) => source.sample(key) };
  const learner: Learner = { ...protoNet(embedding("none")), ordered: true };
  const run = { learner, tasks: source };
  assert.ok(sameBytes(await finalBytes(run), await finalBytes({ ...run, tasks: fresh })));
});

test("asynchronous: the same bits as at once; what is rejected stops training with its error", async () => {
  const at = { learner: maml(curve(), inner), tasks: sizes };
  assert.ok(sameBytes(await finalBytes({ ...at, tasks: later(sizes) }), await finalBytes(at)));
  const [here, there] = [await metaTrain(at.learner, sizes, { iterations: 2 }), later(sizes)];
  assert.equal(
    (await evaluate(here, there, { episodes: 40 })).values,
    (await evaluate(here, sizes, { episodes: 40 })).values,
  );
  let asked = 0;
  const failing: TaskSource = {
    ...later(sizes),
    sample: (key, spec) => (asked++ > 20 ? Promise.reject(new RangeError("offline")) : sizes.sample(key, spec)),
  };
  await rejectsA(RangeError, metaTrain(at.learner, failing, { iterations: 9, metaBatch: 5 }), "offline");
});

test("several specs: an iteration's key picks one for its whole meta-batch, and all are used", async () => {
  const seen: number[] = [];
  const source: TaskSource = {
    ...sizes,
    sample(key, spec) {
      seen.push(spec);
      return sizes.sample(key, spec);
    },
  };
  await metaTrain(maml(curve(), inner), source, { iterations: 12, metaBatch: 4 });
  const picked = Array.from({ length: 12 }, (_, i) => new Set(seen.slice(4 * i, 4 * i + 4)));
  assert.ok(picked.slice(0, 11).every((each) => each.size === 1));
  assert.is(new Set(seen).size, 2);
  // Any number of ways for one learner.
  const dataset = clouds({ ways: 3, shots: 1, queries: 1 }).dataset;
  const parts = [3, 5].map((ways) => episodes(dataset, { ways, shots: 2, queries: 2 }));
  const ways: TaskSource = {
    name: "ways",
    fingerprint: "ways",
    specs: parts.map(({ spec }) => spec),
    sample: (key, spec, into) => (parts[spec] as (typeof parts)[0]).sample(key, 0, into),
  };
  const trained = await metaTrain(protoNet(embedding("none")), ways, { iterations: 20, metaBatch: 3 });
  const report = await evaluate(trained, ways, { episodes: 60 });
  assert.ok(report.mean > 0.5, `${report.mean}`);
});

test("unequal shots: padding weighs nothing in training and evaluation", async () => {
  // Garbage in the padding changes nothing.
  const { name, specs, fingerprint } = uneven;
  const spoiled: TaskSource = {
    name,
    specs,
    fingerprint,
    sample(key) {
      const { support, queries } = uneven.sample(key);
      const weight = support.weight as Float32Array;
      const x = support.x.map((value, i) => (weight[Math.floor(i / 4)] === 0 ? 1e3 * Math.sin(i) : value));
      const y = support.y.map((value, i) => (weight[i] === 0 ? (value + 1) % 3 : value));
      return { segments: [{ x, y, weight }], queries };
    },
  };
  for (const learner of [maml(classifier(), inner), protoNet(embedding("support"))]) {
    const options = { iterations: 4, metaBatch: 3, seed: 1 };
    const [clean, noisy] = [await metaTrain(learner, uneven, options), await metaTrain(learner, spoiled, options)];
    for (const [path, data] of Object.entries(clean.meta)) near(noisy.meta[path] ?? [], data, 1e-6, path);
    const reports = await Promise.all([uneven, spoiled].map((tasks) => evaluate(clean, tasks, { episodes: 50 })));
    near(reports[1]?.values ?? [], reports[0]?.values ?? [], 1e-6, "evaluation");
    const alone = await evaluate(clean, uneven, { episodes: 50, queries: "one by one" });
    near(alone.values, reports[0]?.values ?? [], 1e-6, "one by one");
  }
});

test.run();
