/** What the command line says to bad options, files and folders: one line, never a stack trace, and a code that is not 0. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadTrained } from "../../src/cli/checkpoint-file.ts";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { QuickstudyError } from "../../src/errors.ts";
import { Chance } from "../support/random.ts";
import { folder, json, refused, start, succeeds } from "./support.ts";

const test = suite("command line: bad input");

const file = (name: string) => join(folder, name);
const train = (...args: readonly string[]) => [
  "train",
  "--task",
  "sinusoid",
  "--iterations",
  "2",
  "--meta-batch",
  "2",
  ...args,
];

/** A good checkpoint, and its bytes. */
const good = file("good.safetensors");
await json(train("--checkpoint", good));
const bytes = new Uint8Array(readFileSync(good));

const options: Readonly<Record<string, readonly [readonly string[], ...string[]]>> = {
  "an unknown command": [["tran"], "tran", "train"],
  "an unknown option": [train("--inner-rats", "1"), "--inner-rats", "--inner-rate"],
  "no task": [["train"], "--task"],
  "an unknown task": [["train", "--task", "imagenet"], "imagenet", "sinusoid", "omniglot"],
  "an unknown learner": [train("--learner", "mamal"), "mamal", "meta-sgd"],
  "an option without its value": [train("--seed"), "--seed"],
  "too many arguments": [["inspect", good, good], "argument"],
  "iterations of 0": [train("--iterations", "0"), "--iterations", "from 1"],
  "iterations in words": [train("--iterations", "many"), '--iterations must be a whole number from 1, got "many"'],
  "a memory mode that is none": [
    train("--memory", "small"),
    '--memory must be one of automatic, bounded, unbounded, got "small"',
  ],
  "iterations of nothing": [train("--iterations", ""), "--iterations"],
  "more iterations than can be counted": [train("--iterations", "1e10"), "iterations"],
  "a negative seed": [train("--seed", "-1"), "--seed"],
  "an infinite rate": [train("--inner-rate", "Infinity"), "--inner-rate"],
  "a rate of 0": [train("--meta-rate", "0"), "--meta-rate"],
  "no workers": [train("--workers", "0"), "--workers"],
  "order 3": [train("--order", "3"), "--order"],
  "a meta-batch that fits nowhere": [train("--meta-batch", "4000000000"), "--meta-batch", "65536"],
  "prototypes of curves": [train("--learner", "protonet"), "protonet", "regression"],
  "an option that does nothing here": [train("--learner", "reptile", "--order", "2"), "--order", "reptile"],
  "images without their folder": [["train", "--task", "omniglot"], "--data"],
  "resuming from nowhere": [train("--resume"), "--resume", "--checkpoint"],
  "commands to the terminal": [train("--learner", "\u001b]0;title\u0007"), "--learner"],
};
for (const [what, [args, ...parts]] of Object.entries(options)) {
  test(`options: ${what}`, async () => {
    const line = await refused(args, ...parts);
    assert.not.match(line.trimEnd(), /\p{Cc}/u);
  });
}

/** The good checkpoint with other settings of its run. */
const { tensors, metadata } = decodeTensors(bytes);
const settings = JSON.parse(metadata.run ?? "") as Record<string, unknown>;
const withRun = (change: Readonly<Record<string, unknown>>) =>
  encodeTensors({ tensors, metadata: { ...metadata, run: JSON.stringify({ ...settings, ...change }) } });
const { run: _, ...noRun } = metadata;
const noNumbers = { shape: [0], data: new Float32Array(0) };

