/** Sizes of a tensor's axes, outermost first; row-major. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Elements from one index to the next, along each axis. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** `[2,3]`, as errors and printouts show it. */
export function showShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/** The shape two operands broadcast to by NumPy's rule (align right; an axis of 1 stretches), or undefined. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    result[axis] = left === 1 ? right : left;
  }
  return result;
}

/** `shape` with ones put before it up to `rank` axes. */
export function alignRight(shape: Shape, rank: number): number[] {
  return [...new Array<number>(rank - shape.length).fill(1), ...shape];
}

/** The axes of `shape` that are not in `axes`. */
export function withoutAxes(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** Calls `visit(offsetA, offsetB)` for every index of `sizes`, row-major, with the two strided offsets. */
export function forEachIndex(
  sizes: Shape,
  stridesA: readonly number[],
  stridesB: readonly number[],
  visit: (a: number, b: number) => void,
): void {
  const index = new Array<number>(sizes.length).fill(0);
  const total = sizeOf(sizes);
  let a = 0;
  let b = 0;
  for (let count = 0; count < total; count++) {
    visit(a, b);
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      a += stridesA[axis] as number;
      b += stridesB[axis] as number;
      const next = (index[axis] as number) + 1;
      if (next < (sizes[axis] as number)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      a -= (stridesA[axis] as number) * next;
      b -= (stridesB[axis] as number) * next;
    }
  }
}
