/** Flags, help, configuration files, comparisons and checkpoints, for every learner and task on the lists. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readConfiguration } from "../../src/cli/run-options.ts";
import {
  allOptions,
  decodeRunSpec,
  encodeRunSpec,
  flag,
  RUN_OPTIONS,
  type RunSpec,
  runSpec,
  tableOf,
  type Value,
} from "../../src/cli/run-spec.ts";
import { COMMAND_OPTIONS } from "../../src/cli/train.ts";
import { PUBLISHED, TASKS } from "../../src/data/node/tasks.ts";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { FormatError, OptionError } from "../../src/errors.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import type { LearnerRecord } from "../../src/learners/record.ts";
import type { Option } from "../../src/options.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { needs } from "../needs.ts";
import { cifarFolder } from "../support/cifar-folder.ts";
import { folder, json, refused, succeeds } from "./support.ts";

const test = suite("command line: records");

const data = fileURLToPath(new URL("../../../shared/data", import.meta.url));
/** What makes the runs of a learner small that has such an option. */
const SMALL_LEARNER: Readonly<Record<string, string>> = { innerSteps: "1" };
/** A table of four classes. */
const cells = join(folder, "cells.csv");
writeFileSync(
  cells,
  `label,size,colour\n${Array.from({ length: 40 }, (_, i) => `${"abcd"[i % 4]},${i},${["red", "blue"][i % 2]}\n`).join("")}`,
);
/** What makes a task's runs small, and where its files are. Every published set has to be here, and of own data those that are run. */
const SMALL: Readonly<Record<string, readonly string[]>> = {
  omniglot: ["--ways", "3", "--queries", "2", "--filters", "2", "--data", join(data, "omniglot")],
  mnist: ["--ways", "3", "--queries", "2", "--filters", "2", "--data", join(data, "mnist")],
  "cifar-fs": ["--ways", "3", "--queries", "2", "--filters", "2", "--data", cifarFolder(join(folder, "cifar"))],
  clinc150: ["--ways", "3", "--queries", "2", "--ngrams", "64", "--data", join(data, "clinc150")],
  heart4: ["--data", join(data, "heart4")],
  fsdd: ["--queries", "2", "--filters", "2", "--frames", "16", "--bands", "16", "--data", join(data, "fsdd")],
  csv: ["--ways", "2", "--queries", "2", "--data", cells],
};
/** Every learner is run on these; on the others, one of each kind of model. */
const THOROUGH = ["sinusoid", "clusters", "omniglot"];
const SAMPLE = ["maml", "protonet"];

interface Pair {
  readonly task: TaskRecord;
  readonly learner: LearnerRecord;
  readonly name: string;
}
const all: Pair[] = TASKS.flatMap((task) =>
  LEARNERS.map((learner) => ({ task, learner, name: `${learner.name} on ${task.name}` })),
);

/** The run of a pair, or undefined where the learner does not learn such tasks. */
function runOf({ task, learner }: Pair, given: Readonly<Record<string, Value>> = {}): RunSpec | undefined {
  const { objective } = task.spec(runDefaults(task));
  const serves = learner.objectives?.includes(objective.name) ?? true;
  return serves ? runSpec(task.name, learner.name, given) : undefined;
}
const runDefaults = ({ options }: TaskRecord): Parameters<TaskRecord["spec"]>[0] =>
  Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
const pairs = all.filter((pair) => runOf(pair) !== undefined);

/** A value of an option as a command line has it. */
const text = (value: unknown) => String(value);

test("there are runs, and learners that do not fit a task", () => {
  assert.ok(pairs.length >= 7 && pairs.length < all.length, `${pairs.length} of ${all.length}`);
  for (const { name } of PUBLISHED) assert.ok(name in SMALL, `SMALL has no ${name}`);
});

test("no option of an outer loop, a task, a learner or a command shares its name with another of a run", () => {
  for (const { task, learner, name } of all) {
    const names = [...COMMAND_OPTIONS, ...Object.keys(RUN_OPTIONS), ...Object.keys(task.options)];
    names.push(...Object.keys(learner.options));
    assert.equal(
      names.filter((each, i) => names.indexOf(each) !== i),
      [],
      name,
    );
  }
});

