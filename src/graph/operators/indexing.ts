/** Reading and writing rows by index. Indices are whole numbers held as f32. */
import { Opcode } from "../../../assembly/opcodes.ts";
import { requireWhole } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import type { Lowering, Operator } from "../operator.ts";
import { type Shape, showShape, sizeOf } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";

function indexLowering(opcode: Opcode): Lowering {
  return {
    kind: "instructions",
    emit(node, at) {
      const [a, index] = node.inputs as [Tensor, Tensor];
      const rows = (opcode === Opcode.Gather ? a.shape[0] : node.shape[0]) as number;
      const columns = sizeOf(a.shape.slice(1));
      return [{ opcode, fields: [...at.inputs, at.output, index.size, rows, columns] }];
    },
  };
}

function checkIndex(index: Shape): void {
  if (index.length !== 1) throw new ShapeError(`the index must have 1 axis, got ${showShape(index)}`);
}

const gatherOperator: Operator<Record<string, never>> = {
  name: "gather",
  arity: 2,
  shape([a, index]) {
    checkIndex(index as Shape);
    if ((a as Shape).length === 0) throw new ShapeError("the table must have rows, got a scalar");
    return [...(index as Shape), ...(a as Shape).slice(1)];
  },
  vjp: (operand, g, node) =>
    operand === 0 ? scatterAdd(g, node.inputs[1] as Tensor, (node.inputs[0] as Tensor).shape[0] as number) : null,
  lowering: indexLowering(Opcode.Gather),
};

const scatterAddOperator: Operator<{ rows: number }> = {
  name: "scatterAdd",
  arity: 2,
  shape([a, index], { rows }) {
    checkIndex(index as Shape);
    if ((a as Shape)[0] !== (index as Shape)[0]) {
      throw new ShapeError(
        `one index a row, got rows ${showShape(a as Shape)} and indices ${showShape(index as Shape)}`,
      );
    }
    return [rows, ...(a as Shape).slice(1)];
  },
  vjp: (operand, g, node) => (operand === 0 ? gather(g, node.inputs[1] as Tensor) : null),
  lowering: indexLowering(Opcode.ScatterAdd),
};

const oneHotOperator: Operator<{ classes: number }> = {
  name: "oneHot",
  arity: 1,
  piecewiseConstant: true,
  shape: ([index], { classes }) => [...(index as Shape), classes],
  vjp: () => null,
  lowering: {
    kind: "instructions",
    emit(node, at) {
      const classes = node.attributes.classes as number;
      const index = node.inputs[0] as Tensor;
      return [{ opcode: Opcode.OneHot, fields: [0, at.inputs[0] as number, at.output, index.size, 0, classes] }];
    },
  },
};

/** Rows of `table` [R, ...] at `index` [n]: [n, ...]. An index outside the table gives NaN. */
export function gather(table: Tensor, index: Tensor): Tensor {
  return apply(gatherOperator, [table, index], {});
}

/** Zeros [rows, ...] to which row i of `x` [n, ...] is added at `index[i]`. An index outside is skipped. */
export function scatterAdd(x: Tensor, index: Tensor, rows: number): Tensor {
  return apply(scatterAddOperator, [x, index], { rows: requireWhole("scatterAdd: rows", rows, 1) });
}

/** 1 at the index, 0 elsewhere: [...shape, classes]. */
export function oneHot(index: Tensor, classes: number): Tensor {
  return apply(oneHotOperator, [index], { classes: requireWhole("oneHot: classes", classes, 1) });
}

export const indexingOperators = [gatherOperator, scatterAddOperator, oneHotOperator];
