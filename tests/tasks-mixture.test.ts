/** Mixtures of sources: shares, specs, shuffling, and the data sets behind them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, OptionError } from "../src/errors.ts";
import { grad } from "../src/graph/grad.ts";
import { trace } from "../src/graph/graph.ts";
import { interpret } from "../src/graph/interpret.ts";
import { sum, zeros } from "../src/graph/operators/index.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { maml } from "../src/learners/maml.ts";
import { headPerSource } from "../src/nn/heads.ts";
import * as layers from "../src/nn/layers.ts";
import { mlp } from "../src/nn/networks.ts";
import { gaussian } from "../src/nn/objective.ts";
import { adam } from "../src/optim/optimizer.ts";
import { fold, keyOf } from "../src/random.ts";
import { mixture } from "../src/tasks/mixture.ts";
import { sinusoid } from "../src/tasks/sinusoid.ts";
import type { Task, TaskSource } from "../src/tasks/types.ts";
import { evaluate } from "../src/train/evaluate.ts";
import { metaTrain } from "../src/train/meta-train.ts";
import { Sampler, specOf } from "../src/train/sampling.ts";
import { near } from "./support/compare.ts";
import { clouds, rejectsA } from "./train/support.ts";

const test = suite("mixtures");

/** How often each spec is picked among the first keys of a stream. */
function picked(source: TaskSource, keys = 4000): number[] {
  const counts = source.specs.map(() => 0);
  for (let i = 0; i < keys; i++) {
    const spec = specOf(source, fold(keyOf(3), i));
    counts[spec] = (counts[spec] as number) + 1;
  }
  return counts.map((count) => count / keys);
}

const [a, b, c] = [sinusoid({ shots: 5 }), sinusoid({ shots: 6 }), sinusoid({ shots: 7 })] as const;

test("each spec is listed once, and picked by its share; a mixture of mixtures shares by source", () => {
  const twenty = mixture([a, b], { shares: [20, 1] });
  assert.is(twenty.specs.length, 2);
  assert.ok(Math.abs((picked(twenty)[0] as number) - 20 / 21) < 0.02);
  const nested = mixture([mixture([a, b]), c]);
  const [first, second, third] = picked(nested) as [number, number, number];
  for (const [share, expected] of [
    [first, 0.25],
    [second, 0.25],
    [third, 0.5],
  ] as const) {
    assert.ok(Math.abs(share - expected) < 0.03, `${share} instead of ${expected}`);
  }
});

test("a source that is ordered does not keep the rows of the others from being shuffled", () => {
  const labelled = clouds({ ways: 3, shots: 3, queries: 1 });
  const ordered: TaskSource = {
    ...clouds({ ways: 3, shots: 3, queries: 1 }),
    ordered: true,
    sample: labelled.sample.bind(labelled),
  };
  const mixed = mixture([labelled, ordered]);
  const learner = { ...maml(mlp({ inputShape: 4, hidden: [3], outputs: 3 })), ordered: true };
  const sampler = new Sampler(mixed, learner);
  const labels = (spec: number) => {
    const key = keyOf(1);
    const task = sampler.arranged(labelled.sample(key), key, spec);
    return Array.from(task.segments[0]?.y ?? []).join("");
  };
  assert.is(labels(1), "000111222");
  assert.is.not(labels(0), "000111222");
});

test("validation may share no class with a data set behind a mixture", async () => {
  const source = clouds({ ways: 3, shots: 1, queries: 1 });
  const learner = maml(mlp({ inputShape: 4, hidden: [3], outputs: 3 }));
  const validation = { tasks: source, every: 1 };
  await rejectsA(DataError, metaTrain(learner, mixture([source]), { iterations: 1, validation }), "validation");
});

test("a mixture trains and is evaluated; sources of two objectives are refused before anything is trained", async () => {
  const learner = () => maml(mlp({ inputShape: 1, hidden: [8], outputs: 1 }), { innerRate: 0.01 });
  const trained = await metaTrain(learner(), mixture([a, b]), { iterations: 3, metaBatch: 2 });
  assert.ok(Number.isFinite((await evaluate(trained, mixture([a, b]), { episodes: 10 })).mean));
  const other = {
    ...b,
    sample: b.sample.bind(b),
    specs: b.specs.map((spec) => ({ ...spec, objective: { ...gaussian(1), width: 1 } })),
  };
  await rejectsA(
    OptionError,
    metaTrain(learner(), mixture([a, other]), { iterations: 1 }),
    "must all be of regression",
  );
});

test("a head for each source: each learns its own targets, over a body that all share", async () => {
  const [up, down] = [sinusoid({ shots: 4, queries: 4 }), sinusoid({ shots: 4, queries: 4 })];
  const turned: TaskSource = {
    ...down,
    sample(key) {
      const task = down.sample(key);
      for (const { y } of [task.support, task.queries]) y.fill(-3);
      return task;
    },
  };
  const flat: TaskSource = {
    ...up,
    sample(key) {
      const task = up.sample(key);
      for (const { y } of [task.support, task.queries]) y.fill(5);
      return task;
    },
  };
  const tasks = mixture([flat, turned], { heads: true });
  assert.equal(tasks.specs[1]?.inputs, { x: [1], source: [] });
  assert.equal([...((tasks.sample(keyOf(1), 1) as Task).queries.source as Float32Array)], [1, 1, 1, 1]);
  assert.is.not(tasks.fingerprint, mixture([flat, turned]).fingerprint);
  const body = layers.sequential([layers.linear(6), layers.activation("tanh")]);
  const model = headPerSource([1], body, { sources: 2, outputs: 1 });
  assert.equal(
    model.parameters.map(({ name, shape }) => [name, shape]),
    [
      ["x.linear1.weight", [1, 6]],
      ["x.linear1.bias", [6]],
      ["head.weight", [6, 2]],
      ["head.bias", [2]],
    ],
  );
  const learner = maml(model, { innerSteps: 0 });
  const trained = await metaTrain(learner, tasks, { iterations: 400, metaBatch: 2, optimizer: adam(0.03) });
  const { mean } = trained.start().predict({ x: [0.3, 0.3, -2, -2], source: [0, 1, 0, 1] });
  near(mean as Float32Array, [5, -3, 5, -3], 0.2, "heads");
  // The head of one source has no gradient from examples of the other.
  const graph = trace({ x: [3, 1], source: [3], weight: [6, 2] }, ({ x, source, weight }) => {
    const parameters = model.init(zeros([4]));
    const { output } = model.apply(
      { ...parameters, "head.weight": weight },
      { x, source },
      { training: true, role: "query", key: zeros([4]) },
    );
    return { slope: grad(sum(output), [weight])[0] as Tensor };
  });
  const { slope = [] } = interpret(graph, { x: [1, 2, 3], source: [1, 1, 1], weight: Array(12).fill(0.1) });
  assert.ok(
    slope.every((each, i) => (i % 2 === 0 ? each === 0 : each !== 0)),
    `${slope}`,
  );
});

test.run();
