/** What holds of every learner, because it is on the list. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, FormatError, OptionError, ShapeError } from "../../src/errors.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { conv4, type Model, mlp } from "../../src/nn/model.ts";
import { adam, sgd } from "../../src/optim/optimizer.ts";
import { Draw, fold, type Key, keyOf } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Batch, TaskSource } from "../../src/tasks/types.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { type Adapted, restore, type Trained } from "../../src/train/trained.ts";
import { near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";

const test = suite("laws of learners");

const WAYS = 3;
const FEATURES = 4;

/** Classes are random corners, their examples lie around them: five of each in the support, four in the query set. */
const clusters: TaskSource = {
  name: "clusters",
  fingerprint: "clusters",
  spec: { kind: "classification", inputShape: [FEATURES], outputs: WAYS, supportSize: 5 * WAYS, querySize: 4 * WAYS },
  sample(key: Key) {
    const draw = new Draw(key);
    const centres = Array.from({ length: WAYS * FEATURES }, () => draw.uniform(-2, 2));
    const batch = (count: number): Batch => {
      const y = Float32Array.from({ length: count }, (_, i) => i % WAYS);
      const x = Float32Array.from({ length: count * FEATURES }, (_, i) => {
        const label = y[Math.floor(i / FEATURES)] as number;
        return (centres[label * FEATURES + (i % FEATURES)] as number) + draw.uniform(-0.5, 0.5);
      });
      return { x, y };
    };
    return { support: batch(this.spec.supportSize), query: batch(this.spec.querySize) };
  },
};
const curves = sinusoid({ shots: 8, queries: 8 });

interface Row {
  readonly make: (body: Model, steps?: { innerSteps?: number; evaluationSteps?: number }) => Learner;
  /** Has inner steps, which may be asked for. */
  readonly inner: boolean;
}

const rows: Readonly<Record<string, Row>> = {
  maml: { inner: true, make: (body, steps) => maml(body, { innerRate: 0.05, innerSteps: 3, ...steps }) },
  "first-order maml": {
    inner: true,
    make: (body, steps) => maml(body, { innerRate: 0.05, innerSteps: 3, order: 1, ...steps }),
  },
  "maml with momentum": {
    inner: true,
    make: (body, steps) => maml(body, { innerOptimizer: sgd(0.02, { momentum: 0.9 }), innerSteps: 3, ...steps }),
  },
  "maml with Adam": {
    inner: true,
    make: (body, steps) => maml(body, { innerOptimizer: adam(0.03), innerSteps: 3, ...steps }),
  },
  "meta-sgd": { inner: true, make: (body, steps) => metaSgd(body, { innerRate: 0.05, innerSteps: 2, ...steps }) },
  "meta-sgd with weight decay": {
    inner: true,
    make: (body, steps) => metaSgd(body, { innerRate: 0.05, innerSteps: 2, weightDecay: 0.01, ...steps }),
  },
  reptile: { inner: true, make: (body, steps) => reptile(body, { innerRate: 0.05, innerSteps: 5, ...steps }) },
  protonet: { inner: false, make: (body) => protoNet(body) },
};

const classifier = () => mlp({ inputShape: FEATURES, hidden: [16], outputs: WAYS, activation: "tanh" });
const regressor = () => mlp({ inputShape: 1, hidden: [20, 20], outputs: 1 });
const learnerOf = (name: string, body: Model = classifier()): Learner => (rows[name] as Row).make(body);

const trained = new Map<string, Promise<Trained>>();
/** A learner after some outer steps on clusters or curves; trained once for all tests. */
function after(iterations: number, name: string, tasks: TaskSource = clusters): Promise<Trained> {
  const key = `${iterations} ${name} ${tasks.name}`;
  const known = trained.get(key);
  if (known) return known;
  const learner = learnerOf(name, tasks === clusters ? classifier() : regressor());
  const optimizer = learner.outerOptimizer ? sgd(0.5) : adam(5e-3);
  const made = metaTrain(learner, tasks, { iterations, metaBatch: 5, seed: 3, optimizer });
  trained.set(key, made);
  return made;
}

