import type { CoreOptions } from "../core/bytes.ts";
import { Core, defaultCore } from "../core/core.ts";
import type { Arrays, LoadedProgram } from "../core/loaded.ts";
import { OptionError } from "../errors.ts";
import { type Program, portSize } from "../program/program.ts";
import { type Batch, chunksOf, type Executor, itemInput, type Job } from "./executor.ts";

/**
 * Runs programs in the calling thread.
 * @param build a core, or options that choose one of the builds in the package
 */
export function inThread(build: Core | CoreOptions = {}): Executor {
  const core = coreOf(build);
  return {
    workers: 1,
    relaxed: core.relaxed,
    load: async (program, batch) => InThreadJob.load(core, program, batch),
    close: async () => {},
  };
}

function coreOf(build: Core | CoreOptions): Core {
  if (build instanceof Core) return build;
  return build.relaxed ? Core.create(build) : defaultCore();
}

/** A program in one core: what runs in this thread, and in every worker. */
export class InThreadJob implements Job {
  /** Two blocks as large as the outputs: the sum of a chunk, and the sum of the chunks. */
  private readonly sums: number;
  /** Inputs that the runs to come have in common, and in which programs they are. */
  private shared: Arrays = {};
  private written: Written = new Map();
  private released = false;

  private constructor(
    private readonly loaded: LoadedProgram,
    private readonly batch: { readonly loaded: LoadedProgram; readonly items: number } | undefined,
  ) {
    this.sums = loaded.core.allocate(2 * this.blockBytes);
  }

  /** @throws MemoryError when the core's memory cannot hold the programs */
  static load(core: Core, program: Program, batch?: Batch): InThreadJob {
    const loaded = [core.load(program)];
    try {
      if (batch !== undefined) loaded.push(core.load(batch.program));
      const [one, together] = loaded as [LoadedProgram, LoadedProgram?];
      return new InThreadJob(one, together && { loaded: together, items: batch?.items ?? 0 });
    } catch (error) {
      for (const each of loaded) each.dispose();
      throw error;
    }
  }

  private get blockBytes(): number {
    return 4 * this.loaded.outputs.floats;
  }

  async sum(shared: Arrays, items: readonly Arrays[], into?: Arrays): Promise<Arrays> {
    this.mustBeLoaded();
    const { core, program, outputs } = this.loaded;
    const total = this.sums + this.blockBytes;
    this.clear(total);
    this.share(shared);
    for (const chunk of chunksOf(items)) {
      core.exports.accumulate(total, this.addUp(chunk), outputs.floats);
    }
    return splitOutputs(program, copyOf(this.block(total), into));
  }

  private mustBeLoaded(): void {
    if (this.released) throw new OptionError("run: the job was released");
  }

  /** Sets the inputs that the runs to come have in common. */
  share(shared: Arrays): void {
    this.shared = shared;
    this.written = new Map();
  }

  /** The sum over one chunk, with the inputs of `share`: a copy of the block of outputs, in `into` if that fits. */
  sumChunk(chunk: readonly Arrays[], into?: Float32Array): Float32Array {
    const block = this.block(this.addUp(chunk));
    if (into?.length !== block.length) return block.slice();
    into.set(block);
    return into;
  }

  /** Runs a chunk; returns the address of the block that holds the sum of its outputs. */
  private addUp(chunk: readonly Arrays[]): number {
    const { shared, written } = this;
    if (this.batch?.items === chunk.length) {
      const { loaded } = this.batch;
      writeItem(loaded, writeShared(loaded, shared, written), numbered(chunk));
      loaded.run();
      return loaded.outputs.address;
    }
    const { core, outputs } = this.loaded;
    this.clear(this.sums);
    const count = writeShared(this.loaded, shared, written);
    for (const item of chunk) {
      writeItem(this.loaded, count, item);
      this.loaded.run();
      core.exports.accumulate(this.sums, outputs.address, outputs.floats);
    }
    return this.sums;
  }

  async map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]> {
    this.share(shared);
    return this.mapNow(items);
  }

  /** As `map`, at once, with the inputs of `share`. */
  mapNow(items: readonly Arrays[]): Arrays[] {
    this.mustBeLoaded();
    return items.map((item) => {
      const count = writeShared(this.loaded, this.shared, this.written);
      writeItem(this.loaded, count, item);
      this.loaded.run();
      return splitOutputs(this.loaded.program, this.block(this.loaded.outputs.address).slice());
    });
  }

  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    this.loaded.core.free(this.sums, 2 * this.blockBytes);
    this.loaded.dispose();
    this.batch?.loaded.dispose();
  }

  private block(address: number): Float32Array {
    return this.loaded.core.f32.subarray(address / 4, address / 4 + this.loaded.outputs.floats);
  }

  private clear(address: number): void {
    this.block(address).fill(0);
  }
}

/** The inputs of several items as those of a batch. */
function numbered(items: readonly Arrays[]): Arrays {
  const inputs: Record<string, Float32Array> = {};
  for (const [i, item] of items.entries()) {
    for (const name in item) inputs[itemInput(i, name)] = item[name] as Float32Array;
  }
  return inputs;
}

/** Programs whose shared inputs are written, and how many those are. */
type Written = Map<LoadedProgram, number>;

/** Writes shared inputs, unless they are there already; returns their number. */
function writeShared(loaded: LoadedProgram, shared: Arrays, written: Written): number {
  const count = written.get(loaded) ?? writeAll(loaded, shared);
  written.set(loaded, count);
  return count;
}

/** An input that is left out would keep what the run before left there: `shared` of them are written already. */
function writeItem(loaded: LoadedProgram, shared: number, item: Arrays): void {
  const { inputs } = loaded.program;
  const missing = inputs.length - shared - writeAll(loaded, item);
  if (missing !== 0) {
    throw new OptionError(
      `run: ${inputs.length} inputs are needed, each once (${inputs.map(({ name }) => name).join(", ")}), ` +
        `got ${inputs.length - missing}`,
    );
  }
}

/** Writes inputs and counts them. */
function writeAll(loaded: LoadedProgram, arrays: Arrays): number {
  let count = 0;
  for (const name in arrays) {
    loaded.write(name, arrays[name] as Float32Array);
    count++;
  }
  return count;
}

/** A copy of a block, in the memory of arrays that `splitOutputs` has made of one as large, where there are such. */
export function copyOf(block: Float32Array, into: Arrays | undefined): Float32Array {
  const room = into === undefined ? undefined : Object.values(into)[0]?.buffer;
  if (room?.byteLength !== block.byteLength) return block.slice();
  const copy = new Float32Array(room);
  copy.set(block);
  return copy;
}

/** Takes a block of outputs apart: each is a view of its part of the block. */
export function splitOutputs(program: Program, block: Float32Array): Arrays {
  const first = program.outputs[0]?.offset ?? 0;
  const entries = program.outputs.map((port) => {
    const start = (port.offset - first) / 4;
    return [port.name, block.subarray(start, start + portSize(port))] as const;
  });
  return Object.fromEntries(entries);
}
