/**
 * The instruction set: what the core executes and what the compiler emits.
 *
 * Both compilers read this file (asc for the core, tsc for the host), so it holds nothing but plain enums.
 *
 * A program in memory is a header followed by its instructions, all 32-bit words:
 *
 *     ┌──────────────┐
 *     │ arena base   │ byte address, written by the host when it loads the program
 *     ├──────────────┤
 *     │ opcode       │ one instruction: `Opcode`,
 *     │ length       │ its length in words with these two,
 *     │ fields …     │ then the fields listed in the enum named after the opcode's family
 *     ├──────────────┤
 *     │ …            │
 *     └──────────────┘
 *
 * Every field called an address is a byte offset from the arena base and a multiple of 16, which the host validates;
 * only Copy's need be no more than multiples of 4, and Copy touches no byte outside its operands. Buffers are padded to
 * a multiple of 16 bytes: the other kernels may read and write up to the next multiple of 16 bytes past the end of one.
 * Strides and sizes are counted in elements (f32).
 *
 * Shape letters: N batch, H W space, C channels, O output channels, R rows.
 *
 * Saved Programs hold these numbers, so the instruction set only grows. The number, the fields, the result and the scratch area of
 * an opcode or micro-operation are frozen: a faster kernel has to fit the scratch area that the opcode states, and another
 * computation or another layout gets the next free number. Numbers are never used again.
 */

export enum Abi {
  /** Layout of a Program's bytes and words; the host refuses a core that answers another number. New opcodes do not change it. */
  Version = 3,
  /** Words before the first instruction of a program. */
  HeaderWords = 1,
  /** Words before the fields of an instruction. */
  PrefixWords = 2,
  /** Bytes to which buffers are aligned and padded. */
  Alignment = 16,
}

/** Sizes that the kernels' scratch areas are computed from. */
export enum Tile {
  /** Columns of a packed panel of B, in floats. */
  Columns = 8,
  /** Rows of C that one micro-kernel call computes. */
  Rows = 4,
  /** Patches (output pixels) that a convolution gathers before it multiplies. */
  Patches = 48,
  /** A line of a window that has fewer floats (KW * C) is gathered from an image with its padding around it. */
  Line = 16,
  /** Pixels that a weight gradient brings together before it multiplies. */
  Pixels = 96,
  /** Floats between the gathered rows of two such pixels. */
  PixelGap = 16,
  /** Squares of 4x4 pixels that a convolution of stride 1 transforms before it multiplies. */
  Squares = 48,
  /** Blocks of pixels, patches or squares that a weight gradient adds before their sum goes to the total. */
  Blocks = 16,
}

/** The written order of a sum: assembly/kernels/reduce.ts. */
export enum SumOrder {
  /** Interleaved sums of a run of floats. */
  Lanes = 16,
  /** Rows that are added one after another before their sum goes to a group's. */
  Chunk = 128,
  /** Rows whose chunks' sums are added one after another before their sum goes to the total. */
  Group = 16384,
}

/** Frozen numbers; a new opcode gets the next one, and `InstructionSet.LastOpcode` becomes it. */
export enum Opcode {
  /** Fused elementwise block; fields: `BlockField`, then `microCount` micro-operations of `MicroField.Words` words. */
  Block = 0,
  /** C = op(A) op(B), batched; fields: `MatMulField`. */
  MatMul = 1,
  /** y = conv(x, w); fields: `ConvField` with a = x [N,H,W,C], b = w [KH,KW,C,O], out = y [N,HO,WO,O]. */
  Conv2d = 2,
  /** dx; fields: `ConvField` with a = dy [N,HO,WO,O], b = w [KH,KW,C,O], out = dx [N,H,W,C]. */
  Conv2dInputGrad = 3,
  /** dw; fields: `ConvField` with a = x [N,H,W,C], b = dy [N,HO,WO,O], out = dw [KH,KW,C,O]. */
  Conv2dWeightGrad = 4,
  /** Index of the maximum inside each window, kh * KW + kw as f32, the first of equals; `PoolField` with a = x, out = winners [N,HO,WO,C]. Padding never wins. */
  MaxPoolWinners = 5,
  /** y = x at the winners; `PoolField` with a = x [N,H,W,C], b = winners, out = y [N,HO,WO,C]. A winner outside the window or the image gives NaN. */
  PoolGather = 6,
  /** dx = dy scattered (added) to the winners; `PoolField` with a = dy [N,HO,WO,C], b = winners, out = dx [N,H,W,C]. A winner outside the window or the image is skipped. */
  PoolScatter = 7,
  /** y = mean over each window, padding counted as zeros (divisor KH * KW always); `PoolField` with a = x, out = y. */
  AveragePool = 8,
  /** dx = transpose of AveragePool; `PoolField` with a = dy, out = dx. */
  AveragePoolGrad = 9,
  /** out[a,c] = sum over b of x[a,b,c]; `ReduceField`. */
  Sum = 10,
  /** out[a,c] = max over b of x[a,b,c]; `ReduceField`. NaN if any is NaN. */
  Max = 11,
  /** Row-wise over [R, C]; `RowField`. Subtracts the row's maximum first. */
  Softmax = 12,
  /** Row-wise over [R, C]; `RowField`. */
  LogSoftmax = 13,
  /** out[r] = log(sum over c of exp(x[r,c])); `RowField`. */
  LogSumExp = 14,
  /** out[i,:] = x[index[i],:]; `IndexField` with a = x [R,C], index [n], out [n,C]. An index that is not an integer in [0, R) gives a row of NaN. */
  Gather = 15,
  /** out = zeros [R,C]; out[index[i],:] += y[i,:] for i in order; `IndexField` with a = y [n,C], index [n], out [R,C]. An invalid index makes nothing but is skipped. */
  ScatterAdd = 16,
  /** out[i,j] = (index[i] == j); `IndexField` with a unused (0), index [n], out [n,C], R = 0. */
  OneHot = 17,
  /** Strided copy: out element at sum(i_d * outStride_d) = x element at sum(i_d * xStride_d), over sizes; `CopyField`. Stride 0 in x broadcasts. */
  Copy = 18,
  /** out[0..n) = value; `FillField`. */
  Fill = 19,
  /** out[0..n) uniform in [0, 1), multiples of 2^-24; `RandomField`. */
  RandomUniform = 20,
  /** out[0..n) standard normal by Box-Muller; `RandomField`. */
  RandomNormal = 21,
  /** X = A^-1 B with the symmetric part of A, batched; fields: `SolveField`. A matrix that is not positive definite gives NaN. */
  Solve = 22,
}

