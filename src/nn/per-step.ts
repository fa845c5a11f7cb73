import type { Tensors } from "../graph/graph.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import { constant, equal, gather, minimum, reshape, select, stack } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Parameter } from "./layer.ts";
import { initialise, type Model } from "./model.ts";

/** Which arrays of normalisation layers every inner step has for itself. */
export interface PerStep {
  /** Averages over tasks (Antoniou et al. 2019, "per-step batch normalization running statistics"). */
  readonly statistics: boolean;
  /** Scales and shifts ("per-step batch normalization weights and biases"). */
  readonly weights: boolean;
}

/**
 * A model whose normalisation layers have arrays of their own before each of `steps` inner steps, and after the last one, which
 * serve all further steps too: `norm1.scale.0`, `norm1.scale.1`, … in the place of `norm1.scale`.
 */
export function perStep(body: Model, steps: number, { statistics, weights }: PerStep): Model {
  const isOwn = ({ name, statistic, carried }: Parameter) =>
    carried ? statistics && statistic === "carried" : weights && /(^|\.)(scale|shift)$/.test(name);
  const own = body.parameters.filter(isOwn);
  if (own.length === 0) return body;
  const numbers = Array.from({ length: steps + 1 }, (_, i) => i);
  const parameters = body.parameters.flatMap((each) =>
    isOwn(each) ? numbers.map((i) => ({ ...each, name: `${each.name}.${i}` })) : [each],
  );

  /** The arrays that hold at a step, under the names of the model. */
  const rowsAt = (params: Tensors, step: Tensor): Tensors => {
    const now = minimum(step, steps);
    const known = constantValue(now);
    const rows = own.map(({ name }) => {
      const all = numbers.map((i) => params[`${name}.${i}`] as Tensor);
      const row =
        known === undefined ? reshape(gather(stack(all), reshape(now, [1])), (all[0] as Tensor).shape) : all[known];
      return [name, row as Tensor] as const;
    });
    return { ...params, ...Object.fromEntries(rows) };
  };

  return {
    ...body,
    description: `${steps} steps of ${body.description}`,
    parameters,
    init: (key) => initialise(parameters, key),
    startingStatistics: (params) => body.startingStatistics(rowsAt(params, constant(0))),
    apply(params, examples, pass) {
      const { step = constant(0) } = pass;
      const now = rowsAt(params, step);
      const before = latest(body.startingStatistics(now), pass.statistics ?? {});
      const applied = body.apply(now, examples, { ...pass, statistics: before });
      const row = constantValue(minimum(step, steps));
      const carried = Object.entries(applied.carried).map(([name, value]) => {
        if (!own.some((each) => each.name === name)) return [[name, value]];
        // Where the step is not known while tracing, nothing is trained.
        return row === undefined ? [] : [[`${name}.${row}`, value]];
      });
      return { ...applied, carried: Object.fromEntries(carried.flat()) };
    },
  };
}

/** What was measured in the task; until anything was, the averages over tasks of the current step. */
function latest(starting: Tensors, measured: Tensors): Tensors {
  const entries = Object.entries({ ...starting, ...measured }).map(([name, value]) => {
    const count = name.replace(/[^.]*$/, "count");
    const [from, to] = [starting[count], measured[count]];
    if (from === undefined || to === undefined) return [name, value];
    return [name, select(equal(to, from), starting[name] as Tensor, value)];
  });
  return Object.fromEntries(entries);
}
