import { Abi } from "../../assembly/opcodes.ts";
import { isRecord, requireNumber, requireOneOf, requireOptions, wrong } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import { type Program, portSize, requireProgram } from "../program/program.ts";
import { validate } from "../program/validate.ts";
import { type Work, workOf } from "../program/work.ts";
import { type Core, defaultCore, requireCore } from "./core.ts";
import type { LoadedProgram } from "./loaded.ts";

export interface ProfileOptions<Inputs extends string = string> {
  /** Values of inputs; one that is left out is all zeros. */
  readonly inputs?: Readonly<Partial<Record<Inputs, ArrayLike<number>>>>;
  /** Puts the instructions of one opcode into one row, or those that share their extents too; by opcode by default. */
  readonly by?: "opcode" | "shape";
  /** Seconds to measure for, after half of that to warm up; 2 by default. At least five passes are made. */
  readonly seconds?: number;
  readonly core?: Core;
}

/** Instructions of one kind. Times are those of one run of the program, in microseconds. */
export interface ProfileRow {
  /** The opcode, and the extents where rows are by shape: `MatMul 10x40x40 tB`. */
  readonly kind: string;
  /** Instructions of this kind in the program. */
  readonly count: number;
  readonly microseconds: number;
  /** Of the sum over all instructions, 0 to 1. */
  readonly share: number;
  /** Floating-point operations, as the textbook counts them. */
  readonly flops: number;
  /** Bytes read and written, every operand once. */
  readonly bytes: number;
  /** Floating-point operations a nanosecond. */
  readonly gigaflops: number;
  /** Bytes a nanosecond. */
  readonly gigabytes: number;
}

export interface Profile {
  /** By time, the longest first. */
  readonly rows: readonly ProfileRow[];
  /** All rows together. */
  readonly total: ProfileRow;
  /** One run of the whole program in one call. */
  readonly runMicroseconds: number;
  readonly instructions: number;
  readonly arenaBytes: number;
  /** Passes over the program that the times are the shortest of. */
  readonly passes: number;
}

const MINIMUM_PASSES = 5;
/** Calls of no instruction in each pass: the first ones find colder caches than the calls they stand for. */
const EMPTY_CALLS = 8;

/**
 * Measures where a program spends its time: executes its instructions one by one, in their order, pass after pass, so that
 * caches are as they are in a run. Every instruction's time is the shortest of the passes, less that of an empty call: what
 * the machine does when nothing disturbs it.
 *
 * Needs a clock finer than the instructions: Node, Deno and Bun have one, browsers round theirs to 5 µs or more.
 * @param program a compiled program
 * @returns a row for each kind of instruction
 * @throws OptionError for an unknown option or input, ShapeError for one of the wrong length, MemoryError when it does not fit
 */
export function profile<Inputs extends string>(
  program: Program<Inputs>,
  options: NoInfer<ProfileOptions<Inputs>> = {},
): Profile {
  requireProgram("profile", program);
  requireOptions("profile", options, ["inputs", "by", "seconds", "core"]);
  const { inputs = {}, by = "opcode", seconds = 2, core = defaultCore() } = options;
  if (!isRecord(inputs)) throw wrong("profile: inputs", "an object of arrays by name", inputs);
  requireOneOf("profile: by", by, ["opcode", "shape"]);
  requireNumber("profile: seconds", seconds, { above: 0 });
  requireCore("profile", core);
  const unknown = Object.keys(inputs).find((name) => !program.inputs.some((port) => port.name === name));
  if (unknown !== undefined)
    throw new OptionError(
      `profile: there is no input ${unknown}; the inputs are ${program.inputs.map(({ name }) => name).join(", ")}`,
    );
  const work = validate(program).map(workOf);
  const loaded = core.load(program);
  try {
    writeInputs(loaded, inputs);
    const { instructions, run, passes } = measure(loaded, seconds);
    const spent = instructions.reduce((total, each) => total + each, 0);
    const kinds = new Map<string, number[]>();
    for (const [i, { opcode, shape }] of work.entries()) {
      const kind = by === "shape" ? `${opcode} ${shape}` : opcode;
      const members = kinds.get(kind);
      if (members === undefined) kinds.set(kind, [i]);
      else members.push(i);
    }
    const row = (kind: string, members: readonly number[]) => rowOf(kind, members, work, instructions, spent);
    return {
      rows: Array.from(kinds, ([kind, members]) => row(kind, members)).sort((a, b) => b.microseconds - a.microseconds),
      total: row("all", [...work.keys()]),
      runMicroseconds: run,
      instructions: work.length,
      arenaBytes: program.arenaBytes,
      passes,
    };
  } finally {
    loaded.dispose();
  }
}

