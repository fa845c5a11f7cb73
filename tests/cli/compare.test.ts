/** Learners beside one another: the same episodes, results that are those of train and evaluate, and interruptions. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ranked, type SeedResult, summarise } from "../../src/cli/comparison.ts";
import { drawComparison } from "../../src/cli/comparison-picture.ts";
import { duration } from "../../src/cli/parse.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import { near } from "../support/compare.ts";
import { folder, json, refused, start, succeeds } from "./support.ts";

const test = suite("command line: compare");

const read = (...path: readonly string[]) => JSON.parse(readFileSync(join(folder, ...path), "utf8"));
const small = ["--task", "sinusoid", "--shots", "4", "--meta-batch", "3"];

test("every learner that serves the task is measured as train and evaluate do; the others are named", async () => {
  const compared = await json([
    "compare",
    ...small,
    "--iterations",
    "2",
    "--seeds",
    "2",
    "--episodes",
    "6",
    "--out",
    "all",
  ]);
  const serve = LEARNERS.filter(({ objectives }) => objectives?.includes("regression") ?? true).map(({ name }) => name);
  const rows = compared.rows as Record<string, unknown>[];
  assert.equal(rows.map(({ learner }) => learner).sort(), [...serve].sort());
  const others = LEARNERS.map(({ name }) => name).filter((name) => !serve.includes(name));
  assert.equal(compared.skipped, others);
  const means = rows.map(({ mean }) => mean as number);
  assert.equal(
    means,
    [...means].sort((a, b) => a - b),
    "best first",
  );

  const row = rows.find(({ learner }) => learner === "meta-sgd") as Record<string, unknown>;
  for (const [i, seed] of ["1", "2"].entries()) {
    const path = join(folder, `compared ${seed}.safetensors`);
    const run = ["--learner", "meta-sgd", "--iterations", "2", "--seed", seed, "--checkpoint", path];
    await json(["train", ...small, ...run]);
    const report = await json(["evaluate", path, "--episodes", "6"]);
    near([(row.means as number[])[i] as number], [report.mean as number], 1e-12, `seed ${seed}`);
    assert.is(row.fingerprint, report.fingerprint);
  }
  // A 1-40-40-1 network and a rate for each of its numbers; an adapted one is its weights and the number of steps.
  const numbers = 2 * 40 + 41 * 40 + 41;
  assert.equal([row.parameters, row.stateBytes, row.seeds, row.iterations], [2 * numbers, 4 * (numbers + 1), 2, 2]);
  assert.ok((row.arenaBytes as number) > 0 && (row.adaptMilliseconds as number) > 0);

  const { files, ...stored } = compared as Record<string, unknown> & { files: string[] };
  assert.equal(read("all", "comparison.json"), stored);
  assert.equal(
    files,
    ["json", "md", "svg"].map((ending) => join("all", `comparison.${ending}`)),
  );
  const markdown = readFileSync(join(folder, "all", "comparison.md"), "utf8");
  const picture = readFileSync(join(folder, "all", "comparison.svg"), "utf8");
  for (const name of serve) {
    assert.match(markdown, new RegExp(`^\\| ${name} \\| `, "m"));
    assert.ok(picture.includes(`>${name}</text>`), name);
  }
  if (others.length > 0)
    assert.ok(markdown.includes(`skipped, as they do not learn tasks of this kind: ${others.join(", ")}`));
});

test("a table for a person says the conditions; what is done is not done again", async () => {
  const args = [
    "compare",
    ...small,
    "--learners",
    "reptile, maml",
    "--iterations",
    "3",
    "--seeds",
    "1",
    "--episodes",
    "5",
    "--out",
    "again",
  ];
  const { stdout, stderr } = await succeeds(args);
  assert.match(stdout, /^sinusoid: 3 iterations for 1 seed, 5 test episodes, the same for all \([0-9a-f]{16}\)$/m);
  assert.match(stdout, /^learner +mse +± episodes +median +worst +diverged +ms to adapt +parameters/m);
  assert.match(stdout, /^maml +\d+\.\d{4} +\d+\.\d{4} +\d+\.\d{4} +\d+\.\d{4} +0 /m);
  assert.match(stderr, /^maml \(2 of 2\), seed 1 of 1$/m);
  const result = join(folder, "again", "maml-1.json");
  const [first, text] = [statSync(result).mtimeMs, readFileSync(result, "utf8")];
  assert.is((await succeeds(args)).stdout, stdout);
  assert.equal([statSync(result).mtimeMs, readFileSync(result, "utf8")], [first, text]);
  // More seeds go on from those that are there.
  const more = await json(args.with(args.indexOf("--seeds") + 1, "2"));
  assert.is(statSync(result).mtimeMs, first);
  assert.is((more.rows as { seeds: number }[])[0]?.seeds, 2);
});

test("an interrupted comparison ends in the result of one that was not", async () => {
  const args = (out: string) => [
    ...["compare", ...small, "--learners", "maml,reptile", "--iterations", "2000", "--seeds", "1", "--episodes", "5"],
    ...["--checkpoint-every", "20", "--out", out],
  ];
  await json(args("straight"));
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const { child, outcome } = start(args(signal));
    const checkpoint = join(folder, signal, "reptile-1.safetensors");
    while (!existsSync(checkpoint)) await setTimeout(1);
    await setTimeout(50);
    child.kill(signal);
    const { code } = await outcome;
    assert.is(code, signal === "SIGKILL" ? null : 143);
    assert.not.ok(existsSync(join(folder, signal, "reptile-1.json")), "it was over before it was interrupted");
    await json(args(signal));
    for (const learner of ["maml", "reptile"]) {
      const [straight, interrupted] = ["straight", signal].map((out) => read(out, `${learner}-1.json`) as SeedResult);
      assert.equal(interrupted?.values, straight?.values, `${learner} after ${signal}`);
      assert.is(interrupted?.iterations, 2000);
    }
  }
});

test("a budget counts seconds of training, however often it is interrupted", async () => {
  const args = ["compare", ...small, "--learners", "maml", "--budget", "2s", "--seeds", "1", "--episodes", "5"];
  const run = [...args, "--checkpoint-every", "10", "--out", "budget"];
  const { child, outcome } = start(run);
  const marks = join(folder, "budget", "maml-1.safetensors.seconds");
  const spent = () => (existsSync(marks) ? (JSON.parse(readFileSync(marks, "utf8")).at(-1).seconds as number) : 0);
  while (spent() < 0.8) await setTimeout(5);
  child.kill("SIGKILL");
  await outcome;
  const before = spent();
  assert.ok(before >= 0.8 && before < 2, `${before} s before the interruption`);
  const began = performance.now();
  await json(run);
  const { seconds, iterations } = read("budget", "maml-1.json") as SeedResult;
  assert.ok(seconds >= 2 && seconds < 2.5, `${seconds} s`);
  assert.ok(iterations > 0);
  assert.ok((performance.now() - began) / 1000 >= 2 - before - 0.1);
  assert.equal(
    readdirSync(join(folder, "budget")).filter((name) => name.startsWith("maml")),
    ["maml-1.json", "maml-1.safetensors", "maml-1.safetensors.seconds"],
  );
  // A result that is thrown away is measured again, on what was trained: the budget is spent.
  rmSync(join(folder, "budget", "maml-1.json"));
  await json(run);
  const again = read("budget", "maml-1.json") as SeedResult;
  assert.ok(again.iterations <= iterations + 10, `${again.iterations} iterations after ${iterations}`);
});

test("what makes no comparison is refused in one line", async () => {
  await refused(["compare", "--learners", "maml", "--task", "sinusoid", "--ways", "3"], "--ways", "omniglot");
  await refused(
    ["compare", "--learners", "maml", "--task", "sinusoid", "--inner-batch", "3"],
    "--inner-batch",
    "reptile",
  );
  await refused(["compare", "--learners", "maml,protonet", "--task", "sinusoid"], "protonet", "regression");
  await refused(["compare", "--learners", "mamm", "--task", "sinusoid"], "--learners", "did you mean maml?");
  await refused(["compare"], "--task");
  await refused(["compare", ...small, "--budget", "1m", "--iterations", "3"], "--budget", "--iterations");
  await refused(["compare", ...small, "--budget", "soon"], "--budget", "60s", "soon");
  const one = ["compare", ...small, "--learners", "maml", "--iterations", "1", "--seeds", "1", "--episodes", "3"];
  await json([...one, "--out", "settings"]);
  await refused([...one, "--out", "settings", "--inner-steps", "2"], "maml-1.json", "innerSteps 1 instead of 2");
  await refused([...one.slice(0, -1), "4", "--out", "settings"], "maml-1.json", "episodes 3 instead of 4");
  const added = [...one.with(one.indexOf("maml"), "reptile"), "--out", "settings"];
  const { rows } = (await json(added)) as { rows: readonly { learner: string }[] };
  assert.equal(rows.map(({ learner }) => learner).sort(), ["maml", "reptile"]);
  await refused(["compare", ...small, "--learners", "maml,rl2"], "--learners", "examples/rl2-bandits.ts");
  await refused(["train", "--task", "bandits"], "--task", "examples/rl2-bandits.ts");
  mkdirSync(join(folder, "foreign"));
  for (const text of ["{", "[]", '{"identity":3}']) {
    writeFileSync(join(folder, "foreign", "maml-1.json"), text);
    await refused([...one, "--out", "foreign"], "maml-1.json", "result of quickstudy compare");
  }
  await refused([...one, "--out", join("settings", "maml-1.json")], "--out", "EEXIST");
});

const result = (seed: number, values: readonly (number | null)[], change: Partial<SeedResult> = {}): SeedResult => ({
  ...{ learner: "maml", seed, identity: "", iterations: 10 * seed, seconds: seed, metric: "mse", better: "lower" },
  ...{
    values,
    diverged: 0,
    fingerprint: "f",
    batchNorm: "none",
    adaptMilliseconds: seed,
    parameters: 3,
    stateBytes: 4,
  },
  ...{ arenaBytes: 5, ...change },
});

test("intervals: over episodes, each averaged over the seeds, and over the means of the seeds", () => {
  const row = summarise([result(1, [1, 2, 6]), result(2, [3, 2, 4]), result(3, [5, 2, 11])]);
  assert.equal(row.means, [3, 3, 6]);
  // Episodes average 3, 2 and 7: their deviation is sqrt(7); the means' is sqrt(3), and t of 2 degrees 4.303.
  near(
    [row.mean, row.ci95, row.seedsCi95 as number],
    [4, (1.96 * Math.sqrt(7)) / Math.sqrt(3), 4.303],
    1e-6,
    "intervals",
  );
  assert.equal([row.median, row.worst, row.iterations, row.seconds, row.adaptMilliseconds], [3, 11, 20, 2, 2]);
  assert.is(row.inBand, undefined);
  const bands = [0.9, 0.96].map((inBand, i) => result(i, [1, 2], { inBand }));
  near([summarise(bands).inBand as number], [0.93], 1e-6, "bands");
  assert.is(summarise([result(1, [1, 2])]).seedsCi95, undefined);
  const broken = summarise([result(1, [1, null, 3], { diverged: 1 }), result(2, [1, 5, 5], { diverged: 0 })]);
  near([broken.mean, broken.ci95], [(2 + 11 / 3) / 2, 1.96 * Math.sqrt(4.5 / 2)], 1e-6, "an episode that diverged");
  assert.equal([broken.diverged, broken.worst], [1, Number.POSITIVE_INFINITY]);
  const eleven = summarise(Array.from({ length: 11 }, (_, i) => result(i, [i, i + 1])));
  near([eleven.seedsCi95 as number], [2.228 * Math.sqrt(11 / 11)], 2e-3, "t of 10 degrees");
});

test("the best comes first, and what always diverged last; pictures have no numbers that are none", () => {
  const rows = [
    [3, 4],
    [null, null],
    [1, 2],
    [1e40, 1],
  ].map((values, i) => summarise([result(1, values, { learner: `${i}` })]));
  assert.equal(
    ranked(rows).map(({ learner }) => learner),
    ["2", "0", "3", "1"],
  );
  const better = { better: "higher", metric: "accuracy" } as const;
  const accuracies = [[0.5], [0.9]].map((values, i) => summarise([result(1, values, { ...better, learner: `${i}` })]));
  assert.equal(
    ranked(accuracies).map(({ learner }) => learner),
    ["1", "0"],
  );
  for (const each of [rows, accuracies]) {
    const svg = drawComparison({ task: "t", iterations: 1, episodes: 2, seeds: 1, rows: ranked(each), skipped: [] });
    assert.not.match(svg, /NaN|Infinity|undefined/);
  }
});

test("durations", () => {
  assert.equal(["90", "60s", "1.5m", "2h"].map(duration), [90, 60, 90, 7200]);
  for (const text of ["", "0s", "-3s", "1d", "1e3", "s", "Infinity"])
    assert.throws(() => duration(text), /60s, 10m or 1h/);
});

test.run();