function crossEntropyOf(logits: Float32Array, y: Float32Array): number {
  let total = 0;
  for (const [i, label] of y.entries()) {
    const row = Array.from(logits.subarray(i * WAYS, (i + 1) * WAYS));
    const top = Math.max(...row);
    total += top + Math.log(row.reduce((sum, each) => sum + Math.exp(each - top), 0)) - (row[label] as number);
  }
  return total / y.length;
}

function lossOn(adapted: Adapted, { x, y }: Batch, tasks: TaskSource): number {
  const predictions = adapted.predict(x);
  if (tasks.spec.kind === "classification") return crossEntropyOf(predictions, y);
  return y.reduce((total, each, i) => total + ((predictions[i] as number) - each) ** 2, 0) / y.length;
}

/** Mean of a measure over held-out tasks. */
function overTasks(tasks: TaskSource, measure: (support: Batch, query: Batch) => number, count = 40): number {
  let total = 0;
  for (let i = 0; i < count; i++) {
    const { support, query } = tasks.sample(fold(keyOf(77), i));
    total += measure(support, query);
  }
  return total / count;
}

const snapshot = ({ meta }: Trained) => Object.entries(meta).map(([name, data]) => [name, Array.from(data)] as const);
const support = clusters.sample(keyOf(123)).support;
const query = clusters.sample(keyOf(123)).query;

