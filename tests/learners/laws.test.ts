/** What holds of every learner, because it is on the list. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, FormatError, OptionError, ShapeError } from "../../src/errors.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import type { Model } from "../../src/nn/model.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { classification } from "../../src/nn/objective.ts";
import { adam, sgd } from "../../src/optim/optimizer.ts";
import { fold, keyOf } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { LabelledBatch, TaskSource } from "../../src/tasks/types.ts";
import type { Adapted } from "../../src/train/adapted.ts";
import { parted } from "../../src/train/checkpoint.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { Sampler } from "../../src/train/sampling.ts";
import { restore, type Trained } from "../../src/train/trained.ts";
import { near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { rejectsA } from "../train/support.ts";
import { clusters, FEATURES, isClasses, WAYS } from "./clusters.ts";
import { adaptsOf, type Entry, networkOf, ROSTER, serves } from "./roster.ts";

const test = suite("laws of learners");

const curves = sinusoid({ shots: 8, queries: 8 });
const objectiveOf = (tasks: TaskSource) => (tasks.specs[0] as TaskSource["specs"][0]).objective;
const hiddenOf = (tasks: TaskSource) => (isClasses(tasks) ? [16] : [20, 20]);
const bodyOf = (entry: Entry, tasks: TaskSource): Model =>
  networkOf(entry, isClasses(tasks) ? FEATURES : 1, objectiveOf(tasks), { hidden: hiddenOf(tasks) });
const tasksOf = (entry: Entry) => [clusters, curves].filter((tasks) => serves(entry, objectiveOf(tasks)));

const trained = new Map<string, Promise<Trained>>();
/** A learner after some outer steps on clusters or curves; trained once for all tests. */
function after(iterations: number, entry: Entry, tasks: TaskSource = clusters): Promise<Trained> {
  const key = `${iterations} ${entry.name} ${tasks.name}`;
  const known = trained.get(key);
  if (known) return known;
  const learner = entry.make(bodyOf(entry, tasks), {}, objectiveOf(tasks));
  const optimizer = learner.outerOptimizer ? sgd(0.5) : adam(5e-3);
  // What a sequence of examples means is learned more slowly.
  const steps = learner.ordered ? 3 * iterations : iterations;
  const made = metaTrain(learner, tasks, { iterations: steps, metaBatch: 5, seed: 3, optimizer });
  trained.set(key, made);
  return made;
}

const logitsOf = (adapted: Adapted, x: ArrayLike<number>) => adapted.predict(x).logits as Float32Array;

function crossEntropyOf(logits: Float32Array, y: Float32Array): number {
  let total = 0;
  for (const [i, label] of y.entries()) {
    const row = Array.from(logits.subarray(i * WAYS, (i + 1) * WAYS));
    const top = Math.max(...row);
    total += top + Math.log(row.reduce((sum, each) => sum + Math.exp(each - top), 0)) - (row[label] as number);
  }
  return total / y.length;
}

function lossOn(adapted: Adapted, { x, y }: LabelledBatch, tasks: TaskSource): number {
  if (isClasses(tasks)) return crossEntropyOf(logitsOf(adapted, x), y);
  const { mean } = adapted.predict(x);
  return y.reduce((total, each, i) => total + ((mean?.[i] as number) - each) ** 2, 0) / y.length;
}

/** Mean of a measure over held-out tasks. */
function overTasks(
  tasks: TaskSource,
  measure: (support: LabelledBatch, query: LabelledBatch) => number,
  count = 40,
): number {
  let total = 0;
  for (let i = 0; i < count; i++) {
    const { segments, queries } = (tasks as typeof clusters).sample(fold(keyOf(77), i));
    total += measure(segments[0] as LabelledBatch, queries as LabelledBatch);
  }
  return total / count;
}

/** Whether every task begins at drawn weights: three inner steps from there come less far. */
const ownsOnlyRule = ({ meta }: Trained) => Object.keys(meta).every((path) => path.startsWith("rule."));

const snapshot = ({ meta }: Trained) => Object.entries(meta).map(([name, data]) => [name, Array.from(data)] as const);
const { support, queries: query } = clusters.sample(keyOf(123));
const example = (i: number) => query.x.slice(i * FEATURES, (i + 1) * FEATURES);

