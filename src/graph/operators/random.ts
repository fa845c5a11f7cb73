/** Random numbers as a function of a key: the same key and stream always give the same numbers. */
import { Opcode } from "../../../assembly/opcodes.ts";
import { requireWhole, requireWholes } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import { type Key, requireKey } from "../../random.ts";
import type { Operator } from "../operator.ts";
import { type Shape, showShape } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";

/** Numbers that carry a key through an f32 array exactly: the high and low halves of its two words. */
export const KEY_SHAPE: Shape = [4];

/** A key as the four numbers of `KEY_SHAPE`. */
export function keyToArray(key: Key): Float32Array {
  requireKey("keyToArray", key);
  const [high, low] = key;
  return Float32Array.of(high >>> 16, high & 0xffff, low >>> 16, low & 0xffff);
}

type RandomAttributes = { shape: readonly number[]; stream: number };

// @__NO_SIDE_EFFECTS__
function randomOperator(name: string, opcode: Opcode): Operator<RandomAttributes> {
  return {
    name,
    arity: 1,
    piecewiseConstant: true,
    shape([key], { shape }) {
      if (showShape(key as Shape) !== showShape(KEY_SHAPE)) {
        throw new ShapeError(`the key must be ${showShape(KEY_SHAPE)}, got ${showShape(key as Shape)}`);
      }
      return shape;
    },
    vjp: () => null,
    lowering: {
      kind: "instructions",
      emit: (node, at) => [
        { opcode, fields: [at.inputs[0] as number, at.output, node.size, node.attributes.stream as number] },
      ],
    },
  };
}

const uniformOperator = randomOperator("randomUniform", Opcode.RandomUniform);

// Box and Muller 1958: two normals from two uniforms.
const normalOperator = randomOperator("randomNormal", Opcode.RandomNormal);

/** Uniform numbers in [0, 1). `stream` tells apart draws under one key. */
export function randomUniform(key: Tensor, shape: Shape, stream = 0): Tensor {
  return random(uniformOperator, key, shape, stream);
}

/** Standard normal numbers. `stream` tells apart draws under one key. */
export function randomNormal(key: Tensor, shape: Shape, stream = 0): Tensor {
  return random(normalOperator, key, shape, stream);
}

function random(operator: Operator<RandomAttributes>, key: Tensor, shape: Shape, stream: number): Tensor {
  const extents = requireWholes(`${operator.name}: shape`, shape, 1);
  return apply(operator, [key], {
    shape: extents,
    stream: requireWhole(`${operator.name}: stream`, stream, 0, 2 ** 31 - 1),
  });
}

export const randomOperators = [uniformOperator, normalOperator];