/** Files that are no checkpoint of anything. */
const broken: Readonly<Record<string, Uint8Array>> = {
  empty: new Uint8Array(0),
  truncated: bytes.subarray(0, bytes.length - 100),
  "truncated in its header": bytes.subarray(0, 300),
  noise: Uint8Array.from({ length: 5000 }, (_, i) => (i * 37 + (i >> 3)) & 0xff),
  "of another kind": encodeTensors({ tensors, metadata: {} }),
  "without a parameter": encodeTensors({ tensors: { ...tensors, "meta.0.weight": noNumbers }, metadata }),
};
/** Files whose settings make no learner, or not theirs. */
const misled: Readonly<Record<string, Uint8Array>> = {
  "without its run": encodeTensors({ tensors, metadata: noRun }),
  "of a run in words": encodeTensors({ tensors, metadata: { ...metadata, run: "maml" } }),
  "of an unknown learner": withRun({ learner: "none" }),
  "of another task": withRun({ task: "omniglot" }),
  "of another learner": withRun({ learner: "reptile" }),
  "of a million inner steps": withRun({ innerSteps: 1e6 }),
  "of a million evaluation steps": withRun({ evaluationSteps: 1e6 }),
  "of half an order": withRun({ order: 1.5 }),
  "of no rate": withRun({ innerRate: -1 }),
};
for (const [what, content] of Object.entries({ ...broken, ...misled })) {
  test(`files: one that is ${what}`, async () => {
    const path = file(`bad ${what}.safetensors`);
    writeFileSync(path, content);
    await refused(["evaluate", path, "--episodes", "2"], path);
    if (!(what in broken)) return;
    // Resuming must not run over what it cannot read.
    await refused(train("--checkpoint", path, "--resume"), path);
    assert.ok(readFileSync(path).equals(Buffer.from(content)), "the file was changed");
  });
}

test("files: missing, folders, and what is no file", async () => {
  const missing = file("missing.safetensors");
  for (const command of ["evaluate", "inspect"]) {
    await refused([command, missing], missing, "no such file");
    await refused([command, folder], folder);
    await refused([command, join(good, "below")], "no such file");
  }
  await refused(["inspect", file("bad noise.safetensors")], "bad noise");
  if (process.platform === "linux") await refused(["inspect", "/dev/zero"], "/dev/zero");
  const pipe = file("pipe");
  execFileSync("mkfifo", [pipe]);
  await refused(["inspect", pipe], pipe);
  symlinkSync(pipe, file("link"));
  await refused(["evaluate", file("link")], "link");
  assert.not.ok(existsSync(missing));
});

test("evaluate: where most episodes diverge, it says what the mean is of", async () => {
  const path = file("diverging.safetensors");
  await json(train("--inner-steps", "0", "--inner-rate", "0.9", "--inner-clip", "1e30", "--checkpoint", path));
  const { stdout } = await succeeds(["evaluate", path, "--inner-steps", "300", "--episodes", "20"]);
  const [, finite] = /\(95 % interval over the (\d+) of 20 episodes whose mse is finite\)\n/.exec(stdout) ?? [];
  assert.ok(Number(finite) < 20, stdout);
  assert.match(stdout, new RegExp(`^diverged +${20 - Number(finite)} of 20 episodes`, "m"));
});

test("files: what one says reaches the terminal as text", async () => {
  const path = file("escape.safetensors");
  const rest = { "meta.\u001b[2J": { shape: [1], data: Float32Array.of(1) } };
  const hostile = { ...metadata, "\u001b[31m": "red\u001b[0m\u0007", learner: "\u001b]0;title\u0007" };
  writeFileSync(path, encodeTensors({ tensors: { ...tensors, ...rest }, metadata: hostile }));
  const { stdout } = await succeeds(["inspect", path]);
  assert.not.match(stdout.replaceAll("\n", ""), /\p{Cc}/u);
  assert.match(stdout, /31m/);
  const line = await refused(["evaluate", path], path);
  assert.not.match(line.trimEnd(), /\p{Cc}/u);
  await json(["inspect", path]);
});

test("checkpoints: one that exists is not run over, whatever it is", async () => {
  await refused(train("--checkpoint", good), good, "exists", "--resume");
  assert.ok(readFileSync(good).equals(Buffer.from(bytes)));
  await refused(train("--checkpoint", folder), folder);
});

