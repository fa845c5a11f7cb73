import { workerSource } from "../../build/worker.js";
import type { OpenChannel } from "./channel.ts";
import type { Reply } from "./messages.ts";

/** What is used of node:worker_threads, which Node, Deno and Bun have. */
export interface Threads {
  readonly Worker: new (source: string, options: { eval: true }) => Thread;
}

interface Thread {
  on(event: "message", listener: (reply: Reply) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

const SOURCE = `globalThis.quickstudyPort = require("node:worker_threads").parentPort;\n${workerSource}`;

/** Workers that are threads. */
export function threadChannel({ Worker }: Threads): OpenChannel {
  return ({ reply, failed }) => {
    const thread = new Worker(SOURCE, { eval: true });
    thread.on("message", reply);
    thread.on("error", (error) => failed(`the thread failed: ${error}`));
    thread.on("exit", (code) => failed(`the thread ended with code ${code}`));
    return {
      post: (request, transfer) => thread.postMessage(request, transfer),
      hold: (alive) => (alive ? thread.ref() : thread.unref()),
      end: async () => {
        await thread.terminate();
      },
    };
  };
}