for (const [name, { inner, make }] of Object.entries(rows)) {
  test(`${name}: adaptation lowers the support loss, trained or not`, async () => {
    for (const tasks of inner ? [clusters, curves] : [clusters]) {
      for (const iterations of [0, 150]) {
        const model = await after(iterations, name, tasks);
        // Without an inner loop there is nothing before: a guess takes its place.
        const before = inner
          ? overTasks(tasks, (each) => lossOn(model.adapt(each, { innerSteps: 0 }), each, tasks))
          : Math.log(WAYS);
        const then = overTasks(tasks, (each) => lossOn(model.adapt(each), each, tasks));
        assert.ok(then < before, `${tasks.name}, ${iterations} iterations: ${then} after, ${before} before`);
      }
    }
  });

  test(`${name}: after meta-training, adapting ends lower on the query set than from scratch`, async () => {
    for (const tasks of inner ? [clusters, curves] : [clusters]) {
      const [scratch, model] = await Promise.all([after(0, name, tasks), after(150, name, tasks)]);
      const lossAfter = (each: Trained) => overTasks(tasks, (s, q) => lossOn(each.adapt(s), q, tasks));
      const [from, to] = [lossAfter(scratch), lossAfter(model)];
      assert.ok(to < 0.9 * from, `${tasks.name}: ${to} after meta-training, ${from} from scratch`);
    }
  });

  test(`${name}: one example is predicted as it is among others`, async () => {
    const adapted = (await after(150, name)).adapt(support);
    const all = adapted.predict(query.x);
    assert.is(all.length, query.y.length * WAYS);
    for (const i of [0, 5, 11]) {
      const one = adapted.predict(query.x.slice(i * FEATURES, (i + 1) * FEATURES));
      assert.is(one.length, WAYS);
      near(one, all.subarray(i * WAYS, (i + 1) * WAYS), 1e-5, `example ${i}`);
    }
    assert.is(adapted.predict([]).length, 0);
    assert.is(adapted.classify(query.x.slice(0, FEATURES)).length, 1);
  });

  test(`${name}: support sets may be imbalanced, of one example a class, and in any order`, async () => {
    const model = await after(150, name);
    const take = (rows: readonly number[]) => ({
      x: Float32Array.from(rows.flatMap((row) => Array.from(support.x.subarray(row * FEATURES, (row + 1) * FEATURES)))),
      y: Float32Array.from(rows, (row) => support.y[row] as number),
    });
    // Rows are of class 0, 1, 2, 0, 1, 2, …
    for (const rows of [
      [0, 1, 2],
      [0, 3, 6, 9, 12, 1, 2],
      [2, 5, 8, 11, 14, 1, 4, 0],
    ]) {
      const adapted = model.adapt(take(rows));
      const predictions = adapted.predict(query.x);
      assert.ok(predictions.every(Number.isFinite));
      near(model.adapt(take(rows.toReversed())).predict(query.x), predictions, 2e-4, "the order of the support set");
    }
    const right = Array.from(model.adapt(take([0, 3, 6, 9, 12, 1, 2, 5])).classify(query.x)).filter(
      (label, i) => label === query.y[i],
    );
    assert.ok(right.length >= 8, `${right.length} of 12 are right`);
  });

  test(`${name}: adapt and predict leave the trained learner and other adapted ones as they are`, async () => {
    const model = await after(150, name);
    const [before, bytes] = [snapshot(model), model.save()];
    const first = model.adapt(support);
    const predicted = first.predict(query.x);
    const other = clusters.sample(keyOf(9));
    model.adapt(other.support, inner ? { innerSteps: 7 } : {}).predict(other.query.x);
    assert.equal(snapshot(model), before);
    assert.ok(sameBits(model.save(), bytes));
    assert.ok(sameBits(first.predict(query.x), predicted), "an adapted learner is changed by another");
    assert.ok(sameBits(model.adapt(support).predict(query.x), predicted), "adapting again gives something else");
  });

  test(`${name}: what is restored has the same bytes and predictions; a damaged file is refused`, async () => {
    const model = await after(150, name);
    const bytes = model.save();
    const again = restore(learnerOf(name), bytes);
    assert.ok(sameBits(again.save(), bytes));
    assert.is(again.iterations, 150);
    assert.ok(sameBits(again.adapt(support).predict(query.x), model.adapt(support).predict(query.x)));
    throwsA(FormatError, () => restore(learnerOf(name), bytes.slice(0, -4)));
    throwsA(FormatError, () => restore(learnerOf(name), new Uint8Array(0)));
  });

  test(`${name}: a file of another learner, or of another model, is refused by name`, async () => {
    const bytes = (await after(150, name)).save();
    const own = learnerOf(name);
    for (const other of Object.keys(rows).filter((each) => each !== name)) {
      const wrong = learnerOf(other);
      throwsA(FormatError, () => restore(wrong, bytes), own.description, wrong.description);
    }
    for (const body of [
      mlp({ inputShape: FEATURES, hidden: [17], outputs: WAYS, activation: "tanh" }),
      // The same parameters, another function.
      mlp({ inputShape: FEATURES, hidden: [16], outputs: WAYS, activation: "sigmoid" }),
      mlp({ inputShape: FEATURES, hidden: [16], outputs: WAYS, batchNorm: "running" }),
    ]) {
      throwsA(FormatError, () => restore(make(body), bytes), own.description, "not by");
    }
  });

  test(`${name}: labels, examples and numbers that make no task are refused`, async () => {
    const model = await after(0, name);
    const x = new Float32Array(3 * FEATURES).fill(0.5);
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      throwsA(DataError, () => model.adapt({ x, y: [0, 1, bad] }), "support.y", "labels", `${bad}`);
    }
    // A model of three outputs has no class 3; where the task decides, classes 2 and up are missing.
    throwsA(DataError, () => model.adapt({ x, y: [0, 1, 3] }), "support.y");
    if (model.learner.outputs === undefined) {
      throwsA(DataError, () => model.adapt({ x, y: [0, 2, 2] }), "every class from 0 to 2 needs an example");
      throwsA(DataError, () => model.adapt({ x, y: [1, 1, 1] }), "every class from 0 to 1 needs an example");
    }
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const broken = x.with(5, bad);
      throwsA(DataError, () => model.adapt({ x: broken, y: [0, 1, 2] }), "support.x: number 5", `${bad}`);
      throwsA(DataError, () => model.adapt({ x, y: [0, 1, 2] }).predict(broken), "x: number 5", `${bad}`);
    }
    throwsA(DataError, () => model.adapt({ x: [], y: [] }), "empty");
    throwsA(ShapeError, () => model.adapt({ x, y: [0, 1] }), "support.y: 3 labels", "got 2");
    throwsA(ShapeError, () => model.adapt({ x: x.subarray(1), y: [0, 1, 2] }), "support.x: 11 numbers", "[4]");
    throwsA(ShapeError, () => model.adapt({ x, y: [0, 1, 2] }).predict(x.subarray(1)), "x: 11 numbers");
    if (!inner) return;
    for (const innerSteps of [-1, 1.5, Number.NaN]) {
      throwsA(OptionError, () => model.adapt({ x, y: [0, 1, 2] }, { innerSteps }), "innerSteps", `${innerSteps}`);
    }
  });

  if (!inner) continue;

  test(`${name}: steps in evaluation may differ from those in training; the caller's come first`, async () => {
    const model = await after(150, name);
    const steps = model.learner.innerSteps as { training: number; evaluation: number };
    assert.is(steps.evaluation, steps.training);
    const more = restore(make(classifier(), { evaluationSteps: 6 }), model.save());
    assert.equal(more.learner.innerSteps, { training: steps.training, evaluation: 6 });
    const six = model.adapt(support, { innerSteps: 6 }).predict(query.x);
    assert.ok(sameBits(more.adapt(support).predict(query.x), six), "six steps are six steps");
    assert.not.ok(sameBits(model.adapt(support).predict(query.x), six), "six steps are more than the default's");
    const own = model.adapt(support, { innerSteps: steps.training }).predict(query.x);
    assert.ok(sameBits(more.adapt(support, { innerSteps: steps.training }).predict(query.x), own));
    const none = model.adapt(support, { innerSteps: 0 });
    for (const [each, data] of Object.entries(none.state)) {
      assert.ok(sameBits(data, model.meta[each] as Float32Array), `${each} changes in no step`);
    }
  });

  test(`${name}: targets of regression are checked`, async () => {
    const model = await after(0, name, curves);
    throwsA(DataError, () => model.adapt({ x: [1, 2], y: [1, Number.NaN] }), "support.y: number 1", "NaN");
    throwsA(ShapeError, () => model.adapt({ x: [1, 2], y: [1] }), "support.y: 2 numbers");
    assert.is(model.adapt({ x: [1], y: [-7.5] }).predict([2, 3]).length, 2);
  });

  test(`${name}: with running batch norm, statistics are carried, and a prediction is the example's own`, async () => {
    const body = mlp({ inputShape: FEATURES, hidden: [8], outputs: WAYS, activation: "tanh", batchNorm: "running" });
    const learner = make(body, { innerSteps: 1 });
    assert.equal([...learner.carried], ["1.runningMean", "1.runningVariance"]);
    const model = await metaTrain(learner, clusters, { iterations: 20, metaBatch: 2, seed: 1 });
    const variance = model.meta["1.runningVariance"] as Float32Array;
    assert.ok(
      variance.every((each) => each > 0 && each !== 1),
      `the running variance is ${variance}`,
    );
    const adapted = model.adapt(support);
    const all = adapted.predict(query.x);
    near(adapted.predict(query.x.slice(0, FEATURES)), all.subarray(0, WAYS), 1e-5, "one example");
    assert.ok(sameBits(adapted.state["1.runningVariance"] ?? [], variance), "use changes the statistics");
  });
}

