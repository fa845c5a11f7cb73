import { type Compiled, compileWithin } from "../compile/compile.ts";
import { MemoryError } from "../errors.ts";
import { type Batch, itemName } from "../executors/executor.ts";
import { leafSize } from "../executors/order.ts";
import { type Graph, type Tensors, trace } from "../graph/graph.ts";
import { add } from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { unprefixed } from "../optim/rule.ts";
import { flopsOf } from "../program/operations.ts";
import { portSize } from "../program/program.ts";
import { validate } from "../program/validate.ts";
import type { TaskSpec } from "../tasks/types.ts";
import { compileTask, type MemoryOptions, type Plan, sharedShapes, taskOutputs, taskShapes } from "./programs.ts";

/** meta-parameters, iteration and several tasks -> the sums of their outputs. */
function batchGraph(plan: Plan, spec: TaskSpec, phase: string | undefined, tasks: number): Graph {
  const each = taskShapes(spec);
  const shapes: Record<string, Shape> = { ...sharedShapes(plan) };
  for (let task = 0; task < tasks; task++) {
    for (const name in each) shapes[itemName(task, name)] = each[name] as Shape;
  }
  return trace(shapes, (inputs: Tensors) => {
    const outputs = Array.from({ length: tasks }, (_, task) =>
      taskOutputs(plan, spec, phase, { ...inputs, ...unprefixed(itemName(task, ""), inputs) }),
    );
    return outputs.reduce((sums, of) =>
      Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, add(sum, of[name] as Tensor)])),
    );
  });
}

/** Gradients of fewer numbers are added up in no time. */
const SMALL_GRADIENT = 16_384;
/** Operations for each number of the gradient from which on a task's work is worth more than adding up its gradient. */
const LARGE_WORK = 150;

/**
 * The Program that runs the tasks of one leaf of a meta-batch's sum together, where that is faster: a task that does little
 * for each of its parameters, as a wide MLP on a few examples, takes much of its time to write down its gradient and to add
 * it up. Together, the gradients of a weight become one matrix product.
 * Which is faster is asked of the task without bounded memory: what is done about memory must not change the bits.
 * @param task the Program of one task
 * @throws MemoryError when the tasks together would not fit
 */
export function taskBatch(
  plan: Plan,
  spec: TaskSpec,
  { program: task, bounded }: Compiled,
  metaBatch: number,
  options: MemoryOptions = {},
  phase?: string,
): (Batch & Pick<Compiled, "bounded">) | undefined {
  const items = leafSize(metaBatch);
  const floats = task.outputs.reduce((total, port) => total + portSize(port), 0);
  if (items === 1 || floats < SMALL_GRADIENT) return undefined;
  const unbounded = { memory: "unbounded", memoryLimit: Number.POSITIVE_INFINITY } as const;
  const plain = bounded ? compileTask(plan, spec, unbounded, phase).program : task;
  const flops = validate(plain).reduce((total, instruction) => total + flopsOf(instruction), 0);
  if (flops > LARGE_WORK * floats) return undefined;
  // A worker holds both programs.
  const { memoryLimit } = options;
  const left = memoryLimit === undefined ? {} : { memoryLimit: Math.max(1, memoryLimit - task.arenaBytes) };
  try {
    const graph = batchGraph(plan, spec, phase, items);
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
