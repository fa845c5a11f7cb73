/** Where a run begins and what it moves: warm starts, frozen parts, averaged meta-parameters. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { OptionError } from "../../src/errors.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { type MetaTrainOptions, metaTrain } from "../../src/train/meta-train.ts";
import { restore, type Trained } from "../../src/train/trained.ts";
import { near, sameBits } from "../support/compare.ts";
import { clouds, MemoryStore, rejectsA, sameBytes, smallMaml } from "./support.ts";

const test = suite("starts");
const curves = sinusoid({ shots: 4, queries: 3 });
const classes = clouds({ ways: 3, shots: 2, queries: 2 });
const body = (outputs = 3) => mlp({ inputShape: 4, hidden: [6], outputs, batchNorm: "support" });
const same = (a: Trained, b: Trained, name: string) => sameBits(a.meta[name] ?? [], b.meta[name] ?? []);

test("from: a run begins from the meta-parameters of another, carried ones among them", async () => {
  const first = await metaTrain(maml(body()), classes, { iterations: 5, metaBatch: 2 });
  const kept = structuredClone(first.meta);
  const none = await metaTrain(maml(body()), classes, { iterations: 0, from: first, seed: 9 });
  for (const name of Object.keys(first.meta)) assert.ok(same(none, first, name), name);
  const more = await metaTrain(maml(body()), classes, { iterations: 3, metaBatch: 2, from: first, seed: 9 });
  assert.not.ok(same(more, first, "hidden1.weight"));
  assert.equal(first.meta, kept, "the run it begins from is changed");
  // Arrays by name do as well.
  const arrays = await metaTrain(maml(body()), classes, { iterations: 3, metaBatch: 2, from: first.meta, seed: 9 });
  assert.ok(sameBytes(arrays.save(), more.save()));
});

test("from: across learners and heads, what has the same name and shape is taken, the rest begins as always", async () => {
  const prototypes = await metaTrain(protoNet(body(6)), classes, { iterations: 5, metaBatch: 2 });
  const fresh = await metaTrain(metaSgd(body(), { innerRate: 0.07 }), classes, { iterations: 0, seed: 4 });
  const warm = await metaTrain(metaSgd(body(), { innerRate: 0.07 }), classes, {
    iterations: 0,
    seed: 4,
    from: prototypes,
  });
  for (const name of Object.keys(warm.meta)) {
    const taken = /^(hidden1|norm1)\./.test(name);
    assert.ok(same(warm, taken ? prototypes : fresh, name), name);
  }
  assert.not.ok(same(prototypes, fresh, "hidden1.weight"));
  await rejectsA(
    OptionError,
    metaTrain(smallMaml(), curves, { iterations: 1, from: prototypes }),
    "metaTrain: from must have a meta-parameter of this learner",
  );
});

test("freeze: what is frozen stays as it is, to the bit; the rest moves; the statistics of a frozen layer stay, too", async () => {
  const start = await metaTrain(maml(body()), classes, { iterations: 0 });
  const cases: Readonly<Record<string, MetaTrainOptions["freeze"]>> = {
    head: "head",
    body: "body",
    path: (path) => path.endsWith(".weight"),
  };
  for (const [what, freeze] of Object.entries(cases)) {
    const trained = await metaTrain(maml(body()), classes, {
      iterations: 4,
      metaBatch: 2,
      ...(freeze === undefined ? {} : { freeze }),
    });
    for (const name of Object.keys(start.meta)) {
      if (name.endsWith(".count")) continue;
      const isHead = name.startsWith("head.");
      const isFrozen = what === "path" ? name.endsWith(".weight") : (what === "head") === isHead;
      assert.is(same(trained, start, name), isFrozen, `${what}: ${name}`);
    }
  }
});

test("freeze: the rest moves as it does without, and a frozen run has no memory of what it leaves", async () => {
  const [all, some] = await Promise.all(
    [{}, { freeze: "body" as const }].map(async (more) => {
      const store = new MemoryStore();
      const checkpoint = { store, every: 1 };
      const options = { iterations: 1, metaBatch: 3, seed: 5, optimizer: sgd(0.1, { momentum: 0.9 }), checkpoint };
      return { trained: await metaTrain(maml(body()), classes, { ...options, ...more }), store };
    }),
  );
  assert.ok(same(all?.trained as Trained, some?.trained as Trained, "head.weight"), "one step of the head");
  const memory = Object.keys(decodeCheckpoint((some as { store: MemoryStore }).store.last).optimizer);
  assert.equal(memory.sort(), ["velocity.head.bias", "velocity.head.weight"]);
});

/** The options of a run that keeps an average, and what it needs to be resumed. */
const averaged = { metaBatch: 3, seed: 2, optimizer: sgd(0.05) };

