import { requireFunction, requireOneOf, requireOptions, requireText, requireWhole, wrong } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { add, constant, floor, KEY_SHAPE, multiply, randomUniform, stopGradient } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { streamOf } from "../nn/layer.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { RULES, type RuleName, requireRule } from "../optim/optimizer.ts";
import { mapTensors, prefixed, type Rule, unprefixed } from "../optim/rule.ts";
import {
  choice,
  describeOptions,
  number,
  type Option,
  type OptionTable,
  type Settings,
  value,
  whole,
} from "../options.ts";
import { type Context, gradients, initModel, type Learner, modelTraits, passOf, stepEnd } from "./learner.ts";
import { type Selection, selected } from "./selection.ts";

/** The options that learners with an inner loop have in common. Their defaults suit inputs and targets of unit variance. */
export const INNER_OPTIONS = {
  innerSteps: whole("inner steps in meta-training", { least: 0, most: 10_000, default: 5 }),
  evaluationSteps: {
    ...whole("inner steps in evaluation and use; as many as in training by default", {
      least: 0,
      most: 10_000,
      default: undefined,
    }),
    useOnly: true as const,
  },
  innerRate: number("rate of the inner loop", { above: 0, default: 0.05 }),
  adapts: {
    ...choice(
      "parameters that the inner loop adapts; in code also a test of their paths",
      ["all", "head", "body"],
      "all",
    ),
    check(what: string, given: unknown): Selection {
      if (given === "all" || given === "head" || given === "body" || typeof given === "function")
        return given as Selection;
      throw wrong(what, '"all", "head", "body" or a function of a parameter\'s path', given);
    },
  } as Option<Selection>,
};

/** The options of a plain inner update rule. */
export const RULE_OPTIONS = {
  innerRule: choice("inner update rule", Object.keys(RULES) as RuleName[], "sgd"),
  innerOptimizer: value<Rule>("an inner update rule of your own; it has its own rate", "a rule", requireRule),
};

/** 2 differentiates through the inner steps; 1 takes the inner gradients as constants. */
export const ORDER = choice("2: differentiate through the inner steps; 1: first-order", [1, 2], 2);

/** The inner rule that options describe, and its rate where they give one. @throws OptionError when they contradict one another */
export function ruleOf(
  what: string,
  { innerRule, innerOptimizer, innerRate }: Settings<typeof RULE_OPTIONS> & { readonly innerRate: number },
  given: { readonly innerRate?: number; readonly innerRule?: RuleName },
): { readonly rule: Rule; readonly innerRate: number | undefined } {
  if (innerOptimizer === undefined) return { rule: RULES[innerRule](innerRate), innerRate };
  if (given.innerRate === undefined && given.innerRule === undefined)
    return { rule: innerOptimizer, innerRate: undefined };
  throw new OptionError(
    `${what}: innerOptimizer must be given without innerRate and innerRule, got both; give the rate to the optimizer`,
  );
}

export interface InnerLoopOptions {
  /** The learner, for errors. */
  readonly name: string;
  readonly model: Model;
  readonly rule: Rule;
  readonly adapts: Selection;
  readonly innerSteps: number;
  readonly evaluationSteps: number | undefined;
  /** 1 takes inner gradients as constants. */
  readonly order: 1 | 2;
  /** The rule's rate, for advice. */
  readonly innerRate: number | undefined;
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
  "examplesOf",
];

/** The settings of an inner loop among those of a learner. */
export function innerSettings({ adapts, innerSteps, evaluationSteps }: Settings<typeof INNER_OPTIONS>) {
  return { adapts, innerSteps, evaluationSteps };
}

