import { OptionError, ShapeError } from "../errors.ts";
import { type Port, type Program, portSize, portsExtent } from "../program/program.ts";
import type { Core } from "./core.ts";

/** Arrays by name, row-major f32. */
export type Arrays = Readonly<Record<string, Float32Array>>;

/** A program in the memory of a core, ready to run. */
export class LoadedProgram {
  private readonly inputsByName: ReadonlyMap<string, Port>;
  private readonly outputsByName: ReadonlyMap<string, Port>;
  /** Address and floats of the block that holds all outputs. */
  readonly outputs: { readonly address: number; readonly floats: number };
  onDispose: () => void = () => {};
  private disposed = false;

  constructor(
    readonly core: Core,
    readonly program: Program,
    private readonly address: number,
    /** Byte address of the arena. */
    readonly base: number,
  ) {
    this.inputsByName = new Map(program.inputs.map((port) => [port.name, port]));
    this.outputsByName = new Map(program.outputs.map((port) => [port.name, port]));
    const { offset, bytes } = portsExtent(program.outputs);
    this.outputs = { address: base + offset, floats: bytes / 4 };
  }

  /** Writes an input. @throws OptionError for an unknown name, ShapeError for a wrong length */
  write(name: string, data: ArrayLike<number>): void {
    this.mustBeLoaded();
    const port = this.inputsByName.get(name);
    if (port === undefined) {
      const known = [...this.inputsByName.keys()].join(", ");
      throw new OptionError(`run: no input is called ${name}; the program's inputs are ${known}`);
    }
    if (data.length !== portSize(port)) {
      throw new ShapeError(`run: input ${name} [${port.shape}] needs ${portSize(port)} numbers, got ${data.length}`);
    }
    this.core.f32.set(data, (this.base + port.offset) / 4);
  }

  /** Executes the program once. */
  run(): void {
    this.mustBeLoaded();
    this.core.exports.run(this.address, this.program.instructionCount);
  }

  /** A copy of an output. */
  read(name: string): Float32Array {
    return this.view(name).slice();
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
    return this.core.f32.subarray(start, start + portSize(port));
  }

  /** Writes the given inputs, runs, and returns copies of all outputs. */
  call(inputs: Readonly<Record<string, ArrayLike<number>>>): Record<string, Float32Array> {
    for (const port of this.program.inputs) {
      const data = inputs[port.name];
      if (data === undefined) throw new OptionError(`run: input ${port.name} [${port.shape}] is missing`);
      this.write(port.name, data);
    }
    for (const name in inputs) if (!this.inputsByName.has(name)) this.write(name, []);
    this.run();
    return Object.fromEntries(this.program.outputs.map(({ name }) => [name, this.read(name)]));
  }

  private mustBeLoaded(): void {
    if (this.disposed) throw new OptionError("run: the program was disposed of");
  }

  /** Gives the program's memory back. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.onDispose();
  }
}
