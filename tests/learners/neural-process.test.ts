/** Neural processes: predictions against plain loops, the deviation beside the mean, and the buffer of kept examples. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/compile/compile.ts";
import { run } from "../../src/core/run.ts";
import { OptionError } from "../../src/errors.ts";
import { ones } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { anp } from "../../src/learners/anp.ts";
import { cnp } from "../../src/learners/cnp.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { emptyReplay, keep } from "../../src/learners/replay.ts";
import { tnp } from "../../src/learners/tnp.ts";
import { flatten } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { classification, gaussian, type Objective, regression } from "../../src/nn/objective.ts";
import { keyOf } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { TaskSource } from "../../src/tasks/types.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { restore, type Trained } from "../../src/train/trained.ts";
import { near, sameBits } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { rejectsA } from "../train/support.ts";
import { clusters, FEATURES, WAYS } from "./clusters.ts";

const test = suite("neural processes");

const curves = sinusoid({ shots: 6, queries: 6 });
const features = (inputs = 1) => model([inputs], flatten());
const SMALL = { width: 16, heads: 2, layers: 1, capacity: 8 };
const makers: Readonly<Record<string, (objective: Objective, inputs?: number) => Learner>> = {
  cnp: (objective, inputs) => cnp(features(inputs), objective, { width: 16, depth: 1 }),
  anp: (objective, inputs) => anp(features(inputs), objective, { ...SMALL, depth: 1 }),
  tnp: (objective, inputs) => tnp(features(inputs), objective, SMALL),
};
const { support, queries } = curves.sample(keyOf(4));

/** The same curves, judged by their density. */
const densities: TaskSource = {
  ...curves,
  specs: curves.specs.map((spec) => ({ ...spec, objective: gaussian(1) })),
  fingerprint: "densities",
  sample: (key, spec, into) => curves.sample(key, spec, into),
};

