/**
 * Counter-based randomness: every number is a pure function of a key and a counter, so nothing depends on how many
 * numbers were drawn before, or where.
 *
 * The generator is Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
 * the same as the core's random operators.
 */

import { requireWhole, wrong } from "./arguments.ts";

/** A key: two unsigned 32-bit words. The address of a task, an initialisation or a draw. */
export type Key = readonly [number, number];

const PARITY = 0x1bd11bda;
const WORDS = 0x1_0000_0000;

/** Where `mix` leaves its two words: a returned pair would be an allocation for every block. */
const mixed = new Uint32Array(2);

/** Threefry's 20 rounds, written out (a loop over tables of rotations and keys takes several times as long). */
function mix(key: Key, c0: number, c1: number): void {
  const k0 = key[0] | 0;
  const k1 = key[1] | 0;
  const k2 = k0 ^ k1 ^ PARITY;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
  x0 = (x0 + k1) | 0;
  x1 = (x1 + k2 + 1) | 0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
  x0 = (x0 + k2) | 0;
  x1 = (x1 + k0 + 2) | 0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
  x0 = (x0 + k0) | 0;
  x1 = (x1 + k1 + 3) | 0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
  x0 = (x0 + k1) | 0;
  x1 = (x1 + k2 + 4) | 0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
  x0 = (x0 + x1) | 0;
  x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
  x0 = (x0 + k2) | 0;
  x1 = (x1 + k0 + 5) | 0;
  mixed[0] = x0;
  mixed[1] = x1;
}

/** One block of Threefry-2x32-20: two words under `key` at counter (c0, c1). */
export function threefry(key: Key, c0: number, c1: number): [number, number] {
  mix(key, c0, c1);
  return [mixed[0] as number, mixed[1] as number];
}

/** The key of a seed: an unsigned 53-bit integer becomes two words. */
export function keyOf(seed: number): Key {
  requireWhole("keyOf: seed", seed, 0);
  return [Math.floor(seed / WORDS), seed >>> 0];
}

/** A key derived from `key` and a whole number below 2^32; different numbers give unrelated keys. */
export function fold(key: Key, data: number): Key {
  requireKey("fold", key);
  requireWhole("fold: data", data, 0, WORDS - 1);
  return threefry(key, data, 0xf01d);
}

/** @throws OptionError, naming the operation, unless the value is a key */
export function requireKey(operation: string, value: unknown): asserts value is Key {
  if (Array.isArray(value) && value.length === 2 && isWord(value[0]) && isWord(value[1])) return;
  throw wrong(`${operation}: key`, "two unsigned 32-bit words, as keyOf and fold make them", value);
}

const isWord = (value: unknown): boolean => typeof value === "number" && value >>> 0 === value;

/** Draws from one key, in order: the convenience for code that needs several numbers of one address. */
export class Draw {
  private counter = 0;
  private spare = 0;
  private hasSpare = false;

  constructor(readonly key: Key) {
    requireKey("Draw", key);
  }

  /** An unsigned 32-bit word. */
  word(): number {
    if (this.hasSpare) {
      this.hasSpare = false;
      return this.spare;
    }
    mix(this.key, this.counter++, 0xd4a3);
    this.spare = mixed[1] as number;
    this.hasSpare = true;
    return mixed[0] as number;
  }

  /** Uniform in [low, high), with 32 random bits. */
  uniform(low = 0, high = 1): number {
    if (typeof low !== "number" || typeof high !== "number" || !Number.isFinite(high - low)) {
      throw wrong("Draw.uniform: low and high", "finite numbers", [low, high]);
    }
    return low + (high - low) * (this.word() / WORDS);
  }

  /** A whole number in [0, bound), without bias (Lemire's rejection). Bound: 1 to 2^32. */
  below(bound: number): number {
    requireWhole("Draw.below: bound", bound, 1, WORDS);
    for (;;) {
      const word = this.word();
      // The product has at most 64 bits; the high half is the draw, the low half decides on rejection.
      const low = Math.imul(word, bound) >>> 0;
      // The remainder is below bound, so that it need not be computed (a slow division) in most cases.
      if (low >= bound || low >= WORDS % bound) {
        // The high half in f64 without loss: bound times each 16-bit half of the word stays below 2^49.
        return Math.floor(((word >>> 16) * bound + Math.floor(((word & 0xffff) * bound) / 0x1_0000)) / 0x1_0000);
      }
    }
  }

  /** Chooses `count` of the whole numbers in [0, bound), in random order, without repetition (partial Fisher-Yates). */
  choose(count: number, bound: number): number[] {
    requireWhole("Draw.choose: bound", bound, 0, WORDS);
    requireWhole("Draw.choose: count", count, 0, bound);
    const moved = new Map<number, number>();
    const chosen: number[] = [];
    for (let i = 0; i < count; i++) {
      const j = i + this.below(bound - i);
      chosen.push(moved.get(j) ?? j);
      moved.set(j, moved.get(i) ?? i);
    }
    return chosen;
  }
}
