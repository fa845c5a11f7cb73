/** The learned optimizer beside hand-made ones on new problems of the family that it was trained on: docs/results.md. */
import { performance } from "node:perf_hooks";
import {
  adam,
  Draw,
  evaluate,
  initModel,
  innerLoop,
  inThread,
  type Key,
  type LearnedDescentOptions,
  type Learner,
  layers,
  learnedDescent,
  type Model,
  metaTrain,
  mlp,
  model,
  normal,
  type Optimizer,
  regression,
  sgd,
  sinusoid,
  stepDecay,
  type TaskSource,
  type Trained,
  workers,
} from "../src/index.ts";

const STEPS = 100;
const PROBLEMS = 1_000;
/** Problems that rates are chosen on; the comparison has others. */
const TUNING = 200;
const TUNING_SEED = 5;
const META_BATCH = 16;
/** Halved three times. */
const META_RATE = 0.01;
const SIZE = 10;

/** What is optimised: queries are the support set, so that the query loss is the optimizee's own. */
interface Family {
  readonly name: string;
  readonly model: Model;
  readonly tasks: TaskSource;
  /** What a mean over examples is multiplied by to make the optimizee's loss. */
  readonly factor: number;
}

/** f(theta) = |W theta - y|^2 with W [10, 10] and y [10] of variance 1 (Andrychowicz et al. 2016, section 3.1). */
const quadratics: TaskSource = {
  name: "quadratics",
  fingerprint: "quadratics",
  specs: [{ inputs: { x: [SIZE] }, objective: regression(1), segments: [SIZE], queries: SIZE }],
  sample(key: Key) {
    const draw = new Draw(key);
    // Twelve uniform numbers have variance 1 together, and their sum is nearly normal.
    const number = () => Array.from({ length: 12 }, () => draw.uniform(-0.5, 0.5)).reduce((sum, each) => sum + each);
    const problem = {
      x: Float32Array.from({ length: SIZE * SIZE }, number),
      y: Float32Array.from({ length: SIZE }, number),
    };
    return { segments: [problem], queries: problem };
  },
};

function sines(): TaskSource {
  const curves = sinusoid({ shots: 10 });
  return {
    name: "mlp on sines",
    fingerprint: curves.fingerprint,
    specs: [curves.spec],
    sample(key: Key) {
      const { support } = curves.sample(key);
      return { segments: [support], queries: support };
    },
  };
}

const FAMILIES: Readonly<Record<string, () => Family>> = {
  quadratics: () => ({
    name: "10-dimensional quadratics",
    model: model([SIZE], layers.linear(1, { bias: false, initialiser: normal(1) })),
    tasks: quadratics,
    factor: SIZE,
  }),
  mlp: () => ({
    name: "networks of 8 tanh units on 10 points of a sine curve",
    model: mlp({ inputShape: 1, hidden: [8], outputs: 1, activation: "tanh" }),
    tasks: sines(),
    factor: 1,
  }),
};

const OPTIONS: LearnedDescentOptions = { initialisation: "drawn", innerSteps: STEPS };

const RULES: Readonly<Record<string, (rate: number) => Optimizer>> = {
  SGD: (rate) => sgd(rate),
  momentum: (rate) => sgd(rate, { momentum: 0.9 }),
  RMSprop: (rate) => adam(rate, { beta1: 0 }),
  Adam: (rate) => adam(rate),
};
const RATES = [0.003, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3];

/** An inner loop with a rule that owns nothing, from the starts that the learned optimizer has. */
function fixed(body: Model, rule: Optimizer): Learner {
  const loop = innerLoop({
    name: "fixed",
    model: body,
    rule,
    adapts: "all",
    innerSteps: STEPS,
    evaluationSteps: undefined,
    order: 1,
    innerRate: undefined,
  });
  return {
    ...loop,
    name: rule.name,
    description: rule.name,
    init: () => ({ learned: {} }),
    start: (_, context) => loop.start(initModel(body, context.key).learned, context),
  };
}

/** The optimizee's loss after all steps. */
async function lossOf(trained: Trained, { tasks, factor }: Family, episodes: number, seed: number) {
  const { mean, ci95, median, diverged } = await evaluate(trained, tasks, { episodes, seed });
  return { mean: factor * mean, ci95: factor * ci95, median: factor * median, diverged };
}

/** A rule with the rate of the lowest mean on the tuning problems. */
async function tuned(make: (rate: number) => Optimizer, family: Family) {
  let best = { rate: 0, mean: Number.POSITIVE_INFINITY };
  for (const rate of RATES) {
    const trained = await metaTrain(fixed(family.model, make(rate)), family.tasks, { iterations: 0 });
    const { mean, diverged } = await lossOf(trained, family, TUNING, TUNING_SEED);
    trained.dispose();
    if (diverged === 0 && mean < best.mean) best = { rate, mean };
  }
  return {
    rate: best.rate,
    trained: await metaTrain(fixed(family.model, make(best.rate)), family.tasks, { iterations: 0 }),
  };
}

/** `npm run bench -- learned-optimizer [quadratics|mlp] [iterations] [threads]` */
export async function benchLearnedOptimizer([
  which = "quadratics",
  given = "1000",
  threads = "1",
]: readonly string[]): Promise<void> {
  const family = FAMILIES[which]?.();
  if (family === undefined)
    throw new Error(`no family is called ${which}; there are ${Object.keys(FAMILIES).join(", ")}`);
  const iterations = Number(given);
  const executor = Number(threads) > 1 ? workers(Number(threads)) : inThread();
  const begin = performance.now();
  const learned = await metaTrain(learnedDescent(family.model, OPTIONS), family.tasks, {
    iterations,
    metaBatch: META_BATCH,
    seed: 1,
    optimizer: adam(stepDecay(META_RATE, { every: Math.ceil(iterations / 4) })),
    executor,
    onProgress: ({ iteration, loss }) => {
      if (iteration % 100 === 0)
        console.log(`iteration ${iteration}: mean loss over the steps ${(family.factor * loss).toFixed(3)}`);
    },
  });
  await executor.close();
  const seconds = (performance.now() - begin) / 1000;
  console.log(`${family.name}: ${iterations} iterations of ${META_BATCH} problems in ${seconds.toFixed(0)} s`);
  console.log(`loss after ${STEPS} steps on ${PROBLEMS} new problems\n`);
  console.log("rule                rate    mean        +-          median");
  const show = async (name: string, rate: string, trained: Trained) => {
    const { mean, ci95, median } = await lossOf(trained, family, PROBLEMS, TUNING_SEED + 1);
    const cells = [mean, ci95, median].map((each) => each.toPrecision(4).padEnd(12));
    console.log(`${name.padEnd(20)}${rate.padEnd(8)}${cells.join("")}`.trimEnd());
  };
  await show("learned", "", learned);
  for (const [name, make] of Object.entries(RULES)) {
    const { rate, trained } = await tuned(make, family);
    await show(name, `${rate}`, trained);
  }
}
