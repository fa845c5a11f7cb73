/** Where one step of an unrolled loop ends and the next begins. */
import type { Operator } from "../operator.ts";
import type { Shape } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";
import { constantValue } from "./algebra.ts";

const boundaryOperator: Operator<Record<string, never>> = {
  name: "boundary",
  arity: 1,
  shape: ([shape]) => shape as Shape,
  vjp: (_, g) => g,
  lowering: { kind: "alias" },
  simplify: ([x]) => (constantValue(x as Tensor) !== undefined ? x : undefined),
};

/**
 * x, marked as what one step of an unrolled loop hands to the next. The value and its derivatives are x's; a compiler that
 * bounds memory keeps it, and computes what lies between two boundaries anew where the derivative of the loop needs it.
 */
export function boundary(x: Tensor): Tensor {
  return apply(boundaryOperator, [x], {});
}

/** Whether a node is a `boundary`. */
export function isBoundary({ operator }: Tensor): boolean {
  return operator === (boundaryOperator as Operator);
}

export const boundaryOperators = [boundaryOperator];
