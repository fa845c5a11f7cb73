import { requireF32Numbers, requireWholes, wrong } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import type { Operator } from "../operator.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";

/** A named operand of the traced function. */
export const inputOperator: Operator<{ name: string; shape: readonly number[] }> = {
  name: "input",
  arity: 0,
  shape: (_, { shape }) => shape,
  vjp: () => null,
  lowering: { kind: "source" },
};

/** A scalar that is part of the program. */
export const constantOperator: Operator<{ value: number }> = {
  name: "constant",
  arity: 0,
  shape: () => [],
  vjp: () => null,
  lowering: { kind: "source" },
};

/** An array that is part of the program. */
export const literalOperator: Operator<{ data: Float32Array; shape: readonly number[] }> = {
  name: "literal",
  arity: 0,
  shape: (_, { data, shape }) => {
    if (data.length !== sizeOf(shape)) throw new ShapeError(`${data.length} numbers do not fill ${shape.join("x")}`);
    return shape;
  },
  vjp: () => null,
  lowering: { kind: "source" },
};

/** Declares an input; `trace` calls it. */
export function input(name: string, shape: Shape): Tensor {
  return apply(inputOperator, [], { name, shape });
}

/**
 * A scalar constant, rounded to f32.
 * @throws OptionError for what is not a number, or a finite one that f32 cannot hold
 */
export function constant(value: number): Tensor {
  return apply(constantOperator, [], { value: requireF32("constant: value", value) });
}

/** The value rounded to f32. Infinities and NaN are kept: masks use them. @throws OptionError as `constant` does */
export function requireF32(what: string, value: unknown): number {
  if (typeof value !== "number") throw wrong(what, "a number", value);
  const rounded = Math.fround(value);
  if (Number.isFinite(value) && !Number.isFinite(rounded)) throw wrong(what, "a number that f32 can hold", value);
  return rounded;
}

/**
 * An array that becomes part of the program; `data` is row-major and is copied.
 * @throws OptionError for what is not numbers that f32 can hold
 */
export function literal(data: ArrayLike<number>, shape?: Shape): Tensor {
  const values = Float32Array.from(requireF32Numbers("literal: data", data));
  const extents = shape === undefined ? [values.length] : requireWholes("literal: shape", shape, 1);
  return apply(literalOperator, [], { data: values, shape: extents });
}
