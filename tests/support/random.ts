/** Test inputs from one seed: the same in every run. */
import { Draw, keyOf } from "../../src/random.ts";

export class Chance {
  private readonly draw: Draw;

  constructor(seed: number) {
    this.draw = new Draw(keyOf(seed));
  }

  uniform(low = 0, high = 1): number {
    return this.draw.uniform(low, high);
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + this.draw.below(high - low + 1);
  }

  /** True `share` of the time. */
  chance(share: number): boolean {
    return this.draw.uniform() < share;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.draw.below(list.length)] as T;
  }

  /** The numbers below `count` in random order. */
  order(count: number): number[] {
    return this.draw.choose(count, count);
  }

  /** f32 numbers in [low, high). */
  floats(count: number, low = -2, high = 2): Float64Array {
    return Float64Array.from({ length: count }, () => Math.fround(this.uniform(low, high)));
  }
}
