/** Misuses of `quickstudy/analysis`. */
import {
  bandResults,
  classResults,
  comparePaired,
  continuing,
  crossValidate,
  drawCalibration,
  drawConfusion,
  drawInfluence,
  drawLines,
  drawTrace,
  explain,
  frozen,
  readapting,
  runContinual,
  runOnline,
  traceAdaptation,
} from "../../src/analysis.ts";
import { fromArrays } from "../../src/data/arrays.ts";
import { cnp } from "../../src/learners/cnp.ts";
import { maml } from "../../src/learners/maml.ts";
import * as layers from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { classification, regression } from "../../src/nn/objective.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { type Argument, type Entry, list, number, optional, options, thing, whole } from "./runner.ts";

const data = fromArrays({
  x: Array.from({ length: 24 }, (_, i) => [i]),
  y: Array.from({ length: 24 }, (_, i) => i % 4),
});
const tasks = episodes(data, { ways: 2, shots: 1, queries: 1 });
const trained = await metaTrain(maml(mlp({ inputShape: 1, hidden: [2], outputs: 2 }), { innerSteps: 1 }), tasks, {
  iterations: 1,
  metaBatch: 1,
});
const report = await evaluate(trained, tasks, { episodes: 2, details: true });
const plain = await evaluate(trained, tasks, { episodes: 2 });
const curves = sinusoid({ shots: 2, queries: 2 });
const numbers = await metaTrain(cnp(model([1], layers.flatten()), regression(1), { width: 4 }), curves, {
  iterations: 1,
  metaBatch: 1,
});
const banded = await evaluate(numbers, curves, { episodes: 2, details: true });
const other = await evaluate(trained, tasks, { episodes: 2, seed: 1 });

const batch = { x: Float32Array.of(0, 1), y: Float32Array.of(0, 1) };
const finite = (...values: readonly number[]): Argument =>
  list(values.map((value) => ({ ...number(value), refuses: ["5", 1e308] })));
const examples = (): Argument => options({ x: finite(0, 1), y: list([whole(0, 0), whole(1, 0)]) });
const detailed: Argument = { ...thing(report), refuses: [plain] };
const online = frozen(trained);
const learners: Argument = { ...thing([online]), refuses: [[], [null], [{ name: "x" }]] };
const task = { train: [batch], test: batch };
const name = optional(thing("mine", "a string"));
const ways = optional({ ...whole(2), refuses: [3, 0, "2"] });
const innerSteps = optional(whole(1, 0));

const found = thing(classResults(report));
const explained = explain(trained, batch, batch);
/** Names, of which each must be text. */
const aList = (names: readonly string[]): Argument => ({ ...thing(names), refuses: [["a"], [1, 2]] });

export const analysisEntries: readonly Entry[] = [
  {
    operation: "classResults",
    call: classResults,
    given: () => [detailed, optional(options({ tasks: optional(thing(tasks)), bins: optional(whole(4)) }))],
  },
  { operation: "bandResults", call: bandResults, given: () => [{ ...thing(banded), refuses: [plain, report] }] },
  { operation: "drawCalibration", call: drawCalibration, given: () => [found] },
  {
    operation: "drawConfusion",
    call: drawConfusion,
    given: () => [found, optional(options({ classes: optional(whole(2)) }))],
  },
  {
    operation: "drawInfluence",
    call: drawInfluence,
    given: () => [
      thing(explained),
      optional(options({ support: optional(aList(["a", "b"])), queries: optional(aList(["a", "b"])) })),
    ],
  },
  {
    operation: "drawTrace",
    call: drawTrace,
    given: () => [{ ...thing(traceAdaptation(trained, batch)), refuses: [[]] }],
  },
  {
    operation: "drawLines",
    call: drawLines,
    given: () => [
      options({
        title: thing("t", "a string"),
        x: thing("x", "a string"),
        y: thing("y", "a string"),
        curves: {
          ...thing([{ name: "a", y: [1, 2] }]),
          refuses: [[], [{ name: "a" }], [{ name: "a", y: [1], x: [1, 2] }]],
        },
        most: optional(number(5)),
      }),
    ],
  },
  {
    operation: "comparePaired",
    call: comparePaired,
    given: () => [thing(report), { ...thing(report), refuses: [other] }],
  },
  {
    operation: "crossValidate",
    call: crossValidate,
    given: () => [
      options({
        split: {
          ...thing(() => [task, task].map(() => ({ train: 1, test: 2 })), "a function"),
          refuses: [() => [], () => 5],
        },
        run: { ...thing(() => ({ mean: 1 }), "a function"), refuses: [() => undefined] },
        repeats: optional(whole(1)),
        seed: optional(whole(1, 0)),
        signal: optional(thing(new AbortController().signal)),
      }),
    ],
  },
  {
    operation: "explain",
    call: explain,
    given: () => [
      thing(trained),
      examples(),
      // Without targets, the predicted class is explained.
      options({ x: finite(0, 1), y: optional(list([whole(0, 0), whole(1, 0)])) }),
      optional(options({ ways, innerSteps })),
    ],
  },
  {
    operation: "traceAdaptation",
    call: traceAdaptation,
    given: () => [
      thing(trained),
      examples(),
      optional(options({ steps: optional(whole(1, 0)), queries: optional(examples()), ways })),
    ],
  },
  { operation: "frozen", call: frozen, given: () => [thing(trained), optional(options({ name, ways }))] },
  {
    operation: "continuing",
    call: continuing,
    given: () => [thing(trained), optional(options({ name, ways, innerSteps }))],
  },
  {
    operation: "readapting",
    call: readapting,
    given: () => [
      thing(trained),
      optional(
        options({ name, ways, innerSteps, capacity: optional(whole(4)), restarts: optional(thing(true, "a boolean")) }),
      ),
    ],
  },
  {
    operation: "runOnline",
    call: runOnline,
    given: () => [
      learners,
      { ...thing([batch]), refuses: [[], 5] },
      options({
        objective: thing(classification(2)),
        changes: optional(list([whole(0, 0), whole(1)])),
        recovered: optional({ ...number(0.5), takes: ["nothing", "a number"] }),
        best: optional(thing(() => 1, "a function")),
      }),
    ],
  },
  {
    operation: "runContinual",
    call: runContinual,
    given: () => [
      learners,
      { ...thing([task, task]), refuses: [[task], [task, null], [task, { train: [] }]] },
      options({ objective: thing(classification(2)) }),
    ],
  },
];
