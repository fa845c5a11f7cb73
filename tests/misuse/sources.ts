/** Misuses of sources over examples, of streams and of splits. */
import { fromArrays } from "../../src/data/arrays.ts";
import { byClass } from "../../src/data/by-class.ts";
import { folds, randomParts, splitByTime, splitExamples } from "../../src/data/example-splits.ts";
import { regression } from "../../src/nn/objective.ts";
import { clusters } from "../../src/tasks/clusters.ts";
import { entities } from "../../src/tasks/entities.ts";
import { selectRows } from "../../src/tasks/examples.ts";
import { fromIterable } from "../../src/tasks/feeds.ts";
import { once } from "../../src/tasks/groups.ts";
import { jumpingSinusoid } from "../../src/tasks/jumping-sinusoid.ts";
import { lazyExamples } from "../../src/tasks/lazy-examples.ts";
import { classIncremental, sequence } from "../../src/tasks/sequences.ts";
import { stream } from "../../src/tasks/streams.ts";
import { within } from "../../src/tasks/within.ts";
import { held } from "../data/rows.ts";
import { type Argument, type Entry, list, optional, options, thing, whole } from "./runner.ts";

const sixteen = Array.from({ length: 16 }, (_, row) => row);
const examples = held(
  { label: sixteen.map((row) => row % 2), group: sixteen.map((row) => (row < 8 ? "p" : "q")), time: sixteen },
  { y: { shape: [1], data: sixteen } },
);
const rows = (): Argument => ({
  ...thing(examples),
  refuses: [
    { ...examples, write: 1 },
    { ...examples, size: 0 },
    { ...examples, facts: null },
    { ...examples, facts: { label: [1] } },
  ],
});
const fact = (name: string): Argument => ({ ...thing(name), refuses: ["unheard of"] });
const small = (): Argument => optional(thing("skip"));
const flag = (): Argument => optional(thing(true, "a boolean"));

export const sourceEntries: readonly Entry[] = [
  {
    operation: "byClass",
    call: byClass,
    given: () => [rows(), optional(options({ label: optional(fact("label")), least: optional(whole(1)) }))],
  },
  {
    operation: "within",
    call: within,
    given: () => [
      rows(),
      options({
        label: optional(fact("label")),
        group: optional(fact("group")),
        labels: optional({ ...thing([0, 1]), refuses: [[0], [0, 1, 1], [0, 1, null]] }),
        shots: whole(1),
        queries: whole(2),
        small: small(),
      }),
    ],
  },
  {
    operation: "entities",
    call: entities,
    given: () => [
      rows(),
      options({
        entity: fact("group"),
        shots: whole(1),
        queries: whole(2),
        objective: optional(thing("gaussian")),
        centre: flag(),
        scale: flag(),
        small: small(),
      }),
    ],
  },
  {
    operation: "stream",
    call: stream,
    given: () => [
      rows(),
      options({
        time: fact("time"),
        size: whole(2),
        segments: whole(2),
        group: optional(fact("group")),
        small: small(),
      }),
    ],
  },
  {
    operation: "once",
    call: once,
    given: () => [
      thing(entities(examples, { entity: "group", shots: 1, queries: 1 })),
      optional(options({ seed: optional(whole(1, 0)), repeats: optional(whole(2)) })),
    ],
  },
  { operation: "selectRows", call: selectRows, given: () => [rows(), list([whole(0, 0), whole(1, 0)])] },
  {
    operation: "lazyExamples",
    call: lazyExamples,
    given: () => [
      options({
        name: thing("mine", "a string"),
        columns: { ...thing({ x: [2] }), refuses: [{ x: 2 }] },
        facts: { ...thing({ label: [1, 2] }), refuses: [{}, { label: 1 }] },
        contents: thing("v1", "a string"),
        decode: thing(() => ({ x: [1, 2] }), "a function"),
        keep: optional(whole(5, 0)),
      }),
    ],
  },
  {
    operation: "splitExamples",
    call: splitExamples,
    given: () => [
      rows(),
      options({ by: fact("group"), parts: { ...thing({ train: ["p"] }), refuses: [{ a: "p" }, { a: [] }] } }),
    ],
  },
  {
    operation: "randomParts",
    call: randomParts,
    given: () => [
      rows(),
      options({
        by: optional(fact("group")),
        parts: { ...thing({ a: 0.5, b: 0.5 }, "an object"), refuses: [{ a: 2 }, { a: 0 }] },
        seed: whole(1, 0),
      }),
    ],
  },
  {
    operation: "splitByTime",
    call: splitByTime,
    given: () => [rows(), fact("time"), { ...thing(5), refuses: ["5", Number.POSITIVE_INFINITY] }],
  },
  {
    operation: "folds",
    call: folds,
    given: () => [
      rows(),
      options({
        count: { ...whole(2, 2), refuses: [1, 2.5, "2", 17] },
        seed: whole(1, 0),
        by: optional(fact("group")),
      }),
    ],
  },
  {
    operation: "classIncremental",
    call: classIncremental,
    given: () => [
      thing(fromArrays({ x: sixteen.map((row) => [row]), y: sixteen.map((row) => row % 4) })),
      options({ classes: whole(4, 2), perStep: optional(whole(2)), shots: whole(1), queries: whole(2) }),
    ],
  },
  { operation: "sequence", call: sequence, given: () => [thing(clusters()), options({ tasks: whole(2) })] },
  {
    operation: "jumpingSinusoid",
    call: jumpingSinusoid,
    given: () => [
      optional(options({ every: optional(whole(20)), curves: optional(whole(2)), size: optional(whole(5)) })),
    ],
  },
  {
    operation: "fromIterable",
    call: fromIterable,
    given: () => [
      { ...thing([{ x: 1, y: 2 }], "a list"), refuses: [] },
      options({
        inputs: { ...thing({ x: [1] }), refuses: [{ x: 1 }] },
        objective: thing(regression(1)),
        size: optional(whole(1)),
        segments: whole(2),
        name: optional(thing("log", "a string")),
      }),
    ],
  },
];
