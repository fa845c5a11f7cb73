/** The static memory plan: lifetimes in, offsets out. */
import { alignUp } from "../program/program.ts";

/** A buffer of the workspace, alive from step `first` to step `last`, both included. */
export interface Buffer {
  readonly bytes: number;
  readonly first: number;
  last: number;
}

/**
 * Gives every buffer an offset so that no two that live at the same time overlap: the largest first, each into the
 * smallest gap that holds it.
 * @param base offset at which the workspace begins
 * @returns offsets in the order of the buffers, and the end of the highest one
 */
export function planMemory(buffers: readonly Buffer[], base: number): { offsets: number[]; end: number } {
  const offsets = new Array<number>(buffers.length).fill(base);
  const order = buffers.map((_, i) => i).sort((a, b) => size(buffers, b) - size(buffers, a) || a - b);
  const placed: { offset: number; end: number; first: number; last: number }[] = [];
  let end = base;
  for (const i of order) {
    const { bytes, first, last } = buffers[i] as Buffer;
    const length = alignUp(bytes);
    const offset = bestGap(placed, first, last, length, base);
    offsets[i] = offset;
    const entry = { offset, end: offset + length, first, last };
    placed.splice(insertionPoint(placed, offset), 0, entry);
    end = Math.max(end, entry.end);
  }
  return { offsets, end };
}

function size(buffers: readonly Buffer[], i: number): number {
  return (buffers[i] as Buffer).bytes;
}

/** `placed` is sorted by offset. */
function bestGap(
  placed: readonly { offset: number; end: number; first: number; last: number }[],
  first: number,
  last: number,
  length: number,
  base: number,
): number {
  let best = -1;
  let bestSize = Number.POSITIVE_INFINITY;
  let free = base;
  for (const other of placed) {
    if (other.last < first || other.first > last) continue;
    const gap = other.offset - free;
    if (gap >= length && gap < bestSize) {
      best = free;
      bestSize = gap;
    }
    free = Math.max(free, other.end);
  }
  return best === -1 ? free : best;
}

function insertionPoint(placed: readonly { offset: number }[], offset: number): number {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle] as { offset: number }).offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
