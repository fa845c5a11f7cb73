/** Where the values of a graph lie: which nodes share a buffer, and how an elementwise consumer reads an operand. */
import { broadcastStrides } from "../graph/operators/algebra.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

/** The node whose buffer holds the elements of `node`: aliases (reshape, stopGradient) have none of their own. */
export function storageOf(node: Tensor): Tensor {
  let root = node;
  while (root.operator.lowering.kind === "alias") root = root.inputs[0] as Tensor;
  return root;
}

/** How an elementwise consumer reads an operand. */
export type Access =
  /** Element i of the buffer for element i of the result. */
  | { readonly kind: "full"; readonly source: Tensor }
  /** One value for all elements. */
  | { readonly kind: "splat"; readonly source: Tensor }
  /** Element e at i0*stride0 + i1*stride1 + i2*stride2, with e taken apart by size1 and size2. */
  | {
      readonly kind: "strided";
      readonly source: Tensor;
      readonly sizes: readonly [number, number, number];
      readonly strides: readonly [number, number, number];
    };

const accesses = new WeakMap<Tensor, Access>();

/** The access of an operand; broadcasts are read through where three strides can say how. Asked for many times, found once. */
export function accessOf(operand: Tensor): Access {
  let access = accesses.get(operand);
  if (access === undefined) {
    access = findAccess(operand);
    accesses.set(operand, access);
  }
  return access;
}

function findAccess(operand: Tensor): Access {
  const root = storageOf(operand);
  if (root.operator.lowering.kind !== "broadcast") {
    return root.size === 1 ? { kind: "splat", source: root } : { kind: "full", source: root };
  }
  const origin = root.inputs[0] as Tensor;
  const source = storageOf(origin);
  if (source.size === 1) return { kind: "splat", source: splatSource(source) };
  if (source.size === root.size && source.operator.lowering.kind !== "broadcast") return { kind: "full", source };
  const { sizes, strides } = broadcastStrides(origin.shape, root.shape);
  const axes = mergeAxes(sizes, strides);
  if (axes.length > 3 || source.operator.lowering.kind === "broadcast") return { kind: "full", source: root };
  while (axes.length < 3) axes.unshift({ size: 1, stride: 0 });
  const [a, b, c] = axes as [Axis, Axis, Axis];
  return { kind: "strided", source, sizes: [a.size, b.size, c.size], strides: [a.stride, b.stride, c.stride] };
}

/** A broadcast of one value is read where that value lies. */
function splatSource(source: Tensor): Tensor {
  let root = source;
  while (root.operator.lowering.kind === "broadcast") root = storageOf(root.inputs[0] as Tensor);
  return root;
}

interface Axis {
  readonly size: number;
  readonly stride: number;
}

function mergeAxes(sizes: Shape, strides: readonly number[]): Axis[] {
  const axes: Axis[] = [];
  for (const [i, size] of sizes.entries()) {
    if (size === 1) continue;
    const stride = strides[i] as number;
    const previous = axes[axes.length - 1];
    if (previous && previous.stride === stride * size) axes[axes.length - 1] = { size: previous.size * size, stride };
    else axes.push({ size, stride });
  }
  return axes;
}
