import { requireNumber, requireWhole, wrong } from "../arguments.ts";
import { type CoreOptions, coreBytes, relaxedSupported, requireCoreOptions } from "../core/relaxed.ts";
import { OptionError } from "../errors.ts";
import { validate } from "../program/validate.ts";
import type { OpenChannel } from "./channel.ts";
import type { Executor } from "./executor.ts";
import { Seat } from "./seat.ts";
import { SharedJob } from "./shared-job.ts";
import { type Threads, threadChannel } from "./threads.ts";
import { webChannel } from "./web.ts";
import { requireFit, requireWork } from "./work.ts";
import { WorkerThread } from "./worker-thread.ts";

export interface WorkersOptions extends CoreOptions {
  /**
   * Address of `quickstudy/worker.js` on the page's own server, for pages whose Content-Security-Policy does not let workers
   * start from a blob. Only pages use it.
   */
  readonly url?: string | URL;
  /**
   * Seconds that a worker may take for the items that it is given at a time. One that takes longer is ended, and the call
   * fails with a WorkerError: for Programs from others, which may never end. No limit by default.
   */
  readonly timeLimit?: number;
}

/** Seconds that timers can wait: 2^31 milliseconds. */
const LONGEST_LIMIT = 2_000_000;

/** Modules of the runtime, where it has them and gives them to a program that does not import them. */
interface Host {
  readonly process?: {
    getBuiltinModule?(name: "node:worker_threads"): Threads | undefined;
    getBuiltinModule?(name: "node:os"): { availableParallelism(): number } | undefined;
  };
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

const host = globalThis as unknown as Host;

/**
 * Runs programs on `count` workers, each with a core of its own: threads in Node, Deno and Bun, Web Workers in pages, which
 * need no special headers. Gives the same bits as `inThread`, for every count; where a worker ends, another one takes its place and
 * does its work again. End it with `close()`.
 * @param count workers; as many as there are processors by default
 * @throws OptionError unless `count` is a whole number from 1, for options out of range, and in a runtime that has no workers
 */
export function workers(count: number = processors(), options: WorkersOptions = {}): Executor {
  const threads = host.process?.getBuiltinModule?.("node:worker_threads");
  if (threads !== undefined) return share(count, options, threadChannel(threads));
  if (typeof Worker === "undefined") {
    throw new OptionError(
      "workers: this runtime has no Worker; in Node before 20.16 import `workers` from quickstudy/node, elsewhere use inThread()",
    );
  }
  checkOptions(options);
  return share(count, options, webChannel(options.url));
}

/** As `workers`, on workers of a given kind. */
export function share(count: number, options: WorkersOptions, open: OpenChannel): Executor {
  requireWhole("workers: count", count, 1);
  checkOptions(options);
  const { relaxed = false, timeLimit } = options;
  const used = relaxed && relaxedSupported();
  const core = coreBytes({ relaxed: used });
  const seats = Array.from({ length: count }, () => new Seat(() => new WorkerThread(open, core, timeLimit)));
  let nextJob = 0;
  return {
    workers: count,
    relaxed: used,
    async load(work) {
      // Workers trust what they are sent.
      const loaded = { job: nextJob++, work: requireWork(work) };
      validate(loaded.work.task);
      if (loaded.work.batch !== undefined) validate(loaded.work.batch.program);
      requireFit(loaded.work);
      const answers = await Promise.allSettled(seats.map((seat) => seat.load(loaded)));
      const refused = answers.find((answer) => answer.status === "rejected");
      if (refused === undefined) return new SharedJob(loaded, seats);
      // Nobody has the job to release: those that loaded it are told here.
      await Promise.allSettled(seats.map((seat) => seat.release(loaded.job)));
      throw refused.reason;
    },
    async close() {
      await Promise.all(seats.map((seat) => seat.end()));
    },
  };
}

function checkOptions(options: WorkersOptions): void {
  requireCoreOptions("workers", options, ["url", "timeLimit"]);
  const { url, timeLimit } = options;
  if (url !== undefined && typeof url !== "string" && !(url instanceof URL)) {
    throw wrong("workers: url", "a string or a URL", url);
  }
  if (timeLimit !== undefined) requireNumber("workers: timeLimit", timeLimit, { above: 0, to: LONGEST_LIMIT });
}

function processors(): number {
  return (
    host.process?.getBuiltinModule?.("node:os")?.availableParallelism() ?? host.navigator?.hardwareConcurrency ?? 2
  );
}
