/** Lets tests look at threads and crash them. */
import { syncBuiltinESMExports } from "node:module";
import threads, { type WorkerOptions } from "node:worker_threads";

/** Every thread that was started. */
export const started: threads.Worker[] = [];

class WatchedWorker extends threads.Worker {
  constructor(source: string | URL, options: WorkerOptions = {}) {
    super(source, options);
    started.push(this);
  }
}

threads.Worker = WatchedWorker;
syncBuiltinESMExports();

export { threads };
