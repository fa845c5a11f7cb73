import { InstructionSet, MicroOp, Opcode } from "../opcodes";
import {
  absoluteError,
  buffer,
  execute,
  field,
  fieldAt,
  get,
  instruction,
  intact,
  put,
  random,
  randomBuffer,
  reset,
  SIZES,
} from "./support";

function begin(elements: i32, blockSize: i32, onceCount: i32, microCount: i32): void {
  instruction(Opcode.Block);
  field(elements);
  field(blockSize);
  field(onceCount);
  field(microCount);
}

/** One micro-operation; a step is what an operand advances from block to block. */
function micro(
  operation: MicroOp,
  splats: i32,
  dst: usize,
  dstStep: i32,
  a: usize,
  aStep: i32,
  b: usize,
  bStep: i32,
  c: usize,
  cStep: i32,
): void {
  field(operation);
  field(splats);
  fieldAt(dst);
  field(dstStep);
  fieldAt(a);
  field(aStep);
  fieldAt(b);
  field(bStep);
  fieldAt(c);
  field(cStep);
}

function fillStrided(dst: usize, source: usize, size1: i32, size2: i32, s0: i32, s1: i32, s2: i32): void {
  field(MicroOp.FillStrided);
  field(size1);
  fieldAt(dst);
  field(size2);
  fieldAt(source);
  field(s0);
  field(s1);
  field(s2);
  field(0);
  field(0);
}

/** What a micro-operation means, in f64. */
function meaning(operation: MicroOp, a: f64, b: f64, c: f64): f64 {
  switch (operation) {
    case MicroOp.Copy:
      return a;
    case MicroOp.Negate:
      return -a;
    case MicroOp.Exp:
      return NativeMath.exp(a);
    case MicroOp.Log:
      return NativeMath.log(a);
    case MicroOp.Sqrt:
      return NativeMath.sqrt(a);
    case MicroOp.Rsqrt:
      return 1 / NativeMath.sqrt(a);
    case MicroOp.Reciprocal:
      return 1 / a;
    case MicroOp.Tanh:
      return NativeMath.tanh(a);
    case MicroOp.Sigmoid:
      return 1 / (1 + NativeMath.exp(-a));
    case MicroOp.Relu:
      return a > 0 ? a : isNaN(a) ? NaN : 0;
    case MicroOp.Softplus:
      return NativeMath.log1p(NativeMath.exp(a));
    case MicroOp.Abs:
      return abs(a);
    case MicroOp.Sign:
      return a > 0 ? 1 : a < 0 ? -1 : a;
    case MicroOp.Sin:
      return NativeMath.sin(a);
    case MicroOp.Cos:
      return NativeMath.cos(a);
    case MicroOp.Square:
      return a * a;
    case MicroOp.Floor:
      return floor(a);
    case MicroOp.Add:
      return a + b;
    case MicroOp.Subtract:
      return a - b;
    case MicroOp.Multiply:
      return a * b;
    case MicroOp.Divide:
      return a / b;
    case MicroOp.Maximum:
      return isNaN(a) || isNaN(b) ? NaN : max(a, b);
    case MicroOp.Minimum:
      return isNaN(a) || isNaN(b) ? NaN : min(a, b);
    case MicroOp.Greater:
      return a > b ? 1 : 0;
    case MicroOp.GreaterEqual:
      return a >= b ? 1 : 0;
    case MicroOp.Equal:
      return a == b ? 1 : 0;
    case MicroOp.Gate:
      return b > 0 ? a : 0;
    case MicroOp.Select:
      return a != 0 ? b : c;
    default:
      return a * b + c;
  }
}

