import { defaultCore } from "../core/core.ts";
import type { Arrays } from "../core/loaded.ts";
import { OptionError } from "../errors.ts";
import type { Job, Summed } from "./executor.ts";
import { copyOf, type Layout, layoutOf, splitItems, splitOutputs } from "./layout.ts";
import type { Done, RunRequest } from "./messages.ts";
import { leafSize, leaseSize, mapSize, runsOf } from "./order.ts";
import type { Call, Loaded, Seat } from "./seat.ts";
import { BlockTree } from "./tree.ts";

/** A run that takes longer than this many milliseconds is given out when it is asked for, a shorter one ahead of time. */
const LONG_RUN = 10;

/** Work that workers have ready, and whose runs they share. */
export class SharedJob implements Job {
  private readonly core = defaultCore();
  private readonly layout: Layout;
  /** Sums of subtrees, as they come from the workers. */
  private readonly tree: BlockTree;
  private readonly common = new Map<string, Float32Array>();
  private released = false;
  /** The call under way; later ones wait, because its shared inputs are in the workers. */
  private last: Promise<unknown> | undefined;
  /** Blocks that came with answers and go back with requests: memory that is used again need not be cleared or collected. */
  private readonly spare: Float32Array[] = [];
  /** Milliseconds that a worker took for a run in the last call. */
  private runTime = 0;

  constructor(
    private readonly loaded: Loaded,
    private readonly seats: readonly Seat[],
  ) {
    this.layout = layoutOf(loaded.work);
    this.tree = new BlockTree(this.core, this.layout.sumFloats);
  }

  sum(shared: Arrays, items: readonly Arrays[], reuse?: Arrays): Promise<Summed> {
    return this.inTurn(async () => {
      this.mustBeLoaded();
      const { layout, tree } = this;
      const { sumFloats, itemFloats } = layout;
      const [leaf, lease] = [leafSize(items.length), leaseSize(items.length, this.seats.length)];
      const leases = runsOf(items, lease);
      const floats = sumFloats + Math.min(lease, items.length) * itemFloats;
      const each: Arrays[][] = [];
      const arrived = new Map<number, Float32Array>();
      let next = 0;
      const request = (part: readonly Arrays[]) =>
        ({ kind: "sum", job: this.loaded.job, items: part, leaf, into: this.room(floats) }) as const;
      tree.clear();
      await this.deal(shared, leases, request, ({ block }, i) => {
        arrived.set(i, block as Float32Array);
        // In the order of the subtrees: what the in-thread executor does in the core.
        for (let ready = arrived.get(next); ready !== undefined; ready = arrived.get(++next)) {
          this.addToTree(ready);
          const count = (leases[next] as Arrays[]).length;
          const own = itemFloats === 0 ? ready : ready.slice(sumFloats, sumFloats + count * itemFloats);
          each.push(splitItems(layout, own, count));
          arrived.delete(next);
          this.spare.push(ready);
        }
      });
      const total = tree.total() / 4;
      return {
        sums: splitOutputs(layout.summed, copyOf(this.core.f32.subarray(total, total + sumFloats), reuse)),
        items: each.flat(),
      };
    });
  }

  private addToTree(block: Float32Array): void {
    const address = this.tree.next();
    this.core.f32.set(block.subarray(0, this.layout.sumFloats), address / 4);
    this.tree.add();
  }

  map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]> {
    return this.inTurn(async () => {
      this.mustBeLoaded();
      const parts: (readonly Arrays[])[] = [];
      const runs = runsOf(items, mapSize(items.length, this.seats.length));
      const request = (part: readonly Arrays[]) => ({ kind: "map", job: this.loaded.job, items: part }) as const;
      await this.deal(shared, runs, request, ({ results = [] }, i) => {
        parts[i] = results;
      });
      return parts.flat();
    });
  }

  release(): Promise<void> {
    return this.inTurn(async () => {
      this.spare.length = 0;
      this.tree.release();
      this.released = true;
      await Promise.allSettled(this.seats.map((seat) => seat.release(this.loaded.job)));
    });
  }

  private mustBeLoaded(): void {
    if (this.released) throw new OptionError("worker: the job was released");
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

  /** Room for outputs that a worker fills and this thread reads, if there is such memory. */
  private room(floats: number): Float32Array | undefined {
    const block = this.spare.pop();
    if (block !== undefined && block.length >= floats) return block;
    return typeof SharedArrayBuffer === "undefined" ? undefined : new Float32Array(new SharedArrayBuffer(4 * floats));
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
   * Gives the parts out to whoever is ready, and takes the answers as they come. The part of a worker that ends is given
   * out once more.
   * @throws the error of the first part that failed, once no worker has any of them
   */
  private async deal(
    shared: Arrays,
    parts: readonly (readonly Arrays[])[],
    request: (part: readonly Arrays[]) => RunRequest,
    take: (answer: Done, i: number) => void,
  ): Promise<void> {
    const failures = new Map<number, unknown>();
    const again: number[] = [];
    let next = 0;
    const failed = (error: unknown) => {
      if (!failures.has(-1)) failures.set(-1, error);
    };
    const call: Call = { ...this.loaded, shared: this.reachable(shared), failed };
    const workOff = async (seat: Seat) => {
      while ((again.length > 0 || next < parts.length) && failures.size === 0) {
        const i = again.pop() ?? next++;
        try {
          const answer = await seat.run(call, request(parts[i] as Arrays[]));
          if (answer === undefined) again.push(i);
          else take(answer, i);
        } catch (error) {
          failures.set(i, error);
        }
      }
    };
    const began = performance.now();
    const seats = this.seats.slice(0, parts.length);
    // Two of them for a seat: its worker has its next part before it is done with the one before.
    const hands = this.runTime < LONG_RUN ? [...seats, ...seats] : seats;
    await Promise.all(hands.map(workOff));
    if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
    if (parts.length > 0) this.runTime = ((performance.now() - began) * seats.length) / parts.length;
  }
}
