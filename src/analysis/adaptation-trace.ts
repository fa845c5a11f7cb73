import { requireOptions, requireWhole, wrong } from "../arguments.ts";
import { DataError, OptionError } from "../errors.ts";
import { checkTargets, readColumns, type SupportSet } from "../train/support-set.ts";
import { type AdaptOptions, Trained } from "../train/trained.ts";

/** A learner after some of its inner steps. */
export interface TraceStep {
  /** Inner steps done; 0 is the start. */
  readonly step: number;
  /** The objective's metric on the support set, and on the queries where there are any. */
  readonly support: number;
  readonly queries: number | undefined;
  /**
   * Euclidean distance that each layer's adapted parameters have moved from the start, by the layer's path.
   */
  readonly moved: Readonly<Record<string, number>>;
}

export interface TraceAdaptationOptions extends Pick<AdaptOptions, "ways"> {
  /** The last step; the learner's own number by default. */
  readonly steps?: number;
  /** Examples that are not learned from. */
  readonly queries?: SupportSet;
}

/**
 * How adaptation goes: the metric and the distance moved after every inner step.
 * @throws OptionError for a learner without inner steps; otherwise as `Trained.adapt`
 */
export function traceAdaptation(
  trained: Trained,
  support: SupportSet,
  options: TraceAdaptationOptions = {},
): TraceStep[] {
  if (!(trained instanceof Trained))
    throw wrong("traceAdaptation: trained", "what metaTrain or restore gives", trained);
  requireOptions("traceAdaptation", options, ["steps", "queries", "ways"]);
  const own = trained.learner.innerSteps;
  if (own === undefined) {
    throw new OptionError(
      `traceAdaptation: the learner must have an inner loop, got ${trained.learner.name}; it adapts in one step`,
    );
  }
  const { steps = own.evaluation, queries, ways } = options;
  requireWhole("traceAdaptation: steps", steps, 0, 10_000);
  const numbers = trained.numeric("traceAdaptation: support", support);
  const adapt = (innerSteps: number) =>
    trained.adaptFor("traceAdaptation", numbers, { innerSteps, ...(ways === undefined ? {} : { ways }) });
  const start = adapt(0);
  if (queries !== undefined) {
    const shapes = { ...trained.learner.inputs, ...start.objective.targets };
    const given = trained.numeric("traceAdaptation: queries", queries);
    const { n, columns } = readColumns("traceAdaptation: queries", given, shapes);
    checkTargets("traceAdaptation: queries", start.objective, columns);
    if (n === 0) throw new DataError("traceAdaptation: queries must be at least one, got none");
  }
  return Array.from({ length: steps + 1 }, (_, step) => {
    const adapted = step === 0 ? start : adapt(step);
    return {
      step,
      support: adapted.measure(support),
      queries: queries === undefined ? undefined : adapted.measure(queries),
      moved: distances(start.state, adapted.state),
    };
  });
}

/** Statistics, memory and the number of steps are no parameters. */
const NOT_MOVED = /^(statistics|memory)\.|^step$/;

function distances(
  from: Readonly<Record<string, Float32Array>>,
  to: Readonly<Record<string, Float32Array>>,
): Record<string, number> {
  const squares = new Map<string, number>();
  for (const [path, values] of Object.entries(to)) {
    if (NOT_MOVED.test(path)) continue;
    const before = from[path];
    const layer = path.replace(/\.[^.]+$/, "");
    const sum = values.reduce((total, value, i) => total + (value - (before?.[i] ?? 0)) ** 2, squares.get(layer) ?? 0);
    squares.set(layer, sum);
  }
  return Object.fromEntries(Array.from(squares, ([layer, sum]) => [layer, Math.sqrt(sum)]));
}
