/** The outer loop: what an iteration computes, which bits come out, what it reports, and when it stops. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { AbortedError, DataError, MemoryError, NonFiniteError, OptionError } from "../../src/errors.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant, divide, keyToArray, multiply, subtract, zeros } from "../../src/graph/operators/index.ts";
import { foldLoss, type Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { batchNorm, linear, sequential } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { learnedRates } from "../../src/optim/learned-rates.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import { mapTensors, prefixed, unprefixed } from "../../src/optim/rule.ts";
import type { Key } from "../../src/random.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Batch, Episode, TaskSource, TaskSpec } from "../../src/tasks/types.ts";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { hashParameters } from "../../src/train/hash-parameters.ts";
import { type MetaTrainOptions, metaTrain, type Progress } from "../../src/train/meta-train.ts";
import { CARRIED, GRADIENT, LOSS, META, taskGraph } from "../../src/train/programs.ts";
import { near } from "../support/compare.ts";
import { clouds, MemoryStore, rejectsA, sameBytes, smallMaml } from "./support.ts";

const test = suite("metaTrain");
const tasks = sinusoid({ shots: 4, queries: 3 });

/** A source that remembers which episodes were asked for. */
function recording(source: TaskSource): { readonly source: TaskSource; readonly keys: Key[] } {
  const keys: Key[] = [];
  const sample = (key: Key, spec: number) => {
    keys.push(key);
    return source.sample(key, spec);
  };
  const { name, specs, fingerprint } = source;
  return { source: { name, specs, fingerprint, sample }, keys };
}

test("the same seed gives the same bits, another seed others, and more iterations go on", async () => {
  const train = async (options: Partial<MetaTrainOptions>) =>
    (await metaTrain(smallMaml(), tasks, { iterations: 4, metaBatch: 3, seed: 7, ...options })).save();
  const first = await train({});
  assert.ok(sameBytes(await train({}), first));
  assert.ok(sameBytes(await train({ executor: inThread() }), first));
  const others = [{ seed: 8 }, { iterations: 5 }, { metaBatch: 4 }, { optimizer: sgd(1e-3) }, { seed: 2 ** 32 + 7 }];
  for (const options of others) assert.not.ok(sameBytes(await train(options), first), JSON.stringify(options));
});

/** Learners with and without statistics to carry. */
const network = (mode: "none" | "support") =>
  maml(mlp({ inputShape: 4, hidden: [5], outputs: 3, activation: "tanh", batchNorm: mode }), { innerRate: 0.1 });

for (const mode of ["none", "support"] as const) {
  test(`an iteration is the mean over its tasks, in f64: gradient, loss and what is carried, batch norm ${mode}`, async () => {
    const learner = network(mode);
    const { source, keys } = recording(clouds({ ways: 3, shots: 2, queries: 2 }));
    const before = await metaTrain(learner, source, { iterations: 0, metaBatch: 5 });
    assert.is(keys.length, 0);
    let loss = Number.NaN;
    const after = await metaTrain(learner, source, {
      iterations: 1,
      metaBatch: 5,
      optimizer: sgd(0.5),
      onProgress: (progress) => {
        loss = progress.loss;
      },
    });
    // The advice on rates looks at tasks that were drawn before.
    assert.is(new Set(keys.map(String)).size, 5);
    keys.splice(5);
    const { carried } = before.plan;
    const graph = taskGraph(before.plan, source.specs[0] as TaskSpec);
    const results = keys.map((key) => {
      const { segments, queries } = source.sample(key, 0) as Episode;
      const examples = { ...prefixed("segments.0.", segments[0] as Batch), ...prefixed("queries.", queries) };
      return interpret(graph, { ...prefixed(META, before.meta), ...examples, iteration: [0], key: keyToArray(key) });
    });
    const meanOf = (name: string) => {
      const values = results.map((each) => each[name] as Float64Array);
      return Float64Array.from(
        values[0] ?? [],
        (_, i) => values.reduce((sum, each) => sum + (each[i] as number), 0) / 5,
      );
    };
    near([loss], meanOf(LOSS), 1e-6, "loss");
    for (const [name, start] of Object.entries(before.meta)) {
      const expected = carried.includes(name)
        ? meanOf(CARRIED + name)
        : meanOf(GRADIENT + name).map((gradient, i) => (start[i] as number) - 0.5 * gradient);
      near(after.meta[name] as Float32Array, expected, 2e-6, name);
      const moved = (after.meta[name] as Float32Array).some((value, i) => value !== start[i]);
      assert.ok(moved, name);
    }
    assert.equal(carried, mode === "support" ? ["norm1.mean", "norm1.variance"] : []);
    const written = Object.keys(unprefixed(GRADIENT, results[0] as Record<string, Float64Array>));
    assert.equal(
      written.sort(),
      Object.keys(before.meta)
        .filter((name) => !carried.includes(name))
        .sort(),
    );
  });
}

