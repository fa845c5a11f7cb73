import { suite } from "uvu";
import * as assert from "uvu/assert";
import { explain, traceAdaptation } from "../../src/analysis.ts";
import { byClass, numbers, oneHot, preprocess, standardise, tableOf, tokens } from "../../src/data.ts";
import { DataError, FormatError, OptionError } from "../../src/errors.ts";
import { maml } from "../../src/learners/maml.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import * as layers from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { remember } from "../../src/train/remembering.ts";
import { restore } from "../../src/train/trained.ts";
import { throwsA } from "../support/errors.ts";

const test = suite("data: preprocessing travels with the model");

const table = tableOf({
  age: Array.from({ length: 40 }, (_, i) => (i % 7 === 3 ? null : 20 + i)),
  colour: Array.from({ length: 40 }, (_, i) => ["red", "green", "blue"][i % 3] as string),
  kind: Array.from({ length: 40 }, (_, i) => "abcd"[i % 4] as string),
});
const unfitted = () => preprocess({ x: [standardise("age"), oneHot("colour")] });
const fitted = unfitted().fit(table);
const learner = () => protoNet(model([4], layers.flatten()));
const tasks = episodes(byClass(fitted.examples(table, { label: "kind" })), { ways: 2, shots: 2, queries: 2 });
const plain = await metaTrain(learner(), tasks, { iterations: 0 });
const trained = plain.withPreprocessing(fitted);

const support = { age: [20, 50, null, 41], colour: ["red", "green", "blue", "violet"], y: [0, 0, 1, 1] };
const queries = { age: [30, null], colour: ["red", "blue"] };
const { y: _, ...raw } = support;
const ready = { x: fitted.apply(raw).x as Float32Array, y: support.y };
const asked = fitted.apply(queries).x as Float32Array;

test("raw cells give what their numbers give, in every use", () => {
  const expected = plain.adapt(ready);
  const adapted = trained.adapt(support);
  assert.equal(adapted.state, expected.state);
  assert.equal(adapted.predict(queries), expected.predict(asked));
  assert.equal(adapted.classify(queries), expected.classify(asked));
  assert.is(adapted.measure({ ...queries, y: [0, 1] }), expected.measure({ x: asked, y: [0, 1] }));
  assert.equal(trained.adaptMany([support])[0]?.state, expected.state);
  const start = trained.start({ ways: 2 });
  assert.equal(start.observe(support).state, plain.start({ ways: 2 }).observe(ready).state);
  assert.equal(remember(trained, { ways: 2 }).observe(support).predict(queries), expected.predict(asked));
  assert.equal(explain(trained, support, queries), explain(plain, ready, { x: asked }));
});

test("a table of one column may be given as a list, and an inner loop takes raw cells too", async () => {
  const words = tokens("text", { length: 4, vocabulary: 8 });
  const said = tableOf({ text: ["on off", "off", "on", "on on"], kind: ["a", "b", "a", "b"] });
  const prepared = preprocess({ x: words }).fit(said);
  const source = episodes(byClass(prepared.examples(said, { label: "kind" })), { ways: 2, shots: 1, queries: 1 });
  const nets = await metaTrain(maml(mlp({ inputShape: 4, hidden: [3], outputs: 2 })), source, {
    iterations: 1,
    metaBatch: 1,
  });
  const reads = nets.withPreprocessing(prepared);
  const known = { text: ["on", "off"], y: [0, 1] };
  assert.equal(reads.adapt(known).predict(["on off"]), reads.adapt(known).predict({ text: ["on off"] }));
  assert.is(traceAdaptation(reads, known, { steps: 1, queries: known }).length, 2);
});

test("save and restore keep what was fitted, bit for bit", () => {
  const bytes = trained.save();
  const again = restore(learner(), bytes, { preprocessing: unfitted() });
  assert.equal(again.adapt(support).predict(queries), trained.adapt(support).predict(queries));
  assert.equal([...again.save()], [...bytes]);
  // Fitted to other rows, and without any.
  const other = unfitted().fit(table.rows([0, 1, 2]));
  assert.not.equal(
    restore(learner(), bytes, { preprocessing: other }).adapt(support).state,
    trained.adapt(support).state,
  );
  assert.equal(restore(learner(), bytes, { preprocessing: false }).adapt(ready).state, plain.adapt(ready).state);
});

test("what does not fit is refused by name", () => {
  const bytes = trained.save();
  throwsA(FormatError, () => restore(learner(), bytes), "restore", "has preprocessing", "preprocess({ … })");
  throwsA(FormatError, () => restore(learner(), plain.save(), { preprocessing: unfitted() }), "must hold a fit");
  const narrow = preprocess({ x: numbers("age") });
  throwsA(FormatError, () => restore(learner(), bytes, { preprocessing: narrow }), "must hold a fit of x: numbers");
  throwsA(OptionError, () => plain.withPreprocessing(narrow.fit(table)), "must make x [4]", "got x [1]");
  throwsA(OptionError, () => plain.withPreprocessing(unfitted() as never), "fitted preprocessing");
  throwsA(OptionError, () => trained.adapt({ age: [1], y: [0] }), "adapt: colour must be a column of cells");
  throwsA(OptionError, () => trained.adapt({ ...support, x: [1] }), "adapt: x must be left out");
  throwsA(
    DataError,
    () => trained.adapt({ ...support, age: ["old", 1, 2, 3] }),
    "adapt: age must hold cells of one kind",
  );
  throwsA(DataError, () => trained.adapt({ ...support, age: ["old", "new", "a", "b"] }), "age must be a finite number");
});

test.run();