test("protonet: as many classes as the support set has, another number every time", async () => {
  const model = await after(150, "protonet");
  const chance = new Chance(1);
  for (const ways of [1, 2, 5, 8]) {
    const x = chance.floats(ways * FEATURES);
    const adapted = model.adapt({ x, y: [...Array(ways).keys()] });
    assert.is(adapted.outputs, ways);
    assert.is(adapted.predict(x).length, ways * ways);
    assert.equal(
      Array.from(adapted.classify(x)),
      [...Array(ways).keys()],
      "every example is its own class's prototype",
    );
  }
});

test("protonet: logits are minus the squared distances to the means of the classes", async () => {
  const model = await after(150, "protonet");
  const adapted = model.adapt({ x: support.x.subarray(0, 7 * FEATURES), y: [0, 0, 0, 0, 1, 1, 2] });
  const prototypes = adapted.state.prototypes as Float32Array;
  const w = (name: string, i: number) => (model.meta[name] as Float32Array)[i] as number;
  const embed = (x: Float32Array): number[] => {
    const hidden = Array.from({ length: 16 }, (_, j) =>
      Math.tanh(x.reduce((sum, each, i) => sum + each * w("0.weight", 16 * i + j), w("0.bias", j))),
    );
    return Array.from({ length: 3 }, (_, k) =>
      hidden.reduce((sum, each, j) => sum + each * w("2.weight", 3 * j + k), w("2.bias", k)),
    );
  };
  const row = (x: Float32Array, i: number) => embed(x.slice(i * FEATURES, (i + 1) * FEATURES));
  const members = [[0, 1, 2, 3], [4, 5], [6]];
  const means = members.map((rows) =>
    [0, 1, 2].map((k) => rows.reduce((sum, i) => sum + (row(support.x, i)[k] as number), 0) / rows.length),
  );
  near(prototypes, means.flat(), 1e-5, "prototypes");
  const z = row(query.x, 2);
  const distances = means.map((mean) => -mean.reduce((sum, each, k) => sum + (each - (z[k] as number)) ** 2, 0));
  near(adapted.predict(query.x).subarray(2 * WAYS, 3 * WAYS), distances, 1e-4, "logits");
});

