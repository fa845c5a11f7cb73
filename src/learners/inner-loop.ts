import {
  requireFunction,
  requireNumber,
  requireOneOf,
  requireOptions,
  requireText,
  requireWhole,
  wrong,
} from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import {
  add,
  constant,
  floor,
  KEY_SHAPE,
  literal,
  multiply,
  randomUniform,
  reshape,
  slice,
  square,
  stopGradient,
  subtract,
  sum,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { streamOf } from "../nn/layer.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { clipByGlobalNorm, requireRule } from "../optim/optimizer.ts";
import { mapTensors, prefixed, type Rule, unprefixed } from "../optim/rule.ts";
import type { OptionTable, Settings } from "../options.ts";
import { describeLoop, INNER_OPTIONS } from "./inner-options.ts";
import {
  type Context,
  describeModel,
  gradients,
  initModel,
  type Learner,
  modelTraits,
  type Observed,
  passOf,
  stepEnd,
} from "./learner.ts";
import { requireVector } from "./require.ts";
import { type Selection, selectedNames } from "./selection.ts";

export interface InnerLoopOptions {
  /** The learner, for errors. */
  readonly name: string;
  readonly model: Model;
  readonly rule: Rule;
  readonly adapts: Selection;
  readonly innerSteps: number;
  readonly evaluationSteps: number | undefined;
  /** 1 takes inner gradients as constants; a function where it changes in training. */
  readonly order: 1 | 2 | ((context: Context) => 1 | 2);
  /** The rule's rate, for advice. */
  readonly innerRate: number | undefined;
  /** Common norm that inner gradients are scaled down to; none by default. */
  readonly innerClip?: number | undefined;
  /** lambda of a term lambda/2 |phi - theta|^2 of the inner loss, which holds the adapted phi near its start theta; none by default. */
  readonly proximity?: number;
  /** The examples of an inner step; all by default. */
  examplesOf?(examples: Tensors, context: Context, step: number): Tensors;
}

const OPTION_NAMES = [
  "name",
  "model",
  "rule",
  "adapts",
  "innerSteps",
  "evaluationSteps",
  "order",
  "innerRate",
  "innerClip",
  "proximity",
  "examplesOf",
];

function checkOptions(options: InnerLoopOptions): void {
  requireOptions("innerLoop", options, OPTION_NAMES);
  const { name, model, rule, order, adapts, innerSteps, examplesOf } = options;
  requireText("innerLoop: name", name);
  requireModel(`${name}: model`, model);
  requireRule(`${name}: rule`, rule);
  if (typeof order !== "function") requireOneOf(`${name}: order`, order, [1, 2]);
  if (options.proximity !== undefined) requireNumber(`${name}: proximity`, options.proximity, { from: 0 });
  if (examplesOf !== undefined) requireFunction(`${name}: examplesOf`, examplesOf);
  INNER_OPTIONS.adapts.check(`${name}: adapts`, adapts);
  INNER_OPTIONS.innerSteps.check(`${name}: innerSteps`, innerSteps);
  for (const option of ["evaluationSteps", "innerRate", "innerClip"] as const) {
    if (options[option] !== undefined) INNER_OPTIONS[option].check(`${name}: ${option}`, options[option]);
  }
}

/** The parts of a learner that an inner loop makes, and one of its steps. */
export interface InnerLoop
  extends Pick<
    Learner,
    | "inputs"
    | "width"
    | "batchNorm"
    | "innerRate"
    | "order"
    | "observing"
    | "ordered"
    | "init"
    | "start"
    | "observe"
    | "predict"
  > {
  readonly innerSteps: { readonly training: number; readonly evaluation: number };
  /** One update on the examples. @param step how many were made on them before */
  step(meta: Tensors, state: Tensors, examples: Tensors, context: Context, step: number): Observed;
  /** All updates of a trace. */
  steps(meta: Tensors, state: Tensors, examples: Tensors, context: Context): Observed;
  /** The loss of the examples that a step goes down. */
  loss(meta: Tensors, state: Tensors, examples: Tensors, context: Context): Tensor;
  /** The state after the last step, with the statistics that its weights give on the examples. */
  measure(meta: Tensors, state: Tensors, examples: Tensors, context: Context): Observed;
  /** The inner steps of a trace. */
  stepsNow(context: Context): number;
  /** The parameters that the loop adapts. */
  adapted(tensors: Tensors): Tensors;
}

const RULE = "rule.";
const MEMORY = "memory.";
const STATISTICS = "statistics.";
const STEP = "step";

/**
 * The inner loop of every gradient-based learner: some parameters of a model follow an update rule down the loss of the
 * observed examples. The state is those parameters, the rule's memory, the model's statistics and the number of steps.
 */
export function innerLoop(options: InnerLoopOptions): InnerLoop {
  checkOptions(options);
  const { name, model, rule, adapts, innerSteps, order, innerClip, proximity = 0, examplesOf } = options;
  const width = requireVector(`${name}: model`, model, "end it with linear(…)");
  if (model.batchNorm === "running") {
    throw new OptionError(
      `${name}: batchNorm must be "support", "transductive" or "none", got "running"; inner steps would train with other statistics than predictions use`,
    );
  }
  const names = new Set(selectedNames(model, adapts));
  if (names.size === 0) throw wrong(`${name}: adapts`, "a choice of at least one parameter", adapts);
  const steps = { training: innerSteps, evaluation: options.evaluationSteps ?? innerSteps };
  const adapted = (tensors: Tensors): Tensors =>
    Object.fromEntries(Object.entries(tensors).filter(([path]) => names.has(path)));
  const hasStatistics = model.parameters.some(({ statistic }) => statistic !== undefined);
  const apply = (meta: Tensors, state: Tensors, examples: Tensors, context: Context) =>
    model.apply({ ...meta, ...adapted(state) }, examples, passOf(context, examples, unprefixed(STATISTICS, state)));

  const orderOf = typeof order === "function" ? order : () => order;
  const forward = (meta: Tensors, state: Tensors, examples: Tensors, context: Context) => {
    const { objective } = context.spec;
    const { output, carried } = apply(meta, state, examples, context);
    const loss = objective.loss(objective.read(output), examples);
    return { loss: proximity === 0 ? loss : add(loss, distance(adapted(state), meta, proximity)), carried };
  };

  const loop: InnerLoop = {
    ...modelTraits(model),
    width,
    observing: "continues",
    ordered: false,
    innerSteps: steps,
    ...(options.innerRate === undefined ? {} : { innerRate: options.innerRate }),
    ...(typeof order === "function" ? {} : { order }),
    adapted,

    init(key) {
      const { learned, carried } = initModel(model, key);
      const owned = rule.meta?.(derivedKey(key), adapted(learned)) ?? {};
      return { learned: { ...learned, ...prefixed(RULE, owned) }, carried };
    },

    start(meta) {
      const parameters = unfolded(adapted(meta));
      return {
        ...parameters,
        ...prefixed(MEMORY, rule.start(parameters)),
        ...prefixed(STATISTICS, model.startingStatistics(meta)),
        [STEP]: constant(0),
      };
    },

    stepsNow({ innerSteps: asked, training }) {
      if (asked !== undefined) return requireWhole("innerSteps", asked, 0, 10_000);
      return training ? steps.training : steps.evaluation;
    },

    loss: (meta, state, examples, context) => forward(meta, state, examples, context).loss,

    step(meta, state, examples, context, step) {
      const count = state[STEP] as Tensor;
      const now = { ...context, innerStep: count };
      const { loss, carried } = forward(meta, state, examplesOf?.(examples, now, step) ?? examples, now);
      const parameters = adapted(state);
      const steep = gradients(loss, parameters);
      const slopes = innerClip === undefined ? steep : clipByGlobalNorm(steep, innerClip);
      const next = rule.step({
        meta: unprefixed(RULE, meta),
        memory: unprefixed(MEMORY, state),
        parameters,
        // In use nothing is differentiated but for explanations, which need the whole derivative.
        gradients: context.training && orderOf(context) === 1 ? mapTensors(slopes, stopGradient) : slopes,
        step: count,
      });
      const moved = stepEnd({ ...next.parameters, ...prefixed(MEMORY, next.memory) });
      return { state: { ...state, ...moved, [STEP]: add(count, 1) }, carried };
    },

    measure(meta, state, examples, context) {
      if (!hasStatistics) return { state };
      const { statistics, carried } = apply(meta, state, examples, { ...context, innerStep: state[STEP] as Tensor });
      return { state: { ...state, ...prefixed(STATISTICS, statistics) }, carried };
    },

    steps(meta, state, examples, context) {
      let [now, carried]: [Tensors, Tensors] = [state, {}];
      for (let step = 0; step < loop.stepsNow(context); step++) {
        const next = loop.step(meta, now, examples, context, step);
        now = next.state;
        carried = { ...carried, ...next.carried };
      }
      return { state: now, carried };
    },

    observe(meta, state, examples, context) {
      const moved = loop.steps(meta, state, examples, context);
      // The weights have moved since the last step measured: predictions need the statistics of the final ones.
      const last = loop.measure(meta, moved.state, examples, context);
      return { state: last.state, carried: { ...moved.carried, ...last.carried } };
    },

    predict: (meta, state, inputs, context) =>
      context.spec.objective.read(apply(meta, state, inputs, { ...context, innerStep: state[STEP] as Tensor }).output),
  };
  return loop;
}

/** A key [4] for the rule: its weights must not be those of a layer with the same path. */
function derivedKey(key: Tensor): Tensor {
  // A key is four whole numbers below 2^16.
  return floor(multiply(randomUniform(key, KEY_SHAPE, streamOf(RULE)), 2 ** 16));
}

/**
 * Parameters that begin at constants, such as biases that are not learned, as parts of one array: a constant folds into what reads
 * it, and equal arrays are one node of the graph, so that nothing would be left to differentiate by.
 */
function unfolded(parameters: Tensors): Tensors {
  const constants = Object.values(parameters).filter((each) => constantValue(each) !== undefined);
  if (constants.length === 0) return parameters;
  const values = constants.map((each) => new Float32Array(each.size).fill(constantValue(each) as number));
  const all = literal(values.flatMap((each) => [...each]));
  let from = 0;
  return mapTensors(parameters, (value) => {
    if (constantValue(value) === undefined) return value;
    const part = slice(all, [from], [value.size]);
    from += value.size;
    return reshape(part, value.shape);
  });
}

/** lambda/2 |phi - theta|^2 */
function distance(phi: Tensors, theta: Tensors, lambda: number): Tensor {
  const squares = Object.entries(phi).map(([name, value]) => sum(square(subtract(value, theta[name] as Tensor))));
  return multiply(
    squares.reduce((total, each) => add(total, each)),
    lambda / 2,
  );
}

/** What a learner's options say of its inner loop. */
interface LoopSettings {
  readonly innerSteps: number;
  readonly evaluationSteps: number | undefined;
  readonly innerClip?: number | undefined;
  readonly adapts?: Selection;
}

/** What a learner gives its inner loop besides. `name` is what errors and descriptions call the learner. */
type LoopParts = Omit<InnerLoopOptions, "model" | "adapts" | "innerSteps" | "evaluationSteps"> & {
  readonly adapts?: Selection;
};

/** A learner that is an inner loop. */
export type LoopLearner = InnerLoop & Pick<Learner, "name" | "description">;

/** A learner that is an inner loop, with the description that its options give. */
export function loopLearner<T extends OptionTable>(
  model: Model,
  table: T,
  settings: Settings<T> & LoopSettings,
  parts: LoopParts,
): LoopLearner {
  const { name, adapts = settings.adapts ?? "all" } = parts;
  const { innerSteps, evaluationSteps, innerClip } = settings;
  return {
    ...innerLoop({ ...parts, model, adapts, innerSteps, evaluationSteps, innerClip }),
    name,
    description: `${name}${describeLoop(table, settings, model)}; ${describeModel(model)}`,
  };
}
