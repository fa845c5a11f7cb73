/** The Programs that training, evaluation and use are made of, traced from a learner. */
import { type Compiled, type CompileOptions, compileOwn, compileWithin } from "../compile/compile.ts";
import { type Graph, type Tensors, trace } from "../graph/graph.ts";
import { full, KEY_SHAPE, stopGradient } from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  adapt,
  type Context,
  contextOf,
  gradients,
  type Learner,
  outerLoss,
  type TensorTask,
} from "../learners/learner.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import type { Program } from "../program/program.ts";
import type { TaskSpec } from "../tasks/types.ts";

/** Name prefixes that tell apart the groups of a Program's inputs and outputs. */
export const META = "meta.";
export const GRADIENT = "gradient.";
export const CARRIED = "carried.";
export const STATE = "state.";
export const LOG = "log.";
export const LOSS = "loss";
export const QUERIES = "queries.";
/** Prefix of the columns of one segment. */
export const segmentPrefix = (segment: number): string => `segments.${segment}.`;

export type Shapes = Readonly<Record<string, Shape>>;

/** What the Programs of a learner have in common. */
export interface Plan {
  readonly learner: Learner;
  /** Shapes of all meta-parameters: learned, carried and kept. */
  readonly meta: Shapes;
  /** Names of those that training moves. */
  readonly trained: readonly string[];
  /** Names of those that are carried along. */
  readonly carried: readonly string[];
  /** Segments through which a stream's gradient reaches back. */
  readonly window?: number;
}

/** The shape of each of a Program's outputs. */
export function outputShapes({ outputs }: Pick<Program, "outputs">): Shapes {
  return Object.fromEntries(outputs.map(({ name, shape }) => [name, shape]));
}

/** Some of the values of a record. */
export function pick<T>(values: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, values[name] as T]));
}

const LEARNED = "learned.";
const KEPT = "kept.";

/** key -> starting meta-parameters, `learned.*`, `carried.*` and `kept.*`. */
function initGraph(learner: Learner): Graph {
  return trace({ key: KEY_SHAPE }, ({ key }) => {
    const { learned, carried = {}, kept = {} } = learner.init(key as Tensor);
    return { ...prefixed(LEARNED, learned), ...prefixed(CARRIED, carried), ...prefixed(KEPT, kept) };
  });
}

/** The Program of a learner's starting meta-parameters, and what its Programs have in common. */
export function initProgram(learner: Learner): { readonly program: Program; readonly plan: Plan } {
  const program = compileOwn(initGraph(learner));
  const shapes = outputShapes(program);
  const plan = {
    learner,
    meta: initialMeta(shapes),
    trained: Object.keys(unprefixed(LEARNED, shapes)),
    carried: Object.keys(unprefixed(CARRIED, shapes)),
  };
  return { program, plan };
}

/** Meta-parameters among the outputs of `initProgram`. */
export function initialMeta<T>(outputs: Readonly<Record<string, T>>): Record<string, T> {
  return { ...unprefixed(LEARNED, outputs), ...unprefixed(CARRIED, outputs), ...unprefixed(KEPT, outputs) };
}

/** Columns of `n` examples: inputs, targets where they are known, and weights where the spec has them. */
function columnShapes(spec: TaskSpec, prefix: string, n: number, targets = true): Shapes {
  const columns = {
    ...spec.inputs,
    ...(targets ? spec.objective.targets : {}),
    ...(spec.weighted ? { weight: [] } : {}),
  };
  return Object.fromEntries(Object.entries(columns).map(([name, shape]) => [prefix + name, [n, ...shape]]));
}

/** Shapes of the columns of a whole task. */
export function taskColumns(spec: TaskSpec): Shapes {
  const segments = spec.segments.map((n, i) => columnShapes(spec, segmentPrefix(i), n));
  const queries = spec.queries > 0 ? columnShapes(spec, QUERIES, spec.queries) : {};
  return Object.assign({}, ...segments, queries);
}

/** The examples under a prefix; those without a column of weights have the weight 1, which folds away. */
function examplesOf(inputs: Tensors, prefix: string): Tensors {
  const columns = unprefixed(prefix, inputs);
  const n = Object.values(columns)[0]?.shape[0] ?? 0;
  return n === 0 || columns.weight !== undefined ? columns : { ...columns, weight: full([n], 1) };
}

function tensorTask(inputs: Tensors, spec: TaskSpec): TensorTask {
  const segments = spec.segments.map((_, i) => examplesOf(inputs, segmentPrefix(i)));
  return { segments, queries: examplesOf(inputs, QUERIES) };
}

