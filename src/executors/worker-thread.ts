import {
  DataError,
  FormatError,
  MemoryError,
  OptionError,
  QuickstudyError,
  ShapeError,
  WorkerError,
} from "../errors.ts";
import type { Channel, OpenChannel } from "./channel.ts";
import { blockBuffer, type Done, type Failed, type Reply, type Request } from "./messages.ts";

interface Waiting {
  readonly request: Request;
  resolve(reply: Done): void;
  reject(error: Error): void;
}

/** Milliseconds in which an answer that is there already can be read, where this thread was busy when the time ran out. */
const GRACE = 5;

/** A worker that answers one request after another. */
export class WorkerThread {
  private readonly channel: Channel | undefined;
  private readonly waiting: Waiting[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private ending: Promise<void> | undefined;
  private why: Error | undefined;

  /**
   * @param core bytes of the core, a build with relaxed SIMD or not
   * @param timeLimit seconds that it may take to run one request's items
   */
  constructor(
    open: OpenChannel,
    core: Uint8Array,
    private readonly timeLimit?: number,
  ) {
    this.channel = open({
      reply: (reply) => this.answered(reply),
      failed: (reason) => this.fail(new WorkerError(`worker: ${reason}`)),
    });
    // It may have failed while it was opened, with nothing there to end.
    if (this.why !== undefined) this.endChannel();
    this.ask({ kind: "start", core }).catch((error) => this.fail(error));
  }

  /** Why the worker is of no use any more, which all that it had not answered is rejected with; undefined while it lives. */
  get failure(): Error | undefined {
    return this.why;
  }

  /** Settled once a worker that is of no use has ended. */
  get ended(): Promise<void> {
    return this.ending ?? Promise.resolve();
  }

  /** Sends a request. @returns its answer; rejects with the worker's error, or with `failure` */
  ask(request: Request): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (this.why) {
        reject(this.why);
        return;
      }
      try {
        this.channel?.post(request, request.kind === "sum" ? blockBuffer(request.into) : []);
      } catch (error) {
        // Nothing was sent, so that no reply may be waited for: it would be the next request's.
        reject(new OptionError(`worker: the inputs cannot be sent to a thread (${error})`));
        return;
      }
      this.waiting.push({ request, resolve, reject });
      if (this.waiting.length === 1) this.watch();
      this.channel?.hold(true);
    });
  }

  /** Ends the worker; what it had not answered is rejected. */
  async end(): Promise<void> {
    this.why = new QuickstudyError("worker: the executor was closed");
    this.fail(this.why);
    await this.ended;
  }

  private answered(reply: Reply): void {
    const asked = this.waiting.shift();
    this.watch();
    if (reply.kind === "done") asked?.resolve(reply);
    else asked?.reject(rebuild(reply));
    // A program that forgets to close its executor can still end; but not while a thread ends, or `end` would not be over.
    if (this.waiting.length === 0 && this.ending === undefined) this.channel?.hold(false);
  }

  private fail(error: Error): void {
    this.why ??= error;
    clearTimeout(this.timer);
    for (const { reject } of this.waiting.splice(0)) reject(this.why);
    this.endChannel();
  }

  /** A worker of the page goes on after an error that it did not catch, so that it has to be ended. */
  private endChannel(): void {
    this.ending ??= this.channel?.end().catch(() => {});
  }

  /** Starts the clock of the request that the worker turns to, if it has to run Programs for it. */
  private watch(): void {
    clearTimeout(this.timer);
    const [first] = this.waiting;
    const kind = first?.request.kind;
    if (this.timeLimit === undefined || (kind !== "sum" && kind !== "map")) return;
    const late = () => {
      this.timer = setTimeout(() => this.stopLate(), GRACE);
    };
    this.timer = setTimeout(late, 1000 * this.timeLimit);
  }

  private stopLate(): void {
    const asked = this.waiting.shift();
    const { request } = asked ?? {};
    const count = request?.kind === "sum" || request?.kind === "map" ? request.items.length : 0;
    asked?.reject(
      new WorkerError(
        `worker: a run of ${count} items must end within the time limit of ${this.timeLimit} s and did not; ` +
          "raise timeLimit of workers(), or let a task do less",
      ),
    );
    this.fail(new WorkerError(`worker: it was ended after the time limit of ${this.timeLimit} s`));
  }
}

/** The classes of errors that a worker throws, by names that no minifier changes. */
const CLASSES = new Map(Object.entries({ DataError, FormatError, MemoryError, OptionError, ShapeError }));

/** An error of a worker, of its own class where that is one of ours. */
function rebuild({ name, message }: Failed): Error {
  const ours = CLASSES.get(name);
  return ours === undefined ? new QuickstudyError(`worker: ${name}: ${message}`) : new ours(message);
}
