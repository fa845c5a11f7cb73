/**
 * How many operations each kind of instruction does: what limits and cost models count with. They are counted as the textbook
 * counts them, whatever the kernel does.
 */
import {
  BlockField,
  ConvField,
  IndexField,
  MatMulField,
  MicroField,
  MicroOp,
  Opcode,
  PoolField,
  RandomField,
  ReduceField,
  RowField,
  SolveField,
  Tile,
} from "../../assembly/opcodes.ts";
import type { Fields } from "./extents.ts";
import type { Decoded } from "./validate.ts";

/** An unsigned field of an instruction. */
export type Field = (index: number) => number;

interface Rule {
  /** Floating-point operations: additions, multiplications, comparisons and function values, one each. */
  flops(field: Field): number;
  /** Elements that the kernel walks where that is not `flops`: what bounds its time. */
  steps?(field: Field): number;
}

/** Operations that one element of a micro-operation counts as. */
const microFlops: Readonly<Record<MicroOp, number>> = {
  [MicroOp.FillSplat]: 0,
  [MicroOp.FillStrided]: 0,
  [MicroOp.Copy]: 0,
  [MicroOp.Negate]: 1,
  [MicroOp.Exp]: 1,
  [MicroOp.Log]: 1,
  [MicroOp.Sqrt]: 1,
  [MicroOp.Rsqrt]: 2,
  [MicroOp.Reciprocal]: 1,
  [MicroOp.Tanh]: 1,
  [MicroOp.Sigmoid]: 1,
  [MicroOp.Relu]: 1,
  [MicroOp.Softplus]: 1,
  [MicroOp.Abs]: 1,
  [MicroOp.Sign]: 1,
  [MicroOp.Sin]: 1,
  [MicroOp.Cos]: 1,
  [MicroOp.Square]: 1,
  [MicroOp.Floor]: 1,
  [MicroOp.Add]: 1,
  [MicroOp.Subtract]: 1,
  [MicroOp.Multiply]: 1,
  [MicroOp.Divide]: 1,
  [MicroOp.Maximum]: 1,
  [MicroOp.Minimum]: 1,
  [MicroOp.Greater]: 1,
  [MicroOp.GreaterEqual]: 1,
  [MicroOp.Equal]: 1,
  [MicroOp.Gate]: 1,
  [MicroOp.Select]: 1,
  [MicroOp.MultiplyAdd]: 2,
  [MicroOp.Sum]: 1,
};

const blockRule: Rule = {
  flops(f) {
    let perElement = 0;
    for (let micro = f(BlockField.onceCount); micro < f(BlockField.microCount); micro++) {
      const operation = f(BlockField.Words + micro * MicroField.Words + MicroField.operation);
      perElement += microFlops[operation as MicroOp];
    }
    return perElement * f(BlockField.elements);
  },
  steps: (f) => f(BlockField.microCount) * f(BlockField.elements),
};

const matMulRule: Rule = {
  flops: (f) => 2 * f(MatMulField.batch) * f(MatMulField.M) * f(MatMulField.N) * f(MatMulField.K),
};

/** The factor of each matrix, and two triangular systems with it. */
const solveRule: Rule = {
  flops(f) {
    const [N, K] = [f(SolveField.N), f(SolveField.K)];
    return f(SolveField.batch) * Math.ceil(N ** 3 / 3 + 2 * N * N * K);
  },
  steps: (f) => solveRule.flops(f) + f(SolveField.batch) * f(SolveField.N) * (f(SolveField.N) + f(SolveField.K)),
};

function convolutionFlops(f: Field): number {
  const outputs = f(ConvField.N) * f(ConvField.HO) * f(ConvField.WO) * f(ConvField.O);
  return 2 * outputs * f(ConvField.KH) * f(ConvField.KW) * f(ConvField.C);
}

