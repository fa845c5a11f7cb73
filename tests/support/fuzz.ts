/**
 * Mutates Programs and runs those that are accepted among canaries. What may not happen: a changed byte outside the outputs and the
 * workspace, a number in the arena that was outside of it, a trap, a run that takes longer than its operations allow.
 */
import {
  Abi,
  BlockField,
  ConvField,
  FillField,
  MatMulField,
  MicroField,
  MicroOp,
  Opcode,
  PoolField,
  SolveField,
} from "../../assembly/opcodes.ts";
import { compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { FormatError } from "../../src/errors.ts";
import { convolutionOperators } from "../../src/graph/operators/convolution.ts";
import { operators } from "../../src/graph/operators/index.ts";
import { outputExtents } from "../../src/graph/operators/window.ts";
import { apply, type Tensor } from "../../src/graph/tensor.ts";
import { operationsOfAll } from "../../src/program/limits.ts";
import { alignUp, type Program, portSize, portsExtent } from "../../src/program/program.ts";
import { takeApart, validate } from "../../src/program/validate.ts";
import { Chance } from "./random.ts";
import { eachSample, operandsOf } from "./samples.ts";
import { differentiateTwice, valueGraph } from "./twice.ts";

/** Mutants with a larger arena are validated, not run. */
const LARGEST_ARENA = 2 ** 21;
/** So are those of more operations: some milliseconds. */
const MOST_OPERATIONS = 2e6;
/** A run that takes longer does not keep to its operations, however busy the machine is. */
const HANG_MILLISECONDS = 2000;
/** Bytes in front of the program that are compared after every run; all of the memory is at the end. */
const WATCHED_BYTES = 2 ** 16;
/** A NaN that no computation makes: found in an arena, it was read from outside. */
const SECRET = 0x7fe5ec2e;
const POISON = 0x7fc00000;

export interface FuzzReport {
  mutants: number;
  refused: number;
  /** Valid, but too large or too long to be run here. */
  skipped: number;
  /** Valid and run. */
  run: number;
  /** Refused for nothing but spans that overlap, and run all the same: the kernels alone must keep inside. */
  overlapping: number;
  readonly escapes: string[];
  readonly traps: string[];
  readonly hangs: string[];
}

/** Convolutions that take every way through the kernels, as [N, image, C, kernel, O, stride, pad]. */
const CONVOLUTIONS: readonly (readonly [number, [number, number], number, [number, number], number, number, number])[] =
  [
    [4, [8, 8], 16, [3, 3], 16, 1, 1], // Winograd
    [2, [12, 12], 24, [3, 3], 16, 1, 1], // Winograd, ragged squares
    [2, [5, 5], 16, [3, 3], 8, 1, 1], // taps; pixels
    [2, [6, 6], 16, [3, 3], 12, 2, 1], // strides; ragged panels
    [7, [3, 3], 16, [1, 1], 8, 1, 0], // one tap
    [1, [4, 9], 8, [2, 5], 9, 2, 2],
    [2, [7, 7], 1, [3, 3], 8, 1, 1], // an image with its padding
    [2, [7, 7], 3, [3, 3], 5, 2, 1],
    [1, [6, 6], 5, [3, 3], 3, 1, 1], // patches
    [1, [260, 1], 16, [257, 1], 2, 1, 0], // more lines than the tables hold
    [1, [20, 3], 17, [15, 3], 8, 3, 1],
  ];

function wideConvolutions(): Program[] {
  return CONVOLUTIONS.flatMap(([N, image, C, kernel, O, step, side]) => {
    const attributes = { image, kernel, stride: [step, step], pad: [side, side, side, side] };
    const shapes = {
      x: [N, ...image, C],
      w: [...kernel, C, O],
      y: [N, ...outputExtents(image, kernel, attributes), O],
    };
    return convolutionOperators.map((operator) => {
      const result = { conv2d: "y", conv2dInputGrad: "x", conv2dWeightGrad: "w" }[operator.name];
      const operands = (["x", "w", "y"] as const).filter((role) => role !== result).map((role) => shapes[role]);
      return compileGraph(valueGraph((...xs: Tensor[]) => apply(operator, xs, attributes), operands));
    });
  });
}

/** Small Programs of every operator and its derivatives. */
export function smallPrograms(): Program[] {
  const chance = new Chance(1);
  const programs: Program[] = [];
  for (const { operator, sample } of eachSample(operators, [5])) {
    const build = (...xs: Tensor[]) => apply(operator, xs, sample.attributes);
    programs.push(compileGraph(valueGraph(build, sample.shapes)));
    if (sample.shapes.length === 0 || operator.piecewiseConstant) continue;
    const resultShape = operator.shape(sample.shapes, sample.attributes);
    const xs = operandsOf(sample, chance);
    programs.push(compileGraph(differentiateTwice(build, sample.shapes, resultShape, xs, chance).graph));
  }
  return programs;
}

/** What the fuzzer mutates: every operator in small, and convolutions wide enough for all kernels. */
export function seedPrograms(): { small: Program[]; wide: Program[] } {
  return { small: smallPrograms(), wide: wideConvolutions() };
}

// ---------------------------------------------------------------- mutations

/** Sizes, signs and powers of two at which arithmetic goes wrong. */
const WORDS = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 48, 64, 96, 255, 256, 4096, 2 ** 16, 2 ** 24, 2 ** 28, 2 ** 30];

