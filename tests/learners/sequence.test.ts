/** Learners of sequences against plain loops in f64. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lstm } from "../../src/learners/lstm.ts";
import { mann } from "../../src/learners/mann.ts";
import { snail } from "../../src/learners/snail.ts";
import { flatten } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { regression } from "../../src/nn/objective.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import type { Trained } from "../../src/train/trained.ts";
import { near, sameBits } from "../support/compare.ts";

const test = suite("learners of sequences");

const features = model([1], flatten());
const support = { x: [0.5, -1, 2, 0.3], y: [1, -0.5, 0.2, 2] };
const query = 0.7;
const made = (learner: Parameters<typeof metaTrain>[0]) =>
  metaTrain(learner, sinusoid({ shots: 4 }), { iterations: 5, seed: 4, onWarning: () => {} });

const at = (x: ArrayLike<number>, i: number): number => x[i] as number;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, each, i) => total + each * at(b, i), 0);

/** x W + b of a row. */
function affine({ meta }: Trained, name: string, weight: string, x: readonly number[], bias = true): number[] {
  const [w, b] = [meta[`${name}.${weight}`], meta[`${name}.bias`]] as [Float32Array, Float32Array];
  const width = w.length / x.length;
  return Array.from({ length: width }, (_, j) =>
    x.reduce((total, each, i) => total + each * at(w, i * width + j), bias ? at(b, j) : 0),
  );
}

/** One step of an LSTM: `[h, c]`. */
function cellStep(trained: Trained, name: string, x: readonly number[], [h, c]: readonly (readonly number[])[]) {
  const U = (h as number[]).length;
  const recurrent = affine(trained, name, "hidden", h as number[], false);
  const z = affine(trained, name, "input", x).map((each, i) => each + at(recurrent, i));
  const next = (c as number[]).map(
    (each, u) => sigmoid(at(z, U + u)) * each + sigmoid(at(z, u)) * Math.tanh(at(z, 3 * U + u)),
  );
  return [next.map((each, u) => sigmoid(at(z, 2 * U + u)) * Math.tanh(each)), next] as const;
}

/** A network with one hidden layer. */
function decoded(trained: Trained, name: string, x: readonly number[]): number[] {
  const hidden = affine(trained, `${name}.hidden1`, "weight", x).map((each) => Math.max(0, each));
  return affine(trained, `${name}.head`, "weight", hidden);
}

const zeros = (n: number): number[] => new Array<number>(n).fill(0);
const pairs = () => support.x.map((x, i) => [x, at(support.y, i)] as const);

test("lstm: an example is a step (x, y), a query a step (x, 0) from the state after them", async () => {
  const trained = await made(lstm(features, regression(1), { units: 3 }));
  let state: readonly (readonly number[])[] = [zeros(3), zeros(3)];
  for (const pair of pairs()) state = cellStep(trained, "cell", pair, state);
  const [h] = cellStep(trained, "cell", [query, 0], state);
  near(trained.adapt(support).predict([query]).mean ?? [], decoded(trained, "head", h), 1e-5, "prediction");
});

