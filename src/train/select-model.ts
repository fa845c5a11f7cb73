import { isRecord, requireFunction, requireOptions, requireWhole, wrong } from "../arguments.ts";
import { NonFiniteError } from "../errors.ts";
import type { Learner } from "../learners/learner.ts";
import { requireLearner } from "../learners/require.ts";
import { requireRule } from "../optim/optimizer.ts";
import type { TaskSource, TaskSpec } from "../tasks/types.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import { checkDisjoint, checkSurroundings, checkTasks, requireOneObjective } from "./checks.ts";
import { evaluate, type Report } from "./evaluate.ts";
import { type MetaTrainOptions, metaTrain } from "./meta-train.ts";
import type { Trained } from "./trained.ts";

export interface SelectModelOptions
  extends Pick<MetaTrainOptions, "metaBatch" | "optimizer" | "seed" | "executor" | "signal"> {
  /** Outer steps of the one that is left at the end; the others have fewer. */
  readonly iterations: number;
  /** Tasks by which candidates are compared; on 200 episodes by default. */
  readonly validation: { readonly tasks: TaskSource; readonly episodes?: number };
  /** Called for every candidate of a round; a promise it returns is awaited. */
  onProgress?(progress: SelectProgress): unknown;
}

/** A candidate after a round. */
export interface SelectProgress {
  /** Counted from 1, and of how many. */
  readonly round: number;
  readonly rounds: number;
  readonly candidate: string;
  /** Outer steps that it has done. */
  readonly iterations: number;
  /** Undefined where a loss or gradient was not finite: the candidate is dropped. */
  readonly validation: Report | undefined;
}

export interface Selected {
  /** The name of the best. */
  readonly name: string;
  readonly trained: Trained;
  /** What was measured, in order. */
  readonly history: readonly SelectProgress[];
}

interface Candidate {
  readonly name: string;
  readonly learner: Learner;
  /** Where it is while others are trained. */
  readonly store: CheckpointStore;
}

/**
 * Meta-trains several learners under one budget by successive halving (Jamieson and Talwalkar 2016, figure 3) and keeps the
 * best by validation: all of them for a part of the iterations, the better half of them for twice as many, and so on. Each
 * round takes about as many iterations altogether. The winner has the bytes of a run that knew no others.
 * @param candidates learners by name, such as MAML of networks of several sizes
 * @throws OptionError for options out of range; NonFiniteError where every candidate diverged; what else `metaTrain` throws
 */
export async function selectModel(
  candidates: Readonly<Record<string, Learner>>,
  tasks: TaskSource,
  options: SelectModelOptions,
): Promise<Selected> {
  checkOptions(candidates, tasks, options);
  const { validation, onProgress, ...training } = options;
  const { metaBatch: _, optimizer: __, iterations: ___, ...surroundings } = training;
  const { episodes = 200 } = validation;
  let left = Object.entries(candidates).map(([name, learner]): Candidate => ({ name, learner, store: inMemory() }));
  let rounds = 1;
  for (let count = left.length; count > 1; count = Math.ceil(count / 2)) rounds++;
  const history: SelectProgress[] = [];
  const { metric } = (validation.tasks.specs[0] as TaskSpec).objective;
  const measure = async (learner: Learner, store: CheckpointStore, iterations: number) => {
    const checkpoint = { store, every: iterations };
    const trained = await metaTrain(learner, tasks, { ...training, iterations, checkpoint, resume: true });
    return { trained, validation: await evaluate(trained, validation.tasks, { episodes, ...surroundings }) };
  };
  for (let round = 1; ; round++) {
    const iterations = Math.max(1, Math.round(options.iterations / 2 ** (rounds - round)));
    const results: { readonly candidate: Candidate; readonly trained: Trained; readonly worth: Worth }[] = [];
    let failure: NonFiniteError | undefined;
    for (const candidate of left) {
      const { name, learner, store } = candidate;
      const result = await measure(learner, store, iterations).catch((error) => {
        // Rates that make one candidate diverge are no fault of the others.
        if (!(error instanceof NonFiniteError)) throw error;
        failure = error;
      });
      const progress = { round, rounds, candidate: name, iterations, validation: result?.validation };
      history.push(progress);
      if (result !== undefined) {
        results.push({ candidate, trained: result.trained, worth: worth(result.validation, metric.better) });
      }
      const answer = onProgress?.(progress);
      if (answer !== undefined) await answer;
    }
    const [first] = results.sort((a, b) => byWorth(a.worth, b.worth));
    if (first === undefined) throw failure;
    if (round === rounds) return { name: first.candidate.name, trained: first.trained, history };
    const most = Math.ceil(left.length / 2);
    left = results.slice(0, most).map(({ candidate }) => candidate);
  }
}

interface Worth {
  /** Episodes that diverged: the mean leaves them out. */
  readonly diverged: number;
  /** Larger for the better, and finite. */
  readonly mean: number;
}

function worth({ mean, diverged }: Report, better: "higher" | "lower"): Worth {
  const value = better === "higher" ? mean : -mean;
  return { diverged, mean: Number.isFinite(value) ? value : -Number.MAX_VALUE };
}

/** The better first: fewer diverged episodes, then the better mean. */
const byWorth = (a: Worth, b: Worth): number => a.diverged - b.diverged || b.mean - a.mean;

function inMemory(): CheckpointStore {
  let last: Uint8Array | undefined;
  return {
    async read() {
      return last;
    },
    async write(bytes) {
      last = bytes;
    },
  };
}

const OPTIONS = ["iterations", "validation", "metaBatch", "optimizer", "seed", "executor", "signal", "onProgress"];

function checkOptions(
  candidates: Readonly<Record<string, Learner>>,
  tasks: TaskSource,
  options: SelectModelOptions,
): void {
  const what = "selectModel";
  if (!isRecord(candidates) || Object.keys(candidates).length === 0) {
    throw wrong(`${what}: candidates`, "learners by name, at least one", candidates);
  }
  requireOptions(what, options, OPTIONS);
  const { iterations, validation, metaBatch, optimizer, seed, onProgress } = options;
  requireWhole(`${what}: iterations`, iterations, 1, 2 ** 32 - 1);
  requireOptions(`${what}: validation`, validation, ["tasks", "episodes"]);
  if (validation.episodes !== undefined) requireWhole(`${what}: validation.episodes`, validation.episodes, 1);
  for (const [name, learner] of Object.entries(candidates)) {
    requireLearner(`${what}: candidates.${name}`, learner);
    checkTasks(what, learner, tasks);
    checkTasks(`${what}: validation`, learner, validation.tasks);
  }
  requireOneObjective(`${what}: validation`, validation.tasks, tasks.specs[0]?.objective.name);
  checkDisjoint(tasks, validation.tasks);
  if (metaBatch !== undefined) requireWhole(`${what}: metaBatch`, metaBatch, 1, 65_536);
  if (optimizer !== undefined) requireRule(`${what}: optimizer`, optimizer);
  if (seed !== undefined) requireWhole(`${what}: seed`, seed, 0);
  checkSurroundings(what, options);
  if (onProgress !== undefined) requireFunction(`${what}: onProgress`, onProgress);
}
