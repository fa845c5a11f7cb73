import type { MicroOp, Opcode } from "../../assembly/opcodes.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What an operator knows besides its operands. Part of a node's identity. */
export type Attributes = Readonly<Record<string, number | boolean | string | readonly number[] | Float32Array>>;

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

/**
 * One row of the operator table: all that the library computes with besides the kernel. What it means in f64 is in `references/`.
 * Gradient, planner, printer and tests read the row.
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
  /** One element of the result in f64, where the operator works element by element. What others compute is in `references/`. */
  compute?(...values: number[]): number;
  /** A simpler tensor with the same value, if there is one; tried before a node is made. */
  simplify?(inputs: readonly Tensor[], attributes: A, shape: Shape): Tensor | undefined;
}