test("mann: reads by cosine, writes to the row read last or used least, which is cleared first", async () => {
  const [N, W] = [3, 2];
  const trained = await made(mann(features, regression(1), { units: 3, slots: N, slotWidth: W, usageDecay: 0.5 }));
  let [M, usage, last, r] = [Array.from({ length: N }, () => zeros(W)), zeros(N), zeros(N), zeros(W)];
  let state: readonly (readonly number[])[] = [zeros(3), zeros(3)];
  const length = (row: readonly number[]) => Math.sqrt(dot(row, row) + 1e-4);
  const look = (input: readonly number[]) => {
    const next = cellStep(trained, "controller", [...input, ...r], state);
    const z = affine(trained, "interface", "weight", next[0]);
    const k = z.slice(0, W).map(Math.tanh);
    const strength = 1 + Math.log1p(Math.exp(at(z, W)));
    const shares = M.map((row) => Math.exp((strength * dot(k, row)) / (length(k) * length(row))));
    const read = shares.map((each) => each / shares.reduce((a, b) => a + b));
    return {
      next,
      k,
      read,
      gate: sigmoid(at(z, W + 1)),
      r: zeros(W).map((_, j) =>
        dot(
          read,
          M.map((row) => at(row, j)),
        ),
      ),
    };
  };
  for (const pair of pairs()) {
    const now = look(pair);
    const least = usage.indexOf(Math.min(...usage));
    const write = last.map((each, i) => now.gate * each + (1 - now.gate) * Number(i === least));
    M = M.map((row, i) => row.map((each, j) => (i === least ? 0 : each) + at(write, i) * at(now.k, j)));
    usage = usage.map((each, i) => 0.5 * each + at(now.read, i) + at(write, i));
    [state, last, r] = [now.next, now.read, now.r];
  }
  const adapted = trained.adapt(support);
  near(adapted.state["task.memory"] ?? [], M.flat(), 1e-5, "memory");
  near(adapted.state["task.usage"] ?? [], usage, 1e-5, "usage");
  const { next, r: read } = look([query, 0]);
  near(adapted.predict([query]).mean ?? [], decoded(trained, "decoder", [...next[0], ...read]), 1e-5, "prediction");
});

test("snail: causal convolutions and attention over the examples and one query", async () => {
  const F = 2;
  const trained = await made(snail(features, regression(1), { blockWidth: F, reach: 4, capacity: 7 }));
  const kinds = ["attention", 1, 2, "attention", 1, 2, "attention"] as const;
  let rows: number[][] = [...pairs().map((pair) => [...pair]), [query, 0]];
  for (const [i, kind] of kinds.entries()) {
    const before = rows;
    rows = before.map((row, t) => {
      if (kind !== "attention") {
        const z = affine(trained, `dense${i + 1}`, "weight", [...(before[t - kind] ?? zeros(row.length)), ...row]);
        return [...row, ...zeros(F).map((_, j) => Math.tanh(at(z, j)) * sigmoid(at(z, F + j)))];
      }
      const made = before.map((each) => affine(trained, `attention${i + 1}`, "weight", each));
      const q = (made[t] as number[]).slice(0, F);
      // The query, which is last, does not read itself.
      const seen = made.slice(0, t === support.x.length ? t : t + 1);
      const shares = seen.map((each) => Math.exp(dot(q, each.slice(F, 2 * F)) / Math.sqrt(F)));
      const total = shares.reduce((a, b) => a + b);
      return [
        ...row,
        ...zeros(F).map(
          (_, j) =>
            dot(
              shares,
              seen.map((each) => at(each, 2 * F + j)),
            ) / total,
        ),
      ];
    });
  }
  const expected = affine(trained, "head", "weight", rows[support.x.length] as number[]);
  near(trained.adapt(support).predict([query]).mean ?? [], expected, 1e-5, "prediction, with three empty places");
  // Over the oldest: what was kept before the last seven is not there.
  const many = Array.from({ length: 9 }, (_, i) => Math.sin(i));
  const all = trained.adapt({ x: many, y: many });
  const newest = trained.adapt({ x: many.slice(2), y: many.slice(2) });
  near(all.predict([query]).mean ?? [], newest.predict([query]).mean ?? [], 1e-5, "the newest");
});

test("the order of the examples counts, and a query leaves no trace", async () => {
  for (const make of [lstm, mann, snail]) {
    const trained = await made(make(features, regression(1)));
    const adapted = trained.adapt(support);
    const first = adapted.predict([query]).mean as Float32Array;
    const turned = trained.adapt({ x: support.x.toReversed(), y: support.y.toReversed() });
    assert.not.ok(sameBits(turned.predict([query]).mean as Float32Array, first), `${make.name} heeds the order`);
    adapted.predict([9, -9]);
    assert.ok(sameBits(adapted.predict([query]).mean as Float32Array, first), make.name);
    assert.ok(trained.learner.ordered);
  }
});

test.run();
