import type { MicroOp, Opcode } from "../../assembly/opcodes.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What an operator knows besides its operands. Part of a node's identity. */
export type Attributes = Readonly<Record<string, number | boolean | string | readonly number[] | Float32Array>>;

/** An array of the reference interpreter. */
export interface Array64 {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** One instruction of the core: its opcode and the fields of the enum that belongs to it. */
export interface Instruction {
  readonly opcode: Opcode;
  readonly fields: readonly number[];
}

/** Byte addresses that the memory plan gave to one node. */
export interface Placement {
  readonly inputs: readonly number[];
  readonly output: number;
  readonly scratch: number;
}

/** How an operator becomes instructions. */
export type Lowering =
  /** Has its value before the program runs: inputs and constants. */
  | { readonly kind: "source" }
  /** The same elements in the same order: shares its operand's buffer. */
  | { readonly kind: "alias" }
  /** Stretched axes: read through by elementwise consumers, copied for others. */
  | { readonly kind: "broadcast" }
  /** One micro-operation of a fused block. */
  | { readonly kind: "elementwise"; readonly operation: MicroOp }
  | {
      readonly kind: "instructions";
      emit(node: Tensor, at: Placement): Instruction[];
      /** Bytes of scratch that the instructions need while they run. */
      scratchBytes?(node: Tensor): number;
      /** Where the result is the sum over the middle axis of the operand seen as three: their extents. A block may take it along. */
      sum?(node: Tensor): readonly [outer: number, rows: number, columns: number];
    };

/** Which values an operand is tested with. */
export type Domain =
  | "any"
  | "positive"
  /** Far enough apart that a finite difference crosses no kink. */
  | "distinct"
  /** Away from zero. */
  | "nonzero"
  /** Symmetric positive definite matrices [..., n, n], well conditioned. */
  | "definite"
  | "key"
  | { readonly indicesBelow: number };

/** Operands that exercise an operator: the tests run every row on its samples. */
export interface Sample<A extends Attributes> {
  readonly shapes: readonly Shape[];
  readonly attributes: A;
  /** One a shape; "any" where it is missing. */
  readonly domains?: readonly Domain[];
}

/**
 * One row of the operator table: all that the library knows of an operator besides its kernel.
 * Gradient, planner, printer, interpreter and tests read the row.
 */
export interface Operator<A extends Attributes = Attributes> {
  readonly name: string;
  /** Number of operands; -1 for any number of at least one. */
  readonly arity: number;
  /** True where the derivative is zero almost everywhere, so that none is built. */
  readonly piecewiseConstant?: boolean;
  /** The shape of the result; throws ShapeError, without the operator's name, when the operands do not fit. */
  shape(inputs: readonly Shape[], attributes: A): Shape;
  /** Vector-Jacobian product: the cotangent of operand `index`, given that of the result, or null where none flows. */
  vjp(index: number, cotangent: Tensor, node: Tensor, attributes: A): Tensor | null;
  readonly lowering: Lowering;
  /** The result in f64, row-major; the plainest loops that say what the operator means. */
  reference(inputs: readonly Array64[], attributes: A, shape: Shape): Float64Array;
  /** Samples whose free extents are near `width`, a multiple of the SIMD width or not. */
  samples(width: number): readonly Sample<A>[];
  /** A simpler tensor with the same value, if there is one; tried before a node is made. */
  simplify?(inputs: readonly Tensor[], attributes: A, shape: Shape): Tensor | undefined;
}
