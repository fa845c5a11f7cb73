/** What each instruction of a Program does, as profiles show it: its extents, operations and bytes. */
import {
  BlockField,
  ConvField,
  CopyField,
  FillField,
  IndexField,
  MatMulField,
  Opcode,
  PoolField,
  RandomField,
  ReduceField,
  RowField,
  SolveField,
} from "../../assembly/opcodes.ts";
import { type Field, fieldOf, flopsOf } from "./operations.ts";
import type { Decoded } from "./validate.ts";

/** The extents that decide the time, as a person writes them. */
type ShapeOf = (f: Field) => string;

/** `3x3` as `3`. */
const square = (a: number, b: number) => (a === b ? `${a}` : `${a}x${b}`);

const times = (batch: number) => (batch === 1 ? "" : `${batch} * `);

const product: ShapeOf = (f) => {
  const transposes = `${f(MatMulField.transposeA) ? " tA" : ""}${f(MatMulField.transposeB) ? " tB" : ""}`;
  return `${times(f(MatMulField.batch))}${f(MatMulField.M)}x${f(MatMulField.N)}x${f(MatMulField.K)}${transposes}`;
};

const convolution: ShapeOf = (f) => {
  const x = [ConvField.N, ConvField.H, ConvField.W, ConvField.C].map(f).join("x");
  const kernel = square(f(ConvField.KH), f(ConvField.KW));
  return `${x} -> ${f(ConvField.O)} k${kernel} s${square(f(ConvField.strideH), f(ConvField.strideW))}`;
};

const pool: ShapeOf = (f) => {
  const x = [PoolField.N, PoolField.H, PoolField.W, PoolField.C].map(f).join("x");
  return `${x} k${square(f(PoolField.KH), f(PoolField.KW))} s${square(f(PoolField.strideH), f(PoolField.strideW))}`;
};

const copy: ShapeOf = (f) => {
  const sizes = Array.from({ length: 5 }, (_, d) => f(CopyField.size0 + d));
  const first = sizes.findIndex((size) => size > 1);
  return first === -1 ? "1" : sizes.slice(first).join("x");
};

const reduction: ShapeOf = (f) => `${f(ReduceField.A)}x${f(ReduceField.B)}x${f(ReduceField.C)}`;
const rows: ShapeOf = (f) => `${f(RowField.R)}x${f(RowField.C)}`;
const indexed: ShapeOf = (f) => `${f(IndexField.n)}x${f(IndexField.C)} of ${f(IndexField.R)}`;
const random: ShapeOf = (f) => `${f(RandomField.n)}`;

/** The type checker asks for the row of a new opcode. */
const shapes: Readonly<Record<Opcode, ShapeOf>> = {
  [Opcode.Block]: (f) => `${f(BlockField.elements)} ${f(BlockField.microCount)} ops`,
  [Opcode.MatMul]: product,
  [Opcode.Conv2d]: convolution,
  [Opcode.Conv2dInputGrad]: convolution,
  [Opcode.Conv2dWeightGrad]: convolution,
  [Opcode.MaxPoolWinners]: pool,
  [Opcode.PoolGather]: pool,
  [Opcode.PoolScatter]: pool,
  [Opcode.AveragePool]: pool,
  [Opcode.AveragePoolGrad]: pool,
  [Opcode.Sum]: reduction,
  [Opcode.Max]: reduction,
  [Opcode.Softmax]: rows,
  [Opcode.LogSoftmax]: rows,
  [Opcode.LogSumExp]: rows,
  [Opcode.Gather]: indexed,
  [Opcode.ScatterAdd]: indexed,
  [Opcode.OneHot]: indexed,
  [Opcode.Copy]: copy,
  [Opcode.Fill]: (f) => `${f(FillField.n)}`,
  [Opcode.RandomUniform]: random,
  [Opcode.RandomNormal]: random,
  [Opcode.Solve]: (f) =>
    `${times(f(SolveField.batch))}${square(f(SolveField.N), f(SolveField.N))} -> ${f(SolveField.K)}`,
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

/** The work of an instruction that `validate` took apart. Bytes follow from the extents rules. */
export function workOf(instruction: Decoded): Work {
  const { opcode, fields, spans } = instruction;
  const operands = new Map<string, number>();
  for (const { offset, floats, access } of spans) {
    if (access !== "scratch") operands.set(`${access} ${offset} ${floats}`, 4 * floats);
  }
  const bytes = [...operands.values()].reduce((total, each) => total + each, 0);
  return { opcode: Opcode[opcode], shape: shapes[opcode](fieldOf(fields)), flops: flopsOf(instruction), bytes };
}
