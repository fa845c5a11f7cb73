import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  continuing,
  explain,
  frozen,
  type OnlineLearner,
  readapting,
  runContinual,
  runOnline,
  traceAdaptation,
} from "../../src/analysis.ts";
import { OptionError } from "../../src/errors.ts";
import { fomaml } from "../../src/learners/fomaml.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { r2d2 } from "../../src/learners/r2d2.ts";
import { scratch } from "../../src/learners/scratch.ts";
import { zerosInitialiser } from "../../src/nn/initialisers.ts";
import * as layers from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { classification } from "../../src/nn/objective.ts";
import { Draw, keyOf } from "../../src/random.ts";
import { clusters, nearlyNormal } from "../../src/tasks/clusters.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { throwsA } from "../support/errors.ts";

const test = suite("analysis: explanations and settings over time");

const WAYS = 3;
const tasks = clusters({ ways: WAYS, shots: 2, queries: 2 });
const features = tasks.specs[0]?.inputs.x?.[0] as number;
/** Smooth everywhere, so that differences converge. */
const body = (outputs: number) => mlp({ inputShape: features, hidden: [8], outputs, activation: "tanh" });
const learners: readonly Learner[] = [
  maml(body(WAYS), { innerSteps: 2, innerRate: 0.1 }),
  fomaml(body(WAYS), { innerSteps: 2, innerRate: 0.1 }),
  protoNet(body(6)),
  r2d2(body(6)),
];
const task = await tasks.sample([4, 2], 0);
const [support] = task.segments as [(typeof task.segments)[0]];
const columns = { x: support.x as Float32Array, y: support.y as Float32Array };
const rows = columns.y.length;
const query = {
  x: (task.queries.x as Float32Array).subarray(0, 2 * features),
  y: (task.queries.y as Float32Array).subarray(0, 2),
};

for (const learner of learners) {
  test(`${learner.name}: influence and saliency are what finite differences give`, async () => {
    const trained = await metaTrain(learner, tasks, { iterations: 20, metaBatch: 4 });
    const { influence, saliency, losses, classes } = explain(trained, columns, query);
    assert.equal([...(classes ?? [])], [...query.y]);
    const lossOf = (weight: readonly number[], x: ArrayLike<number>, row: number): number => {
      const { logits } = trained.adapt({ ...columns, weight }).predict({ x });
      const scores = [...(logits as Float32Array).subarray(row * WAYS, (row + 1) * WAYS)];
      const top = Math.max(...scores);
      return (
        top +
        Math.log(scores.reduce((sum, each) => sum + Math.exp(each - top), 0)) -
        (scores[query.y[row] as number] as number)
      );
    };
    const ones = Array.from({ length: rows }, () => 1);
    const h = 0.02;
    for (const row of [0, 1]) {
      assert.ok(Math.abs(lossOf(ones, query.x, row) - (losses[row] as number)) < 1e-5);
      const scale = Math.max(...influence.map(Math.abs));
      for (let i = 0; i < rows; i++) {
        const slope = (lossOf(ones.with(i, 1 + h), query.x, row) - lossOf(ones.with(i, 1 - h), query.x, row)) / (2 * h);
        assert.ok(
          Math.abs(slope - (influence[row * rows + i] as number)) < 0.01 * scale + 2e-4,
          `${learner.name} ${row} ${i}: ${slope} ${influence[row * rows + i]}`,
        );
      }
      for (let i = 0; i < features; i++) {
        const moved = (by: number) =>
          Float32Array.from(query.x).map((each, at) => (at === row * features + i ? each + by : each));
        const slope = (lossOf(ones, moved(h), row) - lossOf(ones, moved(-h), row)) / (2 * h);
        assert.ok(Math.abs(slope - (saliency.x?.[row * features + i] as number)) < 0.02, `${learner.name} x ${i}`);
      }
    }
  });
}

test("explain: without targets, the predicted class is explained", async () => {
  const trained = await metaTrain(learners[2] as Learner, tasks, { iterations: 0 });
  const predicted = trained.adapt(columns).classify(query.x);
  const { classes, losses } = explain(trained, columns, { x: query.x });
  assert.equal([...(classes ?? [])], [...predicted]);
  assert.ok(losses.every((loss) => loss <= Math.log(WAYS)));
});

test("traceAdaptation: the steps of one adaptation, and how far each layer moved", async () => {
  const trained = await metaTrain(learners[0] as Learner, tasks, { iterations: 0 });
  const steps = traceAdaptation(trained, columns, { steps: 3, queries: query });
  assert.equal(
    steps.map(({ step }) => step),
    [0, 1, 2, 3],
  );
  assert.ok(Object.values(steps[0]?.moved ?? {}).every((distance) => distance === 0));
  const last = trained.adapt(columns, { innerSteps: 3 });
  assert.is(steps[3]?.support, last.measure(columns));
  assert.is(steps[3]?.queries, last.measure(query));
  const start = trained.adapt(columns, { innerSteps: 0 }).state;
  const [layer = ""] = Object.keys(steps[3]?.moved ?? {});
  let squares = 0;
  for (const [path, values] of Object.entries(last.state)) {
    if (path.startsWith(`${layer}.`))
      squares += values.reduce((sum, value, i) => sum + (value - (start[path]?.[i] as number)) ** 2, 0);
  }
  assert.ok(Math.abs(Math.sqrt(squares) - (steps[3]?.moved[layer] as number)) < 1e-12);
  const nearest = await metaTrain(learners[2] as Learner, tasks, { iterations: 0 });
  throwsA(OptionError, () => traceAdaptation(nearest, columns), "must have an inner loop", "protonet");
});

