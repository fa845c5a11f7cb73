import { requireF32Numbers } from "../arguments.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { checkBytes, checkOperations, operationsOfAll, type ProgramLimits, requireLimits } from "../program/limits.ts";
import {
  alignUp,
  givenBytes,
  maySeeLeftovers,
  type Port,
  type Program,
  portSize,
  portsExtent,
} from "../program/program.ts";
import { validate } from "../program/validate.ts";
import type { Core } from "./core.ts";

/** Arrays by name, row-major f32. */
export type Arrays = Readonly<Record<string, Float32Array>>;

/** Floats up to which an array is written element by element. */
const SHORT = 16;

/** Where a program is in a core's memory. It refers to nothing else, so that whoever keeps it keeps no program. */
export interface Region {
  readonly address: number;
  readonly bytes: number;
  /** Whether it is the program's still. */
  inUse: boolean;
}

/** A program in the memory of a core, ready to run. */
export class LoadedProgram {
  private readonly inputsByName: ReadonlyMap<string, Port>;
  private readonly outputsByName: ReadonlyMap<string, Port>;
  /** Address and floats of the block that holds all outputs. */
  readonly outputs: { readonly address: number; readonly floats: number };
  /** What `dispose` does, without holding the program. */
  readonly release: () => void;
  /** What was validated: the program is the caller's. */
  private readonly instructionCount: number;
  /** Operations of one run, counted when a limit first asks for them. */
  private operations: number | undefined;
  /** Whether `call` has left numbers behind, and whether the next one could see them: found out when it matters. */
  private called = false;
  private seesLeftovers: boolean | undefined;
  /** Floats of each input and output, by its port. */
  private readonly sizes: ReadonlyMap<Port, number>;
  /** Runs of floats that `feedBack` moves, as indices into the memory. */
  private feeds: ReturnType<LoadedProgram["feedsOf"]> | undefined;

  constructor(
    readonly core: Core,
    readonly program: Program,
    private readonly region: Region,
    /** Byte address of the arena. */
    readonly base: number,
  ) {
    this.release = releaseOf(core, region);
    this.instructionCount = program.instructionCount;
    this.inputsByName = new Map(program.inputs.map((port) => [port.name, port]));
    this.outputsByName = new Map(program.outputs.map((port) => [port.name, port]));
    this.sizes = new Map([...program.inputs, ...program.outputs].map((port) => [port, portSize(port)]));
    const extent = portsExtent(program.outputs);
    this.outputs = { address: base + extent.offset, floats: extent.bytes / 4 };
  }

  /** Bytes that the program takes in the core, its instructions included. */
  get bytes(): number {
    return this.region.bytes;
  }

  /** Writes an input. @throws OptionError for an unknown name, ShapeError for a wrong length */
  write(name: string, data: ArrayLike<number>): void {
    this.mustBeLoaded();
    const port = this.inputsByName.get(name);
    if (port === undefined) {
      const known = [...this.inputsByName.keys()].join(", ");
      throw new OptionError(`run: no input is called ${String(name)}; the program's inputs are ${known}`);
    }
    // Arrays that are f32 already, as executors write them, are not looked through.
    if (!(data instanceof Float32Array)) requireF32Numbers(`run: input ${name}`, data);
    const size = this.sizes.get(port);
    if (data.length !== size) {
      throw new ShapeError(`run: input ${name} [${port.shape}] needs ${size} numbers, got ${data.length}`);
    }
    const { f32 } = this.core;
    const start = (this.base + port.offset) / 4;
    // The engine's own `set` costs more than a few assignments.
    if (size > SHORT) f32.set(data, start);
    else for (let i = 0; i < size; i++) f32[start + i] = data[i] as number;
  }

  /** Executes the program once. */
  run(): void {
    this.mustBeLoaded();
    this.core.exports.run(this.region.address, this.instructionCount);
  }

  /** A copy of an output. */
  read(name: string): Float32Array {
    return this.view(name).slice();
  }

  /** Copies an output into an array of its length. */
  readInto(name: string, target: Float32Array): void {
    target.set(this.view(name));
  }

  /** Copies every output to the input of its name, if there is one: the next run goes on from this one's results. */
  feedBack(): void {
    this.mustBeLoaded();
    this.feeds ??= this.feedsOf();
    for (const { from, to, floats } of this.feeds) this.core.f32.copyWithin(to, from, from + floats);
  }

  private feedsOf() {
    const feeds: { from: number; to: number; floats: number }[] = [];
    for (const port of this.program.outputs) {
      const input = this.inputsByName.get(port.name);
      if (input === undefined) continue;
      const [from, to] = [(this.base + port.offset) / 4, (this.base + input.offset) / 4];
      const floats = alignUp(4 * portSize(port)) / 4;
      const last = feeds[feeds.length - 1];
      // Ports that follow one another on both sides are moved together, with the padding between them.
      if (last !== undefined && from === last.from + last.floats && to === last.to + last.floats) last.floats += floats;
      else feeds.push({ from, to, floats });
    }
    return feeds;
  }

  /** An output where it lies: valid until the next run, write or load. */
  view(name: string): Float32Array {
    this.mustBeLoaded();
    const port = this.outputsByName.get(name);
    if (port === undefined) {
      const known = [...this.outputsByName.keys()].join(", ");
      throw new OptionError(`run: no output is called ${name}; the program's outputs are ${known}`);
    }
    const start = (this.base + port.offset) / 4;
    return this.core.f32.subarray(start, start + (this.sizes.get(port) as number));
  }

  /** Writes the given inputs, runs, and returns copies of all outputs, which depend on nothing else. */
  call(inputs: Readonly<Record<string, ArrayLike<number>>>): Record<string, Float32Array> {
    for (const port of this.program.inputs) {
      const data = inputs[port.name];
      if (data === undefined) throw new OptionError(`run: input ${port.name} [${port.shape}] is missing`);
      this.write(port.name, data);
    }
    for (const name in inputs) if (!this.inputsByName.has(name)) this.write(name, []);
    this.clearLeftovers();
    this.run();
    this.called = true;
    return Object.fromEntries(this.program.outputs.map(({ name }) => [name, this.read(name)]));
  }

  /** Zeros what an earlier call left, where this program could see it. */
  private clearLeftovers(): void {
    if (!this.called) return;
    this.seesLeftovers ??= maySeeLeftovers(this.program);
    if (!this.seesLeftovers) return;
    const [from, to] = [givenBytes(this.program), alignUp(this.program.arenaBytes)];
    this.core.f32.fill(0, (this.base + from) / 4, (this.base + to) / 4);
  }

  /** Holds the program to limits. @throws MemoryError, LimitError when it costs more than it may */
  check(limits: ProgramLimits): void {
    requireLimits("run", limits);
    const { arenaBytes, code } = this.program;
    checkBytes("run", { arenaBytes, codeWords: code.length }, limits);
    if (limits.operations === undefined) return;
    this.operations ??= operationsOfAll(validate(this.program));
    checkOperations("run", this.operations, limits);
  }

  private mustBeLoaded(): void {
    if (!this.region.inUse) throw new OptionError("run: the program was disposed of");
  }

  /** Gives the program's memory back. */
  dispose(): void {
    this.release();
  }
}

function releaseOf(core: Core, region: Region): () => void {
  return () => core.release(region);
}
