/** The law: same seed, same bits, for any executor and however many workers share the tasks. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Executor } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { workers } from "../../src/executors/node-workers.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { mlp } from "../../src/nn/networks.ts";
import { adamW, clipped, sgd } from "../../src/optim/optimizer.ts";
import type { Optimizer } from "../../src/optim/rule.ts";
import { cosineDecay, stepDecay } from "../../src/optim/schedule.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { TaskSource } from "../../src/tasks/types.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { type MetaTrainOptions, metaTrain } from "../../src/train/meta-train.ts";
import { clouds, MemoryStore, sameBytes, smallMaml } from "./support.ts";

const test = suite("train on workers");

interface Run {
  readonly learner: Learner;
  readonly tasks: TaskSource;
  readonly optimizer?: Optimizer;
}

const classes = clouds({ ways: 3, shots: 2, queries: 3 });
const classifier = (batchNorm: "running" | "support" | "transductive") =>
  mlp({ inputShape: 4, hidden: [7], outputs: 3, batchNorm });
const curves = sinusoid({ shots: 5, queries: 4 });

/** One of every learner, with carried statistics, drawn examples and optimizers that have a state. */
const runs: Readonly<Record<string, Run>> = {
  maml: { learner: smallMaml(), tasks: curves },
  "first-order maml with support statistics": {
    learner: maml(classifier("support"), { innerRate: 0.1, innerSteps: 2, order: 1 }),
    tasks: classes,
    optimizer: sgd(stepDecay(0.05, { every: 2 }), { momentum: 0.9, nesterov: true }),
  },
  "meta-sgd with weight decay": {
    learner: metaSgd(mlp({ inputShape: 1, hidden: [5], outputs: 1 }), { innerRate: 0.02, weightDecay: 0.01 }),
    tasks: curves,
    optimizer: clipped(adamW(cosineDecay(0.01, { steps: 9 })), 0.5),
  },
  "reptile with drawn batches": {
    learner: reptile(classifier("transductive"), { innerSteps: 3, innerBatch: 4 }),
    tasks: classes,
  },
  "protonet with running statistics": {
    learner: protoNet(mlp({ inputShape: 4, hidden: [6], outputs: 5, batchNorm: "running" })),
    tasks: classes,
  },
};

/** The final checkpoint of a run: everything that a further iteration would depend on. */
async function finalBytes(
  { learner, tasks, optimizer }: Run,
  options: Partial<MetaTrainOptions> = {},
  store = new MemoryStore(),
): Promise<Uint8Array> {
  await metaTrain(learner, tasks, {
    iterations: 7,
    metaBatch: 5,
    seed: 1,
    checkpoint: { store, every: 3 },
    ...(optimizer ? { optimizer } : {}),
    ...options,
  });
  return store.last;
}

const executors: readonly Executor[] = [inThread(), workers(1), workers(2), workers(3)];
test.after(async () => {
  for (const executor of executors) await executor.close();
});

for (const [name, run] of Object.entries(runs)) {
  test(`${name}: in this thread and on 1, 2 and 3 workers, for meta-batches that divide and do not`, async () => {
    for (const metaBatch of [1, 2, 9, 16, 25]) {
      const expected = await finalBytes(run, { metaBatch, iterations: 2 });
      for (const executor of executors) {
        const bytes = await finalBytes(run, { metaBatch, iterations: 2, executor });
        assert.ok(sameBytes(bytes, expected), `meta-batch ${metaBatch}, ${executor.workers} workers`);
      }
    }
  });
}

test("interrupted in this thread and resumed on workers", async () => {
  const run = runs["first-order maml with support statistics"] as Run;
  const store = new MemoryStore(await finalBytes(run, { iterations: 3 }));
  for (const [iterations, executor] of [
    [5, executors[3]],
    [6, executors[0]],
    [7, executors[2]],
  ] as const) {
    await finalBytes(run, { resume: true, iterations, ...(executor && { executor }) }, store);
  }
  assert.ok(sameBytes(store.last, await finalBytes(run)));
});

test("two runs at once on one executor do not touch one another", async () => {
  const [one, two] = Object.values(runs) as [Run, Run];
  const alone = [await finalBytes(one), await finalBytes(two)];
  for (const executor of executors) {
    const together = await Promise.all([finalBytes(one, { executor }), finalBytes(two, { executor })]);
    for (const [i, bytes] of together.entries()) assert.ok(sameBytes(bytes, alone[i] as Uint8Array));
  }
});

test("evaluation and validation give the same numbers on any executor", async () => {
  for (const { learner, tasks } of Object.values(runs)) {
    // Classes of training may not be validated on.
    const validation = tasks === curves ? { validation: { tasks, every: 1, episodes: 5 } } : {};
    const means = executors.map(async (executor) => {
      const seen: number[] = [];
      const trained = await metaTrain(learner, tasks, {
        iterations: 2,
        metaBatch: 2,
        executor,
        ...validation,
        onProgress: ({ validation }) => seen.push(validation?.mean ?? 0),
      });
      const { mean, ci95, values } = await evaluate(trained, tasks, { episodes: 37, executor });
      return [...seen, mean, ci95, ...values];
    });
    const [expected, ...others] = await Promise.all(means);
    assert.is(expected?.length, 41);
    for (const other of others) assert.equal(other, expected);
  }
});

test.run();
