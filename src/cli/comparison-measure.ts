/** What is measured of a learner once it is trained. */
import type { Executor } from "../executors/executor.ts";
import { median } from "../nn/metrics.ts";
import { fold, keyOf } from "../random.ts";
import type { Batch, TaskSource, TaskSpec } from "../tasks/types.ts";
import { evaluate } from "../train/evaluate.ts";
import { compileTask } from "../train/programs.ts";
import type { Trained } from "../train/trained.ts";
import type { SeedResult } from "./comparison.ts";
import { type RunSpec, taskSpecOf } from "./run-spec.ts";

/** @param tasks the episodes that all learners are measured on */
export async function measured(
  spec: RunSpec,
  trained: Trained,
  tasks: TaskSource,
  episodes: number,
  executor: Executor,
): Promise<Omit<SeedResult, "identity" | "seconds">> {
  const { metric, diverged, fingerprint, batchNorm, inBand, values } = await evaluate(trained, tasks, {
    episodes,
    executor,
  });
  const { learner } = trained;
  const bytes = (arrays: Readonly<Record<string, Float32Array>>) =>
    Object.values(arrays).reduce((total, { byteLength }) => total + byteLength, 0);
  const { milliseconds, state } = await timeToAdapt(trained, tasks);
  return {
    learner: spec.learner.name,
    seed: spec.settings.seed as number,
    iterations: trained.iterations,
    metric,
    better: (tasks.specs[0] as TaskSpec).objective.metric.better,
    values: Array.from(values, (value) => (Number.isFinite(value) ? value : null)),
    diverged,
    ...(inBand === undefined ? {} : { inBand }),
    fingerprint,
    batchNorm,
    adaptMilliseconds: milliseconds,
    parameters: bytes(trained.meta) / Float32Array.BYTES_PER_ELEMENT,
    stateBytes: bytes(state),
    arenaBytes: compileTask(trained.plan, taskSpecOf(spec), {}, learner.phase?.(0)).program.arenaBytes,
  };
}

const WARM_UP = 3;
const TIMED = 15;
/** The stream of keys from which the task is taken that adaptation is timed on. */
const TIMING_STREAM = 6;

/** Adapts to one task again and again, after its Programs were compiled. */
async function timeToAdapt(trained: Trained, tasks: TaskSource) {
  const { segments } = await tasks.sample(fold(keyOf(0), TIMING_STREAM), 0);
  const { classes, width } = (tasks.specs[0] as TaskSpec).objective;
  // A group may lack labels that others have.
  const options = classes && trained.learner.width === undefined ? { ways: width } : {};
  const adapt = () => trained.adapt(segments[0] as Batch, options);
  for (let i = 0; i < WARM_UP; i++) adapt();
  const times = Array.from({ length: TIMED }, () => {
    const began = performance.now();
    adapt();
    return performance.now() - began;
  });
  return { milliseconds: median(times), state: adapt().state };
}
