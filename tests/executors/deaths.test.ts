/** Workers that end: others take their place, their work is done again, and the result is the same to the bit. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FillField, Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import type { Arrays } from "../../src/core/loaded.ts";
import { OptionError, QuickstudyError, WorkerError } from "../../src/errors.ts";
import type { OpenChannel } from "../../src/executors/channel.ts";
import type { Job, Summed, Work } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import type { Request } from "../../src/executors/messages.ts";
import { workers } from "../../src/executors/node-workers.ts";
import { threadChannel } from "../../src/executors/threads.ts";
import { share } from "../../src/executors/workers.ts";
import { exp, matmul, multiply, sum, tanh } from "../../src/graph/operators/index.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { metaTrain, type Progress } from "../../src/train/meta-train.ts";
import { sameBits } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { MemoryStore, rejectsA, sameBytes, smallMaml } from "../train/support.ts";
import { simulate } from "./simulated.ts";
import { started, threads } from "./watched-workers.ts";

const test = suite("workers that end");

const chance = new Chance(5);
const floats = (count: number) => Float32Array.from(chance.floats(count));
const program = compile({ w: [3, 5], x: [5, 2] }, ({ w, x }) => {
  const h = tanh(matmul(w, x));
  return { h, total: sum(multiply(h, 1e4)), own: exp(x) };
});
const work = { task: program, summed: ["h", "total"] };
const shared: Arrays = { w: floats(15) };
const itemsOf = (count: number): Arrays[] => Array.from({ length: count }, () => ({ x: floats(10) }));
/** Takes a thread far longer than it takes to end it. */
const long = compile({ x: [256, 256], more: [] }, ({ x, more }) => {
  let y = multiply(x, more);
  for (let i = 0; i < 25; i++) y = tanh(matmul(y, x));
  return { total: sum(y) };
});
const longShared: Arrays = { x: floats(256 * 256) };
const longItems: readonly Arrays[] = Array.from({ length: 16 }, () => ({ more: floats(1) }));

async function plainly(shared: Arrays, items: readonly Arrays[], loaded: Work = work): Promise<Summed> {
  const job = await inThread().load(loaded);
  const result = await job.sum(shared, items);
  await job.release();
  return result;
}

function requireSame(found: Summed, expected: Summed, what = ""): void {
  const records = ({ sums, items }: Summed) => [sums, ...items];
  assert.is(records(found).length, records(expected).length);
  for (const [i, wanted] of records(expected).entries()) {
    for (const [name, values] of Object.entries(wanted)) {
      assert.ok(sameBits(records(found)[i]?.[name] ?? [], values), `${what} ${name} ${i}`);
    }
  }
}

