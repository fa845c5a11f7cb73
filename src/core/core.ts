import { instantiateSync } from "@assemblyscript/loader";
import { Abi, MicroOp, Opcode } from "../../assembly/opcodes.ts";
import { wrong } from "../arguments.ts";
import { FormatError, MemoryError } from "../errors.ts";
import { type Program, requireProgram } from "../program/program.ts";
import { validate } from "../program/validate.ts";
import { type CoreOptions, coreBytes, relaxedSupported, requireCoreOptions } from "./bytes.ts";
import { LoadedProgram } from "./loaded.ts";
import { Regions } from "./regions.ts";

/** What core.wasm exports. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  run(program: number, count: number): void;
  accumulate(target: number, source: number, count: number): void;
  abiVersion(): number;
  opcodeCount(): number;
  microOpCount(): number;
  relaxed(): number;
  heapBase(): number;
}

const PAGE_BYTES = 65536;

/** The compute core: one instance of core.wasm and its memory. Programs are loaded into it and run. */
export class Core {
  private readonly regions: Regions;
  private floats: Float32Array;
  private highest: number;
  /** Programs whose `LoadedProgram` was collected give their region back. */
  private readonly collected = new FinalizationRegistry<readonly [number, number]>(([address, bytes]) =>
    this.regions.release(address, bytes),
  );

  private constructor(
    readonly exports: CoreExports,
    /** Whether it computes with relaxed SIMD: its results may then differ from those of other runtimes. */
    readonly relaxed: boolean,
  ) {
    this.highest = exports.heapBase() >>> 0;
    this.regions = new Regions(this.highest);
    this.floats = new Float32Array(exports.memory.buffer);
  }

  /**
   * Instantiates the core; synchronous, because the module is small.
   * @param build the build inside the package that options choose, or the bytes of another one
   * @throws FormatError when the module is not a core of this version
   */
  static create(build: CoreOptions | Uint8Array = {}): Core {
    if (build instanceof Uint8Array) return Core.of(build);
    requireCoreOptions("Core.create", build);
    return Core.of(coreBytes({ relaxed: (build.relaxed ?? false) && relaxedSupported() }));
  }

  /**
   * Instantiates a core, which says itself whether it has relaxed SIMD.
   * @throws FormatError when the module is not a core of this version
   */
  static of(bytes: Uint8Array): Core {
    const exports = instantiate(bytes);
    const answers = [exports.abiVersion?.(), exports.opcodeCount?.(), exports.microOpCount?.()];
    const expected = [Abi.Version, Opcode.Count, MicroOp.Count];
    if (answers.join() !== expected.join()) {
      throw new FormatError(`core: instruction set ${answers} instead of ${expected}; core.wasm is of another version`);
    }
    return new Core(exports as CoreExports, exports.relaxed?.() === 1);
  }

  /** All of the memory as f32. Valid until the next program is loaded: growth detaches views, so fetch it anew. */
  get f32(): Float32Array {
    return this.floats;
  }

  /** End of the highest program ever loaded; never moves once the programs of a training run are loaded. */
  get highWater(): number {
    return this.highest;
  }

  /**
   * Gives a program its place in memory.
   * @throws MemoryError when the memory cannot grow that far; FormatError when the program is not valid
   */
  load(program: Program): LoadedProgram {
    requireProgram("Core.load", program);
    validate(program);
    const codeBytes = 4 * (Abi.HeaderWords + program.code.length);
    const codeRoom = Math.ceil(codeBytes / Abi.Alignment) * Abi.Alignment;
    const bytes = codeRoom + program.arenaBytes;
    const address = this.allocate(bytes);
    const base = address + codeRoom;
    const words = new Int32Array(this.exports.memory.buffer, address, Abi.HeaderWords + program.code.length);
    words[0] = base;
    words.set(program.code, Abi.HeaderWords);
    this.f32.set(program.constants, base / 4);
    const loaded = new LoadedProgram(this, program, address, base);
    this.collected.register(loaded, [address, bytes], loaded);
    loaded.onDispose = () => {
      this.collected.unregister(loaded);
      this.regions.release(address, bytes);
    };
    return loaded;
  }

  /** Takes a region of the memory and grows the memory to hold it. */
  allocate(bytes: number): number {
    const address = this.regions.take(bytes);
    const { memory } = this.exports;
    const end = this.regions.inUse;
    const missing = end - memory.buffer.byteLength;
    try {
      if (missing > 0) {
        memory.grow(Math.ceil(missing / PAGE_BYTES));
        // Only the host grows the memory, and only here: asking for the buffer at every access would cost more.
        this.floats = new Float32Array(memory.buffer);
      }
    } catch {
      this.regions.release(address, bytes);
      throw new MemoryError(
        `core: cannot grow the memory by ${(missing / 2 ** 20).toFixed(1)} MiB to ${(end / 2 ** 20).toFixed(1)} MiB; dispose of programs that are no longer used`,
      );
    }
    this.highest = Math.max(this.highest, end);
    return address;
  }

  /** Gives a region of `allocate` back. */
  free(address: number, bytes: number): void {
    this.regions.release(address, bytes);
  }
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

/** The core that is used where none is given; created on first use. */
export function defaultCore(): Core {
  shared ??= Core.create();
  return shared;
}

/** @throws OptionError, naming the operation, unless the value is a core */
export function requireCore(operation: string, value: unknown): void {
  if (!(value instanceof Core)) throw wrong(`${operation}: core`, "a Core, as Core.create makes it", value);
}
