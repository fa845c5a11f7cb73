import { requireWhole } from "../arguments.ts";
import { grad } from "../graph/grad.ts";
import type { Tensors } from "../graph/graph.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import {
  add,
  boundary,
  concat,
  constant,
  divide,
  floor,
  full,
  gather,
  greater,
  maximum,
  minimum,
  multiply,
  pad,
  randomUniform,
  reshape,
  slice,
  stopGradient,
  subtract,
  sum,
} from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import type { BatchNormMode, Pass } from "../nn/layer.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { mapTensors, type Optimizer, requireTensorsByName } from "../optim/rule.ts";
import type { TaskSpec } from "../tasks/types.ts";
import { requireContext, requireLearner, requireTask } from "./require.ts";

/** One task as symbolic tensors: columns [n, ...shape] of inputs, targets and always `weight` [n]. */
export interface TensorTask {
  readonly segments: readonly Tensors[];
  readonly queries: Tensors;
}

/** What a trace may depend on besides its tensors. */
export interface Context {
  /** `segments` and `queries` of the spec are those of the whole task, also where a Program sees a part of it. */
  readonly spec: TaskSpec;
  /** Meta-training, as opposed to evaluation and use. */
  readonly training: boolean;
  /** What the learner's `phase` says of this iteration, where it has phases. */
  readonly phase?: string;
  /** Whether examples are learned from or predicted. */
  readonly role: "support" | "query";
  /** Inner steps asked for by the caller; learners without an inner loop ignore it. */
  readonly innerSteps?: number;
  /** Inner steps done on this task: a scalar. */
  readonly innerStep: Tensor;
  /** Outer iterations done before this one: a scalar. */
  readonly iteration: Tensor;
  /** Key [4] from which operators draw random numbers; another one for every task. */
  readonly key: Tensor;
}

/** What observing some examples leaves. */
export interface Observed {
  readonly state: Tensors;
  /**
   * New values of carried meta-parameters, by name; those left out stay as they are. They take effect in the next iteration,
   * as means over segments and tasks; within a task, and outside training, `meta` stays as it is.
   */
  readonly carried?: Tensors;
}

/** The outer loss of a task. */
export interface OuterLoss {
  /** A scalar. */
  readonly loss: Tensor;
  readonly carried?: Tensors;
  /** Scalars that `onProgress` is shown, as means over the meta-batch. */
  readonly log?: Tensors;
}

/**
 * Everything a meta-learning algorithm is: a fold over the segments of a task. All of it runs on symbolic tensors and is
 * traced once per set of shapes. `meta` holds what is learned and what is carried, by name.
 */
export interface Learner {
  readonly name: string;
  /** What a resumed run and a loaded file must agree on. Options at their default are left out of it. */
  readonly description: string;
  /** Shape of one example, by column that it reads. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Numbers that it gives for an example; undefined where the task decides (metric-based learners). */
  readonly width: number | undefined;
  /** Set where it learns classes only. */
  readonly classes?: true;
  /**
   * Set where adapting itself is learned: before meta-training, having seen examples is no better than a guess, and training may
   * stay at chance for thousands of iterations.
   */
  readonly amortised?: true;
  readonly batchNorm: BatchNormMode;
  /**
   * What observing more examples means: `exact`, the same as having seen all at once (sums and counts, a recurrent state);
   * `continues`, further from where it is, such as more gradient steps; `replays`, the kept examples are gone through again.
   */
  readonly observing: "exact" | "continues" | "replays";
  /** Whether the order of the examples within a segment can change the result by more than rounding. */
  readonly ordered: boolean;
  /** 1 where inner gradients count as constants, so that the meta-gradient is not the derivative of the outer loss. */
  readonly order?: 1 | 2;
  /** Rate of the inner loop, for advice. */
  readonly innerRate?: number;
  /** Inner steps when the caller asks for none, in training and in evaluation; undefined without an inner loop. */
  readonly innerSteps?: { readonly training: number; readonly evaluation: number };
  /** The outer update rule where `metaTrain` is given none and Adam would be wrong. */
  readonly outerOptimizer?: Optimizer;
  /** The phase of an outer iteration, for algorithms that change their structure in training: one Program each. */
  phase?(iteration: number): string;
  /**
   * Starting meta-parameters under a key [4]: what the outer loop learns, what it only carries, and what is kept as it was
   * drawn.
   */
  init(key: Tensor): { readonly learned: Tensors; readonly carried?: Tensors; readonly kept?: Tensors };
  /** What it knows of a task before any example: only what differs from the meta-parameters. */
  start(meta: Tensors, context: Context): Tensors;
  /** What it knows after some examples (inputs, targets and weight): a state of the same names and shapes. */
  observe(meta: Tensors, state: Tensors, examples: Tensors, context: Context): Observed;
  /** Named outputs for examples (inputs and weight): those of the spec's objective. */
  predict(meta: Tensors, state: Tensors, inputs: Tensors, context: Context): Tensors;
  /** Where it is not the objective's loss of the predictions. */
  outerLoss?(meta: Tensors, task: TensorTask, context: Context): OuterLoss | undefined;
  /** Where it is not grad(outerLoss, meta); by the names of what is learned. */
  metaGradient?(meta: Tensors, task: TensorTask, context: Context): Tensors;
}

