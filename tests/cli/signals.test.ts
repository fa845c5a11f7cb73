/** What ends a run from outside: signals, closed streams, a neighbour on the same file. None of them costs its progress. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { folder, refused, start } from "./support.ts";

const test = suite("signals, streams and neighbours");

/** A folder of its own for each checkpoint shows what is left in it. */
function place(name: string): { readonly at: string; readonly path: string } {
  const at = join(folder, name);
  mkdirSync(at);
  return { at, path: join(at, "run.safetensors") };
}

const train = (path: string, iterations: number, ...more: readonly string[]) => [
  ...["train", "--task", "sinusoid", "--meta-batch", "1", "--iterations", `${iterations}`],
  ...["--checkpoint", path, "--checkpoint-every", "1000000", ...more],
];
/** A validated iteration is told at once: from the first line on there is something to save. */
const talkative = ["--validate-every", "5"];
const endless = (path: string, ...more: readonly string[]) => train(path, 10_000_000, ...talkative, ...more);

const iterationIn = (path: string) => decodeCheckpoint(new Uint8Array(readFileSync(path))).iteration;

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal} ends a run in one line with code ${CODES[signal]} and a checkpoint of the last iteration`, async () => {
    const { at, path } = place(signal);
    const { child, outcome } = start(endless(path));
    child.stderr.once("data", () => child.kill(signal));
    const { code, stderr, stdout } = await outcome;
    assert.is(code, CODES[signal], stderr);
    assert.is(stdout, "");
    const line = stderr.trimEnd().split("\n").at(-1) as string;
    const stopped = /^quickstudy: .*after iteration (\d+)$/.exec(line)?.[1];
    assert.ok(stopped, line);
    assert.is(iterationIn(path), Number(stopped));
    assert.not.match(stderr, /^ {4}at /m);
    assert.equal(readdirSync(at), ["run.safetensors"]);
  });
}

test("a closing terminal and npm send several signals: the first one's code, and all is saved", async () => {
  const { at, path } = place("several");
  const { child, outcome } = start(endless(path));
  child.stderr.once("data", () => {
    for (const signal of ["SIGHUP", "SIGINT", "SIGHUP", "SIGTERM", "SIGINT"] as const) child.kill(signal);
  });
  const { code, signal, stderr } = await outcome;
  assert.equal([signal, [143, 130].includes(code as number)], [null, true], stderr);
  assert.ok(iterationIn(path) >= 5);
  assert.equal(readdirSync(at), ["run.safetensors"]);
});

test("a signal before the first iteration ends the run at once and leaves no lock", async () => {
  const { path } = place("early");
  const { child, outcome } = start(endless(path, "--workers", "2"));
  const lock = `${path}.lock`;
  while (!existsSync(lock) || readFileSync(lock).length === 0) await setTimeout(1);
  child.kill("SIGTERM");
  const { code, stdout } = await outcome;
  assert.equal([code, stdout], [143, ""]);
  assert.not.ok(existsSync(lock));
});

test("a closed stderr does not stop training: it ends as ever, with its checkpoint", async () => {
  const { at, path } = place("blind");
  const { child, outcome } = start(train(path, 300, ...talkative, "--json"));
  child.stderr.once("data", () => child.stderr.destroy());
  const { code, stdout } = await outcome;
  assert.is(code, 0);
  assert.is(JSON.parse(stdout).iterations, 300);
  assert.is(iterationIn(path), 300);
  assert.equal(readdirSync(at), ["run.safetensors"]);
});

test("a run whose stderr is closed still saves when a signal comes", async () => {
  const { path } = place("blind-and-stopped");
  const { child, outcome } = start(endless(path));
  child.stderr.once("data", async () => {
    child.stderr.destroy();
    await setTimeout(300);
    child.kill("SIGHUP");
  });
  assert.is((await outcome).code, 143);
  assert.ok(iterationIn(path) > 5);
});

test("a closed stdout does not stop training", async () => {
  const { at, path } = place("mute");
  const { child, outcome } = start(train(path, 300, ...talkative));
  child.stdout.destroy();
  const { code, stderr } = await outcome;
  assert.is(code, 0, stderr);
  assert.is(iterationIn(path), 300);
  assert.equal(readdirSync(at), ["run.safetensors"]);
});

test("a second run on a file is refused by name while the first goes on; killed, the first makes room", async () => {
  const { at, path } = place("neighbours");
  const first = start(endless(path));
  await new Promise((resolve) => first.child.stderr.once("data", resolve));
  const line = await refused(
    train(path, 10, "--resume"),
    path,
    "another run is using it",
    `process ${first.child.pid} `,
  );
  assert.match(line, /remove \S+\.lock only if that process no longer runs/);
  assert.is(first.child.exitCode, null);
  first.child.kill("SIGKILL");
  await first.outcome;
  assert.equal(readdirSync(at).sort(), ["run.safetensors", "run.safetensors.lock"]);
  const { code, stderr } = await start(train(path, 10, "--resume")).outcome;
  assert.is(code, 0, stderr);
  assert.is(iterationIn(path), 10);
  assert.equal(readdirSync(at), ["run.safetensors"]);
});

test("a run is not resumed from a device, a pipe or a folder, and says so at once", async () => {
  const { at } = place("strange");
  execFileSync("mkfifo", [join(at, "pipe")]);
  symlinkSync(join(at, "pipe"), join(at, "link"));
  mkdirSync(join(at, "folder"));
  const paths = [...["pipe", "link", "folder"].map((name) => join(at, name)), "/dev/zero", "/dev/null"];
  for (const path of paths) await refused(train(path, 10, "--resume"), "must be an ordinary file");
  assert.equal(readdirSync(at).sort(), ["folder", "link", "pipe"]);
  writeFileSync(join(at, "small"), "not a checkpoint");
  await refused(train(join(at, "small"), 10, "--resume"), "small");
  assert.equal(readdirSync(at).sort(), ["folder", "link", "pipe", "small"]);
});

test.run();
