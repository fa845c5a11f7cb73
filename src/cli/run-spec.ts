/** What a training run is made of, as the command line says it and a checkpoint remembers it. */
import { loadOmniglot, type OmniglotOptions } from "../data/node/omniglot.ts";
import { FormatError, OptionError } from "../errors.ts";
import type { Learner } from "../learners/learner.ts";
import { maml } from "../learners/maml.ts";
import { metaSgd } from "../learners/meta-sgd.ts";
import { protoNet } from "../learners/proto-net.ts";
import { reptile } from "../learners/reptile.ts";
import { fanInUniform } from "../nn/initialisers.ts";
import type { BatchNormMode } from "../nn/layer.ts";
import { conv4, type Model, mlp } from "../nn/model.ts";
import { adam, type Optimizer, sgd, stepDecay } from "../optim/optimizer.ts";
import { episodes } from "../tasks/episodes.ts";
import { sinusoid } from "../tasks/sinusoid.ts";
import type { TaskSource, TaskSpec } from "../tasks/types.ts";

export const TASKS = ["sinusoid", "omniglot"] as const;
export const LEARNERS = ["maml", "meta-sgd", "reptile", "protonet"] as const;
export const BATCH_NORM_MODES = ["transductive", "running", "none"] as const;
export const SPLITS = ["train", "val", "trainval", "test"] as const;

export type Task = (typeof TASKS)[number];
export type LearnerName = (typeof LEARNERS)[number];
export type Split = (typeof SPLITS)[number];

/** Every setting that shapes the result. */
export interface RunSpec {
  readonly task: Task;
  readonly learner: LearnerName;
  /** Classes of a training episode; 1 for regression. */
  readonly ways: number;
  readonly shots: number;
  readonly queries: number;
  readonly innerSteps: number;
  /** Inner steps where `evaluate` is told none. */
  readonly evaluationSteps: number;
  readonly innerRate: number;
  readonly order: 1 | 2;
  readonly metaBatch: number;
  readonly metaRate: number;
  /** Halves the meta rate every so many iterations; 0 keeps it. */
  readonly halveEvery: number;
  /** Starting learned weight decay of meta-sgd; negative for none. */
  readonly weightDecay: number;
  readonly filters: number;
  readonly batchNorm: BatchNormMode;
  readonly split: Split;
  readonly seed: number;
}

/** Ranges of the counts, on the command line and in files: what is larger would take hours to compile. */
export const COUNTS = {
  ways: { least: 1, most: 10_000 },
  shots: { least: 1, most: 100_000 },
  queries: { least: 1, most: 100_000 },
  innerSteps: { least: 0, most: 1000 },
  evaluationSteps: { least: 0, most: 1000 },
  filters: { least: 0, most: 4096 },
} as const;

const SINUSOID: Omit<RunSpec, "task" | "learner"> = {
  ways: 1,
  shots: 10,
  queries: 10,
  innerSteps: 1,
  evaluationSteps: 10,
  innerRate: 0.01,
  order: 2,
  metaBatch: 25,
  metaRate: 1e-3,
  halveEvery: 0,
  weightDecay: -1,
  filters: 0,
  batchNorm: "none",
  split: "train",
  seed: 1,
};

const OMNIGLOT: Omit<RunSpec, "task" | "learner"> = {
  ...SINUSOID,
  ways: 5,
  shots: 1,
  queries: 5,
  innerRate: 0.4,
  evaluationSteps: 3,
  metaBatch: 32,
  filters: 64,
  batchNorm: "transductive",
  split: "trainval",
};

/** Where a learner's published settings differ from the task's. */
const BY_LEARNER: Record<Task, Partial<Record<LearnerName, Partial<RunSpec>>>> = {
  sinusoid: {
    reptile: { innerSteps: 5, innerRate: 0.02, metaBatch: 1, metaRate: 0.1, shots: 10 },
  },
  omniglot: {
    // Snell et al. 2017, section 3.1: 60-way episodes with 5 queries a class, Adam at 1e-3 halved every 2,000.
    protonet: { ways: 60, metaBatch: 1, halveEvery: 2000 },
    "meta-sgd": { evaluationSteps: 1, innerRate: 0.1 },
    reptile: { innerSteps: 5, evaluationSteps: 50, innerRate: 1e-3, metaBatch: 5, metaRate: 1, queries: 9 },
  },
};

/** Settings that only some learners have. */
const OF_LEARNERS: Partial<Record<keyof RunSpec, readonly LearnerName[]>> = {
  innerSteps: ["maml", "meta-sgd", "reptile"],
  evaluationSteps: ["maml", "meta-sgd", "reptile"],
  innerRate: ["maml", "meta-sgd", "reptile"],
  order: ["maml", "meta-sgd"],
  weightDecay: ["meta-sgd"],
};

/** Settings, and options of the command line, that only tasks with classes and images have. */
const OF_IMAGES = ["ways", "filters", "batchNorm", "split", "data"];

