/** Evaluation: its numbers from scratch, what it says about itself, and what it refuses. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultCore } from "../../src/core/core.ts";
import { AbortedError, DataError, OptionError } from "../../src/errors.ts";
import type { Executor } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { maml } from "../../src/learners/maml.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { activation, batchNorm, linear, sequential } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { type Columns, gaussian, regression as numbers, type Objective } from "../../src/nn/objective.ts";
import type { Key } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Episode, LabelledBatch, TaskSource } from "../../src/tasks/types.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import type { Trained } from "../../src/train/trained.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { clouds, rejectsA, smallMaml } from "./support.ts";

const test = suite("evaluate");

const curves = sinusoid({ shots: 5, queries: 6 });
const classes = clouds({ ways: 3, shots: 2, queries: 4 }, { spread: 1.4 });
const regression = await metaTrain(smallMaml(), curves, { iterations: 30, metaBatch: 4 });
const body = mlp({ inputShape: 4, hidden: [6], outputs: 3, activation: "tanh" });
const options = { innerRate: 0.2, innerSteps: 2, evaluationSteps: 4 };
const classification = await metaTrain(maml(body, options), classes, { iterations: 30, metaBatch: 4 });

/** A source that remembers the episodes that it gave. */
function recording(source: TaskSource): { readonly source: TaskSource; readonly episodes: Episode[] } {
  const episodes: Episode[] = [];
  const sample = (key: Key, spec: number) => {
    const episode = source.sample(key, spec) as Episode;
    episodes.push(episode);
    return episode;
  };
  const { name, specs, fingerprint } = source;
  return { source: { name, specs, fingerprint, sample }, episodes };
}

/** The plain definition of each metric. */
function measure({ specs }: TaskSource, predictions: Columns, y: Float32Array): number {
  const { logits, mean } = predictions;
  if (mean !== undefined) {
    let total = 0;
    for (const [i, target] of y.entries()) total += ((mean[i] as number) - target) ** 2;
    return total / y.length;
  }
  const ways = specs[0]?.objective.outputs as number;
  let right = 0;
  for (const [row, label] of y.entries()) {
    const scores = [...(logits as Float32Array).subarray(row * ways, (row + 1) * ways)];
    if (scores.indexOf(Math.max(...scores)) === label) right++;
  }
  return right / y.length;
}

const cases: readonly (readonly [string, Trained, TaskSource])[] = [
  ["accuracy", classification, classes],
  ["mse", regression, curves],
];
for (const [metric, trained, tasks] of cases) {
  test(`${metric}: every episode again through adapt and predict; mean and interval from the formula`, async () => {
    const { source, episodes } = recording(tasks);
    // More than one wave of episodes, and a part of one.
    const report = await evaluate(trained, source, { episodes: 70, seed: 3 });
    assert.is(episodes.length, 70);
    assert.is(new Set(episodes.map(({ support }) => support.x.join())).size, 70, "episodes repeat");
    const expected = episodes.map(({ support, queries }) =>
      measure(tasks, trained.adapt(support).predict(queries.x), queries.y),
    );
    near(report.values, expected, 1e-5, "values");
    const mean = expected.reduce((sum, value) => sum + value, 0) / 70;
    const variance = expected.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 69;
    near([report.mean, report.ci95], [mean, (1.96 * Math.sqrt(variance)) / Math.sqrt(70)], 1e-5, "mean and interval");
    const sorted = expected.toSorted((a, b) => a - b);
    near([report.median], [((sorted[34] as number) + (sorted[35] as number)) / 2], 1e-5, "median");
    near([report.worst], [(metric === "mse" ? sorted.at(-1) : sorted[0]) as number], 1e-5, "worst");
    assert.ok(report.ci95 > 0);
    assert.equal(
      { ...report, mean: 0, ci95: 0, median: 0, worst: 0 },
      {
        metric,
        mean: 0,
        ci95: 0,
        median: 0,
        worst: 0,
        episodes: 70,
        diverged: 0,
        fingerprint: tasks.fingerprint,
        batchNorm: "none",
        queries: "batch",
        relaxed: false,
        better: metric === "accuracy" ? "higher" : "lower",
        seed: 3,
      },
    );
    assert.equal(Object.keys(JSON.parse(JSON.stringify(report))), [
      "metric",
      "better",
      "mean",
      "ci95",
      "median",
      "worst",
      "episodes",
      "diverged",
      "fingerprint",
      "batchNorm",
      "queries",
      "relaxed",
      "seed",
    ]);
  });
}

