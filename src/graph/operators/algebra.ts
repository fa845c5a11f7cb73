/**
 * The operators whose derivatives and simplifications need one another: the ring operations, and broadcast, reshape and
 * sum, which carry cotangents between shapes. Everything else is built on these.
 */
import { MicroOp, Opcode } from "../../../assembly/opcodes.ts";
import { requireWholes, wrong } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import type { Lowering, Operator } from "../operator.ts";
import {
  alignRight,
  broadcastShapes,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
  withoutAxes,
} from "../shape.ts";
import { apply, requireTensors, type Tensor, traceOf } from "../tensor.ts";
import { type ReductionOptions, reductionAxes } from "./axes.ts";
import { constant, constantOperator, requireF32 } from "./source.ts";

/** What a builder takes where a tensor is wanted: numbers become constants. */
export type Operand = Tensor | number;

type Empty = Record<string, never>;
const none: Empty = {};

/** The single value of a tensor known while tracing to hold the same constant everywhere, or undefined. */
export function constantValue(x: Tensor): number | undefined {
  if (x.operator.name === "constant") return x.attributes.value as number;
  if (x.operator.name === "broadcast" || x.operator.name === "reshape") return constantValue(x.inputs[0] as Tensor);
  return undefined;
}

/** Whether a tensor is known while tracing to be NaN or infinite everywhere: 0 times that, or its difference from itself, is not 0. */
export function isKnownNonFinite(x: Tensor): boolean {
  const value = constantValue(x);
  return value !== undefined && !Number.isFinite(value);
}

/** A tensor of one value. */
export function full(shape: Shape, value: number): Tensor {
  return filled("full", shape, value);
}

/** A tensor of zeros. */
export function zeros(shape: Shape): Tensor {
  return filled("zeros", shape, 0);
}

/** A tensor of ones. */
export function ones(shape: Shape): Tensor {
  return filled("ones", shape, 1);
}

function filled(operation: string, shape: Shape, value: number): Tensor {
  const extents = requireWholes(`${operation}: shape`, shape, 1);
  return broadcast(constant(requireF32(`${operation}: value`, value)), extents);
}

// ---------------------------------------------------------------- elementwise

interface ElementwiseOptions {
  readonly name: string;
  readonly operation: MicroOp;
  /** The value in f64. */
  compute(...values: number[]): number;
  vjp(index: number, cotangent: Tensor, node: Tensor): Tensor | null;
  /** True where `compute` rounded to f32 is what the core computes, bit for bit, in every engine. */
  readonly exact?: boolean;
  readonly commutative?: boolean;
  readonly piecewiseConstant?: boolean;
  simplify?(inputs: readonly Tensor[]): Tensor | undefined;
}

/** A row for an operator that works element by element on operands of one shape. */
// @__NO_SIDE_EFFECTS__
export function elementwiseOperator(arity: number, options: ElementwiseOptions): Operator<Empty> {
  const { name, compute } = options;
  const operator: Operator<Empty> = {
    name,
    arity,
    piecewiseConstant: options.piecewiseConstant ?? false,
    shape(shapes) {
      const [first] = shapes as [Shape];
      if (shapes.some((shape) => !sameShape(shape, first))) {
        throw new ShapeError(`operands must have one shape, got ${shapes.map(showShape).join(" and ")}`);
      }
      return first;
    },
    vjp: options.vjp,
    lowering: { kind: "elementwise", operation: options.operation },
    compute,
    simplify(inputs, attributes, shape) {
      const [a, b] = inputs as [Tensor, Tensor];
      if (options.commutative && a.id > b.id) return apply(operator, [b, a], attributes);
      return fold(inputs) ?? options.simplify?.(inputs) ?? hoist(inputs, shape);
    },
  };

  function fold(inputs: readonly Tensor[]): Tensor | undefined {
    if (!options.exact || inputs.some((input) => input.operator !== (constantOperator as Operator))) return undefined;
    // What overflows f32 is infinite, as the core computes it.
    return constant(Math.fround(compute(...inputs.map((input) => input.attributes.value as number))));
  }

  /** op(broadcast a, broadcast b) = broadcast op(a, b), where that is smaller. */
  function hoist(inputs: readonly Tensor[], shape: Shape): Tensor | undefined {
    if (inputs.some((input) => input.operator.name !== "broadcast")) return undefined;
    const sources = inputs.map((input) => input.inputs[0] as Tensor);
    const common = sources.reduce<Shape>((all, source) => broadcastShapes(all, source.shape) as Shape, []);
    if (sizeOf(common) === sizeOf(shape)) return undefined;
    const small = apply(
      operator,
      sources.map((source) => broadcast(source, common)),
      none,
    );
    return broadcast(small, shape);
  }

  return operator;
}

