/**
 * Which bytes of the arena each kind of instruction reads and writes. The validator holds programs to it, the tests of the
 * memory plan look for overlaps with it.
 */
import {
  BlockField,
  ConvField,
  CopyField,
  FillField,
  FillMicroField,
  IndexField,
  InstructionSet,
  MatMulField,
  MicroField,
  MicroOp,
  MicroRange,
  Opcode,
  PoolField,
  RandomField,
  ReduceField,
  RowField,
  SolveField,
  SumMicroField,
  SumOrder,
  Tile,
} from "../../assembly/opcodes.ts";

/**
 * A span of the arena; `floats` may be less than what the kernel's last vector touches, up to the next 16 bytes of a span
 * that begins on a multiple of 16.
 */
export interface Span {
  readonly offset: number;
  readonly floats: number;
  readonly access: "read" | "write" | "scratch";
}

/** The fields of one instruction, by the enum of its family. */
export type Fields = Int32Array;

/** What the validator knows of an instruction. */
interface Rule {
  /** Number of fields; null where it depends on the fields. */
  readonly words: number | null;
  /** Fields that must be at least 1. */
  readonly extents: readonly number[];
  /** Bytes that spans are aligned to: 16 unless the kernel touches no byte outside them. */
  readonly alignment?: number;
  /** Elements that the kernel walks, where its spans do not bound them; no more than the arena holds. */
  walked?(field: (index: number) => number): number;
  /** What is wrong with fields that span the right bytes, if anything. */
  check?(field: (index: number) => number): string | undefined;
  spans(field: (index: number) => number, fields: Fields): Span[];
}

const read = (offset: number, floats: number): Span => ({ offset, floats, access: "read" });
const write = (offset: number, floats: number): Span => ({ offset, floats, access: "write" });
const scratch = (offset: number, floats: number): Span => ({ offset, floats, access: "scratch" });
const up = (n: number) => Math.ceil(n / Tile.Columns) * Tile.Columns;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Floats that `SumMicroField.partial` has room for. */
function unfinishedSums(rows: number, columns: number): number {
  const [chunk, group] = columns === 1 ? [SumOrder.Lanes, SumOrder.Lanes * SumOrder.Group] : [columns, SumOrder.Group];
  return rows > group ? Math.ceil(chunk / 4) * 4 + columns : chunk;
}

/** Kernels compute where windows lie in i32: no window may begin or end beyond it. */
const LARGEST_POSITION = 2 ** 31 - 1;

/** Checks that windows of `size` pixels, `count` of them `stride` apart, the first `pad` before the image, stay within i32. */
function windowsFit(size: number, count: number, stride: number, pad: number): boolean {
  return pad <= LARGEST_POSITION && (count - 1) * stride + size <= LARGEST_POSITION;
}

/** Extents that a convolution's scratch area depends on, by the letters of `ConvField`. */
interface ConvolutionExtents {
  readonly kernel: readonly [KH: number, KW: number];
  readonly stride: readonly [H: number, W: number];
  readonly output: readonly [HO: number, WO: number];
  readonly C: number;
  readonly O: number;
}

/** Floats of a convolution's scratch area, as `ConvField.scratch` states them. */
function convolutionScratch({
  kernel: [KH, KW],
  stride: [sh, sw],
  output: [HO, WO],
  C,
  O,
}: ConvolutionExtents): number {
  const taps = KH * KW;
  const K = taps * C;
  const weights = Math.max(up(O) * K, taps * up(C) * O);
  const room = Math.max(Tile.Patches * (up(K) + up(O)), Tile.Pixels * (C + Tile.PixelGap + up(O)));
  const image = KW * C < Tile.Line ? ((HO - 1) * sh + KH) * ((WO - 1) * sw + KW) * C + 4 : 0;
  const direct = weights + room + image;
  if (KH !== 3 || KW !== 3 || sh !== 1 || sw !== 1 || up(C) !== C || up(O) !== O) return direct;
  return Math.max(direct, 16 * (C * O + Tile.Squares * (C + O)));
}

