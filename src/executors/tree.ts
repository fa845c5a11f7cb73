import type { Core } from "../core/core.ts";

/**
 * Adds up blocks of floats in a core's memory, one after another, in the tree of `order.ts`.
 *
 * Waiting are the sums of complete subtrees, each smaller than the one before: 4, 2 and 1 blocks after the seventh. A block
 * that is added meets those of its own size, like a carry in binary.
 */
export class BlockTree {
  /** Addresses of blocks; those of the waiting subtrees come first. */
  private readonly slots: number[] = [];
  /** How many blocks each waiting subtree has. */
  private readonly sizes: number[] = [];

  constructor(
    private readonly core: Core,
    private readonly floats: number,
  ) {}

  private slot(i: number): number {
    this.slots[i] ??= this.core.allocate(this.bytes);
    return this.slots[i];
  }

  private get bytes(): number {
    // No region is empty, even where nothing is summed.
    return 4 * Math.max(1, this.floats);
  }

  /** Forgets what was added. */
  clear(): void {
    this.sizes.length = 0;
  }

  /** Address of a block that the next one to be added may be written to; growing the memory for it detaches views. */
  next(): number {
    return this.slot(this.sizes.length);
  }

  /** Adds a block: the one at `next()`, or one elsewhere, which stays as it is. */
  add(block: number = this.next()): void {
    const { core, floats, sizes } = this;
    let from = block;
    let size = 1;
    while (sizes.at(-1) === size) {
      sizes.pop();
      core.exports.accumulate(this.slot(sizes.length), from, floats);
      from = this.slot(sizes.length);
      size *= 2;
    }
    const place = this.slot(sizes.length);
    if (from !== place) core.f32.copyWithin(place / 4, from / 4, from / 4 + floats);
    sizes.push(size);
  }

  /** Address of the sum of all blocks, zero where there are none; valid until the next `clear` and `add`. */
  total(): number {
    const { core, floats, sizes } = this;
    const first = this.slot(0);
    if (sizes.length === 0) core.f32.fill(0, first / 4, first / 4 + floats);
    for (let last = sizes.length - 1; last > 0; last--) {
      core.exports.accumulate(this.slot(last - 1), this.slot(last), floats);
    }
    sizes.length = 0;
    return first;
  }

  /** Gives the memory back. */
  release(): void {
    for (const address of this.slots.splice(0)) this.core.free(address, this.bytes);
    this.sizes.length = 0;
  }
}
