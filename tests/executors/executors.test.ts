/** Where programs run: one written order of sums, errors that reach the caller, threads that end. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import type { Arrays } from "../../src/core/loaded.ts";
import { run } from "../../src/core/run.ts";
import { OptionError, QuickstudyError } from "../../src/errors.ts";
import type { Executor, Job } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { workers } from "../../src/executors/node-workers.ts";
import { add, exp, matmul, multiply, sum, tanh } from "../../src/graph/operators/index.ts";
import type { Program } from "../../src/program/program.ts";
import { sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { rejectsA } from "../train/support.ts";
import { started } from "./watched-workers.ts";

const test = suite("executors");

/** Outputs of several shapes and sizes that round: summed in another order they have other bits. */
const program: Program = compile({ w: [3, 5], x: [5, 2], more: [] }, ({ w, x, more }) => {
  const h = tanh(matmul(w, multiply(x, exp(more))));
  return { h, total: sum(multiply(h, 1e4)), next: add(w, more) };
});
const chance = new Chance(3);
const floats = (count: number) => Float32Array.from(chance.floats(count));
const shared: Arrays = { w: floats(15) };
const itemsOf = (count: number): Arrays[] => Array.from({ length: count }, () => ({ x: floats(10), more: floats(1) }));

const sources: Readonly<Record<string, () => Executor>> = {
  "in thread": () => inThread(),
  "in thread, a core of its own": () => inThread(Core.create()),
  "1 worker": () => workers(1),
  "2 workers": () => workers(2),
  "3 workers": () => workers(3),
};
const open: Readonly<Record<string, Executor>> = Object.fromEntries(
  Object.entries(sources).map(([name, make]) => [name, make()]),
);
test.after(async () => {
  for (const executor of Object.values(open)) await executor.close();
});

function requireSame(actual: Arrays, expected: Arrays, what: string): void {
  assert.equal(Object.keys(actual), Object.keys(expected), what);
  for (const [name, data] of Object.entries(expected)) {
    assert.instance(actual[name], Float32Array);
    assert.ok(sameBits(actual[name] ?? [], data), `${what}: ${name}`);
  }
}

/** The sum in the order that is written down, in f32: every leaf from zero, then the tree over the leaves. */
function plainSum(results: readonly Arrays[]): Arrays {
  const names = Object.entries(results[0] as Arrays).map(([name, { length }]) => [name, length] as const);
  const sumOf = (at: (name: string, i: number) => number): Arrays =>
    Object.fromEntries(names.map(([name, length]) => [name, Float32Array.from({ length }, (_, i) => at(name, i))]));
  const plus = (a: Arrays, b: Arrays) => sumOf((name, i) => (a[name]?.[i] as number) + (b[name]?.[i] as number));
  const leaf = Math.max(1, Math.min(4, Math.ceil(results.length / 8)));
  const leaves: Arrays[] = [];
  for (let at = 0; at < results.length; at += leaf) {
    leaves.push(
      results.slice(at, at + leaf).reduce(
        plus,
        sumOf(() => 0),
      ),
    );
  }
  const tree = (nodes: readonly Arrays[]): Arrays => {
    if (nodes.length === 1) return nodes[0] as Arrays;
    let left = 1;
    while (2 * left < nodes.length) left *= 2;
    return plus(tree(nodes.slice(0, left)), tree(nodes.slice(left)));
  };
  return tree(leaves);
}

const summed = async (job: Job, ...call: Parameters<Job["sum"]>): Promise<Arrays> => {
  const { sums } = await job.sum(...call);
  return sums;
};