/**
 * Applies an elementwise operator after broadcasting its operands to one shape by NumPy's rule.
 * @throws ShapeError when the shapes do not broadcast
 */
export function elementwise(operator: Operator<Empty>, operands: readonly Operand[]): Tensor {
  traceOf(
    operator.name,
    operands.filter((operand) => typeof operand !== "number"),
  );
  const tensors = operands.map((operand) =>
    typeof operand === "number" ? constant(requireF32(`${operator.name}: operand`, operand)) : operand,
  );
  let shape: Shape = [];
  for (const tensor of tensors) {
    const wider = broadcastShapes(shape, tensor.shape);
    if (wider === undefined) {
      const shapes = tensors.map((each) => showShape(each.shape)).join(" and ");
      throw new ShapeError(
        `${operator.name}: shapes ${shapes} do not broadcast: align right, equal or 1 on every axis`,
      );
    }
    shape = wider;
  }
  return apply(
    operator,
    tensors.map((tensor) => broadcast(tensor, shape)),
    none,
  );
}

const negateOperator = elementwiseOperator(1, {
  name: "negate",
  operation: MicroOp.Negate,
  compute: (a = 0) => -a,
  exact: true,
  vjp: (_, g) => negate(g),
  simplify: ([x]) => {
    const [a, b] = (x as Tensor).inputs as [Tensor, Tensor];
    if (x?.operator === negateOperator) return a;
    if (x?.operator === subtractOperator) return subtract(b, a);
    return undefined;
  },
});

const addOperator = elementwiseOperator(2, {
  name: "add",
  operation: MicroOp.Add,
  compute: (a = 0, b = 0) => a + b,
  exact: true,
  commutative: true,
  vjp: (_, g) => g,
  simplify: (inputs) => {
    const [a, b] = inputs as [Tensor, Tensor];
    if (constantValue(a) === 0) return b;
    if (constantValue(b) === 0) return a;
    if (b.operator === negateOperator) return subtract(a, b.inputs[0] as Tensor);
    if (a.operator === negateOperator) return subtract(b, a.inputs[0] as Tensor);
    return undefined;
  },
});

const subtractOperator = elementwiseOperator(2, {
  name: "subtract",
  operation: MicroOp.Subtract,
  compute: (a = 0, b = 0) => a - b,
  exact: true,
  vjp: (index, g) => (index === 0 ? g : negate(g)),
  simplify: (inputs) => {
    const [a, b] = inputs as [Tensor, Tensor];
    if (constantValue(b) === 0) return a;
    if (constantValue(a) === 0) return negate(b);
    if (a === b && !isKnownNonFinite(a)) return zeros(a.shape);
    if (b.operator === negateOperator) return add(a, b.inputs[0] as Tensor);
    return undefined;
  },
});

const multiplyOperator = elementwiseOperator(2, {
  name: "multiply",
  operation: MicroOp.Multiply,
  compute: (a = 0, b = 0) => a * b,
  exact: true,
  commutative: true,
  vjp: (index, g, node) => multiply(g, node.inputs[1 - index] as Tensor),
  simplify: (inputs) => {
    const [a, b] = inputs as [Tensor, Tensor];
    return scaled(a, b) ?? scaled(b, a);
  },
});

const SMALLEST_NORMAL = 2 ** -126;
const LARGEST = 2 ** 128 - 2 ** 104;

/** factor * x where the factor is a known constant and the product is simpler than that. */
function scaled(factor: Tensor, x: Tensor): Tensor | undefined {
  const value = constantValue(factor);
  if (value === undefined) return undefined;
  if (value === 0) return isKnownNonFinite(x) ? undefined : zeros(x.shape);
  if (value === 1) return x;
  if (value === -1) return negate(x);
  if (x.operator === negateOperator) return multiply(x.inputs[0] as Tensor, -value);
  if (x.operator !== multiplyOperator) return undefined;
  const [a, b] = x.inputs as [Tensor, Tensor];
  for (const [known, other] of [
    [constantValue(a), b],
    [constantValue(b), a],
  ] as const) {
    // A product that leaves the range of f32 would lose what the two factors one after the other keep.
    const size = Math.abs((known ?? 0) * value);
    if (known !== undefined && size >= SMALLEST_NORMAL && size <= LARGEST) return multiply(other, known * value);
  }
  return undefined;
}

/** -x */
export function negate(x: Operand): Tensor {
  return elementwise(negateOperator, [x]);
}