/** The learner for tasks of a spec: that itself, unless their targets are relative. */
const learnerFor = (learner: Learner, { objective }: TaskSpec): Learner =>
  objective.relative?.learner(learner) ?? learner;

/** Shapes of a task's own inputs: its columns and its key. */
export const taskShapes = (spec: TaskSpec): Shapes => ({ ...taskColumns(spec), key: KEY_SHAPE });

/** Inputs that all tasks of an iteration share. */
export const sharedShapes = ({ meta }: Plan): Shapes => ({ ...prefixed(META, meta), iteration: [] });

/** Outer loss, meta-gradient, logged scalars and new values of what is carried, of one task. */
export function taskOutputs(plan: Plan, spec: TaskSpec, phase: string | undefined, inputs: Tensors): Tensors {
  const { learner, trained, carried: names, window } = plan;
  const meta = unprefixed(META, inputs);
  const whole = tensorTask(inputs, spec);
  const usual = contextOf({
    spec,
    training: true,
    iteration: inputs.iteration as Tensor,
    key: inputs.key as Tensor,
    ...(phase === undefined ? {} : { phase }),
  });
  const { task, context } = spec.objective.relative?.task(whole, usual) ?? { task: whole, context: usual };
  const { loss, carried = {}, log = {} } = outerLoss(learner, meta, task, context, window);
  const learned = pick(meta, trained);
  const slopes = learner.metaGradient?.(meta, task, context) ?? gradients(loss, learned);
  const next = names.map((name) => [name, stopGradient(carried[name] ?? (meta[name] as Tensor))] as const);
  return {
    [LOSS]: loss,
    ...prefixed(GRADIENT, pick(slopes, trained)),
    ...prefixed(CARRIED, Object.fromEntries(next)),
    ...prefixed(LOG, log),
  };
}

/** meta-parameters, iteration and a task -> outer loss, meta-gradient and new values of what is carried. */
export function taskGraph(plan: Plan, spec: TaskSpec, phase?: string): Graph {
  return trace({ ...sharedShapes(plan), ...taskShapes(spec) }, (inputs: Tensors) =>
    taskOutputs(plan, spec, phase, inputs),
  );
}

/** How much memory a task may take, and what is done about it. */
export type MemoryOptions = Pick<CompileOptions, "memory" | "memoryLimit">;

/** Compiled `taskGraph`, and whether its memory is bounded. */
export function compileTask(plan: Plan, spec: TaskSpec, options: MemoryOptions = {}, phase?: string): Compiled {
  return compileWithin(taskGraph(plan, spec, phase), { ...options, verify: false });
}

export interface UseOptions {
  /** Inner steps; the learner's own by default. */
  readonly innerSteps?: number;
}

function useContext(spec: TaskSpec, inputs: Tensors, { innerSteps }: UseOptions): Context {
  return contextOf({
    spec,
    training: false,
    iteration: inputs.iteration as Tensor,
    key: inputs.key as Tensor,
    ...(innerSteps === undefined ? {} : { innerSteps }),
  });
}

/** Outputs for a batch of a task, named after the batch: `queries.logits`, or `segments.2.mean` in a stream. */
function predictions(learner: Learner, meta: Tensors, task: TensorTask, context: Context): Tensors {
  const predict = (state: Tensors, examples: Tensors) =>
    learner.predict(meta, state, examples, { ...context, role: "query" });
  if (context.spec.queries > 0) {
    const { state } = adapt(learner, meta, task.segments, context);
    return prefixed(QUERIES, predict(state, task.queries));
  }
  let state = learner.start(meta, context);
  const outputs: Record<string, Tensor> = {};
  for (const [i, examples] of task.segments.entries()) {
    Object.assign(outputs, prefixed(segmentPrefix(i), predict(state, examples)));
    ({ state } = learner.observe(meta, state, examples, context));
  }
  return outputs;
}

/** meta-parameters and a task -> its predictions: what evaluation runs for every task. */
export function evaluationProgram(plan: Plan, spec: TaskSpec, options: UseOptions): Program {
  const shapes = { ...sharedShapes(plan), ...taskShapes(spec) };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const task = tensorTask(inputs, spec);
      return predictions(
        learnerFor(plan.learner, spec),
        unprefixed(META, inputs),
        task,
        useContext(spec, inputs, options),
      );
    }),
  );
}

/** meta-parameters and the segments of a task -> the state after them. */
export function adaptProgram(plan: Plan, spec: TaskSpec, options: UseOptions): Program {
  const shapes = { ...sharedShapes(plan), ...taskShapes({ ...spec, queries: 0 }) };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const { segments } = tensorTask(inputs, spec);
      return adapt(
        learnerFor(plan.learner, spec),
        unprefixed(META, inputs),
        segments,
        useContext(spec, inputs, options),
      ).state;
    }),
  );
}

