import { requireObject } from "../arguments.ts";

/** A named input or output: its shape and its place in the arena. */
export interface Port<Name extends string = string> {
  readonly name: Name;
  readonly shape: readonly number[];
  /** Byte offset from the arena base, a multiple of 16. */
  readonly offset: number;
}

/**
 * A pure function from named arrays to named arrays, as plain data: it can be saved, sent to a worker or another machine,
 * and run by the core alone.
 *
 * Its arena, with offsets in bytes from the base:
 *
 *     ┌───────────┬────────┬─────────┬──────────────────────────┐
 *     │ constants │ inputs │ outputs │ workspace (intermediates) │
 *     └───────────┴────────┴─────────┴──────────────────────────┘
 *     0                                                  arenaBytes
 *
 * The type carries the names of the ports, so that `run` knows what it takes and returns. Those of a decoded Program are known
 * at run time only: they are `string`.
 */
export interface Program<Inputs extends string = string, Outputs extends string = string> {
  /** Instructions as `assembly/opcodes.ts` lays them out, without the program header. */
  readonly code: Int32Array;
  readonly instructionCount: number;
  /** Written at the start of the arena when the program is loaded. */
  readonly constants: Float32Array;
  /**
   * Inputs, then outputs, in order: each begins on the first multiple of 16 bytes after the one before, the first after the
   * constants. A run writes to neither constants nor inputs.
   */
  readonly inputs: readonly Port<Inputs>[];
  readonly outputs: readonly Port<Outputs>[];
  readonly arenaBytes: number;
}

/** `bytes` rounded up to the alignment of buffers. */
export function alignUp(bytes: number, alignment = 16): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** First byte and length of the block that holds all of the given ports, which follow one another. */
export function portsExtent(ports: readonly Port[]): { offset: number; bytes: number } {
  const [first] = ports;
  const last = ports[ports.length - 1];
  if (first === undefined || last === undefined) return { offset: 0, bytes: 0 };
  return { offset: first.offset, bytes: alignUp(last.offset + 4 * portSize(last)) - first.offset };
}

/** Number of elements of a port. */
export function portSize(port: Port): number {
  return port.shape.reduce((product, extent) => product * extent, 1);
}

/** Where constants and inputs end, which hold what the caller gave. */
export function givenBytes({ constants, inputs }: Program): number {
  const { offset, bytes } = portsExtent(inputs);
  return Math.max(alignUp(4 * constants.length), offset + bytes);
}

/** How to find out what `maySeeLeftovers` asks. */
const examinations = new WeakMap<Program, () => boolean>();

/** Notes how to find out whether a run of a program can see what an earlier one left in the arena. */
export function examinedBy(program: Program, seesLeftovers: () => boolean): Program {
  examinations.set(program, seesLeftovers);
  return program;
}

/**
 * Whether a run of a program can see what an earlier one left in the arena. The compiler's cannot, of decoded ones it is found out,
 * and of others it is assumed.
 */
export function maySeeLeftovers(program: Program): boolean {
  return examinations.get(program)?.() ?? true;
}

/** @throws OptionError, naming the operation, unless the value has the parts of a Program */
export function requireProgram(operation: string, value: unknown): void {
  requireObject(`${operation}: program`, value, "a Program, as compile or decodeProgram makes it", [
    "code",
    "constants",
    "inputs",
    "outputs",
  ]);
}
