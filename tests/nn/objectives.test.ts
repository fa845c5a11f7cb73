/** Objectives: loss and metric against plain computations; a user's own; what files say of them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { FormatError, OptionError } from "../../src/errors.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { abs, add, divide, mean, multiply, subtract, sum } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { multiLabel, ordinal } from "../../src/nn/label-objectives.ts";
import { flatten, linear, sequential } from "../../src/nn/layers.ts";
import { join } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { classification, gaussian, type Objective, regression } from "../../src/nn/objective.ts";
import { adam } from "../../src/optim/optimizer.ts";
import { prefixed } from "../../src/optim/rule.ts";
import { Draw, type Key, keyOf } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Batch, Task, TaskSource, TaskSpec } from "../../src/tasks/types.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { restore } from "../../src/train/trained.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";
import { rejectsA, sameBytes } from "../train/support.ts";

const test = suite("objectives");
const core = Core.create();

const soft = (x: number) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);
/** The loss of each example from a model's raw numbers, and the metric of each, in f64. */
const plain: Readonly<Record<string, (raw: number[], y: number[]) => { loss: number; metric: number }>> = {
  classification(raw, [label = 0]) {
    const total = raw.reduce((all, each) => all + Math.exp(each), 0);
    return { loss: Math.log(total) - (raw[label] as number), metric: raw.indexOf(Math.max(...raw)) === label ? 1 : 0 };
  },
  regression(raw, y) {
    const squares = raw.map((value, i) => (value - (y[i] as number)) ** 2);
    const loss = squares.reduce((a, b) => a + b, 0) / raw.length;
    return { loss, metric: loss };
  },
  gaussian(raw, y) {
    const n = y.length;
    const densities = y.map((target, i) => {
      const deviation = soft(raw[n + i] as number) + 0.01;
      const z = (target - (raw[i] as number)) / deviation;
      return -0.5 * z * z - Math.log(deviation) - 0.5 * Math.log(2 * Math.PI);
    });
    const metric = densities.reduce((a, b) => a + b, 0) / n;
    return { loss: -metric, metric };
  },
  ordinal(raw, [level = 0]) {
    let [loss, passed, logit] = [0, 0, 0];
    for (const [k, value] of raw.entries()) {
      logit = k === 0 ? value : logit - soft(value);
      loss += soft(logit) - (level > k ? logit : 0);
      if (logit > 0) passed++;
    }
    return { loss: loss / raw.length, metric: Math.abs(passed - level) };
  },
};

for (const objective of [classification(4), regression(3), gaussian(2), ordinal(5), ordinal(2)]) {
  test(`${objective.name} of ${objective.outputs}: loss and metric are the plain ones, with and without weights`, () => {
    const chance = new Chance(3);
    const { width, targets, outputs } = objective;
    const n = 7;
    const size = (targets.y ?? []).reduce((product, extent) => product * extent, 1);
    const raw = chance.floats(n * width, -3, 3);
    const y =
      objective.classes || objective.levels
        ? Float64Array.from({ length: n }, () => chance.whole(0, outputs - 1))
        : chance.floats(n * size);
    const one = plain[objective.name] as (typeof plain)[string];
    const each = Array.from({ length: n }, (_, i) =>
      one([...raw.slice(i * width, (i + 1) * width)], [...y.slice(i * size, (i + 1) * size)]),
    );
    for (const weight of [Array(n).fill(1), [1, 0, 2, 0.5, 0, 1, 3]] as number[][]) {
      const shapes = { raw: [n, width], y: [n, ...(targets.y ?? [])], weight: [n] };
      const graph = trace(shapes as Record<"raw" | "y" | "weight", number[]>, (inputs) => {
        const { raw, y, weight } = inputs as Readonly<Record<"raw" | "y" | "weight", Tensor>>;
        const named = objective.read(raw);
        return { loss: objective.loss(named, { y, weight }), ...prefixed("outputs.", named) };
      });
      const total = weight.reduce((a, b) => a + b, 0);
      const average = (of: "loss" | "metric") =>
        each.reduce((all, value, i) => all + (weight[i] as number) * value[of], 0) / total;
      const inputs = { raw, y, weight };
      near(interpret(graph, inputs).loss ?? [], [average("loss")], 1e-6, "loss");
      const compiled = runGraph(core, graph, inputs);
      near(compiled.loss ?? [], [average("loss")], 1e-5, "compiled loss");
      const named = Object.fromEntries(
        Object.entries(compiled)
          .filter(([name]) => name.startsWith("outputs."))
          .map(([name, data]) => [name.slice(8), data as Float32Array]),
      );
      const columns = { y: Float32Array.from(y), weight: Float32Array.from(weight) };
      near([objective.metric.measure(named, columns)], [average("metric")], 1e-5, "metric");
    }
    assert.is(objective.resize(5).outputs, 5);
    assert.is(objective.resize(5).name, objective.name);
  });
}