/** a + b */
export function add(a: Operand, b: Operand): Tensor {
  return elementwise(addOperator, [a, b]);
}

/** a - b. The difference of a tensor from itself is simplified to 0 while tracing, also where it will hold NaN or infinity. */
export function subtract(a: Operand, b: Operand): Tensor {
  return elementwise(subtractOperator, [a, b]);
}

/** a * b, element by element. A product with the constant 0 is simplified to 0 while tracing, also where the other will hold NaN or infinity. */
export function multiply(a: Operand, b: Operand): Tensor {
  return elementwise(multiplyOperator, [a, b]);
}

// ---------------------------------------------------------------- between shapes

const broadcastOperator: Operator<{ shape: readonly number[] }> = {
  name: "broadcast",
  arity: 1,
  shape([from], { shape }) {
    const result = broadcastShapes(from as Shape, shape);
    if (result === undefined || !sameShape(result, shape)) {
      throw new ShapeError(`${showShape(from as Shape)} does not stretch to ${showShape(shape)}`);
    }
    return shape;
  },
  vjp(_, g, node) {
    const source = node.inputs[0] as Tensor;
    const aligned = alignRight(source.shape, node.rank);
    const stretched = node.shape.flatMap((extent, axis) => (aligned[axis] === 1 && extent !== 1 ? [axis] : []));
    return reshape(sum(g, stretched), source.shape);
  },
  lowering: { kind: "broadcast" },
  simplify([x], attributes, shape) {
    const source = x as Tensor;
    if (sameShape(source.shape, shape)) return source;
    if (source.operator === (broadcastOperator as Operator)) return broadcast(source.inputs[0] as Tensor, shape);
    if (source.operator !== (reshapeOperator as Operator)) return undefined;
    // Ones before the shape say nothing to a rule that aligns right.
    const inner = source.inputs[0] as Tensor;
    const extra = source.rank - inner.rank;
    const leading =
      extra > 0 && source.shape.every((extent, axis) => extent === (axis < extra ? 1 : inner.shape[axis - extra]));
    return leading ? apply(broadcastOperator, [inner], attributes) : undefined;
  },
};

/** Strides with which a tensor of shape `from` is read when stretched to `to`: 0 along stretched axes. */
export function broadcastStrides(from: Shape, to: Shape): { sizes: Shape; strides: number[] } {
  const aligned = alignRight(from, to.length);
  const strides = stridesOf(aligned).map((stride, axis) => (aligned[axis] === 1 ? 0 : stride));
  return { sizes: to, strides };
}

/** Stretches axes of size 1, and puts new axes in front, until `x` has `shape`. */
export function broadcast(x: Tensor, shape: Shape): Tensor {
  return apply(broadcastOperator, [x], { shape: requireWholes("broadcast: shape", shape, 1) });
}

const reshapeOperator: Operator<{ shape: readonly number[] }> = {
  name: "reshape",
  arity: 1,
  shape([from], { shape }) {
    if (sizeOf(from as Shape) !== sizeOf(shape)) {
      throw new ShapeError(
        `${showShape(from as Shape)} has ${sizeOf(from as Shape)} elements, ${showShape(shape)} has ${sizeOf(shape)}`,
      );
    }
    return shape;
  },
  vjp: (_, g, node) => reshape(g, (node.inputs[0] as Tensor).shape),
  lowering: { kind: "alias" },
  simplify([x], _, shape) {
    const source = x as Tensor;
    if (sameShape(source.shape, shape)) return source;
    const value = constantValue(source);
    if (value !== undefined && shape.length > 0) return full(shape, value);
    return source.operator === (reshapeOperator as Operator) ? reshape(source.inputs[0] as Tensor, shape) : undefined;
  },
};

/** The same elements in row-major order under another shape; one extent may be -1 and is computed. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  requireTensors("reshape", x);
  if (
    !Array.isArray(shape) ||
    !shape.every((extent) => extent === -1 || (Number.isSafeInteger(extent) && extent >= 1))
  ) {
    throw wrong("reshape: shape", "a list of whole numbers from 1, or -1 for what is left", shape);
  }
  const known = shape.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  return apply(reshapeOperator, [x], { shape: shape.map((extent) => (extent === -1 ? x.size / known : extent)) });
}

/** Shape rule of a reduction over `axes`. */
export function reducedShape(shape: Shape, axes: readonly number[]): number[] {
  const valid = axes.every(
    (axis, i) => axis >= 0 && axis < shape.length && (i === 0 || axis > (axes[i - 1] as number)),
  );
  if (!valid) throw new ShapeError(`axes ${showShape(axes)} must ascend within the axes of ${showShape(shape)}`);
  return withoutAxes(shape, axes);
}

