/** The Programs that training, evaluation and use are made of, traced from a learner. */
import { type Compiled, type CompileOptions, compileGraph, compileWithin } from "../compile/compile.ts";
import { MemoryError } from "../errors.ts";
import { type Batch, itemName } from "../executors/executor.ts";
import { leafSize } from "../executors/order.ts";
import { type Graph, type Tensors, trace } from "../graph/graph.ts";
import { add, constant, KEY_SHAPE, multiply, stopGradient, sum } from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Context, gradients, type Learner, learned, outerLoss } from "../learners/learner.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { type Program, portSize } from "../program/program.ts";
import { validate } from "../program/validate.ts";
import { workOf } from "../program/work.ts";
import type { TaskSpec } from "../tasks/types.ts";

/** Name prefixes that tell apart the groups of a Program's inputs and outputs. */
export const META = "meta.";
export const GRADIENT = "gradient.";
export const CARRIED = "carried.";
export const OPTIMIZER = "optimizer.";
export const STATE = "state.";
export const LOSS = "loss";

/** Compiles a graph of the library's own making; the tests verify what `compile` checks in graphs of others. */
function compileOwn(graph: Graph): Program {
  return compileGraph(graph, { verify: false });
}

export type Shapes = Readonly<Record<string, Shape>>;

/** Puts a prefix before every name. */
export function prefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** The values whose names begin with a prefix, without it. */
export function unprefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  const entries = Object.entries(values).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** key -> starting meta-parameters. */
export function initProgram(learner: Learner): Program {
  return compileOwn(trace({ key: KEY_SHAPE }, ({ key }) => learner.init(key as Tensor)));
}

/** Shapes of a learner's meta-parameters. */
export function metaShapes(init: Program): Shapes {
  return Object.fromEntries(init.outputs.map(({ name, shape }) => [name, shape]));
}

function batchShapes(spec: TaskSpec, prefix: string, size: number): Shapes {
  const y = spec.kind === "classification" ? [size] : [size, spec.outputs];
  return { [`${prefix}.x`]: [size, ...spec.inputShape], [`${prefix}.y`]: y };
}

const at = (tensors: Tensors, name: string): Tensor => tensors[name] as Tensor;
const batchOf = (inputs: Tensors, prefix: string) => ({ x: at(inputs, `${prefix}.x`), y: at(inputs, `${prefix}.y`) });

/** Inputs of one task besides the meta-parameters. */
function taskShapes(spec: TaskSpec): Shapes {
  return {
    ...batchShapes(spec, "support", spec.supportSize),
    ...batchShapes(spec, "query", spec.querySize),
    key: KEY_SHAPE,
  };
}

/** Outer loss, meta-gradient and new values of what is carried, of one task. */
function taskOutputs(learner: Learner, spec: TaskSpec, params: Tensors, inputs: Tensors): Tensors {
  const episode = { support: batchOf(inputs, "support"), query: batchOf(inputs, "query") };
  const context = (): Context => ({ spec, training: true, key: at(inputs, "key"), carried: new Map() });
  const forward = context();
  const loss = outerLoss(learner, params, episode, forward);
  const gradient = learner.metaGradient?.(params, episode, context()) ?? gradients(loss, learned(learner, params));
  const carried = learner.carried.map((name) => [name, stopGradient(forward.carried.get(name) ?? at(params, name))]);
  return { [LOSS]: loss, ...prefixed(GRADIENT, gradient), ...prefixed(CARRIED, Object.fromEntries(carried)) };
}

/** meta-parameters and an episode -> outer loss, meta-gradient and new values of what is carried. */
export function taskGraph(learner: Learner, meta: Shapes, spec: TaskSpec): Graph {
  const shapes: Shapes = { ...prefixed(META, meta), ...taskShapes(spec) };
  return trace(shapes, (inputs: Tensors) => taskOutputs(learner, spec, unprefixed(META, inputs), inputs));
}

/** meta-parameters and the episodes of several tasks -> the sums of their outputs. */
function batchGraph(learner: Learner, meta: Shapes, spec: TaskSpec, tasks: number): Graph {
  const each = taskShapes(spec);
  const shapes: Record<string, Shape> = prefixed(META, meta);
  for (let task = 0; task < tasks; task++) {
    for (const name in each) shapes[itemName(task, name)] = each[name] as Shape;
  }
  return trace(shapes, (inputs: Tensors) => {
    const params = unprefixed(META, inputs);
    const outputs = Array.from({ length: tasks }, (_, task) =>
      taskOutputs(learner, spec, params, unprefixed(itemName(task, ""), inputs)),
    );
    return outputs.reduce((sums, of) =>
      Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, add(sum, at(of, name))])),
    );
  });
}

/** How much memory a task may take, and what is done about it. */
export type MemoryOptions = Pick<CompileOptions, "memory" | "memoryLimit">;

/** Gradients of fewer numbers are added up in no time. */
const SMALL_GRADIENT = 16_384;
/** Operations for each number of the gradient from which on a task's work is worth more than adding up its gradient. */
const LARGE_WORK = 150;

/**
 * The Program that runs the tasks of one leaf of a meta-batch's sum together, where that is faster: a task that does little for
 * each of its parameters, as a wide MLP on a few examples, takes much of its time to write down its gradient and to add it
 * up. Together, the gradients of a weight become one matrix product.
 * Which is faster is asked of the task without bounded memory: what is done about memory must not change the bits.
 * @param task the Program of one task
 * @throws MemoryError when the tasks together would not fit
 */
