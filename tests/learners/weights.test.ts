/** What a learner makes of a task does not depend on padding, on company, or on how weights are written. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileGraph } from "../../src/compile/compile.ts";
import { run } from "../../src/core/run.ts";
import { keyToArray } from "../../src/graph/operators/index.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { selected } from "../../src/learners/selection.ts";
import type { BatchNormMode } from "../../src/nn/layer.ts";
import { crossEntropy } from "../../src/nn/losses.ts";
import { conv4 } from "../../src/nn/networks.ts";
import { classification, type Objective } from "../../src/nn/objective.ts";
import { prefixed, unprefixed } from "../../src/optim/rule.ts";
import { fold, keyOf } from "../../src/random.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import {
  adaptProgram,
  evaluationProgram,
  initProgram,
  iterationInput,
  META,
  observeProgram,
  outputShapes,
  QUERIES,
  segmentPrefix,
  startProgram,
  taskGraph,
} from "../../src/train/programs.ts";
import type { Trained } from "../../src/train/trained.ts";
import { near, sameBits } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { clouds } from "../train/support.ts";
import { clusters, FEATURES, WAYS } from "./clusters.ts";
import { adaptsOf, type Entry, modesOf, networkOf, ROSTER } from "./roster.ts";

const test = suite("weights and padding");

const [spec] = clusters.specs;
const { support, queries } = clusters.sample(keyOf(123));

/** A learner in a mode of batch norm, after a few outer steps, so that statistics are those of tasks. */
function made(entry: Entry, batchNorm: BatchNormMode): Promise<Trained> {
  const learner = entry.make(networkOf(entry, FEATURES, spec.objective, { batchNorm }));
  return metaTrain(learner, clusters, { iterations: 10, metaBatch: 3, seed: 2, onWarning: () => {} });
}

/** Some rows of the support set. */
const rowsOf = (rows: readonly number[]) => ({
  x: Float32Array.from(rows.flatMap((row) => [...support.x.subarray(row * FEATURES, (row + 1) * FEATURES)])),
  y: Float32Array.from(rows, (row) => support.y[row] as number),
});
const first = (n: number) => rowsOf([...Array(n).keys()]);
const logitsOf = (each: { predict(x: ArrayLike<number>): Readonly<Record<string, Float32Array>> }, x: Float32Array) =>
  each.predict(x).logits as Float32Array;

/**
 * States agree, whatever is small beside the largest number of each array. A bias before transductive statistics changes nothing:
 * its gradient is rounding, which adaptive rules magnify. What an LSTM keeps of gradients begins at their logarithms, which magnify rounding
 * too.
 */
function nearStates(actual: Trained["meta"], expected: Trained["meta"], bound: number, what: string): void {
  assert.equal(Object.keys(actual).sort(), Object.keys(expected).sort(), what);
  const names = Object.entries(expected).filter(
    ([name]) => !(what.startsWith("transductive") && /hidden1\.bias$|^memory\.lstm/.test(name)),
  );
  const steep = names.some(([name]) => name.startsWith("memory.lstm")) ? 10 : 1;
  for (const [name, data] of names) near(actual[name] ?? [], data, steep * bound, `${what}: ${name}`);
}

