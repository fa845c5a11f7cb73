/** `quickstudy bench`: what it measures, by name, by checkpoint and by options. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { workloads } from "../../src/cli/workloads.ts";
import { folder, json, refused, succeeds } from "./support.ts";

const test = suite("command line: bench");

const QUICK = ["--seconds", "0.1"];
const file = join(folder, "bench.safetensors");
await json(["train", "--task", "sinusoid", "--inner-steps", "3", "--iterations", "2", "--checkpoint", file]);

interface Row {
  readonly kind: string;
  readonly count: number;
  readonly microseconds: number;
}

test("the profile of a workload: its instructions, their times, and one whole run", async () => {
  const { stdout } = await succeeds(["bench", "--profile", "sine", ...QUICK]);
  assert.match(stdout, /^sine: the task Program has \d+ instructions of \d+ nodes, an arena of \d+\.\d KiB/);
  assert.match(stdout, /traced and differentiated in [\d.]+ ms, compiled in [\d.]+ ms/);
  assert.match(stdout, /^instructions +count +µs a task +share +GFLOP\/s +GB\/s$/m);
  assert.match(stdout, /^MatMul +\d+ +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+$/m);
  assert.match(stdout, /^sum +\d+ +[\d.]+ +100\.0 %/m);
  assert.match(stdout, /^one whole run +[\d.]+/m);
});

test("a checkpoint and the options of its run have the same profile but for the times", async () => {
  const byFile = await json(["bench", file, "--profile", "--by", "shape", ...QUICK]);
  const args = ["--task", "sinusoid", "--inner-steps", "3"];
  const byOptions = await json(["bench", ...args, "--profile", "--by", "shape", ...QUICK]);
  const fixed = ({ rows, nodes, instructions, arenaBytes }: Record<string, unknown>) => {
    const kinds = (rows as Row[]).map(({ kind, count }) => `${kind} ${count}`).sort();
    return { kinds, nodes, instructions, arenaBytes };
  };
  assert.equal(fixed(byFile), fixed(byOptions));
  assert.ok((byFile.rows as Row[]).some(({ kind }) => kind === "MatMul 10x40x40"));
  const longer = await json(["bench", "--task", "sinusoid", "--inner-steps", "4", "--profile", ...QUICK]);
  assert.ok((longer.instructions as number) > (byFile.instructions as number));
});

test("images need no files, and any ways", async () => {
  const args = ["--task", "omniglot", "--ways", "3", "--queries", "2", "--filters", "4"];
  const { rows } = await json(["bench", "--profile", ...args, ...QUICK]);
  assert.ok((rows as Row[]).some(({ kind }) => kind === "Conv2dWeightGrad"));
});

test("without --profile it says how many tasks a second", async () => {
  const result = await json(["bench", "sine", "--seconds", "0.2"]);
  const { lowest, tasksPerSecond, highest } = result as Record<string, number>;
  assert.ok(0 < (lowest as number) && (lowest as number) <= (tasksPerSecond as number));
  assert.ok((tasksPerSecond as number) <= (highest as number));
  assert.is(result.name, "sine");
  const { stdout } = await succeeds(["bench", file, "--seconds", "0.2"]);
  assert.match(stdout, / tasks\/s \([\d.]+ to [\d.]+\), one thread, whole outer steps of 25\n/);
});

test("what cannot be measured is refused in one line", async () => {
  await refused(["bench"], "sine", "--task");
  await refused(["bench", "sin"], "sin", ...Object.keys(workloads));
  await refused(["bench", "sine", "--inner-steps", "2"], "--inner-steps", "leave out");
  await refused(["bench", "--task", "sinusoid", "--ways", "5"], "--ways", "sinusoid");
  await refused(["bench", "sine", "--seconds", "0"], "--seconds");
  await refused(["bench", "sine", "--profile", "--by", "colour"], "--by", "shape");
  await refused(["bench", join(folder, "none.safetensors"), "--profile"], "none.safetensors");
});

test.run();