/** Zeros, then what is given: the arena may hold what another program left there. */
function writeInputs(loaded: LoadedProgram, inputs: Readonly<Record<string, unknown>>): void {
  for (const port of loaded.program.inputs) loaded.write(port.name, new Float32Array(portSize(port)));
  for (const name in inputs) loaded.write(name, inputs[name] as ArrayLike<number>);
}

function rowOf(
  kind: string,
  members: readonly number[],
  work: readonly Work[],
  times: Float64Array,
  spent: number,
): ProfileRow {
  const sum = (of: (i: number) => number) => members.reduce((total, i) => total + of(i), 0);
  const microseconds = sum((i) => times[i] as number);
  const flops = sum((i) => (work[i] as Work).flops);
  const bytes = sum((i) => (work[i] as Work).bytes);
  const rate = (amount: number) => (microseconds > 0 ? amount / (1000 * microseconds) : 0);
  const share = spent > 0 ? microseconds / spent : 0;
  return {
    kind,
    count: members.length,
    microseconds,
    share,
    flops,
    bytes,
    gigaflops: rate(flops),
    gigabytes: rate(bytes),
  };
}

interface Times {
  /** Shortest time of each instruction, in microseconds. */
  readonly instructions: Float64Array;
  /** Shortest time of a whole run. */
  readonly run: number;
  readonly passes: number;
}

/** Times every instruction as a program of its own, in their order, and the whole run. */
function measure(loaded: LoadedProgram, seconds: number): Times {
  const { core, program } = loaded;
  const count = program.instructionCount;
  const bytes = 4 * (program.code.length + count * Abi.HeaderWords);
  const address = core.allocate(bytes);
  try {
    const starts = separate(loaded, address);
    const shortest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    let [call, run] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const timed = (at: number, instructions: number) => {
      const began = performance.now();
      core.exports.run(at, instructions);
      return performance.now() - began;
    };
    const pass = () => {
      const began = performance.now();
      loaded.run();
      run = Math.min(run, performance.now() - began);
      for (let i = 0; i < EMPTY_CALLS; i++) call = Math.min(call, timed(address, 0));
      for (let i = 0; i < count; i++) {
        shortest[i] = Math.min(shortest[i] as number, timed(starts[i] as number, 1));
      }
    };
    repeat(pass, seconds / 2, 1);
    shortest.fill(Number.POSITIVE_INFINITY);
    [call, run] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const passes = repeat(pass, seconds, MINIMUM_PASSES);
    return {
      instructions: shortest.map((each) => 1000 * Math.max(0, each - call)),
      run: 1000 * Math.max(0, run - call),
      passes,
    };
  } finally {
    core.free(address, bytes);
  }
}

/** Writes every instruction behind a header of its own; returns where these programs begin. */
function separate({ core, program, base }: LoadedProgram, address: number): Float64Array {
  const words = new Int32Array(core.exports.memory.buffer);
  const starts = new Float64Array(program.instructionCount);
  let from = 0;
  let to = address / 4;
  for (let i = 0; i < starts.length; i++) {
    const length = program.code[from + 1] as number;
    starts[i] = 4 * to;
    words[to] = base;
    words.set(program.code.subarray(from, from + length), to + Abi.HeaderWords);
    from += length;
    to += Abi.HeaderWords + length;
  }
  return starts;
}

/** Calls `body` for some time and at least so many times; returns how often. */
function repeat(body: () => void, seconds: number, least: number): number {
  const end = performance.now() + 1000 * seconds;
  let calls = 0;
  do {
    body();
    calls++;
  } while (calls < least || performance.now() < end);
  return calls;
}
