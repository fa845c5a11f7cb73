import type { Tensors } from "../graph/graph.ts";
import { add, constant, divide, maximum, multiply, subtract } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { perStep } from "../nn/per-step.ts";
import { sgd } from "../optim/optimizer.ts";
import { stepRates } from "../optim/step-rates.ts";
import { type Given, readOptions, toggle, whole } from "../options.ts";
import { type LoopLearner, loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, SINUSOID_RATES, SINUSOID_RUN } from "./inner-options.ts";
import { adapt, type Context, type Learner, type OuterLoss, type TensorTask } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";

const { adapts: _, ...COMMON } = INNER_OPTIONS;
const OPTIONS = {
  ...COMMON,
  multiStep: whole(
    "iterations over which the query loss after every inner step counts, less and less; 0: the last alone",
    {
      least: 0,
      default: 10_000,
    },
  ),
  firstOrder: whole("iterations with first-order meta-gradients, before those of second order", {
    least: 0,
    default: 0,
  }),
  learnedRates: toggle("learn a rate for every parameter array and inner step", true),
  stepStatistics: toggle("averages of batch normalisation for every inner step", true),
  stepWeights: toggle("scales and shifts of normalisation for every inner step", true),
};
export type MamlPlusPlusOptions = Given<typeof OPTIONS>;

const FIRST_ORDER = "first order";
const EVERY_STEP = "every step";
/** Least share of 1/N that the loss of a step before the last keeps (the authors' code). */
const LEAST_SHARE = 0.03;

/**
 * MAML++ (Antoniou, Edwards and Storkey 2019, section 4): MAML with a multi-step loss, derivative-order annealing, rates for every
 * parameter array and step, and normalisation with arrays of its own for every step. The sixth part, a cosine schedule of the meta
 * rate, is the outer optimizer's: `adam(cosineDecay(1e-3, { steps, final: 1e-5 }))`.
 */
export function mamlPlusPlus(model: Model, options: MamlPlusPlusOptions = {}): Learner {
  requireModel("mamlPlusPlus: model", model);
  const settings = readOptions("mamlPlusPlus", OPTIONS, options);
  const { innerSteps, innerRate, multiStep, firstOrder, learnedRates, stepStatistics, stepWeights } = settings;
  const body = perStep(model, innerSteps, { statistics: stepStatistics, weights: stepWeights });
  const loop = loopLearner(body, OPTIONS, settings, {
    name: "mamlPlusPlus",
    adapts: isAdapted,
    order: ({ phase }) => (phase?.startsWith(FIRST_ORDER) ? 1 : 2),
    rule: learnedRates ? stepRates({ rate: innerRate, steps: Math.max(1, innerSteps) }) : sgd(innerRate),
    innerRate,
  });
  return {
    ...loop,
    name: "maml-plus-plus",
    phase: (iteration) =>
      `${iteration < firstOrder ? FIRST_ORDER : "second order"}, ${iteration < multiStep ? EVERY_STEP : "last step"}`,
    outerLoss: (theta, task, context) =>
      context.phase?.endsWith(EVERY_STEP) && context.spec.queries > 0 && loop.stepsNow(context) > 0
        ? multiStepLoss(loop, theta, task, context, multiStep)
        : undefined,
  };
}

/** The outer loop alone learns scales and shifts of normalisation. */
const isAdapted = (path: string): boolean => !/(^|\.)(scale|shift)(\.\d+)?$/.test(path);

/**
 * The multi-step loss (section 4): the query losses after each of the N steps on the last segment, weighted. The weights are equal at first; over
 * `annealing` iterations those of all steps but the last fall to `LEAST_SHARE` of that, and the last one's grows by as much.
 */
function multiStepLoss(
  loop: LoopLearner,
  theta: Tensors,
  { segments, queries }: TensorTask,
  context: Context,
  annealing: number,
): OuterLoss {
  const N = loop.stepsNow(context);
  const losses: Tensor[] = [];
  const watched: Learner = {
    ...loop,
    observe(meta, start, examples, inner) {
      if (examples !== segments[segments.length - 1]) return loop.observe(meta, start, examples, inner);
      let [state, carried]: [Tensors, Tensors] = [start, {}];
      for (let step = 0; step < N; step++) {
        const next = loop.step(meta, state, examples, inner, step);
        const measured = loop.measure(meta, next.state, examples, inner);
        const outputs = loop.predict(meta, measured.state, queries, { ...inner, role: "query" });
        losses.push(inner.spec.objective.loss(outputs, queries));
        state = next.state;
        carried = { ...carried, ...next.carried, ...measured.carried };
      }
      return { state, carried };
    },
  };
  const { carried = {} } = adapt(watched, theta, segments, context);
  const last = losses.pop() as Tensor;
  const share = multiply(maximum(subtract(1, divide(context.iteration, annealing)), LEAST_SHARE), 1 / N);
  const others = losses.reduce((total, each) => add(total, each), constant(0));
  const loss = add(multiply(others, share), multiply(last, subtract(1, multiply(share, N - 1))));
  return { loss, carried };
}

export const mamlPlusPlusRecord: LearnerRecord<typeof OPTIONS> = {
  name: "maml-plus-plus",
  paper: "Antoniou, Edwards and Storkey 2019",
  summary: "MAML with a loss after every step, and rates and normalisation of each step's own",
  options: OPTIONS,
  model: "predictor",
  adapts: isAdapted,
  make: mamlPlusPlus,
  settings: {
    sinusoid: { options: SINUSOID_RATES, run: SINUSOID_RUN },
    omniglot: { options: { innerRate: 0.1 } },
  },
};
