/** Learners that see 20 Omniglot classes one after another: docs/results.md. */
import { fileURLToPath } from "node:url";
import {
  type ContinualResult,
  type ContinualTask,
  continuing,
  type OnlineLearner,
  readapting,
  runContinual,
} from "../src/analysis.ts";
import { classIncremental } from "../src/data.ts";
import {
  adam,
  anil,
  classification,
  cosineDecay,
  episodes,
  fineTune,
  fit,
  fold,
  heNormal,
  keyOf,
  type LabelledDataset,
  type Learner,
  layers,
  type Model,
  meanAndInterval,
  metaTrain,
  model,
  oml,
  protoNet,
  type Task,
  type TaskSource,
  type Trained,
} from "../src/index.ts";
import { loadOmniglot } from "../src/node.ts";

const CLASSES = 20;
const SHOTS = 3;
const QUERIES = 5;
const SEQUENCES = 6;
/** Settings of each learner are the best of these on sequences of validation classes. */
const TUNING_SEQUENCES = 1;
const RATES = [0.003, 0.01, 0.03, 0.1];

/** No statistics of a batch, which would be those of one class alone. @param outputs of the head; an embedding without */
function network(outputs?: number): Model {
  const block = () =>
    layers.sequential({
      conv: layers.conv2d(16, { size: 3, stride: 2, pad: 1, initialiser: heNormal }),
      norm: layers.layerNorm(),
      activation: layers.activation("relu"),
    });
  const body = { block1: block(), block2: block(), block3: block(), flat: layers.flatten() };
  const all = layers.sequential(outputs === undefined ? body : { ...body, head: layers.linear(outputs) });
  return model([28, 28, 1], all);
}

async function trained(learner: Learner, tasks: TaskSource, iterations: number): Promise<Trained> {
  const from = performance.now();
  const made = await metaTrain(learner, tasks, {
    iterations,
    metaBatch: 4,
    seed: 1,
    optimizer: adam(cosineDecay(2e-3, { steps: Math.max(1, iterations), final: 2e-5 })),
  });
  console.log(`${learner.name}: ${iterations} iterations in ${((performance.now() - from) / 1000).toFixed(0)} s`);
  return made;
}

/** A sequence of classes: what each is learned from, and what is asked of it. */
function sequenceOf({ segments, queries }: Task): ContinualTask[] {
  const { x, y } = queries as { x: Float32Array; y: Float32Array };
  const pixels = x.length / y.length;
  return segments.map((examples, label) => {
    const rows = Array.from(y.keys()).filter((row) => y[row] === label);
    const images = rows.map((row) => x.subarray(row * pixels, (row + 1) * pixels));
    const test = { x: new Float32Array(rows.length * pixels), y: new Float32Array(rows.length).fill(label) };
    for (const [i, image] of images.entries()) test.x.set(image, i * pixels);
    return { train: [examples], test };
  });
}

async function sequences(data: LabelledDataset, count: number): Promise<ContinualTask[][]> {
  const source = classIncremental(data, { classes: CLASSES, shots: SHOTS, queries: QUERIES });
  const tasks = Array.from({ length: count }, (_, i) => source.sample(fold(keyOf(7), i), 0));
  return (await Promise.all(tasks)).map(sequenceOf);
}

type Candidate = () => OnlineLearner;
const run = (make: Candidate, given: readonly ContinualTask[][]): ContinualResult[] =>
  given.flatMap((tasks) => runContinual([make()], tasks, { objective: classification(CLASSES) }));
const averageOf = (results: readonly ContinualResult[]) => meanAndInterval(results.map(({ average }) => average)).mean;

function best(candidates: readonly Candidate[], tuning: readonly ContinualTask[][]): Candidate {
  const averages = candidates.map((make) => averageOf(run(make, tuning)));
  return candidates[averages.indexOf(Math.max(...averages))] as Candidate;
}

/** The learners, each with several settings. */
async function candidatesOf(train: LabelledDataset, scale: number): Promise<Candidate[][]> {
  const count = (iterations: number) => Math.max(1, Math.round(scale * iterations));
  const from = performance.now();
  const classes = train.classes.length;
  const { trained: pretrained } = await fit(network(classes), train.all(), {
    objective: classification(classes),
    epochs: count(1),
  });
  console.log(`supervised: ${count(1)} epochs in ${((performance.now() - from) / 1000).toFixed(0)} s`);
  const episode = { ways: CLASSES, shots: 1, queries: 2 };
  const tasks = episodes(train, episode);
  const arriving = classIncremental(train, { classes: CLASSES, shots: SHOTS, queries: 1 });
  const head = await trained(anil(network(CLASSES), { innerSteps: 1, innerRate: 1 }), tasks, count(250));
  const online = await trained(oml(network(CLASSES), { innerRate: 0.02 }), arriving, count(700));
  const prototypes = await trained(protoNet(network()), tasks, count(250));
  const tuned = async (adapts: "all" | "head", title: string) => {
    const made = RATES.map((innerRate) =>
      metaTrain(fineTune(network(CLASSES), { adapts, innerRate }), tasks, { iterations: 0, from: pretrained }),
    );
    const starts = await Promise.all(made);
    return starts.flatMap((start, i) =>
      [1, 5, 20].map((innerSteps) => () => {
        const name = `${title} (rate ${RATES[i]}, ${innerSteps} steps)`;
        return continuing(start, { innerSteps, name });
      }),
    );
  };
  return [
    await tuned("all", "fine-tuning"),
    await tuned("head", "fine-tuning of the head"),
    [1, 2, 5].map((innerSteps) => () => continuing(head, { innerSteps, name: `ANIL (${innerSteps} steps)` })),
    [() => continuing(online, { name: "OML" })],
    [() => continuing(prototypes, { ways: CLASSES, name: "ProtoNet" })],
    [1, 5].map(
      (innerSteps) => () => readapting(head, { innerSteps, name: `ANIL on all examples (${innerSteps} steps)` }),
    ),
  ];
}

/** `npm run bench -- continual [part of the usual iterations]` */
export async function benchContinual([given = "1"]: readonly string[]): Promise<void> {
  const folder = fileURLToPath(new URL("../../shared/data/omniglot", import.meta.url));
  const { train, val, test } = await loadOmniglot(folder, { rotations: false });
  const candidates = await candidatesOf(train, Number(given));
  const [tuning, measured] = [await sequences(val, TUNING_SEQUENCES), await sequences(test, SEQUENCES)];
  console.log(`\n${CLASSES} classes of ${SHOTS} examples, one after another; ${SEQUENCES} sequences of test classes`);
  console.log("\naverage accuracy      forgetting        learner");
  for (const settings of candidates) {
    const results = run(settings.length === 1 ? (settings[0] as Candidate) : best(settings, tuning), measured);
    const cells = (["average", "forgetting"] as const).map((name) => {
      const { mean, ci95 } = meanAndInterval(results.map((each) => 100 * each[name]));
      return `${mean.toFixed(1)} ± ${ci95.toFixed(1)}`;
    });
    console.log(`${(cells[0] as string).padEnd(22)}${(cells[1] as string).padEnd(18)}${results[0]?.name}`);
  }
}
