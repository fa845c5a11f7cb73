/** Learners along a sinusoid whose amplitude and phase jump, with a plot: docs/results.md. */
import { writeFile } from "node:fs/promises";
import {
  continuing,
  drawLines,
  frozen,
  type OnlineLearner,
  type OnlineResult,
  readapting,
  runOnline,
} from "../src/analysis.ts";
import { jumpingSinusoid } from "../src/data.ts";
import {
  adam,
  anp,
  clipped,
  cosineDecay,
  fanInUniform,
  fineTune,
  fold,
  keyOf,
  type Learner,
  layers,
  metaSgd,
  metaTrain,
  mlp,
  model,
  regression,
  scratch,
  sinusoid,
  type TaskSource,
  type Trained,
} from "../src/index.ts";

const EVERY = 20;
const JUMPS = 200;
/** Settings of the baselines are the best of these on a stream of as many curves, which is not that of the results. */
const TUNING_CURVES = 50;
const RATES = [0.003, 0.01, 0.03];
const STEPS = [1, 5, 20, 100];

const network = () => mlp({ inputShape: 1, hidden: [40, 40], outputs: 1, initialiser: fanInUniform });

async function trained(learner: Learner, tasks: TaskSource, iterations: number): Promise<Trained> {
  const from = performance.now();
  const made = await metaTrain(learner, tasks, {
    iterations,
    metaBatch: 16,
    seed: 1,
    optimizer: clipped(adam(cosineDecay(2e-3, { steps: Math.max(1, iterations), final: 1e-5 })), 10),
  });
  if (iterations > 0)
    console.log(`${learner.name}: ${iterations} iterations in ${((performance.now() - from) / 1000).toFixed(0)} s`);
  return made;
}

/** Observations arrive one by one; regret is their squared error, added up. */
async function along(learners: readonly OnlineLearner[], curves: number, seed: number): Promise<OnlineResult[]> {
  const source = jumpingSinusoid({ every: EVERY, curves, size: 1 });
  const { segments } = await source.sample(fold(keyOf(seed), 0), 0);
  return runOnline(learners, segments, {
    objective: regression(1),
    changes: Array.from({ length: curves - 1 }, (_, i) => (i + 1) * EVERY),
    recovered: 0.25,
  });
}

/** What does best on the tuning stream. */
async function best(candidates: readonly (() => OnlineLearner)[]): Promise<OnlineLearner> {
  const results = await along(
    candidates.map((make) => make()),
    TUNING_CURVES,
    5,
  );
  const means = results.map(({ mean }) => (Number.isFinite(mean) ? mean : Number.POSITIVE_INFINITY));
  return (candidates[means.indexOf(Math.min(...means))] as () => OnlineLearner)();
}

async function baselines(iterations: number): Promise<OnlineLearner[]> {
  const tasks = sinusoid();
  const common = await trained(fineTune(network()), tasks, iterations);
  const untrained = (rate: number) => trained(scratch(network(), { innerRule: "adam", innerRate: rate }), tasks, 0);
  const starts = await Promise.all(RATES.map(untrained));
  const rates = await Promise.all(
    RATES.map((innerRate) => metaTrain(fineTune(network(), { innerRate }), tasks, { iterations: 0, from: common })),
  );
  const fineTuning = rates.flatMap((each, i) =>
    STEPS.slice(0, 3).map(
      (innerSteps) => () =>
        continuing(each, { innerSteps, name: `continued fine-tuning (rate ${RATES[i]}, ${innerSteps} steps)` }),
    ),
  );
  const retraining = starts.flatMap((each, i) =>
    [5, 10, 20].map(
      (capacity) => () =>
        readapting(each, {
          innerSteps: 100,
          capacity,
          name: `retraining on the last ${capacity} (Adam, rate ${RATES[i]}, 100 steps)`,
        }),
    ),
  );
  return [frozen(common), await best(fineTuning), await best(retraining)];
}

async function adaptive(iterations: number): Promise<OnlineLearner[]> {
  const points = model([1], layers.flatten());
  // Predicted after 0, 1, 2, 4, 8 and 12 points: in use as many are known as have come since a jump.
  const growing = sinusoid({ segments: [1, 1, 2, 4, 4, 8] });
  const process = await trained(anp(points, regression(1), { width: 64 }), growing, iterations);
  const rates = await trained(
    metaSgd(network(), { innerSteps: 5, innerClip: 100 }),
    sinusoid({ shots: 5 }),
    iterations,
  );
  return [
    await best(
      [5, 8, 12].map((capacity) => () => readapting(rates, { capacity, name: `Meta-SGD, the last ${capacity}` })),
    ),
    readapting(rates, { capacity: EVERY, restarts: true, name: "Meta-SGD, restarting" }),
    await best(
      [5, 8, 12].map((capacity) => () => readapting(process, { capacity, name: `ANP, the last ${capacity}` })),
    ),
    readapting(process, { capacity: EVERY, restarts: true, name: "ANP, restarting" }),
  ];
}

/** `npm run bench -- changes [iterations] [picture]` */
export async function benchChanges([given = "10000", picture]: readonly string[]): Promise<void> {
  const iterations = Number(given);
  const learners = [...(await baselines(iterations)), ...(await adaptive(iterations))];
  const results = await along(learners, JUMPS + 1, 6);
  const observations = EVERY * (JUMPS + 1);
  console.log(`\n${observations} observations, a jump after every ${EVERY}: ${JUMPS} jumps`);
  console.log(`recovery: observations after a jump until one has a squared error of 0.25 or less\n`);
  console.log("regret   per observation   recovery   learner");
  for (const { name, regret, mean, recovery = 0 } of results) {
    const total = (regret.at(-1) as number).toFixed(0);
    console.log(`${total.padEnd(9)}${mean.toFixed(3).padEnd(18)}${recovery.toFixed(1).padEnd(11)}${name}`);
  }
  const chart = {
    title: `Regret on a sinusoid that jumps ${JUMPS} times`,
    x: "observations",
    y: "squared error, added up",
    curves: results.map(({ name, regret }) => ({ name: name.replace(/ \(.*/, ""), y: regret })),
  };
  if (picture !== undefined) await writeFile(picture, drawLines(chart));
}
