/** What sinusoid MAML holds as it trains: the core's memory in use, and the process's resident size. */
import { defaultCore, maml, metaTrain, mlp, sinusoid } from "../src/index.ts";

const MOMENTS = [1, 10, 1000, 2000, 5000, 10_000, 20_000];

/** `npm run bench -- memory` */
export async function benchMemory(): Promise<void> {
  const learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
  console.log("iteration   core in use (bytes)   resident (MiB)");
  await metaTrain(learner, sinusoid(), {
    iterations: MOMENTS[MOMENTS.length - 1] as number,
    metaBatch: 25,
    seed: 1,
    onProgress({ iteration }) {
      if (!MOMENTS.includes(iteration)) return;
      const resident = (process.memoryUsage().rss / 2 ** 20).toFixed(0);
      console.log(`${`${iteration}`.padEnd(12)}${`${defaultCore().highWater}`.padEnd(22)}${resident}`);
    },
  });
}
