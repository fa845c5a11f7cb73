import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FORMATS } from "../support/format-samples.ts";
import { fuzzFormat } from "../support/fuzz-formats.ts";

const test = suite("data: damaged files of every format");

const RUNS = 300;

for (const sample of FORMATS) {
  test(`${sample.name}: ${RUNS} mutants give tables or errors of the library, in time and memory`, async () => {
    for (const file of sample.files) await sample.read(file);
    const { mutants, refused, faults } = await fuzzFormat(sample, RUNS, 1);
    assert.equal(faults, []);
    assert.is(mutants, RUNS);
    assert.ok(refused > RUNS / 20, `only ${refused} refused`);
  });
}

test.run();