test("multiLabel: the loss is that of each label's sigmoid; macro F1 leaves out labels that nobody has or names", () => {
  const objective = multiLabel(3);
  const logits = Float32Array.of(2, -1, -3, 1, 1, -2, -1, 3, -1, 5, 5, 5);
  const y = Float32Array.of(1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1);
  const weight = Float32Array.of(1, 2, 1, 0);
  // Label 0: 1 hit, named 1 + 2, true 1 + 1; label 1: 2 + 1 hits, named 3, true 3; label 2: neither.
  assert.is(objective.metric.measure({ logits }, { y, weight }), (2 / 5 + 1) / 2);
  assert.is(objective.metric.measure({ logits: logits.subarray(0, 3) }, { y: Float32Array.of(0, 1, 0) }), 0);
  assert.is(objective.metric.measure({ logits: Float32Array.of(-1, -1, -1) }, { y: new Float32Array(3) }), 1);
  const graph = trace({ raw: [4, 3], y: [4, 3], weight: [4] }, ({ raw, y, weight }) => ({
    loss: objective.loss(objective.read(raw), { y, weight }),
  }));
  const each = Array.from(logits, (z, i) => (soft(z) - (y[i] as number) * z) * (weight[Math.floor(i / 3)] as number));
  const expected = each.reduce((a, b) => a + b, 0) / 12;
  near(interpret(graph, { raw: logits, y, weight }).loss ?? [], [expected], 1e-6, "loss");
});

test("ordinal: a higher level is never likelier to be passed, whatever the model gives", () => {
  const objective = ordinal(6);
  const graph = trace({ raw: [50, 5] }, ({ raw }) => objective.read(raw));
  const { logits = [] } = runGraph(core, graph, { raw: new Chance(8).floats(250, -20, 20) });
  for (let i = 0; i < 250; i++) {
    if (i % 5 > 0) assert.ok((logits[i] as number) <= (logits[i - 1] as number), `row ${Math.floor(i / 5)}`);
  }
});

test("gaussian: learns how certain it can be", async () => {
  // y = x + noise whose deviation is 0.2 where x < 0 and 1 where x > 0.
  const spec: TaskSpec = { inputs: { x: [1] }, objective: gaussian(1), segments: [20], queries: 30 };
  const noisy: TaskSource = {
    name: "noisy",
    fingerprint: "noisy",
    specs: [spec],
    sample(key) {
      const draw = new Draw(key);
      const slope = draw.uniform(0.5, 1.5);
      const batch = (n: number) => {
        const x = Float32Array.from({ length: n }, () => draw.uniform(-2, 2));
        const noise = () => (draw.uniform() + draw.uniform() + draw.uniform() + draw.uniform() - 2) * Math.sqrt(3);
        return { x, y: x.map((value) => slope * value + noise() * (value < 0 ? 0.2 : 1)) };
      };
      return { segments: [batch(20)], queries: batch(30) };
    },
  };
  const body = mlp({ inputShape: 1, hidden: [20], outputs: 2, activation: "tanh" });
  const learner = maml(body, { innerRate: 0.05, innerSteps: 3 });
  const before = await metaTrain(learner, noisy, { iterations: 0 });
  const trained = await metaTrain(learner, noisy, { iterations: 600, metaBatch: 8, optimizer: adam(5e-3) });
  const [start, end] = await Promise.all([before, trained].map((each) => evaluate(each, noisy, { episodes: 100 })));
  assert.is(end?.metric, "logDensity");
  assert.ok((end?.mean as number) > (start?.mean as number) + 0.5, `${end?.mean} after, ${start?.mean} before`);
  const { segments } = noisy.sample(keyOf(3), 0) as Task;
  const { mean, deviation } = trained.adapt(segments[0] as Batch).predict([-1.5, 1.5]);
  assert.is(mean?.length, 2);
  const [low, high] = deviation as unknown as [number, number];
  assert.ok(low < 0.5 && high > 0.6, `deviations ${low} and ${high}, 0.2 and 1 are right`);
  throwsA(OptionError, () => trained.adapt({ x: [1], y: [1] }).classify([1]), "classify", "gaussian");
});

