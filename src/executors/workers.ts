import { Worker } from "node:worker_threads";
import type { Arrays } from "../core/loaded.ts";
import { DataError, FormatError, MemoryError, OptionError, QuickstudyError, ShapeError } from "../errors.ts";
import { type Program, portsExtent } from "../program/program.ts";
import { chunksOf, type Executor, type Job } from "./executor.ts";
import { splitOutputs } from "./in-thread.ts";
import type { Reply, Request } from "./messages.ts";

/** The worker's entry lies beside this file: as source when run from source, as a bundle in the package. */
const ENTRY = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/**
 * Runs programs on `count` worker threads, each with a core of its own. Gives the same bits as `inThread`, for every count.
 * End it with `close()`.
 * @throws OptionError unless `count` is a whole number from 1
 */
export function workers(count: number): Executor {
  if (!Number.isInteger(count) || count < 1) {
    throw new OptionError(`workers: the count must be a whole number from 1, got ${count}`);
  }
  const threads = Array.from({ length: count }, () => new WorkerThread());
  let nextJob = 0;
  return {
    workers: count,
    async load(program, batch) {
      const job = nextJob++;
      await Promise.all(threads.map((thread) => thread.ask({ kind: "load", job, program, batch })));
      return new SharedJob(program, job, threads);
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}

/** A thread that answers one request after another. */
class WorkerThread {
  private readonly worker = new Worker(ENTRY);
  private readonly waiting: { resolve(reply: Extract<Reply, { kind: "done" }>): void; reject(error: Error): void }[] =
    [];
  private failure: Error | undefined;
  private ending = false;

  constructor() {
    this.worker.on("message", (reply: Reply) => {
      const request = this.waiting.shift();
      if (reply.kind === "done") request?.resolve(reply);
      else request?.reject(rebuild(reply));
      // Not while the thread ends: the process would be over before `end` is.
      if (this.waiting.length === 0 && !this.ending) this.worker.unref();
    });
    this.worker.on("error", (error) => this.fail(new QuickstudyError(`worker: the thread failed: ${error}`)));
    this.worker.on("exit", (code) => this.fail(new QuickstudyError(`worker: the thread ended with code ${code}`)));
    // A program that forgets to close its executor can still end.
    this.worker.unref();
  }

  ask(request: Request): Promise<Extract<Reply, { kind: "done" }>> {
    return new Promise((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      try {
        this.worker.postMessage(request);
      } catch (error) {
        // Nothing was sent, so that no reply may be waited for: it would be the next request's.
        reject(new OptionError(`worker: the inputs cannot be sent to a thread (${error})`));
        return;
      }
      this.waiting.push({ resolve, reject });
      this.worker.ref();
    });
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }

  async end(): Promise<void> {
    this.ending = true;
    this.failure ??= new QuickstudyError("worker: the executor was closed");
    await this.worker.terminate();
  }
}

/** An error of a worker, of its own class where that is one of ours. */
function rebuild({ name, message }: Extract<Reply, { kind: "failed" }>): Error {
  const ours = [DataError, FormatError, MemoryError, OptionError, ShapeError].find((each) => each.name === name);
  return ours === undefined ? new QuickstudyError(`worker: ${name}: ${message}`) : new ours(message);
}

class SharedJob implements Job {
  constructor(
    private readonly program: Program,
    private readonly job: number,
    private readonly threads: readonly WorkerThread[],
  ) {}

  async sum(shared: Arrays, items: readonly Arrays[]): Promise<Arrays> {
    const chunks = chunksOf(items);
    const blocks = new Array<Float32Array>(chunks.length);
    await this.share(chunks.length, async (thread, mine) => {
      const request = { kind: "sum", job: this.job, shared, chunks: mine.map((i) => chunks[i] as Arrays[]) } as const;
      const reply = await thread.ask(request);
      for (const [at, i] of mine.entries()) blocks[i] = reply.blocks[at] as Float32Array;
    });
    // In the order of the chunks, from zero: what the in-thread executor does in the core.
    const total = new Float32Array(portsExtent(this.program.outputs).bytes / 4);
    for (const block of blocks) {
      for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (block[i] as number);
    }
    return splitOutputs(this.program, total);
  }

  async map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]> {
    const results = new Array<Arrays>(items.length);
    await this.share(items.length, async (thread, mine) => {
      const reply = await thread.ask({
        kind: "map",
        job: this.job,
        shared,
        items: mine.map((i) => items[i] as Arrays),
      });
      for (const [at, i] of mine.entries()) results[i] = reply.results[at] as Arrays;
    });
    return results;
  }

  async release(): Promise<void> {
    await Promise.all(
      this.threads.map((thread) => thread.ask({ kind: "release", job: this.job }).catch(() => undefined)),
    );
  }

  /** Deals the numbers below `count` out to the threads, in turn. */
  private async share(
    count: number,
    work: (thread: WorkerThread, mine: readonly number[]) => Promise<void>,
  ): Promise<void> {
    const hands = this.threads.map((thread, t) => ({
      thread,
      mine: Array.from({ length: count }, (_, i) => i).filter((i) => i % this.threads.length === t),
    }));
    await Promise.all(hands.filter(({ mine }) => mine.length > 0).map(({ thread, mine }) => work(thread, mine)));
  }
}