for (const [name, executor] of Object.entries(open)) {
  test(`${name}: outputs of each item, and their sum in the written order`, async () => {
    const job = await executor.load({ task: program });
    for (const count of [1, 2, 7, 8, 9, 25, 33, 75, 130]) {
      const items = itemsOf(count);
      const results = await job.map(shared, items);
      assert.is(results.length, count);
      for (const [i, item] of items.entries()) {
        requireSame(results[i] as Arrays, run(program, { ...shared, ...item }), `item ${i} of ${count}`);
      }
      requireSame(await summed(job, shared, items), plainSum(results), `sum of ${count}`);
    }
    await job.release();
  });

  test(`${name}: results are the caller's own, and inputs stay as they are`, async () => {
    const job = await executor.load({ task: program });
    const items = itemsOf(9);
    const before = structuredClone({ shared, items });
    const [first, mapped] = [await summed(job, shared, items), await job.map(shared, items)];
    const copy = structuredClone({ first, mapped });
    await summed(job, { w: floats(15) }, itemsOf(9));
    requireSame(first, copy.first, "sum");
    for (const [i, each] of mapped.entries()) requireSame(each, copy.mapped[i] as Arrays, "map");
    requireSame(shared, before.shared, "shared");
    for (const [i, item] of items.entries()) requireSame(item, before.items[i] as Arrays, "item");
    await job.release();
  });

  test(`${name}: requests at the same time do not mix, nor do programs`, async () => {
    const other = compile({ x: [4] }, ({ x }) => ({ y: exp(x) }));
    const [one, two] = [await executor.load({ task: program }), await executor.load({ task: other })];
    const tasks = Array.from({ length: 4 }, (_, i) => ({ shared: { w: floats(15) }, items: itemsOf(3 + 5 * i) }));
    const plain = Array.from({ length: 6 }, () => ({ x: floats(4) }));
    const together = await Promise.all([
      ...tasks.map((each) => summed(one, each.shared, each.items)),
      summed(two, {}, plain),
      ...tasks.map((each) => one.map(each.shared, each.items).then(plainSum)),
    ]);
    const alone: Arrays[] = [];
    for (const each of tasks) alone.push(await summed(one, each.shared, each.items));
    alone.push(await summed(two, {}, plain), ...alone.slice(0, 4));
    for (const [i, each] of together.entries()) requireSame(each, alone[i] as Arrays, `request ${i}`);
    await Promise.all([one.release(), two.release()]);
  });

  test(`${name}: no items give no results, and a sum of zeros`, async () => {
    const job = await executor.load({ task: program });
    assert.equal(await job.map(shared, []), []);
    const zeros = { h: new Float32Array(6), total: new Float32Array(1), next: new Float32Array(15) };
    requireSame(await summed(job, shared, []), zeros, "sum of nothing");
    await job.release();
  });

  test(`${name}: bad inputs are told, and the next request is answered`, async () => {
    const job = await executor.load({ task: program });
    const items = itemsOf(10);
    const expected = await summed(job, shared, items);
    const bad: Readonly<Record<string, readonly [Arrays, readonly Arrays[], string]>> = {
      "an unknown input": [shared, items.with(4, { ...(items[4] as Arrays), z: floats(1) }), "no input is called z"],
      "an unknown shared input": [{ ...shared, z: floats(1) }, items, "no input is called z"],
      "a short input": [shared, items.with(9, { ...(items[9] as Arrays), x: floats(9) }), "input x [5,2] needs 10"],
      "a long shared input": [{ w: floats(16) }, items, "input w [3,5] needs 15"],
    };
    for (const [what, [inputs, list, part]] of Object.entries(bad)) {
      for (const work of [() => job.sum(inputs, list), () => job.map(inputs, list)]) {
        const error = await work().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        assert.ok(error instanceof QuickstudyError, `${what}: ${error}`);
        assert.ok(error.message.includes(part), `${what}: ${error.message}`);
        requireSame(await summed(job, shared, items), expected, `after ${what}`);
      }
    }
    await job.release();
  });

  test(`${name}: an input that an item lacks is told, not taken from the item before`, async () => {
    const job = await executor.load({ task: program });
    const items = itemsOf(6);
    const { x } = items[3] as { x: Float32Array };
    await rejectsA(QuickstudyError, job.map(shared, items.with(3, { x })), "more");
    await rejectsA(QuickstudyError, job.sum(shared, items.with(3, { x })), "more");
    await rejectsA(QuickstudyError, job.map({}, items), "w");
    await job.release();
  });

  test(`${name}: a damaged program is refused, and others can be loaded`, async () => {
    await rejectsA(QuickstudyError, executor.load({ task: { ...program, code: program.code.slice(1) } }));
    const job = await executor.load({ task: program });
    assert.is((await job.map(shared, itemsOf(2))).length, 2);
    await job.release();
  });

  test(`${name}: what is released cannot be used`, async () => {
    const job = await executor.load({ task: program });
    await job.release();
    await rejectsA(QuickstudyError, job.sum(shared, itemsOf(3)));
    await rejectsA(QuickstudyError, job.map(shared, itemsOf(3)));
    await rejectsA(QuickstudyError, job.sum(shared, []));
    await rejectsA(QuickstudyError, job.map(shared, []));
  });
}