export function taskBatch(
  learner: Learner,
  meta: Shapes,
  spec: TaskSpec,
  { program: task, bounded }: Compiled,
  metaBatch: number,
  options: MemoryOptions = {},
): (Batch & Pick<Compiled, "bounded">) | undefined {
  const items = leafSize(metaBatch);
  const floats = task.outputs.reduce((total, port) => total + portSize(port), 0);
  if (items === 1 || floats < SMALL_GRADIENT) return undefined;
  const unbounded = { memory: "unbounded", memoryLimit: Number.POSITIVE_INFINITY } as const;
  const plain = bounded ? taskProgram(learner, meta, spec, unbounded) : task;
  const flops = validate(plain).reduce((total, instruction) => total + workOf(instruction).flops, 0);
  if (flops > LARGE_WORK * floats) return undefined;
  // A worker holds both programs.
  const { memoryLimit } = options;
  const left = memoryLimit === undefined ? {} : { memoryLimit: Math.max(1, memoryLimit - task.arenaBytes) };
  try {
    const graph = batchGraph(learner, meta, spec, items);
    return { ...compileWithin(graph, { ...options, ...left, verify: false }), items };
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    // Not one by one instead: that would round differently, and what fits must not change the bits.
    throw new MemoryError(
      `metaTrain: a meta-batch of ${metaBatch} runs ${items} tasks together, beside the ${task.arenaBytes} bytes of one; ` +
        `lower the meta-batch, or raise memoryLimit (${error.message})`,
    );
  }
}

/** Compiled `taskGraph`, and whether its memory is bounded. */
export function compileTask(learner: Learner, meta: Shapes, spec: TaskSpec, options: MemoryOptions = {}): Compiled {
  return compileWithin(taskGraph(learner, meta, spec), { ...options, verify: false });
}

/** The Program of `compileTask`. */
export function taskProgram(learner: Learner, meta: Shapes, spec: TaskSpec, options: MemoryOptions = {}): Program {
  return compileTask(learner, meta, spec, options).program;
}

/** meta-parameters -> the optimizer's state before the first update. */
export function optimizerInitProgram(optimizer: Optimizer, learned: Shapes): Program {
  return compileOwn(trace(prefixed(META, learned), (inputs: Tensors) => optimizer.init(unprefixed(META, inputs))));
}

/** Output of the update program that is finite only if all gradients, and all that the update leaves behind, are. */
export const CHECKSUM = "checksum";

/**
 * meta-parameters, optimizer state and sums over the meta-batch -> the next meta-parameters and state.
 * @param tasks size of the meta-batch, by which the sums are divided
 */
export function updateProgram(
  learner: Learner,
  optimizer: Optimizer,
  meta: Shapes,
  state: Shapes,
  tasks: number,
): Program {
  const carried = Object.fromEntries(learner.carried.map((name) => [name, meta[name] as Shape]));
  const trained = Object.fromEntries(Object.entries(meta).filter(([name]) => !(name in carried)));
  const shapes: Shapes = {
    ...prefixed(META, trained),
    ...prefixed(OPTIMIZER, state),
    ...prefixed(GRADIENT, trained),
    ...prefixed(CARRIED, carried),
  };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const params = unprefixed(META, inputs);
      const average = (tensors: Record<string, Tensor>) =>
        Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, multiply(tensor, 1 / tasks)]));
      const means = average(unprefixed(GRADIENT, inputs));
      const next = optimizer.update(params, means, unprefixed(OPTIMIZER, inputs));
      const kept = average(unprefixed(CARRIED, inputs));
      const watched = [means, next.params, next.state, kept].flatMap((tensors) => Object.values(tensors));
      const checksum = watched.reduce<Tensor>((total, each) => add(total, sum(each)), constant(0));
      return {
        [CHECKSUM]: checksum,
        ...prefixed(META, { ...next.params, ...kept }),
        ...prefixed(OPTIMIZER, next.state),
      };
    }),
  );
}

export interface UseOptions {
  readonly innerSteps?: number;
}

const use = (spec: TaskSpec, inputs: Tensors, options: UseOptions): Context => ({
  spec,
  training: false,
  key: at(inputs, "key"),
  carried: new Map(),
  ...(options.innerSteps === undefined ? {} : { innerSteps: options.innerSteps }),
});

/** meta-parameters, support set and query examples -> predictions: what evaluation runs for every episode. */
export function episodeProgram(learner: Learner, meta: Shapes, spec: TaskSpec, options: UseOptions): Program {
  const shapes: Shapes = {
    ...prefixed(META, meta),
    ...batchShapes(spec, "support", spec.supportSize),
    "query.x": [spec.querySize, ...spec.inputShape],
    key: KEY_SHAPE,
  };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const context = use(spec, inputs, options);
      const state = learner.adapt(unprefixed(META, inputs), batchOf(inputs, "support"), context);
      return { predictions: learner.predict(state, at(inputs, "query.x"), context) };
    }),
  );
}

/** meta-parameters and a support set -> adapted state. */
export function adaptProgram(learner: Learner, meta: Shapes, spec: TaskSpec, options: UseOptions): Program {
  const shapes: Shapes = { ...prefixed(META, meta), ...batchShapes(spec, "support", spec.supportSize), key: KEY_SHAPE };
  return compileOwn(
    trace(shapes, (inputs: Tensors) =>
      learner.adapt(unprefixed(META, inputs), batchOf(inputs, "support"), use(spec, inputs, options)),
    ),
  );
}

/** adapted state and examples -> predictions. */
export function predictProgram(learner: Learner, state: Shapes, spec: TaskSpec): Program {
  const shapes: Shapes = { ...prefixed(STATE, state), x: [spec.querySize, ...spec.inputShape], key: KEY_SHAPE };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => ({
      predictions: learner.predict(unprefixed(STATE, inputs), at(inputs, "x"), use(spec, inputs, {})),
    })),
  );
}