test("600 episodes unless told otherwise; the seed says which; the first are the same for any number", async () => {
  const all = await evaluate(regression, curves);
  assert.is(all.episodes, 600);
  assert.is(all.values.length, 600);
  const few = await evaluate(regression, curves, { episodes: 33 });
  assert.equal([...few.values], [...all.values.slice(0, 33)]);
  const others = await evaluate(regression, curves, { episodes: 33, seed: 1 });
  assert.ok(others.values.every((value, i) => value !== few.values[i]));
});

test("adapts by the evaluation steps, or as many as it is told", async () => {
  const mean = async (trained: Trained, innerSteps?: number) =>
    (await evaluate(trained, classes, { episodes: 40, ...(innerSteps === undefined ? {} : { innerSteps }) })).values;
  const same = (a: Float64Array, b: Float64Array) => a.every((value, i) => value === b[i]);
  assert.ok(same(await mean(classification), await mean(classification, 4)), "4 evaluation steps");
  assert.not.ok(same(await mean(classification), await mean(classification, 2)), "not the training steps");
  // Without a step nothing was learned: a third of the answers are right.
  const guesses = await evaluate(classification, classes, { episodes: 200, innerSteps: 0 });
  assert.ok(Math.abs(guesses.mean - 1 / 3) < 0.1, `${guesses.mean} without a step`);
  const learned = await evaluate(classification, classes, { episodes: 200 });
  assert.ok(learned.mean > guesses.mean + 0.2, `${learned.mean} is no better than ${guesses.mean}`);
});

test("how batch norm was used is named, wherever in the model it is", async () => {
  const modeOf = async (...layers: readonly Layer[]) => {
    const learner = reptile(model([1], sequential([linear(4), ...layers, linear(1)])), { innerSteps: 1 });
    const trained = await metaTrain(learner, curves, { iterations: 1, metaBatch: 2 });
    return (await evaluate(trained, curves, { episodes: 2 })).batchNorm;
  };
  assert.is(await modeOf(), "none");
  for (const mode of ["none", "support", "transductive"] as const) {
    assert.is(await modeOf(batchNorm({ mode })), mode);
    assert.is(await modeOf(activation("relu"), sequential([linear(3), sequential([batchNorm({ mode })])])), mode);
  }
});

test("queries one by one: equal to a batch, but for transductive statistics", async () => {
  for (const mode of ["none", "support", "running", "transductive"] as const) {
    const learner = protoNet(mlp({ inputShape: 4, hidden: [6], outputs: 5, batchNorm: mode }));
    const trained = await metaTrain(learner, classes, { iterations: 5, metaBatch: 3 });
    const [together, alone] = [
      await evaluate(trained, classes, { episodes: 40 }),
      await evaluate(trained, classes, { episodes: 40, queries: "one by one" }),
    ];
    assert.equal([together.queries, alone.queries], ["batch", "one by one"]);
    const differ = alone.values.some((value, i) => value !== together.values[i]);
    assert.is(differ, mode === "transductive", mode);
    const { support, queries } = classes.sample([1, 2]);
    const adapted = trained.adapt(support);
    const [all, one] = [queries.x, queries.x.subarray(0, 4)].map((x) => adapted.predict(x).logits as Float32Array);
    const gap = Math.max(...(one as Float32Array).map((value, i) => Math.abs(value - (all?.[i] as number))));
    assert.ok(mode === "transductive" ? gap > 1e-3 : gap < 1e-5, `${mode}: ${gap}`);
  }
  await rejectsA(
    OptionError,
    evaluate(regression, sinusoid({ segments: [3, 3] }), { queries: "one by one" }),
    'must be "batch" for streams',
  );
});

