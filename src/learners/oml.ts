import type { Tensors } from "../graph/graph.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import { add, multiply, reshape, slice } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { sgd } from "../optim/optimizer.ts";
import { mapTensors } from "../optim/rule.ts";
import { type Given, readOptions, whole } from "../options.ts";
import { loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, ORDER, SINUSOID_RUN } from "./inner-options.ts";
import { adapt, allExamples, type Context, drawRows, type Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";

const { innerSteps: _, adapts: __, ...COMMON } = INNER_OPTIONS;
const OPTIONS = {
  innerSteps: whole("times that the examples are gone through, one step for each", {
    least: 0,
    most: 10_000,
    default: 1,
  }),
  ...COMMON,
  order: ORDER,
  trajectory: whole("examples learned from, drawn with replacement, that the outer loss asks for beside the queries", {
    least: 0,
    default: 0,
  }),
};
export type OmlOptions = Given<typeof OPTIONS>;

/** Stream of the draws of the outer loss. */
const DRAWS = 0x031;

/**
 * Online-aware meta-learning (Javed and White 2019, algorithm 2): a representation theta and the start of a prediction network W, which
 * is the model's head. On a task W takes one step of gradient descent for each example, in the order in which they come; theta stays as
 * it is. The outer loss is that of queries of all that was seen, so that what is learned last must not undo what came first.
 */
export function oml(model: Model, options: OmlOptions = {}): Learner {
  const settings = readOptions("oml", OPTIONS, options);
  const { innerRate, order, trajectory } = settings;
  const rule = sgd(innerRate);
  const loop = loopLearner(model, OPTIONS, settings, { name: "oml", order, rule, innerRate, adapts: "head" });
  const learner: Learner = {
    ...loop,
    ordered: true,

    observe(meta, start, examples, context) {
      // Nothing moves the representation: its statistics are those of the whole segment, and single examples are read with them.
      const measured = loop.measure(meta, start, examples, context);
      let [state, carried]: [Tensors, Tensors] = [measured.state, measured.carried ?? {}];
      for (let pass = 0; pass < loop.stepsNow(context); pass++) {
        const after = add(state.step as Tensor, 1);
        for (let row = 0; row < lengthOf(examples); row++) {
          const example = rowOf(examples, row);
          const next = loop.step(meta, state, example, scaled({ ...context, role: "query" }, example), pass);
          [state, carried] = [next.state, { ...carried, ...next.carried }];
        }
        // An inner step is a pass: padding must not count.
        state = { ...state, step: after };
      }
      return { state, carried };
    },

    outerLoss(meta, task, context) {
      const { spec, key } = context;
      if (trajectory === 0 || spec.queries === 0) return undefined;
      const { state, carried } = adapt(learner, meta, task.segments, context);
      const again = drawRows(allExamples({ ...task, queries: {} }), trajectory, key, DRAWS);
      const asked = allExamples({ segments: [again], queries: task.queries });
      const outputs = learner.predict(meta, state, asked, { ...context, role: "query" });
      return { loss: spec.objective.loss(outputs, asked), ...(carried === undefined ? {} : { carried }) };
    },
  };
  return learner;
}

const lengthOf = ({ weight }: Tensors): number => (weight as Tensor).shape[0] as number;

/** One example, as a batch of one. */
const rowOf = (examples: Tensors, row: number): Tensors =>
  mapTensors(examples, (column) =>
    slice(column, [row, ...column.shape.slice(1).map(() => 0)], [1, ...column.shape.slice(1)]),
  );

/** A mean over one example is the same for every weight: here the weight scales its step, and padding takes none. */
function scaled(context: Context, { weight }: Tensors): Context {
  if (constantValue(weight as Tensor) === 1) return context;
  const { objective } = context.spec;
  const loss: typeof objective.loss = (outputs, example) =>
    multiply(objective.loss(outputs, example), reshape(weight as Tensor, []));
  return { ...context, spec: { ...context.spec, objective: { ...objective, loss } } };
}

export const omlRecord: LearnerRecord<typeof OPTIONS> = {
  name: "oml",
  paper: "Javed and White 2019",
  summary: "features in which a head learns examples one by one without forgetting those before",
  options: OPTIONS,
  model: "predictor",
  adapts: "head",
  make: oml,
  settings: {
    sinusoid: { options: { innerRate: 0.01, innerClip: 100 }, run: SINUSOID_RUN },
    omniglot: { options: { innerRate: 0.1 } },
  },
};
