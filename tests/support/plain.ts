/** Arrays in f64 and the plainest functions on them, independent of the library's operators. */

export interface Plain {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** The index along every axis of element `flat`. */
function indexOf(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % (shape[axis] as number));
    rest = Math.floor(rest / (shape[axis] as number));
  }
  return index;
}

/** Element at `index`; axes of 1 are read at 0, and leading axes that the array lacks are ignored. */
function readAt({ shape, data }: Plain, index: readonly number[]): number {
  const own = index.slice(index.length - shape.length);
  let flat = 0;
  for (const [axis, extent] of shape.entries()) flat = flat * extent + (extent === 1 ? 0 : (own[axis] as number));
  return data[flat] as number;
}

/** An array whose element at each index is given by a function. */
export function fromIndex(shape: readonly number[], value: (index: readonly number[], flat: number) => number): Plain {
  return {
    shape,
    data: Float64Array.from({ length: countOf(shape) }, (_, flat) => value(indexOf(flat, shape), flat)),
  };
}

/** The shape that operands stretch to, or undefined. */
export function commonShape(shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: number[] = [];
  for (let back = 1; back <= rank; back++) {
    const extents = new Set(shapes.map((shape) => shape[shape.length - back] ?? 1));
    extents.delete(1);
    if (extents.size > 1) return undefined;
    result.unshift([...extents][0] ?? 1);
  }
  return result;
}

export function elementwise(compute: (...values: number[]) => number, operands: readonly Plain[]): Plain {
  const shape = commonShape(operands.map((each) => each.shape)) as number[];
  return fromIndex(shape, (index) => compute(...operands.map((each) => readAt(each, index))));
}

export function stretch(x: Plain, shape: readonly number[]): Plain {
  return fromIndex(shape, (index) => readAt(x, index));
}

export function reorder(x: Plain, order: readonly number[]): Plain {
  const shape = order.map((axis) => x.shape[axis] as number);
  return fromIndex(shape, (index) =>
    readAt(
      x,
      x.shape.map((_, axis) => index[order.indexOf(axis)] as number),
    ),
  );
}

export function part(x: Plain, start: readonly number[], size: readonly number[]): Plain {
  return fromIndex(size, (index) =>
    readAt(
      x,
      index.map((i, axis) => (x.shape[axis] === 1 ? 0 : i + (start[axis] as number))),
    ),
  );
}

export function padded(x: Plain, before: readonly number[], after: readonly number[]): Plain {
  const shape = x.shape.map((n, axis) => n + (before[axis] as number) + (after[axis] as number));
  return fromIndex(shape, (index) => {
    const own = index.map((i, axis) => i - (before[axis] as number));
    return own.every((i, axis) => i >= 0 && i < (x.shape[axis] as number)) ? readAt(x, own) : 0;
  });
}

export function joined(parts: readonly Plain[], axis: number): Plain {
  const [first] = parts as [Plain];
  const total = parts.reduce((sum, each) => sum + (each.shape[axis] as number), 0);
  const shape = first.shape.map((n, each) => (each === axis ? total : n));
  return fromIndex(shape, (index) => {
    let at = index[axis] as number;
    for (const each of parts) {
      if (at < (each.shape[axis] as number)) return readAt(each, index.with(axis, at));
      at -= each.shape[axis] as number;
    }
    return Number.NaN;
  });
}

/** Combines elements over `axes`, which disappear. */
export function reduced(
  x: Plain,
  axes: readonly number[],
  initial: number,
  step: (total: number, value: number) => number,
): Plain {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const shape = kept.map((axis) => x.shape[axis] as number);
  const data = new Float64Array(countOf(shape)).fill(initial);
  for (const [flat, value] of x.data.entries()) {
    const index = indexOf(flat, x.shape);
    let to = 0;
    for (const axis of kept) to = to * (x.shape[axis] as number) + (index[axis] as number);
    data[to] = step(data[to] as number, value);
  }
  return { shape, data };
}

export function product(a: Plain, b: Plain): Plain {
  const inner = a.shape[1] as number;
  return fromIndex([a.shape[0] as number, b.shape[1] as number], ([i, j]) => {
    let total = 0;
    for (let k = 0; k < inner; k++) total += readAt(a, [i as number, k]) * readAt(b, [k, j as number]);
    return total;
  });
}
