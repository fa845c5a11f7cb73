import { Core } from "../core/core.ts";
import { OptionError } from "../errors.ts";
import { InThreadJob } from "./in-thread.ts";
import type { Reply, Request } from "./messages.ts";

/** A worker's side: a core of its own, and answers to requests. */
export function makeServer(): (request: Request) => Promise<Reply> {
  const core = Core.create();
  const jobs = new Map<number, InThreadJob>();

  const jobOf = (id: number): InThreadJob => {
    const job = jobs.get(id);
    if (job === undefined) throw new OptionError(`worker: job ${id} is not loaded`);
    return job;
  };

  async function answer(request: Request): Promise<Reply> {
    const empty = { kind: "done", blocks: [], results: [] } as const;
    switch (request.kind) {
      case "load":
        jobs.set(request.job, InThreadJob.load(core, request.program, request.batch));
        return empty;
      case "release":
        await jobOf(request.job).release();
        jobs.delete(request.job);
        return empty;
      case "sum": {
        const job = jobOf(request.job);
        return { ...empty, blocks: request.chunks.map((chunk) => job.sumChunk(request.shared, chunk)) };
      }
      case "map":
        return { ...empty, results: jobOf(request.job).mapNow(request.shared, request.items) };
    }
  }

  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      return { kind: "failed", name, message };
    }
  };
}