const changes: Readonly<Record<string, readonly [readonly string[], ...string[]]>> = {
  "another learner": [["--learner", "meta-sgd"], "learner"],
  "another order": [["--order", "1"], "learner"],
  "another seed": [["--seed", "2"], "seed"],
  "another meta-batch": [["--meta-batch", "3"], "metaBatch"],
  "another rate": [["--meta-rate", "0.01"], "optimizer"],
  "other shots": [["--shots", "3"], "tasks"],
};
for (const [what, [args, ...parts]] of Object.entries(changes)) {
  test(`checkpoints: no run goes on with ${what}`, async () => {
    await refused(train("--iterations", "5", ...args, "--checkpoint", good, "--resume"), "resume", ...parts);
    assert.ok(readFileSync(good).equals(Buffer.from(bytes)), "the checkpoint was changed");
  });
}

test("checkpoints: fewer iterations than there are", async () => {
  await refused(train("--iterations", "1", "--checkpoint", good, "--resume"), "1 iterations asked for", "got 2");
});

test("checkpoints: where nothing can be written is found out before the first iteration", async () => {
  // Many iterations: were the checkpoint only tried at their end, this would take minutes.
  const many = train("--iterations", "4000000", "--checkpoint-every", "4000000");
  await refused([...many, "--checkpoint", join(good, "below.safetensors")], "below.safetensors", "cannot be written");
  if (process.getuid?.() === 0) return;
  const closed = file("closed");
  mkdirSync(closed);
  chmodSync(closed, 0o500);
  await refused([...many, "--checkpoint", join(closed, "run.safetensors")], "cannot be written");
});

test("data: a folder that is missing, empty, or holds something else", async () => {
  const omniglot = (data: string) => [
    "train",
    "--task",
    "omniglot",
    "--iterations",
    "1",
    "--filters",
    "2",
    "--data",
    data,
  ];
  const empty = file("empty");
  mkdirSync(empty);
  for (const data of [file("nowhere"), empty, good]) await refused(omniglot(data), "images_background.zip");
  const wrong = file("wrong");
  mkdirSync(join(wrong, "vinyals"), { recursive: true });
  for (const part of ["train", "val", "trainval", "test"])
    writeFileSync(join(wrong, "vinyals", `${part}.txt`), "a/b/rot000\n");
  for (const name of ["images_background.zip", "images_evaluation.zip"]) writeFileSync(join(wrong, name), bytes);
  await refused(omniglot(wrong), wrong);
});

test("thousands of damaged checkpoints: each loads, or is refused with an error of ours", async () => {
  const chance = new Chance(3);
  const headerEnd = 8 + Number(Buffer.from(bytes).readBigUInt64LE(0));
  const runAt = Buffer.from(bytes).indexOf('"run"');
  const path = file("damaged.safetensors");
  const counts = { loaded: 0, refused: 0 };
  for (let round = 0; round < 1500; round++) {
    const copy = bytes.slice();
    for (let times = chance.whole(1, 2); times > 0; times--) {
      // Half of the damage to what the run says of itself: names, numbers, whole settings.
      const at = chance.chance(0.5) ? runAt + chance.whole(0, 400) : chance.whole(0, headerEnd - 1);
      const characters = [...'0123456789eE.-+,:"{}[]tfn'].map((each) => each.charCodeAt(0));
      copy[at] = chance.chance(0.7) ? chance.pick(characters) : chance.whole(0, 255);
    }
    writeFileSync(path, copy);
    try {
      await loadTrained(path);
      counts.loaded++;
    } catch (error) {
      assert.instance(error, QuickstudyError);
      assert.ok((error as Error).message.includes(path), `the file is not named: ${(error as Error).message}`);
      counts.refused++;
    }
  }
  assert.ok(counts.loaded > 10 && counts.refused > 300, JSON.stringify(counts));
});

test("a reader that closes the pipe early is no error", async () => {
  const { child, outcome } = start(["inspect", good]);
  child.stdout.destroy();
  const { code, stderr } = await outcome;
  assert.equal([code, stderr], [0, ""]);
});

test("nothing was left behind by all that failed", () => {
  const left = readdirSync(folder).filter((name) => name.endsWith(".tmp"));
  assert.equal(left, []);
});

test.run();
