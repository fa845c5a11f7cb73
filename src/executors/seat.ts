import type { Arrays } from "../core/loaded.ts";
import { WorkerError } from "../errors.ts";
import type { Work } from "./executor.ts";
import type { Done, RunRequest } from "./messages.ts";
import type { WorkerThread } from "./worker-thread.ts";

/** Work that has to be in a worker before it can run any of it. */
export interface Loaded {
  readonly job: number;
  readonly work: Work;
}

/** One call of a job, from its first run to its last. */
export interface Call extends Loaded {
  readonly shared: Arrays;
  /** Told when work or shared inputs did not arrive. */
  failed(error: unknown): void;
}

/** What a seat knows of a call. */
interface CallHere {
  readonly call: Call;
  /** Workers that had ended here when it began. */
  readonly since: number;
  /** The worker that was sent its shared inputs. */
  told?: WorkerThread;
}

/** Workers that may end one after another in a seat, within one call, before any of them has run something. */
const MOST_DEATHS = 3;

/** A place in an executor that always has a worker: where one ends, another is started and told what the first one knew. */
export class Seat {
  private thread: WorkerThread;
  /** Workers that ended here, and how many of them had when something was run last. */
  private deaths = 0;
  private worked = 0;
  /** Jobs that were sent to the worker. */
  private readonly sent = new Set<number>();
  /** The call under way of each job. */
  private readonly calls = new Map<number, CallHere>();
  private closed = false;
  /** Workers before this one that may still be ending. */
  private readonly endings = new Set<Promise<void>>();

  constructor(private readonly start: () => WorkerThread) {
    this.thread = start();
  }

  /** Loads work into the worker. @throws the worker's error */
  async load({ job, work }: Loaded): Promise<void> {
    const since = this.deaths;
    for (;;) {
      const worker = this.worker(since);
      try {
        this.sent.add(job);
        await worker.ask({ kind: "load", job, work });
        return;
      } catch (error) {
        if (this.lives(worker, error)) {
          this.sent.delete(job);
          throw error;
        }
      }
    }
  }

  /**
   * Runs a part of a call. @returns its answer; undefined where the worker ended before it answered
   * @throws the worker's error; WorkerError where workers keep ending, or one took too long
   */
  async run(call: Call, request: RunRequest): Promise<Done | undefined> {
    const here = this.here(call);
    const worker = this.worker(here.since);
    if (here.told !== worker) this.tell(worker, call);
    here.told = worker;
    try {
      const done = await worker.ask(request);
      this.worked = this.deaths;
      return done;
    } catch (error) {
      if (this.lives(worker, error)) throw error;
      return undefined;
    }
  }

  private here(call: Call): CallHere {
    const known = this.calls.get(call.job);
    if (known?.call === call) return known;
    const here = { call, since: this.deaths };
    this.calls.set(call.job, here);
    return here;
  }

  async release(job: number): Promise<void> {
    this.calls.delete(job);
    // A worker that ended has nothing to release, and its successor is not sent the job again.
    if (this.sent.delete(job) && this.thread.failure === undefined) await this.thread.ask({ kind: "release", job });
  }

  /** Ends the worker, for good. */
  async end(): Promise<void> {
    this.closed = true;
    await Promise.all([this.thread.end(), ...this.endings]);
  }

  /** Whether an error is the worker's answer, and not its end. */
  private lives(worker: WorkerThread, error: unknown): boolean {
    return this.closed || error !== worker.failure;
  }

  /** The worker in this seat; another one where it ended. @param since deaths that do not count any more */
  private worker(since: number): WorkerThread {
    const { failure } = this.thread;
    if (failure === undefined || this.closed) return this.thread;
    this.deaths++;
    if (this.deaths - Math.max(since, this.worked) >= MOST_DEATHS) {
      throw new WorkerError(
        `workers: a worker must run something before it ends, and ${MOST_DEATHS} in a row did not; the last one: ${failure.message}`,
      );
    }
    const { ended } = this.thread;
    this.endings.add(ended);
    void ended.then(() => this.endings.delete(ended));
    this.sent.clear();
    this.thread = this.start();
    return this.thread;
  }

  /** Sends the worker what it has to know before it can run a part of a call. It takes requests in their order. */
  private tell(worker: WorkerThread, call: Call): void {
    const { job, work, shared } = call;
    const failed = (error: unknown) => {
      if (this.lives(worker, error)) call.failed(error);
    };
    if (!this.sent.has(job)) {
      this.sent.add(job);
      worker.ask({ kind: "load", job, work }).catch((error) => {
        if (this.lives(worker, error)) this.sent.delete(job);
        failed(error);
      });
    }
    worker.ask({ kind: "shared", job, shared }).catch(failed);
  }
}
