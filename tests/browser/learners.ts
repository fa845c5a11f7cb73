/** Every learner on the list: the bits that it trains to, on workers and resumed, and what it predicts. */
import {
  type CheckpointStore,
  conv4,
  episodes,
  inThread,
  keyOf,
  LEARNERS,
  type LearnerRecord,
  layers,
  type MetaTrainOptions,
  type Model,
  metaTrain,
  model,
  type Objective,
  TASKS,
  type TaskSource,
  type Trained,
  workers,
} from "quickstudy";
import { images, joined, type Outputs } from "./made-up.ts";

type Kind = LearnerRecord["model"];

/** Tasks that learners are run on. */
interface Ground {
  readonly tasks: TaskSource;
  readonly objective: Objective;
  readonly innerSteps: number;
  readonly modelOf: (kind: Kind) => Model;
}

/** The tasks of a record, with their usual models. */
async function groundOf(record: (typeof TASKS)[number]): Promise<Ground> {
  const settings = Object.fromEntries(Object.entries(record.options).map(([name, option]) => [name, option.default]));
  const { inputs, objective } = record.spec(settings);
  const modelOf = (kind: Kind) =>
    kind === "raw" ? model(inputs.x ?? [], layers.flatten()) : record.model(settings, kind, objective.width);
  return { tasks: await record.source(settings, "train", ""), objective, innerSteps: 2, modelOf };
}

/** Sixteen by sixteen pixels become four by four places, of which Relation Networks take the maxima twice. */
const SIDE = 16;

/** Made-up images, and a narrow Conv-4 for them. */
function imageGround(): Ground {
  const tasks = episodes(images(SIDE), { ways: 2, shots: 1, queries: 1 });
  const { objective } = tasks.spec;
  const inputShape = [SIDE, SIDE, 1] as const;
  const modelOf = (kind: Kind) => {
    if (kind === "raw") return model(inputShape, layers.flatten());
    const shared = { inputShape, filters: 4, batchNorm: "support" } as const;
    if (kind === "predictor") return conv4({ ...shared, outputs: objective.width });
    return conv4({ ...shared, downsampling: kind === "maps" ? "maps" : "stride" });
  };
  return { tasks, objective, innerSteps: 1, modelOf };
}

/** Options that make runs small, of learners that have them. */
const SMALL = { units: 8, width: 8, depth: 1, layers: 1, slots: 4, slotWidth: 4, blockWidth: 4 };

const serves = ({ objectives }: LearnerRecord, { objective }: Ground) => objectives?.includes(objective.name) ?? true;

function train(record: LearnerRecord, ground: Ground, run: MetaTrainOptions): Promise<Trained> {
  const { tasks, objective, innerSteps, modelOf } = ground;
  const small = Object.entries({ ...SMALL, innerSteps });
  const options = Object.fromEntries(small.filter(([name]) => Object.hasOwn(record.options, name)));
  const learner = record.make(modelOf(record.model), options, objective);
  return metaTrain(learner, tasks, { metaBatch: 5, seed: 3, onWarning: () => {}, ...run });
}

/** The meta-parameters, and what they predict after adapting to one more task. */
async function bitsOf(trained: Trained, { tasks, objective }: Ground): Promise<Float32Array> {
  const { segments, queries } = await tasks.sample(keyOf(99), 0);
  const inputs = Object.entries(queries).filter(([name]) => !Object.hasOwn(objective.targets, name));
  const adapted = trained.adapt({ ...segments[0] });
  return joined([...Object.values(trained.meta), ...Object.values(adapted.predict(Object.fromEntries(inputs)))]);
}

/** Part of a run: how many workers share it (0: none, this thread alone), and the iterations that are done when it ends. */
type Part = readonly [count: number, iterations: number];

/** A run in parts, each of which resumes where the last has stopped. */
export async function trainEvery(parts: readonly Part[]): Promise<Outputs> {
  const grounds = await Promise.all(TASKS.map(groundOf));
  const executors = parts.map(([count]) => (count === 0 ? inThread() : workers(count)));
  const found: Record<string, Float32Array> = {};
  try {
    for (const record of LEARNERS) {
      const ground = grounds.find((each) => serves(record, each));
      if (ground === undefined) throw new Error(`no tasks for ${record.name}`);
      const checkpoint = { store: inMemory(), every: 1 };
      for (const [i, [, iterations]] of parts.entries()) {
        const executor = executors[i] ?? inThread();
        const trained = await train(record, ground, { iterations, executor, checkpoint, resume: true });
        found[record.name] = await bitsOf(trained, ground);
      }
    }
  } finally {
    for (const executor of executors) await executor.close();
  }
  return found;
}

/** An iteration on images of everything that learns classes of them. */
export async function trainEveryOnImages(): Promise<Outputs> {
  const ground = imageGround();
  const found: Record<string, Float32Array> = {};
  for (const record of LEARNERS.filter((each) => serves(each, ground))) {
    found[record.name] = await bitsOf(await train(record, ground, { iterations: 1, metaBatch: 1 }), ground);
  }
  return found;
}

function inMemory(): CheckpointStore {
  let stored: Uint8Array | undefined;
  return {
    read: async () => stored,
    async write(bytes) {
      stored = bytes;
    },
  };
}