/** The outcome of work that must not hang. */
async function soon<T>(work: Promise<T>, milliseconds = 20_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

test("a thread that is terminated is replaced: its work is done again, with the same bits", async () => {
  const first = started.length;
  const expected = await plainly(longShared, longItems, { task: long });
  const executor = workers(2);
  const job = await executor.load({ task: long });
  const running = job.sum(longShared, longItems);
  await started[first]?.terminate();
  requireSame(await soon(running), expected);
  assert.is(started.length - first, 3);
  // One that ends while nothing is asked of it, and both at once.
  await started[first + 1]?.terminate();
  requireSame(await soon(job.sum(longShared, longItems)), expected);
  const again = job.sum(longShared, longItems);
  await Promise.all(started.slice(first).map((thread) => thread.terminate()));
  requireSame(await soon(again), expected);
  // Jobs that are loaded later, and maps.
  const other = await executor.load(work);
  const items = itemsOf(20);
  requireSame(await soon(other.sum(shared, items)), await plainly(shared, items));
  await started.at(-1)?.terminate();
  assert.equal(await soon(other.map(shared, items)), await (await inThread().load(work)).map(shared, items));
  await job.release();
  await executor.close();
});

test("training ends in the same bytes where workers end at random moments", async () => {
  const bytes = async (executor = inThread(), onProgress = (_: Progress): void => {}) => {
    const store = new MemoryStore();
    const options = { iterations: 40, metaBatch: 33, seed: 4, executor, onProgress, checkpoint: { store, every: 40 } };
    await metaTrain(smallMaml([20, 20]), sinusoid(), options);
    return store.last;
  };
  const expected = await bytes();
  for (let run = 0; run < 10; run++) {
    const first = started.length;
    const executor = workers(1 + (run % 3));
    const endOne = () => {
      const alive = started.slice(first).filter(({ threadId }) => threadId >= 0);
      void alive[Math.floor(chance.uniform(0, alive.length))]?.terminate();
    };
    // Somewhere within the next iteration; iterations apart, so that every worker has run something.
    const moments = [3, 20].map((from) => from + Math.floor(chance.uniform(0, 10)));
    const found = bytes(executor, ({ iteration }) => {
      if (moments.includes(iteration)) setTimeout(endOne, chance.uniform(0, 3));
    });
    try {
      assert.ok(sameBytes(await soon(found, 60_000), expected), `run ${run}`);
      assert.ok(started.length - first > executor.workers, "none was replaced");
    } finally {
      await executor.close();
    }
  }
});

/** Every moment at which a worker of two can end in one call: before each request it would answer. */
test("a worker may end before any of its requests, those of its replacement included", async () => {
  const items = itemsOf(40);
  const expected = await plainly(shared, items);
  for (let moment = 0; moment < 24; moment++) {
    let requests = 0;
    const { open, started } = simulate({
      before: () => {
        if (requests++ === moment) throw new Error("a crash");
      },
    });
    const executor = share(2, {}, open);
    const job = await executor.load(work);
    requireSame(await soon(job.sum(shared, items)), expected, `moment ${moment}`);
    assert.is(started.length, requests > moment ? 3 : 2);
    await job.release();
    await executor.close();
    assert.ok(started.every(({ ended }) => ended));
  }
});

test("where workers keep ending, the error says so and why; later ones may work", async () => {
  let broken = true;
  const { open, started } = simulate({
    before: (_, { kind }) => {
      if (broken && kind === "sum") throw new Error("out of memory");
    },
  });
  const executor = share(2, {}, open);
  const job = await executor.load(work);
  const items = itemsOf(40);
  await rejectsA(WorkerError, soon(job.sum(shared, items)), "3 in a row", "out of memory");
  assert.ok(started.length <= 2 + 2 * 2, `${started.length} were started`);
  broken = false;
  requireSame(await soon(job.sum(shared, items)), await plainly(shared, items));
  await executor.close();
});

test("two jobs at once on workers that keep ending both fail, and neither waits for the other", async () => {
  const { open } = simulate({
    before: (_, { kind }) => {
      if (kind === "sum") throw new Error("a crash");
    },
  });
  const executor = share(2, {}, open);
  const jobs = [await executor.load(work), await executor.load(work)];
  const items = itemsOf(40);
  await Promise.all(jobs.map((job) => rejectsA(WorkerError, soon(job.sum(shared, items)), "a crash")));
  await executor.close();
});

test("shared inputs are sent once to each worker of a call, also where two jobs run at once", async () => {
  const { open, started } = simulate();
  const executor = share(2, {}, open);
  const jobs = [await executor.load(work), await executor.load(work)];
  const items = itemsOf(40);
  const expected = await plainly(shared, items);
  for (const found of await Promise.all(jobs.map((job) => job.sum(shared, items)))) requireSame(found, expected);
  for (const { asked } of started) assert.is(asked.filter(({ kind }) => kind === "shared").length, 2);
  await executor.close();
});

test("workers that cannot be started are an error of load", async () => {
  // As a page whose policy lets none start: the channel fails while it is opened.
  const refused: OpenChannel = ({ failed }) => {
    failed("it cannot be started");
    return { post: () => {}, hold: () => {}, end: async () => {} };
  };
  const executor = share(2, {}, refused);
  await rejectsA(WorkerError, soon(executor.load(work)), "it cannot be started");
  await executor.close();
});

test("a Program that traps is an error of the call, and its worker goes on", async () => {
  const first = started.length;
  // Damaged on its way, where nobody checks it any more: it writes outside the memory.
  const code = new Int32Array(2 + FillField.Words);
  code[0] = Opcode.Fill;
  code[1] = code.length;
  code[2 + FillField.out] = 2 ** 31 - 16;
  code[2 + FillField.n] = 4;
  const damaging: OpenChannel = (listener) => {
    const channel = threadChannel(threads)(listener);
    const damaged = (request: Request): Request => {
      if (request.kind !== "load" || request.job !== 0) return request;
      return { ...request, work: { ...request.work, task: { ...program, code, instructionCount: 1 } } };
    };
    return { ...channel, post: (request, transfer) => channel.post(damaged(request), transfer) };
  };
  const executor = share(2, {}, damaging);
  const [bad, good] = [await executor.load(work), await executor.load(work)];
  const items = itemsOf(12);
  for (const call of [() => bad.sum(shared, items), () => bad.map(shared, items)]) {
    const error = await rejectsA(QuickstudyError, soon<unknown>(call()), "RuntimeError");
    assert.not.instance(error, WorkerError);
    requireSame(await soon(good.sum(shared, items)), await plainly(shared, items));
  }
  assert.is(started.length - first, 2);
  await executor.close();
});

test("close while a worker is being replaced ends all of them", async () => {
  const first = started.length;
  const executor = workers(2);
  const job = await executor.load({ task: long });
  const running = job.sum(longShared, longItems);
  const failed = rejectsA(QuickstudyError, soon(running), "closed");
  await started[first]?.terminate();
  while (started.length - first < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  await executor.close();
  await failed;
  assert.ok(started.slice(first).every(({ threadId }) => threadId < 0));
  assert.is(started.length - first, 3);
  await rejectsA(QuickstudyError, soon(job.sum(longShared, longItems)), "closed");
  await job.release();
});

test("a run beyond the time limit is ended and named; the next call has a worker again", async () => {
  const endless = compile({ x: [256, 256], more: [] }, ({ x, more }) => {
    let y = multiply(x, more);
    for (let i = 0; i < 2000; i++) y = tanh(matmul(y, x));
    return { total: sum(y) };
  });
  const executor = workers(2, { timeLimit: 0.3 });
  const [slow, quick] = [await executor.load({ task: endless }), await executor.load(work)];
  const items = itemsOf(12);
  const calls = (job: Job): (() => Promise<unknown>)[] => [
    () => job.sum(longShared, longItems),
    () => job.map(longShared, longItems),
  ];
  for (const call of calls(slow)) {
    await rejectsA(WorkerError, soon(call()), "time limit of 0.3 s", "timeLimit");
    requireSame(await soon(quick.sum(shared, items)), await plainly(shared, items));
  }
  await executor.close();
});

test("time that this thread was busy is not the worker's", async () => {
  const executor = workers(1, { timeLimit: 0.2 });
  const job = await executor.load(work);
  const items = itemsOf(30);
  const running = job.sum(shared, items);
  const until = performance.now() + 600;
  while (performance.now() < until);
  requireSame(await soon(running), await plainly(shared, items));
  await executor.close();
});

test("time limits are numbers above 0, and options have known names", () => {
  for (const timeLimit of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1"]) {
    assert.throws(() => workers(1, { timeLimit: timeLimit as number }), /workers: timeLimit must be a number above 0/);
  }
  assert.throws(
    () => workers(1, { timelimit: 1 } as object),
    (error: unknown) => error instanceof OptionError && error.message.includes("did you mean timeLimit?"),
  );
});

test.run();
