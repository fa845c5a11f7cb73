/** What the specs share: an arena of buffers with sentinels behind them, made-up data, and an instruction writer. */

import { interpret } from "../interpreter";
import { Abi } from "../opcodes";

const ARENA_BYTES: usize = 1 << 24;
const SENTINELS = 16;
export const SENTINEL: f32 = 777;

const arena: usize = (heap.alloc(ARENA_BYTES) + 15) & ~15;
let top: usize = arena + 4096;
let words: usize = arena;
let length: usize = 0;
let count = 0;
let state: u32 = 1;

/** The sizes of every spec: multiples of the vector width and not. */
export const SIZES: StaticArray<i32> = [1, 3, 4, 5, 8, 17, 40];

/** Gives all buffers back and starts an empty program. */
export function reset(): void {
  top = arena + 4096;
  words = arena + Abi.HeaderWords * 4;
  store<u32>(arena, 0);
  count = 0;
}

/** A buffer of `floats` floats on a 16-byte boundary, all sentinels, and more sentinels behind it. */
export function buffer(floats: i32): usize {
  const at = top;
  const size = (floats + SENTINELS + 3) & ~3;
  for (let i = 0; i < size; i++) store<f32>(at + (usize(i) << 2), SENTINEL);
  top += usize(size) << 2;
  return at;
}

/** Numbers in [-0.5, 0.5), the same in every run. */
export function random(): f32 {
  state = state * 1664525 + 1013904223;
  return f32(state >> 8) * f32(1.0 / 16777216.0) - 0.5;
}

/** A buffer of random numbers. */
export function randomBuffer(floats: i32): usize {
  const at = buffer(floats);
  for (let i = 0; i < floats; i++) put(at, i, random());
  return at;
}

export function get(at: usize, index: i32): f32 {
  return load<f32>(at + (usize(index) << 2));
}

export function put(at: usize, index: i32, value: f32): void {
  store<f32>(at + (usize(index) << 2), value);
}

/** Whether nothing was written from float `floats` on. */
export function intact(at: usize, floats: i32): bool {
  for (let i = floats; i < ((floats + SENTINELS + 3) & ~3); i++) if (get(at, i) != SENTINEL) return false;
  return true;
}

/** Begins an instruction; its fields follow in order through `field`. */
export function instruction(opcode: i32): void {
  close();
  length = words;
  store<i32>(words, opcode);
  words += Abi.PrefixWords * 4;
  count++;
}

export function field(value: i32): void {
  store<i32>(words, value);
  words += 4;
}

export function fieldAt(address: usize): void {
  field(i32(address));
}

function close(): void {
  if (count > 0) store<u32>(length, u32((words - length) >> 2), 4);
}

/** Runs the program written since `reset` and begins another. */
export function execute(): void {
  close();
  interpret(arena, count);
  words = arena + Abi.HeaderWords * 4;
  count = 0;
}

/** |got - wanted|, infinite when exactly one is NaN. */
export function absoluteError(got: f32, wanted: f64): f64 {
  if (isNaN(got) || isNaN(wanted)) return isNaN(got) && isNaN(wanted) ? 0 : Infinity;
  if (f64(got) == wanted) return 0;
  return abs(f64(got) - wanted);
}

/** |got - wanted| / |wanted|, infinite when exactly one is NaN. */
export function relativeError(got: f32, wanted: f64): f64 {
  const error = absoluteError(got, wanted);
  return error == 0 ? 0 : error / abs(wanted);
}