test("no two tasks of a run have one address, and validation has addresses of its own", async () => {
  const [train, validate] = [recording(tasks), recording(tasks)];
  const validation = { tasks: validate.source, every: 2, episodes: 7 };
  await metaTrain(smallMaml(), train.source, { iterations: 6, metaBatch: 5, validation });
  const trained = new Set(train.keys.map(String));
  assert.is(trained.size, 30);
  assert.is(validate.keys.length, 21);
  assert.is(new Set(validate.keys.map(String)).size, 7, "each validation sees the same episodes");
  assert.ok(validate.keys.every((key) => !trained.has(String(key))));
});

test("validation does not change the result; its report comes with the iteration that it is of", async () => {
  const seen: Progress[] = [];
  const options = { iterations: 7, metaBatch: 2, onProgress: (progress: Progress) => seen.push(progress) };
  const plain = await metaTrain(smallMaml(), tasks, { iterations: 7, metaBatch: 2 });
  const validation = { tasks: sinusoid({ shots: 5, queries: 9 }), every: 3, episodes: 4 };
  const validated = await metaTrain(smallMaml(), tasks, { ...options, validation });
  assert.ok(sameBytes(plain.save(), validated.save()));
  assert.equal(
    seen.map(({ validation: report }) => report !== undefined),
    [false, false, true, false, false, true, false],
  );
  const report = seen[2]?.validation;
  assert.equal([report?.metric, report?.episodes, report?.fingerprint], ["mse", 4, validation.tasks.fingerprint]);
  assert.is.not(report?.mean, seen[5]?.validation?.mean);
});

test("bounded memory gives the same parameters, and progress says so; a limit turns it on and can refuse a task", async () => {
  const run = async (options: Pick<MetaTrainOptions, "memory" | "memoryLimit">) => {
    let last: Progress | undefined;
    const learner = maml(mlp({ inputShape: 1, hidden: [8], outputs: 1 }), { innerSteps: 4 });
    const onProgress = (progress: Progress) => {
      last = progress;
    };
    const { meta } = await metaTrain(learner, sinusoid({ shots: 200 }), {
      iterations: 2,
      metaBatch: 2,
      onProgress,
      ...options,
    });
    return { hash: hashParameters(meta), bounded: last?.bounded, bytes: last?.peakBytes as number };
  };
  const plain = await run({ memory: "unbounded" });
  const bounded = await run({ memory: "bounded" });
  assert.is(bounded.hash, plain.hash);
  assert.equal([plain.bounded, bounded.bounded], [false, true]);
  assert.ok(bounded.bytes < plain.bytes, `${bounded.bytes} of ${plain.bytes}`);
  assert.equal(await run({ memoryLimit: plain.bytes - 1 }), bounded);
  await rejectsA(MemoryError, run({ memoryLimit: bounded.bytes - 1 }), "with bounded memory", "the limit is");
  await rejectsA(OptionError, run({ memory: "little" as "bounded" }), "metaTrain: memory must be one of", "little");
});

