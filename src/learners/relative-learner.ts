/** Learners under an objective of `relative`: they see targets in the frame of the support set, whoever uses them does not. */
import { add, constant, select } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Objective, servedBy } from "../nn/objective.ts";
import { type Frame, frameOf, inFrame, outOfFrame, startingFrame } from "../nn/relative.ts";
import type { TaskSpec } from "../tasks/types.ts";
import type { Context, Learner, TensorTask } from "./learner.ts";

/** Names of a state. */
const CENTRE = "frame.centre";
const SCALE = "frame.scale";
const SEEN = "frame.seen";

/** A spec as the learner sees it. */
const within = (spec: TaskSpec): TaskSpec => ({ ...spec, objective: servedBy(spec.objective) });
const inside = (context: Context): Context => ({ ...context, spec: within(context.spec) });

/** The same learner for tasks of a spec: that itself, unless their targets are relative. */
export function learnerFor(learner: Learner, { objective }: Pick<TaskSpec, "objective">): Learner {
  return objective.relative === undefined ? learner : relativeLearner(learner, objective);
}

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
export function trainingTask(
  task: TensorTask,
  context: Context,
): { readonly task: TensorTask; readonly context: Context } {
  const { objective } = context.spec;
  const [first] = task.segments;
  if (objective.relative === undefined || first === undefined) return { task, context };
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
