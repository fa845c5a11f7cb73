/**
 * Pooling. The maximum is split into finding the winners (piecewise constant) and reading them, whose adjoint scatters:
 * gather and scatter differentiate into one another, and so do the average and its gradient.
 */
import { Opcode } from "../../../assembly/opcodes.ts";
import { requireOptions } from "../../arguments.ts";
import { OptionError, ShapeError } from "../../errors.ts";
import type { Lowering, Operator } from "../operator.ts";
import { type Shape, showShape } from "../shape.ts";
import { apply, requireTensors, type Tensor } from "../tensor.ts";
import {
  fourAxes,
  outputExtents,
  requirePair,
  type WindowAttributes,
  type WindowOptions,
  windowAttributes,
} from "./window.ts";

/** `image`: [H, W] of the large side; `kernel`: [KH, KW]. */
export type PoolAttributes = WindowAttributes & { image: readonly number[]; kernel: readonly number[] };

function smallShape([N, , , C]: Shape, attributes: PoolAttributes): number[] {
  return [N as number, ...outputExtents(attributes.image, attributes.kernel, attributes), C as number];
}

function largeShape([N, , , C]: Shape, { image }: PoolAttributes): number[] {
  return [N as number, ...image, C as number];
}

function poolLowering(opcode: Opcode): Lowering {
  return {
    kind: "instructions",
    emit(node, at) {
      const attributes = node.attributes as PoolAttributes;
      const { image, kernel, stride, pad } = attributes;
      const [a, b = 0] = at.inputs as [number, number?];
      const [N, , , C] = (node.inputs[0] as Tensor).shape as [number, number, number, number];
      const output = outputExtents(image, kernel, attributes);
      const extents = [N, ...image, C, ...kernel, ...output, ...stride, pad[0] as number, pad[2] as number];
      return [{ opcode, fields: [a, b, at.output, ...extents] }];
    },
  };
}

// @__NO_SIDE_EFFECTS__
function row(
  name: string,
  opcode: Opcode,
  from: "large" | "small",
  definition: Pick<Operator<PoolAttributes>, "vjp"> & {
    winners?: boolean;
    piecewiseConstant?: boolean;
    to?: "large" | "small";
  },
): Operator<PoolAttributes> {
  const { winners = false, vjp, piecewiseConstant = false, to = from === "large" ? "small" : "large" } = definition;
  return {
    name,
    arity: winners ? 2 : 1,
    piecewiseConstant,
    shape([a, b], attributes) {
      const shape = fourAxes(a as Shape, "the operand");
      const expected = (from === "large" ? largeShape : smallShape)(shape, attributes);
      if (showShape(expected) !== showShape(shape)) {
        throw new ShapeError(`the operand must be ${showShape(expected)}, got ${showShape(shape)}`);
      }
      if (winners && showShape(b as Shape) !== showShape(smallShape(shape, attributes))) {
        throw new ShapeError(
          `winners must be ${showShape(smallShape(shape, attributes))}, got ${showShape(b as Shape)}`,
        );
      }
      return (to === "large" ? largeShape : smallShape)(shape, attributes);
    },
    vjp,
    lowering: poolLowering(opcode),
  };
}

const winnersOperator = row("maxPoolWinners", Opcode.MaxPoolWinners, "large", {
  piecewiseConstant: true,
  vjp: () => null,
});

const gatherOperator = row("poolGather", Opcode.PoolGather, "large", {
  winners: true,
  vjp: (index, g, node, attributes) =>
    index === 0 ? apply(scatterOperator, [g, node.inputs[1] as Tensor], attributes) : null,
});

const scatterOperator = row("poolScatter", Opcode.PoolScatter, "small", {
  winners: true,
  vjp: (index, g, node, attributes) =>
    index === 0 ? apply(gatherOperator, [g, node.inputs[1] as Tensor], attributes) : null,
});

const averageOperator = row("averagePool", Opcode.AveragePool, "large", {
  vjp: (_, g, __, attributes) => apply(averageGradOperator, [g], attributes),
});

const averageGradOperator = row("averagePoolGrad", Opcode.AveragePoolGrad, "small", {
  vjp: (_, g, __, attributes) => apply(averageOperator, [g], attributes),
});

export interface PoolOptions extends WindowOptions {
  /** Window's rows and columns; the stride unless one is given. */
  readonly size: number | readonly [number, number];
}

function poolAttributes(name: string, x: Tensor, options: PoolOptions): PoolAttributes {
  requireTensors(name, x);
  requireOptions(name, options, ["size", "stride", "pad"]);
  const { size, stride = size, pad = 0 } = options;
  if (x.rank !== 4) throw new ShapeError(`${name}: x must be [N,H,W,C], got ${showShape(x.shape)}`);
  const image = x.shape.slice(1, 3) as [number, number];
  const kernel = requirePair(`${name}: size`, size);
  return { ...windowAttributes(name, image, kernel, { stride, pad }), image, kernel };
}

/** Maximum over windows of x [N,H,W,C]; padding never wins; among equals the first counts, in the derivative too. */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  const attributes = poolAttributes("maxPool", x, options);
  const { kernel, pad } = attributes;
  if (pad.some((each, side) => each >= (kernel[side >> 1] as number))) {
    throw new OptionError(
      `maxPool: pad must be less than the size, or a window holds nothing but padding; got pad ${showShape(pad)}, size ${showShape(kernel)}`,
    );
  }
  return apply(gatherOperator, [x, apply(winnersOperator, [x], attributes)], attributes);
}

/** Mean over windows of x [N,H,W,C], padding counted as zeros. */
export function averagePool(x: Tensor, options: PoolOptions): Tensor {
  return apply(averageOperator, [x], poolAttributes("averagePool", x, options));
}

export const poolingOperators = [
  winnersOperator,
  gatherOperator,
  scatterOperator,
  averageOperator,
  averageGradOperator,
];
