/** `quickstudy train`, `evaluate` and `inspect`: what they print, and that it is what the library computes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { fanInUniform } from "../../src/nn/initialisers.ts";
import { mlp } from "../../src/nn/networks.ts";
import { adam, clipped, sgd } from "../../src/optim/optimizer.ts";
import type { Optimizer } from "../../src/optim/rule.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { hashParameters } from "../../src/train/hash-parameters.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { restore } from "../../src/train/trained.ts";
import { folder, json, refused, succeeds } from "./support.ts";

const test = suite("command line");

/** What the command line trains on the sinusoid. */
const body = mlp({ inputShape: 1, hidden: [40, 40], outputs: 1, initialiser: fanInUniform });
/** What the records have for the sinusoid. */
const PUBLISHED = { innerSteps: 1, innerRate: 0.01, innerClip: 100 };
const outer = (rate: number): Optimizer => clipped(adam(rate), 10);
const file = (name: string) => join(folder, name);
const SMALL = ["--task", "sinusoid", "--iterations", "6", "--meta-batch", "4"];

interface Run {
  readonly args: readonly string[];
  readonly learner: Learner;
  readonly optimizer: Optimizer;
  readonly shots?: number;
  readonly seed?: number;
}

/** Settings of the command line, and the same in the library. */
const runs: Readonly<Record<string, Run>> = {
  maml: { args: [], learner: maml(body, PUBLISHED), optimizer: outer(1e-3) },
  "first-order maml": {
    args: ["--order", "1", "--inner-steps", "2", "--inner-rate", "0.02", "--meta-rate", "0.01", "--seed", "7"],
    learner: maml(body, { order: 1, innerSteps: 2, innerRate: 0.02, innerClip: 100 }),
    optimizer: outer(0.01),
    seed: 7,
  },
  "meta-sgd": {
    args: ["--learner", "meta-sgd", "--weight-decay", "0.01", "--shots", "5", "--queries", "3"],
    learner: metaSgd(body, { ...PUBLISHED, innerSteps: 5, weightDecay: 0.01 }),
    optimizer: outer(1e-3),
    shots: 5,
  },
  reptile: {
    args: ["--learner", "reptile"],
    learner: reptile(body, { innerSteps: 5, innerRate: 0.02 }),
    optimizer: sgd(0.1),
  },
};

for (const [name, { args, learner, optimizer, shots = 10, seed = 1 }] of Object.entries(runs)) {
  test(`train ${name}: one JSON object with the library's own parameters, for 1, 2 and 3 workers`, async () => {
    let [loss, peakBytes] = [0, 0];
    const trained = await metaTrain(learner, sinusoid({ shots, queries: shots === 5 ? 3 : 10 }), {
      iterations: 6,
      metaBatch: 4,
      optimizer,
      seed,
      onProgress: (progress) => {
        ({ loss, peakBytes } = progress);
      },
    });
    const expected = hashParameters(trained.meta);
    // Three meta-batches' worth of difference between the numbers of workers are tested without processes.
    for (const workers of name === "maml" ? [1, 2, 3] : [2]) {
      const result = await json(["train", ...SMALL, ...args, "--workers", `${workers}`]);
      const { seconds, tasksPerSecond, ...rest } = result;
      assert.equal(Object.keys(result), [
        "task",
        "learner",
        "iterations",
        "seconds",
        "tasksPerSecond",
        "parameters",
        "relaxed",
        "loss",
        "peakBytes",
        "bounded",
      ]);
      const learnerName = args.includes("--learner") ? args[args.indexOf("--learner") + 1] : "maml";
      const all = {
        task: "sinusoid",
        learner: learnerName,
        iterations: 6,
        parameters: expected,
        loss,
        peakBytes,
        bounded: false,
        relaxed: false,
      };
      assert.equal(rest, all, `${workers} workers`);
      assert.ok((seconds as number) > 0 && Math.abs((tasksPerSecond as number) * (seconds as number) - 24) < 1e-6);
    }
  });
}