/** Mean absolute error: an objective from public parts. */
function absoluteError(outputs: number): Objective {
  return {
    name: "absolute error",
    outputs,
    width: outputs,
    targets: { y: [outputs] },
    metric: {
      name: "mae",
      better: "lower",
      measure: ({ value }, { y }) =>
        (y as Float32Array).reduce((total, each, i) => total + Math.abs(each - (value?.[i] as number)), 0) /
        (y as Float32Array).length,
    },
    read: (raw) => ({ value: raw }),
    loss({ value }, { y, weight }) {
      const each = mean(abs(subtract(value as Tensor, y as Tensor)), 1);
      return divide(sum(multiply(each, weight as Tensor)), add(sum(weight as Tensor), 1e-12));
    },
    resize: absoluteError,
  };
}

const curves = sinusoid({ shots: 8, queries: 8, amplitude: [1, 3], phase: [0, 1] });
const robust: TaskSource = {
  name: "robust curves",
  fingerprint: "robust curves",
  specs: [{ ...curves.spec, objective: absoluteError(1) }],
  sample: (key) => curves.sample(key),
};
const curve = () => maml(mlp({ inputShape: 1, hidden: [20], outputs: 1 }), { innerRate: 0.05, innerSteps: 3 });

test("a user's own objective: trained, evaluated, adapted, saved and restored", async () => {
  const before = await metaTrain(curve(), robust, { iterations: 0 });
  const trained = await metaTrain(curve(), robust, { iterations: 400, metaBatch: 8, optimizer: adam(0.01) });
  const [start, end] = await Promise.all([before, trained].map((each) => evaluate(each, robust, { episodes: 100 })));
  assert.is(end?.metric, "mae");
  assert.ok((end?.mean as number) < 0.8 * (start?.mean as number), `${end?.mean} after, ${start?.mean} before`);
  const { support, queries } = curves.sample(keyOf(4));
  const { value } = trained.adapt(support).predict(queries.x);
  assert.is(value?.length, 8);
  const bytes = trained.save();
  throwsA(
    FormatError,
    () => restore(curve(), bytes),
    "objective must be the file's, absolute error",
    "pass { objective }",
  );
  throwsA(FormatError, () => restore(curve(), bytes, { objective: regression(1) }), "absolute error", "got regression");
  const again = restore(curve(), bytes, { objective: absoluteError(1) });
  assert.ok(sameBytes(again.save(), bytes));
  assert.equal(again.adapt(support).predict(queries.x).value, value);
  await rejectsA(OptionError, evaluate(trained, curves), "trained on absolute error, the tasks are of regression");
});

test("restore refuses a file that names no objective, another, or no number of outputs", async () => {
  const trained = await metaTrain(curve(), curves, { iterations: 1, metaBatch: 2 });
  const { tensors, metadata } = decodeTensors(trained.save());
  const changed = (changes: Readonly<Record<string, string | undefined>>) => {
    const entries = Object.entries({ ...metadata, ...changes }).filter(([, value]) => value !== undefined);
    return encodeTensors({ tensors, metadata: Object.fromEntries(entries) as Record<string, string> });
  };
  for (const [changes, part] of [
    [{ objective: undefined }, "must name its objective and outputs, got none and 1"],
    [{ outputs: undefined }, "got regression and none"],
    [{ outputs: "1.5" }, "got regression and 1.5"],
    [{ outputs: "0" }, "got regression and 0"],
    [{ objective: "constructor" }, "objective must be the file's, constructor"],
    [{ objective: "ranking" }, "objective must be the file's, ranking"],
  ] as const) {
    throwsA(FormatError, () => restore(curve(), changed(changes)), part);
  }
  throwsA(OptionError, () => restore(curve(), trained.save(), { objectives: regression(1) } as never), "objective?");
  throwsA(OptionError, () => restore(undefined as never, trained.save()), "restore: learner must be a learner");
  throwsA(
    FormatError,
    () => restore(metaSgd(mlp({ inputShape: 1, hidden: [20], outputs: 1 })), trained.save()),
    "maml",
  );
  for (const bytes of [undefined, null, "bytes", {}, [1, 2], Promise.resolve(trained.save())]) {
    throwsA(OptionError, () => restore(curve(), bytes as never), "restore: bytes must be a Uint8Array");
  }
});

