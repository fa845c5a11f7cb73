/** What strategies earn on the same bandits, as text. */
import { fold, meanAndInterval } from "quickstudy";
import { greedy, play, random, type Strategy, thompson, ucb1 } from "./strategies.ts";
import type { Tested } from "./train.ts";

const STRATEGIES: Readonly<{ [name: string]: Strategy }> = {
  random,
  greedy,
  "UCB1, c = 1": ucb1(1),
  // Best of 0.05, 0.1, 0.2, 0.3, 0.5 and 1 at 100 pulls of 5 arms.
  "UCB1, c = 0.2": ucb1(0.2),
  "Thompson sampling": thompson,
};

/** Mean total reward of every strategy and of the tested policy on its bandits, with 95 % intervals. */
export function earnings(tested: readonly Tested[], pulls: number): string[] {
  const line = (name: string, rewards: readonly number[]) => {
    const { mean, ci95 } = meanAndInterval(rewards);
    return `${name.padEnd(20)}${mean.toFixed(2).padStart(6)} ± ${ci95.toFixed(2)}`;
  };
  const others = Object.entries(STRATEGIES).map(([name, strategy], i) =>
    line(
      name,
      tested.map(({ chances, key }) => play(strategy, chances, pulls, fold(key, i))),
    ),
  );
  return [
    ...others,
    line(
      "RL²",
      tested.map(({ reward }) => reward),
    ),
  ];
}
