import { DataError, FormatError, MemoryError, OptionError, QuickstudyError, ShapeError } from "../errors.ts";
import type { Channel, OpenChannel } from "./channel.ts";
import { blockBuffer, type Done, type Failed, type Reply, type Request } from "./messages.ts";

interface Waiting {
  resolve(reply: Done): void;
  reject(error: Error): void;
}

/** A worker that answers one request after another. */
export class WorkerThread {
  private readonly channel: Channel;
  private readonly waiting: Waiting[] = [];
  private failure: Error | undefined;
  private ending = false;

  /** @param core bytes of the core, a build with relaxed SIMD or not */
  constructor(open: OpenChannel, core: Uint8Array) {
    this.channel = open({
      reply: (reply) => this.answered(reply),
      failed: (reason) => this.fail(new QuickstudyError(`worker: ${reason}`)),
    });
    this.ask({ kind: "start", core }).catch((error) => this.fail(error));
  }

  /** Sends a request. @returns its answer; rejects with the worker's error */
  ask(request: Request): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      try {
        this.channel.post(request, request.kind === "sum" ? blockBuffer(request.into) : []);
      } catch (error) {
        // Nothing was sent, so that no reply may be waited for: it would be the next request's.
        reject(new OptionError(`worker: the inputs cannot be sent to a thread (${error})`));
        return;
      }
      this.waiting.push({ resolve, reject });
      this.channel.hold(true);
    });
  }

  async end(): Promise<void> {
    this.ending = true;
    const closed = new QuickstudyError("worker: the executor was closed");
    this.fail(closed);
    await this.channel.end();
  }

  private answered(reply: Reply): void {
    const request = this.waiting.shift();
    if (reply.kind === "done") request?.resolve(reply);
    else request?.reject(rebuild(reply));
    // A program that forgets to close its executor can still end; but not while a thread ends, or `end` would not be over.
    if (this.waiting.length === 0 && !this.ending) this.channel.hold(false);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }
}

/** An error of a worker, of its own class where that is one of ours. */
function rebuild({ name, message }: Failed): Error {
  const ours = [DataError, FormatError, MemoryError, OptionError, ShapeError].find((each) => each.name === name);
  return ours === undefined ? new QuickstudyError(`worker: ${name}: ${message}`) : new ours(message);
}