test("sampled tasks count towards the memory limit: those of two iterations", async () => {
  const tasks = sinusoid({ shots: 100, queries: 100 });
  const learner = maml(mlp({ inputShape: 1, hidden: [4], outputs: 1 }), { innerSteps: 1 });
  // Two iterations of 4,000 tasks, each 200 points of two numbers.
  const bytes = 2 * 4000 * 400 * 4;
  const run = (memoryLimit: number) => metaTrain(learner, tasks, { iterations: 0, metaBatch: 4000, memoryLimit });
  await run(bytes);
  await rejectsA(MemoryError, run(bytes - 1), "the sampled tasks of two iterations", "4000 tasks", "meta-batch");
});

test("progress: one report an iteration, counted from 1, with rates that fit", async () => {
  const seen: Progress[] = [];
  await metaTrain(smallMaml(), tasks, { iterations: 5, metaBatch: 4, onProgress: (each) => void seen.push(each) });
  assert.equal(
    seen.map(({ iteration }) => iteration),
    [1, 2, 3, 4, 5],
  );
  for (const [
    i,
    { iterations, loss, seconds, tasksPerSecond, peakBytes, bounded, relaxed, ...rest },
  ] of seen.entries()) {
    assert.is(iterations, 5);
    assert.ok(Number.isFinite(loss) && loss > 0);
    assert.ok(seconds > (seen[i - 1]?.seconds ?? 0), "time goes on");
    assert.ok(Math.abs(tasksPerSecond * seconds - 4 * (i + 1)) < 1e-6, `${tasksPerSecond} tasks/s`);
    assert.ok(peakBytes > 1000 && peakBytes === seen[0]?.peakBytes);
    assert.equal([bounded, relaxed], [false, false]);
    assert.equal(rest, { iteration: i + 1, log: {} });
  }
});

test("phases: one Program each, by the iteration; what a learner logs is its mean over the meta-batch", async () => {
  const network = mlp({ inputShape: 1, hidden: [5], outputs: 1, activation: "tanh" });
  const [first, second] = [maml(network, { order: 1 }), maml(network)];
  const phases: string[] = [];
  const annealed = (): Learner => ({
    ...second,
    phase: (iteration) => (iteration < 3 ? "first" : "second"),
    outerLoss(meta, task, context) {
      phases.push(`${context.phase}`);
      const learner = context.phase === "first" ? first : second;
      const iteration = multiply(context.iteration, 10);
      return { ...foldLoss(learner, meta, task, context), log: { iteration, doubled: multiply(iteration, 2) } };
    },
  });
  const run = { metaBatch: 3, seed: 2, optimizer: sgd(0.1) };
  const logs: unknown[] = [];
  const trained = await metaTrain(annealed(), tasks, {
    ...run,
    iterations: 5,
    onProgress: ({ log }) => logs.push(log),
  });
  assert.equal(
    logs,
    [0, 10, 20, 30, 40].map((iteration) => ({ iteration, doubled: 2 * iteration })),
  );
  assert.equal(new Set(phases), new Set(["first", "second"]));
  // Gradient descent has no memory: two runs of one order each, on the same tasks, are the same run.
  const store = new MemoryStore();
  const plain = { ...run, checkpoint: { store, every: 3 } };
  const early = await metaTrain(first, tasks, { ...run, iterations: 3 });
  await metaTrain(second, tasks, { ...plain, iterations: 3 });
  const { tensors, metadata } = decodeTensors(store.last);
  const begun = Object.fromEntries(
    Object.entries(tensors).map(([name, { shape }]) => [
      name,
      { shape, data: early.meta[name.slice(META.length)] as Float32Array },
    ]),
  );
  await store.write(encodeTensors({ tensors: begun, metadata }));
  const late = await metaTrain(second, tasks, { ...plain, iterations: 5, resume: true });
  for (const [name, data] of Object.entries(late.meta)) near(trained.meta[name] ?? [], data, 1e-6, name);
  // Resumed in the middle of a phase, to the same bytes.
  const [straight, stopped] = [new MemoryStore(), new MemoryStore()];
  await metaTrain(annealed(), tasks, { ...run, iterations: 5, checkpoint: { store: straight, every: 9 } });
  for (const iterations of [2, 4, 5]) {
    const checkpoint = { store: stopped, every: 9 };
    await metaTrain(annealed(), tasks, { ...run, iterations, checkpoint, resume: true });
  }
  assert.ok(sameBytes(stopped.last, straight.last));
});