test("a checkpoint is what train says it is, and evaluate measures it as the library does", async () => {
  const path = file("maml.safetensors");
  const result = await json(["train", ...SMALL, "--checkpoint", path]);
  const bytes = new Uint8Array(readFileSync(path));
  const { meta, iteration, metadata } = decodeCheckpoint(bytes);
  assert.equal([hashParameters(meta), iteration], [result.parameters, 6]);
  const learner = maml(body, { ...PUBLISHED, evaluationSteps: 10 });
  assert.is(metadata.learner, learner.description);

  const trained = restore(learner, bytes);
  const report = await evaluate(trained, sinusoid({ shots: 5 }), { episodes: 40, seed: 2, innerSteps: 3 });
  const measured = ["evaluate", path, "--shots", "5", "--episodes", "40", "--seed", "2", "--inner-steps", "3"];
  const printed = await json(measured);
  assert.equal(Object.keys(printed), [
    "metric",
    "better",
    "mean",
    "ci95",
    "median",
    "worst",
    "episodes",
    "diverged",
    "fingerprint",
    "batchNorm",
    "queries",
    "relaxed",
    "seed",
  ]);
  assert.equal(printed, JSON.parse(JSON.stringify(report)));
  assert.equal(await json([...measured, "--workers", "2"]), printed);

  // Where it is told nothing, it evaluates as it was trained, after the paper's ten steps.
  const plain = await evaluate(trained, sinusoid(), {});
  assert.equal(await json(["evaluate", path]), JSON.parse(JSON.stringify(plain)));
  assert.is(plain.episodes, 600);

  const inspected = await json(["inspect", path]);
  assert.equal(
    [inspected.file, inspected.bytes, inspected.iteration, inspected.parameters],
    [path, bytes.length, 6, 1761],
  );
  assert.equal(inspected.metadata, metadata);
  const tensors = inspected.tensors as { name: string; shape: number[]; norm: number }[];
  assert.equal(
    tensors.map(({ name, shape }) => [name, shape.join()]),
    Object.entries(trained.plan.meta).map(([name, shape]) => [name, shape.join()]),
  );
  for (const { name, norm } of tensors) assert.ok(Math.abs(norm - Math.hypot(...(meta[name] ?? []))) < 1e-6 * norm);
});

test("evaluate --details writes numbers and pictures, and the same report", async () => {
  const path = file("clusters.safetensors");
  await json(["train", "--task", "clusters", "--learner", "protonet", "--iterations", "3", "--checkpoint", path]);
  const measured = ["evaluate", path, "--episodes", "10"];
  const printed = await json([...measured, "--details", "--out", file("details")]);
  assert.equal(printed, await json(measured));
  const read = (name: string) => readFileSync(join(file("details"), name), "utf8");
  const { values, classes, ...report } = JSON.parse(read("results.json"));
  assert.equal(report, printed);
  const mean = values.reduce((sum: number, each: number) => sum + each, 0) / 10;
  assert.ok(Math.abs(mean - (printed.mean as number)) < 1e-12);
  const weights = classes.confusion as [number, number, number][];
  const [all, right] = [weights, weights.filter(([row, column]) => row === column)].map((each) =>
    each.reduce((sum, [, , weight]) => sum + weight, 0),
  );
  assert.ok(Math.abs((right as number) / (all as number) - mean) < 1e-12);
  for (const name of ["confusion.svg", "calibration.svg"]) assert.match(read(name), /^<svg .*<\/svg>\n$/s);
  await refused([...measured, "--out", file("details")], "--out", "--details");
  await refused([...measured, "--details", "--out", path], "--out", "cannot be made");
});

test("people read lines; progress and validation go to stderr", async () => {
  const path = file("people.safetensors");
  const { stdout, stderr } = await succeeds(["train", ...SMALL, "--checkpoint", path, "--validate-every", "3"]);
  assert.match(stdout, /^maml on sinusoid: 6 iterations in /);
  assert.match(stdout, /batch norm +none\n/);
  assert.match(stdout, /parameters \(sha256\) +[0-9a-f]{64}\n/);
  assert.ok(stdout.includes(path));
  assert.match(stderr, /iteration 3\/6 .*validation mse \d+\.\d+ ± \d+\.\d+\n/);
  assert.match(stderr, /iteration 6\/6 .*validation mse/);
  const evaluated = await succeeds(["evaluate", path, "--episodes", "5"]);
  assert.match(evaluated.stdout, /mse +\d+\.\d+ ± \d+\.\d+ .*5 episodes/);
  assert.match(evaluated.stdout, /batch norm +none, queries in one batch\n/);
  assert.match(evaluated.stdout, /inner steps +10\n/);
  const inspected = await succeeds(["inspect", path]);
  assert.match(inspected.stdout, /1761 meta-parameters after 6 iterations/);
  assert.match(inspected.stdout, /hidden1\.weight +\[1,40\] +\d/);
  assert.match(stdout, /memory of a task +[\d.]+ KiB\n/);
  assert.match(stderr, /iteration 3\/6 .* [\d.]+ KiB a task /);
  assert.match(inspected.stdout, /^Program of meta-training, a task: \d+ instructions, [\d.]+ KiB at its peak$/m);
  assert.match(inspected.stdout, /^Program of adaptation: \d+ instructions, /m);
  assert.match(inspected.stdout, /^inputs +12 +7\.1 KiB$/m);
});

