import {
  requireBoolean,
  requireFunction,
  requireNumber,
  requireObject,
  requireOptions,
  requireText,
  requireWhole,
  wrong,
} from "../arguments.ts";
import { DataError } from "../errors.ts";
import { type Columns, type Objective, requireObjective } from "../nn/objective.ts";
import { requireIterable } from "../tasks/require.ts";
import type { Batch } from "../tasks/types.ts";
import type { Adapted } from "../train/adapted.ts";
import { type Remembering, type RememberOptions, remember } from "../train/remembering.ts";
import { requireColumns } from "../train/support-set.ts";
import { type AdaptOptions, Trained } from "../train/trained.ts";

/** Something that predicts examples as they arrive, and may learn from them afterwards. */
export interface OnlineLearner {
  readonly name: string;
  /** Named outputs for inputs by column. */
  predict(inputs: Columns): Columns;
  /** Learns from examples: inputs and targets by column. */
  observe(examples: Columns): void;
}

/** How a trained learner is used along a stream. */
export interface OnlineUse extends AdaptOptions {
  /** Its name in results; by default what it does. */
  readonly name?: string;
}

/** A trained learner that predicts from its start and never learns: what adapting is compared with. */
export function frozen(trained: Trained, options: Pick<OnlineUse, "name" | "ways"> = {}): OnlineLearner {
  requireUse("frozen", trained, options, ["name", "ways"]);
  const { name = "frozen", ...use } = options;
  const start = trained.start(use);
  return { name, predict: (inputs) => start.predict(inputs), observe: () => undefined };
}

/** A trained learner that goes on from where it is with what arrives, as its `observing` has it. */
export function continuing(trained: Trained, options: OnlineUse = {}): OnlineLearner {
  requireUse("continuing", trained, options, ["name", "ways", "innerSteps"]);
  const { name = "continuing", ways, ...use } = options;
  let adapted: Adapted = trained.start(ways === undefined ? {} : { ways });
  return {
    name,
    predict: (inputs) => adapted.predict(inputs),
    observe(examples) {
      adapted = adapted.observe(examples, use);
    },
  };
}

/** How a learner adapts anew along a stream. */
export interface ReadaptingUse extends OnlineUse, RememberOptions {
  /**
   * Whether to forget all that is kept where the start predicts new examples better than what has been adapted: the environment
   * has changed. False by default.
   */
  readonly restarts?: boolean;
}

/** A trained learner that adapts anew from its start to the last `capacity` examples; to all of them by default. */
export function readapting(trained: Trained, options: ReadaptingUse = {}): OnlineLearner {
  requireUse("readapting", trained, options, ["name", "ways", "innerSteps", "capacity", "restarts"]);
  const { name = "adapting", restarts = false, ...use } = options;
  if (use.capacity !== undefined) requireWhole("readapting: capacity", use.capacity, 1);
  requireBoolean("readapting: restarts", restarts);
  const empty = remember(trained, use);
  let memory: Remembering = empty;
  const start = trained.start(use.ways === undefined ? {} : { ways: use.ways });
  let current: Adapted = start;
  const sign = start.objective.metric.better === "higher" ? 1 : -1;
  return {
    name,
    predict: (inputs) => current.predict(inputs),
    observe(examples) {
      if (restarts && sign * start.measure(examples) > sign * current.measure(examples)) memory = empty;
      memory = memory.observe(examples);
      current = memory.adapted;
    },
  };
}

function requireUse(what: string, trained: unknown, options: OnlineUse, known: readonly string[]): void {
  if (!(trained instanceof Trained)) throw wrong(`${what}: trained`, "what metaTrain or restore gives", trained);
  requireOptions(what, options, known);
  if (options.name !== undefined) requireText(`${what}: name`, options.name);
  const { ways, innerSteps } = options;
  trained.checkOptions(what, {
    ...(ways === undefined ? {} : { ways }),
    ...(innerSteps === undefined ? {} : { innerSteps }),
  });
}

export interface OnlineOptions {
  /** What predictions are measured by: the tasks' objective. */
  readonly objective: Objective;
  /** Where the environment changes: numbers of segments, ascending. */
  readonly changes?: readonly number[];
  /** The metric that counts as recovered after a change. */
  readonly recovered?: number;
  /** The metric that the best predictor of a segment would reach, which regret is measured against; 0 by default. */
  best?(segment: number): number;
}