/** Few-shot classes that only an image and a text together tell apart. */
const pairs: TaskSource = (() => {
  const spec: TaskSpec = {
    inputs: { image: [4, 4, 1], text: [3] },
    objective: classification(4),
    segments: [16],
    queries: 16,
  };
  const sample = (key: Key) => {
    const draw = new Draw(key);
    const order = draw.choose(4, 4);
    const batch = () => {
      const y = Float32Array.from({ length: 16 }, (_, i) => i % 4);
      const kind = (i: number) => order[y[i] as number] as number;
      return {
        image: Float32Array.from({ length: 256 }, (_, i) => (kind(i >> 4) & 1 ? 1 : -1) + draw.uniform(-0.3, 0.3)),
        text: Float32Array.from(
          { length: 48 },
          (_, i) => (kind(Math.floor(i / 3)) & 2 ? 1 : -1) + draw.uniform(-0.3, 0.3),
        ),
        y,
      };
    };
    return { segments: [batch()], queries: batch() };
  };
  return { name: "pairs", fingerprint: "pairs", specs: [spec], sample };
})();

test("named columns: a model of an image and a text is trained, evaluated, adapted and restored", async () => {
  const body = () =>
    join(
      {
        image: [[4, 4, 1], sequential([flatten(), linear(8)])],
        text: [[3], linear(4)],
      },
      linear(4),
    );
  const learner = () => maml(body(), { innerRate: 0.1, innerSteps: 3 });
  const trained = await metaTrain(learner(), pairs, { iterations: 200, metaBatch: 8, optimizer: adam(5e-3) });
  const report = await evaluate(trained, pairs, { episodes: 50 });
  assert.ok(report.mean > 0.9, `${report.mean} of 4 classes`);
  const alone = await evaluate(trained, pairs, { episodes: 50, queries: "one by one" });
  near(alone.values, report.values, 1e-6, "one by one");
  const { segments, queries } = pairs.sample(keyOf(8), 0) as {
    segments: readonly Record<"image" | "text" | "y", Float32Array>[];
    queries: Record<"image" | "text" | "y", Float32Array>;
  };
  const support = segments[0] as Record<"image" | "text" | "y", Float32Array>;
  const { image, text, y } = queries;
  const adapted = trained.adapt(support);
  const right = adapted.classify({ image, text }).filter((label, i) => label === y[i]).length;
  assert.ok(right >= 14, `${right} of 16`);
  const again = restore(learner(), trained.save());
  assert.equal(again.adapt(support).predict({ image, text }), adapted.predict({ image, text }));
  throwsA(OptionError, () => adapted.predict(image), "predict: inputs must be a record with the columns image, text");
  throwsA(OptionError, () => adapted.predict({ image }), "predict: text must be a flat array", "got undefined");
  throwsA(OptionError, () => adapted.predict({ image, text, audio: text }), "predict: columns", '"audio"');
  throwsA(Error, () => adapted.predict({ image, text: text.subarray(3) }), "predict: text must have");
  throwsA(OptionError, () => trained.adapt({ image: support.image, y }), "adapt: text");
});

test("options of objectives are checked", () => {
  throwsA(OptionError, () => classification(0), "classification: ways must be a whole number from 1, got 0");
  throwsA(OptionError, () => regression(1.5), "regression: outputs");
  throwsA(OptionError, () => gaussian("2" as never), "gaussian: outputs", '"2"');
  throwsA(OptionError, () => ordinal(1), "ordinal: levels must be a whole number from 2, got 1");
  throwsA(OptionError, () => multiLabel(0), "multiLabel: labels");
});

test.run();
