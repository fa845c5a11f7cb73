/** Strategies for Bernoulli bandits that need no training, as Duan et al. 2016 (section 3.1) compare RL² with. */
import { Draw, type Key } from "quickstudy";

/** What is known of an arm: how often it gave a reward, and how often none. */
export interface Arm {
  readonly rewards: number;
  readonly failures: number;
}

/** The arm to pull next, by its place. */
export type Strategy = (arms: readonly Arm[], draw: Draw) => number;

/**
 * What a strategy earns in all on one bandit.
 * @param chances of a reward, by arm
 */
export function play(strategy: Strategy, chances: Float32Array, pulls: number, key: Key): number {
  const draw = new Draw(key);
  const arms = Array.from(chances, () => ({ rewards: 0, failures: 0 }));
  let total = 0;
  for (let t = 0; t < pulls; t++) {
    const place = strategy(arms, draw);
    const reward = draw.uniform() < (chances[place] ?? 0) ? 1 : 0;
    const arm = arms[place];
    if (arm !== undefined) arm[reward === 1 ? "rewards" : "failures"]++;
    total += reward;
  }
  return total;
}

/** The arm of the highest score; of those that tie, any. */
function best(arms: readonly Arm[], draw: Draw, score: (arm: Arm) => number): number {
  const scores = arms.map(score);
  const highest = Math.max(...scores);
  const ties = scores.flatMap((each, place) => (each === highest ? [place] : []));
  return ties[draw.below(ties.length)] ?? 0;
}

// Before the first pull all chances are equally likely, Beta(1, 1): as after one reward and one failure.
const count = ({ rewards, failures }: Arm) => rewards + failures + 2;
const posteriorMean = (arm: Arm) => (arm.rewards + 1) / count(arm);

/** UCB1 (Auer et al. 2002) as Duan et al. have it: posterior mean + c sqrt(2 ln t / n). */
export const ucb1 =
  (c: number): Strategy =>
  (arms, draw) => {
    const t = arms.reduce((total, { rewards, failures }) => total + rewards + failures, 1);
    return best(arms, draw, (arm) => posteriorMean(arm) + c * Math.sqrt((2 * Math.log(t)) / count(arm)));
  };

/** A draw from Beta(a, b) for whole a and b: the a-th smallest of a + b - 1 uniform numbers. */
function beta(a: number, b: number, draw: Draw): number {
  const uniform = Float64Array.from({ length: a + b - 1 }, () => draw.uniform()).sort();
  return uniform[a - 1] ?? Number.NaN;
}

export const random: Strategy = (arms, draw) => draw.below(arms.length);
export const greedy: Strategy = (arms, draw) => best(arms, draw, posteriorMean);
/** Each arm with the probability that it is the best (Thompson 1933). */
export const thompson: Strategy = (arms, draw) =>
  best(arms, draw, ({ rewards, failures }) => beta(rewards + 1, failures + 1, draw));
