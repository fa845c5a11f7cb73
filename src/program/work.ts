/**
 * How much work each kind of instruction does, and how its shape is written: what profiles and cost models count with.
 * Bytes follow from the extents rules; operations are counted as the textbook counts them, whatever the kernel does.
 */
import {
  BlockField,
  ConvField,
  CopyField,
  FillField,
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
import type { Decoded } from "./validate.ts";

type Field = (index: number) => number;

interface WorkRule {
  /** Floating-point operations: additions, multiplications, comparisons and function values, one each. */
  flops(field: Field): number;
  /** Elements that the kernel walks where that is not `flops`: what bounds its time. */
  steps?(field: Field): number;
  /** The extents that decide the time, as a person writes them. */
  shape(field: Field): string;
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

/** `3x3` as `3`. */
const square = (a: number, b: number) => (a === b ? `${a}` : `${a}x${b}`);

const blockRule: WorkRule = {
  flops(f) {
    let perElement = 0;
    for (let micro = f(BlockField.onceCount); micro < f(BlockField.microCount); micro++) {
      const operation = f(BlockField.Words + micro * MicroField.Words + MicroField.operation);
      perElement += microFlops[operation as MicroOp];
    }
    return perElement * f(BlockField.elements);
  },
  steps: (f) => f(BlockField.microCount) * f(BlockField.elements),
  shape: (f) => `${f(BlockField.elements)} ${f(BlockField.microCount)} ops`,
};

const matMulRule: WorkRule = {
  flops: (f) => 2 * f(MatMulField.batch) * f(MatMulField.M) * f(MatMulField.N) * f(MatMulField.K),
  shape(f) {
    const batch = f(MatMulField.batch) === 1 ? "" : `${f(MatMulField.batch)} * `;
    const transposes = `${f(MatMulField.transposeA) ? " tA" : ""}${f(MatMulField.transposeB) ? " tB" : ""}`;
    return `${batch}${f(MatMulField.M)}x${f(MatMulField.N)}x${f(MatMulField.K)}${transposes}`;
  },
};

/** The factor of each matrix, and two triangular systems with it. */
const solveRule: WorkRule = {
  flops(f) {
    const [N, K] = [f(SolveField.N), f(SolveField.K)];
    return f(SolveField.batch) * Math.ceil(N ** 3 / 3 + 2 * N * N * K);
  },
  steps: (f) => solveRule.flops(f) + f(SolveField.batch) * f(SolveField.N) * (f(SolveField.N) + f(SolveField.K)),
  shape(f) {
    const batch = f(SolveField.batch) === 1 ? "" : `${f(SolveField.batch)} * `;
    return `${batch}${square(f(SolveField.N), f(SolveField.N))} -> ${f(SolveField.K)}`;
  },
};

function convolutionFlops(f: Field): number {
  const outputs = f(ConvField.N) * f(ConvField.HO) * f(ConvField.WO) * f(ConvField.O);
  return 2 * outputs * f(ConvField.KH) * f(ConvField.KW) * f(ConvField.C);
}

const convolutionRule: WorkRule = {
  flops: convolutionFlops,
  steps(f) {
    // Each image with its padding may be laid out before it is read.
    const lines = (f(ConvField.HO) - 1) * f(ConvField.strideH) + f(ConvField.KH);
    const columns = (f(ConvField.WO) - 1) * f(ConvField.strideW) + f(ConvField.KW);
    const laidOut = f(ConvField.KW) * f(ConvField.C) < Tile.Line ? lines * columns * f(ConvField.C) : 0;
    return convolutionFlops(f) + f(ConvField.N) * laidOut;
  },
  shape(f) {
    const x = [ConvField.N, ConvField.H, ConvField.W, ConvField.C].map(f).join("x");
    const kernel = square(f(ConvField.KH), f(ConvField.KW));
    return `${x} -> ${f(ConvField.O)} k${kernel} s${square(f(ConvField.strideH), f(ConvField.strideW))}`;
  },
};

/** One operation for each pixel of each window. */
const poolRule: WorkRule = {
  flops(f) {
    const windows = f(PoolField.N) * f(PoolField.HO) * f(PoolField.WO) * f(PoolField.C);
    return windows * f(PoolField.KH) * f(PoolField.KW);
  },
  steps(f) {
    const windows = f(PoolField.N) * f(PoolField.HO) * f(PoolField.WO) * f(PoolField.C);
    return windows * Math.min(f(PoolField.KH), f(PoolField.H)) * Math.min(f(PoolField.KW), f(PoolField.W));
  },
  shape(f) {
    const x = [PoolField.N, PoolField.H, PoolField.W, PoolField.C].map(f).join("x");
    return `${x} k${square(f(PoolField.KH), f(PoolField.KW))} s${square(f(PoolField.strideH), f(PoolField.strideW))}`;
  },
};

/** Moves one value for each window. */
const winnerRule: WorkRule = { ...poolRule, flops: () => 0 };

const reduceRule: WorkRule = {
  flops: (f) => f(ReduceField.A) * f(ReduceField.B) * f(ReduceField.C),
  shape: (f) => `${f(ReduceField.A)}x${f(ReduceField.B)}x${f(ReduceField.C)}`,
};

function rowRule(perElement: number): WorkRule {
  return {
    flops: (f) => perElement * f(RowField.R) * f(RowField.C),
    shape: (f) => `${f(RowField.R)}x${f(RowField.C)}`,
  };
}

function indexRule(perElement: number): WorkRule {
  return {
    flops: (f) => perElement * f(IndexField.n) * f(IndexField.C),
    steps: (f) => f(IndexField.n) * f(IndexField.C),
    shape: (f) => `${f(IndexField.n)}x${f(IndexField.C)} of ${f(IndexField.R)}`,
  };
}

/** Twenty rounds of the cipher for each number. */
const randomRule: WorkRule = {
  flops: () => 0,
  steps: (f) => 20 * f(RandomField.n),
  shape: (f) => `${f(RandomField.n)}`,
};

/** One rule an opcode: the type checker asks for the row of a new one. */
const workRules: Readonly<Record<Opcode, WorkRule>> = {
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
  [Opcode.Copy]: {
    flops: () => 0,
    shape(f) {
      const sizes = Array.from({ length: 5 }, (_, d) => f(CopyField.size0 + d));
      const first = sizes.findIndex((size) => size > 1);
      return first === -1 ? "1" : sizes.slice(first).join("x");
    },
  },
  [Opcode.Fill]: { flops: () => 0, shape: (f) => `${f(FillField.n)}` },
  [Opcode.RandomUniform]: randomRule,
  [Opcode.RandomNormal]: randomRule,
  [Opcode.Solve]: solveRule,
};

/** What one run of an instruction does. */
export interface Work {
  /** Name of the opcode. */
  readonly opcode: string;
  /** Its extents, such as `10x40x40 tB` (M x N x K) or `75x14x14x64 -> 64 k3 s2` (N x H x W x C -> O, kernel, stride). */
  readonly shape: string;
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written: every operand once, registers and scratch not. */
  readonly bytes: number;
}

/**
 * Operations that bound the time of an instruction that `validate` took apart: what its kernel computes or walks, and every element
 * of its spans once. An operation takes a tenth of a nanosecond to a few nanoseconds.
 */
export function operationsOf({ opcode, fields, spans, walked }: Decoded): number {
  const rule = workRules[opcode];
  const field: Field = (index) => (fields[index] as number) >>> 0;
  const touched = spans.reduce((total, { floats }) => total + floats, 0);
  return (rule.steps ?? rule.flops)(field) + walked + touched;
}

/** The work of an instruction that `validate` took apart. */
export function workOf({ opcode, fields, spans }: Decoded): Work {
  const rule = workRules[opcode];
  const field: Field = (index) => (fields[index] as number) >>> 0;
  const operands = new Map<string, number>();
  for (const { offset, floats, access } of spans) {
    if (access !== "scratch") operands.set(`${access} ${offset} ${floats}`, 4 * floats);
  }
  const bytes = [...operands.values()].reduce((total, each) => total + each, 0);
  return { opcode: Opcode[opcode], shape: rule.shape(field), flops: rule.flops(field), bytes };
}