for (const entry of ROSTER) {
  const { name, inner } = entry;

  test(`${name}: a bucket of padded rows gives what the rows alone give, in every mode of batch norm`, async () => {
    for (const mode of modesOf(entry)) {
      const trained = await made(entry, mode);
      const { plan, meta, iterations } = trained;
      const shared = { ...prefixed(META, meta), iteration: iterationInput(iterations), key: keyToArray(keyOf(0)) };
      for (const n of [3, 5, 9]) {
        const exact: TaskSpec = { ...spec, segments: [n], queries: 5 };
        const task = { ...shared, ...prefixed(segmentPrefix(0), first(n)) };
        const where = `${mode}, ${n} examples`;
        const adapted = trained.adapt(first(n));
        nearStates(adapted.state, run(adaptProgram(plan, exact, {}), task), 1e-5, where);
        const five = { x: queries.x.slice(0, 5 * FEATURES), y: queries.y.slice(0, 5) };
        const whole = run(evaluationProgram(plan, exact, {}), { ...task, ...prefixed(QUERIES, five) });
        near(logitsOf(adapted, five.x), unprefixed(QUERIES, whole).logits ?? [], 1e-5, `${where}: predictions`);
      }
      trained.dispose();
    }
  });

  test(`${name}: rows of weight 0 are not there; a row of weight 2 is the row twice`, async () => {
    const { observing, ordered } = entry.make(networkOf(entry, FEATURES, spec.objective));
    for (const mode of modesOf(entry)) {
      const trained = await made(entry, mode);
      const expected = trained.adapt(first(6));
      const noise = new Chance(4).floats(3 * FEATURES, -9, 9);
      const padded = {
        x: [...noise.slice(0, FEATURES), ...first(6).x, ...noise.slice(FEATURES)],
        y: [2, ...first(6).y, 1, 0],
        weight: [0, 1, 1, 1, 1, 1, 1, 0, 0],
      };
      nearStates(trained.adapt(padded).state, expected.state, 1e-5, `${mode}, weight 0`);
      // A sequence has examples, and no weights of them.
      if (ordered) {
        trained.dispose();
        continue;
      }
      const [once, twice] = [rowsOf([0, 1, 2, 3]), rowsOf([0, 1, 2, 3, 3, 1, 1])];
      const counted = trained.adapt({ ...once, weight: [1, 3, 1, 2] });
      const doubled = trained.adapt(twice);
      // A buffer keeps the weights.
      if (observing === "replays")
        near(logitsOf(counted, queries.x), logitsOf(doubled, queries.x), 1e-4, `${mode}, weights`);
      else nearStates(counted.state, doubled.state, 1e-5, `${mode}, weights`);
      const uneven = trained.adapt({ ...once, weight: [1, 1, 1, 1] });
      assert.not.ok(sameBits(logitsOf(uneven, queries.x), logitsOf(counted, queries.x)), "weights count");
      trained.dispose();
    }
  });

  const settled = modesOf(entry).filter((mode) => mode !== "transductive");
  test(`${name}: a batch is predicted as its examples one by one, batch norm ${settled.join(", ")}`, async () => {
    for (const mode of settled) {
      const trained = await made(entry, mode);
      const adapted = trained.adapt(support);
      const all = logitsOf(adapted, queries.x);
      for (let i = 0; i < queries.y.length; i++) {
        const one = logitsOf(adapted, queries.x.slice(i * FEATURES, (i + 1) * FEATURES));
        near(one, all.subarray(i * WAYS, (i + 1) * WAYS), 1e-4, `${mode}, example ${i}`);
      }
      // More than are predicted together.
      const many = Float32Array.from({ length: 150 * FEATURES }, (_, i) => queries.x[i % queries.x.length] as number);
      near(logitsOf(adapted, many).subarray(144 * WAYS), all.subarray(0, 6 * WAYS), 1e-4, `${mode}, 150 examples`);
      assert.is(logitsOf(adapted, new Float32Array(0)).length, 0);
      trained.dispose();
    }
  });

  test(`${name}: observing is what it says, and keeps the names and shapes of the state`, async () => {
    for (const mode of modesOf(entry)) {
      const trained = await made(entry, mode);
      const { plan, learner } = trained;
      const shapes = outputShapes(startProgram(plan, spec));
      assert.equal(outputShapes(observeProgram(plan, shapes, spec, {})), shapes, mode);
      // The first part has all classes.
      const [part, rest] = [first(6), rowsOf([6, 7, 8, 9, 10, 11, 12, 13, 14])];
      const before = trained.adapt(part);
      const snapshot = structuredClone(before.state);
      const parts = before.observe(rest);
      const whole = trained.adapt(support);
      if (learner.observing !== "continues") nearStates(parts.state, whole.state, 1e-5, mode);
      else assert.not.equal(parts.state, whole.state, mode);
      for (const data of Object.values(parts.state)) assert.ok(data.every(Number.isFinite), mode);
      assert.equal(before.state, snapshot, "what was observed before is changed");
      assert.not.equal(parts.state, before.state);
      trained.dispose();
    }
    const plain = entry.make(networkOf(entry, FEATURES, spec.objective));
    assert.ok(inner ? plain.observing === "continues" : plain.observing !== "continues");
  });

  test(`${name}: many users' sets at once are each user's own`, async () => {
    const trained = await made(entry, "none");
    const sets = [first(3), support, clusters.sample(keyOf(7)).support];
    const many = trained.adaptMany(sets);
    for (const [i, each] of many.entries()) {
      const alone = trained.adapt(sets[i] as (typeof sets)[0]);
      assert.ok(sameBits(logitsOf(each, queries.x), logitsOf(alone, queries.x)), `set ${i}`);
    }
    assert.equal(trained.adaptMany([]), []);
    trained.dispose();
  });

  test(`${name}: weights that are all 1 fold away: training pays nothing for them`, () => {
    for (const mode of modesOf(entry)) {
      const { plan } = initProgram(entry.make(networkOf(entry, FEATURES, spec.objective, { batchNorm: mode })));
      const sizeOf = (each: TaskSpec) => {
        const { instructionCount, arenaBytes } = compileGraph(taskGraph(plan, each));
        return { instructionCount, arenaBytes };
      };
      assert.equal(sizeOf(spec), sizeOf({ ...spec, objective: unweighted }), mode);
      assert.ok(sizeOf({ ...spec, weighted: true }).instructionCount > sizeOf(spec).instructionCount, "weights cost");
    }
  });
}

