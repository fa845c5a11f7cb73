/** Plain supervised training: held to a loop in f64, and to what it says of epochs, validation and bits. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AbortedError, DataError, NonFiniteError, OptionError, ShapeError } from "../../src/errors.ts";
import { workers } from "../../src/executors/node-workers.ts";
import { supervised } from "../../src/learners/supervised.ts";
import { mlp } from "../../src/nn/networks.ts";
import { classification, regression } from "../../src/nn/objective.ts";
import { adam, sgd } from "../../src/optim/optimizer.ts";
import { keyOf } from "../../src/random.ts";
import { type Epoch, type FitOptions, fit } from "../../src/train/fit.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { MiniBatches } from "../../src/train/mini-batches.ts";
import { restore } from "../../src/train/trained.ts";
import { near } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { rejectsA, sameBytes } from "./support.ts";

const test = suite("fit");

/** Points in the plane, and on which side of a line they lie. */
function sides(n: number) {
  const x = Float32Array.from(new Chance(5).floats(2 * n, -1, 1));
  const y = Float32Array.from({ length: n }, (_, i) =>
    (x[2 * i] as number) + 0.5 * (x[2 * i + 1] as number) > 0.1 ? 1 : 0,
  );
  return { x, y };
}
const network = () => mlp({ inputShape: 2, hidden: [6], outputs: 2, activation: "sigmoid" });
const logistic = () => mlp({ inputShape: 2, hidden: [], outputs: 2 });
const objective = classification(2);
const values = (history: readonly Epoch[]) => history.map(({ loss }) => loss);

test("logistic regression by gradient descent on all examples is the loop in f64", async () => {
  const { x, y } = sides(20);
  const weight = Float32Array.from({ length: 20 }, (_, i) => 1 + (i % 3));
  const [rate, epochs] = [0.3, 15];
  const start = (await metaTrain(supervised(logistic()), oneTask(x, y), { iterations: 0, metaBatch: 1, seed: 4 })).meta;
  const w = Array.from(start["head.weight"] as Float32Array);
  const b = [0, 0];
  const expected: number[] = [];
  const total = weight.reduce((sum, each) => sum + each, 0);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const [dw, db] = [
      [0, 0, 0, 0],
      [0, 0],
    ] as [number[], number[]];
    let loss = 0;
    for (let i = 0; i < 20; i++) {
      const row = [x[2 * i] as number, x[2 * i + 1] as number];
      const logits = [0, 1].map((k) =>
        row.reduce((sum, each, j) => sum + each * (w[2 * j + k] as number), b[k] as number),
      );
      const exps = logits.map(Math.exp);
      const sum = exps.reduce((a, c) => a + c, 0);
      const share = (weight[i] as number) / total;
      loss -= share * Math.log((exps[y[i] as number] as number) / sum);
      for (const k of [0, 1]) {
        const slope = share * ((exps[k] as number) / sum - (y[i] === k ? 1 : 0));
        db[k] = (db[k] as number) + slope;
        for (const j of [0, 1]) dw[2 * j + k] = (dw[2 * j + k] as number) + slope * (row[j] as number);
      }
    }
    expected.push(loss);
    for (const i of w.keys()) w[i] = (w[i] as number) - rate * (dw[i] as number);
    for (const k of [0, 1]) b[k] = (b[k] as number) - rate * (db[k] as number);
  }
  const { trained, history } = await fit(
    logistic(),
    { x, y, weight },
    { objective, epochs, optimizer: sgd(rate), seed: 4 },
  );
  near(values(history), expected, 1e-6, "losses");
  near(trained.meta["head.weight"] ?? [], w, 1e-5, "weights");
  near(trained.meta["head.bias"] ?? [], b, 1e-5, "biases");
});

const oneTask = (x: Float32Array, y: Float32Array) =>
  new MiniBatches({ n: y.length, inputs: { x: [2] }, objective, columns: { x, y } }, y.length, keyOf(0));

test("an epoch goes through every example once, in an order of its own; the rest of its last batch is padding", () => {
  const x = Float32Array.from({ length: 46 }, (_, i) => i);
  const y = Float32Array.from({ length: 23 }, (_, i) => i % 2);
  const batches = new MiniBatches({ n: 23, inputs: { x: [2] }, objective, columns: { x, y } }, 5, keyOf(9));
  assert.is(batches.perEpoch, 5);
  const seen = [0, 1].map((epoch) => {
    const rows: number[] = [];
    for (let place = 0; place < 5; place++) {
      const [batch] = batches.sample(batches.keysAt(5 * epoch + place)[0] as readonly [number, number]).segments;
      const { x: points, y: labels, weight } = batch as { x: Float32Array; y: Float32Array; weight: Float32Array };
      assert.equal(Array.from(weight), place < 4 ? [1, 1, 1, 1, 1] : [1, 1, 1, 0, 0]);
      for (const [i, each] of weight.entries()) {
        if (each === 0) continue;
        const row = (points[2 * i] as number) / 2;
        assert.equal([points[2 * i + 1], labels[i]], [2 * row + 1, row % 2]);
        rows.push(row);
      }
    }
    assert.equal(
      [...rows].sort((a, b) => a - b),
      [...Array(23).keys()],
    );
    return rows;
  });
  assert.not.equal(seen[0], seen[1]);
  assert.not.equal(seen[0], [...Array(23).keys()]);
});

