/** What tasks of files have in common: options, specs and the usual models of their examples. */
import type { Shape } from "../../graph/shape.ts";
import { BATCH_NORM_MODES, type BatchNormMode } from "../../nn/layer.ts";
import { flatten, l2Normalise, linear, scale, sequential } from "../../nn/layers.ts";
import { type Model, model } from "../../nn/model.ts";
import { conv4, mlp } from "../../nn/networks.ts";
import { classification } from "../../nn/objective.ts";
import { choice, found, text, whole } from "../../options.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import type { TaskSpec } from "../../tasks/types.ts";
import type { TableTasks } from "./data-task.ts";
import { unitOf, unitsOf } from "./data-task.ts";
import { partsOf } from "./task-parts.ts";

type Kind = Parameters<TaskRecord["model"]>[1];

/** Of every task of files. */
export const SIZES = {
  shots: whole("support examples of a class, or of a group whose numbers are predicted", { least: 1, default: 1 }),
  queries: whole("query examples of a class, or of a group whose numbers are predicted", { least: 1, default: 5 }),
  small: choice("what to do about classes or groups of too few examples", ["refuse", "skip", "fewer"], "refuse"),
};

export const WAYS = { ways: whole("classes of an episode", { least: 2, most: 10_000, default: 5 }) };

/** Of tasks whose classes or groups are divided. */
export const DIVISION = {
  split: text(
    "JSON file of the classes or groups of each part, { train, validation, test }; by seed without",
    undefined,
  ),
  splitSeed: whole("which division into parts, where it is by seed", { least: 0, default: 1 }),
};

/** Of tasks of images and spectrograms. */
export const NETWORK = {
  filters: whole("filters of the Conv-4", { least: 1, most: 4096, default: 64 }),
  batchNorm: choice("statistics of batch normalisation", BATCH_NORM_MODES, "support"),
};

/** Read off the data. */
export const FOUND = {
  numbers: found(whole("numbers of an example", { least: 1, default: 1 })),
  classes: found(whole("labels that every group has", { least: 2, default: 2 })),
};

export const IMAGES = {
  size: whole("pixels of each side, to which images are brought", { least: 16, most: 512, default: 28 }),
  channels: choice("1 for grey, 3 for red, green and blue", [1, 3], 1),
};

/** Tasks of a class or group kind, divided as the options say. */
export async function divided(
  tasks: Omit<TableTasks, "parts">,
  { split, splitSeed, ways }: { readonly split: string | undefined; readonly splitSeed: number; readonly ways: number },
): Promise<TableTasks> {
  const { table, kind } = tasks;
  const least = kind.of === "classes" ? ways : 1;
  const units = unitsOf(table, unitOf(kind));
  return { ...tasks, parts: await partsOf(table.name, units, { split, splitSeed, least }) };
}

/** The spec of episodes of `classes` classes. */
export function classSpec(
  shape: Shape,
  classes: number,
  { shots, queries }: { readonly shots: number; readonly queries: number },
): TaskSpec {
  return {
    inputs: { x: shape },
    objective: classification(classes),
    segments: [classes * shots],
    queries: classes * queries,
  };
}

const UNITS = 64;

/** A multilayer perceptron for vectors. */
export function vectorModel(numbers: number, kind: Kind, width: number): Model {
  if (kind === "features") return model([numbers], flatten());
  return mlp({ inputShape: numbers, hidden: [UNITS, UNITS], outputs: kind === "predictor" ? width : UNITS });
}

/** The Conv-4 for images: strided where it predicts, as MAML has it, with pooling where it embeds. */
export function imageModel(
  inputShape: readonly [number, number, number],
  { filters, batchNorm }: { readonly filters: number; readonly batchNorm: BatchNormMode },
  kind: Kind,
  width: number,
): Model {
  const images = { inputShape, filters, batchNorm };
  if (kind === "predictor") return conv4({ ...images, outputs: width });
  return conv4({ ...images, downsampling: kind === "maps" ? "maps" : "maxPool" });
}

/** A learned weight for every n-gram: which words matter is what domains have in common. */
export function wordsModel(numbers: number, kind: Kind, width: number): Model {
  if (kind === "features") return model([numbers], flatten());
  const weighted = { scale: scale(), norm: l2Normalise() };
  return model([numbers], sequential(kind === "predictor" ? { ...weighted, head: linear(width) } : weighted));
}
