import { Core } from "../core/core.ts";
import { OptionError } from "../errors.ts";
import { InThreadJob } from "./in-thread.ts";
import type { Done, Reply, Request } from "./messages.ts";

/** A worker's side: a core of its own, and answers to requests. */
export function makeServer(): (request: Request) => Promise<Reply> {
  let core: Core | undefined;
  const jobs = new Map<number, InThreadJob>();

  const jobOf = (id: number): InThreadJob => {
    const job = jobs.get(id);
    if (job === undefined) throw new OptionError(`worker: job ${id} is not loaded`);
    return job;
  };

  async function answer(request: Request): Promise<Done> {
    switch (request.kind) {
      case "start":
        core = Core.of(request.core);
        return { kind: "done" };
      case "load":
        if (core === undefined) throw new OptionError("worker: it was not started with a core");
        jobs.set(request.job, InThreadJob.load(core, request.work));
        return { kind: "done" };
      case "release":
        await jobOf(request.job).release();
        jobs.delete(request.job);
        return { kind: "done" };
      case "shared":
        jobOf(request.job).share(request.shared);
        return { kind: "done" };
      case "sum":
        return { kind: "done", block: jobOf(request.job).sumSubtree(request.items, request.leaf, request.into) };
      case "map":
        return { kind: "done", results: jobOf(request.job).mapNow(request.items) };
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
