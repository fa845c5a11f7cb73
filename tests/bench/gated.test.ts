/** What benches measure is what training does: a run at a gate has the bytes of one without. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gated } from "../../bench/gated.ts";
import { workloads } from "../../src/cli/workloads.ts";
import { type Executor, inThread, workers } from "../../src/index.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { MemoryStore, sameBytes } from "../train/support.ts";

const test = suite("gated");

async function bytes(name: string, executor: Executor): Promise<Uint8Array> {
  const { learner, tasks, metaBatch } = (workloads[name] as NonNullable<(typeof workloads)[string]>)();
  const store = new MemoryStore();
  await metaTrain(learner, tasks, { iterations: 2, metaBatch, executor, checkpoint: { store, every: 2 } });
  return store.last;
}

for (const name of ["sine", "omni_fc"]) {
  test(`${name}: the same bytes at a gate and without, in this thread and on workers`, async () => {
    const expected = await bytes(name, inThread());
    for (const executor of [inThread(), workers(2)]) {
      let passed = 0;
      const gate = async () => {
        passed++;
      };
      assert.ok(sameBytes(await bytes(name, gated(executor, gate)), expected), `${executor.workers} workers`);
      assert.is(passed, 2);
      await executor.close();
    }
  });
}

test("all of the work reaches the executor, and the memory of sums is used again", async () => {
  const { learner, tasks, metaBatch } = (workloads.omni_fc as NonNullable<(typeof workloads)[string]>)();
  const plain = inThread();
  const seen: string[][] = [];
  const reused: boolean[] = [];
  const watched: Executor = {
    ...plain,
    async load(work) {
      seen.push(Object.keys(work).filter((name) => work[name as keyof typeof work] !== undefined));
      const job = await plain.load(work);
      return {
        map: (...call) => job.map(...call),
        release: () => job.release(),
        sum: (shared, items, into) => {
          reused.push(into !== undefined);
          return job.sum(shared, items, into);
        },
      };
    },
  };
  await metaTrain(learner, tasks, { iterations: 3, metaBatch, executor: gated(watched, async () => {}) });
  assert.equal(seen, [["task", "batch"]]);
  assert.equal(reused, [false, true, true]);
});

test.run();
