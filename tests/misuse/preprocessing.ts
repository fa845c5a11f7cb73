/** Misuses of features, preprocessing and augmentation. */

import { fromArrays } from "../../src/data/arrays.ts";
import {
  augmented,
  brightness,
  channelMask,
  clip,
  contrast,
  cropAndResize,
  elastic,
  erase,
  flip,
  hashedNgrams,
  isMissing,
  logMel,
  minMax,
  mixup,
  noise,
  numbers,
  oneHot,
  ordinal,
  pixels,
  preprocess,
  resizePixels,
  rotate,
  scale,
  series,
  shear,
  shift,
  standardise,
  tableOf,
  tfidf,
  timeMask,
  timeShift,
  tokens,
  windows,
  wordDropout,
} from "../../src/data.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { type Argument, type Entry, list, number, optional, options, thing, whole } from "./runner.ts";

const table = tableOf({
  age: [1, 2],
  text: ["a b", "c"],
  series: [{ channels: 1, values: new Float32Array(4) }, null],
});
const image = { width: 1, height: 1, channels: 1, data: Uint8Array.of(3) } as const;
const tasks = episodes(fromArrays({ x: new Float32Array(4 * 12), y: [0, 0, 1, 1], shape: [3, 4, 1] }), {
  ways: 2,
  shots: 1,
  queries: 1,
});
const fitted = preprocess({ x: standardise("age") }).fit(table);

const column: Argument = { ...thing("age", "a string"), refuses: [""] };
const boolean = (value: boolean): Argument => optional(thing(value, "a boolean"));
const choice = (value: string, ...takes: Argument["takes"]): Argument => optional(thing(value, ...takes));
const feature: Argument = { ...thing(standardise("age")), refuses: [{ description: "x" }] };
/** A share: above 0, at most 1. */
const share = (value: number): Argument => number(value, -1.5, 0, 1.5);
const positive = (value: number): Argument => number(value, -1.5, 0);
const fill = optional(options({ fill: optional(number(0)) }));
const pair = (first: number, last: number): Argument => optional(list([whole(first), whole(last)]));
const grams = { words: pair(1, 2), characters: pair(3, 5), norm: choice("l2") };
const resizing = {
  size: whole(2),
  channels: optional(whole(1)),
  fit: choice("crop"),
  background: optional(whole(0, 0)),
};
const from = { from: choice("end"), standardise: boolean(true) };

const scaling = [standardise, minMax, numbers].map((operation): Entry => {
  const missing: Argument = { ...optional(number(0)), takes: ["nothing", "a number"] };
  return {
    operation: operation.name,
    call: operation,
    given: () => [column, optional(options({ missing }, "a string"))],
  };
});

const withFill = (operation: string, call: (...values: never[]) => unknown, ...given: readonly Argument[]): Entry => ({
  operation,
  call,
  given: () => [...given, fill],
});

