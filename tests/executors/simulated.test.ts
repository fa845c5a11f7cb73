/** Many more workers than this machine has: the real program of a worker, with its time simulated. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inThread } from "../../src/executors/in-thread.ts";
import { share } from "../../src/executors/workers.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { mlp } from "../../src/nn/networks.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { TaskSource } from "../../src/tasks/types.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { clouds, MemoryStore, sameBytes, smallMaml } from "../train/support.ts";
import { type Simulated, simulate } from "./simulated.ts";

const test = suite("simulated workers");

const runs: Readonly<Record<string, { readonly learner: Learner; readonly tasks: TaskSource }>> = {
  "one task at a time": { learner: smallMaml(), tasks: sinusoid({ shots: 5, queries: 5 }) },
  "leaves as batches": {
    learner: maml(mlp({ inputShape: 4, hidden: [160, 120], outputs: 3 }), { innerRate: 0.1 }),
    tasks: clouds({ ways: 3, shots: 1, queries: 1 }),
  },
};

const bytes = async ({ learner, tasks }: (typeof runs)[string], executor = inThread()): Promise<Uint8Array> => {
  const store = new MemoryStore();
  const options = { iterations: 2, metaBatch: 256, seed: 2, executor, checkpoint: { store, every: 2 } };
  await metaTrain(learner, tasks, options);
  return store.last;
};

/** Items that a worker was given to sum. */
const itemsOf = ({ asked }: Simulated): number =>
  asked.reduce((total, request) => total + (request.kind === "sum" ? request.items.length : 0), 0);

for (const [name, run] of Object.entries(runs)) {
  test(`a meta-batch of 256 keeps 32 workers busy and gives the bits of one thread: ${name}`, async () => {
    const { open, started } = simulate({ delay: ({ kind }) => (kind === "sum" ? 5 : 0) });
    const executor = share(32, {}, open);
    const found = await bytes(run, executor);
    await executor.close();
    assert.is(started.length, 32);
    const tasks = started.map(itemsOf);
    assert.is(
      tasks.reduce((total, each) => total + each, 0),
      2 * 256,
    );
    // At least a leaf of each iteration; two of each where all are equally fast.
    assert.ok(Math.min(...tasks) >= 2 * 4 && Math.max(...tasks) <= 2 * 16, `tasks by worker: ${tasks}`);
    assert.ok(sameBytes(found, await bytes(run)));
  });
}

test("a slow worker is given less, with the same bits", async () => {
  const run = runs["one task at a time"] as (typeof runs)[string];
  const { open, started } = simulate({ delay: ({ kind }, worker) => (kind !== "sum" ? 0 : worker === 1 ? 200 : 5) });
  const executor = share(4, {}, open);
  const found = await bytes(run, executor);
  await executor.close();
  const [a = 0, slow = 0, ...others] = started.map(itemsOf);
  assert.ok(slow > 0 && slow < Math.min(a, ...others), `tasks by worker: ${[a, slow, ...others]}`);
  assert.ok(sameBytes(found, await bytes(run)));
});

test.run();
