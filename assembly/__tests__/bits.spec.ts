/** What must hold to the bit, beyond the error bounds of the other specs: roundings, orders, registers, places in memory. */

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
  SENTINEL,
  SIZES,
} from "./support";

/** Small, so that the ragged sizes are one short block, one whole, and several with a short last one. */
const BLOCK = 8;

/** An operand in memory moves on by a block, a register or a splat stays. */
const MEMORY = BLOCK * 4;
const REGISTER = 0;

function begin(elements: i32, onceCount: i32, microCount: i32): void {
  instruction(Opcode.Block);
  field(elements);
  field(BLOCK);
  field(onceCount);
  field(microCount);
}

/** Operation and destination of a micro-operation; three operands follow. */
function micro(operation: i32, splats: i32, dst: usize, dstStep: i32): void {
  field(operation);
  field(splats);
  fieldAt(dst);
  field(dstStep);
}

function operand(address: usize, step: i32): void {
  fieldAt(address);
  field(step);
}

function unused(count: i32): void {
  for (let i = 0; i < count; i++) operand(0, 0);
}

/** A buffer that blocks may write in whole vectors. */
function whole(elements: i32): usize {
  return buffer((elements + 3) & ~3);
}

function wholeIntact(at: usize, elements: i32): bool {
  return intact(at, (elements + 3) & ~3);
}

/** Whether `got` is `wanted` rounded once: f64 holds what one f32 operation would round closely enough to round it again. */
function isRounded(got: f32, wanted: f64): bool {
  return absoluteError(got, f64(f32(wanted))) == 0;
}

function isPolynomial(operation: i32): bool {
  switch (operation) {
    case MicroOp.Exp:
    case MicroOp.Log:
    case MicroOp.Tanh:
    case MicroOp.Sigmoid:
    case MicroOp.Softplus:
    case MicroOp.Sin:
    case MicroOp.Cos:
      return true;
    default:
      return false;
  }
}

function one(operation: i32, x: f64): f64 {
  switch (operation) {
    case MicroOp.Negate:
      return -x;
    case MicroOp.Sqrt:
      return NativeMath.sqrt(x);
    case MicroOp.Rsqrt:
      return 1 / f64(f32(NativeMath.sqrt(x)));
    case MicroOp.Reciprocal:
      return 1 / x;
    case MicroOp.Relu:
      return isNaN(x) || x > 0 ? x : 0;
    case MicroOp.Abs:
      return abs(x);
    case MicroOp.Sign:
      return isNaN(x) ? x : f64(x > 0) - f64(x < 0);
    case MicroOp.Square:
      return x * x;
    case MicroOp.Floor:
      return floor(x);
    default:
      return x;
  }
}

function two(operation: i32, a: f64, b: f64): f64 {
  switch (operation) {
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
      return f64(a > b);
    case MicroOp.GreaterEqual:
      return f64(a >= b);
    case MicroOp.Equal:
      return f64(a == b);
    default:
      return b > 0 ? a : 0;
  }
}

/** Thirds of multiples of a half, so that operations round, and NaN, infinities and both zeros among them. */
function specials(n: i32): usize {
  const at = buffer(n);
  for (let i = 0; i < n; i++) {
    const kind = i32((random() + 0.5) * 12);
    let value = floor(random() * 9) / 3;
    if (kind == 0) value = NaN;
    if (kind == 1) value = Infinity;
    if (kind == 2) value = -Infinity;
    if (kind == 3) value = -0.0;
    put(at, i, value);
  }
  return at;
}

/** Whether a one-operand operation rounds once on `n` specials, also where destination and operand are one. */
function oneRounds(operation: i32, n: i32): bool {
  reset();
  const x = specials(n);
  const out = whole(n);
  const same = whole(n);
  for (let i = 0; i < n; i++) put(same, i, get(x, i));
  begin(n, 0, 2);
  micro(operation, 0, out, MEMORY);
  operand(x, MEMORY);
  unused(2);
  micro(operation, 0, same, MEMORY);
  operand(same, MEMORY);
  unused(2);
  execute();
  for (let i = 0; i < n; i++) {
    const wanted = one(operation, f64(get(x, i)));
    if (!isRounded(get(out, i), wanted) || !isRounded(get(same, i), wanted)) return false;
  }
  return wholeIntact(out, n) && wholeIntact(same, n);
}