/** Extents of a reduction over neighbouring axes: [A, B, C] over B. */
function reducedExtents(node: Tensor): [number, number, number] {
  const { shape } = node.inputs[0] as Tensor;
  const axes = node.attributes.axes as readonly number[];
  const first = axes[0] as number;
  const last = axes[axes.length - 1] as number;
  return [sizeOf(shape.slice(0, first)), sizeOf(shape.slice(first, last + 1)), sizeOf(shape.slice(last + 1))];
}

/** Instruction of a reduction over neighbouring axes. */
export function reductionLowering(opcode: Opcode): Lowering {
  return {
    kind: "instructions",
    emit: (node, at) => [{ opcode, fields: [at.inputs[0] as number, at.output, ...reducedExtents(node)] }],
    ...(opcode === Opcode.Sum ? { sum: reducedExtents } : {}),
  };
}

/** Splits a reduction over scattered axes into reductions over neighbouring ones, and drops axes of size 1. */
export function splitReduction(
  x: Tensor,
  axes: readonly number[],
  reduce: (x: Tensor, axes: readonly number[]) => Tensor,
): Tensor | undefined {
  const shape = withoutAxes(x.shape, axes);
  if (axes.length === 0) return x;
  if (axes.every((axis) => x.shape[axis] === 1)) return reshape(x, shape);
  const gap = axes.findLastIndex((axis, i) => i > 0 && axis !== (axes[i - 1] as number) + 1);
  if (gap === -1) return undefined;
  return reduce(reduce(x, axes.slice(gap)), axes.slice(0, gap));
}

const sumOperator: Operator<{ axes: readonly number[] }> = {
  name: "sum",
  arity: 1,
  shape: ([shape], { axes }) => reducedShape(shape as Shape, axes),
  vjp: (_, g, node, { axes }) => unreduce(g, (node.inputs[0] as Tensor).shape, axes),
  lowering: reductionLowering(Opcode.Sum),
  simplify([x], { axes }) {
    const source = x as Tensor;
    return splitReduction(source, axes, sum) ?? sumOfBroadcast(source, axes) ?? sumOfProduct(source, axes);
  },
};

/** sum(broadcast x) = sum(x) times the number of copies. */
function sumOfBroadcast(x: Tensor, axes: readonly number[]): Tensor | undefined {
  if (x.operator !== (broadcastOperator as Operator)) return undefined;
  const source = x.inputs[0] as Tensor;
  const aligned = alignRight(source.shape, x.rank);
  const copied = axes.filter((axis) => aligned[axis] === 1);
  if (copied.length === 0) return undefined;
  const copies = copied.reduce((product, axis) => product * (x.shape[axis] as number), 1);
  const summed = sum(reshape(source, aligned), axes);
  return broadcast(multiply(summed, copies), withoutAxes(x.shape, axes));
}

/** sum(-x) = -sum(x), and sum(x * c) = sum(x) * c where c does not vary along the axes. */
function sumOfProduct(x: Tensor, axes: readonly number[]): Tensor | undefined {
  if (x.operator === negateOperator) return negate(sum(x.inputs[0] as Tensor, axes));
  if (x.operator !== multiplyOperator) return undefined;
  const [a, b] = x.inputs as [Tensor, Tensor];
  for (const [factor, other] of [
    [a, b],
    [b, a],
  ] as const) {
    if (factor.operator !== (broadcastOperator as Operator)) continue;
    const source = factor.inputs[0] as Tensor;
    const aligned = alignRight(source.shape, x.rank);
    if (axes.some((axis) => aligned[axis] !== 1 && x.shape[axis] !== 1)) continue;
    return multiply(sum(other, axes), reshape(source, withoutAxes(aligned, axes)));
  }
  return undefined;
}

/** Puts the reduced axes back with size 1 and stretches them to `shape`: the adjoint of a sum. */
export function unreduce(x: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  return broadcast(reshape(x, kept), shape);
}

/** Sum over `axes` (all by default), which disappear from the shape; `keepAxes` leaves them with size 1. */
export function sum(x: Tensor, axes?: number | readonly number[], options: ReductionOptions = {}): Tensor {
  const normal = reductionAxes("sum", x, axes, options);
  const result = apply(sumOperator, [x], { axes: normal });
  return options.keepAxes
    ? reshape(
        result,
        x.shape.map((n, axis) => (normal.includes(axis) ? 1 : n)),
      )
    : result;
}

export const algebraOperators = [
  negateOperator,
  addOperator,
  subtractOperator,
  multiplyOperator,
  broadcastOperator,
  reshapeOperator,
  sumOperator,
];
