/** An executor whose sums wait at a gate: a training run goes on only while it is let. */
import type { Executor, Job } from "../src/index.ts";

/**
 * Everything but the waiting is the executor's own: the whole of the work, and the memory that sums use again.
 * @param gate waited for before every sum
 */
export function gated(executor: Executor, gate: () => Promise<void>): Executor {
  return {
    ...executor,
    load: async (work) => {
      const job = await executor.load(work);
      const sum: Job["sum"] = async (...call) => {
        await gate();
        return job.sum(...call);
      };
      return { sum, map: (...call) => job.map(...call), release: () => job.release() };
    },
  };
}
