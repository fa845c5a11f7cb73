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

function whole(name: keyof typeof values, least: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} must be a whole number of at least ${least}, got ${values[name]}`);
}
const [arms, pulls, seed] = [whole("arms", 2), whole("pulls", 1), whole("seed", 0)];

const policy = recurrentPolicy(arms);
const stage = { pulls, iterations: whole("iterations", 0), rate: 0.01 };
const parameters = train(policy, stage, {
  seed,
  onProgress(iteration, reward) {
    if (iteration % 50 === 0) console.error(`iteration ${iteration}: ${reward.toFixed(2)} of ${pulls} pulls`);
  },
});
console.log(`${arms} arms, ${pulls} pulls: total reward on 2,000 new bandits`);
for (const line of earnings(testPolicy(policy, parameters, { pulls, count: 2000, seed }), pulls)) console.log(line);
