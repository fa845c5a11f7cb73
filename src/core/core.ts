import { instantiateSync } from "@assemblyscript/loader";
import { Abi, InstructionSet } from "../../assembly/opcodes.ts";
import { requireOptions, wrong } from "../arguments.ts";
import { FormatError, MemoryError, OptionError } from "../errors.ts";
import { checkBytes, checkLimits, type ProgramLimits, requireLimits } from "../program/limits.ts";
import { alignUp, type Program, requireProgram } from "../program/program.ts";
import { validate } from "../program/validate.ts";
import { plainBytes } from "./bytes.ts";
import { LoadedProgram, type Region } from "./loaded.ts";
import { LoadedPrograms } from "./loaded-programs.ts";
import { Regions } from "./regions.ts";

/** What core.wasm exports. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  run(program: number, count: number): void;
  accumulate(target: number, source: number, count: number): void;
  abiVersion(): number;
  lastOpcode(): number;
  lastMicroOp(): number;
  relaxed(): number;
  heapBase(): number;
}

const PAGE_BYTES = 65536;
/** A line of the caches: arenas begin on one, so that their speed does not depend on what was loaded before. */
const LINE_BYTES = 64;
const LARGEST_MEMORY = 2 ** 32 - PAGE_BYTES;

/** Bytes that the programs which a core keeps ready may take together. */
const CACHE_BYTES = 256 * 2 ** 20;

export interface CreateOptions {
  /**
   * Bytes that the programs which `run` and trained models leave in the core may take together; those used longest ago make room.
   * 256 MiB by default.
   */
  readonly cacheBytes?: number;
}

/** The compute core: one instance of core.wasm and its memory. Programs are loaded into it and run. */
export class Core {
  private readonly regions: Regions;
  private floats: Float32Array;
  private highest: number;
  /** None once the core is closed: nothing else holds the memory. */
  private instance: CoreExports | undefined;
  /** The programs that `run` and trained models keep ready. */
  readonly programs: LoadedPrograms;
  /** Programs whose `LoadedProgram` was collected give their region back. */
  private readonly collected = new FinalizationRegistry<Region>((region) => this.release(region));

  private constructor(
    exports: CoreExports,
    /** Whether it computes with relaxed SIMD: its results may then differ from those of other runtimes. */
    readonly relaxed: boolean,
    cacheBytes: number,
  ) {
    this.instance = exports;
    this.highest = exports.heapBase() >>> 0;
    this.regions = new Regions(this.highest);
    this.floats = new Float32Array(exports.memory.buffer);
    this.programs = new LoadedPrograms(this, cacheBytes);
  }

  /**
   * Instantiates the core; synchronous, because the module is small.
   * @param build options for the build without relaxed SIMD (`relaxedCore` has it), or the bytes of another one
   * @throws FormatError when the module is not a core of this version; OptionError for an unknown or wrong option
   */
  static create(build: CreateOptions | Uint8Array = {}): Core {
    if (build instanceof Uint8Array) return Core.of(build);
    requireCreateOptions("Core.create", build);
    return Core.of(plainBytes(), build);
  }

  /**
   * Instantiates a core, which says itself whether it has relaxed SIMD.
   * @throws FormatError when the module is not a core of this version
   */
  static of(bytes: Uint8Array, { cacheBytes = CACHE_BYTES }: CreateOptions = {}): Core {
    const exports = instantiate(bytes);
    const answers = [exports.abiVersion?.(), exports.lastOpcode?.(), exports.lastMicroOp?.()];
    const expected = [Abi.Version, InstructionSet.LastOpcode, InstructionSet.LastMicroOp];
    if (answers.join() !== expected.join()) {
      throw new FormatError(`core: instruction set ${answers} instead of ${expected}; core.wasm is of another version`);
    }
    return new Core(exports as CoreExports, exports.relaxed?.() === 1, cacheBytes);
  }

  /** Bytes that kept programs may take together; setting it lets go of those beyond. */
  get cacheBytes(): number {
    return this.programs.limit;
  }

  set cacheBytes(bytes: number) {
    requireCacheBytes("core: cacheBytes", bytes);
    this.programs.limit = bytes;
  }

  /** What core.wasm exports. @throws OptionError when the core was closed */
  get exports(): CoreExports {
    if (this.instance === undefined) throw closedError();
    return this.instance;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.instance === undefined;
  }

  /**
   * Lets go of the instance and of every program in it, so that all of its memory can be collected: a memory never shrinks
   * otherwise. Using the core, or a program in it, is an OptionError from here on; a second call does nothing.
   */
  close(): void {
    if (this.instance === undefined) return;
    while (this.programs.unloadOldest());
    this.instance = undefined;
    this.floats = new Float32Array();
  }

  /** All of the memory as f32. Valid until the next program is loaded: growth detaches views, so fetch it anew. */
  get f32(): Float32Array {
    if (this.instance === undefined) throw closedError();
    return this.floats;
  }