function convolutionExtents(f: (index: number) => number): ConvolutionExtents {
  return {
    kernel: [f(ConvField.KH), f(ConvField.KW)],
    stride: [f(ConvField.strideH), f(ConvField.strideW)],
    output: [f(ConvField.HO), f(ConvField.WO)],
    C: f(ConvField.C),
    O: f(ConvField.O),
  };
}

type Role = "x" | "w" | "y";

function convolutionRule(a: Role, b: Role, out: Role): Rule {
  return {
    words: ConvField.Words,
    extents: range(ConvField.N, ConvField.strideW),
    check(f) {
      const rows = windowsFit(f(ConvField.KH), f(ConvField.HO), f(ConvField.strideH), f(ConvField.padTop));
      const columns = windowsFit(f(ConvField.KW), f(ConvField.WO), f(ConvField.strideW), f(ConvField.padLeft));
      return rows && columns ? undefined : "windows lie too far from the image";
    },
    spans(f) {
      const taps = f(ConvField.KH) * f(ConvField.KW);
      const C = f(ConvField.C);
      const K = taps * C;
      const O = f(ConvField.O);
      const floats: Record<Role, number> = {
        x: f(ConvField.N) * f(ConvField.H) * f(ConvField.W) * f(ConvField.C),
        w: K * O,
        y: f(ConvField.N) * f(ConvField.HO) * f(ConvField.WO) * O,
      };
      return [
        read(f(ConvField.a), floats[a]),
        read(f(ConvField.b), floats[b]),
        write(f(ConvField.out), floats[out]),
        scratch(f(ConvField.scratch), convolutionScratch(convolutionExtents(f))),
      ];
    },
  };
}

function poolRule(a: "large" | "small", out: "large" | "small", winners: boolean): Rule {
  return {
    words: PoolField.Words,
    extents: range(PoolField.N, PoolField.strideW),
    check(f) {
      const rows = windowsFit(f(PoolField.KH), f(PoolField.HO), f(PoolField.strideH), f(PoolField.padTop));
      const columns = windowsFit(f(PoolField.KW), f(PoolField.WO), f(PoolField.strideW), f(PoolField.padLeft));
      return rows && columns ? undefined : "windows lie too far from the image";
    },
    spans(f) {
      const images = f(PoolField.N) * f(PoolField.C);
      const floats = {
        large: images * f(PoolField.H) * f(PoolField.W),
        small: images * f(PoolField.HO) * f(PoolField.WO),
      };
      const spans = [read(f(PoolField.a), floats[a]), write(f(PoolField.out), floats[out])];
      return winners ? [...spans, read(f(PoolField.b), floats.small)] : spans;
    },
  };
}

const reduceRule: Rule = {
  words: ReduceField.Words,
  extents: [ReduceField.A, ReduceField.B, ReduceField.C],
  spans: (f) => [
    read(f(ReduceField.x), f(ReduceField.A) * f(ReduceField.B) * f(ReduceField.C)),
    write(f(ReduceField.out), f(ReduceField.A) * f(ReduceField.C)),
  ],
};

function rowRule(scalar: boolean): Rule {
  return {
    words: RowField.Words,
    extents: [RowField.R, RowField.C],
    spans: (f) => [
      read(f(RowField.x), f(RowField.R) * f(RowField.C)),
      write(f(RowField.out), f(RowField.R) * (scalar ? 1 : f(RowField.C))),
    ],
  };
}

const randomRule: Rule = {
  words: RandomField.Words,
  extents: [RandomField.n],
  spans: (f) => [read(f(RandomField.key), 4), write(f(RandomField.out), f(RandomField.n))],
};

