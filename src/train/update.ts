import { compileOwn } from "../compile/compile.ts";
import { type Tensors, trace } from "../graph/graph.ts";
import { add, constant, divide, maximum, multiply, subtract, sum } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mapTensors, type Optimizer, prefixed, unprefixed } from "../optim/rule.ts";
import type { Program } from "../program/program.ts";
import { CARRIED, GRADIENT, META, type Plan, pick, type Shapes } from "./programs.ts";

export const OPTIMIZER = "optimizer.";
export const AVERAGE = "average.";
/** Output of the update Program that is finite only if all gradients, and all that the update leaves behind, are. */
export const CHECKSUM = "checksum";

/** meta-parameters -> the optimizer's memory before the first update. */
export function optimizerStartProgram(optimizer: Optimizer, trained: Shapes): Program {
  return compileOwn(trace(prefixed(META, trained), (inputs: Tensors) => optimizer.start(unprefixed(META, inputs))));
}

export interface UpdateOptions {
  readonly plan: Plan;
  readonly optimizer: Optimizer;
  /** Shapes of the optimizer's memory. */
  readonly memory: Shapes;
  /** Size of the meta-batch, by which the sums are divided. */
  readonly tasks: number;
  /** Decay of the average of the meta-parameters; undefined for none. */
  readonly average: number | undefined;
}

/**
 * meta-parameters, optimizer memory and sums over the meta-batch -> the next meta-parameters and memory.
 * The average a of the parameters p follows a <- a + c (p - a) with c = max(1 - decay, 1 / (t + 2)): early on it is their
 * plain mean, the start included.
 */
export function updateProgram({ plan, optimizer, memory, tasks, average }: UpdateOptions): Program {
  const trained = pick(plan.meta, plan.trained);
  const shapes: Shapes = {
    ...prefixed(META, trained),
    ...prefixed(OPTIMIZER, memory),
    ...(average === undefined ? {} : prefixed(AVERAGE, trained)),
    ...prefixed(GRADIENT, trained),
    ...prefixed(CARRIED, pick(plan.meta, plan.carried)),
    iteration: [],
  };
  return compileOwn(
    trace(shapes, (inputs: Tensors) => {
      const step = inputs.iteration as Tensor;
      const meanOf = (sums: Tensors) => mapTensors(sums, (total) => multiply(total, 1 / tasks));
      const gradients = meanOf(unprefixed(GRADIENT, inputs));
      const next = optimizer.step({
        meta: {},
        memory: unprefixed(OPTIMIZER, inputs),
        parameters: unprefixed(META, inputs),
        gradients,
        step,
      });
      const carried = meanOf(unprefixed(CARRIED, inputs));
      const watched = [gradients, next.parameters, next.memory, carried].flatMap((tensors) => Object.values(tensors));
      const averages = unprefixed(AVERAGE, inputs);
      const share = maximum(1 - (average ?? 0), divide(1, add(step, 2)));
      return {
        [CHECKSUM]: watched.reduce<Tensor>((total, each) => add(total, sum(each)), constant(0)),
        ...prefixed(META, { ...next.parameters, ...carried }),
        ...prefixed(OPTIMIZER, next.memory),
        ...prefixed(
          AVERAGE,
          mapTensors(averages, (old, name) =>
            add(old, multiply(subtract(next.parameters[name] as Tensor, old), share)),
          ),
        ),
      };
    }),
  );
}
