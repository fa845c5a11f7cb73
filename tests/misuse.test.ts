import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as analysis from "../src/analysis.ts";
import * as data from "../src/data.ts";
import * as quickstudy from "../src/index.ts";
import * as node from "../src/node.ts";
import { analysisEntries } from "./misuse/analysis.ts";
import { dataEntries } from "./misuse/data.ts";
import { fileEntries } from "./misuse/files.ts";
import { nnEntries } from "./misuse/layers.ts";
import { learnerEntries } from "./misuse/learners.ts";
import { operatorEntries } from "./misuse/operators.ts";
import { preprocessingEntries } from "./misuse/preprocessing.ts";
import { programEntries } from "./misuse/programs.ts";
import { readerEntries } from "./misuse/readers.ts";
import { checkEntry } from "./misuse/runner.ts";
import { tableEntries } from "./misuse/tables.ts";
import { trainingEntries } from "./misuse/training.ts";

const test = suite("misuse");

const entries = [
  ...operatorEntries,
  ...programEntries,
  ...analysisEntries,
  ...dataEntries,
  ...preprocessingEntries,
  ...nnEntries,
  ...learnerEntries,
  ...fileEntries,
  ...tableEntries,
  ...readerEntries,
  ...trainingEntries,
];

for (const entry of entries) {
  test(`${entry.operation}: wrong arguments give an error of the library that names it`, async () => {
    assert.ok((await checkEntry(entry)) >= 5);
  });
}

test("every public function is held to the law", () => {
  const named = new Set(entries.map(({ operation }) => operation.split(".")[0]));
  const functions = Object.entries({ ...node, ...data, ...analysis, ...quickstudy, ...quickstudy.layers }).flatMap(
    ([name, value]) => (typeof value === "function" ? [name] : []),
  );
  const errors = functions.filter((name) => name.endsWith("Error"));
  // These take no arguments.
  const without = ["defaultCore", "relaxedSupported", "flatten", "globalMeanPool"];
  // The library makes their objects; entries hold the methods.
  const made = ["Adapted", "Preprocess", "Preprocessing", "Remembering", "Scope", "Table", "Trained"];
  const known = new Set([...named, ...errors, ...without, ...made]);
  assert.equal(
    functions.filter((name) => !known.has(name)),
    [],
  );
});

test.run();
