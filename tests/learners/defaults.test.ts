/** What files rely on: they leave out settings at their defaults, so that a default may not change under its name. */
import { readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TASKS } from "../../src/data/node/tasks.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import type { OptionTable } from "../../src/options.ts";

const test = suite("defaults");
const FILE = new URL("defaults.json", import.meta.url);
type Defaults = Record<string, Record<string, unknown>>;

const defaultsOf = (records: readonly { readonly name: string; readonly options: OptionTable }[]): Defaults =>
  Object.fromEntries(
    records.map(({ name, options }) => [
      name,
      Object.fromEntries(Object.entries(options).map(([option, { default: value }]) => [option, value ?? null])),
    ]),
  );

test("defaults are those that files were written with", () => {
  const actual = { learners: defaultsOf(LEARNERS), tasks: defaultsOf(TASKS) };
  if (process.argv.includes("--update")) writeFileSync(FILE, `${JSON.stringify(actual, null, 2)}\n`);
  const known = JSON.parse(readFileSync(FILE, "utf8")) as typeof actual;
  assert.equal(
    actual,
    known,
    "a file that leaves an option out means the default it was written with: give a changed option a new name. " +
      "For a new learner, task or option: node --import tsx tests/learners/defaults.test.ts --update",
  );
});

test.run();
