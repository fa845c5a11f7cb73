import type { Arrays } from "../core/loaded.ts";
import { type Port, portSize, portsExtent } from "../program/program.ts";
import type { Work } from "./executor.ts";

/** Where the outputs of work lie: what is summed, then what is returned for each item. */
export interface Layout {
  readonly summed: readonly Port[];
  readonly perItem: readonly Port[];
  /** Floats of the summed outputs, with the padding between them and behind. */
  readonly sumFloats: number;
  /** Floats of the other outputs of one item, likewise. */
  readonly itemFloats: number;
}

/** The layout of work that was checked. */
export function layoutOf({ task, summed = task.outputs.map(({ name }) => name) }: Work): Layout {
  const [first, others] = [task.outputs.slice(0, summed.length), task.outputs.slice(summed.length)];
  return {
    summed: first,
    perItem: others,
    sumFloats: portsExtent(first).bytes / 4,
    itemFloats: portsExtent(others).bytes / 4,
  };
}

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