for (const entry of ROSTER) {
  const { name, inner, make } = entry;

  test(`${name}: adaptation lowers the support loss, trained or not`, async () => {
    for (const tasks of tasksOf(entry)) {
      // Who learns how to adapt knows nothing of it before.
      for (const iterations of [0, 150]) {
        const model = await after(iterations, entry, tasks);
        if (iterations === 0 && model.learner.amortised) continue;
        // Without an inner loop there is nothing before: the best constant guess takes its place.
        const before = inner
          ? overTasks(tasks, (each) => lossOn(model.adapt(each, { innerSteps: 0 }), each, tasks))
          : isClasses(tasks)
            ? Math.log(WAYS)
            : overTasks(tasks, ({ y }) => y.reduce((total, each) => total + each ** 2, 0) / y.length);
        const then = overTasks(tasks, (each) => lossOn(model.adapt(each), each, tasks));
        assert.ok(then < before, `${tasks.name}, ${iterations} iterations: ${then} after, ${before} before`);
      }
    }
  });

  test(`${name}: after meta-training, adapting ends lower on the query set than from scratch`, async () => {
    for (const tasks of tasksOf(entry)) {
      const [scratch, model] = await Promise.all([after(0, entry, tasks), after(150, entry, tasks)]);
      if (Object.keys(model.meta).length === 0) return;
      const lossAfter = (each: Trained) => overTasks(tasks, (s, q) => lossOn(each.adapt(s), q, tasks));
      const [from, to] = [lossAfter(scratch), lossAfter(model)];
      // What says that it learns nothing from other tasks is as good without them.
      if (scratch.plan.trained.length === 0) {
        assert.is(to, from);
        continue;
      }
      // 150 steps of plain gradient descent come less far than Adam's, and Reptile moves only what it adapts.
      const isPartial = adaptsOf(entry) !== "all" || ownsOnlyRule(model);
      const bound =
        scratch.learner.outerOptimizer === undefined && !/adam/.test(name) && !isPartial ? 0.9 : isPartial ? 1 : 0.95;
      assert.ok(to < bound * from, `${tasks.name}: ${to} after meta-training, ${from} from scratch`);
    }
  });

  test(`${name}: support sets may be imbalanced, of one example a class, and in any order unless it matters`, async () => {
    const model = await after(150, entry);
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
      const predictions = logitsOf(adapted, query.x);
      assert.ok(predictions.every(Number.isFinite));
      const reversed = logitsOf(model.adapt(take(rows.toReversed())), query.x);
      if (!model.learner.ordered) near(reversed, predictions, 1e-5, "the order of the support set");
    }
    // Only of what learns classes from other tasks is it known how well it does on a new one.
    if (!serves(entry, objectiveOf(clusters)) || model.plan.trained.length === 0) return;
    const right = Array.from(model.adapt(take([0, 3, 6, 9, 12, 1, 2, 5])).classify(query.x)).filter(
      (label, i) => label === query.y[i],
    );
    assert.ok(right.length >= 7, `${right.length} of 12 are right`);
  });

  test(`${name}: rows in any order give the same, or are shuffled where their order matters`, async () => {
    for (const tasks of tasksOf(entry)) {
      const model = await after(150, entry, tasks);
      const { segments } = (tasks as typeof clusters).sample(keyOf(31));
      const { x, y } = segments[0] as LabelledBatch;
      const features = x.length / y.length;
      const order = y.length > 1 ? Array.from(y.keys(), (i) => (i * 7 + 3) % y.length) : [0];
      assert.is(new Set(order).size, y.length);
      const moved = {
        x: Float32Array.from(order.flatMap((i) => [...x.subarray(i * features, (i + 1) * features)])),
        y: Float32Array.from(order, (i) => y[i] as number),
      };
      const outputs = (given: LabelledBatch) =>
        Object.values(model.adapt(given).predict(x)).flatMap((data) => [...data]);
      if (!model.learner.ordered) near(outputs(moved), outputs({ x, y }), 1e-5, tasks.name);
      // Rows of clusters are of class 0, 1, 2, 0, 1, 2, …: whoever heeds the order must not see this one.
      const sampler = new Sampler(tasks, model.learner);
      const firsts = Array.from({ length: 60 }, (_, i) => {
        const key = fold(keyOf(5), i);
        const task = (tasks as typeof clusters).sample(key);
        const [plain, arranged] = [task, sampler.arranged(task, key, 0)].map((each) => each.segments[0]?.y);
        return plain?.indexOf(arranged?.[0] as number);
      });
      const places = isClasses(tasks) ? WAYS : y.length;
      assert.is(new Set(firsts).size, model.learner.ordered ? places : 1, `${tasks.name}: rows that come first`);
    }
  });

  test(`${name}: adapt and predict leave the trained learner and other adapted ones as they are`, async () => {
    const model = await after(150, entry);
    const [before, bytes] = [snapshot(model), model.save()];
    const first = model.adapt(support);
    const predicted = logitsOf(first, query.x);
    const other = clusters.sample(keyOf(9));
    model.adapt(other.support, inner ? { innerSteps: 7 } : {}).predict(other.queries.x);
    assert.equal(snapshot(model), before);
    assert.ok(sameBits(model.save(), bytes));
    assert.ok(sameBits(logitsOf(first, query.x), predicted), "an adapted learner is changed by another");
    assert.ok(sameBits(logitsOf(model.adapt(support), query.x), predicted), "adapting again gives something else");
  });

  test(`${name}: what is restored has the same bytes and predictions; a damaged file is refused`, async () => {
    const model = await after(150, entry);
    const bytes = model.save();
    const again = restore(entry.make(bodyOf(entry, clusters)), bytes);
    assert.ok(sameBits(again.save(), bytes));
    assert.is(again.iterations, model.iterations);
    assert.ok(sameBits(logitsOf(again.adapt(support), query.x), logitsOf(model.adapt(support), query.x)));
    throwsA(FormatError, () => restore(entry.make(bodyOf(entry, clusters)), bytes.slice(0, -4)));
    throwsA(FormatError, () => restore(entry.make(bodyOf(entry, clusters)), new Uint8Array(0)));
  });

  test(`${name}: what is known of a task, saved and resumed, predicts and observes the same`, async () => {
    for (const tasks of tasksOf(entry)) {
      const model = await after(150, entry, tasks);
      const { segments, queries: asked } = (tasks as typeof clusters).sample(keyOf(4));
      const adapted = model.adapt(segments[0] as LabelledBatch);
      const bytes = adapted.save();
      // The meta-parameters come from a file as well, as in another process.
      const objective = objectiveOf(tasks);
      const again = restore(entry.make(bodyOf(entry, tasks), {}, objective), model.save()).resume(bytes);
      const outputs = (each: Adapted) => Object.values(each.predict(asked.x)).map((data) => [...data]);
      assert.equal(outputs(again), outputs(adapted), tasks.name);
      assert.ok(sameBits(again.save(), bytes));
      assert.equal(outputs(again.observe(asked)), outputs(adapted.observe(asked)), `${tasks.name}, observing more`);
    }
  });

  test(`${name}: a task's file of other meta-parameters, or damaged, is refused`, async () => {
    const [scratch, model] = await Promise.all([after(0, entry), after(150, entry)]);
    const bytes = model.adapt(support).save();
    // What learns nothing has the same meta-parameters.
    if (snapshot(scratch).join() !== snapshot(model).join()) {
      throwsA(FormatError, () => scratch.resume(bytes), "resume: the file was adapted from other meta-parameters");
    }
    throwsA(FormatError, () => model.resume(bytes.slice(0, -4)));
    throwsA(FormatError, () => model.resume(model.save()), "resume: the file is not a quickstudy adapted learner");
  });

  test(`${name}: a file of another learner, or of another model, is refused by name`, async () => {
    const bytes = (await after(150, entry)).save();
    const own = make(bodyOf(entry, clusters));
    for (const other of ROSTER.filter((each) => each !== entry)) {
      const wrong = other.make(bodyOf(other, clusters));
      throwsA(FormatError, () => restore(wrong, bytes), ...parted(own.description, wrong.description));
    }
    for (const body of [
      mlp({ inputShape: FEATURES, hidden: [17], outputs: WAYS, activation: "tanh" }),
      // The same parameters, another function.
      mlp({ inputShape: FEATURES, hidden: [16], outputs: WAYS, activation: "sigmoid" }),
      mlp({ inputShape: FEATURES, hidden: [16], outputs: WAYS, batchNorm: "support" }),
    ]) {
      const wrong = make(body);
      throwsA(FormatError, () => restore(wrong, bytes), ...parted(own.description, wrong.description));
    }
  });

  test(`${name}: labels, examples and numbers that make no task are refused`, async () => {
    const model = await after(0, entry);
    const x = new Float32Array(3 * FEATURES).fill(0.5);
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      throwsA(DataError, () => model.adapt({ x, y: [0, 1, bad] }), "adapt: y must hold", `${bad}`);
    }
    // A model of three outputs has no class 3; where the task decides, classes 2 and up are missing.
    throwsA(DataError, () => model.adapt({ x, y: [0, 1, 3] }), "adapt: y must h");
    if (model.learner.width === undefined) {
      throwsA(
        DataError,
        () => model.adapt({ x, y: [0, 2, 2] }),
        "adapt: y must have an example of every class from 0 to 2",
      );
      throwsA(
        DataError,
        () => model.adapt({ x, y: [1, 1, 1] }),
        "adapt: y must have an example of every class from 0 to 1",
      );
    }
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const broken = x.with(5, bad);
      throwsA(
        DataError,
        () => model.adapt({ x: broken, y: [0, 1, 2] }),
        "adapt: x must hold finite numbers",
        `${bad} at 5 (example 1)`,
      );
      throwsA(
        DataError,
        () => model.adapt({ x, y: [0, 1, 2] }).predict(broken),
        "predict: x must hold finite numbers",
        `${bad} at 5`,
      );
    }
    throwsA(DataError, () => model.adapt({ x: [], y: [] }), "adapt: ");
    throwsA(ShapeError, () => model.adapt({ x, y: [0, 1] }), "adapt: y must have 3 numbers for 3 examples, got 2");
    throwsA(
      ShapeError,
      () => model.adapt({ x: x.subarray(1), y: [0, 1, 2] }),
      "adapt: x must hold whole examples [4]",
      "got 11 numbers",
    );
    throwsA(ShapeError, () => model.adapt({ x, y: [0, 1, 2] }).predict(x.subarray(1)), "predict: x", "11 numbers");
    if (!inner) return;
    for (const innerSteps of [-1, 1.5, Number.NaN]) {
      throwsA(OptionError, () => model.adapt({ x, y: [0, 1, 2] }, { innerSteps }), "innerSteps", `${innerSteps}`);
    }
  });

  if (!inner) continue;

  test(`${name}: steps in evaluation may differ from those in training; the caller's come first`, async () => {
    const model = await after(150, entry);
    const steps = model.learner.innerSteps as { training: number; evaluation: number };
    assert.is(steps.evaluation, steps.training);
    const more = restore(make(bodyOf(entry, clusters), { evaluationSteps: 6 }), model.save());
    assert.equal(more.learner.innerSteps, { training: steps.training, evaluation: 6 });
    const predict = (each: Trained, innerSteps?: number) =>
      logitsOf(each.adapt(support, innerSteps === undefined ? {} : { innerSteps }), query.x);
    const six = predict(model, 6);
    assert.ok(sameBits(predict(more), six), "six steps are six steps");
    assert.not.ok(sameBits(predict(model), six), "six steps are more than the default's");
    assert.ok(sameBits(predict(more, steps.training), predict(model, steps.training)));
    const none = model.adapt(support, { innerSteps: 0 });
    for (const [each, data] of Object.entries(none.state)) {
      const start = model.meta[each];
      if (start !== undefined) assert.ok(sameBits(data, start), `${each} changes in no step`);
    }
  });

  test(`${name}: targets of regression are checked`, async () => {
    const model = await after(0, entry, curves);
    throwsA(DataError, () => model.adapt({ x: [1, 2], y: [1, Number.NaN] }), "adapt: y", "NaN at 1");
    throwsA(ShapeError, () => model.adapt({ x: [1, 2], y: [1] }), "adapt: y must have 2 numbers for 2 examples, got 1");
    assert.is(model.adapt({ x: [1], y: [-7.5] }).predict([2, 3]).mean?.length, 2);
  });
}