/** Numbers within 2 of zero with zeros, halves and, where `wild`, NaN and infinities among them. */
function operands(n: i32, wild: bool): usize {
  const at = buffer(n);
  for (let i = 0; i < n; i++) {
    const kind = i32((random() + 0.5) * 16);
    let value = random() * 4;
    if (kind == 0) value = 0;
    if (kind == 1) value = 0.5;
    if (kind == 2 && wild) value = NaN;
    if (kind == 3 && wild) value = Infinity;
    if (kind == 4 && wild) value = -Infinity;
    put(at, i, value);
  }
  return at;
}

/** Worst error, over max(1, |wanted|), of one operation on `n` elements; operands whose bit is set in `splats` are splats. */
function worst(operation: MicroOp, n: i32, blockSize: i32, splats: i32, wild: bool): f64 {
  reset();
  const size = (n + 3) & ~3;
  const step = blockSize * 4;
  const a = operands(size, wild);
  const b = operands(size, wild);
  const c = operands(size, wild);
  const splatA = buffer(4);
  const splatB = buffer(4);
  const splatC = buffer(4);
  for (let i = 0; i < 4; i++) {
    put(splatA, i, get(a, 0));
    put(splatB, i, get(b, 0));
    put(splatC, i, get(c, 0));
  }
  const out = buffer(n);
  begin(n, blockSize, 0, 1);
  micro(
    operation,
    splats,
    out,
    step,
    splats & 1 ? splatA : a,
    splats & 1 ? 0 : step,
    splats & 2 ? splatB : b,
    splats & 2 ? 0 : step,
    splats & 4 ? splatC : c,
    splats & 4 ? 0 : step,
  );
  execute();
  let error: f64 = 0;
  for (let i = 0; i < n; i++) {
    const x = f64(get(a, splats & 1 ? 0 : i));
    const y = f64(get(b, splats & 2 ? 0 : i));
    const z = f64(get(c, splats & 4 ? 0 : i));
    const wanted = meaning(operation, x, y, z);
    const scale = abs(wanted) > 1 && abs(wanted) < Infinity ? abs(wanted) : 1;
    error = max(error, absoluteError(get(out, i), wanted) / scale);
  }
  for (let i = size; i < size + 12; i++) if (get(out, i) != 777) return Infinity;
  return error;
}

function worstOverSizes(operation: MicroOp, splats: i32, wild: bool): f64 {
  let error: f64 = 0;
  for (let i = 0; i < SIZES.length; i++) {
    error = max(error, worst(operation, SIZES[i], 40, splats, wild));
    error = max(error, worst(operation, SIZES[i], 8, splats, wild));
    error = max(error, worst(operation, 3 * SIZES[i], 16, splats, wild));
  }
  return error;
}

/** Whether a register filled from a strided operand [size0, size1, size2] holds element after element, block after block. */
function fillAgrees(size0: i32, size1: i32, size2: i32, s0: i32, s1: i32, s2: i32, blockSize: i32): bool {
  reset();
  const n = size0 * size1 * size2;
  const source = randomBuffer((size0 - 1) * s0 + (size1 - 1) * s1 + (size2 - 1) * s2 + 1);
  const register = buffer(blockSize);
  const out = buffer(n);
  begin(n, blockSize, 0, 2);
  fillStrided(register, source, size1, size2, s0, s1, s2);
  micro(MicroOp.Copy, 0, out, blockSize * 4, register, 0, 0, 0, 0, 0);
  execute();
  for (let e = 0; e < n; e++) {
    const i2 = e % size2;
    const i1 = (e / size2) % size1;
    const i0 = e / (size1 * size2);
    if (get(out, e) != get(source, i0 * s0 + i1 * s1 + i2 * s2)) return false;
  }
  return intact(register, blockSize);
}

/** Whether no micro-operation has this number. */
function isGap(operation: i32): bool {
  if (operation < MicroOp.Add) return operation > InstructionSet.LastOfOneOperand;
  return operation > InstructionSet.LastOfTwoOperands && operation < MicroOp.Select;
}

