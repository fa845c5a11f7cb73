/** RL² on 5-armed bandits of 10 and of 100 pulls, beside strategies that need no training: docs/results.md. */
import { recurrentPolicy } from "../examples/bandits/rl2.ts";
import { earnings } from "../examples/bandits/table.ts";
import { type Arrays, type Stage, testPolicy, train } from "../examples/bandits/train.ts";

const ARMS = 5;
const BANDITS = 10_000;
/** Each goes on from the policy before: what pays over 10 pulls is a start for 100. */
const STAGES: readonly Stage[] = [
  { pulls: 10, iterations: 2500, rate: 0.01 },
  { pulls: 30, iterations: 400, rate: 0.01 },
  { pulls: 100, iterations: 800, rate: 0.003 },
];
/** Stages whose policy is tested, by their pulls. */
const TESTED = [10, 100];

const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** `npm run bench -- bandits [seed]` */
export async function benchBandits([given = "1"]: readonly string[]): Promise<void> {
  const seed = Number(given);
  const policy = recurrentPolicy(ARMS);
  let parameters: Arrays | undefined;
  for (const stage of STAGES) {
    const { pulls } = stage;
    const from = seconds();
    parameters = train(policy, stage, {
      seed,
      from: parameters,
      onProgress(iteration, reward) {
        if (iteration % 100 === 0) console.error(`${pulls} pulls, iteration ${iteration}: ${reward.toFixed(2)}`);
      },
    });
    console.log(`${pulls} pulls: ${stage.iterations} iterations in ${(seconds() - from).toFixed(0)} s of one core`);
    if (!TESTED.includes(pulls)) continue;
    const tested = testPolicy(policy, parameters, { pulls, count: BANDITS, seed });
    for (const line of earnings(tested, pulls)) console.log(line);
  }
}
