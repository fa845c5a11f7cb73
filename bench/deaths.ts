/** Training on workers that are terminated at random moments, against the bytes of one thread. */
import { syncBuiltinESMExports } from "node:module";
import threads from "node:worker_threads";
import { type Executor, inThread, maml, metaTrain, mlp, sinusoid } from "../src/index.ts";

const ITERATIONS = 150;
const META_BATCH = 33;
/** Milliseconds after which a worker of a run is terminated, at most. */
const LATEST = 400;

/** Every thread that was started. */
const started: threads.Worker[] = [];

/** Workers whose threads are kept track of. */
async function watchedWorkers(count: number): Promise<Executor> {
  if (started.length === 0) {
    threads.Worker = class extends threads.Worker {
      constructor(...args: ConstructorParameters<typeof threads.Worker>) {
        super(...args);
        started.push(this);
      }
    };
    syncBuiltinESMExports();
  }
  // Imported after the change, which it then sees.
  const { workers } = await import("../src/executors/node-workers.ts");
  return workers(count);
}

/** The final meta-parameters of a run. */
async function trained(executor: Executor): Promise<string> {
  const learner = maml(mlp({ inputShape: 1, hidden: [20, 20], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
  const options = { iterations: ITERATIONS, metaBatch: META_BATCH, seed: 7, executor };
  const { meta } = await metaTrain(learner, sinusoid(), options);
  return Object.values(meta)
    .map((values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex"))
    .join();
}

/** `npm run bench -- deaths [runs]` */
export async function benchDeaths([count = "50"]: readonly string[]): Promise<void> {
  const runs = Number(count);
  const expected = await trained(inThread());
  let [same, ended] = [0, 0];
  // A run that was over before its moment came is left out.
  for (let run = 0; ended < runs; run++) {
    const first = started.length;
    const executor = await watchedWorkers(1 + (run % 4));
    let died = false;
    const terminate = () => {
      const alive = started.slice(first).filter(({ threadId }) => threadId >= 0);
      const victim = alive[Math.floor(Math.random() * alive.length)];
      died = victim !== undefined;
      void victim?.terminate();
    };
    const timer = setTimeout(terminate, Math.random() * LATEST);
    const found = await trained(executor);
    clearTimeout(timer);
    await executor.close();
    if (!died) continue;
    ended++;
    if (found === expected) same++;
  }
  console.log(`${same} of ${ended} runs in which a worker was terminated end in the bytes of one thread`);
  if (same < ended) process.exitCode = 1;
}
