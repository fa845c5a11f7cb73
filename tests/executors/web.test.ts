/** Workers of a page, with a page's `Worker` made up: an error that a worker did not catch is its end. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/compile/compile.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import type { Request } from "../../src/executors/messages.ts";
import { makeServer } from "../../src/executors/serve.ts";
import { webChannel } from "../../src/executors/web.ts";
import { share } from "../../src/executors/workers.ts";
import { exp } from "../../src/graph/operators/index.ts";

const test = suite("workers of a page");

const started: PageWorker[] = [];

class PageWorker extends EventTarget {
  terminated = false;
  private readonly serve = makeServer();

  constructor(readonly address: string) {
    super();
    started.push(this);
  }

  async postMessage(request: Request): Promise<void> {
    const reply = await this.serve(request);
    if (!this.terminated) this.dispatchEvent(new MessageEvent("message", { data: reply }));
  }

  terminate(): void {
    this.terminated = true;
  }
}

const page = globalThis as { Worker?: unknown };
const before = page.Worker;
test.before(() => {
  page.Worker = PageWorker;
});
test.after(() => {
  page.Worker = before;
});

test("a worker that reports an error is terminated and replaced, and the result is the same", async () => {
  const task = compile({ x: [3] }, ({ x }) => ({ y: exp(x) }));
  const items = Array.from({ length: 20 }, (_, i) => ({ x: Float32Array.of(i / 7, 1, -i) }));
  const expected = await (await inThread().load({ task })).sum({}, items);
  const executor = share(2, {}, webChannel("/worker.js"));
  const job = await executor.load({ task });
  const running = job.sum({}, items);
  started[0]?.dispatchEvent(Object.assign(new Event("error", { cancelable: true }), { message: "a crash" }));
  assert.equal(await running, expected);
  assert.is(started.length, 3);
  assert.equal(
    started.map(({ terminated }) => terminated),
    [true, false, false],
  );
  started[1]?.dispatchEvent(new Event("messageerror"));
  assert.equal(await job.sum({}, items), expected);
  assert.is(started.length, 4);
  await executor.close();
  assert.ok(started.every(({ terminated }) => terminated));
});

test.run();