/** How one learner did along a stream. */
export interface OnlineResult {
  readonly name: string;
  /** The metric of each segment, predicted before it was learned from. */
  readonly values: Float64Array;
  readonly mean: number;
  /** After each segment: the sum of how much worse the learner has been than the best. */
  readonly regret: Float64Array;
  /** Mean number of segments after a change, itself included, until one is at `recovered` or better; the next change ends the count. */
  readonly recovery: number | undefined;
}

/**
 * Runs learners along one stream: each segment is predicted, measured and then learned from ("prequential" evaluation, Dawid 1984).
 * @param stream segments of examples by column, such as a task's `segments`
 * @throws DataError for a stream without segments; OptionError for options out of range
 */
export async function runOnline(
  learners: readonly OnlineLearner[],
  stream: Iterable<Batch> | AsyncIterable<Batch>,
  options: OnlineOptions,
): Promise<OnlineResult[]> {
  requireLearners("runOnline", learners);
  requireOptions("runOnline", options, ["objective", "changes", "recovered", "best"]);
  const { objective, changes = [], recovered, best = () => 0 } = options;
  requireObjective("runOnline: objective", objective);
  if (!Array.isArray(changes)) throw wrong("runOnline: changes", "a list of numbers of segments", changes);
  for (const [i, each] of changes.entries()) requireWhole(`runOnline: changes[${i}]`, each, (changes[i - 1] ?? -1) + 1);
  if (recovered !== undefined) requireNumber("runOnline: recovered", recovered);
  requireFunction("runOnline: best", best);
  const values: number[][] = learners.map(() => []);
  requireIterable("runOnline: stream", stream, "segments");
  for await (const examples of stream) {
    requireColumns("runOnline: a segment of stream", examples);
    checkSegment(examples, objective);
    for (const [i, learner] of learners.entries()) values[i]?.push(measured(learner, examples, objective));
    for (const learner of learners) learner.observe(examples);
  }
  if (values[0]?.length === 0) throw new DataError("runOnline: stream must have at least one segment, got none");
  const sign = objective.metric.better === "lower" ? 1 : -1;
  return learners.map(({ name }, i) => {
    const own = Float64Array.from(values[i] as number[]);
    let total = 0;
    return {
      name,
      values: own,
      mean: own.reduce((sum, each) => sum + each, 0) / own.length,
      regret: own.map((value, segment) => {
        total += sign * (value - best(segment));
        return total;
      }),
      recovery:
        recovered === undefined
          ? undefined
          : recoveryOf(
              own.map((each) => sign * each),
              changes,
              sign * recovered,
            ),
    };
  });
}

/** @throws OptionError unless the value is a list of learners, at least one */
export function requireLearners(what: string, learners: unknown): void {
  if (!Array.isArray(learners) || learners.length === 0)
    throw wrong(`${what}: learners`, "a list of online learners", learners);
  for (const [i, each] of learners.entries()) {
    requireObject(`${what}: learners[${i}]`, each, "an online learner, such as readapting(trained)", [
      "name",
      "predict()",
      "observe()",
    ]);
  }
}

/** @throws OptionError unless a segment has inputs and the objective's targets, as Float32Arrays */
function checkSegment(examples: Batch, { targets }: Objective): void {
  const missing = Object.keys(targets).find((name) => !(examples[name] instanceof Float32Array));
  if (missing !== undefined) {
    throw wrong(`runOnline: ${missing} of a segment of stream`, "a Float32Array of targets", examples[missing]);
  }
}

/** The metric of a learner's predictions for some examples. */
export function measured(learner: OnlineLearner, examples: Batch, { metric, targets }: Objective): number {
  const inputs = Object.entries(examples).filter(([name]) => !Object.hasOwn(targets, name) && name !== "weight");
  return metric.measure(learner.predict(Object.fromEntries(inputs)), examples);
}

/** @param costs the lower the better */
function recoveryOf(costs: Float64Array, changes: readonly number[], recovered: number): number {
  const spans = changes
    .filter((change) => change < costs.length)
    .map((change, i) => {
      const end = Math.min(changes[i + 1] ?? costs.length, costs.length);
      const at = costs.subarray(change, end).findIndex((each) => each <= recovered);
      return at < 0 ? end - change : at + 1;
    });
  return spans.reduce((sum, each) => sum + each, 0) / spans.length;
}