/**
 * Block: runs its micro-operations over `elements` floats, `blockSize` floats at a time (the last block may be shorter).
 * The first `onceCount` micro-operations run before the first block only, over min(blockSize, elements) floats: they fill
 * registers with broadcast operands that are the same in every block. The others run for every block, in order.
 */
export enum BlockField {
  elements,
  /** A multiple of 4. */
  blockSize,
  onceCount,
  microCount,
  Words,
}

/**
 * One micro-operation: dst[i] = op(a[i], b[i], c[i]).
 * The address of an operand in block k is arena + address + k * step: step is blockSize * 4 for an operand that lies
 * in memory in full, 0 for a register (a scratch area of blockSize floats) or a splat (16 bytes, the same value four times).
 * An operand's advance inside the block is 16 bytes a vector, or 0 for a splat, as `splats` says.
 * Vectors are processed whole: the last one of a block may reach into the buffer's padding.
 */
export enum MicroField {
  operation,
  /** Bit 0: a is a splat; bit 1: b; bit 2: c. */
  splats,
  dst,
  dstStep,
  a,
  aStep,
  b,
  bStep,
  c,
  cStep,
  Words,
}

/** Fields of the fills (`MicroOp.FillSplat`, `MicroOp.FillStrided`), in the place of `MicroField`'s. */
export enum FillMicroField {
  operation,
  /** FillStrided: element e of the whole (counted from the start of the tensor, not of the block) is read at i0*stride0 + i1*stride1 + i2*stride2 where i2 = e % size2, i1 = (e / size2) % size1, i0 = e / (size1 * size2). */
  size1,
  /** Register that is filled: blockSize floats for FillStrided, 4 for FillSplat. */
  dst,
  size2,
  /** Address of the operand's first element. */
  source,
  stride0,
  stride1,
  stride2,
  unused0,
  unused1,
  Words,
}

/**
 * Fields of `MicroOp.Sum`, in the place of `MicroField`'s. The block's `elements` are outer * rows * columns. Where there is more than
 * one block, their size is a multiple of columns if columns > 1, else of 16 if outer = 1, else of rows.
 */
export enum SumMicroField {
  operation,
  columns,
  /** The result: outer * columns floats, complete after the last block. */
  dst,
  rows,
  a,
  aStep,
  /**
   * Room for sums that are not complete at the end of a block: columns floats, or SumOrder.Lanes where columns = 1. Behind it, from
   * the next multiple of 16 bytes on, as many as the result has for one `outer`, where there is more than one group.
   */
  partial,
  /** 1: what is summed is a * b, rounded; 0: a, and b is unused. */
  isProduct,
  b,
  bStep,
  Words,
}

/** Where the numbers of each kind of micro-operation begin. A new one gets the next free number of its kind. */
export enum MicroRange {
  Fills = 0,
  OneOperand = 16,
  TwoOperands = 64,
  ThreeOperands = 112,
  Sums = 128,
}

