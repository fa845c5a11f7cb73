import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bandResults, classResults, comparePaired, crossValidate } from "../../src/analysis.ts";
import { fromArrays } from "../../src/data/arrays.ts";
import { OptionError } from "../../src/errors.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import * as layers from "../../src/nn/layers.ts";
import { accuracy } from "../../src/nn/metrics.ts";
import { model } from "../../src/nn/model.ts";
import { Draw, keyOf } from "../../src/random.ts";
import { nearlyNormal } from "../../src/tasks/clusters.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { evaluate, type Report } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { throwsA } from "../support/errors.ts";
import { rejectsA } from "../train/support.ts";

const test = suite("analysis: results");

/** Four classes of points around centres, some nearer to each other than their spread. */
const draw = new Draw(keyOf(5));
const y = Array.from({ length: 80 }, (_, i) => ["a", "b", "c", "d"][i % 4] as string);
const x = y.map((label) => [label.charCodeAt(0) + 1.5 * nearlyNormal(draw), nearlyNormal(draw)]);
const data = fromArrays({ x, y });
const tasks = episodes(data, { ways: 3, shots: 2, queries: 4 });
const trained = await metaTrain(protoNet(model([2], layers.flatten())), tasks, { iterations: 0 });
const report = await evaluate(trained, tasks, { episodes: 50, seed: 3, details: true });
const results = report.results ?? [];

test("details: an episode's key gives the episode again, and its predictions its value", async () => {
  assert.is(results.length, 50);
  for (const { key, spec, value, predictions, diverged } of results) {
    const { queries } = await tasks.sample(key, spec);
    const [{ outputs, examples }, ...more] = predictions as [(typeof predictions)[0]];
    assert.equal([more.length, diverged], [0, false]);
    assert.equal(examples.x, queries.x);
    assert.is(accuracy(outputs.logits as Float32Array, queries.y), value);
  }
  const without = await evaluate(trained, tasks, { episodes: 50, seed: 3 });
  assert.is(without.results, undefined);
  assert.equal([...without.values], [...report.values]);
  assert.not.ok(Object.keys(report).includes("results"));
});

test("classResults: counts of every pair of classes, by the data set's classes", () => {
  const found = classResults(report, { tasks });
  assert.equal(found.names, ["a", "b", "c", "d"]);
  const counts = new Map<string, number>();
  let [logLikelihood, total] = [0, 0];
  for (const { key, predictions } of results) {
    const classes = tasks.classesOf(key);
    const { outputs, examples } = predictions[0] as (typeof predictions)[0];
    const logits = outputs.logits as Float32Array;
    for (const [row, label] of (examples.y as Float32Array).entries()) {
      const scores = [...logits.subarray(3 * row, 3 * row + 3)];
      const name = `${classes[label]} ${classes[scores.indexOf(Math.max(...scores))]}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      logLikelihood += (scores[label] as number) - Math.log(scores.reduce((sum, each) => sum + Math.exp(each), 0));
      total++;
    }
  }
  for (const [i, row] of found.confusion.entries()) {
    assert.equal(
      [...row],
      [0, 1, 2, 3].map((j) => counts.get(`${i} ${j}`) ?? 0),
    );
    const of = row.reduce((sum, each) => sum + each, 0);
    assert.is(found.accuracies[i], (counts.get(`${i} ${i}`) ?? 0) / of);
  }
  assert.ok(Math.abs(found.logLikelihood - logLikelihood / total) < 1e-6);
  assert.is(
    found.confusion.flatMap((row) => [...row]).reduce((a, b) => a + b),
    50 * 12,
  );
});

test("classResults: bins hold every prediction once, and the expected error is their weighted gap", () => {
  const { bins, expectedError } = classResults(report, { bins: 5 }).calibration;
  assert.is(
    bins.reduce((sum, { count }) => sum + count, 0),
    600,
  );
  const gaps = bins.filter(({ count }) => count > 0).map((bin) => bin.count * Math.abs(bin.accuracy - bin.confidence));
  assert.ok(Math.abs(expectedError - gaps.reduce((a, b) => a + b) / 600) < 1e-12);
  for (const { count, confidence, from, to } of bins) {
    if (count > 0) assert.ok(confidence >= from && confidence <= to, `${from} ${confidence} ${to}`);
  }
});

test("bandResults: bands of a normal distribution hold their part of normal targets", () => {
  const source = new Draw(keyOf(1));
  const n = 20_000;
  const examples = {
    y: Float32Array.from({ length: n }, () => 3 + 2 * nearlyNormal(source)),
    weight: new Float32Array(n).fill(1),
  };
  const outputs = { mean: new Float32Array(n).fill(3), deviation: new Float32Array(n).fill(2) };
  const made = {
    ...report,
    results: [{ key: [0, 0], spec: 0, value: 0, diverged: false, predictions: [{ outputs, examples }] }],
  };
  const { bands, logLikelihood } = bandResults(made as unknown as Report);
  for (const { band, held } of bands) assert.ok(Math.abs(held - band) < 0.01, `${band}: ${held}`);
  // The entropy of a normal distribution: (1 + log(2 pi)) / 2 + log(deviation).
  assert.ok(Math.abs(logLikelihood + 1.4189385 + Math.log(2)) < 0.02);
  throwsA(OptionError, () => bandResults(report), "bandResults", "means and deviations");
});

test("comparePaired: differences episode by episode", async () => {
  const better = await evaluate(trained, tasks, { episodes: 50, seed: 3, queries: "one by one" });
  const same = comparePaired(report, better);
  assert.equal([same.difference, same.wins, same.ties, same.losses], [0, 0, 50, 0]);
  const shifted = { ...report, values: report.values.map((value, i) => value - (i % 2 === 0 ? 0.25 : 0)) };
  const { difference, ci95, wins, losses } = comparePaired({ ...report, values: report.values }, shifted);
  assert.equal([difference, wins, losses], [0.125, 25, 0]);
  assert.ok(Math.abs(ci95 - 1.96 * Math.sqrt((0.125 ** 2 * 50) / 49 / 50)) < 1e-12);
  const elsewhere = await evaluate(trained, tasks, { episodes: 50, seed: 4 });
  throwsA(OptionError, () => comparePaired(report, elsewhere), "the same seed, got 3 and 4");
});

test("crossValidate: every fold once, each with a seed of its own, and the corrected interval", async () => {
  const seen: string[] = [];
  const found = await crossValidate({
    split: (seed) => [0, 1, 2].map((test) => ({ train: seed, test })),
    run: ({ fold, repeat, seed, test }) => {
      seen.push(`${repeat} ${fold} ${seed}`);
      return { mean: test + repeat };
    },
    repeats: 2,
  });
  assert.is(new Set(seen).size, 6);
  assert.is(found.mean, 1.5);
  // Variance of 0, 1, 2, 1, 2, 3 is 1.1; 6 folds, tests of half the size of the training sets; t(5) = 2.571.
  assert.ok(Math.abs(found.ci95 - 2.571 * Math.sqrt(1.1 * (1 / 6 + 1 / 2))) < 1e-9);
  const again = await crossValidate({
    split: (seed) => [seed, 0].map((test) => ({ train: 0, test })),
    run: ({ test }) => ({ mean: test }),
  });
  assert.ok(Number.isSafeInteger(again.results[0]?.mean));
  await rejectsA(
    OptionError,
    crossValidate({ split: () => [1, 2].map((test) => ({ train: 0, test })), run: () => ({}) as { mean: number } }),
    "the result of run",
  );
});

test.run();
