import type { Arrays } from "../core/loaded.ts";
import { OptionError } from "../errors.ts";
import { type Port, portSize, portsExtent } from "../program/program.ts";
import { itemName, type Work } from "./executor.ts";

/** Where the outputs of work lie: what is summed, then what is returned for each item. */
export interface Layout {
  readonly summed: readonly Port[];
  readonly perItem: readonly Port[];
  /** Floats of the summed outputs, with the padding between them and behind. */
  readonly sumFloats: number;
  /** Floats of the other outputs of one item, likewise. */
  readonly itemFloats: number;
}

/**
 * The layout of work whose Programs are valid.
 * @throws OptionError where the summed outputs are not the task's first, or a batch does not fit the task
 */
export function layoutOf({ task, batch, summed }: Work): Layout {
  const names = task.outputs.map(({ name }) => name);
  const wanted = summed ?? names;
  const misplaced = wanted.findIndex((name, i) => name !== names[i]);
  if (misplaced >= 0) {
    throw new OptionError(
      `load: summed must be the task's first outputs in their order (${names.join(", ")}), got ${wanted.join(", ")}`,
    );
  }
  const [first, others] = [task.outputs.slice(0, wanted.length), task.outputs.slice(wanted.length)];
  const layout = {
    summed: first,
    perItem: others,
    sumFloats: portsExtent(first).bytes / 4,
    itemFloats: portsExtent(others).bytes / 4,
  };
  if (batch !== undefined) checkBatch(task.inputs, layout, batch);
  return layout;
}

function checkBatch(inputs: readonly Port[], { summed, perItem }: Layout, batch: NonNullable<Work["batch"]>): void {
  const { program, items } = batch;
  if (!Number.isInteger(items) || items < 1) {
    throw new OptionError(`load: batch.items must be a whole number from 1, got ${items}`);
  }
  const each = (ports: readonly Port[]) =>
    Array.from({ length: items }, (_, i) => ports.map((port) => ({ ...port, name: itemName(i, port.name) }))).flat();
  const [got, wanted] = [program.outputs.map(describe), [...summed, ...each(perItem)].map(describe)];
  const wrong = Array.from({ length: Math.max(got.length, wanted.length) }, (_, i) => i).find(
    (i) => got[i] !== wanted[i],
  );
  if (wrong !== undefined) {
    throw new OptionError(
      `load: output ${wrong} of the batch must be ${wanted[wrong] ?? "missing"}, got ${got[wrong] ?? "none"}; a batch gives ` +
        "the task's summed outputs, then the others of each item as 0.name, 1.name, …",
    );
  }
  // An input is either shared, or there is one for each item.
  const found = new Set(program.inputs.map(describe));
  const left = inputs.reduce((rest, port) => {
    if (found.has(describe(port))) return rest - 1;
    const missing = each([port]).find((one) => !found.has(describe(one)));
    if (missing === undefined) return rest - items;
    throw new OptionError(`load: the batch has no input ${describe(missing)}, which the task needs for each item`);
  }, program.inputs.length);
  if (left !== 0) throw new OptionError(`load: the batch has ${left} inputs that are none of the task's`);
}

const describe = ({ name, shape }: Port): string => `${name} [${shape}]`;

/** Takes a block of outputs that follow one another apart: each is a view of its part. */
export function splitOutputs(ports: readonly Port[], block: Float32Array): Arrays {
  const first = ports[0]?.offset ?? 0;
  const views: Record<string, Float32Array> = {};
  for (const port of ports) {
    const at = (port.offset - first) / 4;
    views[port.name] = block.subarray(at, at + portSize(port));
  }
  return views;
}

const NOTHING: Arrays = Object.freeze({});

/** The outputs of each item that are not summed: views of a block that holds them one after another. */
export function splitItems({ perItem, itemFloats }: Layout, block: Float32Array, count: number): Arrays[] {
  if (perItem.length === 0) return Array<Arrays>(count).fill(NOTHING);
  return Array.from({ length: count }, (_, i) => splitOutputs(perItem, block.subarray(i * itemFloats)));
}

/** A copy of a block, in the memory of arrays that `splitOutputs` has made of one as large, where there are such. */
export function copyOf(block: Float32Array, into: Arrays | undefined): Float32Array {
  const room = into === undefined ? undefined : Object.values(into)[0]?.buffer;
  if (room?.byteLength !== block.byteLength) return block.slice();
  const copy = new Float32Array(room);
  copy.set(block);
  return copy;
}
