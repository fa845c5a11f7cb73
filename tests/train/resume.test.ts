/** A run that was stopped and resumed ends in the same bytes as one that was not; and what cannot be resumed is named. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { AbortedError, FormatError, OptionError } from "../../src/errors.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { mlp } from "../../src/nn/networks.ts";
import { adam, adamW, clipped, sgd } from "../../src/optim/optimizer.ts";
import type { Optimizer } from "../../src/optim/rule.ts";
import { cosineDecay, stepDecay } from "../../src/optim/schedule.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { TaskSource } from "../../src/tasks/types.ts";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { type MetaTrainOptions, metaTrain } from "../../src/train/meta-train.ts";
import { Chance } from "../support/random.ts";
import { clouds, MemoryStore, rejectsA, sameBytes, smallMaml } from "./support.ts";

const test = suite("resume");
const curves = sinusoid({ shots: 3, queries: 3 });
const classes = clouds({ ways: 3, shots: 1, queries: 2 });

const classifier = (batchNorm: "none" | "running" | "support" | "transductive") =>
  mlp({ inputShape: 4, hidden: [4], outputs: 3, activation: "tanh", batchNorm });
const regressor = mlp({ inputShape: 1, hidden: [4], outputs: 1, activation: "tanh" });

/** Every kind of state that a run may have: moments, a schedule's position, support statistics, random draws. */
const runs: Readonly<Record<string, { learner: Learner; tasks: TaskSource; optimizer?: Optimizer }>> = {
  "maml with Adam": { learner: maml(regressor), tasks: curves },
  "maml with support statistics": { learner: maml(classifier("support"), { innerRate: 0.1 }), tasks: classes },
  "maml with step decay": {
    learner: maml(regressor),
    tasks: curves,
    optimizer: sgd(stepDecay(0.01, { every: 2 }), { momentum: 0.9, nesterov: true }),
  },
  "metaSgd with clipped AdamW on a cosine": {
    learner: metaSgd(regressor, { weightDecay: 0.01 }),
    tasks: curves,
    optimizer: clipped(adamW(cosineDecay(0.01, { steps: 8, final: 1e-3 })), 0.5),
  },
  "reptile with drawn batches": {
    learner: reptile(classifier("transductive"), { innerSteps: 2, innerBatch: 3 }),
    tasks: classes,
  },
  "protoNet with running statistics": { learner: protoNet(classifier("running")), tasks: classes },
};

const ITERATIONS = 9;

for (const [name, { learner, tasks, optimizer }] of Object.entries(runs)) {
  const options = (store: MemoryStore, every: number): MetaTrainOptions => ({
    iterations: ITERATIONS,
    metaBatch: 3,
    seed: 5,
    checkpoint: { store, every },
    metadata: { note: "kept" },
    ...(optimizer === undefined ? {} : { optimizer }),
  });

  test(`${name}: from every checkpoint of a run, to the same bytes`, async () => {
    const straight = new MemoryStore();
    const result = await metaTrain(learner, tasks, options(straight, 1));
    assert.is(straight.writes.length, ITERATIONS + 1);
    for (const bytes of straight.writes) {
      // What a killed run leaves: the last checkpoint that it wrote.
      const store = new MemoryStore(bytes);
      const resumed = await metaTrain(learner, tasks, { ...options(store, 2), resume: true });
      assert.ok(sameBytes(store.last, straight.last), `resumed after ${decodeCheckpoint(bytes).iteration}`);
      assert.ok(sameBytes(resumed.save(), result.save()));
    }
  });

  test(`${name}: stopped by its signal again and again, to the same bytes`, async () => {
    const straight = new MemoryStore();
    await metaTrain(learner, tasks, options(straight, 4));
    const store = new MemoryStore();
    const chance = new Chance(6);
    let stops = 0;
    for (let finished = false; !finished; ) {
      const abort = new AbortController();
      let left = chance.whole(1, 3);
      const onProgress = () => --left === 0 && abort.abort();
      const work = metaTrain(learner, tasks, { ...options(store, 4), resume: true, signal: abort.signal, onProgress });
      const outcome = await work.catch((error: unknown) => error);
      finished = !(outcome instanceof AbortedError);
      if (finished && outcome instanceof Error) throw outcome;
      if (!finished) stops++;
      assert.ok(stops < ITERATIONS, "no progress between two stops");
    }
    assert.ok(stops >= 2, `stopped only ${stops} times`);
    assert.ok(sameBytes(store.last, straight.last));
  });
}

test("more iterations go on where a finished run ended", async () => {
  const [short, long] = [new MemoryStore(), new MemoryStore()];
  const base = { metaBatch: 2, seed: 1 };
  await metaTrain(smallMaml(), curves, { ...base, iterations: 3, checkpoint: { store: short, every: 2 } });
  const options = { ...base, iterations: 6, checkpoint: { store: short, every: 2 }, resume: true };
  const seen: number[] = [];
  await metaTrain(smallMaml(), curves, { ...options, onProgress: ({ iteration }) => seen.push(iteration) });
  assert.equal(seen, [4, 5, 6]);
  await metaTrain(smallMaml(), curves, { ...base, iterations: 6, checkpoint: { store: long, every: 5 } });
  assert.ok(sameBytes(short.last, long.last));
});

