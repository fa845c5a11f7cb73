/** Tasks that run together: the sums of what each gives alone, by less work, and the same bits wherever they run. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { run } from "../../src/core/run.ts";
import { OptionError } from "../../src/errors.ts";
import { itemName } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { leafSize } from "../../src/executors/order.ts";
import { workers } from "../../src/executors/workers.ts";
import { add, full, keyToArray, multiply } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { maml } from "../../src/learners/maml.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { prefixed } from "../../src/optim/rule.ts";
import type { Program } from "../../src/program/program.ts";
import { validate } from "../../src/program/validate.ts";
import { keyOf } from "../../src/random.ts";
import { taskBatch } from "../../src/train/batches.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { compileTask, initialMeta, initProgram, iterationInput, META } from "../../src/train/programs.ts";
import { Sampler } from "../../src/train/sampling.ts";
import { near } from "../support/compare.ts";
import { clouds, MemoryStore, rejectsA, sameBytes } from "./support.ts";

const test = suite("tasks that run together");

const tasks = clouds({ ways: 3, shots: 1, queries: 1 });
const wide = (batchNorm: "support" | "none") => mlp({ inputShape: 4, hidden: [160, 120], outputs: 3, batchNorm });
const learners = {
  maml: maml(wide("none"), { innerRate: 0.1, innerSteps: 1 }),
  "maml with support statistics": maml(wide("support"), { innerRate: 0.1, innerSteps: 1 }),
  reptile: reptile(wide("none"), { innerRate: 0.1, innerSteps: 1 }),
};

const products = (program: Program) => validate(program).filter(({ opcode }) => opcode === Opcode.MatMul).length;

for (const [name, learner] of Object.entries(learners)) {
  test(`${name}: a batch gives the sums of its tasks`, () => {
    const { program: init, plan } = initProgram(learner);
    const compiled = compileTask(plan, tasks.spec);
    const task = compiled.program;
    const batch = taskBatch(plan, tasks.spec, compiled, 24);
    assert.is(batch?.items, 3);
    const shared = {
      ...prefixed(META, initialMeta(run(init, { key: keyToArray(keyOf(1)) }))),
      iteration: iterationInput(0),
    };
    const sampler = new Sampler(tasks, learner);
    const items = [1, 2, 3].map((seed) => sampler.inputs(tasks.sample(keyOf(seed)), keyOf(seed), 0));
    const alone = items.map((item) => run(task, { ...shared, ...item }));
    const numbered = items.flatMap((item, i) =>
      Object.entries(item).map(([input, data]) => [itemName(i, input), data]),
    );
    const together = run(batch?.program as Program, { ...shared, ...Object.fromEntries(numbered) });
    assert.equal(Object.keys(together), Object.keys(alone[0] as object));
    for (const [output, values] of Object.entries(together)) {
      const sums = Float64Array.from(values, (_, at) =>
        alone.reduce((total, of) => total + (of[output]?.[at] as number), 0),
      );
      near(values, sums, 1e-5, output);
    }
    const [joined, apart] = [products(batch?.program as Program), 3 * products(task)];
    assert.ok(name === "reptile" ? joined <= apart : joined < apart, `${joined} products, ${apart} apart`);
  });
}

test("only tasks that do little for each of their parameters run together", () => {
  const decide = (learner: Parameters<typeof initProgram>[0], spec = tasks.spec, metaBatch = 24) => {
    const { plan } = initProgram(learner);
    return taskBatch(plan, spec, compileTask(plan, spec), metaBatch);
  };
  assert.is(decide(learners.maml)?.items, leafSize(24));
  assert.is(decide(learners.maml, tasks.spec, 8), undefined, "leaves of one task");
  assert.is(decide(maml(mlp({ inputShape: 4, hidden: [20], outputs: 3 }))), undefined, "a small gradient");
  const images = clouds({ ways: 3, shots: 1, queries: 1 }, { shape: [12, 12, 1] });
  const filters = maml(conv4({ inputShape: [12, 12, 1], outputs: 3, filters: 32 }));
  assert.is(decide(filters, images.spec), undefined, "much work for each parameter");
});

test("the same bytes in this thread and on workers, straight and resumed, where the last leaf is shorter", async () => {
  const executors = [inThread(), workers(1), workers(2), workers(3)];
  const bytes = async (executor: ReturnType<typeof inThread>, metaBatch: number, resumed = false) => {
    const store = new MemoryStore();
    const options = { metaBatch, seed: 3, executor, checkpoint: { store, every: 2 } };
    if (resumed) await metaTrain(learners["maml with support statistics"], tasks, { ...options, iterations: 2 });
    await metaTrain(learners["maml with support statistics"], tasks, { ...options, iterations: 5, resume: resumed });
    return store.last;
  };
  for (const metaBatch of [16, 17]) {
    const [here, ...there] = await Promise.all(executors.map((executor) => bytes(executor, metaBatch)));
    for (const [i, each] of [...there, await bytes(inThread(), metaBatch, true)].entries()) {
      assert.ok(sameBytes(each, here as Uint8Array), `meta-batch ${metaBatch}, run ${i}`);
    }
  }
  for (const executor of executors) await executor.close();
});

test("an executor takes a batch for whole leaves and the task for what is left", async () => {
  const one = compile({ w: [2], x: [2] }, ({ w, x }) => ({ y: multiply(w, x), runs: full([], 1) }));
  const inputs = { w: [2], "0.x": [2], "1.x": [2], "2.x": [2] };
  const three = compile(inputs, ({ w, ...xs }) => {
    const [a, b, c] = Object.values(xs) as [Tensor, Tensor, Tensor];
    return { y: multiply(w, add(add(a, b), c)), runs: full([], 100) };
  });
  const items = Array.from({ length: 20 }, (_, i) => ({ x: Float32Array.of(i, 1) }));
  for (const executor of [inThread(), workers(2)]) {
    const job = await executor.load({ task: one, batch: { program: three, items: 3 } });
    // Six leaves of three, and one of two.
    const { y, runs } = (await job.sum({ w: Float32Array.of(1, 2) }, items)).sums;
    assert.equal([Array.from(y as Float32Array), runs?.[0]], [[190, 40], 602]);
    assert.is((await job.map({ w: Float32Array.of(1, 2) }, items)).length, 20);
    await rejectsA(
      OptionError,
      job.sum(
        { w: Float32Array.of(1, 2) },
        items.map(() => ({})),
      ),
      "inputs are needed",
    );
    await job.release();
    await executor.close();
  }
});

test.run();
