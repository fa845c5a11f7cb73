/** Targets relative to those of the support set: what a learner sees of them, and what its predictions then mean. */
import { requireBoolean, requireOptions, wrong } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  add,
  constant,
  divide,
  full,
  greater,
  multiply,
  reshape,
  select,
  sqrt,
  square,
  subtract,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { moments } from "./moments.ts";
import { type Objective, requireObjective } from "./objective.ts";

/** Options of `relative`. */
export interface RelativeOptions {
  /** Less the mean of the support set's targets; true by default. */
  readonly centre?: boolean;
  /** Divided by their standard deviation; true by default. */
  readonly scale?: boolean;
}

/** Prefixes of names: they are in files. */
const NAMES = { both: "relative", centre: "centred", scale: "scaled" } as const;

/**
 * An objective whose learners work with targets less the mean of the support set's and divided by their deviation, number by
 * number: what they predict is put back into the units of the targets, and so are the metric and the numbers of a page that
 * adapts. The outer loss is of the relative targets, so that every task counts alike.
 *
 * The first examples that a task shows fix mean and deviation; where their targets are all equal, the deviation counts as 1.
 * @param objective one whose outputs are `mean`, and `deviation` where it has one: `regression(1)`, `gaussian(1)`
 * @throws OptionError for an objective of other outputs, or where neither centre nor scale is asked for
 */
export function relative(objective: Objective, options: RelativeOptions = {}): Objective {
  requireObjective("relative: objective", objective);
  requireOptions("relative", options, ["centre", "scale"]);
  const { centre = true, scale = true } = options;
  requireBoolean("relative: centre", centre);
  requireBoolean("relative: scale", scale);
  if (!centre && !scale) throw wrong("relative: centre or scale", "true", false);
  if (objective.classes || objective.relative || objective.link) {
    throw wrong("relative: objective", "one of numbers, such as regression(1) or gaussian(1)", objective.name);
  }
  const name = NAMES[centre && scale ? "both" : centre ? "centre" : "scale"];
  return {
    ...objective,
    name: `${name} ${objective.name}`,
    relative: { objective, centre, scale },
    resize: (outputs) => relative(objective.resize(outputs), { centre, scale }),
  };
}

/** Mean and deviation [outputs] of targets, or what leaves them as they are. */
export interface Frame {
  readonly centre: Tensor;
  readonly scale: Tensor;
}

/** Part of the mean square below which a variance is rounding error: f32 has 24 bits. */
const ROUNDING = 1e-12;

/** The frame before any example. */
export const startingFrame = (outputs: number): Frame => ({ centre: zeros([outputs]), scale: full([outputs], 1) });

/** The frame of the targets y [n, outputs] of some examples. */
export function frameOf({ relative: options, outputs }: Objective, { y, weight }: Tensors): Frame {
  const none = startingFrame(outputs);
  const { mean, variance } = moments(y as Tensor, [0], weight);
  const [centre, spread] = [reshape(mean, [outputs]), reshape(variance, [outputs])];
  const varies = greater(spread, multiply(add(square(centre), spread), ROUNDING));
  return {
    centre: options?.centre ? centre : none.centre,
    // The root of what is no variance would have an infinite derivative.
    scale: options?.scale ? select(varies, sqrt(select(varies, spread, 1)), constant(1)) : none.scale,
  };
}

/** Examples with their targets in a frame. */
export function inFrame(examples: Tensors, { centre, scale }: Frame): Tensors {
  return { ...examples, y: divide(subtract(examples.y as Tensor, centre), scale) };
}

/** Named outputs of the relative targets as those of the targets. */
export function outOfFrame({ mean, deviation, ...others }: Tensors, { centre, scale }: Frame): Tensors {
  return {
    ...others,
    ...(mean === undefined ? {} : { mean: add(multiply(mean, scale), centre) }),
    ...(deviation === undefined ? {} : { deviation: multiply(deviation, scale) }),
  };
}
