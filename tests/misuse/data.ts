/** Misuses of data sets and task sources. */
import { fromArrays } from "../../src/data/arrays.ts";
import { LabelledDataset } from "../../src/data/dataset.ts";
import { loadOmniglot, loadOmniglotImages, type OmniglotOptions } from "../../src/data/node/omniglot.ts";
import { withRotations } from "../../src/data/rotations.ts";
import { randomSplit, requireDisjoint, splitClasses } from "../../src/data/splits.ts";
import { DataError } from "../../src/errors.ts";
import { clusters } from "../../src/tasks/clusters.ts";
import type { ClassInfo, Dataset } from "../../src/tasks/dataset.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { type Argument, type Entry, list, number, optional, options, thing, whole } from "./runner.ts";
import { sourceEntries } from "./sources.ts";

const data = fromArrays({
  x: Array.from({ length: 24 }, (_, i) => [i]),
  y: Array.from({ length: 24 }, (_, i) => i % 4),
});
const images = fromArrays({ x: new Float32Array(16), y: [0, 0, 1, 1], shape: [2, 2, 1] });
const names = (...each: readonly string[]): Argument => list(each.map((name) => thing(name)));
const interval = (low: number, high: number): Argument => optional(list([number(low), number(high)]));
const mine: Dataset = {
  name: "mine",
  inputs: { x: [1] },
  classes: [{ name: "a", size: 2 }],
  fingerprint: "f",
  write: () => undefined,
};
const altered = (change: object) => ({ ...mine, ...change });

const reading = (): Record<string, Argument> => ({
  cache: optional({ ...thing(false, "a string"), refuses: [null] }),
  onWarning: optional(thing(() => undefined, "a function")),
});
/** The files are not there: right arguments get that far. */
const unlessMissing = (error: unknown): void => {
  if (!(error instanceof DataError)) throw error;
};

export const dataEntries: readonly Entry[] = [
  {
    operation: "fromArrays",
    call: fromArrays,
    given: () => [
      options({
        x: list([
          list([thing(1, "a number"), thing(2, "a number")]),
          list([thing(3, "a number"), thing(4, "a number")]),
        ]),
        y: list([thing(0), thing(1, "a number")]),
        shape: optional(list([whole(2)])),
        name: optional(thing("mine", "a string")),
        classes: optional(thing([0, 1])),
      }),
    ],
  },
  {
    operation: "LabelledDataset",
    call: (storage: Dataset, indices?: number[]) => new LabelledDataset(storage, indices),
    given: () => [
      {
        ...thing(mine),
        refuses: [
          altered({ name: 1 }),
          altered({ fingerprint: null }),
          altered({ classes: "ab" }),
          altered({ classes: [null] }),
          altered({ inputs: 3 }),
          altered({ write: undefined }),
        ],
      },
      optional(list([whole(0, 0)])),
    ],
  },
  {
    operation: "subset",
    call: (select: readonly string[]) => data.subset(select),
    given: () => [
      { ...names("1", "2"), takes: ["a function"], refuses: [...names("1", "2").refuses, async () => false] },
    ],
  },
  { operation: "batch", call: (rows: number[]) => data.batch(rows), given: () => [list([whole(0, 0), whole(1, 0)])] },
  { operation: "withRotations", call: withRotations, given: () => [thing(images)] },
  {
    operation: "splitClasses",
    call: splitClasses,
    given: () => [thing(data), thing({ train: ["0", "1"], test: ["2"] })],
  },
  {
    operation: "randomSplit",
    call: randomSplit,
    given: () => [
      thing(data),
      { ...thing({ train: 2, test: 1 }, "an object"), refuses: [{ train: "2" }, { train: 0 }] },
      whole(1, 0),
    ],
  },
  {
    operation: "requireDisjoint",
    call: requireDisjoint,
    given: () => [
      {
        ...thing({ train: data.subset(["0"]), test: data.subset(({ name }: ClassInfo) => name === "1") }),
        refuses: [{}],
      },
    ],
  },
  {
    operation: "loadOmniglot",
    call: (folder: string, given?: OmniglotOptions) => loadOmniglot(folder, given).catch(unlessMissing),
    given: () => [
      thing("nowhere", "a string"),
      optional(
        options({
          ...reading(),
          split: optional({ ...thing("vinyals"), refuses: [{}, { seed: "1" }, { seed: 1, val: null }] }),
          rotations: optional(thing(true, "a boolean")),
        }),
      ),
    ],
  },
  {
    operation: "loadOmniglotImages",
    call: (folder: string, given?: OmniglotOptions) => loadOmniglotImages(folder, given).catch(unlessMissing),
    given: () => [thing("nowhere", "a string"), optional(options(reading()))],
  },
  {
    operation: "episodes",
    call: episodes,
    given: () => [
      thing(data),
      options({ ways: whole(3, 2), shots: whole(1), queries: whole(2), small: optional(thing("refuse")) }),
    ],
  },
  ...sourceEntries,
  {
    operation: "clusters",
    call: clusters,
    given: () => [
      optional(
        options({
          ways: optional(whole(3, 2)),
          shots: optional(whole(1)),
          queries: optional(whole(1)),
          features: optional(whole(2)),
          spread: optional(number(0.5, -1.5, 0)),
        }),
      ),
    ],
  },
  {
    operation: "sinusoid",
    call: sinusoid,
    given: () => [
      optional(
        options({
          shots: optional(whole(5)),
          queries: optional(whole(5)),
          amplitude: interval(1, 2),
          phase: interval(0, 1),
          range: interval(-5, 5),
        }),
      ),
    ],
  },
];
