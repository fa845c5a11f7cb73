/** What every feature makes of made-up rows, and every augmentation of made-up examples: the same bits in all runtimes. */
import { type EpisodeSource, episodes, fold, fromArrays, keyOf } from "quickstudy";
import {
  type Augmentation,
  augmented,
  brightness,
  channelMask,
  clip,
  contrast,
  cropAndResize,
  elastic,
  erase,
  type Feature,
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
  type Pixels,
  pixels,
  preprocess,
  rotate,
  type Series,
  type Sound,
  scale,
  series,
  shear,
  shift,
  standardise,
  type Table,
  tableOf,
  tfidf,
  timeMask,
  timeShift,
  tokens,
  wordDropout,
} from "quickstudy/data";
import { joined, type Outputs, uniform } from "./made-up.ts";

const TEXTS = [
  "What's the weather like in Zürich?",
  "ПРИВЕТ, мир! Ünïcode — ΑΒΓ 今日は 😀😀",
  "play the song again, play it again",
  null,
  "set an alarm for 7:30",
];

function image(seed: number): Pixels {
  const [height, width, channels] = [11 + seed, 17 - seed, 4] as const;
  const data = Uint8Array.from(uniform(seed, height * width * channels, 0, 256), Math.floor);
  return { height, width, channels, data };
}

const sound = (seed: number): Sound => ({
  rate: [8000, 11_025, 44_100][seed % 3] as number,
  channels: 1 + (seed % 2),
  samples: uniform(20 + seed, 3000 + 200 * seed),
});

const recorded = (seed: number): Series => ({ channels: 3, values: uniform(30 + seed, 3 * (5 + 4 * seed), -5, 9) });

/** Five rows of everything. */
function rows(): Table {
  const seeds = [0, 1, 2, 3, 4];
  return tableOf({
    age: [...uniform(1, 4, 20, 80), null],
    pressure: [...uniform(2, 4, 90, 180), null],
    kind: ["b", "é", null, "a", "b"],
    code: [3, 1, 10, null, 1],
    text: TEXTS,
    image: seeds.map(image),
    sound: seeds.map(sound),
    series: seeds.map(recorded),
  });
}

const FEATURES: Readonly<Record<string, Feature>> = {
  standardise: standardise("age", "pressure"),
  minMax: minMax("age", "pressure", { missing: "median" }),
  numbers: numbers("age", "pressure"),
  oneHot: oneHot("kind", "code", { other: true }),
  ordinal: ordinal("code"),
  isMissing: isMissing("age", "kind", "text"),
  clip: clip(standardise("pressure"), -0.5, 0.5),
  hashedNgrams: hashedNgrams("text", { size: 256, weighting: "tfidf" }),
  tfidf: tfidf("text", { words: [1, 2], characters: [2, 3], most: 200 }),
  tokens: tokens("text", { length: 6, vocabulary: 9 }),
  tokensMask: tokens("text", { length: 6, vocabulary: 9 }).mask,
  pixels: pixels("image", { size: [9, 20], channels: 3, fit: "pad", normalise: "standard" }),
  grey: pixels("image", { size: 8, fit: "crop", invert: true }),
  logMel: logMel("sound", { frames: 20 }),
  logMelMask: logMel("sound", { frames: 20 }).mask,
  series: series("series", { length: 9, from: "centre" }),
  seriesMask: series("series", { length: 9, from: "centre" }).mask,
};

const IMAGES: Readonly<Record<string, Augmentation>> = {
  flip: flip({ vertical: true }),
  shift: shift(2),
  erase: erase(0.4),
  brightness: brightness(0.2),
  contrast: contrast(0.3),
  rotate: rotate(20),
  scale: scale(0.8, 1.2),
  shear: shear(10),
  cropAndResize: cropAndResize(0.6),
  elastic: elastic(),
  noise: noise(0.1),
  mixup: mixup(0.4),
};

const SEQUENCES: Readonly<Record<string, Augmentation>> = {
  timeShift: timeShift(3),
  timeMask: timeMask(3),
  channelMask: channelMask(2),
  wordDropout: wordDropout(0.3),
};

function source(shape: readonly number[]): EpisodeSource {
  const [classes, each] = [4, 5];
  const x = uniform(40, classes * each * shape.reduce((product, extent) => product * extent, 1), 0, 1);
  const y = Array.from({ length: classes * each }, (_, i) => Math.floor(i / each));
  return episodes(fromArrays({ x, y, shape: [...shape] }), { ways: 3, shots: 2, queries: 1 });
}

/** Support sets and queries of three keys. */
function tasksOf(shape: readonly number[], augmentation: Augmentation): Float32Array {
  const tasks = augmented(source(shape), { x: augmentation }, { queries: true });
  const parts = [0, 1, 2].map((i) => tasks.sample(fold(keyOf(8), i)));
  return joined(parts.flatMap(({ support, queries }) => [support.x, queries.x]));
}

/** The features, each fitted to four rows and applied to all of five; the augmentations, each of support and queries. */
export function data(): Outputs {
  const table = rows();
  const fitted = preprocess(FEATURES).fit(table.rows([0, 1, 2, 3]));
  const unpacked = preprocess(FEATURES).unpack(fitted.pack());
  const changed = (shape: readonly number[], list: Readonly<Record<string, Augmentation>>) =>
    Object.entries(list).map(([name, each]) => [name, tasksOf(name === "wordDropout" ? [24] : shape, each)] as const);
  return {
    ...unpacked.apply(table),
    ...Object.fromEntries([...changed([9, 7, 2], IMAGES), ...changed([12, 4], SEQUENCES)]),
  };
}