test("without a checkpoint in the store, resuming starts anew", async () => {
  const [fresh, resumed] = [new MemoryStore(), new MemoryStore()];
  for (const [store, resume] of [
    [fresh, false],
    [resumed, true],
  ] as const) {
    await metaTrain(smallMaml(), curves, { iterations: 2, metaBatch: 2, checkpoint: { store, every: 9 }, resume });
  }
  assert.ok(sameBytes(fresh.last, resumed.last));
});

const store = new MemoryStore();
const base = { iterations: 3, metaBatch: 2, seed: 1, optimizer: adam(1e-3), checkpoint: { store, every: 2 } };
await metaTrain(smallMaml(), curves, base);
const saved = store.last;

/** Resumes the saved run with something changed. */
function resume({
  learner = smallMaml(),
  tasks = curves as TaskSource,
  bytes = saved,
  ...changed
}: Partial<MetaTrainOptions> & {
  learner?: Learner;
  tasks?: TaskSource;
  bytes?: Uint8Array;
} = {}): Promise<unknown> {
  const checkpoint = { store: new MemoryStore(bytes), every: 2 };
  return metaTrain(learner, tasks, { ...base, iterations: 5, ...changed, checkpoint, resume: true });
}

const differences: Readonly<Record<string, readonly [string, Parameters<typeof resume>[0]]>> = {
  "another learner": ["learner", { learner: metaSgd(regressor) }],
  "another order": ["learner", { learner: maml(mlp({ inputShape: 1, hidden: [5], outputs: 1 }), { order: 1 }) }],
  "another width": ["learner", { learner: smallMaml([6]) }],
  "another inner rate": [
    "learner",
    { learner: maml(mlp({ inputShape: 1, hidden: [5], outputs: 1, activation: "tanh" }), { innerRate: 0.06 }) },
  ],
  "another activation": [
    "learner",
    { learner: maml(mlp({ inputShape: 1, hidden: [5], outputs: 1, activation: "relu" }), { innerRate: 0.05 }) },
  ],
  "another optimizer": ["optimizer", { optimizer: sgd(1e-3) }],
  "another rate": ["optimizer", { optimizer: adam(2e-3) }],
  "another beta": ["optimizer", { optimizer: adam(1e-3, { beta1: 0.5 }) }],
  "a clipped optimizer": ["optimizer", { optimizer: clipped(adam(1e-3), 1) }],
  "a schedule": ["optimizer", { optimizer: adam(stepDecay(1e-3, { every: 100 })) }],
  "another meta-batch": ["metaBatch", { metaBatch: 3 }],
  "another seed": ["seed", { seed: 2 }],
  "other tasks": ["tasks", { tasks: sinusoid({ shots: 3, queries: 3, amplitude: [1, 2] }) }],
  "other shots": ["tasks", { tasks: sinusoid({ shots: 4, queries: 3 }) }],
};
for (const [what, [name, changed]] of Object.entries(differences)) {
  test(`${what} cannot go on with a run, and is named`, async () => {
    await rejectsA(OptionError, resume(changed), `another ${name} `);
  });
}

test("the saved run itself does go on", async () => {
  await resume();
});

test("fewer iterations than the run has behind it are refused", async () => {
  await rejectsA(OptionError, resume({ iterations: 2 }), "at most the 2 iterations", "got 3");
});

/** The saved run with other arrays. */
function altered(change: (tensors: Record<string, { shape: readonly number[]; data: Float32Array }>) => void) {
  const { tensors, metadata } = decodeTensors(saved);
  const copy = { ...tensors };
  change(copy);
  return encodeTensors({ tensors: copy, metadata });
}

const set = (name: string, length: number) =>
  altered((tensors) => {
    tensors[name] = { shape: [length], data: new Float32Array(length) };
  });

const damages: Readonly<Record<string, readonly [Uint8Array, string]>> = {
  "no checkpoint at all": [new Uint8Array(100), "safetensors"],
  "a file cut short": [saved.subarray(0, saved.length - 1), "cut short"],
  "no meta-parameter": [altered((tensors) => delete tensors["meta.hidden1.weight"]), "hidden1.weight"],
  "no moment": [altered((tensors) => delete tensors["optimizer.first.hidden1.weight"]), "first.hidden1.weight"],
  "an array too long": [set("meta.hidden1.bias", 6), "hidden1.bias"],
  "an array too many": [set("meta.more", 1), "more"],
};
for (const [what, [bytes, part]] of Object.entries(damages)) {
  test(`resume refuses ${what}`, async () => {
    await rejectsA(FormatError, resume({ bytes }), part);
  });
}

test.run();
