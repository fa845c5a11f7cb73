import { availableParallelism } from "node:os";
import * as threads from "node:worker_threads";
import type { CoreOptions } from "../core/bytes.ts";
import type { Executor } from "./executor.ts";
import { threadChannel } from "./threads.ts";
import { share } from "./workers.ts";

/**
 * The `workers` of the main entry, also for Node before 20.16: runs programs on `count` worker threads, each with a core of
 * its own. Gives the same bits as `inThread`, for every count. End it with `close()`.
 * @param count workers; as many as there are processors by default
 * @throws OptionError unless `count` is a whole number from 1
 */
export function workers(count: number = availableParallelism(), options: CoreOptions = {}): Executor {
  return share(count, options, threadChannel(threads));
}