/** Whether a two-operand operation rounds once on `n` specials, also into its first and into its second operand. */
function twoRounds(operation: i32, n: i32): bool {
  reset();
  const a = specials(n);
  const b = specials(n);
  const out = whole(n);
  const first = whole(n);
  const second = whole(n);
  for (let i = 0; i < n; i++) {
    put(first, i, get(a, i));
    put(second, i, get(b, i));
  }
  begin(n, 0, 3);
  micro(operation, 0, out, MEMORY);
  operand(a, MEMORY);
  operand(b, MEMORY);
  unused(1);
  micro(operation, 0, first, MEMORY);
  operand(first, MEMORY);
  operand(b, MEMORY);
  unused(1);
  micro(operation, 0, second, MEMORY);
  operand(a, MEMORY);
  operand(second, MEMORY);
  unused(1);
  execute();
  for (let i = 0; i < n; i++) {
    const wanted = two(operation, f64(get(a, i)), f64(get(b, i)));
    if (!isRounded(get(out, i), wanted)) return false;
    if (!isRounded(get(first, i), wanted) || !isRounded(get(second, i), wanted)) return false;
  }
  return wholeIntact(out, n) && wholeIntact(first, n) && wholeIntact(second, n);
}

/** Whether x * x + x over itself, then times itself, rounds where f32 arithmetic does: a fused multiply-add would not. */
function allInPlace(n: i32): bool {
  reset();
  const x = whole(n);
  const wanted = buffer(n);
  for (let i = 0; i < n; i++) {
    const value = random();
    put(x, i, value);
    const sum = value * value + value;
    put(wanted, i, sum * sum);
  }
  begin(n, 0, 2);
  micro(MicroOp.MultiplyAdd, 0, x, MEMORY);
  operand(x, MEMORY);
  operand(x, MEMORY);
  operand(x, MEMORY);
  micro(MicroOp.Multiply, 0, x, MEMORY);
  operand(x, MEMORY);
  operand(x, MEMORY);
  unused(1);
  execute();
  for (let i = 0; i < n; i++) if (get(x, i) != get(wanted, i)) return false;
  return wholeIntact(x, n);
}

/** Whether one counter is counted up once and another once a block. */
function countsBlocks(n: i32): bool {
  reset();
  const step = buffer(4);
  const once = buffer(BLOCK);
  const every = buffer(BLOCK);
  for (let i = 0; i < BLOCK; i++) {
    if (i < 4) put(step, i, 1);
    put(once, i, 0);
    put(every, i, 0);
  }
  begin(n, 1, 2);
  micro(MicroOp.Add, 2, once, REGISTER);
  operand(once, REGISTER);
  operand(step, REGISTER);
  unused(1);
  micro(MicroOp.Add, 2, every, REGISTER);
  operand(every, REGISTER);
  operand(step, REGISTER);
  unused(1);
  execute();
  const blocks = (n + BLOCK - 1) / BLOCK;
  // The last vector of the first block is worked on in every block but a last one that is too short for it.
  const whole = ((n % BLOCK) + 3) / 4 == 1 ? blocks - 1 : blocks;
  const isLong = n > 4;
  const last = isLong ? get(once, BLOCK - 1) == 1 && get(every, BLOCK - 1) == f32(whole) : get(every, BLOCK - 1) == 0;
  return get(once, 0) == 1 && get(every, 0) == f32(blocks) && last && intact(once, BLOCK) && intact(every, BLOCK);
}

function sum(x: usize, out: usize, B: i32, C: i32): void {
  instruction(Opcode.Sum);
  fieldAt(x);
  fieldAt(out);
  field(1);
  field(B);
  field(C);
  execute();
}

/** Whether every column of [B, C] has the bits that it has as one of two: sixteen, four and one at a time add in one order. */
function columnsAgree(B: i32, C: i32): bool {
  reset();
  const x = randomBuffer(B * C);
  const out = buffer(C);
  const pair = randomBuffer(2 * B);
  const alone = buffer(2);
  sum(x, out, B, C);
  for (let c = 0; c < C; c++) {
    for (let b = 0; b < B; b++) put(pair, 2 * b, get(x, b * C + c));
    sum(pair, alone, B, 2);
    if (get(alone, 0) != get(out, c)) return false;
  }
  return true;
}

/** Whether the sum of each column of [B, C] has the bits of the written order. */
function columnsInWrittenOrder(B: i32, C: i32): bool {
  reset();
  const x = randomBuffer(B * C);
  const out = buffer(C);
  sum(x, out, B, C);
  for (let c = 0; c < C; c++) {
    let total: f32 = 0;
    for (let first = 0; first < B; first += 16384) {
      let group: f32 = 0;
      for (let row = first; row < min(first + 16384, B); row += 128) {
        let chunk: f32 = 0;
        for (let b = row; b < min(min(row + 128, first + 16384), B); b++) chunk += get(x, b * C + c);
        group += chunk;
      }
      total += group;
    }
    if (get(out, c) != total) return false;
  }
  return intact(out, C);
}

