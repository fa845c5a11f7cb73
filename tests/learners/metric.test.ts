/** What metric-based learners predict, held to their papers' equations in plain f64 loops. Embeddings are the examples themselves. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { matching } from "../../src/learners/matching.ts";
import { nearestCentroid } from "../../src/learners/nearest-centroid.ts";
import { type ProtoNetOptions, protoNet } from "../../src/learners/proto-net.ts";
import { relation } from "../../src/learners/relation.ts";
import { flatten } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { conv4 } from "../../src/nn/networks.ts";
import { keyOf } from "../../src/random.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import type { Trained } from "../../src/train/trained.ts";
import { near } from "../support/compare.ts";
import { clouds } from "../train/support.ts";
import { clusters, FEATURES, WAYS } from "./clusters.ts";

const test = suite("metric-based learners");

const identity = model([FEATURES], flatten());
const { support, queries } = clusters.sample(keyOf(5));
type Row = readonly number[];
const rowsOf = (x: Float32Array): Row[] =>
  Array.from({ length: x.length / FEATURES }, (_, i) => [...x.subarray(i * FEATURES, (i + 1) * FEATURES)]);
const [S, Q] = [rowsOf(support.x), rowsOf(queries.x)];
const labels = [...support.y];
const at = (row: ArrayLike<number>, i: number): number => row[i] as number;
const dot = (a: Row, b: Row): number => a.reduce((sum, each, i) => sum + each * at(b, i), 0);
const plus = (...rows: readonly Row[]): Row =>
  (rows[0] as Row).map((_, i) => rows.reduce((sum, row) => sum + at(row, i), 0));
const cosine = (a: Row, b: Row): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const classes = Array.from({ length: WAYS }, (_, k) => k);
const means = classes.map((k) => {
  const members = S.filter((_, i) => labels[i] === k);
  return plus(...members).map((each) => each / members.length);
});
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const logitsOf = (trained: Trained, given = support) => trained.adapt(given).predict(queries.x).logits ?? [];
const untrained = (learner: Parameters<typeof metaTrain>[0]) =>
  metaTrain(learner, clusters, { iterations: 0, seed: 4 });

test("protoNet: the scale multiplies minus the distance, or the cosine", async () => {
  const expected = (score: (q: Row, c: Row) => number) => Q.flatMap((q) => means.map((c) => score(q, c)));
  const cases: readonly (readonly [ProtoNetOptions, (q: Row, c: Row) => number])[] = [
    [{ scale: 0.5 }, (q, c) => -0.5 * q.reduce((sum, each, i) => sum + (each - at(c, i)) ** 2, 0)],
    [{ distance: "cosine" }, (q, c) => 10 * cosine(q, c)],
    [{ distance: "cosine", scale: 3 }, (q, c) => 3 * cosine(q, c)],
    [{ distance: "cosine", scale: 0 }, cosine],
  ];
  for (const [options, score] of cases) {
    near(logitsOf(await untrained(protoNet(identity, options))), expected(score), 1e-5, JSON.stringify(options));
  }
  const plain = await untrained(protoNet(identity, { distance: "cosine", scale: 0 }));
  assert.equal(Object.keys(plain.meta), [], "0 is no scale");
  const trained = await untrained(nearestCentroid(identity));
  assert.equal(Object.keys(trained.meta), []);
  near(logitsOf(trained), logitsOf(await untrained(protoNet(identity))), 0, "nearest centroid");
});

/** Logarithms of the attention that goes to each class, up to a number for each query. */
const attended = (f: readonly Row[], g: readonly Row[], scale: number) =>
  f.map((q) =>
    classes.map((k) =>
      Math.log(g.reduce((sum, row, i) => sum + (labels[i] === k ? Math.exp(scale * cosine(q, row)) : 0), 0)),
    ),
  );

const softmaxRows = (logits: ArrayLike<number>) =>
  Q.map((_, i) => {
    const row = classes.map((k) => Math.exp(at(logits, WAYS * i + k)));
    return row.map((each) => each / row.reduce((a, b) => a + b));
  });

test("matching: equation 1, with the paper's plain cosines and with a scale", async () => {
  for (const scale of [0, 10]) {
    const logits = logitsOf(await untrained(matching(identity, { scale })));
    const expected = softmaxRows(attended(Q, S, scale || 1).flat());
    near(softmaxRows(logits).flat(), expected.flat(), 1e-5, `scale ${scale}`);
  }
});

/** One step of an LSTM with the gates i, f, o, g side by side. */
function lstm(trained: Trained, name: string) {
  const weight = (part: string) => trained.meta[`context.${name}.${part}`] as Float32Array;
  const D = FEATURES;
  return (x: Row, h: Row, c: Row): readonly [Row, Row] => {
    const z = Array.from(
      { length: 4 * D },
      (_, j) =>
        x.reduce((sum, each, i) => sum + each * at(weight("input"), 4 * D * i + j), at(weight("bias"), j)) +
        h.reduce((sum, each, i) => sum + each * at(weight("hidden"), 4 * D * i + j), 0),
    );
    const next = c.map((each, u) => sigmoid(at(z, D + u)) * each + sigmoid(at(z, u)) * Math.tanh(at(z, 3 * D + u)));
    return [next.map((each, u) => sigmoid(at(z, 2 * D + u)) * Math.tanh(each)), next];
  };
}

