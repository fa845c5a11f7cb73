import { Core, defaultCore } from "../core/core.ts";
import type { Arrays, LoadedProgram } from "../core/loaded.ts";
import { type CoreOptions, relaxedCore, requireCoreOptions } from "../core/relaxed.ts";
import { OptionError } from "../errors.ts";
import { type Executor, itemName, type Job, type Summed, type Work } from "./executor.ts";
import { copyOf, type Layout, layoutOf, splitItems, splitOutputs } from "./layout.ts";
import { leafSize, runsOf } from "./order.ts";
import { BlockTree } from "./tree.ts";
import { requireFit, requireWork } from "./work.ts";

/**
 * Runs programs in the calling thread.
 * @param build a core, or options that choose one of the builds in the package
 */
export function inThread(build: Core | CoreOptions = {}): Executor {
  const core = coreOf(build);
  return {
    workers: 1,
    relaxed: core.relaxed,
    async load(work) {
      const required = requireWork(work);
      const job = InThreadJob.load(core, required);
      try {
        requireFit(required);
      } catch (error) {
        await job.release();
        throw error;
      }
      return job;
    },
    close: async () => {},
  };
}

function coreOf(build: Core | CoreOptions): Core {
  if (build instanceof Core) return build;
  requireCoreOptions("inThread", build);
  return build.relaxed ? relaxedCore() : defaultCore();
}

/** Work in one core: what runs in this thread, and in every worker. */
export class InThreadJob implements Job {
  /** Sums of leaves, and of subtrees. */
  private readonly tree: BlockTree;
  /** Inputs that the runs to come have in common, and in which programs they are. */
  private shared: Arrays = {};
  private written: Written = new Map();
  private released = false;

  private constructor(
    private readonly task: LoadedProgram,
    private readonly batch: { readonly loaded: LoadedProgram; readonly items: number } | undefined,
    private readonly layout: Layout,
  ) {
    this.tree = new BlockTree(task.core, layout.sumFloats);
  }

  /** @throws MemoryError when the core's memory cannot hold the programs */
  static load(core: Core, work: Work): InThreadJob {
    const loaded = [core.load(work.task)];
    try {
      if (work.batch !== undefined) loaded.push(core.load(work.batch.program));
      const [task, together] = loaded as [LoadedProgram, LoadedProgram?];
      const batch = together && { loaded: together, items: work.batch?.items ?? 0 };
      return new InThreadJob(task, batch, layoutOf(work));
    } catch (error) {
      for (const each of loaded) each.dispose();
      throw error;
    }
  }

  async sum(shared: Arrays, items: readonly Arrays[], into?: Arrays): Promise<Summed> {
    this.mustBeLoaded();
    this.share(shared);
    const { layout } = this;
    const each = new Float32Array(items.length * layout.itemFloats);
    const total = this.addUp(items, leafSize(items.length), each);
    return {
      sums: splitOutputs(layout.summed, copyOf(this.floats(total, layout.sumFloats), into)),
      items: splitItems(layout, each, items.length),
    };
  }

  private mustBeLoaded(): void {
    if (this.released) throw new OptionError("run: the job was released");
  }

  /** Sets the inputs that the runs to come have in common. */
  share(shared: Arrays): void {
    this.shared = shared;
    this.written = new Map();
  }

  /**
   * The sum over the items of one subtree, with the inputs of `share`, and behind it the outputs of each item.
   * @param leaf items in each of its leaves
   * @param into memory for the result, used if there is enough of it
   */
  sumSubtree(items: readonly Arrays[], leaf: number, into?: Float32Array): Float32Array {
    const { sumFloats, itemFloats } = this.layout;
    const floats = sumFloats + items.length * itemFloats;
    const block = into !== undefined && into.length >= floats ? into : new Float32Array(floats);
    const total = this.addUp(items, leaf, block, sumFloats);
    block.set(this.floats(total, sumFloats));
    return block;
  }

  /**
   * Runs the task for every item; returns the address of the block that holds the sum.
   * @param each room for the outputs that are not summed, from float `at`
   */
  private addUp(items: readonly Arrays[], leaf: number, each: Float32Array, at = 0): number {
    const { tree, batch } = this;
    tree.clear();
    let place = at;
    for (const run of runsOf(items, leaf)) {
      if (batch?.items === run.length) this.runTogether(run, batch.loaded, each, place);
      else this.runApart(run, each, place);
      place += run.length * this.layout.itemFloats;
    }
    return tree.total();
  }

  /** Runs a leaf as a batch, and adds its sums to the tree. */
  private runTogether(leaf: readonly Arrays[], loaded: LoadedProgram, each: Float32Array, at: number): void {
    writeItem(loaded, writeShared(loaded, this.shared, this.written), numbered(leaf));
    loaded.run();
    const { address } = loaded.outputs;
    this.keepEach(address, leaf.length, each, at);
    this.tree.add(address);
  }

  /** Runs a leaf item by item, and adds their sum to the tree. */
  private runApart(leaf: readonly Arrays[], each: Float32Array, at: number): void {
    const { task, tree, layout } = this;
    const { sumFloats, itemFloats } = layout;
    const { address } = task.outputs;
    const block = tree.next();
    this.floats(block, sumFloats).fill(0);
    const count = writeShared(task, this.shared, this.written);
    let place = at;
    for (const item of leaf) {
      writeItem(task, count, item);
      task.run();
      task.core.exports.accumulate(block, address, sumFloats);
      this.keepEach(address, 1, each, place);
      place += itemFloats;
    }
    tree.add();
  }

  /** Copies the outputs of items that are not summed, which lie behind the sums, to float `at` of `target`. */
  private keepEach(outputs: number, items: number, target: Float32Array, at: number): void {
    const { sumFloats, itemFloats } = this.layout;
    if (itemFloats > 0) target.set(this.floats(outputs + 4 * sumFloats, items * itemFloats), at);
  }

  async map(shared: Arrays, items: readonly Arrays[]): Promise<Arrays[]> {
    this.share(shared);
    return this.mapNow(items);
  }

  /** As `map`, at once, with the inputs of `share`. */
  mapNow(items: readonly Arrays[]): Arrays[] {
    this.mustBeLoaded();
    const { task } = this;
    const { address, floats } = task.outputs;
    return items.map((item) => {
      writeItem(task, writeShared(task, this.shared, this.written), item);
      task.run();
      return splitOutputs(task.program.outputs, this.floats(address, floats).slice());
    });
  }

  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    this.tree.release();
    this.task.dispose();
    this.batch?.loaded.dispose();
  }

  /** A view of the core's memory: valid until it grows. */
  private floats(address: number, count: number): Float32Array {
    return this.task.core.f32.subarray(address / 4, address / 4 + count);
  }
}

/** The inputs of several items as those of a batch. */
function numbered(items: readonly Arrays[]): Arrays {
  const inputs: Record<string, Float32Array> = {};
  for (const [i, item] of items.entries()) {
    for (const name in item) inputs[itemName(i, name)] = item[name] as Float32Array;
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

/** Writes the inputs of an item, which must be all that are not shared: one left out would keep the value of the run before. */
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