/** Worst relative error of the sums of B numbers in [0, 1), C of them side by side. */
function longSums(B: i32, C: i32): f64 {
  reset();
  const x = buffer(B * C);
  for (let i = 0; i < B * C; i++) put(x, i, random() + 0.5);
  const out = buffer(C);
  sum(x, out, B, C);
  let error: f64 = intact(out, C) ? 0 : Infinity;
  for (let c = 0; c < C; c++) {
    let total: f64 = 0;
    for (let b = 0; b < B; b++) total += f64(get(x, b * C + c));
    error = max(error, absoluteError(get(out, c), total) / total);
  }
  return error;
}

/** Whether a transpose and a plain copy between addresses off the 16-byte grid touch nothing before and behind. */
function copiesOffGrid(rows: i32, columns: i32, shift: i32): bool {
  for (let kind = 0; kind < 2; kind++) {
    reset();
    const n = rows * columns;
    const x = randomBuffer(n + 4);
    const out = buffer(n + 4);
    const from = x + (usize(4 - shift) << 2);
    const to = out + (usize(shift) << 2);
    const isTransposed = kind == 1;
    instruction(Opcode.Copy);
    fieldAt(from);
    fieldAt(to);
    field(1);
    field(1);
    field(1);
    field(rows);
    field(columns);
    for (let d = 0; d < 3; d++) field(0);
    field(isTransposed ? 1 : columns);
    field(isTransposed ? rows : 1);
    for (let d = 0; d < 3; d++) field(0);
    field(columns);
    field(1);
    execute();
    for (let i = 0; i < n; i++) {
      if (get(to, i) != get(from, isTransposed ? (i % columns) * rows + i / columns : i)) return false;
    }
    for (let i = 0; i < shift; i++) if (get(out, i) != SENTINEL) return false;
    if (!intact(out, shift + n)) return false;
  }
  return true;
}

describe("block, to the bit", () => {
  test("one operand: every operation that is no polynomial rounds as f32 does, NaN, infinities and zeros included, also in place", () => {
    for (let operation: i32 = MicroOp.Copy; operation <= InstructionSet.LastOfOneOperand; operation++) {
      if (isPolynomial(operation)) continue;
      for (let i = 0; i < SIZES.length; i++) expect(oneRounds(operation, SIZES[i])).toBe(true);
      expect(oneRounds(operation, 203)).toBe(true);
    }
  });
  test("two operands: every operation rounds once, NaN, infinities and zeros included, also into either operand", () => {
    for (let operation: i32 = MicroOp.Add; operation <= InstructionSet.LastOfTwoOperands; operation++) {
      for (let i = 0; i < SIZES.length; i++) expect(twoRounds(operation, SIZES[i])).toBe(true);
      expect(twoRounds(operation, 203)).toBe(true);
    }
  });
  test("multiplyAdd rounds twice; all operands and the destination may be one", () => {
    for (let i = 0; i < SIZES.length; i++) expect(allInPlace(SIZES[i])).toBe(true);
  });
  test("once is once, the others run for every block, the short last one included", () => {
    for (let i = 0; i < SIZES.length; i++) expect(countsBlocks(SIZES[i])).toBe(true);
  });
});

describe("sum, to the bit", () => {
  test("a column has the same bits however many stand beside it", () => {
    expect(columnsAgree(300, 40)).toBe(true);
    expect(columnsAgree(129, 23)).toBe(true);
    expect(columnsAgree(128, 17)).toBe(true);
  });
  test("long columns are added in chunks and groups, to the bit", () => {
    expect(columnsInWrittenOrder(16384, 3)).toBe(true);
    expect(columnsInWrittenOrder(40000, 23)).toBe(true);
    expect(columnsInWrittenOrder(33000, 2)).toBe(true);
  });
  test("a million numbers: relative error < 1e-6 in a row and over rows", () => {
    expect(longSums(999983, 1)).toBeLessThan(1e-6);
    expect(longSums(333333, 3)).toBeLessThan(1e-6);
    expect(longSums(43478, 23)).toBeLessThan(1e-6);
  });
});

describe("copy, to the bit", () => {
  test("addresses that are only multiples of 4 touch nothing before and behind", () => {
    for (let i = 0; i < SIZES.length; i++) {
      for (let j = 0; j < SIZES.length; j++) {
        for (let shift = 0; shift < 4; shift++) expect(copiesOffGrid(SIZES[i], SIZES[j], shift)).toBe(true);
      }
    }
  });
});
