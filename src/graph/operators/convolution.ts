/**
 * Convolution (cross-correlation) and its two gradients. The three are bilinear and differentiate into one another:
 * the family is closed. Layouts: x [N,H,W,C], w [KH,KW,C,O], y [N,HO,WO,O].
 */
import { Opcode, Tile } from "../../../assembly/opcodes.ts";
import { requireOptions } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import type { Lowering, Operator } from "../operator.ts";
import { type Shape, showShape, sizeOf } from "../shape.ts";
import { apply, requireTensors, type Tensor } from "../tensor.ts";
import { fourAxes, outputExtents, type WindowAttributes, type WindowOptions, windowAttributes } from "./window.ts";

/** `image`: [H, W] of x; `kernel`: [KH, KW]. Both are known even where x or w is the result. */
export type ConvAttributes = WindowAttributes & { image: readonly number[]; kernel: readonly number[] };

export type Role = "x" | "w" | "y";

/** Shape letters of one convolution, from any two of its three tensors. */
interface Extents {
  readonly N: number;
  readonly C: number;
  readonly O: number;
  readonly output: readonly [number, number];
}

export function convExtents(tensors: Partial<Record<Role, Shape>>, attributes: ConvAttributes): Extents {
  const { x, w, y } = tensors;
  const output = outputExtents(attributes.image, attributes.kernel, attributes);
  const [N, C] = x ? [x[0], x[3]] : [y?.[0], w?.[2]];
  const O = y ? y[3] : w?.[3];
  return { N: N as number, C: C as number, O: O as number, output };
}

/** Shapes of the three tensors. */
export function convShapes({ N, C, O, output }: Extents, { image, kernel }: ConvAttributes): Record<Role, number[]> {
  return { x: [N, ...image, C], w: [...kernel, C, O], y: [N, ...output, O] };
}

/** The convolution's scratch, as `ConvField.scratch` states it. */
function scratchBytes({ C, O, output }: Extents, { kernel, stride }: ConvAttributes): number {
  const taps = sizeOf(kernel);
  const K = taps * C;
  const up = (n: number) => Math.ceil(n / Tile.Columns) * Tile.Columns;
  const patches = Tile.Patches * (up(K) + up(O));
  const pixels = Tile.Pixels * (C + Tile.PixelGap + up(O));
  const reach = output.map((count, axis) => (count - 1) * (stride[axis] as number) + (kernel[axis] as number));
  const image = (kernel[1] as number) * C < Tile.Line ? sizeOf(reach) * C + 4 : 0;
  const direct = Math.max(up(O) * K, taps * up(C) * O) + Math.max(patches, pixels) + image;
  const squares = kernel.every((size) => size === 3) && stride.every((step) => step === 1);
  if (!squares || up(C) !== C || up(O) !== O) return 4 * direct;
  return 4 * Math.max(direct, 16 * (C * O + Tile.Squares * (C + O)));
}

/** A row of the family: computes `result` from the other two, in the order x, w, y. */
// @__NO_SIDE_EFFECTS__
function member(name: string, opcode: Opcode, result: Role): Operator<ConvAttributes> {
  const operands = (["x", "w", "y"] as const).filter((role) => role !== result) as [Role, Role];
  const byRole = (shapes: readonly Shape[]) => ({ [operands[0]]: shapes[0], [operands[1]]: shapes[1] });
  const lowering: Lowering = {
    kind: "instructions",
    emit(node, at) {
      const attributes = node.attributes as ConvAttributes;
      const { N, C, O, output } = convExtents(byRole(node.inputs.map((input) => input.shape)), attributes);
      const { image, kernel, stride, pad } = attributes;
      // The core takes (dy, w) for the input gradient and (x, dy) for the weight gradient.
      const addresses = result === "x" ? [at.inputs[1] as number, at.inputs[0] as number] : at.inputs;
      const extents = [N, ...image, C, ...kernel, O, ...output, ...stride, pad[0] as number, pad[2] as number];
      return [{ opcode, fields: [...addresses, at.output, ...extents, at.scratch] }];
    },
    scratchBytes: (node) => {
      const attributes = node.attributes as ConvAttributes;
      return scratchBytes(convExtents(byRole(node.inputs.map((input) => input.shape)), attributes), attributes);
    },
  };
  return {
    name,
    arity: 2,
    shape(shapes, attributes) {
      for (const [i, role] of operands.entries()) fourAxes(shapes[i] as Shape, role);
      const given = byRole(shapes);
      const expected = convShapes(convExtents(given, attributes), attributes);
      checkChannels(given);
      for (const role of operands) {
        const shape = given[role] as Shape;
        if (showShape(shape) !== showShape(expected[role])) {
          throw new ShapeError(`${role} must be ${showShape(expected[role])}, got ${showShape(shape)}`);
        }
      }
      return expected[result];
    },
    vjp(index, g, node, attributes) {
      const other = node.inputs[1 - index] as Tensor;
      const target = operands[index] as Role;
      const values = { [result]: g, [operands[1 - index] as Role]: other } as Record<Role, Tensor>;
      return convolve(target, values, attributes);
    },
    lowering,
  };
}

function checkChannels({ x, w }: Partial<Record<Role, Shape>>): void {
  if (x && w && x[3] !== w[2]) {
    throw new ShapeError(`input has ${x[3]} channels, kernel expects ${w[2]} (x ${showShape(x)}, w ${showShape(w)})`);
  }
}

const family: Record<Role, Operator<ConvAttributes>> = {
  y: member("conv2d", Opcode.Conv2d, "y"),
  x: member("conv2dInputGrad", Opcode.Conv2dInputGrad, "x"),
  w: member("conv2dWeightGrad", Opcode.Conv2dWeightGrad, "w"),
};

/** The member of the family that computes `role` from the other two. */
function convolve(role: Role, values: Record<Role, Tensor>, attributes: ConvAttributes): Tensor {
  const operands = (["x", "w", "y"] as const).filter((each) => each !== role).map((each) => values[each]);
  return apply(family[role], operands, attributes);
}

/**
 * 2-D convolution: y[n,i,j,o] = sum over kh, kw, c of x[n, i*stride + kh - top, j*stride + kw - left, c] * w[kh,kw,c,o].
 * @param x [N,H,W,C]
 * @param w [KH,KW,C,O]
 * @throws ShapeError when channels differ or the kernel does not fit
 */
export function conv2d(x: Tensor, w: Tensor, options: WindowOptions = {}): Tensor {
  requireTensors("conv2d", x, w);
  requireOptions("conv2d", options, ["stride", "pad"]);
  if (x.rank !== 4 || w.rank !== 4) {
    throw new ShapeError(`conv2d: x and w must have 4 axes, got x ${showShape(x.shape)}, w ${showShape(w.shape)}`);
  }
  const image = x.shape.slice(1, 3) as [number, number];
  const kernel = w.shape.slice(0, 2) as [number, number];
  return apply(family.y, [x, w], { ...windowAttributes("conv2d", image, kernel, options), image, kernel });
}

export const convolutionOperators = /* @__PURE__ */ Object.values(family);