const prototypes = () => after(150, ROSTER.find(({ name }) => name === "protonet") as Entry);

test("protonet: as many classes as the support set has, another number every time", async () => {
  const model = await prototypes();
  const chance = new Chance(1);
  for (const ways of [1, 2, 5, 8]) {
    const x = chance.floats(ways * FEATURES);
    const adapted = model.adapt({ x, y: [...Array(ways).keys()] });
    assert.is(adapted.outputs, ways);
    assert.is(logitsOf(adapted, x).length, ways * ways);
    assert.equal(
      Array.from(adapted.classify(x)),
      [...Array(ways).keys()],
      "every example is its own class's prototype",
    );
  }
});

test("protonet: logits are minus the squared distances to the means of the classes", async () => {
  const model = await prototypes();
  const adapted = model.adapt({ x: support.x.subarray(0, 7 * FEATURES), y: [0, 0, 0, 0, 1, 1, 2] });
  const { sums, counts } = adapted.state as Readonly<Record<"sums" | "counts", Float32Array>>;
  const means = sums.map((sum, i) => sum / (counts[Math.floor(i / 5)] as number));
  const w = (name: string, i: number) => (model.meta[name] as Float32Array)[i] as number;
  const embed = (x: Float32Array): number[] => {
    const hidden = Array.from({ length: 16 }, (_, j) =>
      Math.tanh(x.reduce((sum, each, i) => sum + each * w("hidden1.weight", 16 * i + j), w("hidden1.bias", j))),
    );
    return Array.from({ length: 5 }, (_, k) =>
      hidden.reduce((sum, each, j) => sum + each * w("head.weight", 5 * j + k), w("head.bias", k)),
    );
  };
  const row = (x: Float32Array, i: number) => embed(x.slice(i * FEATURES, (i + 1) * FEATURES));
  const members = [[0, 1, 2, 3], [4, 5], [6]];
  const expected = members.map((rows) =>
    [0, 1, 2, 3, 4].map((k) => rows.reduce((sum, i) => sum + (row(support.x, i)[k] as number), 0) / rows.length),
  );
  assert.equal(Array.from(counts), [4, 2, 1]);
  near(means, expected.flat(), 1e-5, "prototypes");
  const z = row(query.x, 2);
  const distances = expected.map((mean) => -mean.reduce((sum, each, k) => sum + (each - (z[k] as number)) ** 2, 0));
  near(logitsOf(adapted, query.x).subarray(2 * WAYS, 3 * WAYS), distances, 1e-4, "logits");
});

