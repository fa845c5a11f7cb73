/**
 * Lets `workers(n)` run from source. In Node 20 the loader of `node --import tsx` does not reach into worker threads, where
 * `worker.ts` is then an unknown kind of file; so threads begin with a file that registers tsx first.
 */
import { syncBuiltinESMExports } from "node:module";
import threads, { type WorkerOptions } from "node:worker_threads";

const START = new URL("./source-worker.mjs", import.meta.url);

/** Every thread that was started, so that tests can look at them and crash them. */
export const started: threads.Worker[] = [];

class SourceWorker extends threads.Worker {
  constructor(entry: string | URL, options: WorkerOptions = {}) {
    super(START, { ...options, workerData: { entry: String(entry) } });
    started.push(this);
  }
}

threads.Worker = SourceWorker;
syncBuiltinESMExports();