/** One rule an opcode. */
export const instructionRules: Readonly<Record<Opcode, Rule>> = {
  [Opcode.Block]: {
    words: null,
    extents: [BlockField.elements, BlockField.blockSize, BlockField.microCount],
    // Operands that are all registers span no more than one block. Broadcast ones may be summed over more elements than the arena
    // holds: [400, 1] and [1, 8] over 3,200. Those count as operations, which `limits` bound.
    walked: (f) => (isBroadcast(f) ? 0 : f(BlockField.elements)),
    spans: blockSpans,
  },
  [Opcode.MatMul]: {
    words: MatMulField.Words,
    extents: [MatMulField.batch, MatMulField.M, MatMulField.N, MatMulField.K],
    spans(f) {
      const [batch, M, N, K] = [f(MatMulField.batch), f(MatMulField.M), f(MatMulField.N), f(MatMulField.K)];
      return [
        read(f(MatMulField.a), (batch - 1) * f(MatMulField.aBatchStride) + M * K),
        read(f(MatMulField.b), (batch - 1) * f(MatMulField.bBatchStride) + K * N),
        write(f(MatMulField.out), batch * M * N),
        scratch(f(MatMulField.scratch), up(N) * K),
      ];
    },
  },
  [Opcode.Conv2d]: convolutionRule("x", "w", "y"),
  [Opcode.Conv2dInputGrad]: convolutionRule("y", "w", "x"),
  [Opcode.Conv2dWeightGrad]: convolutionRule("x", "y", "w"),
  [Opcode.MaxPoolWinners]: poolRule("large", "small", false),
  [Opcode.PoolGather]: poolRule("large", "small", true),
  [Opcode.PoolScatter]: poolRule("small", "large", true),
  [Opcode.AveragePool]: poolRule("large", "small", false),
  [Opcode.AveragePoolGrad]: poolRule("small", "large", false),
  [Opcode.Sum]: reduceRule,
  [Opcode.Max]: reduceRule,
  [Opcode.Softmax]: rowRule(false),
  [Opcode.LogSoftmax]: rowRule(false),
  [Opcode.LogSumExp]: rowRule(true),
  [Opcode.Gather]: {
    words: IndexField.Words,
    extents: [IndexField.n, IndexField.R, IndexField.C],
    spans: (f) => [
      read(f(IndexField.a), f(IndexField.R) * f(IndexField.C)),
      read(f(IndexField.index), f(IndexField.n)),
      write(f(IndexField.out), f(IndexField.n) * f(IndexField.C)),
    ],
  },
  [Opcode.ScatterAdd]: {
    words: IndexField.Words,
    extents: [IndexField.n, IndexField.R, IndexField.C],
    spans: (f) => [
      read(f(IndexField.a), f(IndexField.n) * f(IndexField.C)),
      read(f(IndexField.index), f(IndexField.n)),
      write(f(IndexField.out), f(IndexField.R) * f(IndexField.C)),
    ],
  },
  [Opcode.OneHot]: {
    words: IndexField.Words,
    extents: [IndexField.n, IndexField.C],
    spans: (f) => [
      read(f(IndexField.index), f(IndexField.n)),
      write(f(IndexField.out), f(IndexField.n) * f(IndexField.C)),
    ],
  },
  [Opcode.Copy]: {
    words: CopyField.Words,
    extents: range(CopyField.size0, CopyField.size4),
    alignment: 4,
    // Strides of 0 walk many elements within a small span.
    walked: (f) => range(CopyField.size0, CopyField.size4).reduce((product, size) => product * f(size), 1),
    spans(f) {
      const reach = (firstStride: CopyField) =>
        range(0, 4).reduce((total, d) => total + (f(CopyField.size0 + d) - 1) * f(firstStride + d), 1);
      return [read(f(CopyField.x), reach(CopyField.xStride0)), write(f(CopyField.out), reach(CopyField.outStride0))];
    },
  },
  [Opcode.Fill]: {
    words: FillField.Words,
    extents: [FillField.n],
    spans: (f) => [write(f(FillField.out), f(FillField.n))],
  },
  [Opcode.RandomUniform]: randomRule,
  [Opcode.RandomNormal]: randomRule,
  [Opcode.Solve]: {
    words: SolveField.Words,
    extents: [SolveField.batch, SolveField.N, SolveField.K],
    spans(f) {
      const [batch, N, K] = [f(SolveField.batch), f(SolveField.N), f(SolveField.K)];
      return [
        read(f(SolveField.a), batch * N * N),
        read(f(SolveField.b), batch * N * K),
        write(f(SolveField.out), batch * N * K),
        scratch(f(SolveField.scratch), 2 * N * (N + K)),
      ];
    },
  },
};