function checkOptions(options: InnerLoopOptions): void {
  requireOptions("innerLoop", options, OPTION_NAMES);
  const { name, model, rule, order, adapts, innerSteps, examplesOf } = options;
  requireText("innerLoop: name", name);
  requireModel(`${name}: model`, model);
  requireRule(`${name}: rule`, rule);
  requireOneOf(`${name}: order`, order, [1, 2]);
  if (examplesOf !== undefined) requireFunction(`${name}: examplesOf`, examplesOf);
  INNER_OPTIONS.adapts.check(`${name}: adapts`, adapts);
  INNER_OPTIONS.innerSteps.check(`${name}: innerSteps`, innerSteps);
  for (const option of ["evaluationSteps", "innerRate"] as const) {
    if (options[option] !== undefined) INNER_OPTIONS[option].check(`${name}: ${option}`, options[option]);
  }
}

/** The parts of a learner that an inner loop makes, and one of its steps. */
export interface InnerLoop
  extends Pick<
    Learner,
    "inputs" | "width" | "batchNorm" | "innerRate" | "observing" | "ordered" | "init" | "start" | "observe" | "predict"
  > {
  readonly innerSteps: { readonly training: number; readonly evaluation: number };
  /** One update on the examples. @param step how many were made on them before */
  step(meta: Tensors, state: Tensors, examples: Tensors, context: Context, step: number): Tensors;
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
  const { name, model, rule, adapts, innerSteps, order, examplesOf } = options;
  const [width] = model.outputShape;
  if (width === undefined || model.outputShape.length !== 1) {
    throw wrong(`${name}: model`, "one that gives a vector for an example", model.outputShape, "end it with linear(…)");
  }
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

  const loop: InnerLoop = {
    ...modelTraits(model),
    width,
    observing: "continues",
    ordered: false,
    innerSteps: steps,
    ...(options.innerRate === undefined ? {} : { innerRate: options.innerRate }),
    adapted,

    init(key) {
      const { learned, carried } = initModel(model, key);
      const owned = rule.meta?.(derivedKey(key), adapted(learned)) ?? {};
      return { learned: { ...learned, ...prefixed(RULE, owned) }, carried };
    },

    start(meta) {
      const parameters = adapted(meta);
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

    step(meta, state, examples, context, step) {
      const count = state[STEP] as Tensor;
      const now = { ...context, innerStep: count };
      const batch = examplesOf?.(examples, now, step) ?? examples;
      const { objective } = context.spec;
      const loss = objective.loss(objective.read(apply(meta, state, batch, now).output), batch);
      const parameters = adapted(state);
      const slopes = gradients(loss, parameters);
      const next = rule.step({
        meta: unprefixed(RULE, meta),
        memory: unprefixed(MEMORY, state),
        parameters,
        gradients: order === 1 ? mapTensors(slopes, stopGradient) : slopes,
        step: count,
      });
      return {
        ...state,
        ...stepEnd({ ...next.parameters, ...prefixed(MEMORY, next.memory) }),
        [STEP]: add(count, 1),
      };
    },

    observe(meta, state, examples, context) {
      let now = state;
      for (let step = 0; step < loop.stepsNow(context); step++) now = loop.step(meta, now, examples, context, step);
      if (!hasStatistics) return { state: now };
      // The weights have moved since the last step measured: predictions need the statistics of the final ones.
      const { statistics, carried } = apply(meta, now, examples, context);
      return { state: { ...now, ...prefixed(STATISTICS, statistics) }, carried };
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

/** The options of a loop as text: a test of paths by the parameters that it selects, as two tests may have one name. */
export function describeLoop<T extends OptionTable>(
  table: T,
  settings: Settings<T> & { readonly adapts: Selection },
  model: Model,
): string {
  const { adapts } = settings;
  if (typeof adapts !== "function") return describeOptions(table, settings);
  return describeOptions(table, { ...settings, adapts: { name: selectedNames(model, adapts).join(",") } });
}

function selectedNames(model: Model, adapts: Selection): string[] {
  const learned = model.parameters.filter(({ carried }) => !carried).map(({ name }) => [name, name] as const);
  return Object.keys(selected(adapts, Object.fromEntries(learned)));
}