for (const pair of pairs) {
  test(`${pair.name}: each option is a flag of the run, and every other one is refused by name`, () => {
    const table = tableOf(pair.task, pair.learner);
    for (const { name } of allOptions()) {
      const option = table[name];
      if (option === undefined) {
        assert.throws(
          () => runOf(pair, { [name]: "1" }),
          (error: Error) => error instanceof OptionError && error.message.startsWith(`${flag(name)}: does nothing`),
          `${name} is taken`,
        );
      } else if (option.default !== undefined) {
        const value = text(option.default);
        assert.is(runOf(pair, { ...option.onlyWith, [name]: value })?.settings[name], option.default, name);
        for (const [other, needed] of Object.entries(option.onlyWith ?? {})) {
          const choices = (table[other] as Option<unknown>).range.split(/, | or /);
          const instead = choices.find((each) => each !== text(needed)) as string;
          const refusal = `${flag(name)}: does nothing unless ${flag(other)} is `;
          const another = text((option.default as number) + 1);
          assert.is(runOf(pair, { [other]: instead, [name]: value })?.settings[name], option.default, name);
          assert.throws(
            () => runOf(pair, { [other]: instead, [name]: another }),
            (error: Error) => error instanceof OptionError && error.message.startsWith(refusal),
            name,
          );
        }
        if (option.kind === "text") continue;
        assert.throws(() => runOf(pair, { [name]: "no such value" }), /must be .*got "no such value"/, name);
      }
    }
  });

  test(`${pair.name}: a checkpoint and a configuration file hold the run`, async () => {
    const spec = runOf(pair, { seed: 7 }) as RunSpec;
    const { settings } = spec;
    const stored = encodeRunSpec(spec);
    assert.equal(decodeRunSpec(stored).settings, settings);
    const { version: _, ...run } = JSON.parse(stored) as Record<string, Value>;
    const path = join(folder, `${pair.name}.json`);
    writeFileSync(path, JSON.stringify(run));
    const { task, learner, ...given } = await readConfiguration(path, Object.keys(run));
    assert.equal(runSpec(task, learner, given).settings, settings);
  });

  test(`${pair.name}: a setting that a checkpoint does not have is at its default; one that is unknown is refused`, () => {
    const spec = runOf(pair) as RunSpec;
    const run = JSON.parse(encodeRunSpec(spec)) as Record<string, Value>;
    for (const [name, option] of Object.entries(tableOf(pair.task, pair.learner))) {
      const { [name]: _, ...older } = run;
      const { settings } = decodeRunSpec(JSON.stringify(older));
      assert.equal(settings, { ...spec.settings, [name]: option.default }, name);
    }
    const newer = JSON.stringify({ ...run, colour: 3 });
    assert.throws(
      () => decodeRunSpec(newer),
      (error: Error) => error instanceof FormatError && /colour/.test(error.message),
    );
    assert.throws(() => decodeRunSpec(JSON.stringify({ ...run, version: 3 })), /must be of version 2, got 3/);
  });

  const { name: taskName } = pair.task;
  if (!THOROUGH.includes(taskName) && !(taskName in SMALL && SAMPLE.includes(pair.learner.name))) continue;
  const place = SMALL[taskName]?.at(-1);
  const available = place === undefined || existsSync(place);
  needs(
    test,
    `the data of ${pair.task.name} in ${data}`,
    available,
  )(`${pair.name}: trains, saves and is measured`, async () => {
    const path = join(folder, `${pair.name}.safetensors`);
    const small = SMALL[pair.task.name] ?? [];
    const fewer = Object.entries(SMALL_LEARNER).filter(([name]) => Object.hasOwn(pair.learner.options, name));
    const flags = fewer.flatMap(([name, value]) => [flag(name), value]);
    const run = ["--task", pair.task.name, "--learner", pair.learner.name, ...small, ...flags];
    const trained = await json(["train", ...run, "--iterations", "1", "--meta-batch", "2", "--checkpoint", path]);
    assert.equal([trained.task, trained.learner, trained.iterations], [pair.task.name, pair.learner.name, 1]);
    const { tensors, metadata } = decodeTensors(new Uint8Array(readFileSync(path)));
    const { version, task, learner, ...stored } = JSON.parse(metadata.run ?? "") as Record<string, Value>;
    assert.equal([version, task, learner], [2, pair.task.name, pair.learner.name]);
    const table = tableOf(pair.task, pair.learner);
    for (const name of Object.keys(stored)) assert.ok(name in table, `${name} is stored`);

    const where = small.includes("--data") ? ["--data", small[small.indexOf("--data") + 1] as string] : [];
    const measured = ["--episodes", "3", ...where];
    const report = await json(["evaluate", path, ...measured]);
    assert.is(report.episodes, 3);
    assert.ok(Number.isFinite(report.mean));

    // As an older version would have written it, and a newer one. How settings are read is tested above for every pair.
    if (pairs.find(({ task: each }) => each === pair.task) !== pair) return;
    const { seed: _, ...older } = stored;
    const written = (settings: object) =>
      writeFileSync(
        path,
        encodeTensors({
          tensors,
          metadata: { ...metadata, run: JSON.stringify({ version, task, learner, ...settings }) },
        }),
      );
    written(older);
    assert.equal(await json(["evaluate", path, ...measured]), report);
    written({ ...stored, colour: 3 });
    await refused(["evaluate", path, ...measured], path, "colour");
  });
}

