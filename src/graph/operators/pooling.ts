/**
 * Pooling. The maximum is split into finding the winners (piecewise constant) and reading them, whose adjoint scatters:
 * gather and scatter differentiate into one another, and so do the average and its gradient.
 */
import { Opcode } from "../../../assembly/opcodes.ts";
import { requireOptions } from "../../arguments.ts";
import { OptionError, ShapeError } from "../../errors.ts";
import type { Array64, Lowering, Operator, Sample } from "../operator.ts";
import { type Shape, showShape, sizeOf } from "../shape.ts";
import { apply, requireTensors, type Tensor } from "../tensor.ts";
import {
  forEachTap,
  fourAxes,
  outputExtents,
  requirePair,
  type WindowAttributes,
  type WindowOptions,
  windowAttributes,
} from "./window.ts";

/** `image`: [H, W] of the large side; `kernel`: [KH, KW]. */
type PoolAttributes = WindowAttributes & { image: readonly number[]; kernel: readonly number[] };

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

/** Visits (large element, tap, small element) as flat indices. */
function forEachElement(
  shape: Shape,
  attributes: PoolAttributes,
  visit: (large: number, tap: number, small: number) => void,
) {
  const [N, , , C] = shape as [number, number, number, number];
  const output = outputExtents(attributes.image, attributes.kernel, attributes);
  forEachTap([N, ...attributes.image], attributes.kernel, output, attributes, (pixel, tap, position) => {
    for (let c = 0; c < C; c++) visit(pixel * C + c, tap, position * C + c);
  });
}

// @__NO_SIDE_EFFECTS__
function row(
  name: string,
  opcode: Opcode,
  from: "large" | "small",
  definition: Pick<Operator<PoolAttributes>, "vjp" | "reference"> & {
    winners?: boolean;
    piecewiseConstant?: boolean;
    to?: "large" | "small";
  },
): Operator<PoolAttributes> {
  const {
    winners = false,
    vjp,
    reference,
    piecewiseConstant = false,
    to = from === "large" ? "small" : "large",
  } = definition;
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
    reference,
    samples: (width) => samplesOf(width, from, winners, piecewiseConstant),
  };
}

function samplesOf(width: number, from: "large" | "small", winners: boolean, kinks: boolean): Sample<PoolAttributes>[] {
  const cases: PoolAttributes[] = [
    { image: [4, 4], kernel: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] },
    { image: [5, 6], kernel: [3, 2], stride: [2, 1], pad: [0, 0, 0, 0] },
  ];
  // A random winner could point into padding, which holds no element.
  if (!winners) cases.push({ image: [5, 5], kernel: [3, 3], stride: [2, 2], pad: [1, 1, 1, 1] });
  return cases.map((attributes) => {
    const large = [2, ...attributes.image, width];
    const small = smallShape(large, attributes);
    const first = from === "large" ? large : small;
    return {
      shapes: winners ? [first, small] : [first],
      attributes,
      domains: winners ? (["any", { indicesBelow: sizeOf(attributes.kernel) }] as const) : [kinks ? "distinct" : "any"],
    };
  });
}

const winnersOperator = row("maxPoolWinners", Opcode.MaxPoolWinners, "large", {
  piecewiseConstant: true,
  vjp: () => null,
  reference([x], attributes, shape) {
    const best = new Map<number, number>();
    const result = new Float64Array(sizeOf(shape));
    forEachElement((x as Array64).shape, attributes, (large, tap, small) => {
      const value = (x as Array64).data[large] as number;
      const leader = best.get(small);
      // A NaN wins, and the first one stays.
      if (leader !== undefined && (value <= leader || Number.isNaN(leader))) return;
      best.set(small, value);
      result[small] = tap;
    });
    return result;
  },
});

const gatherOperator = row("poolGather", Opcode.PoolGather, "large", {
  winners: true,
  vjp: (index, g, node, attributes) =>
    index === 0 ? apply(scatterOperator, [g, node.inputs[1] as Tensor], attributes) : null,
  reference([x, winners], attributes, shape) {
    // A winner that points into the padding reads nothing.
    const result = new Float64Array(sizeOf(shape)).fill(Number.NaN);
    forEachElement((x as Array64).shape, attributes, (large, tap, small) => {
      if (winners?.data[small] === tap) result[small] = (x as Array64).data[large] as number;
    });
    return result;
  },
});

const scatterOperator = row("poolScatter", Opcode.PoolScatter, "small", {
  winners: true,
  vjp: (index, g, node, attributes) =>
    index === 0 ? apply(gatherOperator, [g, node.inputs[1] as Tensor], attributes) : null,
  reference([y, winners], attributes, shape) {
    const result = new Float64Array(sizeOf(shape));
    forEachElement(shape, attributes, (large, tap, small) => {
      if (winners?.data[small] === tap)
        result[large] = (result[large] as number) + ((y as Array64).data[small] as number);
    });
    return result;
  },
});

const averageOperator = row("averagePool", Opcode.AveragePool, "large", {
  vjp: (_, g, __, attributes) => apply(averageGradOperator, [g], attributes),
  reference([x], attributes, shape) {
    const result = new Float64Array(sizeOf(shape));
    const share = 1 / sizeOf(attributes.kernel);
    forEachElement((x as Array64).shape, attributes, (large, _, small) => {
      result[small] = (result[small] as number) + ((x as Array64).data[large] as number) * share;
    });
    return result;
  },
});

const averageGradOperator = row("averagePoolGrad", Opcode.AveragePoolGrad, "small", {
  vjp: (_, g, __, attributes) => apply(averageOperator, [g], attributes),
  reference([y], attributes, shape) {
    const result = new Float64Array(sizeOf(shape));
    const share = 1 / sizeOf(attributes.kernel);
    forEachElement(shape, attributes, (large, _, small) => {
      result[large] = (result[large] as number) + ((y as Array64).data[small] as number) * share;
    });
    return result;
  },
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