test("a sigmoid network learns exclusive or, and what is restored predicts the same", async () => {
  const data = { x: [0, 0, 0, 1, 1, 0, 1, 1], y: [0, 1, 1, 0] };
  const options: FitOptions = { objective, epochs: 600, batchSize: 4, optimizer: adam(0.05) };
  const { trained, predictor, epoch } = await fit(network(), data, options);
  assert.equal(Array.from(predictor.classify(data.x)), data.y);
  assert.equal([predictor.measure(data), epoch, trained.iterations], [1, 600, 600]);
  const again = restore(supervised(network()), trained.save()).start();
  assert.equal(again.predict(data.x), predictor.predict(data.x));
  assert.is(again.measure({ ...data, y: [1, 0, 0, 1] }), 0);
});

test("the same bytes with workers and for the same seed; others for another, or for another size of batches", async () => {
  const data = sides(50);
  const options: FitOptions = { objective, epochs: 4, batchSize: 8, seed: 3, validation: 0.3 };
  const first = await fit(network(), data, options);
  const executor = workers(2);
  try {
    const other = await fit(network(), data, { ...options, executor });
    assert.ok(sameBytes(other.trained.save(), first.trained.save()));
    assert.equal(other.history, first.history);
  } finally {
    await executor.close();
  }
  for (const change of [{ seed: 4 }, { batchSize: 9 }]) {
    const { trained } = await fit(network(), data, { ...options, ...change });
    assert.not.ok(sameBytes(trained.save(), first.trained.save()));
  }
});

test("the parameters of the lowest validation loss are the result; patience ends training after it", async () => {
  const { x, y } = sides(24);
  // Labels that contradict those of training: validation gets worse as training goes on.
  const validation = { x, y: y.map((each) => 1 - each) };
  const options: FitOptions = { objective, epochs: 30, optimizer: adam(0.1), validation, seed: 2 };
  const told: number[] = [];
  const { trained, history, epoch, predictor } = await fit(
    logistic(),
    { x, y },
    {
      ...options,
      patience: 3,
      onProgress: (progress) => void told.push(progress.epoch),
    },
  );
  const losses = history.map((each) => each.validation?.loss as number);
  assert.is(losses.indexOf(Math.min(...losses)) + 1, epoch);
  assert.is(history.length, epoch + 3);
  assert.equal(
    told,
    history.map((each) => each.epoch),
  );
  assert.is(predictor.measure(validation), history[epoch - 1]?.validation?.value);
  const same = await fit(logistic(), { x, y }, { ...options, epochs: epoch });
  assert.ok(sameBytes(trained.save(), same.trained.save()), "the result is that of the best epoch");
  assert.is((await fit(logistic(), { x, y }, options)).history.length, 30);
});

test("validation loss and metric are those of the network on all held-out examples", async () => {
  const data = sides(300);
  for (const batchNorm of ["none", "transductive"] as const) {
    // Transductive statistics honour weights, which `predict` does not know.
    const weights = Float32Array.from({ length: 290 }, (_, i) => (batchNorm === "none" ? i % 4 : 1));
    const held = { ...sides(290), weight: weights };
    const body = mlp({ inputShape: 2, hidden: [5], outputs: 2, batchNorm });
    const { predictor, history } = await fit(body, data, { objective, epochs: 1, validation: held });
    const logits = predictor.predict(held.x).logits as Float32Array;
    let [loss, total] = [0, 0];
    for (const [i, label] of held.y.entries()) {
      const [a, b] = [logits[2 * i] as number, logits[2 * i + 1] as number];
      const weight = held.weight[i] as number;
      loss += weight * Math.log(1 + Math.exp(label === 0 ? b - a : a - b));
      total += weight;
    }
    const measured = history[0]?.validation;
    near([measured?.loss as number], [loss / total], 1e-5, batchNorm);
    assert.is(measured?.value, predictor.measure(held));
  }
});

test("from and freeze: a body that stays as it was, and a head of another width", async () => {
  const data = sides(40);
  const first = await fit(network(), data, { objective, epochs: 2 });
  const wide = mlp({ inputShape: 2, hidden: [6], outputs: 1, activation: "sigmoid" });
  const target = { x: data.x, y: data.y };
  const next = await fit(wide, target, { objective: regression(1), epochs: 3, from: first.trained, freeze: "body" });
  for (const name of ["hidden1.weight", "hidden1.bias"])
    assert.equal(next.trained.meta[name], first.trained.meta[name]);
  assert.is(next.trained.meta["head.weight"]?.length, 6);
});

test("what ends training says so in the name of fit", async () => {
  const { x, y } = sides(20);
  const stop = new AbortController();
  const onProgress = ({ epoch }: { epoch: number }) => epoch === 2 && stop.abort();
  const options: FitOptions = { objective, epochs: 50 };
  await rejectsA(
    AbortedError,
    fit(network(), { x, y }, { ...options, signal: stop.signal, onProgress }),
    "fit: stopped",
    "epoch 2",
  );
  const numbers: FitOptions = { objective: regression(2), epochs: 50, optimizer: sgd(1e30) };
  const y2 = Float32Array.from({ length: 40 }, (_, i) => i);
  await rejectsA(NonFiniteError, fit(network(), { x, y: y2 }, numbers), "fit: ");
  await rejectsA(DataError, fit(network(), { x, y: y.map((each) => each * 2) }, options), "fit: data", "from 0 to 1");
  await rejectsA(ShapeError, fit(network(), { x, y: y.subarray(1) }, options), "fit: data: y");
  await rejectsA(DataError, fit(network(), { x: [], y: [] }, options), "fit: data must have at least one example");
  await rejectsA(DataError, fit(network(), { x, y }, { ...options, validation: 0.01 }), "both sides");
  await rejectsA(
    OptionError,
    fit(network(), { x, y }, { ...options, patience: 2 }),
    "patience must come with validation",
  );
  await rejectsA(
    OptionError,
    fit(network(), { x, y }, { ...options, objective: classification(3) }),
    "fit: the model has 2 outputs",
  );
});

test.run();
