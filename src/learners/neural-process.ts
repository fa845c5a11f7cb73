/**
 * What learners with networks of their own over features of the examples have in common: targets as the networks read them, named
 * outputs, and for neural processes the loss.
 */
import { wrong } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { oneHot } from "../graph/operators/index.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Model, named } from "../nn/model.ts";
import { gaussian, type Objective, requireObjective, servedBy } from "../nn/objective.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import { whole } from "../options.ts";
import { embedsAlone } from "./class-sums.ts";
import { type Context, describeModel, foldLoss, initModel, type Learner, modelTraits, passOf } from "./learner.ts";
import { requireVector } from "./require.ts";

export const WIDTH = whole("units of hidden layers, and numbers of a representation", {
  least: 1,
  most: 65_536,
  default: 64,
});

export const UNITS = whole("cells of the recurrent network", { least: 1, most: 65_536, default: 64 });

export const HEADS = whole("attention heads; they divide the width", { least: 1, most: 256, default: 4 });

/** @throws OptionError unless attention heads share the width evenly */
export function requireHeads(what: string, heads: number, width: number): void {
  if (width % heads !== 0) throw wrong(`${what}: heads`, `a divisor of the width ${width}`, heads);
}

/** Examples as networks read them. */
export interface Encoded {
  /** Features [n, D]. */
  readonly x: Tensor;
  /** Targets [n, T]: numbers as they are, classes as ones and zeros. */
  readonly y: Tensor;
  /** [n] */
  readonly weight: Tensor;
}

/** What networks are made for. */
export interface Sizes {
  /** Numbers of an example's features. */
  readonly D: number;
  /** Numbers of a target as it is read. */
  readonly T: number;
  /** Numbers that the objective reads. */
  readonly outputs: number;
  /** Classes of a task, or 1 where targets are numbers. */
  readonly groups: number;
}

/** A learner of this family without what all have in common. */
export interface Process extends Pick<Learner, "observing"> {
  /** Set where the order of examples matters. */
  readonly ordered?: true;
  /** Each is `named` apart from the others and from `features`. */
  readonly networks: readonly Model[];
  start(context: Context): Tensors;
  observe(meta: Tensors, state: Tensors, examples: Encoded, context: Context): Tensors;
  /** @param x features [n, D] @returns [n, outputs] */
  predict(meta: Tensors, state: Tensors, x: Tensor, context: Context): Tensor;
}

const FEATURES = "features";
/** Prefix of what a process itself keeps, beside the statistics of its features. */
const STATE = "task.";

/**
 * The objective that a neural process predicts and trains by. Under mean squared error it is a normal distribution, so that
 * predictions have a deviation; the metric of reports stays.
 */
const densityOf = (objective: Objective): Objective =>
  objective.name === "regression" ? gaussian(objective.outputs) : objective;

/**
 * A network without batch normalisation on rows [n, inputs].
 * @param weight [n] of rows as they are read by others, where it has attention
 */
export function applied(network: Model, meta: Tensors, x: Tensor, context: Context, weight?: Tensor): Tensor {
  const pass = passOf(context, { x }, {});
  return network.apply(meta, { x }, weight === undefined ? pass : { ...pass, weight }).output;
}

/** A neural process over features of the examples: `overFeatures` with predictions that have a deviation. */
export function neuralProcess(
  name: readonly [string, string],
  features: Model,
  objective: Objective,
  make: (sizes: Sizes) => Process,
): Learner {
  requireObjective(`${name[0]}: objective`, objective);
  return overFeatures(name, features, objective, make, densityOf(servedBy(objective)));
}

/**
 * A learner of a process over features of the examples.
 * @param name of the learner, with its options that are not at their default
 * @param given the objective of the tasks
 * @param predicted the objective that it predicts and trains by, where it is another
 */
export function overFeatures(
  [name, options]: readonly [string, string],
  features: Model,
  given: Objective,
  make: (sizes: Sizes) => Process,
  predicted?: Objective,
): Learner {
  const D = requireVector(`${name}: features`, features);
  requireObjective(`${name}: objective`, given);
  const objective = servedBy(given);
  const density = predicted ?? objective;
  const T = objective.classes ? objective.outputs : sizeOf(objective.targets.y ?? []);
  const process = make({ D, T, outputs: density.width, groups: objective.classes ? T : 1 });
  const body = named(FEATURES, features);
  const networks = [body, ...process.networks];
  const embed = (meta: Tensors, state: Tensors, examples: Tensors, context: Context) =>
    body.apply(meta, examples, passOf(context, examples, state));
  const learner: Learner = {
    ...modelTraits(features),
    name,
    description: `${name}${options} for ${objective.name}(${objective.outputs}); ${describeModel(features)}`,
    width: objective.width,
    amortised: true,
    observing: embedsAlone(features) ? process.observing : "continues",
    ordered: process.ordered ?? false,

    init(key) {
      const parts = networks.map((each) => initModel(each, key));
      return {
        learned: Object.assign({}, ...parts.map(({ learned }) => learned)),
        carried: Object.assign({}, ...parts.map(({ carried }) => carried)),
      };
    },

    start(meta, context) {
      requireTheSame(name, objective, context.spec.objective);
      return { ...prefixed(STATE, process.start(context)), ...body.startingStatistics(meta) };
    },

    observe(meta, state, examples, context) {
      const { output, statistics, carried } = embed(meta, state, examples, context);
      const { y, weight } = examples as { readonly y: Tensor; readonly weight: Tensor };
      const encoded = { x: output, y: objective.classes ? oneHot(y, objective.outputs) : y, weight };
      const next = process.observe(meta, unprefixed(STATE, state), encoded, context);
      return { state: { ...state, ...prefixed(STATE, next), ...statistics }, carried };
    },

    predict(meta, state, inputs, context) {
      const { output } = embed(meta, state, inputs, context);
      return density.read(process.predict(meta, unprefixed(STATE, state), output, context));
    },

    ...(density === objective
      ? {}
      : {
          outerLoss: (meta, task, context) =>
            foldLoss(learner, meta, task, { ...context, spec: { ...context.spec, objective: density } }),
        }),
  };
  return learner;
}

/** @throws OptionError for tasks of another objective than the learner was made for */
function requireTheSame(name: string, made: Objective, got: Objective): void {
  if (got.outputs === made.outputs && [made.name, densityOf(made).name].includes(got.name)) return;
  throw new OptionError(
    `${name}: tasks must be of ${made.name}(${made.outputs}), which the learner was made for, got ${got.name}(${got.outputs})`,
  );
}