for (const [name, make] of Object.entries(sources)) {
  test(`${name}: an array that cannot be sent is told, and the next request is answered`, async () => {
    const executor = make();
    try {
      const job = await executor.load({ task: program });
      const items = itemsOf(5);
      const expected = plainSum(await job.map(shared, items));
      const detached = floats(10);
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
      const bad = items.with(1, { ...(items[1] as Arrays), x: detached });
      for (const work of [() => job.sum(shared, bad), () => job.map(shared, bad)]) {
        await rejectsA(QuickstudyError, soon<unknown>(work()));
        requireSame(await soon(summed(job, shared, items)), expected, "the next request");
      }
    } finally {
      await executor.close();
    }
  });
}

test("released programs give their memory back", async () => {
  const core = Core.create();
  const executor = inThread(core);
  await (await executor.load({ task: program })).release();
  const { highWater } = core;
  for (let i = 0; i < 200; i++) await (await executor.load({ task: program })).release();
  assert.is(core.highWater, highWater);
});

test("the number of workers must be a whole number from 1", () => {
  for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    throwsA(OptionError, () => workers(count), "workers", `${count}`);
  }
});

test("close ends the threads; what is asked afterwards is refused", async () => {
  const first = started.length;
  const executor = workers(2);
  const job = await executor.load({ task: program });
  const ended = started.slice(first).map((thread) => new Promise((resolve) => thread.once("exit", resolve)));
  assert.is(ended.length, 2);
  await executor.close();
  await Promise.all(ended);
  await rejectsA(QuickstudyError, job.sum(shared, itemsOf(3)), "closed");
  await rejectsA(QuickstudyError, executor.load({ task: program }), "closed");
  await job.release();
  await executor.close();
});

/** A request that takes a thread far longer than it takes to end it. */
const long = compile({ x: [256, 256], more: [] }, ({ x, more }) => {
  let y = multiply(x, more);
  for (let i = 0; i < 60; i++) y = tanh(matmul(y, x));
  return { total: sum(y) };
});
const longShared: Arrays = { x: floats(256 * 256) };
const longItems: readonly Arrays[] = Array.from({ length: 32 }, () => ({ more: floats(1) }));

test("close while a request is under way rejects it", async () => {
  const executor = workers(2);
  const job = await executor.load({ task: long });
  const work = job.sum(longShared, longItems);
  const failed = rejectsA(QuickstudyError, soon(work));
  await executor.close();
  await failed;
});

/** The outcome of work that must not hang. */
async function soon<T>(work: Promise<T>, milliseconds = 10_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

for (const [name, executor] of Object.entries(open)) {
  test(`${name}: a sum goes to the memory of an earlier one where it is given, and to no other`, async () => {
    const job = await executor.load({ task: program });
    const [first, second] = [itemsOf(9), itemsOf(9)];
    const kept = await summed(job, shared, first);
    const before = Object.fromEntries(Object.entries(kept).map(([output, data]) => [output, data.slice()]));
    const fresh = await summed(job, shared, second);
    requireSame(kept, before, "not given");
    const again = await summed(job, shared, second, kept);
    requireSame(again, fresh, "given");
    assert.is(again.h?.buffer, kept.h?.buffer);
    requireSame(await summed(job, shared, second, { h: new Float32Array(1) }), fresh, "of another size");
    await job.release();
  });
}

test.run();