/** meta-parameters and a task -> the loss of its first segment, predicted before and after it was observed. */
export function supportLossProgram(plan: Plan, spec: TaskSpec, phase?: string): Program {
  const shapes = { ...sharedShapes(plan), ...taskShapes(spec) };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const learner = learnerFor(plan.learner, spec);
      const meta = unprefixed(META, inputs);
      const [examples = {}] = tensorTask(inputs, spec).segments;
      const context: Context = {
        ...useContext(spec, inputs, {}),
        training: true,
        ...(phase === undefined ? {} : { phase }),
      };
      const lossOf = (state: Tensors) =>
        spec.objective.loss(learner.predict(meta, state, examples, { ...context, role: "query" }), examples);
      const start = learner.start(meta, context);
      return { before: lossOf(start), after: lossOf(learner.observe(meta, start, examples, context).state) };
    }),
  );
}

/** meta-parameters and examples with targets -> their named outputs before any is learned from, and the loss of these. */
export function examinationProgram(plan: Plan, spec: TaskSpec): Program {
  const shapes = { ...sharedShapes(plan), ...taskShapes(spec) };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const learner = learnerFor(plan.learner, spec);
      const meta = unprefixed(META, inputs);
      const [examples = {}] = tensorTask(inputs, spec).segments;
      const context = useContext(spec, inputs, {});
      const outputs = learner.predict(meta, learner.start(meta, context), examples, { ...context, role: "query" });
      return { [LOSS]: spec.objective.loss(outputs, examples), ...outputs };
    }),
  );
}

/**
 * meta-parameters, a segment and a query with its target -> the query's loss, and its derivatives with respect to the weight of each example
 * (`influence`) and to the query's inputs (`saliency.*`).
 */
export function explanationProgram(plan: Plan, spec: TaskSpec, options: UseOptions): Program {
  const shapes = { ...sharedShapes(plan), ...taskShapes(spec) };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const learner = learnerFor(plan.learner, spec);
      const meta = unprefixed(META, inputs);
      const { segments, queries } = tensorTask(inputs, spec);
      const context = useContext(spec, inputs, options);
      const { state } = adapt(learner, meta, segments, context);
      const outputs = learner.predict(meta, state, queries, { ...context, role: "query" });
      const loss = spec.objective.loss(outputs, queries);
      const sources = {
        influence: segments[0]?.weight as Tensor,
        ...prefixed("saliency.", pick(queries, Object.keys(spec.inputs))),
      };
      return { [LOSS]: loss, ...gradients(loss, sources) };
    }),
  );
}

/** meta-parameters -> the state before any example. */
export function startProgram(plan: Plan, spec: TaskSpec): Program {
  const shapes: Shapes = { ...sharedShapes(plan), key: KEY_SHAPE };
  return compileOwn(
    trace(shapes, (inputs: Tensors) =>
      learnerFor(plan.learner, spec).start(unprefixed(META, inputs), useContext(spec, inputs, {})),
    ),
  );
}

/** meta-parameters, a state and some examples -> the state after them. */
export function observeProgram(plan: Plan, state: Shapes, spec: TaskSpec, options: UseOptions): Program {
  const [n = 1] = spec.segments;
  const shapes = {
    ...sharedShapes(plan),
    ...prefixed(STATE, state),
    ...columnShapes(spec, segmentPrefix(0), n),
    key: KEY_SHAPE,
  };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const context = useContext(spec, inputs, options);
      const examples = examplesOf(inputs, segmentPrefix(0));
      const learner = learnerFor(plan.learner, spec);
      return learner.observe(unprefixed(META, inputs), unprefixed(STATE, inputs), examples, context).state;
    }),
  );
}

/** meta-parameters, a state and examples without targets -> named outputs. */
export function predictProgram(plan: Plan, state: Shapes, spec: TaskSpec): Program {
  const shapes = {
    ...sharedShapes(plan),
    ...prefixed(STATE, state),
    ...columnShapes(spec, QUERIES, spec.queries, false),
    key: KEY_SHAPE,
  };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const context: Context = { ...useContext(spec, inputs, {}), role: "query" };
      const state = unprefixed(STATE, inputs);
      const learner = learnerFor(plan.learner, spec);
      return learner.predict(unprefixed(META, inputs), state, examplesOf(inputs, QUERIES), context);
    }),
  );
}

/** The iterations done, as an input of a Program. */
export const iterationInput = (iteration: number): Float32Array => Float32Array.of(iteration);