export const preprocessingEntries: readonly Entry[] = [
  ...scaling,
  {
    operation: "oneHot",
    call: oneHot,
    given: () => [column, optional(options({ other: boolean(true), most: optional(whole(3)) }, "a string"))],
  },
  {
    operation: "ordinal",
    call: ordinal,
    given: () => [
      column,
      optional(options({ order: optional({ ...thing(["a", "b"], "a list"), refuses: [[], [null]] }) })),
    ],
  },
  { operation: "isMissing", call: isMissing, given: () => [column, optional({ ...column, takes: ["a string"] })] },
  { operation: "clip", call: clip, given: () => [feature, number(-1), number(1, -1.5)] },
  {
    operation: "hashedNgrams",
    call: hashedNgrams,
    given: () => [column, optional(options({ ...grams, size: optional(whole(16)), weighting: choice("tfidf") }))],
  },
  { operation: "tfidf", call: tfidf, given: () => [column, optional(options({ ...grams, most: optional(whole(9)) }))] },
  { operation: "tokens", call: tokens, given: () => [column, options({ length: whole(3), vocabulary: whole(9, 3) })] },
  {
    operation: "pixels",
    call: pixels,
    given: () => [
      column,
      options({
        ...resizing,
        normalise: { ...choice("standard"), refuses: [{}, { mean: 0, deviation: 0 }, { mean: [0, 0], deviation: 1 }] },
        invert: boolean(true),
      }),
    ],
  },
  {
    operation: "resizePixels",
    call: resizePixels,
    given: () => [
      {
        ...thing(image),
        refuses: [
          { ...image, channels: 5 },
          { ...image, width: 2 },
        ],
      },
      options(resizing),
    ],
  },
  { operation: "series", call: series, given: () => [column, options({ length: whole(3), ...from })] },
  {
    operation: "windows",
    call: windows,
    given: () => [thing(table), { ...column, value: "series" }, options({ length: whole(2), stride: whole(1) })],
  },
  {
    operation: "logMel",
    call: logMel,
    given: () => [
      column,
      options({
        frames: whole(8),
        ...from,
        rate: optional(whole(8000, 1000)),
        bands: optional(whole(4)),
        window: optional(whole(64, 2)),
        hop: optional(whole(32)),
        minimum: optional(number(20, -1.5)),
        maximum: optional(number(4000, -1.5, 4001)),
      }),
    ],
  },
  {
    operation: "preprocess",
    call: preprocess,
    given: () => [{ ...thing({ x: [standardise("age")] }), refuses: [{ x: [] }, { x: [null] }, {}] }],
  },
  {
    operation: "fit",
    call: (rows: typeof table) => fitted.unfitted.fit(rows),
    given: () => [thing(table, "an object")],
  },
  {
    operation: "fitted",
    call: fitted.unfitted.fitted.bind(fitted.unfitted),
    given: () => [thing(fitted.fits, "an object")],
  },
  { operation: "unpack", call: fitted.unfitted.unpack.bind(fitted.unfitted), given: () => [thing(fitted.pack())] },
  { operation: "apply", call: (rows: typeof table) => fitted.apply(rows), given: () => [thing(table, "an object")] },
  {
    operation: "examples",
    call: fitted.examples.bind(fitted),
    given: () => [
      thing(table),
      {
        ...optional(thing({ label: "text", targets: "age" })),
        refuses: [{ label: 1 }, { targets: null }, { targets: [] }, { targets: [1] }, { targets: 1 }],
      },
    ],
  },
  {
    operation: "augmented",
    call: augmented,
    given: () => [
      thing(tasks),
      { ...thing({ x: [shift(1)] }), refuses: [{ z: shift(1) }, { x: [] }, { x: null }] },
      optional(options({ support: boolean(true), queries: boolean(true) })),
    ],
  },
  {
    operation: "flip",
    call: flip,
    given: () => [optional(options({ horizontal: boolean(true), vertical: boolean(true) }))],
  },
  withFill("shift", shift, whole(2)),
  withFill("erase", erase, share(0.5)),
  withFill("rotate", rotate, number(10, -1.5, 0, 181)),
  withFill("scale", scale, number(0.5, -1.5, 0), number(2, -1.5, 0.4)),
  withFill("shear", shear, number(10, -1.5, 0, 61)),
  withFill("timeShift", timeShift, whole(2)),
  withFill("timeMask", timeMask, whole(2)),
  withFill("channelMask", channelMask, whole(2)),
  { operation: "cropAndResize", call: cropAndResize, given: () => [share(0.5)] },
  {
    operation: "elastic",
    call: elastic,
    given: () => [
      optional(
        options({
          strength: optional(positive(8)),
          smoothness: optional(positive(4)),
          fill: optional(number(0)),
        }),
      ),
    ],
  },
  { operation: "brightness", call: brightness, given: () => [positive(0.5)] },
  { operation: "contrast", call: contrast, given: () => [share(0.5)] },
  { operation: "noise", call: noise, given: () => [positive(0.5)] },
  { operation: "mixup", call: mixup, given: () => [share(0.5)] },
  {
    operation: "wordDropout",
    call: wordDropout,
    given: () => [number(0.5, -1.5, 0, 1), optional(options({ becomes: choice("padding") }))],
  },
];
