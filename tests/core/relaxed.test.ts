/** The build with relaxed SIMD: chosen by an option, never without being said, as exact as plain SIMD to a tolerance. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { coreBytes, relaxedCore, relaxedSupported } from "../../src/core/relaxed.ts";
import { OptionError } from "../../src/errors.ts";
import type { Executor } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { workers } from "../../src/executors/node-workers.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { type MetaTrainOptions, metaTrain } from "../../src/train/meta-train.ts";
import { MemoryStore, rejectsA, sameBytes, smallMaml } from "../train/support.ts";

const test = suite("relaxed SIMD");

const FLAG = "--experimental-wasm-relaxed-simd";
const child = (flags: readonly string[]) => {
  const script = fileURLToPath(new URL("./relaxed-child.ts", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [...flags, "--import", "tsx", script], { encoding: "utf8" })) as {
    readonly supported: boolean;
    readonly core: boolean;
    readonly executors: readonly boolean[];
    readonly differs: boolean;
    readonly error: number;
    readonly plainError: number;
    readonly sameOnWorkers: boolean;
  };
};

test("both builds in the package are the built files, to the byte", () => {
  for (const [name, relaxed] of [
    ["core.wasm", false],
    ["core-relaxed.wasm", true],
  ] as const) {
    const built = readFileSync(new URL(`../../build/${name}`, import.meta.url));
    assert.ok(sameBytes(coreBytes({ relaxed }), built), name);
  }
  assert.not.ok(sameBytes(coreBytes(), coreBytes({ relaxed: true })));
});

test("what is not asked for is not used, and what is asked for is used where it is supported", () => {
  assert.is(Core.create().relaxed, false);
  assert.is(inThread().relaxed, false);
  assert.is(relaxedCore().relaxed, relaxedSupported());
  assert.is(inThread({ relaxed: true }).relaxed, relaxedSupported());
});

const nodeMajor = Number(process.versions.node.split(".")[0]);

test("a runtime that has it: other bits than plain, the same on workers, as close to f64", () => {
  const found = child(nodeMajor < 22 ? [FLAG] : []);
  assert.ok(found.supported && found.core && found.executors.every(Boolean));
  assert.ok(found.differs && found.sameOnWorkers);
  assert.ok(found.error < 2 * found.plainError + 1e-7, `${found.error} against ${found.plainError}`);
});

if (nodeMajor < 22) {
  test("a runtime that lacks it: the plain core and its bits, and it is said", () => {
    const found = child([]);
    assert.equal([found.supported, found.core, ...found.executors, found.differs], [false, false, false, false, false]);
  });
}

/** An executor that says of itself what it is told to: runs of both kinds, wherever the test runs. */
const saying = (relaxed: boolean): Executor => ({ ...inThread(), relaxed });

test("a run says which it is, and is resumed as what it was", async () => {
  for (const relaxed of [false, true]) {
    const store = new MemoryStore();
    const told: boolean[] = [];
    const options = (iterations: number, as: boolean): MetaTrainOptions => ({
      iterations,
      metaBatch: 3,
      executor: saying(as),
      checkpoint: { store, every: 2 },
      resume: iterations > 2,
      onProgress: (progress) => told.push(progress.relaxed),
    });
    const trained = await metaTrain(smallMaml(), sinusoid({ shots: 5, queries: 4 }), options(2, relaxed));
    assert.equal(told, [relaxed, relaxed]);
    const other = metaTrain(smallMaml(), sinusoid({ shots: 5, queries: 4 }), options(4, !relaxed));
    await rejectsA(OptionError, other, "relaxed SIMD", "plain SIMD");
    const same = await metaTrain(smallMaml(), sinusoid({ shots: 5, queries: 4 }), options(4, relaxed));
    assert.is(same.iterations, 4);
    const report = await evaluate(trained, sinusoid({ shots: 5 }), { episodes: 2, executor: saying(relaxed) });
    assert.is(report.relaxed, relaxed);
  }
});

test("workers say it too", async () => {
  const executor = workers(1, { relaxed: true });
  assert.is(executor.relaxed, relaxedSupported());
  await executor.close();
});

test.run();