/** The option of a setting: `--inner-steps` of `innerSteps`. */
export const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** @throws OptionError for an option that would do nothing */
export function refuseIdle(task: Task, learner: LearnerName, given: readonly string[]): void {
  for (const name of given) {
    if (task === "sinusoid" && OF_IMAGES.includes(name)) {
      throw new OptionError(`${flag(name)}: does nothing on sinusoid, which has no classes and no files; leave it out`);
    }
    const learners = OF_LEARNERS[name as keyof RunSpec];
    if (learners !== undefined && !learners.includes(learner)) {
      throw new OptionError(`${flag(name)}: does nothing with --learner ${learner}, only with ${learners.join(", ")}`);
    }
  }
}

/** Settings of a run: the task's and learner's own where the user says nothing. */
export function runSpec(task: Task, learner: LearnerName, given: Partial<RunSpec>): RunSpec {
  if (learner === "protonet" && task === "sinusoid") {
    throw new OptionError(
      "--learner protonet: learns classes, and sinusoid is a task of regression; use another learner",
    );
  }
  const defaults = task === "sinusoid" ? SINUSOID : OMNIGLOT;
  refuseIdle(task, learner, Object.keys(given));
  const spec: RunSpec = { ...defaults, ...BY_LEARNER[task][learner], ...given, task, learner };
  if (given.innerSteps === undefined || given.evaluationSteps !== undefined) return spec;
  return { ...spec, evaluationSteps: Math.max(spec.innerSteps, spec.evaluationSteps) };
}

function modelOf(spec: RunSpec): Model {
  if (spec.task === "sinusoid") {
    // Small weights: with larger ones some 5-shot tasks diverge after several inner steps (docs/results.md).
    return mlp({ inputShape: 1, hidden: [40, 40], outputs: 1, initialiser: fanInUniform });
  }
  const options = { inputShape: [28, 28, 1], filters: spec.filters, batchNorm: spec.batchNorm } as const;
  if (spec.learner === "protonet") return conv4({ ...options, downsampling: "maxPool" });
  return conv4({ ...options, outputs: spec.ways });
}

/** The learner of a run. */
export function learnerOf(spec: RunSpec): Learner {
  const { innerSteps, evaluationSteps, innerRate, order, weightDecay } = spec;
  const model = modelOf(spec);
  switch (spec.learner) {
    case "maml":
      return maml(model, { innerSteps, evaluationSteps, innerRate, order });
    case "meta-sgd":
      return metaSgd(model, {
        innerSteps,
        evaluationSteps,
        innerRate,
        order,
        ...(weightDecay >= 0 ? { weightDecay } : {}),
      });
    case "reptile":
      return spec.task === "omniglot"
        ? // Nichol et al. 2018, table 4: Adam without its first moment, batches of 10.
          reptile(model, { innerSteps, evaluationSteps, innerOptimizer: adam(innerRate, { beta1: 0 }), innerBatch: 10 })
        : reptile(model, { innerSteps, evaluationSteps, innerRate });
    case "protonet":
      return protoNet(model);
  }
}

/** The outer update rule of a run. */
export function optimizerOf({ learner, metaRate, halveEvery }: RunSpec): Optimizer {
  const rate = halveEvery > 0 ? stepDecay(metaRate, { every: halveEvery }) : metaRate;
  return learner === "reptile" ? sgd(rate) : adam(rate);
}

/** What an episode is made of. */
export interface EpisodeShape {
  readonly ways: number;
  readonly shots: number;
  readonly queries: number;
}

/** What the tasks of a run have in common. */
export function taskSpecOf({ task, ways, shots, queries }: RunSpec): TaskSpec {
  if (task === "sinusoid") return sinusoid({ shots, queries }).spec;
  const [supportSize, querySize] = [ways * shots, ways * queries];
  return { kind: "classification", inputShape: [28, 28, 1], outputs: ways, supportSize, querySize };
}

/**
 * The tasks of a run.
 * @param data folder of the data set, for tasks that have one
 */
export async function tasksOf(
  task: Task,
  data: string | undefined,
  split: Split,
  shape: EpisodeShape,
): Promise<TaskSource> {
  const { ways, shots, queries } = shape;
  if (task === "sinusoid") return sinusoid({ shots, queries });
  if (data === undefined) {
    throw new OptionError("--data: omniglot needs the folder with images_background.zip and images_evaluation.zip");
  }
  const options: OmniglotOptions & { split: "vinyals" } = { split: "vinyals" };
  const parts = await loadOmniglot(data, options);
  return episodes(parts[split], { ways, shots, queries });
}

/** Reads the settings that a checkpoint remembers. @throws FormatError when it has none */
export function parseRunSpec(text: string | undefined): RunSpec {
  const wrong = new FormatError("checkpoint: it was not written by quickstudy train (its metadata holds no run)");
  if (text === undefined) throw wrong;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong;
  }
  const spec = value as Partial<RunSpec> | null;
  const known = TASKS.includes(spec?.task as Task) && LEARNERS.includes(spec?.learner as LearnerName);
  const same = Object.entries(SINUSOID).every(([name, each]) => typeof spec?.[name as keyof RunSpec] === typeof each);
  if (!known || !same) throw wrong;
  for (const [name, { least, most }] of Object.entries(COUNTS)) {
    const count = spec?.[name as keyof typeof COUNTS] as number;
    if (!Number.isInteger(count) || count < least || count > most) {
      throw new FormatError(
        `checkpoint: its run has ${name} ${count}; it must be a whole number from ${least} to ${most}`,
      );
    }
  }
  return spec as RunSpec;
}
