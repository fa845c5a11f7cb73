import type { Reply, Request } from "./messages.ts";

/** A worker of some runtime, as executors use it. */
export interface Channel {
  /** Sends a request. @throws whatever the runtime throws when it cannot be copied */
  post(request: Request, transfer: ArrayBuffer[]): void;
  /** Whether the program stays alive for the worker's sake. */
  hold(alive: boolean): void;
  /** Ends the worker at once. */
  end(): Promise<void>;
}

/** Whom a channel tells what happens. */
export interface Listener {
  reply(reply: Reply): void;
  /** The worker is of no use any more. */
  failed(reason: string): void;
}

/** Starts a worker. */
export type OpenChannel = (listener: Listener) => Channel;