test("transductive batch norm: predictions depend on the batch, and the mode is named", async () => {
  const body = mlp({ inputShape: FEATURES, hidden: [8], outputs: WAYS, batchNorm: "transductive" });
  const learner = maml(body);
  assert.is(learner.batchNorm, "transductive");
  const adapted = (await metaTrain(learner, clusters, { iterations: 0 })).adapt(support);
  const one = logitsOf(adapted, example(0));
  assert.ok(one.every(Number.isFinite));
  assert.not.ok(sameBits(one, logitsOf(adapted, query.x).subarray(0, WAYS)));
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
  const body = mlp({ inputShape: FEATURES, hidden: [16], outputs: WAYS });
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
    throwsA(OptionError, () => maml(body, { order }), "maml: order must be one of 1, 2", `${order}`);
    throwsA(OptionError, () => metaSgd(body, { order }), "metaSgd: order must be one of 1, 2", `${order}`);
  }
  for (const make of [maml, reptile]) {
    throwsA(
      OptionError,
      () => make(body, { innerRate: 0.1, innerOptimizer: sgd(0.1) }),
      "innerOptimizer must be given without innerRate",
    );
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

test("an option that does nothing beside the others is refused, wherever one says so", () => {
  const seen: string[] = [];
  for (const entry of ROSTER.filter(({ name, record }) => name === record.name)) {
    const table = entry.record.options;
    for (const [name, option] of Object.entries(table)) {
      for (const [other, needed] of Object.entries(option.onlyWith ?? {})) {
        const unmet = table[other]?.range.split(/, | or /).find((each) => each !== `${needed}`);
        const given = { [other]: unmet === "false" ? false : unmet, [name]: (option.default as number) + 1 };
        const rule = `${name} does nothing unless ${other} is`;
        throwsA(OptionError, () => entry.make(bodyOf(entry, clusters), given), rule, "leave it out");
        entry.make(bodyOf(entry, clusters), { ...given, [other]: needed });
        seen.push(name);
      }
    }
  }
  assert.ok(seen.length >= 5, `${seen}`);
});

test("a learner is refused tasks that it does not fit", async () => {
  const [spec] = clusters.specs;
  const learner = maml(mlp({ inputShape: FEATURES, hidden: [16], outputs: WAYS }));
  const wide: TaskSource = { ...clusters, specs: [{ ...spec, objective: classification(5) }] };
  const foreign: TaskSource = { ...clusters, specs: [{ ...spec, inputs: { image: [FEATURES] } }] };
  const refusals: readonly (readonly [TaskSource, string])[] = [
    [curves, "takes x of shape [4], the tasks have x [1]"],
    [wide, "3 outputs, the tasks need 5 (ways)"],
    [foreign, "takes x of shape [4], the tasks have image [4]"],
  ];
  for (const [tasks, part] of refusals) {
    await rejectsA(OptionError, metaTrain(learner, tasks, { iterations: 1 }), part);
  }
  const embedding = mlp({ inputShape: 1, hidden: [20], outputs: 1 });
  await rejectsA(OptionError, metaTrain(protoNet(embedding), curves, { iterations: 1 }), "protonet", "regression");
});

test.run();
