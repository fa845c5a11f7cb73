/** The compute core's exports. Everything else in this folder is reached through `run`. */

import { interpret } from "./interpreter";
import { Abi, InstructionSet } from "./opcodes";
import { addFloats } from "./vector";

/** Executes `count` instructions of the program at `program`. */
export function run(program: usize, count: i32): void {
  interpret(program, count);
}

/** target[i] += source[i] for `count` floats. */
export function accumulate(target: usize, source: usize, count: i32): void {
  addFloats(target, source, count);
}

/** `Abi.Version`: the host refuses a core that answers another number than its own. */
export function abiVersion(): i32 {
  return Abi.Version;
}

/** The highest opcode, compared by the host with its own. */
export function lastOpcode(): i32 {
  return InstructionSet.LastOpcode;
}

/** The highest micro-operation of a block, compared by the host with its own. */
export function lastMicroOp(): i32 {
  return InstructionSet.LastMicroOp;
}

/** Whether this build has relaxed SIMD, and so rounds in its own way. */
export function relaxed(): bool {
  return ASC_FEATURE_RELAXED_SIMD;
}

/** First aligned byte behind the core's own tables: the host places programs from here on. */
export function heapBase(): usize {
  return (__heap_base + Abi.Alignment - 1) & ~(Abi.Alignment - 1);
}