for (const { task, learner, name } of all.filter((pair) => runOf(pair) === undefined)) {
  test(`${name}: refused in one line`, async () => {
    await refused(["train", "--task", task.name, "--learner", learner.name], learner.name, task.name);
  });
}

test("help shows each option with its range, its defaults and whose it is", async () => {
  const { stdout } = await succeeds(["train", "--help"]);
  const words = stdout.replace(/\s+/g, " ");
  const has = (part: string) => assert.ok(words.includes(part), `train --help does not say ${part}`);
  for (const { name, variants } of allOptions()) {
    has(` ${flag(name)} `);
    for (const { owner, option } of variants) {
      has(owner);
      has(option.help);
      has(`[${option.range}${option.default === undefined ? "" : `; default ${option.default}`}]`);
    }
  }
  for (const { name } of [...TASKS, ...LEARNERS]) has(name);
  has("sinusoid: --iterations 70000 --meta-batch 25");
  has("maml on omniglot: --inner-steps 1 --inner-rate 0.4");
});

test("train with a configuration file is train with its flags, which come before it", async () => {
  const path = join(folder, "run.json");
  const settings = {
    task: "sinusoid",
    learner: "meta-sgd",
    innerSteps: 2,
    innerRate: 0.02,
    iterations: 3,
    metaBatch: 3,
  };
  writeFileSync(path, JSON.stringify(settings));
  const flags = Object.entries(settings).flatMap(([name, value]) => [flag(name), text(value)]);
  const { parameters } = await json(["train", ...flags]);
  assert.is((await json(["train", path])).parameters, parameters);
  const other = await json(["train", path, "--seed", "2"]);
  assert.is.not(other.parameters, parameters);
  assert.is((await json(["train", ...flags, "--seed", "2"])).parameters, other.parameters);
});

const files: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "half an object": ['{ "task": "sinusoid", ', "JSON"],
  "a list": ["[1]", "one JSON object"],
  "a mistyped name": ['{ "task": "sinusoid", "innerStep": 3 }', "innerStep", "did you mean innerSteps?"],
  "a list as a value": ['{ "task": "sinusoid", "innerSteps": [3] }', "innerSteps", "a number"],
  "words for a number": ['{ "task": "sinusoid", "innerSteps": "three" }', "--inner-steps", '"three"'],
  "half an iteration": ['{ "task": "sinusoid", "iterations": 2.5 }', "--iterations", "2.5"],
  "a number for a file": ['{ "task": "sinusoid", "checkpoint": 5 }', "--checkpoint must be a string, got 5"],
  "words for a switch": ['{ "task": "sinusoid", "json": "no" }', "--json must be true or false"],
  "words for a limit": ['{ "task": "sinusoid", "memoryLimit": "lots" }', "--memory-limit", '"lots"'],
  "no task": ["{}", "--task"],
};
for (const [what, [content, ...parts]] of Object.entries(files)) {
  test(`configuration files: one with ${what}`, async () => {
    const path = join(folder, "bad.json");
    writeFileSync(path, content);
    await refused(["train", path], ...parts);
  });
}

test("configuration files: missing, and folders", async () => {
  await refused(["train", join(folder, "missing.json")], "missing.json", "no such file");
  await refused(["train", folder], folder, "ordinary file");
});

test.run();
