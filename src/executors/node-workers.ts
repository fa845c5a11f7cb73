import { availableParallelism } from "node:os";
import * as threads from "node:worker_threads";
import type { Executor } from "./executor.ts";
import { threadChannel } from "./threads.ts";
import { share, type WorkersOptions } from "./workers.ts";

/**
 * The `workers` of the main entry, also for Node before 20.16: runs programs on `count` worker threads, each with a core of
 * its own. Gives the same bits as `inThread`, for every count; where a worker ends, another one takes its place and does its
 * work again. End it with `close()`.
 * @param count workers; as many as there are processors by default
 * @throws OptionError unless `count` is a whole number from 1, for options out of range
 */
export function workers(count: number = availableParallelism(), options: WorkersOptions = {}): Executor {
  return share(count, options, threadChannel(threads));
}
