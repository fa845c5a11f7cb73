import { requireOptions, wrong } from "../arguments.ts";
import { ProgramCache } from "../core/cache.ts";
import type { Arrays } from "../core/loaded.ts";
import { DataError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Columns, Objective } from "../nn/objective.ts";
import { prefixed } from "../optim/rule.ts";
import type { TaskSpec } from "../tasks/types.ts";
import {
  explanationProgram,
  iterationInput,
  META,
  QUERIES,
  segmentPrefix,
  type UseOptions,
} from "../train/programs.ts";
import { bucketOf, checkTargets, padded, readColumns, type SupportSet } from "../train/support-set.ts";
import { Trained } from "../train/trained.ts";

/** Why a learner predicts what it predicts. */
export interface Explanation {
  /**
   * [queries, examples]: the derivative of each query's loss with respect to the weight of each support example. Below 0 the
   * example speaks for the target: with more weight, the loss falls.
   */
  readonly influence: Float32Array;
  /** By column, [queries, ...shape]: the derivative of each query's loss with respect to its own input. */
  readonly saliency: Columns;
  /** [queries]: the losses that these are derivatives of. */
  readonly losses: Float32Array;
  /** [queries]: the classes of the losses, where they are of classes. */
  readonly classes: Int32Array | undefined;
}

export interface ExplainOptions extends UseOptions {
  /** Classes of the task, as `adapt` takes them. */
  readonly ways?: number;
}

/**
 * The influence of every support example on every query, and the saliency of the queries' inputs: exact derivatives through the
 * whole adaptation, by the same graph that training differentiates. The loss is that of the query's target; where `y` is left out
 * of queries of classes, of the class that is predicted.
 *
 * Influence is that of Koh and Liang 2017 ("Understanding black-box predictions via influence functions") with the derivative of
 * adaptation itself in place of an inverse Hessian. Parts of a learner that take no derivative, such as an inner state that is
 * stored and not computed, count as constants.
 * @throws as `Trained.adapt` and `Adapted.predict`
 */
export function explain(
  trained: Trained,
  support: SupportSet,
  queries: SupportSet,
  options: ExplainOptions = {},
): Explanation {
  if (!(trained instanceof Trained)) throw wrong("explain: trained", "what metaTrain or restore gives", trained);
  requireOptions("explain", options, ["innerSteps", "ways"]);
  const { learner } = trained;
  const numbers = trained.numeric("explain: support", support);
  const adapted = trained.adaptFor("explain", numbers, options);
  const { objective } = adapted;
  const { ways: _, ...use } = options;
  const given = readColumns("explain: support", numbers, {
    ...learner.inputs,
    ...objective.targets,
  });
  const asked = readQueries(trained, objective, queries, (inputs) => adapted.classify(inputs));
  const rows = bucketOf(given.n);
  const spec: TaskSpec = { inputs: learner.inputs, objective, segments: [rows], queries: 1, weighted: true };
  const cache = new ProgramCache("explain", undefined);
  try {
    const program = cache.get("explain", () => explanationProgram(trained.plan, spec, use));
    const shared = { ...prefixed(META, trained.meta), iteration: iterationInput(trained.iterations) };
    const inputs = { ...shared, ...padded(segmentPrefix(0), given.columns, given.n, rows), key: new Float32Array(4) };
    const results = Array.from({ length: asked.n }, (_, row) =>
      cache.core.programs.get(program).call({ ...inputs, ...padded(QUERIES, asked.columns, asked.n, 1, row) }),
    );
    return collected(results, given.n, learner.inputs, asked.classes);
  } finally {
    cache.dispose();
  }
}

function readQueries(
  trained: Trained,
  objective: Objective,
  queries: SupportSet,
  classify: (inputs: SupportSet) => Int32Array,
) {
  const { learner } = trained;
  const { y, ...inputs } = trained.numeric("explain: queries", queries);
  const asks = objective.classes && y === undefined;
  if (asks) readColumns("explain: queries", inputs, learner.inputs);
  const { y: _, ...raw } = queries;
  const whole = asks ? { ...inputs, y: classify(raw) } : { ...inputs, y };
  const { n, columns } = readColumns("explain: queries", whole, { ...learner.inputs, ...objective.targets });
  if (n === 0) throw new DataError("explain: queries must be at least one, got none");
  checkTargets("explain: queries", objective, columns);
  return { n, columns, classes: objective.classes ? Int32Array.from(columns.y?.data ?? []) : undefined };
}

function collected(
  results: readonly Arrays[],
  examples: number,
  inputs: Readonly<Record<string, readonly number[]>>,
  classes: Int32Array | undefined,
): Explanation {
  const influence = new Float32Array(results.length * examples);
  const saliency = Object.entries(inputs).map(
    ([name, shape]) => [name, new Float32Array(results.length * sizeOf(shape))] as const,
  );
  for (const [row, result] of results.entries()) {
    influence.set((result.influence as Float32Array).subarray(0, examples), row * examples);
    for (const [name, data] of saliency) {
      const part = result[`saliency.${name}`] as Float32Array;
      data.set(part, row * part.length);
    }
  }
  return {
    influence,
    saliency: Object.fromEntries(saliency),
    losses: Float32Array.from(results, ({ loss }) => (loss as Float32Array)[0] as number),
    classes,
  };
}
