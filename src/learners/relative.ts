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
import { moments } from "../nn/moments.ts";
import { type Objective, requireObjective, servedBy } from "../nn/objective.ts";
import type { TaskSpec } from "../tasks/types.ts";
import type { Context, Learner, TensorTask } from "./learner.ts";

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
  const made: Objective = {
    ...objective,
    name: `${name} ${objective.name}`,
    relative: {
      objective,
      centre,
      scale,
      // The floor of objectives knows neither learners nor tasks.
      learner: <L>(learner: L) => relativeLearner(learner as Learner, made) as L,
      task: <T, C>(task: T, context: C) =>
        trainingTask(task as TensorTask, context as Context) as { readonly task: T; readonly context: C },
    },
    resize: (outputs) => relative(objective.resize(outputs), { centre, scale }),
  };
  return made;
}

/** Mean and deviation [outputs] of targets, or what leaves them as they are. */
interface Frame {
  readonly centre: Tensor;
  readonly scale: Tensor;
}

/** Part of the mean square below which a variance is rounding error: f32 has 24 bits. */
const ROUNDING = 1e-12;

/** The frame before any example. */
const startingFrame = (outputs: number): Frame => ({ centre: zeros([outputs]), scale: full([outputs], 1) });

/** The frame of the targets y [n, outputs] of some examples. */
function frameOf({ relative: options, outputs }: Objective, { y, weight }: Tensors): Frame {
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
function inFrame(examples: Tensors, { centre, scale }: Frame): Tensors {
  return { ...examples, y: divide(subtract(examples.y as Tensor, centre), scale) };
}

/** Named outputs of the relative targets as those of the targets. */
function outOfFrame({ mean, deviation, ...others }: Tensors, { centre, scale }: Frame): Tensors {
  return {
    ...others,
    ...(mean === undefined ? {} : { mean: add(multiply(mean, scale), centre) }),
    ...(deviation === undefined ? {} : { deviation: multiply(deviation, scale) }),
  };
}

/** Names of a state. */
const CENTRE = "frame.centre";
const SCALE = "frame.scale";
const SEEN = "frame.seen";

/** A spec as the learner sees it. */
const within = (spec: TaskSpec): TaskSpec => ({ ...spec, objective: servedBy(spec.objective) });
const inside = (context: Context): Context => ({ ...context, spec: within(context.spec) });

function relativeLearner(learner: Learner, objective: Objective): Learner {
  const frameIn = (state: Readonly<Record<string, Tensor>>): Frame => ({
    centre: state[CENTRE] as Tensor,
    scale: state[SCALE] as Tensor,
  });
  return {
    ...learner,

    start(meta, context) {
      const { centre, scale } = startingFrame(objective.outputs);
      return { ...learner.start(meta, inside(context)), [CENTRE]: centre, [SCALE]: scale, [SEEN]: constant(0) };
    },

    observe(meta, state, examples, context) {
      const seen = state[SEEN] as Tensor;
      const [known, first] = [frameIn(state), frameOf(objective, examples)];
      const frame = {
        centre: select(seen, known.centre, first.centre),
        scale: select(seen, known.scale, first.scale),
      };
      const next = learner.observe(meta, state, inFrame(examples, frame), inside(context));
      const kept = { [CENTRE]: frame.centre, [SCALE]: frame.scale, [SEEN]: add(seen, 1) };
      return { ...next, state: { ...next.state, ...kept } };
    },

    predict: (meta, state, inputs, context) =>
      outOfFrame(learner.predict(meta, state, inputs, inside(context)), frameIn(state)),
  };
}

/**
 * A task as a learner trains on it: targets in the frame of the first segment, and the objective of these. Whole tasks are at
 * hand in training, so that losses of the learner's own and the usual one see the same.
 */
function trainingTask(task: TensorTask, context: Context): { readonly task: TensorTask; readonly context: Context } {
  const [first] = task.segments;
  if (first === undefined) return { task, context };
  const { objective } = context.spec;
  const frame = frameOf(objective, first);
  const { segments, queries } = task;
  return {
    task: {
      segments: segments.map((examples) => inFrame(examples, frame)),
      queries: queries.y === undefined ? queries : inFrame(queries, frame),
    },
    context: inside(context),
  };
}
