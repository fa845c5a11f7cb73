import { type CoreOptions, coreBytes, relaxedSupported } from "../core/bytes.ts";
import { OptionError } from "../errors.ts";
import { validate } from "../program/validate.ts";
import type { OpenChannel } from "./channel.ts";
import type { Executor } from "./executor.ts";
import { SharedJob } from "./shared-job.ts";
import { type Threads, threadChannel } from "./threads.ts";
import { webChannel } from "./web.ts";
import { WorkerThread } from "./worker-thread.ts";

export interface WorkersOptions extends CoreOptions {
  /**
   * Address of `quickstudy/worker.js` on the page's own server, for pages whose Content-Security-Policy does not let workers
   * start from a blob. Only pages use it.
   */
  readonly url?: string | URL;
}

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
 * need no special headers. Gives the same bits as `inThread`, for every count. End it with `close()`.
 * @param count workers; as many as there are processors by default
 * @throws OptionError unless `count` is a whole number from 1, and in a runtime that has no workers
 */
export function workers(count: number = processors(), options: WorkersOptions = {}): Executor {
  const threads = host.process?.getBuiltinModule?.("node:worker_threads");
  if (threads !== undefined) return share(count, options, threadChannel(threads));
  if (typeof Worker === "undefined") {
    throw new OptionError(
      "workers: this runtime has no Worker; in Node before 20.16 import `workers` from quickstudy/node, elsewhere use inThread()",
    );
  }
  return share(count, options, webChannel(options.url));
}

/** As `workers`, on workers of a given kind. */
export function share(count: number, { relaxed = false }: CoreOptions, open: OpenChannel): Executor {
  if (!Number.isInteger(count) || count < 1) {
    throw new OptionError(`workers: the count must be a whole number from 1, got ${count}`);
  }
  const used = relaxed && relaxedSupported();
  const core = coreBytes({ relaxed: used });
  const threads = Array.from({ length: count }, () => new WorkerThread(open, core));
  let nextJob = 0;
  return {
    workers: count,
    relaxed: used,
    async load(program, batch) {
      // Workers trust what they are sent.
      validate(program);
      if (batch !== undefined) validate(batch.program);
      const job = nextJob++;
      const answers = await Promise.allSettled(
        threads.map((thread) => thread.ask({ kind: "load", job, program, batch })),
      );
      try {
        for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
        return new SharedJob(program, job, threads);
      } catch (error) {
        // Nobody has the job to release: those that loaded it are told here.
        const loaded = threads.filter((_, i) => answers[i]?.status === "fulfilled");
        await Promise.allSettled(loaded.map((thread) => thread.ask({ kind: "release", job })));
        throw error;
      }
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}

function processors(): number {
  return (
    host.process?.getBuiltinModule?.("node:os")?.availableParallelism() ?? host.navigator?.hardwareConcurrency ?? 2
  );
}