test("metric-based learners are evaluated at other ways than they were trained at", async () => {
  const trained = await metaTrain(protoNet(body), classes, { iterations: 20, metaBatch: 4 });
  for (const ways of [2, 7]) {
    const report = await evaluate(trained, clouds({ ways, shots: 1, queries: 3 }), { episodes: 30 });
    assert.ok(report.mean > 1.5 / ways, `${ways} ways: ${report.mean}`);
  }
});

test("episodes that diverge are counted, left out of the mean, and the worst for the median", async () => {
  const steady = await evaluate(regression, curves, { episodes: 3, innerSteps: 300 });
  assert.is(steady.diverged, 0);
  assert.ok(Number.isFinite(steady.mean));
  const body = mlp({ inputShape: 1, hidden: [5], outputs: 1 });
  const lost = await metaTrain(maml(body, { innerRate: 1e9 }), curves, { iterations: 0 });
  const all = await evaluate(lost, curves, { episodes: 3, innerSteps: 20 });
  assert.equal(
    [all.diverged, all.median, all.worst, all.mean],
    [3, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN],
  );
  assert.ok(all.values.every((value) => !Number.isFinite(value)));
  // Large amplitudes alone diverge.
  const wild = await metaTrain(maml(body, { innerRate: 0.3 }), curves, { iterations: 0 });
  const some = await evaluate(wild, curves, { episodes: 100, innerSteps: 40 });
  const finite = some.values.filter(Number.isFinite);
  assert.ok(some.diverged > 0 && some.diverged < 100, `${some.diverged} of 100`);
  assert.is(some.diverged, 100 - finite.length);
  assert.is(some.mean, finite.reduce((sum, value) => sum + value, 0) / finite.length);
  const sorted = some.values.map((value) => (Number.isFinite(value) ? value : Number.POSITIVE_INFINITY)).sort();
  assert.is(some.median, ((sorted[49] as number) + (sorted[50] as number)) / 2);
});

test("bands are those of targets y alone, and a task of padding has none", async () => {
  const own: Objective = {
    ...gaussian(1),
    name: "own",
    targets: { z: [1] },
    metric: { name: "own", better: "higher", measure: () => Number.POSITIVE_INFINITY },
    loss: (outputs, examples) => gaussian(1).loss(outputs, { ...examples, y: examples.z as Tensor }),
  };
  const [{ segments, queries }] = [curves.spec];
  const renamed = ({ x, y }: LabelledBatch) => ({ x, z: y });
  const tasks: TaskSource = {
    name: "own targets",
    fingerprint: "own",
    specs: [{ inputs: { x: [1] }, objective: own, segments, queries }],
    sample(key) {
      const { support, queries } = curves.sample(key);
      return { segments: [renamed(support)], queries: renamed(queries) };
    },
  };
  const trained = await metaTrain(maml(mlp({ inputShape: 1, hidden: [4], outputs: 2 })), tasks, { iterations: 0 });
  const report = await evaluate(trained, tasks, { episodes: 3 });
  assert.is(report.inBand, undefined);
  // What is not finite is the worst, also where higher is better.
  assert.equal([report.diverged, report.worst], [3, Number.NEGATIVE_INFINITY]);
});

test("a prediction of classes that is not finite is wrong, and counted", async () => {
  const relu = mlp({ inputShape: 4, hidden: [6], outputs: 3 });
  const lost = await metaTrain(maml(relu, { innerRate: 1e30 }), classes, { iterations: 0 });
  const report = await evaluate(lost, classes, { episodes: 5, innerSteps: 10 });
  // Class 0 would be right a third of the time.
  assert.equal([report.diverged, report.mean], [5, 0]);
  const { support, queries } = classes.sample([1, 2]);
  const adapted = lost.adapt(support, { innerSteps: 10 });
  assert.ok(adapted.predict(queries.x).logits?.some((value) => !Number.isFinite(value)));
  throwsA(
    DataError,
    () => adapted.classify(queries.x),
    "classify: the prediction of example 0 is not finite",
    "inner rate",
  );
});

