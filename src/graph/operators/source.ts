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
  reference: () => {
    throw new ShapeError("an input has no value of its own");
  },
  samples: () => [],
};

/** A scalar that is part of the program. */
export const constantOperator: Operator<{ value: number }> = {
  name: "constant",
  arity: 0,
  shape: () => [],
  vjp: () => null,
  lowering: { kind: "source" },
  reference: (_, { value }) => Float64Array.of(value),
  samples: () => [{ shapes: [], attributes: { value: 1.5 } }],
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
  reference: (_, { data }) => Float64Array.from(data),
  samples: (width) => [
    { shapes: [], attributes: { data: Float32Array.from({ length: width }, (_, i) => i / 3), shape: [width] } },
  ],
};

/** Declares an input; `trace` calls it. */
export function input(name: string, shape: Shape): Tensor {
  return apply(inputOperator, [], { name, shape });
}

/** A scalar constant, rounded to f32. */
export function constant(value: number): Tensor {
  return apply(constantOperator, [], { value: Math.fround(value) });
}

/** An array that becomes part of the program; `data` is row-major and is copied. */
export function literal(data: ArrayLike<number>, shape: Shape = [data.length]): Tensor {
  return apply(literalOperator, [], { data: Float32Array.from(data), shape });
}
