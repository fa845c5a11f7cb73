import type { Core } from "../core/core.ts";
import { defaultCore } from "../core/core.ts";
import type { Arrays, LoadedProgram } from "../core/loaded.ts";
import { OptionError } from "../errors.ts";
import { type Program, portSize } from "../program/program.ts";
import { chunksOf, type Executor, type Job } from "./executor.ts";

/** Runs programs in the calling thread. */
export function inThread(core: Core = defaultCore()): Executor {
  return {
    workers: 1,
    load: async (program) => new InThreadJob(core.load(program)),
    close: async () => {},
  };
}

/** A program in one core: what runs in this thread, and in every worker. */
export class InThreadJob implements Job {
  /** Two blocks as large as the outputs: the sum of a chunk, and the sum of the chunks. */
  private readonly sums: number;
  private released = false;

  constructor(private readonly loaded: LoadedProgram) {
    this.sums = loaded.core.allocate(2 * this.blockBytes);
  }

  private get blockBytes(): number {
    return 4 * this.loaded.outputs.floats;
  }

  async sum(shared: Arrays, items: readonly Arrays[]): Promise<Arrays> {
    const { core, program } = this.loaded;
    const total = this.sums + this.blockBytes;
    this.clear(total);
    const count = this.writeAll(shared);
    for (const chunk of chunksOf(items)) {
      this.addUp(count, chunk);
      core.exports.accumulate(total, this.sums, this.loaded.outputs.floats);
    }
    return splitOutputs(program, this.block(total).slice());
  }

  /** The sum over one chunk: a copy of the block of outputs. */
  sumChunk(shared: Arrays, chunk: readonly Arrays[]): Float32Array {
    this.addUp(this.writeAll(shared), chunk);
    return this.block(this.sums).slice();
  }

  /** @param count inputs that are written already */
  private addUp(count: number, chunk: readonly Arrays[]): void {
    const { core, outputs } = this.loaded;
    this.clear(this.sums);
    for (const item of chunk) {
      this.writeItem(count, item);
      this.loaded.run();
      core.exports.accumulate(this.sums, outputs.address, outputs.floats);
    }
  }

  async map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]> {
    return this.mapNow(shared, items);
  }

  /** As `map`, at once. */
  mapNow(shared: Arrays, items: readonly Arrays[]): Arrays[] {
    const count = this.writeAll(shared);
    return items.map((item) => {
      this.writeItem(count, item);
      this.loaded.run();
      return splitOutputs(this.loaded.program, this.block(this.loaded.outputs.address).slice());
    });
  }

  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    this.loaded.core.free(this.sums, 2 * this.blockBytes);
    this.loaded.dispose();
  }

  /** An input that is left out would keep what the run before left there: `shared` of them are written already. */
  private writeItem(shared: number, item: Arrays): void {
    const { inputs } = this.loaded.program;
    const missing = inputs.length - shared - this.writeAll(item);
    if (missing !== 0) {
      throw new OptionError(
        `run: ${inputs.length} inputs are needed, each once (${inputs.map(({ name }) => name).join(", ")}), ` +
          `got ${inputs.length - missing}`,
      );
    }
  }

  /** Writes inputs and counts them. */
  private writeAll(arrays: Arrays): number {
    let count = 0;
    for (const name in arrays) {
      this.loaded.write(name, arrays[name] as Float32Array);
      count++;
    }
    return count;
  }

  private block(address: number): Float32Array {
    return this.loaded.core.f32.subarray(address / 4, address / 4 + this.loaded.outputs.floats);
  }

  private clear(address: number): void {
    this.block(address).fill(0);
  }
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
