/** Reductions beyond the sum, and the row-wise functions of classification. */
import { Opcode } from "../../../assembly/opcodes.ts";
import { ShapeError } from "../../errors.ts";
import type { Lowering, Operator } from "../operator.ts";
import type { Shape } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";
import {
  multiply,
  reducedShape,
  reductionLowering,
  reshape,
  splitReduction,
  subtract,
  sum,
  unreduce,
} from "./algebra.ts";
import { type ReductionOptions, reductionAxes } from "./axes.ts";
import { divide, equal, exp } from "./elementwise.ts";
import { transpose } from "./movement.ts";

const maxOperator: Operator<{ axes: readonly number[] }> = {
  name: "max",
  arity: 1,
  shape: ([shape], { axes }) => reducedShape(shape as Shape, axes),
  vjp(_, g, node, { axes }) {
    // Equal maxima share the cotangent.
    const x = node.inputs[0] as Tensor;
    const winners = equal(x, unreduce(node, x.shape, axes));
    return multiply(winners, unreduce(divide(g, sum(winners, axes)), x.shape, axes));
  },
  lowering: reductionLowering(Opcode.Max),
  simplify: ([x], { axes }) =>
    isScattered(axes) ? maxOfScattered(x as Tensor, axes) : splitReduction(x as Tensor, axes, max),
};

function isScattered(axes: readonly number[]): boolean {
  return axes.some((axis, i) => i > 0 && axis !== (axes[i - 1] as number) + 1);
}

/** The axes are brought together first: maxima of maxima would share a tie by groups, not evenly. */
function maxOfScattered(x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  return max(
    transpose(x, [...kept, ...axes]),
    axes.map((_, i) => kept.length + i),
  );
}

/**
 * Maximum over `axes` (all by default), which disappear from the shape; `keepAxes` leaves them with size 1. All elements that tie for
 * it share the derivative evenly.
 */
export function max(x: Tensor, axes?: number | readonly number[], options: ReductionOptions = {}): Tensor {
  const normal = reductionAxes("max", x, axes, options);
  const result = apply(maxOperator, [x], { axes: normal });
  return options.keepAxes
    ? reshape(
        result,
        x.shape.map((n, axis) => (normal.includes(axis) ? 1 : n)),
      )
    : result;
}

/** Mean over `axes` (all by default), which disappear from the shape; `keepAxes` leaves them with size 1. */
export function mean(x: Tensor, axes?: number | readonly number[], options: ReductionOptions = {}): Tensor {
  const total = sum(x, reductionAxes("mean", x, axes, options), options);
  return multiply(total, total.size / x.size);
}

// ---------------------------------------------------------------- over the last axis

type Empty = Record<string, never>;

function rowLowering(opcode: Opcode): Lowering {
  return {
    kind: "instructions",
    emit(node, at) {
      const x = node.inputs[0] as Tensor;
      const columns = x.shape[x.rank - 1] as number;
      return [{ opcode, fields: [at.inputs[0] as number, at.output, x.size / columns, columns] }];
    },
  };
}

/** A row for a function of each row of [..., C]. */
// @__NO_SIDE_EFFECTS__
function rowOperator(
  name: string,
  opcode: Opcode,
  definition: {
    scalar?: boolean;
    vjp(g: Tensor, y: Tensor, x: Tensor): Tensor;
  },
): Operator<Empty> {
  return {
    name,
    arity: 1,
    shape([shape]) {
      const from = shape as Shape;
      if (from.length === 0) throw new ShapeError("the operand must have an axis, got a scalar");
      return definition.scalar ? from.slice(0, -1) : from;
    },
    vjp: (_, g, node) => definition.vjp(g, node, node.inputs[0] as Tensor),
    lowering: rowLowering(opcode),
  };
}

const last = (x: Tensor): readonly number[] => [x.rank - 1];

const softmaxOperator = rowOperator("softmax", Opcode.Softmax, {
  vjp: (g, y) => multiply(y, subtract(g, unreduce(sum(multiply(g, y), -1), y.shape, last(y)))),
});

const logSoftmaxOperator = rowOperator("logSoftmax", Opcode.LogSoftmax, {
  vjp: (g, y, x) => subtract(g, multiply(softmax(x), unreduce(sum(g, -1), y.shape, last(y)))),
});

const logSumExpOperator = rowOperator("logSumExp", Opcode.LogSumExp, {
  scalar: true,
  vjp: (g, y, x) => multiply(unreduce(g, x.shape, last(x)), exp(subtract(x, unreduce(y, x.shape, last(x))))),
});

/** exp(x) / sum(exp(x)) over the last axis. An element of -infinity gets 0, and derivatives 0; a row of nothing else is NaN. */
export function softmax(x: Tensor): Tensor {
  return apply(softmaxOperator, [x], {});
}

/** log(softmax(x)) over the last axis. An element of -infinity stays so, and has no influence on the others. */
export function logSoftmax(x: Tensor): Tensor {
  return apply(logSoftmaxOperator, [x], {});
}

/** log(sum(exp(x))) over the last axis, which disappears. An element of -infinity adds nothing, and has derivatives 0. */
export function logSumExp(x: Tensor): Tensor {
  return apply(logSumExpOperator, [x], {});
}

export const reductionOperators = [maxOperator, softmaxOperator, logSoftmaxOperator, logSumExpOperator];