/** Part of the targets of 20 episodes, as `evaluate` draws them, that lie within 1.96 predicted deviations. */
async function shareInBand(trained: Trained): Promise<number> {
  let [inside, all] = [0, 0];
  const watched: TaskSource = {
    ...curves,
    specs: curves.specs,
    sample(key, spec) {
      const episode = curves.sample(key, spec);
      const { mean, deviation } = trained.adapt(episode.support).predict(episode.queries.x);
      for (const [i, y] of episode.queries.y.entries()) {
        all++;
        if (Math.abs(y - (mean?.[i] as number)) <= 1.96 * (deviation?.[i] as number)) inside++;
      }
      return episode;
    },
  };
  await evaluate(trained, watched, { episodes: 20 });
  return inside / all;
}

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: under mean squared error it predicts a deviation too, in evaluation, use and files`, async () => {
    const trained = await metaTrain(make(regression(1)), curves, { iterations: 40, seed: 1 });
    const report = await evaluate(trained, curves, { episodes: 20 });
    assert.is(report.metric, "mse");
    assert.is(report.diverged, 0);
    near([report.inBand as number], [await shareInBand(trained)], 1e-6, "95 % bands");
    const alone = await evaluate(trained, curves, { episodes: 20, queries: "one by one" });
    near([alone.mean], [report.mean], 1e-4, "one by one");
    const adapted = trained.adapt(support);
    const predicted = adapted.predict(queries.x);
    assert.equal(Object.keys(predicted), ["mean", "deviation"]);
    assert.ok(predicted.deviation?.every((each) => each > 0));
    const again = restore(make(regression(1)), trained.save())
      .adapt(support)
      .predict(queries.x);
    for (const each of ["mean", "deviation"]) assert.ok(sameBits(again[each] ?? [], predicted[each] ?? []), each);
  });

  test(`${name}: mean squared error and density are trained by the same loss, to the same bits`, async () => {
    const options = { iterations: 5, seed: 1 };
    const [squares, density] = [
      await metaTrain(make(regression(1)), curves, options),
      await metaTrain(make(gaussian(1)), densities, options),
    ];
    for (const [each, data] of Object.entries(squares.meta)) assert.ok(sameBits(data, density.meta[each] ?? []), each);
  });

  test(`${name}: tasks of another objective are refused, also of the same width`, async () => {
    await rejectsA(
      OptionError,
      metaTrain(make(classification(1)), curves, { iterations: 1 }),
      `${name}: tasks must be of classification(1)`,
      "got regression(1)",
    );
  });
}

const array = ({ meta }: Trained, name: string) => meta[name] as Float32Array;

/** relu(x W + b), or x W + b. */
function dense(trained: Trained, path: string, x: readonly number[], relu: boolean): number[] {
  const bias = array(trained, `${path}.bias`);
  const weight = array(trained, `${path}.weight`);
  return Array.from(bias, (b, j) => {
    const y = x.reduce((sum, each, i) => sum + each * (weight[i * bias.length + j] as number), b);
    return relu ? Math.max(0, y) : y;
  });
}
const network = (trained: Trained, name: string, x: readonly number[]) =>
  dense(trained, `${name}.head`, dense(trained, `${name}.hidden1`, x, true), false);

test("cnp: the decoder reads the weighted mean of the encoded examples, of classes one each", async () => {
  const numbers = await metaTrain(makers.cnp?.(regression(1)) as Learner, curves, { iterations: 20 });
  const weight = [1, 2, 0, 1, 0.5, 1];
  const r = Array.from(support.x, (x, i) => network(numbers, "encoder", [x, support.y[i] as number]));
  const total = weight.reduce((a, b) => a + b);
  const mean = Array.from({ length: 16 }, (_, k) =>
    r.reduce((sum, each, i) => sum + ((each[k] as number) * (weight[i] as number)) / total, 0),
  );
  const expected = Array.from(queries.x, (x) => network(numbers, "decoder", [x, ...mean]));
  const got = numbers.adapt({ ...support, weight }).predict(queries.x);
  near(
    got.mean ?? [],
    expected.map(([m]) => m as number),
    1e-5,
    "means",
  );
  near(
    got.deviation ?? [],
    expected.map(([, s]) => Math.log1p(Math.exp(s as number)) + 0.01),
    1e-5,
    "deviations",
  );

  const classes = await metaTrain(makers.cnp?.(classification(WAYS), FEATURES) as Learner, clusters, {
    iterations: 20,
  });
  const task = clusters.sample(keyOf(1));
  const rows = [0, 1, 3];
  const row = (x: Float32Array, i: number) => [...x.subarray(i * FEATURES, (i + 1) * FEATURES)];
  const y = rows.map((i) => task.support.y[i] as number);
  const ofClass = [...Array(WAYS).keys()].flatMap((k) => {
    const members = rows.filter((i) => task.support.y[i] === k);
    const label = Array.from({ length: WAYS }, (_, j) => Number(j === k));
    const encoded = members.map((i) => network(classes, "encoder", [...row(task.support.x, i), ...label]));
    return Array.from({ length: 16 }, (_, j) =>
      encoded.reduce((sum, each) => sum + (each[j] as number) / encoded.length, 0),
    );
  });
  const adapted = classes.adapt({ x: rows.flatMap((i) => row(task.support.x, i)), y });
  const logits = network(classes, "decoder", [...row(task.queries.x, 2), ...ofClass]);
  near(adapted.predict(row(task.queries.x, 2)).logits ?? [], logits, 1e-5, "logits, with a class of no examples");
});

test("anp: a query reads the examples by softmax of what their places have in common with its own", async () => {
  const trained = await metaTrain(makers.anp?.(regression(1)) as Learner, curves, { iterations: 20 });
  const plain = await metaTrain(anp(features(), regression(1), { ...SMALL, layers: 0, depth: 1 }), curves, {
    iterations: 20,
  });
  assert.ok(Object.keys(trained.meta).some((each) => each.startsWith("self.")));
  const weight = [1, 2, 0, 1, 0.5, 1];
  const r = Array.from(support.x, (x, i) => network(plain, "encoder", [x, support.y[i] as number]));
  const keys = Array.from(support.x, (x) => network(plain, "places", [x]));
  const expected = Array.from(queries.x, (x) => {
    const query = network(plain, "places", [x]);
    const read = [0, 1].flatMap((head) => {
      const part = (each: readonly number[]) => each.slice(8 * head, 8 * head + 8);
      const fits = keys.map((key, i) => {
        const score = part(key).reduce((sum, each, j) => sum + each * (part(query)[j] as number), 0) / Math.sqrt(8);
        return (weight[i] as number) * Math.exp(score);
      });
      const total = fits.reduce((a, b) => a + b);
      return part(r[0] as number[]).map((_, j) =>
        r.reduce((sum, each, i) => sum + ((fits[i] as number) / total) * (part(each)[j] as number), 0),
      );
    });
    return network(plain, "decoder", [x, ...read])[0] as number;
  });
  near(plain.adapt({ ...support, weight }).predict(queries.x).mean ?? [], expected, 1e-5, "means");
});

test("tnp: a query reads the examples and no other query; every example counts", async () => {
  const trained = await metaTrain(makers.tnp?.(regression(1)) as Learner, curves, { iterations: 40 });
  const adapted = trained.adapt(support);
  const all = adapted.predict(queries.x).mean ?? [];
  near(adapted.predict([queries.x[0] as number, 4.9, -4.9]).mean?.slice(0, 1) ?? [], all.slice(0, 1), 1e-6, "alone");
  for (let i = 0; i < support.y.length; i++) {
    const changed = trained.adapt({ ...support, y: support.y.with(i, 3) }).predict(queries.x).mean ?? [];
    assert.not.ok(sameBits(changed, all), `example ${i} is not read`);
  }
});

test("kept examples are bounded: the newest replace the oldest, and padding takes no row", async () => {
  const trained = await metaTrain(makers.tnp?.(regression(1)) as Learner, curves, { iterations: 5 });
  const x = new Chance(3).floats(20);
  const y = x.map((each) => 2 * each);
  const from = (first: number, last: number) => ({ x: x.slice(first, last), y: y.slice(first, last) });
  let adapted = trained.adapt(from(0, 5));
  for (const [first, last] of [
    [5, 6],
    [6, 13],
    [13, 20],
  ] as const)
    adapted = adapted.observe(from(first, last));
  const kept = adapted.state as Readonly<Record<string, Float32Array>>;
  assert.equal([...(kept["task.x"] ?? [])].sort(), [...x.slice(12)].map(Math.fround).sort());
  near(
    adapted.predict([0.5]).mean ?? [],
    trained.adapt(from(12, 20)).predict([0.5]).mean ?? [],
    1e-5,
    "the last eight",
  );
});

test("a buffer against a list: rows of weight 0 in between, more rows than it has, columns of any rank", () => {
  const [rows, n] = [70, 130];
  const chance = new Chance(8);
  const weight = chance.floats(n).map((each) => (each > 0 ? 1 + each : 0));
  const data = chance.floats(n * 4);
  const program = compile({ image: [n, 2, 2], weight: [n] }, ({ image, weight }) => {
    const empty = emptyReplay({ image: [2, 2] }, rows);
    const once = keep(empty, { image: image as Tensor, weight: weight as Tensor });
    return { ...keep(once, { image: image as Tensor, weight: ones([n]) }) };
  });
  const got = run(program, { image: Float32Array.from(data), weight: Float32Array.from(weight) });
  const expected = new Array<number[]>(rows).fill([0]);
  let next = 0;
  const row = (i: number) => Array.from(data.slice(4 * i, 4 * i + 4), Math.fround);
  for (let i = 0; i < 2 * n; i++) {
    if (i < n && weight[i] === 0) continue;
    expected[next] = row(i % n);
    next = (next + 1) % rows;
  }
  assert.equal(Array.from(got.image ?? []), expected.flat());
  assert.is(got.next?.[0], next);
});

test.run();
