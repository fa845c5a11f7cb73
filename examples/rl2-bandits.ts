/**
 * Meta-reinforcement learning: RL² (Duan et al. 2016) on Bernoulli bandits, beside strategies that need no training. Trained for
 * seconds here; `npm run bench -- bandits` trains for the paper's figures.
 */
import { parseArgs } from "node:util";
import { recurrentPolicy } from "./bandits/rl2.ts";
import { earnings } from "./bandits/table.ts";
import { testPolicy, train } from "./bandits/train.ts";

const { values } = parseArgs({
  options: {
    arms: { type: "string", default: "5" },
    pulls: { type: "string", default: "10" },
    iterations: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});
const [arms, pulls, seed] = [Number(values.arms), Number(values.pulls), Number(values.seed)];

const policy = recurrentPolicy(arms);
const stage = { pulls, iterations: Number(values.iterations), rate: 0.01 };
const parameters = train(policy, stage, {
  seed,
  onProgress(iteration, reward) {
    if (iteration % 50 === 0) console.error(`iteration ${iteration}: ${reward.toFixed(2)} of ${pulls} pulls`);
  },
});
console.log(`${arms} arms, ${pulls} pulls: total reward on 2,000 new bandits`);
for (const line of earnings(testPolicy(policy, parameters, { pulls, count: 2000, seed }), pulls)) console.log(line);