/** Where an instruction's addresses are among its fields. */
export function addressFields(opcode: Opcode, fields: Int32Array): number[] {
  if (opcode === Opcode.Block) {
    const count = Math.floor((fields.length - BlockField.Words) / MicroField.Words);
    const micros = Array.from({ length: Math.max(count, 0) }, (_, i) => BlockField.Words + i * MicroField.Words);
    return micros.flatMap((at) =>
      [MicroField.dst, MicroField.a, MicroField.b, MicroField.c].map((field) => at + field),
    );
  }
  if (opcode === Opcode.MatMul) return [MatMulField.a, MatMulField.b, MatMulField.out, MatMulField.scratch];
  if (opcode === Opcode.Solve) return [SolveField.a, SolveField.b, SolveField.out, SolveField.scratch];
  if (isConvolution(opcode)) return [ConvField.a, ConvField.b, ConvField.out, ConvField.scratch];
  if (isPooling(opcode)) return [PoolField.a, PoolField.b, PoolField.out];
  if (opcode === Opcode.Fill) return [FillField.out];
  return opcode === Opcode.Gather || opcode === Opcode.ScatterAdd || opcode === Opcode.OneHot ? [0, 1, 2] : [0, 1];
}

const isConvolution = (opcode: Opcode) => opcode >= Opcode.Conv2d && opcode <= Opcode.Conv2dWeightGrad;
const isPooling = (opcode: Opcode) => opcode >= Opcode.MaxPoolWinners && opcode <= Opcode.AveragePoolGrad;

/** An instruction of a program that is still whole after earlier mutations: where its words begin, if there is one. */
function anInstruction(code: Int32Array, chance: Chance): number | undefined {
  const starts: number[] = [];
  for (let at = 0; at + Abi.PrefixWords < code.length; ) {
    const length = code[at + 1] as number;
    if (length <= Abi.PrefixWords || at + length > code.length) break;
    starts.push(at);
    at += length;
  }
  return starts.length === 0 ? undefined : chance.pick(starts);
}

type Mutation = (code: Int32Array, arenaBytes: number, chance: Chance) => void;

/** Any word becomes one at which arithmetic goes wrong, or another of the program. */
const anyWord: Mutation = (code, _, chance) => {
  const at = chance.whole(0, code.length - 1);
  const old = code[at] as number;
  const word = chance.pick([...WORDS, 2 ** 31 - 1, 2 ** 31, old, code[chance.whole(0, code.length - 1)] as number]);
  code[at] = chance.pick([word, -word, word - 1, word + 1, old + chance.pick([-16, -4, -1, 1, 4, 16])]);
};

/** One address of an instruction becomes another one's, or lies a little way from it: spans overlap. */
const overlapping: Mutation = (code, _, chance) => {
  const start = anInstruction(code, chance);
  if (start === undefined) return;
  const first = start + Abi.PrefixWords;
  const fields = addressFields(code[start] as Opcode, code.subarray(first, start + (code[start + 1] as number)));
  if (fields.length === 0) return;
  const other = code[first + chance.pick(fields)] as number;
  code[first + chance.pick(fields)] = other + 16 * chance.pick([0, 0, 1, 2, 3, 8, 35, 64, -1, -2, -8, -64]);
};