test("matching with fullContext: a bidirectional LSTM over the support set, an attention LSTM for queries", async () => {
  const [zero, K] = [Array<number>(FEATURES).fill(0), 3];
  const trained = await untrained(matching(identity, { fullContext: true, attentionSteps: K, scale: 0 }));
  const read = (name: string, rows: readonly Row[]) => {
    let state: readonly [Row, Row] = [zero, zero];
    return rows.map((row) => {
      state = lstm(trained, name)(row, ...state);
      return state[0];
    });
  };
  // The buffer holds the rows in the order in which they came.
  const [forward, backward] = [read("forward", S), read("backward", S.toReversed()).toReversed()];
  const g = S.map((row, i) => plus(row, forward[i] as Row, backward[i] as Row));
  const f = Q.map((q) => {
    let [h, c]: readonly [Row, Row] = [q, zero];
    for (let k = 0; k < K; k++) {
      const scores = g.map((row) => Math.exp(dot(h, row)));
      const total = scores.reduce((a, b) => a + b);
      const r = plus(...g.map((row, i) => row.map((each) => (each * at(scores, i)) / total)));
      const [out, cell] = lstm(trained, "query")([...q, ...r], h, c);
      [h, c] = [plus(out, q), cell];
    }
    return h;
  });
  near(softmaxRows(logitsOf(trained)).flat(), softmaxRows(attended(f, g, 1).flat()).flat(), 1e-5, "attention");
});

test("matching keeps the newest examples, as many as its capacity", async () => {
  for (const fullContext of [false, true]) await keepsTheNewest(fullContext);
});

/** With full context the LSTMs must read the newest last, wherever in the buffer it is. */
async function keepsTheNewest(fullContext: boolean): Promise<void> {
  const trained = await untrained(matching(identity, { capacity: 6, fullContext }));
  const part = (from: number, to: number) => ({
    x: support.x.slice(from * FEATURES, to * FEATURES),
    y: support.y.slice(from, to),
  });
  const kept = trained.adapt(part(0, 5), { ways: WAYS }).observe(part(5, 8)).predict(queries.x).logits ?? [];
  near(kept, logitsOf(trained, part(2, 8)), 1e-5, `the last six of eight, fullContext ${fullContext}`);
}

test("relation: scores of concatenated class means and queries; its loss is their distance from 0 and 1", async () => {
  const trained = await untrained(relation(identity, { units: 6 }));
  const dense = (name: string, x: Row): Row => {
    const [w, b] = [trained.meta[`relation.${name}.weight`], trained.meta[`relation.${name}.bias`]] as [
      Float32Array,
      Float32Array,
    ];
    return Array.from(b, (bias, j) => x.reduce((sum, each, i) => sum + each * at(w, b.length * i + j), bias));
  };
  const relu = (x: Row): Row => x.map((each) => Math.max(each, 0));
  const expected = Q.flatMap((q) =>
    means.map((c) => at(dense("score", relu(dense("hidden2", relu(dense("hidden1", [...c, ...q]))))), 0)),
  );
  near(logitsOf(trained), expected, 1e-5, "scores");
  let shown = Number.NaN;
  const one = { ...clusters, sample: () => ({ segments: [support], support, queries }) };
  await metaTrain(relation(identity, { units: 6 }), one, {
    iterations: 1,
    metaBatch: 1,
    seed: 4,
    onProgress: ({ loss }) => {
      shown = loss;
    },
  });
  const squares = expected.map(
    (score, i) => (sigmoid(score) - (queries.y[Math.floor(i / WAYS)] === i % WAYS ? 1 : 0)) ** 2,
  );
  near([shown], [squares.reduce((a, b) => a + b) / squares.length], 1e-5, "loss");
});

test("relation on maps: the module is convolutional, and trains", async () => {
  const images = clouds({ ways: 3, shots: 2, queries: 4 }, { shape: [16, 16, 1], spread: 0.3 });
  const maps = conv4({ inputShape: [16, 16, 1], filters: 4, downsampling: "maps", batchNorm: "none" });
  assert.equal(maps.outputShape, [4, 4, 4]);
  const trained = await metaTrain(relation(maps, { units: 4 }), images, { iterations: 2, metaBatch: 2, seed: 1 });
  assert.is(trained.meta["relation.block1.conv1.kernel"]?.length, 3 * 3 * 8 * 4);
  const { support, queries } = images.sample(keyOf(1));
  assert.ok(trained.adapt(support).predict(queries.x).logits?.every(Number.isFinite));
});

test.run();