  /** End of the highest program ever loaded; never moves once the programs of a training run are loaded. */
  get highWater(): number {
    return this.highest;
  }

  /**
   * Gives a program its place in memory, all zeros but for its constants: nothing that another program left can be read.
   * @param limits what the program may cost; checked before the memory grows
   * @throws MemoryError when it takes more bytes than it may, or the memory cannot grow that far; LimitError when a run takes more
   * operations than it may; FormatError when the program is not valid; OptionError when the core was closed
   */
  load(program: Program, limits: ProgramLimits = {}): LoadedProgram {
    requireProgram("Core.load", program);
    requireLimits("load", limits);
    checkBytes("load", { arenaBytes: program.arenaBytes, codeWords: program.code.length }, limits);
    checkLimits("load", program, validate(program), limits);
    const bytes = regionBytes(program);
    const address = this.allocate(bytes);
    const base = alignUp(address + codeBytes(program), LINE_BYTES);
    const words = new Int32Array(this.exports.memory.buffer, address, Abi.HeaderWords + program.code.length);
    words[0] = base;
    words.set(program.code, Abi.HeaderWords);
    this.f32.set(program.constants, base / 4);
    const region = { address, bytes, inUse: true };
    const loaded = new LoadedProgram(this, program, region, base);
    this.collected.register(loaded, region);
    return loaded;
  }

  /** Takes a region of the memory, all zeros, and grows the memory to hold it. Kept programs make room where it cannot grow. */
  allocate(bytes: number): number {
    for (;;) {
      const address = this.regions.take(bytes);
      const end = this.regions.inUse;
      const failure = this.growTo(end);
      if (failure === undefined) {
        // Behind all that was ever used, the memory is as the engine gave it: zeros.
        const used = Math.min(address + alignUp(bytes), this.highest);
        if (used > address) this.f32.fill(0, address / 4, used / 4);
        this.highest = Math.max(this.highest, end);
        return address;
      }
      this.regions.release(address, bytes);
      if (bytes > LARGEST_MEMORY || !this.programs.unloadOldest()) throw failure;
    }
  }

  /** Grows the memory to `end` bytes. Returns the error where it cannot. */
  private growTo(end: number): MemoryError | undefined {
    const { memory } = this.exports;
    const missing = end - memory.buffer.byteLength;
    if (missing <= 0) return undefined;
    try {
      memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch {
      return new MemoryError(
        `core: cannot grow the memory by ${(missing / 2 ** 20).toFixed(1)} MiB to ${(end / 2 ** 20).toFixed(1)} MiB; dispose of programs that are no longer used`,
      );
    }
    // Only the host grows the memory, and only here: asking for the buffer at every access would cost more.
    this.floats = new Float32Array(memory.buffer);
    return undefined;
  }

  /** Gives a program's region back, once. */
  release(region: Region): void {
    if (!region.inUse) return;
    region.inUse = false;
    this.regions.release(region.address, region.bytes);
  }

  /** Gives a region of `allocate` back. */
  free(address: number, bytes: number): void {
    this.regions.release(address, bytes);
  }
}

function codeBytes({ code }: Program): number {
  return 4 * (Abi.HeaderWords + code.length);
}

/** Bytes that a program takes in a core: its words, and its arena on the next line. */
export function regionBytes(program: Program): number {
  return alignUp(codeBytes(program)) + LINE_BYTES - Abi.Alignment + alignUp(program.arenaBytes);
}

function closedError(): OptionError {
  return new OptionError("core: was closed; create another one");
}

/** @throws OptionError, naming the operation, for an unknown option or a wrong one */
export function requireCreateOptions(operation: string, options: CreateOptions): void {
  requireOptions(operation, options, ["cacheBytes"]);
  if (options.cacheBytes !== undefined) requireCacheBytes(`${operation}: cacheBytes`, options.cacheBytes);
}

/** @throws OptionError unless the value is a number from 0; `Infinity` keeps everything */
function requireCacheBytes(what: string, value: unknown): void {
  if (!(typeof value === "number" && value >= 0)) throw wrong(what, "a number from 0", value);
}

/** The exports of a module that may be anything. */
function instantiate(bytes: Uint8Array): Partial<CoreExports> {
  try {
    return instantiateSync(bytes as Uint8Array<ArrayBuffer>).instance.exports as unknown as Partial<CoreExports>;
  } catch (error) {
    if (error instanceof RangeError) throw new MemoryError(`core: no memory for another core: ${error.message}`);
    throw new FormatError(`core: the bytes are no core.wasm: ${error instanceof Error ? error.message : error}`);
  }
}

let shared: Core | undefined;

/** The core that is used where none is given; created on first use, and again after it was closed. */
export function defaultCore(): Core {
  if (shared === undefined || shared.closed) shared = Core.create();
  return shared;
}

/** @throws OptionError, naming the operation, unless the value is a core */
export function requireCore(operation: string, value: unknown): void {
  if (!(value instanceof Core)) throw wrong(`${operation}: core`, "a Core, as Core.create makes it", value);
}
