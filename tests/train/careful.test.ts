/** Padding, unseen classes, warm starts, frozen layers and forgotten examples: what goes wrong silently where it is not minded. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../src/core/run.ts";
import { DataError, OptionError } from "../../src/errors.ts";
import { keyToArray } from "../../src/graph/operators/index.ts";
import { maml } from "../../src/learners/maml.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { batchNorm, linear, sequential, shared } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { learnedRates } from "../../src/optim/learned-rates.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import type { Rule } from "../../src/optim/rule.ts";
import { keyOf } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Task, TaskSource } from "../../src/tasks/types.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { initialMeta, initProgram } from "../../src/train/programs.ts";
import { remember } from "../../src/train/remembering.ts";
import { sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { clouds, rejectsA } from "./support.ts";

const test = suite("careful");
const pairs = clouds({ ways: 2, shots: 2, queries: 2 }, { shape: [2] });
const embedding = () => protoNet(model([2], linear(4)));

test("a class without examples is never the likeliest, however far the others are", async () => {
  const trained = await metaTrain(embedding(), pairs, { iterations: 0 });
  const adapted = trained.adapt({ x: [0, 0, 300, 0], y: [0, 1] }, { ways: 3 });
  for (const x of [
    [450, 0],
    [-1e4, 3],
    [0, 1e4],
  ]) {
    assert.is.not(adapted.classify(x)[0], 2, `${x}`);
  }
});

test("a class keeps its place when the last of its examples is forgotten", async () => {
  const trained = await metaTrain(embedding(), pairs, { iterations: 0 });
  const seen = remember(trained, { capacity: 2 }).observe({ x: [0, 0, 1, 1], y: [0, 1] });
  const later = seen.observe({ x: [2, 2], y: [1] });
  assert.is(later.adapted.outputs, 2);
  assert.equal(Array.from(later.classify([0, 0, 2, 2])), [1, 1]);
});

test("examples whose weights are all 0 are refused", async () => {
  const trained = await metaTrain(maml(mlp({ inputShape: 2, hidden: [3], outputs: 2 })), pairs, { iterations: 0 });
  throwsA(DataError, () => trained.adapt({ x: [1, 2, 3, 4], y: [0, 1], weight: [0, 0] }), "weight must be above 0");
});

/** Streams of two segments, of which the second is all padding. */
function halfEmpty(): TaskSource {
  const curves = sinusoid({ segments: [4, 4] });
  const spec = { ...curves.spec, weighted: true };
  const weights = [1, 0].map((weight) => new Float32Array(4).fill(weight));
  return {
    name: "half empty",
    fingerprint: "half empty",
    specs: [spec],
    sample(key): Task {
      const { segments, queries } = curves.sample(key);
      return { segments: segments.map((batch, i) => ({ ...batch, weight: weights[i] as Float32Array })), queries };
    },
  };
}

test("a segment that is all padding counts neither in the loss nor in the metric", async () => {
  const learner = () => maml(mlp({ inputShape: 1, hidden: [6], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
  const [padded, plain] = [halfEmpty(), sinusoid({ segments: [4] })];
  const losses: number[] = [];
  for (const tasks of [padded, plain]) {
    const onProgress = ({ loss }: { loss: number }) => losses.push(loss);
    await metaTrain(learner(), tasks, { iterations: 1, metaBatch: 1, seed: 4, onProgress });
  }
  // The key's first four points are the same in both.
  assert.ok(Math.abs((losses[0] as number) - (losses[1] as number)) < 1e-5, `${losses}`);
  const trained = await metaTrain(learner(), padded, { iterations: 0 });
  const report = await evaluate(trained, padded, { episodes: 20 });
  assert.is(report.diverged, 0);
  assert.ok(Number.isFinite(report.mean) && Number.isFinite(report.median));
});

test("a batch that is all padding does not move averages over tasks", async () => {
  const body = () => mlp({ inputShape: 1, hidden: [6], outputs: 1, batchNorm: "support" });
  const learner = maml(body(), { innerSteps: 1, innerRate: 0.01 });
  const tasks = halfEmpty();
  const empty: TaskSource = {
    ...tasks,
    sample: async (key, spec, into) => {
      const { segments, queries } = await tasks.sample(key, spec, into);
      return { segments: segments.map((batch) => ({ ...batch, weight: new Float32Array(4) })), queries };
    },
  };
  const trained = await metaTrain(learner, empty, { iterations: 5, metaBatch: 2 });
  assert.equal(Array.from(trained.meta["norm1.mean"] ?? []), Array(6).fill(0));
  assert.equal(Array.from(trained.meta["norm1.variance"] ?? []), Array(6).fill(1));
});

test("a warm start takes no array of another shape, though it has as many numbers", async () => {
  const from = await metaTrain(maml(mlp({ inputShape: 4, hidden: [6], outputs: 2 })), four(), { iterations: 0 });
  const learner = maml(mlp({ inputShape: 2, hidden: [12], outputs: 2 }));
  const fresh = await metaTrain(learner, pairs, { iterations: 0, seed: 5 });
  const warm = await metaTrain(learner, pairs, { iterations: 0, seed: 5, from });
  assert.ok(sameBits(warm.meta["hidden1.weight"] ?? [], fresh.meta["hidden1.weight"] ?? []));
  assert.ok(sameBits(warm.meta["head.bias"] ?? [], from.meta["head.bias"] ?? []));
});

const four = () => clouds({ ways: 2, shots: 2, queries: 2 });

test("a frozen layer keeps its statistics, and a selection that freezes nothing is refused", async () => {
  const learner = maml(mlp({ inputShape: 2, hidden: [6], outputs: 2, batchNorm: "support" }));
  const start = await metaTrain(learner, pairs, { iterations: 0 });
  const trained = await metaTrain(learner, pairs, { iterations: 4, freeze: "body" });
  for (const name of ["norm1.mean", "norm1.variance", "hidden1.weight"]) {
    assert.ok(sameBits(trained.meta[name] ?? [], start.meta[name] ?? []), name);
  }
  assert.not.ok(sameBits(trained.meta["head.weight"] ?? [], start.meta["head.weight"] ?? []));
  const nothing = metaTrain(learner, pairs, { iterations: 1, freeze: (path) => path.startsWith("headd") });
  await rejectsA(OptionError, nothing, "freeze must select a meta-parameter");
});

test("the weights of a rule are not those of the layer with the same path", () => {
  const body = mlp({ inputShape: 2, hidden: [3], outputs: 2 });
  const rule: Rule = { ...sgd(0.1), name: "with a network", meta: (key) => body.init(key) };
  const { program } = initProgram(maml(body, { innerOptimizer: rule }));
  const meta = initialMeta(run(program, { key: keyToArray(keyOf(7)) }));
  assert.not.ok(sameBits(meta["hidden1.weight"] ?? [], meta["rule.hidden1.weight"] ?? []));
});

test("what would do nothing is refused: rules that Reptile cannot learn, shared statistics, windows without a stream", async () => {
  const body = () => mlp({ inputShape: 2, hidden: [3], outputs: 2 });
  throwsA(
    OptionError,
    () => reptile(body(), { innerOptimizer: learnedRates({ rate: 0.1 }) }),
    "without meta-parameters",
  );
  const norm = sequential([linear(2), batchNorm({ mode: "support" })]);
  throwsA(OptionError, () => shared("twin", norm), "shared: layer must not have batch norm");
  await rejectsA(OptionError, metaTrain(maml(body()), pairs, { iterations: 1, window: 2 }), "window must be left out");
});

test.run();
