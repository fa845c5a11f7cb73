/** Tasks of files: parts, specs, and examples that are kept without their zeros. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { csvRecord } from "../../src/data/node/csv-record.ts";
import { SparseExamples } from "../../src/data/node/sparse-examples.ts";
import { partsOf } from "../../src/data/node/task-parts.ts";
import { hashedNgrams, preprocess, tableOf } from "../../src/data.ts";
import { DataError } from "../../src/errors.ts";
import { readOptions } from "../../src/options.ts";
import { keyOf } from "../../src/random.ts";

const test = suite("data: tasks of files");
const folder = mkdtempSync(join(tmpdir(), "quickstudy-tasks-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const units = (count: number) => Array.from({ length: count }, (_, i) => `unit ${i}`);

test("parts: all units once, a fifth each to validate and to test, never fewer than tasks need", async () => {
  for (const [count, least, sizes] of [
    [100, 5, [60, 20, 20]],
    [15, 5, [5, 5, 5]],
    [12, 5, [7, 0, 5]],
    [10, 5, [5, 0, 5]],
    [6, 1, [4, 1, 1]],
    [2, 1, [1, 0, 1]],
  ] as const) {
    const { train, validation, test: held } = await partsOf("mine", units(count), { splitSeed: 1, least });
    assert.equal([train.length, validation.length, held.length], sizes, `${count} of at least ${least}`);
    assert.equal([...train, ...validation, ...held].sort(), units(count).sort());
  }
});

test("parts follow from the seed and the names alone", async () => {
  const division = { splitSeed: 3, least: 2 };
  const parts = await partsOf("mine", units(20), division);
  assert.equal(await partsOf("other", [...units(20).reverse(), "unit 3"], division), parts);
  assert.not.equal(await partsOf("mine", units(20), { ...division, splitSeed: 4 }), parts);
});

test("parts: too few units are refused", async () => {
  try {
    await partsOf("mine", units(9), { splitSeed: 1, least: 5 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, DataError);
    assert.match((error as Error).message, /at least 5 .* and 5 others to test on, got 9 in all; lower the ways/);
  }
});

const path = join(folder, "rows.csv");
const rows = Array.from({ length: 120 }, (_, i) => [
  i % 6,
  `who ${Math.floor(i / 6) % 5}`,
  i * 1.5,
  ["", "x", "y"][i % 3],
]);
writeFileSync(path, `kind,who,size,sort\n${rows.map((row) => row.join(",")).join("\n")}\n`);

for (const [what, given] of Object.entries({
  classes: { label: "kind", ways: 2 },
  "the same classes for groups": { label: "kind", group: "who", queries: 2 },
  "numbers for groups": { target: "size", group: "who", shots: 3 },
})) {
  test(`csv, ${what}: the spec that is told without tasks is that of the tasks, in every part`, async () => {
    const settings = readOptions("csv", csvRecord.options, given);
    const opened = await csvRecord.open(settings, path);
    const preprocessing = opened.fit();
    const found = readOptions("csv", csvRecord.options, { ...given, ...opened.found(preprocessing) });
    const { objective, ...spec } = csvRecord.spec(found);
    for (const part of ["train", "validation", "test"] as const) {
      const source = opened.source(found, part, preprocessing);
      const { objective: own, ...others } = source.specs[0] as typeof spec & { objective: typeof objective };
      assert.equal(others, spec);
      assert.equal([own.name, own.width], [objective.name, objective.width]);
      await source.sample?.(keyOf(1), 0);
    }
  });
}

test("examples without zeros are the examples", () => {
  const table = tableOf({ text: ["wake me", "", "play it again", "wake it"], kind: ["a", "b", "a", "b"] });
  const preprocessing = preprocess({ x: hashedNgrams("text", { size: 64, weighting: "tfidf" }) }).fit(table);
  const dense = preprocessing.examples(table, { label: "kind" });
  const sparse = new SparseExamples(table, preprocessing, { label: ["a", "b", "a", "b"] });
  assert.equal([sparse.size, sparse.columns, sparse.facts], [dense.size, dense.columns, dense.facts]);
  for (const row of [0, 1, 2, 3, 2]) {
    const [a, b] = [new Float32Array(70).fill(7), new Float32Array(70).fill(7)];
    dense.write("x", row, a, 3);
    sparse.write("x", row, b, 3);
    assert.equal(b, a);
  }
  const other = new SparseExamples(table, preprocessing, { label: ["a", "b", "b", "b"] });
  assert.is.not(other.fingerprint, sparse.fingerprint);
});

test.run();
