/** What executors load: one value, checked when it is loaded; outputs that are summed, and outputs of each item. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import type { Arrays } from "../../src/core/loaded.ts";
import { FormatError, OptionError } from "../../src/errors.ts";
import type { Executor, Work } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { workers } from "../../src/executors/node-workers.ts";
import { add, matmul, multiply, sum, tanh } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { sameBits } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { rejectsA } from "../train/support.ts";

const test = suite("work");

const chance = new Chance(7);
const floats = (count: number) => Float32Array.from(chance.floats(count));

const outputsOf = (w: Tensor, x: Tensor) => {
  const h = tanh(matmul(x, w));
  return { total: sum(h), h, first: multiply(x, 3), last: multiply(sum(x), 2) };
};
const task = compile({ w: [3, 3], x: [1, 3] }, ({ w, x }) => outputsOf(w, x));
/** The same for two items; the first output of each item stands before those of the next. */
const pair = compile({ w: [3, 3], "0.x": [1, 3], "1.x": [1, 3] }, (inputs) => {
  const [a, b] = [outputsOf(inputs.w, inputs["0.x"]), outputsOf(inputs.w, inputs["1.x"])];
  return {
    total: add(a.total, b.total),
    h: add(a.h, b.h),
    "0.first": a.first,
    "0.last": a.last,
    "1.first": b.first,
    "1.last": b.last,
  };
});
const summed = ["total", "h"];
const shared: Arrays = { w: floats(9) };
const itemsOf = (count: number): Arrays[] => Array.from({ length: count }, () => ({ x: floats(3) }));

const open: Readonly<Record<string, Executor>> = {
  "in thread": inThread(),
  "1 worker": workers(1),
  "3 workers": workers(3),
};
test.after(async () => {
  for (const executor of Object.values(open)) await executor.close();
});

for (const [name, executor] of Object.entries(open)) {
  test(`${name}: some outputs are summed and the others returned for each item, with a batch and without`, async () => {
    for (const batch of [undefined, { program: pair, items: 2 }]) {
      const work: Work = { task, summed, batch };
      const [job, whole] = [await executor.load(work), await executor.load({ task, batch: undefined })];
      for (const count of [0, 1, 9, 16, 25, 90]) {
        const items = itemsOf(count);
        const { sums, items: each } = await job.sum(shared, items);
        assert.equal(Object.keys(sums), summed);
        assert.is(each.length, count);
        const alone = await whole.map(shared, items);
        for (const [i, outputs] of each.entries()) {
          assert.equal(Object.keys(outputs), ["first", "last"]);
          for (const output of ["first", "last"]) {
            assert.ok(sameBits(outputs[output] ?? [], alone[i]?.[output] as Float32Array), `${output} of ${i}`);
          }
        }
        const total = alone.reduce((sum, outputs) => sum + (outputs.total?.[0] as number), 0);
        assert.ok(Math.abs((sums.total?.[0] as number) - total) <= 1e-5 * (1 + Math.abs(total)));
        if (batch === undefined) {
          const all = await whole.sum(shared, items);
          for (const output of summed) assert.ok(sameBits(sums[output] ?? [], all.sums[output] as Float32Array));
          assert.equal(all.items, Array(count).fill({}));
        }
      }
      // What was returned is not written over by later calls.
      const kept = await job.sum(shared, itemsOf(9));
      const copy = structuredClone(kept);
      await job.sum(shared, itemsOf(9));
      assert.equal(kept, copy);
      await Promise.all([job.release(), whole.release()]);
    }
  });

  test(`${name}: nothing summed, or everything returned for each item`, async () => {
    const job = await executor.load({ task, summed: [] });
    const items = itemsOf(11);
    const { sums, items: each } = await job.sum(shared, items);
    assert.equal(sums, {});
    assert.equal(each, await job.map(shared, items));
    await job.release();
  });

  test(`${name}: an executor around it that hands on the work gives the same bytes`, async () => {
    const wrapped: Executor = { ...executor, load: (work) => executor.load(work) };
    const work: Work = { task, summed, batch: { program: pair, items: 2 } };
    const items = itemsOf(15);
    const results: unknown[] = [];
    for (const each of [executor, wrapped]) {
      const job = await each.load(work);
      results.push(await job.sum(shared, items));
      await job.release();
    }
    assert.equal(results[1], results[0]);
  });

  test(`${name}: work whose parts do not fit is refused when it is loaded`, async () => {
    const inputs = { w: [3, 3], "0.x": [1, 3], "1.x": [1, 3] };
    const swapped = compile(inputs, (each) => {
      const [a, b] = [outputsOf(each.w, each["0.x"]), outputsOf(each.w, each["1.x"])];
      const [total, h] = [add(a.total, b.total), add(a.h, b.h)];
      return { total, h, "0.first": a.first, "1.first": b.first, "0.last": a.last, "1.last": b.last };
    });
    const bad: Readonly<Record<string, readonly [unknown, string]>> = {
      "no work": [undefined, "load: work must be an object"],
      "a Program": [task, "load: work must be an object { task, batch, summed }"],
      "an unknown name": [{ task, sumed: ["total"] }, "did you mean summed?"],
      "no Program": [{ task: {} }, "load: task must be a Program"],
      "another first output": [{ task, summed: ["h"] }, "summed must be the task's first outputs"],
      "another order": [{ task, summed: ["h", "total"] }, "(total, h, first, last), got h, total"],
      "an unknown output": [{ task, summed: ["total", "h", "more"] }, "summed must be"],
      "more than all outputs": [{ task, summed: ["total", "h", "first", "last", "x"] }, "summed must be"],
      "outputs of items missing": [{ task, batch: { program: pair, items: 2 } }, "output 2 of the batch must be first"],
      "outputs of items in another order": [
        { task, summed, batch: { program: swapped, items: 2 } },
        "output 3 of the batch must be 0.last",
      ],
      "another number of items": [{ task, summed, batch: { program: pair, items: 3 } }, "must be 2.first"],
      "no items": [{ task, summed, batch: { program: pair, items: 0 } }, "batch.items must be a whole number from 1"],
      "an input missing": [
        {
          task: compile({ v: [], x: [] }, ({ v, x }) => ({ y: add(v, x) })),
          batch: { program: compile({ v: [] }, ({ v }) => ({ y: v })), items: 2 },
        },
        "no input 0.x []",
      ],
      "an input too many": [
        {
          task: compile({ v: [] }, ({ v }) => ({ y: v })),
          batch: { program: compile({ v: [], x: [] }, ({ v, x }) => ({ y: add(v, x) })), items: 2 },
        },
        "1 inputs that are none of the task's",
      ],
    };
    for (const [what, [work, part]] of Object.entries(bad)) {
      const error = await rejectsA(OptionError, executor.load(work as Work), part);
      assert.ok(error.message.startsWith("load: "), `${what}: ${error.message}`);
    }
    const damaged = { ...pair, code: pair.code.slice(1) };
    await rejectsA(FormatError, executor.load({ task, summed, batch: { program: damaged, items: 2 } }));
  });
}

test("refused work leaves no memory behind", async () => {
  const core = Core.create();
  const executor = inThread(core);
  await (await executor.load({ task })).release();
  const { highWater } = core;
  for (let i = 0; i < 100; i++) await rejectsA(OptionError, executor.load({ task, summed: ["h"] }));
  assert.is(core.highWater, highWater);
});

test.run();
