/** Operators that move elements without computing: transpose, slice, pad, concat; and stopGradient. */
import { Opcode } from "../../../assembly/opcodes.ts";
import { requireWholes, wrong } from "../../arguments.ts";
import { OptionError, ShapeError } from "../../errors.ts";
import type { Instruction, Operator } from "../operator.ts";
import { type Shape, sameShape, showShape, stridesOf } from "../shape.ts";
import { apply, requireTensors, type Tensor } from "../tensor.ts";
import { constantValue, full, reshape } from "./algebra.ts";

const COPY_RANK = 5;

/** A strided copy; axes that continue one another are merged so that long ranks fit the instruction. */
export function copyInstruction(
  x: number,
  out: number,
  sizes: Shape,
  xStrides: readonly number[],
  outStrides: readonly number[],
): Instruction {
  const axes: { size: number; x: number; out: number }[] = [];
  for (const [axis, size] of sizes.entries()) {
    if (size === 1) continue;
    const next = { size, x: xStrides[axis] as number, out: outStrides[axis] as number };
    const previous = axes[axes.length - 1];
    if (previous && previous.x === next.x * size && previous.out === next.out * size) {
      axes[axes.length - 1] = { ...next, size: previous.size * size };
    } else axes.push(next);
  }
  if (axes.length > COPY_RANK) {
    throw new ShapeError(
      `a copy over ${axes.length} separate axes of ${showShape(sizes)}: at most ${COPY_RANK} are supported`,
    );
  }
  while (axes.length < COPY_RANK) axes.unshift({ size: 1, x: 0, out: 0 });
  const fields = [x, out, ...axes.map((a) => a.size), ...axes.map((a) => a.x), ...axes.map((a) => a.out)];
  return { opcode: Opcode.Copy, fields };
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Sets `n` floats to a value. */
export function fillInstruction(out: number, n: number, value: number): Instruction {
  float[0] = value;
  return { opcode: Opcode.Fill, fields: [out, n, bits[0] as number] };
}

/** Byte offset of an element. */
export function offsetBytes(index: readonly number[], strides: readonly number[]): number {
  return 4 * index.reduce((total, i, axis) => total + i * (strides[axis] as number), 0);
}

const transposeOperator: Operator<{ order: readonly number[] }> = {
  name: "transpose",
  arity: 1,
  shape([shape], { order }) {
    const from = shape as Shape;
    if (order.length !== from.length || !from.every((_, axis) => order.includes(axis))) {
      throw new ShapeError(`order ${showShape(order)} must name every axis of ${showShape(from)} once`);
    }
    return order.map((axis) => from[axis] as number);
  },
  vjp: (_, g, __, { order }) =>
    transpose(
      g,
      order.map((___, axis) => order.indexOf(axis)),
    ),
  lowering: {
    kind: "instructions",
    emit(node, at) {
      const strides = stridesOf((node.inputs[0] as Tensor).shape);
      const order = node.attributes.order as readonly number[];
      const from = order.map((axis) => strides[axis] as number);
      return [copyInstruction(at.inputs[0] as number, at.output, node.shape, from, stridesOf(node.shape))];
    },
  },
  simplify([x], { order }, shape) {
    const source = x as Tensor;
    const value = constantValue(source);
    if (value !== undefined) return full(shape, value);
    if (order.every((axis, i) => axis === i)) return source;
    if (source.operator !== (transposeOperator as Operator)) return undefined;
    const inner = source.attributes.order as readonly number[];
    return transpose(
      source.inputs[0] as Tensor,
      order.map((axis) => inner[axis] as number),
    );
  },
};

const sliceOperator: Operator<{ start: readonly number[]; size: readonly number[] }> = {
  name: "slice",
  arity: 1,
  shape([shape], { start, size }) {
    const from = shape as Shape;
    const inside = from.every((n, axis) => {
      const [first, count] = [start[axis] as number, size[axis] as number];
      return Number.isInteger(first) && first >= 0 && first + count <= n;
    });
    if (!inside || start.length !== from.length || size.length !== from.length) {
      throw new ShapeError(`start ${showShape(start)} with size ${showShape(size)} lies outside ${showShape(from)}`);
    }
    return size;
  },
  vjp(_, g, node, { start, size }) {
    const from = (node.inputs[0] as Tensor).shape;
    return pad(
      g,
      start,
      from.map((n, axis) => n - (start[axis] as number) - (size[axis] as number)),
    );
  },
  lowering: {
    kind: "instructions",
    emit(node, at) {
      const strides = stridesOf((node.inputs[0] as Tensor).shape);
      const from = (at.inputs[0] as number) + offsetBytes(node.attributes.start as readonly number[], strides);
      return [copyInstruction(from, at.output, node.shape, strides, stridesOf(node.shape))];
    },
  },
  simplify([x], _, shape) {
    const source = x as Tensor;
    if (sameShape(source.shape, shape)) return source;
    const value = constantValue(source);
    return value === undefined ? undefined : full(shape, value);
  },
};

const padOperator: Operator<{ before: readonly number[]; after: readonly number[] }> = {
  name: "pad",
  arity: 1,
  shape([shape], { before, after }) {
    const from = shape as Shape;
    const valid = [...before, ...after].every((n) => Number.isInteger(n) && n >= 0);
    if (!valid || before.length !== from.length || after.length !== from.length) {
      throw new ShapeError(
        `before ${showShape(before)} and after ${showShape(after)} must hold a count from 0 for every axis of ${showShape(from)}`,
      );
    }
    return from.map((n, axis) => n + (before[axis] as number) + (after[axis] as number));
  },
  vjp: (_, g, node, { before }) => slice(g, before, (node.inputs[0] as Tensor).shape),
  lowering: {
    kind: "instructions",
    emit(node, at) {
      const from = (node.inputs[0] as Tensor).shape;
      const strides = stridesOf(node.shape);
      const to = at.output + offsetBytes(node.attributes.before as readonly number[], strides);
      return [
        fillInstruction(at.output, node.size, 0),
        copyInstruction(at.inputs[0] as number, to, from, stridesOf(from), strides),
      ];
    },
  },
  simplify: ([x], { before, after }) => ([...before, ...after].every((n) => n === 0) ? x : undefined),
};

const concatOperator: Operator<{ axis: number }> = {
  name: "concat",
  arity: -1,
  shape(shapes, { axis }) {
    const [first] = shapes as [Shape];
    const matches = (shape: Shape) =>
      shape.length === first.length && shape.every((n, each) => each === axis || n === first[each]);
    if (!(Number.isInteger(axis) && axis >= 0 && axis < first.length && shapes.every(matches))) {
      throw new ShapeError(`shapes ${shapes.map(showShape).join(" and ")} must be equal but for axis ${axis}`);
    }
    return first.map((n, each) =>
      each === axis ? shapes.reduce((total, shape) => total + (shape[axis] as number), 0) : n,
    );
  },
  vjp(index, g, node, { axis }) {
    const { shape } = node.inputs[index] as Tensor;
    return slice(g, concatStart(node.inputs, index, axis), shape);
  },
  lowering: {
    kind: "instructions",
    emit(node, at) {
      const strides = stridesOf(node.shape);
      const axis = node.attributes.axis as number;
      return node.inputs.map((x, i) => {
        const to = at.output + offsetBytes(concatStart(node.inputs, i, axis), strides);
        return copyInstruction(at.inputs[i] as number, to, x.shape, stridesOf(x.shape), strides);
      });
    },
  },
  simplify(inputs, _, shape) {
    if (inputs.length === 1) return inputs[0];
    const value = constantValue(inputs[0] as Tensor);
    const same = value !== undefined && inputs.every((x) => Object.is(constantValue(x), value));
    return same ? full(shape, value) : undefined;
  },
};

export function concatStart(inputs: readonly { shape: Shape }[], index: number, axis: number): number[] {
  const before = inputs.slice(0, index).reduce((total, x) => total + (x.shape[axis] as number), 0);
  return (inputs[index] as { shape: Shape }).shape.map((_, each) => (each === axis ? before : 0));
}

const stopGradientOperator: Operator<Record<string, never>> = {
  name: "stopGradient",
  arity: 1,
  piecewiseConstant: true,
  shape: ([shape]) => shape as Shape,
  vjp: () => null,
  lowering: { kind: "alias" },
  simplify: ([x]) => (constantValue(x as Tensor) !== undefined || x?.operator === stopGradientOperator ? x : undefined),
};

/** Reorders axes: axis i of the result is axis `order[i]` of x; reverses them by default. */
export function transpose(x: Tensor, order?: readonly number[]): Tensor {
  requireTensors("transpose", x);
  const axes =
    order === undefined ? x.shape.map((_, axis) => x.rank - 1 - axis) : requireWholes("transpose: order", order, 0);
  return apply(transposeOperator, [x], { order: axes });
}

/** The block of `size` that begins at `start`. */
export function slice(x: Tensor, start: readonly number[], size: readonly number[]): Tensor {
  return apply(sliceOperator, [x], {
    start: requireWholes("slice: start", start, 0),
    size: requireWholes("slice: size", size, 1),
  });
}

/** Puts zeros before and after, counts for every axis. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  return apply(padOperator, [x], {
    before: requireWholes("pad: before", before, 0),
    after: requireWholes("pad: after", after, 0),
  });
}

/** @throws OptionError, TraceError unless the value is a list of at least one tensor */
function requireList(operation: string, xs: readonly Tensor[]): readonly [Tensor, ...Tensor[]] {
  if (!Array.isArray(xs)) throw wrong(`${operation}: xs`, "a list of tensors", xs);
  if (xs.length === 0) throw new OptionError(`${operation}: at least one tensor is needed, got none`);
  requireTensors(operation, ...xs);
  return xs as readonly Tensor[] as readonly [Tensor, ...Tensor[]];
}

/** Joins tensors along an axis; a negative axis counts from the end. */
export function concat(xs: readonly Tensor[], axis: number): Tensor {
  const [first] = requireList("concat", xs);
  if (!Number.isInteger(axis)) throw wrong("concat: axis", "a whole number", axis);
  return apply(concatOperator, xs, { axis: axis < 0 ? axis + first.rank : axis });
}

/** Joins tensors of one shape along a new first axis. */
export function stack(xs: readonly Tensor[]): Tensor {
  const [first, ...others] = requireList("stack", xs);
  const different = others.find(({ shape }) => !sameShape(shape, first.shape));
  if (different !== undefined) {
    throw new ShapeError(
      `stack: tensors must have one shape, got ${showShape(first.shape)} and ${showShape(different.shape)}`,
    );
  }
  return concat(
    xs.map((x) => reshape(x, [1, ...x.shape])),
    0,
  );
}

/** x, through which no gradient flows. */
export function stopGradient(x: Tensor): Tensor {
  return apply(stopGradientOperator, [x], {});
}

export const movementOperators = [transposeOperator, sliceOperator, padOperator, concatOperator, stopGradientOperator];
