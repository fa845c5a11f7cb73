import { suite } from "uvu";
import * as assert from "uvu/assert";
import { needs } from "../needs.ts";
import { node, runtimes } from "./harness.ts";

const test = suite("same bits");

// Not in a `before` hook: uvu swallows what those throw.
const expected = await node.hashes();

test("the scenarios have outputs, and no two are the same", () => {
  assert.ok(Object.keys(expected).length >= 18);
  assert.is(new Set(Object.values(expected)).size, Object.keys(expected).length);
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
