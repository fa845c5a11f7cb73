/**
 * The hashes of tests/browser/golden.json that are of features and augmentations, from the sources:
 * tests/browser/bits.test.ts holds every runtime to them.
 */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { data } from "../browser/data.ts";
import { sha256 } from "../browser/sha256.ts";

const test = suite("data: the bits of features and augmentations");

test("they are those of golden.json", async () => {
  const golden: Record<string, string> = JSON.parse(
    readFileSync(new URL("../browser/golden.json", import.meta.url), "utf8"),
  );
  const outputs = Object.entries(data());
  assert.ok(outputs.length >= 33);
  for (const [name, values] of outputs) {
    assert.ok(values.every(Number.isFinite), name);
    assert.is(await sha256(values), golden[`data.${name}`], name);
  }
});

test.run();