/** Whether a micro-operation has this number: the ranges are filled from their beginnings. */
export function isMicroOp(number: number): boolean {
  if (number < MicroRange.OneOperand) return number >= MicroRange.Fills && number <= MicroOp.FillStrided;
  if (number < MicroRange.TwoOperands) return number <= InstructionSet.LastOfOneOperand;
  if (number < MicroRange.ThreeOperands) return number <= InstructionSet.LastOfTwoOperands;
  if (number < MicroRange.Sums) return number <= InstructionSet.LastOfThreeOperands;
  return number <= InstructionSet.LastMicroOp;
}

/** Operands that a micro-operation takes. */
export function microArity(operation: MicroOp): number {
  if (operation >= MicroRange.Sums) return 1;
  if (operation >= MicroRange.ThreeOperands) return 3;
  return operation >= MicroRange.TwoOperands ? 2 : 1;
}

/** Number of words of a block's fields. */
export function blockWords(fields: Fields): number {
  return BlockField.Words + (fields[BlockField.microCount] as number) * MicroField.Words;
}

/** Whether a block reads an operand that is broadcast over its elements. */
export function isBroadcast(f: (index: number) => number): boolean {
  for (let micro = 0; micro < f(BlockField.microCount); micro++) {
    const operation = f(BlockField.Words + micro * MicroField.Words + MicroField.operation);
    if (operation === MicroOp.FillStrided) return true;
  }
  return false;
}

function blockSpans(f: (index: number) => number): Span[] {
  const elements = f(BlockField.elements);
  const blockFloats = Math.min(f(BlockField.blockSize), Math.ceil(elements / 4) * 4);
  const spans: Span[] = [];
  // In memory in full (its step moves it from block to block), or a register of one block.
  const span = (address: number, step: number, access: Span["access"]): Span =>
    step === 0
      ? { offset: address, floats: blockFloats, access: "scratch" }
      : { offset: address, floats: elements, access };
  for (let micro = 0; micro < f(BlockField.microCount); micro++) {
    const at = BlockField.Words + micro * MicroField.Words;
    const operation = f(at + MicroField.operation) as MicroOp;
    if (operation === MicroOp.FillSplat) {
      spans.push(read(f(at + FillMicroField.source), 1), scratch(f(at + FillMicroField.dst), 4));
    } else if (operation === MicroOp.FillStrided) {
      const [size1, size2] = [f(at + FillMicroField.size1), f(at + FillMicroField.size2)];
      const strides = range(0, 2).map((d) => f(at + FillMicroField.stride0 + d)) as [number, number, number];
      const outer = Math.ceil(elements / (size1 * size2));
      const reach = (outer - 1) * strides[0] + (size1 - 1) * strides[1] + (size2 - 1) * strides[2] + 1;
      spans.push(read(f(at + FillMicroField.source), reach), scratch(f(at + FillMicroField.dst), blockFloats));
    } else if (operation === MicroOp.Sum) {
      const [rows, columns] = [f(at + SumMicroField.rows), f(at + SumMicroField.columns)];
      spans.push(
        write(f(at + SumMicroField.dst), elements / rows),
        span(f(at + SumMicroField.a), f(at + SumMicroField.aStep), "read"),
      );
      spans.push(scratch(f(at + SumMicroField.partial), unfinishedSums(rows, columns)));
      if (f(at + SumMicroField.isProduct))
        spans.push(span(f(at + SumMicroField.b), f(at + SumMicroField.bStep), "read"));
    } else {
      spans.push(span(f(at + MicroField.dst), f(at + MicroField.dstStep), "write"));
      for (let operand = 0; operand < microArity(operation); operand++) {
        const address = f(at + MicroField.a + 2 * operand);
        if ((f(at + MicroField.splats) >> operand) & 1) spans.push(scratch(address, 4));
        else spans.push(span(address, f(at + MicroField.aStep + 2 * operand), "read"));
      }
    }
  }
  return spans;
}