describe("block: micro-operations", () => {
  test("one operand: error < 5e-7 (over max(1, |result|)) at sizes 1, 3, 4, 5, 8, 17, 40 in blocks of 8, 16 and 40", () => {
    for (let operation = <i32>MicroOp.Copy; operation <= <i32>InstructionSet.LastOfOneOperand; operation++) {
      expect(worstOverSizes(operation, 0, false)).toBeLessThan(5e-7);
      expect(worstOverSizes(operation, 1, false)).toBeLessThan(5e-7);
    }
  });
  test("two operands, in full and splat: error < 5e-7", () => {
    for (let operation = <i32>MicroOp.Add; operation <= <i32>InstructionSet.LastOfTwoOperands; operation++) {
      for (let splats = 0; splats < 4; splats++) {
        expect(worstOverSizes(operation, splats, false)).toBeLessThan(5e-7);
      }
    }
  });
  test("three operands, in full and splat: error < 5e-7", () => {
    for (let operation = <i32>MicroOp.Select; operation <= <i32>InstructionSet.LastOfThreeOperands; operation++) {
      for (let splats = 0; splats < 8; splats++) {
        expect(worstOverSizes(operation, splats, false)).toBeLessThan(5e-7);
      }
    }
  });
  test("NaN and infinities come out as in f64", () => {
    for (let operation = <i32>MicroOp.Copy; operation <= <i32>InstructionSet.LastOfThreeOperands; operation++) {
      if (isGap(operation)) continue;
      if (operation == MicroOp.Sin || operation == MicroOp.Cos) continue;
      expect(worstOverSizes(operation, 0, true)).toBeLessThan(5e-7);
    }
  });
});

describe("block: registers", () => {
  test("strided fills: rows, columns, scalars per row, and both, at ragged sizes and blocks", () => {
    for (let i = 0; i < SIZES.length; i++) {
      const c = SIZES[i];
      for (let blockSize = 4; blockSize <= 48; blockSize += 20) {
        expect(fillAgrees(1, 7, c, 0, 0, 1, blockSize)).toBe(true);
        expect(fillAgrees(1, 7, c, 0, 1, 0, blockSize)).toBe(true);
        expect(fillAgrees(3, 5, c, c, 0, 1, blockSize)).toBe(true);
        expect(fillAgrees(3, 5, c, 5, 1, 0, blockSize)).toBe(true);
        expect(fillAgrees(3, 5, c, 1, 0, 3, blockSize)).toBe(true);
        expect(fillAgrees(3, 5, c, 0, 0, 0, blockSize)).toBe(true);
      }
    }
  });
  test("what runs once fills a register that every block reads; later operations chain through registers", () => {
    for (let i = 0; i < SIZES.length; i++) {
      reset();
      const rows = SIZES[i];
      const n = rows * 8;
      const x = randomBuffer(n);
      const bias = randomBuffer(8);
      const scale = randomBuffer(1);
      const biasRegister = buffer(16);
      const scaleSplat = buffer(4);
      const sum = buffer(16);
      const out = buffer(n);
      begin(n, 16, 2, 4);
      fillStrided(biasRegister, bias, rows, 8, 0, 0, 1);
      micro(MicroOp.FillSplat, 0, scaleSplat, 0, scale, 0, 0, 0, 0, 0);
      micro(MicroOp.Add, 0, sum, 0, x, 64, biasRegister, 0, 0, 0);
      micro(MicroOp.Multiply, 2, out, 64, sum, 0, scaleSplat, 0, 0, 0);
      execute();
      for (let e = 0; e < n; e++) {
        const wanted = (f64(get(x, e)) + f64(get(bias, e % 8))) * f64(get(scale, 0));
        expect(absoluteError(get(out, e), wanted)).toBeLessThan(1e-7);
      }
      expect(intact(out, n)).toBe(true);
      expect(intact(biasRegister, 16)).toBe(true);
      expect(intact(scaleSplat, 4)).toBe(true);
    }
  });
});