test("readapting with restarts forgets what it kept once its start predicts better, and keeps it otherwise", async () => {
  const constant = layers.sequential({ head: layers.linear(1, { initialiser: zerosInitialiser }) });
  const curves = sinusoid({ shots: 2, queries: 2 });
  const learner = scratch(model([1], constant), { innerSteps: 100, innerRate: 0.1 });
  const trained = await metaTrain(learner, curves, { iterations: 0 });
  const at = (y: number) => ({ x: Float32Array.of(0), y: Float32Array.of(y) });
  const mean = (online: OnlineLearner) => online.predict({ x: Float32Array.of(0) }).mean?.[0] as number;
  const [plain, restarting] = [readapting(trained), readapting(trained, { restarts: true })];
  for (const online of [plain, restarting]) {
    for (const y of [4, 4.5, 3.5]) online.observe(at(y));
    assert.ok(Math.abs(mean(online) - 4) < 1e-3, `${mean(online)}`);
    online.observe(at(-8));
  }
  // The start predicts 0, which is nearer to -8 than 4 is.
  assert.ok(Math.abs(mean(plain) - 1) < 1e-3, `${mean(plain)}`);
  assert.ok(Math.abs(mean(restarting) + 8) < 1e-3, `${mean(restarting)}`);
});

test("runOnline: predicts, measures, then learns; regret adds up and recovery counts from a change", async () => {
  const guesses = [0, 0, 1, 0, 0, 0];
  let seen = 0;
  const given: string[] = [];
  const learner = {
    name: "scripted",
    predict: () => {
      given.push("predict");
      const right = guesses[seen++] === 1;
      return { logits: Float32Array.from(right ? [1, 0] : [0, 1]) };
    },
    observe: () => void given.push("observe"),
  };
  const stream = guesses.map(() => ({ x: Float32Array.of(0), y: Float32Array.of(0) }));
  const [result] = await runOnline([learner], stream, {
    objective: classification(2),
    changes: [1, 4],
    recovered: 1,
    best: () => 1,
  });
  assert.equal([...(result?.values ?? [])], guesses);
  assert.equal([...(result?.regret ?? [])], [1, 2, 2, 3, 4, 5]);
  // From 1, right at 2: two segments; from 4, never: the two that are left.
  assert.is(result?.recovery, 2);
  assert.equal(given.slice(0, 4), ["predict", "observe", "predict", "observe"]);
});

test("runOnline: learners that adapt to the last examples do better than a frozen one", async () => {
  const trained = await metaTrain(protoNet(model([features], layers.flatten())), tasks, { iterations: 0 });
  const several = await Promise.all(Array.from({ length: 6 }, (_, i) => tasks.sample([i, 9], 0)));
  const stream = several.flatMap(({ segments, queries }) => [...segments, queries, queries]);
  const [still, all, window] = await runOnline(
    [
      frozen(trained, { ways: WAYS }),
      continuing(trained, { ways: WAYS }),
      readapting(trained, { ways: WAYS, capacity: 12 }),
    ],
    stream,
    { objective: classification(WAYS), changes: several.map((_, i) => 3 * i), recovered: 0.9, best: () => 1 },
  );
  assert.ok((window?.mean as number) > (all?.mean as number) && (all?.mean as number) > (still?.mean as number));
  assert.ok((window?.recovery as number) < 3.01);
  assert.equal([still?.name, all?.name, window?.name], ["frozen", "continuing", "adapting"]);
});

test("runContinual: the matrix and what follows from it, by hand", () => {
  // Accuracy by what was learned so far (row) and task (column).
  const script = [
    [0, 1, 0],
    [1, 0, 0],
    [0, 1, 1],
    [1, 0, 1],
  ];
  let done = 0;
  const learner = {
    name: "scripted",
    predict: ({ x }: Readonly<Record<string, Float32Array>>) => {
      const right = script[done]?.[x?.[0] as number] === 1;
      return { logits: Float32Array.from(right ? [1, 0] : [0, 1]) };
    },
    observe: () => void done++,
  };
  const list = [0, 1, 2].map((i) => {
    const batch = { x: Float32Array.of(i), y: Float32Array.of(0) };
    return { train: [batch], test: batch };
  });
  const [result] = runContinual([learner], list, { objective: classification(2) });
  assert.equal(
    result?.matrix.map((row) => [...row]),
    script,
  );
  assert.is(result?.average, 2 / 3);
  // Task 0: best 1 after itself, 1 at the end; task 1: best 1, 0 at the end.
  assert.is(result?.forgetting, 0.5);
  // Task 1 before it is learned: 0, at first 1; task 2: 1, at first 0.
  assert.is(result?.forwardTransfer, 0);
  assert.is(result?.backwardTransfer, -0.5);
});

test("a learner whose examples come one class after another keeps them all where it observes exactly", async () => {
  const trained = await metaTrain(protoNet(model([features], layers.flatten())), tasks, { iterations: 0 });
  const draw = new Draw(keyOf(2));
  const batchOf = (label: number) => ({
    x: Float32Array.from({ length: 4 * features }, () => 10 * label + nearlyNormal(draw)),
    y: new Float32Array(4).fill(label),
  });
  const sequence = [0, 1, 2].map((label) => ({ train: [batchOf(label)], test: batchOf(label) }));
  const [result] = runContinual([continuing(trained, { ways: 3 })], sequence, { objective: classification(3) });
  assert.equal([result?.average, result?.forgetting], [1, 0]);
});

test.run();