/** Cross entropy that knows of no weights. */
const unweighted: Objective = {
  ...classification(WAYS),
  loss: ({ logits }, { y }) => crossEntropy(logits as never, y as never),
};

test("an inner loop's state holds what it adapts, its rule's memory and its statistics; a ProtoNet's, sums and counts", async () => {
  for (const entry of ROSTER.filter(({ inner, name }) => inner || name === "protonet")) {
    const body = networkOf(entry, FEATURES, spec.objective, { batchNorm: "support" });
    const trained = await metaTrain(entry.make(body), clusters, { iterations: 0 });
    const state = trained.adapt(support).state;
    const own = Object.keys(state).filter((path) => !/^(memory|statistics)\.|^step$/.test(path));
    const learned = body.parameters.filter(({ carried }) => !carried).map(({ name }) => name);
    const adapts = adaptsOf(entry);
    // What a learner adds to the model, it may adapt where its selection names it.
    const paths = typeof adapts === "function" ? [...learned, ...own] : learned;
    const chosen = selected(adapts, Object.fromEntries(paths.map((path) => [path, path])));
    const expected = entry.inner ? Object.keys(chosen) : ["sums", "counts"];
    assert.equal(own.sort(), [...expected].sort(), entry.name);
    for (const path of entry.inner ? own : []) {
      assert.not.ok(sameBits(state[path] ?? [], trained.meta[path] ?? []), `${entry.name}: ${path} is not adapted`);
    }
    if (entry.inner) assert.is(state.step?.[0], trained.learner.innerSteps?.evaluation);
    trained.dispose();
  }
});

const images = clouds({ ways: 3, shots: 2, queries: 4 }, { shape: [16, 16, 1], spread: 1 });
const withConvolutions = ROSTER.filter(({ name, record }) => name === record.name);
for (const entry of withConvolutions) {
  for (const downsampling of ["stride", "maxPool"] as const) {
    test(`${entry.name} on conv4, ${downsampling}: a batch is predicted as its examples one by one`, async () => {
      for (const batchNorm of modesOf(entry).filter((mode) => mode !== "transductive")) {
        const outputs = entry.record.model === "predictor" ? { outputs: 3 } : {};
        const body = conv4({ inputShape: [16, 16, 1], filters: 8, downsampling, batchNorm, ...outputs });
        // An iteration moves statistics off their start: what convolutions round differently needs no more.
        const learner: Learner = entry.make(body, entry.inner ? { innerSteps: 1 } : {});
        const trained = await metaTrain(learner, images, { iterations: 1, metaBatch: 1, onWarning: () => {} });
        const { support, queries } = images.sample(fold(keyOf(1), 2));
        const adapted = trained.adapt(support);
        const all = logitsOf(adapted, queries.x);
        for (let i = 0; i < queries.y.length; i++) {
          const one = logitsOf(adapted, queries.x.slice(256 * i, 256 * (i + 1)));
          near(one, all.subarray(3 * i, 3 * (i + 1)), 1e-4, `${batchNorm}, example ${i}`);
        }
        trained.dispose();
      }
    });
  }
}

test.run();