/** A sum of `x` [outer, rows, columns] taken along by blocks of `blockSize`: the result, checked against sentinels. */
function summedInBlocks(x: usize, outer: i32, rows: i32, columns: i32, blockSize: i32, y: usize = 0): usize {
  const out = buffer(outer * columns);
  const partial = buffer(max(16, columns));
  begin(outer * rows * columns, blockSize, 0, 1);
  field(MicroOp.Sum);
  field(columns);
  fieldAt(out);
  field(rows);
  fieldAt(x);
  field(blockSize << 2);
  fieldAt(partial);
  field(y == 0 ? 0 : 1);
  if (y == 0) field(0);
  else fieldAt(y);
  field(y == 0 ? 0 : blockSize << 2);
  execute();
  expect(intact(out, outer * columns)).toBe(true);
  expect(intact(partial, max(16, columns))).toBe(true);
  return out;
}

function summedAlone(x: usize, outer: i32, rows: i32, columns: i32): usize {
  const out = buffer(outer * columns);
  instruction(Opcode.Sum);
  fieldAt(x);
  fieldAt(out);
  field(outer);
  field(rows);
  field(columns);
  execute();
  return out;
}

/** Counts the elements whose bits differ. */
function differences(a: usize, b: usize, count: i32): i32 {
  let different = 0;
  for (let i = 0; i < count; i++) if (get(a, i) != get(b, i)) different++;
  return different;
}

describe("a sum that blocks take along has the bits of a sum on its own", () => {
  test("over rows of several columns, blocks ending inside and at the end of chunks", () => {
    for (let i = 0; i < SIZES.length; i++) {
      const columns = SIZES[i];
      if (columns == 1) continue;
      for (let rows = 1; rows < 600; rows += 1 + rows / 3) {
        for (let outer = 1; outer <= 3; outer += 2) {
          for (let times = 1; times <= 12; times += 5) {
            reset();
            const x = randomBuffer(outer * rows * columns);
            const alone = summedAlone(x, outer, rows, columns);
            const blocks = summedInBlocks(x, outer, rows, columns, columns * 4 * times);
            expect(differences(alone, blocks, outer * columns)).toBe(0);
          }
        }
      }
    }
  });

  test("over products, which are rounded before they are added", () => {
    for (let i = 0; i < SIZES.length; i++) {
      const columns = SIZES[i];
      for (let rows = 1; rows < 600; rows += 1 + rows / 2) {
        for (let outer = 1; outer <= 4; outer += 3) {
          reset();
          const count = outer * rows * columns;
          const x = randomBuffer(count);
          const y = randomBuffer(count);
          const product = buffer(count);
          for (let e = 0; e < count; e++) put(product, e, get(x, e) * get(y, e));
          const blockSize = 4 * (columns > 1 ? 3 * columns : outer > 1 ? rows : 16);
          const alone = summedAlone(product, outer, rows, columns);
          const blocks = summedInBlocks(x, outer, rows, columns, blockSize, y);
          expect(differences(alone, blocks, outer * columns)).toBe(0);
        }
      }
    }
  });

  test("over all elements", () => {
    for (let count = 1; count < 9000; count += 1 + count / 2) {
      for (let blockSize = 16; blockSize <= 512; blockSize += 112) {
        reset();
        const x = randomBuffer(count);
        expect(differences(summedAlone(x, 1, count, 1), summedInBlocks(x, 1, count, 1, blockSize), 1)).toBe(0);
      }
    }
  });

  test("over runs that lie in a block as a whole", () => {
    for (let i = 0; i < SIZES.length; i++) {
      const rows = SIZES[i];
      for (let outer = 2; outer < 70; outer += 13) {
        reset();
        const x = randomBuffer(outer * rows);
        expect(differences(summedAlone(x, outer, rows, 1), summedInBlocks(x, outer, rows, 1, rows * 12), outer)).toBe(
          0,
        );
      }
    }
  });
});