/** An address goes anywhere in the arena, to its ends, or to the ends of the address space. */
const moved: Mutation = (code, arenaBytes, chance) => {
  const start = anInstruction(code, chance);
  if (start === undefined) return;
  const first = start + Abi.PrefixWords;
  const fields = addressFields(code[start] as Opcode, code.subarray(first, start + (code[start + 1] as number)));
  if (fields.length === 0) return;
  const anywhere = 16 * chance.whole(0, Math.floor(arenaBytes / 16));
  const near = chance.pick([0, 0, 0, arenaBytes, 2 ** 31, 2 ** 32]) - 16 * chance.whole(-2, 8);
  code[first + chance.pick(fields)] = chance.chance(0.6) ? anywhere : near;
};

/** An extent grows or shrinks a little, or two change places; or the opcode becomes one of its family. */
const reshaped: Mutation = (code, _, chance) => {
  const start = anInstruction(code, chance);
  if (start === undefined) return;
  const [opcode, length] = [code[start] as Opcode, code[start + 1] as number];
  const family = isConvolution(opcode)
    ? [Opcode.Conv2d, Opcode.Conv2dInputGrad, Opcode.Conv2dWeightGrad]
    : isPooling(opcode)
      ? [Opcode.MaxPoolWinners, Opcode.PoolGather, Opcode.PoolScatter, Opcode.AveragePool, Opcode.AveragePoolGrad]
      : [opcode];
  if (chance.chance(0.2)) code[start] = chance.pick(family);
  const field = () => start + chance.whole(Abi.PrefixWords, length - 1);
  const [one, two] = [field(), field()];
  const value = code[one] as number;
  if (opcode === Opcode.Block && chance.chance(0.3)) {
    // An earlier mutation may have made a block of a shorter instruction at the end of the code.
    const count = code[start + Abi.PrefixWords + BlockField.microCount] ?? 1;
    const micro = chance.whole(0, Math.max(count - 1, 0));
    const at = start + Abi.PrefixWords + BlockField.Words + micro * MicroField.Words;
    if (at < code.length) code[at] = chance.pick(Object.values(MicroOp).filter((each) => typeof each === "number"));
    return;
  }
  if (chance.chance(0.3)) [code[one], code[two]] = [code[two] as number, value];
  else code[one] = chance.pick([value + 1, value - 1, 2 * value, value >> 1, 1, 2, 3, 8]);
};

const MUTATIONS = [anyWord, overlapping, overlapping, moved, reshaped, reshaped];

function mutate(program: Program, chance: Chance): Program {
  const code = program.code.slice();
  let { arenaBytes } = program;
  // A workspace as large again leaves room for what is moved and grown.
  if (chance.chance(0.5)) arenaBytes += alignUp(chance.pick([64, 1024, arenaBytes]));
  for (let count = chance.pick([1, 1, 2, 3]); count > 0; count--) chance.pick(MUTATIONS)(code, arenaBytes, chance);
  return { ...program, code, arenaBytes };
}

// ---------------------------------------------------------------- running

const HOSTILE = [0, 1, -1, 2.5, 1e9, -1e9, 3e38, Number.NaN, Number.POSITIVE_INFINITY, 4, 65535, 1e-42, 7e-45];

/** A core of its own whose memory ends where the arena of each mutant ends. */
class Range {
  readonly core = Core.create();
  private readonly end: number;
  private readonly words: Int32Array;
  private readonly bytes: Buffer;
  private readonly low: number;
  private readonly canary: Buffer;

  constructor() {
    const { core } = this;
    this.low = alignUp(core.exports.heapBase() >>> 0);
    core.allocate(LARGEST_ARENA + 4 * WATCHED_BYTES);
    const { buffer } = core.exports.memory;
    this.end = buffer.byteLength;
    this.words = new Int32Array(buffer);
    this.bytes = Buffer.from(buffer);
    this.words.fill(SECRET, this.low / 4);
    this.canary = Buffer.alloc(this.end - this.low);
    new Int32Array(this.canary.buffer, this.canary.byteOffset, this.canary.length / 4).fill(SECRET);
  }