test("average: the moving average of the meta-parameters, by hand, is what the run gives", async () => {
  for (const average of [0.5, 0.9]) {
    const store = new MemoryStore();
    const checkpoint = { store, every: 1 };
    const trained = await metaTrain(maml(body()), classes, { ...averaged, iterations: 12, average, checkpoint });
    const plain = await metaTrain(maml(body()), classes, { ...averaged, iterations: 12 });
    const positions = store.writes.map((bytes) => decodeCheckpoint(bytes));
    assert.is(positions.length, 13);
    for (const name of trained.plan.trained) {
      // a <- a + max(1 - decay, 1 / (t + 2)) (p - a), from the starting values.
      let expected = Float64Array.from(positions[0]?.meta[name] as Float32Array);
      for (const [t, { meta }] of positions.slice(1).entries()) {
        const share = Math.max(1 - average, 1 / (t + 2));
        expected = expected.map((a, i) => a + share * ((meta[name]?.[i] as number) - a));
      }
      near(trained.meta[name] ?? [], expected, 1e-6, name);
      assert.ok(sameBits(positions[12]?.meta[name] ?? [], plain.meta[name] ?? []), "the average changes the run");
      assert.not.ok(same(trained, plain, name));
    }
    // Early on it is the plain mean of all values so far.
    const [a, b, c] = positions.map(({ meta }) => meta["head.weight"] as Float32Array);
    if (average === 0.9) {
      const mean = (a as Float32Array).map((value, i) => (value + (b?.[i] as number) + (c?.[i] as number)) / 3);
      near(positions[2]?.average["head.weight"] ?? [], mean, 1e-6, "after two iterations");
    }
    assert.ok(sameBits(trained.meta["norm1.mean"] ?? [], plain.meta["norm1.mean"] ?? []), "statistics are the last");
    const again = restore(maml(body()), store.last);
    assert.ok(sameBytes(again.save(), trained.save()), "a checkpoint restores to the average");
  }
});

test("average: validation sees it, and a resumed run has the same bytes", async () => {
  const seen: number[] = [];
  const curve = () => smallMaml();
  const validation = { tasks: sinusoid({ shots: 4, queries: 20 }), every: 6, episodes: 30 };
  const trained = await metaTrain(curve(), curves, {
    ...averaged,
    iterations: 6,
    average: 0.8,
    validation,
    onProgress: (progress) => void (progress.validation && seen.push(progress.validation.mean)),
  });
  assert.equal(seen, [(await evaluate(trained, validation.tasks, { episodes: 30, seed: 2 })).mean]);
  const straight = new MemoryStore();
  const options = { ...averaged, iterations: 9, average: 0.8 };
  await metaTrain(curve(), curves, { ...options, checkpoint: { store: straight, every: 1 } });
  for (const bytes of straight.writes) {
    const store = new MemoryStore(bytes);
    await metaTrain(curve(), curves, { ...options, checkpoint: { store, every: 4 }, resume: true });
    assert.ok(sameBytes(store.last, straight.last));
  }
});

const store = new MemoryStore();
const first = await metaTrain(maml(body()), classes, { iterations: 2, metaBatch: 2 });
const base = { iterations: 3, metaBatch: 2, seed: 1, average: 0.9, freeze: "head", from: first } as const;
await metaTrain(maml(body()), classes, { ...base, checkpoint: { store, every: 2 } });

function resume(more: Partial<MetaTrainOptions>, bytes = store.last): Promise<Trained> {
  const checkpoint = { store: new MemoryStore(bytes), every: 2 };
  return metaTrain(maml(body()), classes, { ...base, iterations: 5, ...more, checkpoint, resume: true });
}

test("what a run begins from, freezes and averages is part of what it is resumed with", async () => {
  await resume({});
  await rejectsA(OptionError, resume({ average: 0.8 }), "another average (0.9)", "(0.8)");
  await rejectsA(OptionError, resume({ freeze: "body" }), "another frozen (head.weight head.bias)");
  await rejectsA(OptionError, resume({ from: { ...first.meta, "head.bias": new Float32Array(3) } }), "another from");
  await rejectsA(OptionError, resume({ window: 2 }), "window must be left out where it does nothing");
});

test("a checkpoint from before a setting existed is resumed with the setting's default", async () => {
  const plain = { metaBatch: 2, seed: 1 };
  const [straight, early] = [new MemoryStore(), new MemoryStore()];
  await metaTrain(smallMaml(), curves, { ...plain, iterations: 6, checkpoint: { store: straight, every: 6 } });
  await metaTrain(smallMaml(), curves, { ...plain, iterations: 3, checkpoint: { store: early, every: 3 } });
  const { tensors, metadata } = decodeTensors(early.last);
  for (const name of ["core", "average", "window", "frozen", "from"]) assert.is(metadata[name], undefined, name);
  // What a later version adds, this one leaves alone.
  const bytes = encodeTensors({ tensors, metadata: { ...metadata, tomorrow: "on" } });
  const again = new MemoryStore(bytes);
  const checkpoint = { store: again, every: 6 };
  await metaTrain(smallMaml(), curves, { ...plain, iterations: 6, checkpoint, resume: true });
  assert.ok(sameBytes(again.last, straight.last));
  const other = { ...plain, iterations: 6, checkpoint: { store: new MemoryStore(bytes), every: 6 }, resume: true };
  await rejectsA(OptionError, metaTrain(smallMaml(), curves, { ...other, average: 0.9 }), "another average (none)");
});

test("descriptions leave out options at their defaults: an option that is added later does not make files unreadable", () => {
  const network = mlp({ inputShape: 1, hidden: [3], outputs: 1 });
  assert.is(maml(network).description, maml(network, { innerSteps: 5, order: 2, adapts: "all" }).description);
  assert.match(maml(network).description, /^maml; model/);
  assert.match(maml(network, { innerRate: 0.3, order: 1 }).description, /^maml innerRate 0.3 order 1; model/);
  assert.match(metaSgd(network, { weightDecay: 0.1 }).description, /^metaSgd weightDecay 0.1; model/);
  assert.match(reptile(network, { innerBatch: 3 }).description, /^reptile innerBatch 3; model/);
  assert.is(maml(network, { evaluationSteps: 9 }).description, maml(network).description);
  const image = { inputShape: [16, 16, 1], filters: 2 } as const;
  assert.is.not(protoNet(conv4(image)).description, protoNet(conv4({ ...image, batchNorm: "none" })).description);
});

test.run();
