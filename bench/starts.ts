/** How the start of the weights decides the sinusoid's results: docs/results.md, section 1. */
import {
  evaluate,
  fanInUniform,
  glorotUniform,
  type Initialiser,
  maml,
  metaTrain,
  mlp,
  sinusoid,
  truncatedNormal,
  zerosInitialiser,
} from "../src/index.ts";

const STARTS: Readonly<Record<string, readonly [weights: Initialiser, biases: Initialiser]>> = {
  "fan-in uniform, zeros": [fanInUniform, zerosInitialiser],
  "fan-in uniform, fan-in uniform": [fanInUniform, fanInUniform],
  "glorot, zeros": [glorotUniform, zerosInitialiser],
  "glorot, fan-in uniform": [glorotUniform, fanInUniform],
  "truncated normal 0.01, zeros": [truncatedNormal(0.01), zerosInitialiser],
};
/** Shots and inner steps that are tested. */
const TESTS = [
  [10, 1],
  [5, 5],
  [5, 10],
] as const;

/** `npm run bench -- starts [iterations]`: about a minute for each of 15 runs at the default of 70,000. */
export async function benchStarts([given = "70000"]: readonly string[]): Promise<void> {
  const iterations = Number(given);
  console.log("weights, biases                   seed   10 shots 1 step   5 shots 5 steps   5 shots 10 steps");
  for (const [name, [initialiser, biasInitialiser]] of Object.entries(STARTS)) {
    for (const seed of [1, 2, 3]) {
      const model = mlp({ inputShape: 1, hidden: [40, 40], outputs: 1, initialiser, biasInitialiser });
      const trained = await metaTrain(maml(model, { innerSteps: 1, innerRate: 0.01 }), sinusoid(), {
        iterations,
        metaBatch: 25,
        seed,
      });
      const cells: string[] = [];
      for (const [shots, innerSteps] of TESTS) {
        const { mean } = await evaluate(trained, sinusoid({ shots }), { innerSteps });
        cells.push((mean < 1000 ? mean.toFixed(3) : mean.toExponential(0)).padEnd(18));
      }
      console.log(`${name.padEnd(34)}${`${seed}`.padEnd(7)}${cells.join("")}`.trimEnd());
    }
  }
}