test("transductive batch norm: predictions depend on the batch, and the mode is named", async () => {
  const body = mlp({ inputShape: FEATURES, hidden: [8], outputs: WAYS, batchNorm: "transductive" });
  const learner = maml(body);
  assert.is(learner.batchNorm, "transductive");
  assert.equal([...learner.carried], []);
  const adapted = (await metaTrain(learner, clusters, { iterations: 0 })).adapt(support);
  const one = adapted.predict(query.x.slice(0, FEATURES));
  assert.ok(one.every(Number.isFinite));
  assert.not.ok(sameBits(one, adapted.predict(query.x).subarray(0, WAYS)));
});

test("models whose parameters have equal names and shapes, but not what they compute, are told apart", () => {
  const inputShape = [28, 28, 1] as const;
  const strided = conv4({ inputShape, filters: 2 });
  const pooled = conv4({ inputShape, filters: 2, downsampling: "maxPool" });
  const shapesOf = (body: Model) => body.parameters.map(({ shape }) => `${shape}`).join(" ");
  assert.is(shapesOf(strided), shapesOf(pooled));
  assert.is.not(protoNet(strided).description, protoNet(pooled).description);
});

test("options out of range are refused by the learner's name", () => {
  const body = classifier();
  for (const [name, make] of Object.entries({ maml, metaSgd, reptile })) {
    for (const innerRate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      throwsA(OptionError, () => make(body, { innerRate }), `${name}: innerRate`, "above 0", `${innerRate}`);
    }
    for (const bad of [-1, 1.5, Number.NaN]) {
      throwsA(OptionError, () => make(body, { innerSteps: bad }), `${name}: innerSteps`, "whole number", `${bad}`);
      throwsA(OptionError, () => make(body, { evaluationSteps: bad }), `${name}: evaluationSteps`, `${bad}`);
    }
  }
  for (const order of [0, 3, 1.5] as unknown as (1 | 2)[]) {
    throwsA(OptionError, () => maml(body, { order }), "maml: order must be 1 or 2", `${order}`);
    throwsA(OptionError, () => metaSgd(body, { order }), "metaSgd: order must be 1 or 2", `${order}`);
  }
  for (const make of [maml, reptile]) {
    throwsA(OptionError, () => make(body, { innerRate: 0.1, innerOptimizer: sgd(0.1) }), "exclude one another");
  }
  for (const weightDecay of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    throwsA(OptionError, () => metaSgd(body, { weightDecay }), "metaSgd: weightDecay", "from 0", `${weightDecay}`);
  }
  for (const innerBatch of [0, 1.5, Number.NaN]) {
    throwsA(OptionError, () => reptile(body, { innerBatch }), "reptile: innerBatch", "from 1", `${innerBatch}`);
  }
  const undefinedSteps = { innerSteps: undefined } as unknown as { innerSteps: number };
  assert.is(reptile(body, undefinedSteps).innerSteps?.training, 5);
  assert.is(conv4({ inputShape: [16, 16, 1] }).outputShape.length, 1);
});

test("a learner is refused tasks that it does not fit", async () => {
  const learner = learnerOf("maml");
  const wide: TaskSource = { ...clusters, spec: { ...clusters.spec, outputs: 5 } };
  for (const [tasks, part] of [
    [curves, "examples [4], the tasks have [1]"],
    [wide, "3 outputs, the tasks have 5 ways"],
  ] as const) {
    try {
      await metaTrain(learner, tasks, { iterations: 1 });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, OptionError);
      assert.ok(`${error}`.includes(part), `${error}`);
    }
  }
  try {
    await metaTrain(protoNet(regressor()), curves, { iterations: 1 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, OptionError);
    assert.ok(`${error}`.includes("protoNet"), `${error}`);
  }
});

test.run();