/** Frozen numbers, in the ranges of `MicroRange`. */
export enum MicroOp {
  /** dst[0..4) = source[0]. */
  FillSplat = 0,
  /** dst[i] = broadcast operand at element blockStart + i. */
  FillStrided = 1,
  Copy = 16,
  Negate = 17,
  Exp = 18,
  Log = 19,
  Sqrt = 20,
  /** 1 / sqrt(a), two roundings. */
  Rsqrt = 21,
  /** 1 / a. */
  Reciprocal = 22,
  Tanh = 23,
  Sigmoid = 24,
  /** a > 0 ? a : 0; NaN stays NaN. */
  Relu = 25,
  /** log(1 + exp(a)), without overflow. */
  Softplus = 26,
  Abs = 27,
  /** -1, 0 or 1; NaN stays NaN. */
  Sign = 28,
  Sin = 29,
  Cos = 30,
  Square = 31,
  Floor = 32,
  Add = 64,
  Subtract = 65,
  Multiply = 66,
  Divide = 67,
  /** NaN if either is NaN. */
  Maximum = 68,
  Minimum = 69,
  /** 1 where a > b, else 0. */
  Greater = 70,
  GreaterEqual = 71,
  Equal = 72,
  /** a where b > 0, else 0 (the derivative of relu). */
  Gate = 73,
  /** b where a != 0, else c. */
  Select = 112,
  /** a * b + c, two roundings. */
  MultiplyAdd = 113,
  /** dst = the sum of a, or of a * b, over the middle of [outer, rows, columns]; fields: `SumMicroField`. In the written order of Opcode.Sum. */
  Sum = 128,
}

/** The highest numbers in use: the host refuses a core that answers others, and a Program that needs higher ones. */
export enum InstructionSet {
  LastOpcode = 22,
  LastOfOneOperand = 32,
  LastOfTwoOperands = 73,
  LastOfThreeOperands = 113,
  /** Of all micro-operations. */
  LastMicroOp = 128,
}

/** C [batch, M, N] = op(A) op(B). A is [M,K], or [K,M] when transposeA; B is [K,N], or [N,K] when transposeB. */
export enum MatMulField {
  batch,
  M,
  N,
  K,
  transposeA,
  transposeB,
  a,
  b,
  out,
  /** Elements from one matrix of the batch to the next: M*K, or 0 to use the same for all. */
  aBatchStride,
  bBatchStride,
  /** Room for a packed B: roundUp(N, Tile.Columns) * K floats. */
  scratch,
  Words,
}

/** X [batch, N, K] = A^-1 B. A is [batch, N, N], B is [batch, N, K]. */
export enum SolveField {
  batch,
  N,
  K,
  a,
  b,
  out,
  /** Room for one system in doubles: 2 * N * (N + K) floats. */
  scratch,
  Words,
}

/** Convolution (cross-correlation, as in every deep-learning library); pads are top and left, the rest follows from HO, WO. */
export enum ConvField {
  a,
  b,
  out,
  N,
  H,
  W,
  C,
  KH,
  KW,
  O,
  HO,
  WO,
  strideH,
  strideW,
  padTop,
  padLeft,
  /**
   * With K = KH*KW*C and up(n) = n rounded up to Tile.Columns, room for packed weights or sums, then for patches and
   * gradients, or pixels: max(up(O) * K, KH*KW * up(C) * O) floats, and
   * max(Tile.Patches * (up(K) + up(O)), Tile.Pixels * (C + Tile.PixelGap + up(O))) more. Where KH, KW = 3, strides are 1, and C and O
   * are multiples of Tile.Columns, at least 16 * (C * O + Tile.Squares * (C + O)). Where KW * C < Tile.Line, one image with its padding
   * more: ((HO - 1) * strideH + KH) * ((WO - 1) * strideW + KW) * C + 4.
   */
  scratch,
  Words,
}

export enum PoolField {
  a,
  b,
  out,
  N,
  H,
  W,
  C,
  KH,
  KW,
  HO,
  WO,
  strideH,
  strideW,
  padTop,
  padLeft,
  Words,
}

/** x [A, B, C] reduced over B to out [A, C]. */
export enum ReduceField {
  x,
  out,
  A,
  B,
  C,
  Words,
}

export enum RowField {
  x,
  out,
  R,
  C,
  Words,
}

export enum IndexField {
  a,
  index,
  out,
  n,
  R,
  C,
  Words,
}

/** Five dimensions, outermost first; unused leading ones have size 1. */
export enum CopyField {
  x,
  out,
  size0,
  size1,
  size2,
  size3,
  size4,
  xStride0,
  xStride1,
  xStride2,
  xStride3,
  xStride4,
  outStride0,
  outStride1,
  outStride2,
  outStride3,
  outStride4,
  Words,
}

export enum FillField {
  out,
  n,
  /** The bits of the f32 value. */
  valueBits,
  Words,
}

/** Threefry-2x32 (20 rounds) in counter mode under a key given as four f32, each an integer below 2^16: high and low halves of the key's two words. */
export enum RandomField {
  key,
  out,
  n,
  /** Second counter word: tells apart several draws under one key. The first is the pair index i / 2; element i is word i % 2 of the block. */
  stream,
  Words,
}