const convolutionRule: Rule = {
  flops: convolutionFlops,
  steps(f) {
    // Each image with its padding may be laid out before it is read.
    const lines = (f(ConvField.HO) - 1) * f(ConvField.strideH) + f(ConvField.KH);
    const columns = (f(ConvField.WO) - 1) * f(ConvField.strideW) + f(ConvField.KW);
    const laidOut = f(ConvField.KW) * f(ConvField.C) < Tile.Line ? lines * columns * f(ConvField.C) : 0;
    return convolutionFlops(f) + f(ConvField.N) * laidOut;
  },
};

/** One operation for each pixel of each window. */
const poolRule: Rule = {
  flops(f) {
    const windows = f(PoolField.N) * f(PoolField.HO) * f(PoolField.WO) * f(PoolField.C);
    return windows * f(PoolField.KH) * f(PoolField.KW);
  },
  steps(f) {
    const windows = f(PoolField.N) * f(PoolField.HO) * f(PoolField.WO) * f(PoolField.C);
    return windows * Math.min(f(PoolField.KH), f(PoolField.H)) * Math.min(f(PoolField.KW), f(PoolField.W));
  },
};

/** Moves one value for each window. */
const winnerRule: Rule = { ...poolRule, flops: () => 0 };

const reduceRule: Rule = {
  flops: (f) => f(ReduceField.A) * f(ReduceField.B) * f(ReduceField.C),
};

function rowRule(perElement: number): Rule {
  return {
    flops: (f) => perElement * f(RowField.R) * f(RowField.C),
  };
}

function indexRule(perElement: number): Rule {
  return {
    flops: (f) => perElement * f(IndexField.n) * f(IndexField.C),
    steps: (f) => f(IndexField.n) * f(IndexField.C),
  };
}

/** Twenty rounds of the cipher for each number. */
const randomRule: Rule = {
  flops: () => 0,
  steps: (f) => 20 * f(RandomField.n),
};

/** Moves numbers. */
const nothing: Rule = { flops: () => 0 };

/** One rule an opcode: the type checker asks for the row of a new one. */
const rules: Readonly<Record<Opcode, Rule>> = {
  [Opcode.Block]: blockRule,
  [Opcode.MatMul]: matMulRule,
  [Opcode.Conv2d]: convolutionRule,
  [Opcode.Conv2dInputGrad]: convolutionRule,
  [Opcode.Conv2dWeightGrad]: convolutionRule,
  [Opcode.MaxPoolWinners]: poolRule,
  [Opcode.PoolGather]: winnerRule,
  [Opcode.PoolScatter]: winnerRule,
  [Opcode.AveragePool]: poolRule,
  [Opcode.AveragePoolGrad]: poolRule,
  [Opcode.Sum]: reduceRule,
  [Opcode.Max]: reduceRule,
  // Maximum, subtraction, exponential, sum; then a quotient, or the logarithm's subtraction.
  [Opcode.Softmax]: rowRule(5),
  [Opcode.LogSoftmax]: rowRule(5),
  [Opcode.LogSumExp]: rowRule(4),
  [Opcode.Gather]: indexRule(0),
  [Opcode.ScatterAdd]: indexRule(1),
  [Opcode.OneHot]: indexRule(0),
  [Opcode.Copy]: nothing,
  [Opcode.Fill]: nothing,
  [Opcode.RandomUniform]: randomRule,
  [Opcode.RandomNormal]: randomRule,
  [Opcode.Solve]: solveRule,
};

/** Reads fields as unsigned numbers. */
export function fieldOf(fields: Fields): Field {
  return (index) => (fields[index] as number) >>> 0;
}

/** Floating-point operations of an instruction that `validate` took apart. */
export function flopsOf({ opcode, fields }: Decoded): number {
  return rules[opcode].flops(fieldOf(fields));
}

/**
 * Operations that bound the time of an instruction that `validate` took apart: what its kernel computes or walks, and every element
 * of its spans once. An operation takes a tenth of a nanosecond to a few nanoseconds.
 */
export function operationsOf({ opcode, fields, spans, walked }: Decoded): number {
  const rule = rules[opcode];
  const touched = spans.reduce((total, { floats }) => total + floats, 0);
  return (rule.steps ?? rule.flops)(fieldOf(fields)) + walked + touched;
}
