import { defaultCore } from "../core/core.ts";
import type { Arrays } from "../core/loaded.ts";
import { OptionError } from "../errors.ts";
import { type Program, portsExtent } from "../program/program.ts";
import { chunksOf, type Job } from "./executor.ts";
import { copyOf, splitOutputs } from "./in-thread.ts";
import type { Done, Request } from "./messages.ts";
import type { WorkerThread } from "./worker-thread.ts";

/** A chunk that takes longer than this many milliseconds is given out when it is asked for, a shorter one ahead of time. */
const LONG_CHUNK = 10;

/** A program that workers have ready, and whose runs they share. */
export class SharedJob implements Job {
  private readonly core = defaultCore();
  private readonly floats: number;
  /** Two blocks as large as the outputs: the sum so far, and what is added to it. */
  private readonly sums: number;
  private readonly common = new Map<string, Float32Array>();
  private released = false;
  /** The call under way; later ones wait, because its shared inputs lie in the workers. */
  private last: Promise<unknown> | undefined;
  /** Blocks that came with answers and go back with requests: memory that is used again need not be cleared or collected. */
  private readonly spare: Float32Array[] = [];
  /** Milliseconds that a worker took for a chunk in the last call. */
  private chunkTime = 0;

  constructor(
    private readonly program: Program,
    private readonly job: number,
    private readonly threads: readonly WorkerThread[],
  ) {
    this.floats = portsExtent(program.outputs).bytes / 4;
    this.sums = this.core.allocate(8 * this.floats);
  }

  sum(shared: Arrays, items: readonly Arrays[], reuse?: Arrays): Promise<Arrays> {
    return this.inTurn(async () => {
      if (this.released) throw new OptionError("worker: the job was released");
      const { core, floats } = this;
      core.f32.fill(0, this.sums / 4, this.sums / 4 + floats);
      const arrived = new Map<number, Float32Array>();
      let next = 0;
      const request = (chunk: readonly Arrays[]) =>
        ({ kind: "sum", job: this.job, items: chunk, into: this.spare.pop() ?? this.newBlock() }) as const;
      await this.deal(shared, chunksOf(items), request, ({ block }, i) => {
        arrived.set(i, block as Float32Array);
        // In the order of the chunks, from zero: what the in-thread executor does in the core.
        for (let ready = arrived.get(next); ready !== undefined; ready = arrived.get(++next)) {
          core.f32.set(ready, this.sums / 4 + floats);
          core.exports.accumulate(this.sums, this.sums + 4 * floats, floats);
          arrived.delete(next);
          this.spare.push(ready);
        }
      });
      return splitOutputs(this.program, copyOf(core.f32.subarray(this.sums / 4, this.sums / 4 + floats), reuse));
    });
  }

  map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]> {
    return this.inTurn(async () => {
      if (this.released) throw new OptionError("worker: the job was released");
      const parts: (readonly Arrays[])[] = [];
      const request = (part: readonly Arrays[]) => ({ kind: "map", job: this.job, items: part }) as const;
      await this.deal(shared, chunksOf(items), request, ({ results = [] }, i) => {
        parts[i] = results;
      });
      return parts.flat();
    });
  }

  release(): Promise<void> {
    return this.inTurn(async () => {
      this.spare.length = 0;
      if (!this.released) this.core.free(this.sums, 8 * this.floats);
      this.released = true;
      const released = this.threads.map((thread) => thread.ask({ kind: "release", job: this.job }));
      await Promise.allSettled(released);
    });
  }

  /** Does the work when the calls before have ended, at once where there are none. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last === undefined ? work() : this.last.then(work, work);
    const end = () => {
      if (this.last === mine) this.last = undefined;
    };
    this.last = mine;
    mine.then(end, end);
    return mine;
  }

  /** Room for outputs that a worker fills and this thread reads, if the runtime has such memory. */
  private newBlock(): Float32Array | undefined {
    return typeof SharedArrayBuffer === "undefined"
      ? undefined
      : new Float32Array(new SharedArrayBuffer(4 * this.floats));
  }

  /**
   * The same numbers where all workers can read them, if the runtime has such memory: they are then copied once, not for each
   * worker. They stay until the next call, which waits for this one.
   */
  private reachable(shared: Arrays): Arrays {
    if (typeof SharedArrayBuffer === "undefined") return shared;
    const entries = Object.entries(shared).map(([name, data]) => {
      let common = this.common.get(name);
      if (common?.length !== data.length) common = new Float32Array(new SharedArrayBuffer(data.byteLength));
      this.common.set(name, common);
      common.set(data);
      return [name, common] as const;
    });
    return Object.fromEntries(entries);
  }

  /**
   * Gives the chunks out to whoever is ready, and takes the answers as they come.
   * @throws the error of the first part that failed, once no thread works on any of them
   */
  private async deal(
    shared: Arrays,
    chunks: readonly (readonly Arrays[])[],
    request: (chunk: readonly Arrays[]) => Request,
    take: (answer: Done, i: number) => void,
  ): Promise<void> {
    const failures = new Map<number, unknown>();
    let next = 0;
    const workOff = async (thread: WorkerThread) => {
      while (next < chunks.length && failures.size === 0) {
        const i = next++;
        try {
          take(await thread.ask(request(chunks[i] as Arrays[])), i);
        } catch (error) {
          failures.set(i, error);
        }
      }
    };
    const began = performance.now();
    const threads = this.threads.slice(0, chunks.length);
    const reachable = this.reachable(shared);
    const told = threads.map((thread) =>
      thread
        .ask({ kind: "shared", job: this.job, shared: reachable })
        .catch((error: unknown) => failures.set(-1, error)),
    );
    // Two of them for a thread: it has its next chunk before it is done with the one before.
    const hands = this.chunkTime < LONG_CHUNK ? [...threads, ...threads] : threads;
    await Promise.all([...told, ...hands.map(workOff)]);
    if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
    if (chunks.length > 0) this.chunkTime = ((performance.now() - began) * threads.length) / chunks.length;
  }
}
