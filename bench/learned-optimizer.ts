/** The learned optimizer beside hand-made ones on new problems of the family that it was trained on: docs/results.md. */
import { performance } from "node:perf_hooks";
import {
  adam,
  cosineDecay,
  evaluate,
  initModel,
  innerLoop,
  type LearnedDescentOptions,
  type Learner,
  learnedDescent,
  type Model,
  meanAndInterval,
  metaTrain,
  type Optimizer,
  sgd,
  type Trained,
} from "../src/index.ts";
import { FAMILIES, type Family } from "./optimizees.ts";

const STEPS = 100;
const PROBLEMS = 1_000;
const SEED = 6;
/** Problems that rates are chosen on; the comparison has others. */
const TUNING = 200;
const TUNING_SEED = 5;

interface Settings {
  readonly options: LearnedDescentOptions;
  readonly iterations: number;
  /** Problems of an iteration. */
  readonly problems: number;
  /** Falls along half a cosine to a fiftieth. */
  readonly metaRate: number;
}

const SETTINGS: Readonly<Record<string, Settings>> = {
  quadratics: {
    options: { preprocessing: "none", updateScale: 1 },
    iterations: 6_000,
    problems: 16,
    metaRate: 0.003,
  },
  mlp: {
    options: {},
    iterations: 3_000,
    problems: 4,
    metaRate: 0.01,
  },
};

const RULES: Readonly<Record<string, (rate: number) => Optimizer>> = {
  SGD: (rate) => sgd(rate),
  momentum: (rate) => sgd(rate, { momentum: 0.9 }),
  Nesterov: (rate) => sgd(rate, { momentum: 0.9, nesterov: true }),
  RMSprop: (rate) => adam(rate, { beta1: 0, beta2: 0.99 }),
  Adam: (rate) => adam(rate),
};
const RATES = [0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3];

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

/** Losses after all steps: the problems and their starts depend on the seed alone. */
async function lossesOf(learner: Learner, family: Family, episodes: number, seed: number, from?: Trained) {
  const { tasks } = family.problems(1);
  const trained = await metaTrain(learner, tasks, { iterations: 0, ...(from === undefined ? {} : { from }) });
  const report = await evaluate(trained, tasks, { episodes, seed });
  trained.dispose();
  return report;
}

/** The rate of the lowest mean on the tuning problems. */
async function tuned(make: (rate: number) => Optimizer, family: Family): Promise<number> {
  const { model } = family.problems(1);
  let best = { rate: 0, mean: Number.POSITIVE_INFINITY };
  for (const rate of RATES) {
    const { mean, diverged } = await lossesOf(fixed(model, make(rate)), family, TUNING, TUNING_SEED);
    if (diverged === 0 && mean < best.mean) best = { rate, mean };
  }
  return best.rate;
}

async function train(family: Family, options: LearnedDescentOptions, settings: Settings): Promise<Trained> {
  const { iterations, problems, metaRate } = settings;
  const { model, tasks } = family.problems(problems);
  const every = Math.max(1, Math.floor(iterations / 20));
  let recent = 0;
  return metaTrain(learnedDescent(model, options), tasks, {
    iterations,
    metaBatch: 1,
    seed: 1,
    optimizer: adam(cosineDecay(metaRate, { steps: Math.max(1, iterations), final: metaRate / 50 })),
    onProgress({ iteration, loss, seconds }) {
      recent += loss / problems / every;
      if (iteration % every !== 0) return;
      console.log(`iteration ${iteration}: mean loss over the steps ${recent.toFixed(3)}, ${seconds.toFixed(0)} s`);
      recent = 0;
    },
  });
}

const cells = (values: readonly number[]): string => values.map((each) => each.toPrecision(4).padEnd(12)).join("");

/** `npm run bench -- learned-optimizer [quadratics|mlp] [iterations]` */
export async function benchLearnedOptimizer([which = "quadratics", given]: readonly string[]): Promise<void> {
  const [family, published] = [FAMILIES[which], SETTINGS[which]];
  if (family === undefined || published === undefined)
    throw new Error(`no family is called ${which}; there are ${Object.keys(FAMILIES).join(", ")}`);
  const settings = given === undefined ? published : { ...published, iterations: Number(given) };
  const options: LearnedDescentOptions = { ...settings.options, initialisation: "drawn", innerSteps: STEPS };
  const begin = performance.now();
  const trained = await train(family, options, settings);
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  console.log(`\n${family.name}: ${settings.iterations} iterations of ${settings.problems} problems in ${seconds} s`);
  console.log(`rates: the best of ${RATES.join(", ")} on ${TUNING} other problems`);
  console.log(`loss after ${STEPS} steps on ${PROBLEMS} new problems\n`);
  console.log("rule      rate    mean        +-          median      more than learned, +-");
  const { model } = family.problems(1);
  const learned = await lossesOf(learnedDescent(model, options), family, PROBLEMS, SEED, trained);
  console.log(`learned           ${cells([learned.mean, learned.ci95, learned.median])}`.trimEnd());
  for (const [name, make] of Object.entries(RULES)) {
    const rate = await tuned(make, family);
    const { mean, ci95, median, diverged, values } = await lossesOf(fixed(model, make(rate)), family, PROBLEMS, SEED);
    const paired = meanAndInterval(
      values.map((value, i) => value - (learned.values[i] as number)).filter(Number.isFinite),
    );
    const row = cells([mean, ci95, median, paired.mean, paired.ci95]).trimEnd();
    const note = diverged === 0 ? "" : `, ${diverged} diverged`;
    console.log(`${name.padEnd(10)}${`${rate}`.padEnd(8)}${row}${note}`);
  }
  trained.dispose();
}