test("inspect says the memory of a run, and what is wrong with a run that cannot be had", async () => {
  const path = file("memory.safetensors");
  const trained = await json(["train", ...SMALL, "--inner-steps", "2", "--checkpoint", path]);
  const { programs } = (await json(["inspect", path])) as { programs: { arenaBytes: number; instructions: number }[] };
  assert.is(programs[0]?.arenaBytes, trained.peakBytes);
  assert.ok((programs[0]?.instructions ?? 0) > 10);
  const { tensors, metadata } = decodeTensors(new Uint8Array(readFileSync(path)));
  const change = async (to: Readonly<Record<string, unknown>>) => {
    const run = JSON.stringify({ ...JSON.parse(metadata.run ?? ""), ...to });
    writeFileSync(path, encodeTensors({ tensors, metadata: { ...metadata, run } }));
    return (await succeeds(["inspect", path])).stdout;
  };
  assert.match(await change({ innerSteps: 900 }), /^Program of meta-training, a task: .* 900 inner steps$/m);
  assert.match(
    await change({ task: "omniglot", ways: 5, shots: 19, queries: 19, filters: 4096 }),
    /^Program of meta-training, a task: .*limit.*MiB/m,
  );
  assert.match(await change({ order: 1.5 }), /^Program of adaptation: .*order/m);
  assert.match(await change({ learner: "none" }), /^Program of adaptation: .*--learner must be one of .*"none"/m);
});

test("finished runs can be resumed: with nothing to do, and for more iterations", async () => {
  const [path, other] = [file("more.safetensors"), file("straight.safetensors")];
  const train = (iterations: number, ...more: readonly string[]) =>
    json(["train", "--task", "sinusoid", "--meta-batch", "3", "--iterations", `${iterations}`, ...more]);
  const first = await train(4, "--checkpoint", path);
  const bytes = readFileSync(path);
  const nothing = await train(4, "--checkpoint", path, "--resume");
  assert.equal([nothing.parameters, nothing.iterations, nothing.loss], [first.parameters, 4, null]);
  assert.ok(readFileSync(path).equals(bytes));
  await train(7, "--checkpoint", path, "--resume", "--workers", "2");
  await train(7, "--checkpoint", other, "--checkpoint-every", "2");
  assert.ok(readFileSync(path).equals(readFileSync(other)));
});

test("help and version", async () => {
  const { stdout } = await succeeds(["--help"]);
  for (const command of ["train", "evaluate", "inspect", "demo"])
    assert.match(stdout, new RegExp(`^ +${command}\\b`, "m"));
  assert.match((await succeeds(["train", "--help"])).stdout, /--inner-rate <number>/);
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.is((await succeeds(["--version"])).stdout, `${version}\n`);
});

test("--relaxed says which core ran; nothing is said where it was not asked for", async () => {
  const args = ["train", "--task", "sinusoid", "--iterations", "1"];
  assert.match(
    (await succeeds([...args, "--relaxed"])).stdout,
    /^core +(relaxed SIMD: results may|plain SIMD: this run)/m,
  );
  assert.not.match((await succeeds(args)).stdout, /SIMD/);
});

test("--memory bounded gives the same parameters; train, progress and inspect say so", async () => {
  const path = join(folder, "bounded.safetensors");
  const args = ["train", "--task", "sinusoid", "--inner-steps", "4", "--shots", "100", "--iterations", "3"];
  const hash = (text: string) => /parameters \(sha256\) +([0-9a-f]{64})/.exec(text)?.[1];
  const plain = await succeeds(args);
  const { stdout, stderr } = await succeeds([...args, "--memory", "bounded", "--checkpoint", path]);
  assert.is(hash(stdout), hash(plain.stdout));
  assert.match(stdout, /memory of a task +[\d.]+ KiB \(bounded\)\n/);
  assert.match(stderr, /iteration 3\/3 .* [\d.]+ KiB a task \(bounded\) /);
  const inspected = await succeeds(["inspect", path, "--memory", "bounded"]);
  assert.match(inspected.stdout, /^Program of meta-training, a task: .* KiB \(bounded\) at its peak$/m);
  const tooMuch = [
    ...args.slice(0, 5),
    "--meta-batch",
    "1",
    "--shots",
    "9000",
    "--memory-limit",
    "1",
    "--memory",
    "unbounded",
  ];
  await refused(tooMuch, "the limit is 1.0 MiB", 'memory: "automatic"');
});

test.run();