const outside: Readonly<Record<string, readonly [Parameters<typeof evaluate>[2], string]>> = {
  "no episodes": [{ episodes: 0 }, "episodes"],
  "half an episode": [{ episodes: 2.5 }, "episodes"],
  "more episodes than fit into memory": [{ episodes: 4e9 }, "episodes"],
  "negative steps": [{ innerSteps: -1 }, "innerSteps"],
  "half a step": [{ innerSteps: 1.5 }, "innerSteps"],
  "steps that are no number": [{ innerSteps: Number.NaN }, "innerSteps"],
  "a negative seed": [{ seed: -1 }, "seed"],
};
for (const [what, [wrong, name]] of Object.entries(outside)) {
  test(`refused: ${what}`, async () => {
    await rejectsA(OptionError, evaluate(regression, curves, { episodes: 2, ...wrong }), name);
  });
}

test("refused: what is not trained, tasks or options", async () => {
  const work = (...given: readonly unknown[]) => evaluate(...(given as unknown as Parameters<typeof evaluate>));
  await rejectsA(OptionError, work(Promise.resolve(regression), curves), "evaluate: trained", "a promise (await it)");
  await rejectsA(OptionError, work(smallMaml(), curves), "evaluate: trained must be what metaTrain or restore gives");
  await rejectsA(OptionError, work(regression, classes.dataset), "evaluate: tasks must be a task source");
  await rejectsA(OptionError, work(regression, curves, { episode: 3 }), "no option episode; did you mean episodes?");
  await rejectsA(OptionError, work(regression, curves, { queries: "single" }), 'one of "batch", "one by one"');
  await rejectsA(OptionError, work(regression, curves, { executor: "workers" }), "evaluate: executor");
  await rejectsA(OptionError, work(regression, curves, { signal: 3 }), "evaluate: signal must be an AbortSignal");
  await rejectsA(OptionError, work(regression, curves, null), "evaluate: options must be an object, got null");
});

test("refused: tasks of other shapes or of another kind", async () => {
  await rejectsA(OptionError, evaluate(regression, classes), "[1]", "[4]");
  await rejectsA(
    OptionError,
    evaluate(classification, clouds({ ways: 4, shots: 1, queries: 1 })),
    "3 outputs",
    "need 4 (ways)",
  );
  const points: TaskSource = {
    name: "points",
    fingerprint: "points",
    specs: [{ ...classes.spec, objective: numbers(3) }],
    sample: (key) => classes.sample(key),
  };
  await rejectsA(OptionError, evaluate(classification, points), "classification", "regression");
});

test("its signal stops it, with the reason", async () => {
  const abort = new AbortController();
  abort.abort();
  await rejectsA(AbortedError, evaluate(regression, curves, { signal: abort.signal }), "evaluate");
  await rejectsA(AbortedError, evaluate(regression, curves, { episodes: 1e6, signal: AbortSignal.timeout(60) }));
});

test("memory is given back, also when it fails", async () => {
  const core = defaultCore();
  const jobs: string[] = [];
  const counting: Executor = {
    workers: 1,
    relaxed: false,
    close: async () => {},
    async load(work) {
      const job = await inThread(core).load(work);
      jobs.push("load");
      return {
        sum: (shared, items) => job.sum(shared, items),
        map: (shared, items) => job.map(shared, items),
        release: async () => {
          jobs.push("release");
          await job.release();
        },
      };
    },
  };
  const failing: TaskSource = {
    name: curves.name,
    specs: curves.specs,
    fingerprint: curves.fingerprint,
    sample: () => {
      throw new RangeError("lost");
    },
  };
  await evaluate(regression, curves, { episodes: 2, executor: counting });
  const before = core.highWater;
  for (let i = 0; i < 5; i++) {
    await evaluate(regression, curves, { episodes: 2, executor: counting });
    await rejectsA(RangeError, evaluate(regression, failing, { episodes: 2, executor: counting }), "lost");
    await rejectsA(OptionError, evaluate(regression, curves, { seed: -1, executor: counting }), "seed");
  }
  assert.is(jobs.filter((each) => each === "load").length, jobs.filter((each) => each === "release").length);
  assert.is(core.highWater, before);
});

test.run();