/** The parts of a context that a trace chooses: the others begin at 0 or are the caller's. */
export function contextOf(given: Omit<Context, "role" | "innerStep">): Context {
  return { ...given, role: "support", innerStep: constant(0) };
}

/** Every segment observed in turn, from the start. */
export function adapt(learner: Learner, meta: Tensors, segments: readonly Tensors[], context: Context): Observed {
  const inner = { ...context, role: "support" } as const;
  const carried: Tensors[] = [];
  let state = learner.start(meta, inner);
  for (const examples of segments) {
    const next = learner.observe(meta, state, examples, inner);
    state = next.state;
    carried.push(next.carried ?? {});
  }
  return { state, carried: meanOf(carried) };
}

/** The mean of what several segments carry, of each value over those that do: all began from the same values. */
export function meanOf(carried: readonly Tensors[]): Tensors {
  const names = new Set(carried.flatMap(Object.keys));
  const entries = Array.from(names, (name) => {
    const values = carried.flatMap(({ [name]: value }) => value ?? []);
    const total = values.reduce((sum, each) => add(sum, each));
    return [name, values.length === 1 ? total : multiply(total, 1 / values.length)] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * The usual outer loss: the objective's loss of the queries after all segments; for a stream, the mean over its segments of
 * the loss of each as it is predicted from those before it.
 * @param window segments of a stream that are differentiated together: the state at a window's end is a constant for the next
 */
export function foldLoss(
  learner: Learner,
  meta: Tensors,
  task: TensorTask,
  context: Context,
  window = Number.POSITIVE_INFINITY,
): OuterLoss {
  requireLearner("foldLoss: learner", learner);
  requireTensorsByName("foldLoss: meta", meta);
  requireTask("foldLoss", task);
  requireContext("foldLoss", context);
  if (window !== Number.POSITIVE_INFINITY) requireWhole("foldLoss: window", window, 1);
  const { objective, queries } = context.spec;
  const lossOf = (state: Tensors, examples: Tensors) =>
    objective.loss(learner.predict(meta, state, examples, { ...context, role: "query" }), examples);
  if (queries > 0) {
    const { state, carried = {} } = adapt(learner, meta, task.segments, context);
    return { loss: lossOf(state, task.queries), carried };
  }
  let state = learner.start(meta, context);
  const carried: Tensors[] = [];
  let [total, counted]: [Tensor, Tensor] = [constant(0), constant(0)];
  for (const [i, examples] of task.segments.entries()) {
    if (i > 0 && i % window === 0) state = mapTensors(state, stopGradient);
    total = add(total, lossOf(state, examples));
    // A segment that is all padding has no loss, and does not count.
    counted = add(counted, greater(sum(examples.weight as Tensor), 0));
    const next = learner.observe(meta, state, examples, context);
    state = next.state;
    carried.push(next.carried ?? {});
  }
  return { loss: divide(total, maximum(counted, 1)), carried: meanOf(carried) };
}

/** The learner's outer loss: its own, or `foldLoss`. */
export function outerLoss(
  learner: Learner,
  meta: Tensors,
  task: TensorTask,
  context: Context,
  window?: number,
): OuterLoss {
  return learner.outerLoss?.(meta, task, context) ?? foldLoss(learner, meta, task, context, window);
}

/** The examples of all segments, then the queries, as one batch. */
export function allExamples(task: TensorTask): Tensors {
  requireTask("allExamples", task);
  const { segments, queries } = task;
  const parts = [...segments, ...(Object.keys(queries).length > 0 ? [queries] : [])];
  return mapTensors(parts[0] ?? {}, (_, column) =>
    concat(
      parts.map((part) => part[column] as Tensor),
      0,
    ),
  );
}

/** `count` examples of weight above 0, drawn evenly and with replacement. `stream` tells apart draws under one key. */
export function drawRows(examples: Tensors, count: number, key: Tensor, stream: number): Tensors {
  requireTensorsByName("drawRows: examples", examples);
  requireTensors("drawRows", key, examples.weight as Tensor);
  requireWhole("drawRows: count", count, 1);
  requireWhole("drawRows: stream", stream, 0);
  const weight = examples.weight as Tensor;
  const n = weight.shape[0] as number;
  const uniform = randomUniform(key, [count], stream);
  // A product that rounds up to n would point past the last example.
  const allPresent = (constantValue(weight) ?? 0) > 0;
  const index = allPresent ? minimum(floor(multiply(uniform, n)), n - 1) : presentRow(uniform, greater(weight, 0));
  return mapTensors(examples, (column) => {
    // Weights that are all the same stay a constant and fold away.
    const value = constantValue(column);
    return value === undefined ? gather(column, index) : full([count, ...column.shape.slice(1)], value);
  });
}

/** For each number in [0, 1), the index of a row where `present` [n] is 1; the last row where it is 0 throughout. */
function presentRow(uniform: Tensor, present: Tensor): Tensor {
  const [n, count] = [present.shape[0] as number, uniform.shape[0] as number];
  // How many rows up to each are present, in sums of 1, 2, 4, … of them.
  let upTo = present;
  for (let reach = 1; reach < n; reach *= 2) upTo = add(upTo, pad(slice(upTo, [0], [n - reach]), [reach], [0]));
  const total = sum(present);
  const place = minimum(floor(multiply(uniform, total)), subtract(total, 1));
  const after = greater(reshape(upTo, [1, n]), reshape(place, [count, 1]));
  return minimum(subtract(n, sum(after, 1)), n - 1);
}

/** Gradients of a scalar, under the names of what they are taken for. */
export function gradients(y: Tensor, params: Tensors): Tensors {
  requireTensors("gradients", y);
  requireTensorsByName("gradients: params", params);
  const list = grad(y, Object.values(params));
  return Object.fromEntries(Object.keys(params).map((name, i) => [name, list[i] as Tensor]));
}

/** What an inner step hands to the next: there, memory can be bounded (`boundary`). */
export function stepEnd(tensors: Tensors): Tensors {
  return mapTensors(tensors, boundary);
}

/** The pass of a model that observes or predicts examples of a task. */
export function passOf(context: Context, examples: Tensors, statistics: Tensors): Pass {
  requireContext("passOf", context);
  requireTensorsByName("passOf: examples", examples);
  requireTensorsByName("passOf: statistics", statistics);
  const { training, role, key, spec, innerStep: step } = context;
  const { weight } = examples;
  return { training, role, key, step, statistics, ...(spec.weighted && weight !== undefined ? { weight } : {}) };
}

/** What a learner inherits from the model it trains. */
export function modelTraits(model: Model) {
  requireModel("modelTraits: model", model);
  return { inputs: model.inputs, batchNorm: model.batchNorm };
}

/** A model's starting parameters, as learned and carried ones. */
export function initModel(model: Model, key: Tensor): { learned: Tensors; carried: Tensors } {
  requireModel("initModel: model", model);
  requireTensors("initModel", key);
  const all = Object.entries(model.init(key));
  const isCarried = new Set(model.parameters.filter(({ carried }) => carried).map(({ name }) => name));
  return {
    learned: Object.fromEntries(all.filter(([name]) => !isCarried.has(name))),
    carried: Object.fromEntries(all.filter(([name]) => isCarried.has(name))),
  };
}

/** Layers, parameters and batch-norm mode of a model: the part of a description that is the model's. */
export function describeModel(model: Model): string {
  requireModel("describeModel: model", model);
  const parameters = model.parameters.map(({ name, shape }) => `${name}[${shape}]`).join(" ");
  const inputs = Object.entries(model.inputs).map(([column, shape]) => `${column} [${shape}]`);
  return `model ${inputs.join(", ")} -> [${model.outputShape}] batchNorm ${model.batchNorm}: ${model.description}; ${parameters}`;
}