test("the learner's own outer rule is used where none is given, Adam where it has none", async () => {
  const body = mlp({ inputShape: 1, hidden: [3], outputs: 1 });
  const outerOf = async (learner: Learner, options: Partial<MetaTrainOptions> = {}) => {
    const store = new MemoryStore();
    await metaTrain(learner, tasks, { iterations: 1, metaBatch: 2, checkpoint: { store, every: 1 }, ...options });
    return decodeCheckpoint(store.last).metadata.optimizer as string;
  };
  assert.match(await outerOf(reptile(body)), /^sgd\(0\.1,/);
  assert.match(await outerOf(maml(body)), /^adam\(0\.001,/);
  assert.match(await outerOf(reptile(body), { optimizer: sgd(0.25) }), /^sgd\(0\.25,/);
});

test("a checkpoint is written before the first iteration, every so many, and at the end", async () => {
  const store = new MemoryStore();
  const trained = await metaTrain(smallMaml(), tasks, { iterations: 7, metaBatch: 2, checkpoint: { store, every: 3 } });
  const written = store.writes.map((bytes) => decodeCheckpoint(bytes));
  // That it cannot be written is better known before hours of training than after.
  assert.equal(
    written.map(({ iteration }) => iteration),
    [0, 3, 6, 7],
  );
  assert.equal(written.at(-1)?.meta, trained.meta);
  assert.is(trained.iterations, 7);
});

test("metadata may not claim a core", async () => {
  const run = metaTrain(smallMaml(), sinusoid(), { iterations: 1, metadata: { core: "4 cores" } });
  await rejectsA(OptionError, run, "metadata", "the name core is taken");
});

test("metadata of the caller's is kept beside the run's own", async () => {
  const store = new MemoryStore();
  const metadata = { run: '{"a":1}' };
  await metaTrain(smallMaml(), tasks, {
    iterations: 1,
    metaBatch: 2,
    seed: 3,
    checkpoint: { store, every: 5 },
    metadata,
  });
  const { metadata: kept, iteration } = decodeCheckpoint(store.last);
  assert.is(iteration, 1);
  assert.equal(
    [kept.run, kept.seed, kept.objective, kept.outputs, kept.learner],
    ['{"a":1}', "3", "regression", "1", smallMaml().description],
  );
});

test("a store that fails stops training with its error", async () => {
  const store = { read: async () => undefined, write: () => Promise.reject(new RangeError("disk is full")) };
  let iterations = 0;
  const onProgress = () => iterations++;
  const work = metaTrain(smallMaml(), tasks, { iterations: 3, checkpoint: { store, every: 2 }, onProgress });
  await rejectsA(RangeError, work, "disk is full");
  assert.is(iterations, 0);
});

test("the signal stops between two iterations, a timer gets its turn, and nothing runs before the first", async () => {
  const aborted = new AbortController();
  aborted.abort();
  let iterations = 0;
  const onProgress = () => iterations++;
  await rejectsA(
    AbortedError,
    metaTrain(smallMaml(), tasks, { iterations: 3, signal: aborted.signal, onProgress }),
    "0",
  );
  assert.is(iterations, 0);
  const signal = AbortSignal.timeout(100);
  const endless = metaTrain(smallMaml(), tasks, { iterations: 1e9, metaBatch: 1, signal, onProgress });
  await rejectsA(AbortedError, endless, "iteration");
  assert.ok(iterations > 0);
  // A signal that comes when all is done changes nothing.
  const late = new AbortController();
  const trained = await metaTrain(smallMaml(), tasks, {
    iterations: 2,
    signal: late.signal,
    onProgress: ({ iteration }) => iteration === 2 && late.abort(),
  });
  assert.is(trained.iterations, 2);
});

/** Curves of which some, chosen by their address, are spoiled. */
function spoiled(isBad: (key: Key) => boolean, spoil: (episode: Episode) => Episode): TaskSource {
  return {
    name: tasks.name,
    specs: tasks.specs,
    fingerprint: tasks.fingerprint,
    sample: (key) => (isBad(key) ? spoil(tasks.sample(key)) : tasks.sample(key)),
  };
}

const withTargets = (value: number) => (episode: Episode) => ({
  ...episode,
  queries: { x: episode.queries.x, y: episode.queries.y.map(() => value) },
});

for (const [what, value] of Object.entries({
  NaN: Number.NaN,
  infinite: Number.POSITIVE_INFINITY,
  "too large": 1e30,
})) {
  test(`a task that is ${what} stops training: its iteration and address are told, the last checkpoint stays`, async () => {
    const { source, keys } = recording(tasks);
    const run = { iterations: 6, metaBatch: 3, seed: 4 };
    const straight = await metaTrain(smallMaml(), source, run);
    // The tasks of iteration 4, counted from 0: the middle one and the last are bad.
    const bad = new Set([keys[13], keys[14]].map(String));
    const source4 = spoiled((key) => bad.has(String(key)), withTargets(value));
    const store = new MemoryStore();
    const checkpoint = { store, every: 1 };
    const error = await rejectsA(
      NonFiniteError,
      metaTrain(smallMaml(), source4, { ...run, checkpoint }),
      "iteration 4",
    );
    assert.is(error.iteration, 4);
    assert.equal([...error.taskKey], [...(keys[13] as Key)]);
    assert.ok(error.message.includes(String(keys[13])), error.message);
    const replayed = source4.sample(error.taskKey, 0) as Episode;
    assert.ok(
      replayed.queries.y.every((each) => Object.is(each, Math.fround(value))),
      "the address replays the task",
    );
    const { iteration, meta, optimizer } = decodeCheckpoint(store.last);
    assert.is(iteration, 4);
    for (const data of [...Object.values(meta), ...Object.values(optimizer)]) {
      assert.ok(data.every((each) => Number.isFinite(each)));
    }
    const resumed = await metaTrain(smallMaml(), tasks, { ...run, checkpoint, resume: true });
    assert.ok(sameBytes(resumed.save(), straight.save()), "from the last good checkpoint on, with the task repaired");
  });
}

const infinite = () => divide(constant(1), subtract(constant(1), constant(1)));
/** Learners of which one output alone is not finite. */
const halves: Readonly<Record<string, Learner>> = {
  "gradient.": { ...smallMaml(), metaGradient: (meta) => mapTensors(meta, (value) => multiply(value, infinite())) },
  "loss ": {
    ...smallMaml(),
    outerLoss: () => ({ loss: infinite() }),
    metaGradient: (meta) => mapTensors(meta, ({ shape }) => zeros(shape)),
  },
};
for (const [what, learner] of Object.entries(halves)) {
  test(`a ${what.replace(/\W/, "")} alone that is not finite stops training`, async () => {
    const error = await rejectsA(NonFiniteError, metaTrain(learner, tasks, { iterations: 3, metaBatch: 2 }), what);
    assert.is(error.iteration, 0);
  });
}

test("statistics that overflow stop training although the loss is finite", async () => {
  // Normalised at once, these inputs are zeros: nothing but their variance overflows.
  const learner = maml(model([1], sequential([batchNorm({ mode: "support" }), linear(1)])), { innerRate: 0.05 });
  const huge = spoiled(
    () => true,
    (episode) => ({ ...episode, segments: [{ x: episode.support.x.map((x) => x * 1e25), y: episode.support.y }] }),
  );
  const store = new MemoryStore();
  const options = { iterations: 2, metaBatch: 2, checkpoint: { store, every: 1 } };
  const error = await rejectsA(NonFiniteError, metaTrain(learner, huge, options), "carried.norm1.variance");
  assert.is(error.iteration, 0);
  assert.is(decodeCheckpoint(store.last).iteration, 0);
});

test("an update that overflows stops training before it is saved", async () => {
  for (const optimizer of [sgd(1e38), sgd(1e38, { momentum: 0.9 })]) {
    const store = new MemoryStore();
    const options = { iterations: 9, metaBatch: 2, optimizer, checkpoint: { store, every: 1 } };
    const steep = spoiled(() => true, withTargets(1e6));
    const error = await rejectsA(NonFiniteError, metaTrain(smallMaml(), steep, options));
    const { iteration, meta } = decodeCheckpoint(store.last);
    assert.is(iteration, error.iteration);
    for (const data of Object.values(meta))
      assert.ok(
        data.every((each) => Number.isFinite(each)),
        optimizer.name,
      );
  }
});

const outside: Readonly<Record<string, Partial<MetaTrainOptions>>> = {
  "iterations -1": { iterations: -1 },
  "iterations 1.5": { iterations: 1.5 },
  "iterations NaN": { iterations: Number.NaN },
  "metaBatch 0": { metaBatch: 0 },
  "metaBatch 2.5": { metaBatch: 2.5 },
  "checkpoint.every 0": { checkpoint: { store: new MemoryStore(), every: 0 } },
  "validation.every 0": { validation: { tasks, every: 0 } },
  "validation.episodes 0": { validation: { tasks, every: 1, episodes: 0 } },
  "seed -1": { seed: -1 },
  "seed 0.5": { seed: 0.5 },
  resume: { resume: true },
  "average 1": { average: 1 },
  "window 0": { window: 0 },
  "optimizer of a name": { optimizer: "adam" as never },
  "optimizer with meta-parameters": { optimizer: learnedRates({ rate: 0.1 }) },
  "executor that is none": { executor: {} as never },
  "signal that is none": { signal: "soon" as never },
  "onWarning true": { onWarning: true as never },
  "freeze all": { freeze: "all" },
  "freeze of everything": { freeze: () => true },
  "freeze a name": { freeze: "hidden1" as never },
  "from 3": { from: 3 as never },
  "from a promise": { from: Promise.resolve() as never },
  "from of other names": { from: { weight: new Float32Array(3) } },
  "checkpoint.store of text": { checkpoint: { store: "run.qs" as never, every: 1 } },
  "validation: tasks missing": { validation: { every: 1 } as never },
  "metaBach 3": { metaBach: 3 } as object,
  "metadata of numbers": { metadata: { epochs: 3 } as never },
};
test("whatever is not a learner, tasks or options is named", async () => {
  const { name, fingerprint } = tasks;
  const empty = { name, fingerprint, specs: [], sample: () => tasks.sample([1, 1]) };
  const work = (...given: readonly unknown[]) => metaTrain(...(given as unknown as Parameters<typeof metaTrain>));
  const options = { iterations: 1 };
  const dataset = clouds({ ways: 3, shots: 1, queries: 1 }).dataset;
  await rejectsA(OptionError, work(undefined, tasks, options), "metaTrain: learner must be a learner", "undefined");
  await rejectsA(OptionError, work(maml, tasks, options), "metaTrain: learner", "the function maml");
  await rejectsA(OptionError, work(smallMaml(), dataset, options), "metaTrain: tasks must be a task source");
  await rejectsA(OptionError, work(smallMaml(), Promise.resolve(tasks), options), "a promise (await it)");
  await rejectsA(OptionError, work(smallMaml(), empty, options), "specs must be a list of at least");
  await rejectsA(OptionError, work(smallMaml(), tasks), "metaTrain: options must be an object, got undefined");
  await rejectsA(
    OptionError,
    work(smallMaml(), tasks, { iterations: 1, onProgress: 3 }),
    "onProgress must be a function",
  );
  await rejectsA(OptionError, work(smallMaml(), tasks, {}), "metaTrain: iterations must be a whole number from 0");
});

for (const [what, options] of Object.entries(outside)) {
  test(`out of range: ${what}`, async () => {
    const name = what.startsWith("validation:") ? "validation: tasks" : (what.split(" ")[0] as string);
    let iterations = 0;
    const all = { iterations: 1, ...options, onProgress: () => iterations++ };
    await rejectsA(OptionError, metaTrain(smallMaml(), tasks, all), name);
    assert.is(iterations, 0);
  });
}

test("tasks of other shapes than the learner's are refused, in training and for validation", async () => {
  const flat = smallMaml();
  const images = clouds({ ways: 3, shots: 1, queries: 1 });
  await rejectsA(OptionError, metaTrain(flat, images, { iterations: 1 }), "[1]", "[4]");
  const validation = { tasks: images, every: 1 };
  await rejectsA(OptionError, metaTrain(flat, tasks, { iterations: 1, validation }), "validation", "[1]", "[4]");
  const five = maml(mlp({ inputShape: 4, hidden: [3], outputs: 5 }));
  await rejectsA(OptionError, metaTrain(five, images, { iterations: 1 }), "5 outputs", "need 3 (ways)");
});

test("episodes that are not what their source promises are refused, with their address", async () => {
  const short = spoiled(
    () => true,
    (episode) => ({ ...episode, segments: [{ x: episode.support.x.subarray(1), y: episode.support.y }] }),
  );
  await rejectsA(DataError, metaTrain(smallMaml(), short, { iterations: 1 }), "segment 0", "key [");
  const source = clouds({ ways: 3, shots: 1, queries: 1 });
  for (const label of [3, -1, 0.5, Number.NaN]) {
    const sample = (key: Key) => {
      const { segments, queries } = source.sample(key);
      return { segments, queries: { x: queries.x, y: queries.y.map((each, i) => (i === 1 ? label : each)) } };
    };
    const labels: TaskSource = { name: "labels", specs: source.specs, fingerprint: "labels", sample };
    await rejectsA(DataError, metaTrain(network("none"), labels, { iterations: 1 }), "query", `got ${label}`, "0 to 2");
  }
});

test("columns that are missing, weights that are none and lists of another length are refused, with the address", async () => {
  const source = clouds({ ways: 3, shots: [1, 3], queries: 1 });
  const { spec, name, fingerprint } = source;
  const cases: readonly (readonly [string, (episode: Episode) => unknown])[] = [
    [
      "column weight as a Float32Array",
      ({ support, queries }) => ({ segments: [{ x: support.x, y: support.y }], queries }),
    ],
    [
      "weights that are finite",
      (each) => ({ ...each, segments: [{ ...each.support, weight: each.support.y.map(() => -1) }] }),
    ],
    [
      "weights that are finite",
      (each) => ({ ...each, segments: [{ ...each.support, weight: each.support.y.map(() => Number.NaN) }] }),
    ],
    ["column x as a Float32Array", (each) => ({ ...each, segments: [{ ...each.support, x: [...each.support.x] }] })],
    ["must have 1 batches, got 2", (each) => ({ ...each, segments: [each.support, each.support] })],
    ["must have 1 batches, got none", () => ({})],
    ["must have 1 batches, got none", () => undefined],
    ["query set", (each) => ({ segments: each.segments })],
  ];
  for (const [part, change] of cases) {
    const sample = (key: Key) => change(source.sample(key)) as Episode;
    const spoiled: TaskSource = { name, fingerprint, specs: [spec], sample };
    await rejectsA(DataError, metaTrain(network("none"), spoiled, { iterations: 1 }), part, "with key [");
  }
});

test.run();