  /** Runs a program at the end of the memory. Returns what it did that it must not. */
  run(program: Program, chance: Chance): { kind: "escapes" | "traps" | "hangs"; what: string } | undefined {
    const { words } = this;
    const base = this.end - alignUp(program.arenaBytes);
    const start = base - alignUp(4 * (Abi.HeaderWords + program.code.length));
    words[start / 4] = base;
    words.set(program.code, start / 4 + Abi.HeaderWords);
    this.fillArena(program, base, chance);
    const inputs = portsExtent(program.inputs);
    const writable = Math.max(alignUp(4 * program.constants.length), inputs.offset + inputs.bytes) + base;
    const from = Math.max(this.low, start - WATCHED_BYTES);
    const before = Buffer.from(this.bytes.subarray(start, writable));
    const began = performance.now();
    try {
      this.core.exports.run(start, program.instructionCount);
    } catch (error) {
      this.restore(from, this.end);
      return { kind: "traps", what: `${error}` };
    }
    const milliseconds = performance.now() - began;
    const problem = this.problem(program, base, start, writable, from, before);
    this.restore(problem === undefined ? start : this.low, this.end);
    if (problem !== undefined) return { kind: "escapes", what: problem };
    return milliseconds > HANG_MILLISECONDS ? { kind: "hangs", what: `${milliseconds} ms` } : undefined;
  }

  /** Whether the memory in front of the last program is as it was from the start. */
  intact(): boolean {
    return this.bytes.compare(this.canary, 0, this.end - this.low, this.low, this.end) === 0;
  }

  private fillArena(program: Program, base: number, chance: Chance): void {
    const floats = new Float32Array(this.words.buffer);
    this.words.fill(POISON, base / 4, this.end / 4);
    floats.set(program.constants, base / 4);
    const shift = chance.whole(0, HOSTILE.length - 1);
    const ordinary = chance.chance(0.5);
    for (const { offset, shape, name } of program.inputs) {
      const at = (base + offset) / 4;
      const size = portSize({ offset, shape, name });
      for (let i = 0; i < size; i++) {
        floats[at + i] = ordinary ? (i % 7) - 3 : (HOSTILE[(i + shift) % HOSTILE.length] as number);
      }
    }
  }

  private problem(
    program: Program,
    base: number,
    start: number,
    writable: number,
    from: number,
    before: Buffer,
  ): string | undefined {
    if (before.compare(this.bytes, start, writable) !== 0) return "its code, constants or inputs changed";
    if (this.bytes.compare(this.canary, 0, start - from, from, start) !== 0) return "memory in front of it changed";
    const end = (base + program.arenaBytes) / 4;
    for (let at = base / 4; at < end; at++) {
      if (((this.words[at] as number) & 0x7fffffff) === SECRET) return `arena word ${at - base / 4} is from outside`;
    }
    return undefined;
  }

  private restore(from: number, to: number): void {
    this.words.fill(SECRET, from / 4, to / 4);
  }
}

/** How often a mutant is refused for something else than spans that overlap, and what becomes of the others. */
function verdict(program: Program): "refused" | "skipped" | "run" | "overlapping" {
  try {
    const decoded = takeApart(program);
    if (program.arenaBytes > LARGEST_ARENA || operationsOfAll(decoded) > MOST_OPERATIONS) return "skipped";
  } catch (error) {
    if (error instanceof FormatError) return "refused";
    throw error;
  }
  try {
    validate(program);
    return "run";
  } catch (error) {
    if (error instanceof FormatError) return "overlapping";
    throw error;
  }
}

/**
 * Mutates until so many valid mutants were run.
 * @param progress called now and then
 */
export function fuzz(runs: number, seed: number, progress: (report: FuzzReport) => void = () => {}): FuzzReport {
  const chance = new Chance(seed);
  const { small, wide } = seedPrograms();
  const seeds = { small: small.filter(({ code }) => code.length > 0), wide };
  const range = new Range();
  const report: FuzzReport = {
    ...{ mutants: 0, refused: 0, skipped: 0, run: 0, overlapping: 0 },
    ...{ escapes: [], traps: [], hangs: [] },
  };
  while (report.run < runs) {
    const program = mutate(chance.pick(chance.chance(0.3) ? seeds.wide : seeds.small), chance);
    report.mutants++;
    const found = verdict(program);
    report[found]++;
    if (found !== "run" && found !== "overlapping") continue;
    const problem = range.run(program, chance);
    if (problem !== undefined) report[problem.kind].push(`mutant ${report.mutants} of seed ${seed}: ${problem.what}`);
    if (report.mutants % 5000 === 0) progress(report);
  }
  if (!range.intact()) report.escapes.push(`seed ${seed}: memory far in front of the programs changed`);
  return report;
}
