/**
 * The same bits in every runtime, and the committed ones. After a change of bits that is meant:
 *
 *   npm run build && node --import tsx tests/browser/bits.test.ts --update
 */
import { readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { needs } from "../needs.ts";
import { node, runtimes } from "./harness.ts";
import { trainEvery } from "./learners.ts";
import { sha256 } from "./sha256.ts";

const test = suite("same bits");

// Not in a `before` hook: uvu swallows what those throw.
const expected = await node.hashes();

const goldenFile = new URL("golden.json", import.meta.url);
/** Files name the version of the package, which changes without a change of bits. */
const golden = Object.fromEntries(Object.entries(expected).filter(([name]) => !name.endsWith(".file")));
if (process.argv.includes("--update")) writeFileSync(goldenFile, `${JSON.stringify(golden, undefined, 2)}\n`);

test("the bits are those of golden.json", () => {
  assert.equal(
    golden,
    JSON.parse(readFileSync(goldenFile, "utf8")),
    "a change that is meant: see the top of this file",
  );
});

test("the scenarios have outputs, and no two are the same", () => {
  assert.ok(Object.keys(expected).length >= 90);
  assert.is(new Set(Object.values(expected)).size, Object.keys(expected).length);
});

test("learners: one thread that is not interrupted gives what one, two and three workers give that resume one another", async () => {
  for (const [name, bits] of Object.entries(await trainEvery([[0, 3]]))) {
    assert.is(await sha256(bits), expected[`learners.${name}`], name);
  }
});

test("a second process gives the same", async () => {
  assert.equal(await node.hashes(), expected);
});

for (const runtime of runtimes) {
  needs(
    test,
    runtime.needs,
    runtime.available,
  )(`${runtime.name} gives the bits of Node`, async () => {
    assert.equal(await runtime.hashes(), expected);
  });
}

test.run();
