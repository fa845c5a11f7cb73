/** What no data and no place in memory may do: reach outside a buffer, trap, or change a result. */

import { MicroOp, Opcode } from "../opcodes";
import { buffer, execute, field, fieldAt, get, instruction, intact, put, randomBuffer, reset, SIZES } from "./support";

/** None of these is an index below 5, nor a position of `hostileWindow` that lies in the image. */
const HOSTILE: StaticArray<f32> = [
  NaN,
  Infinity,
  -Infinity,
  -1,
  -5,
  -9,
  0.5,
  3.9999998,
  4.0000005,
  4.5,
  9,
  10,
  256,
  65536,
  2147483648,
  -2147483648,
  4294967296,
  4294967300,
  1e30,
  -1e30,
  3e38,
  1e-40,
  -1e-40,
];

/** One 3x3 window over a 2x2 image whose first row and column lie in the padding; a channel for every hostile winner. */
function hostileWindow(opcode: Opcode, a: usize, winners: usize, out: usize): void {
  instruction(opcode);
  fieldAt(a);
  fieldAt(winners);
  fieldAt(out);
  field(1);
  field(2);
  field(2);
  field(HOSTILE.length);
  field(3);
  field(3);
  for (let i = 0; i < 4; i++) field(1);
  field(1);
  field(1);
  execute();
}

/** Whether gather gives NaN and scatter nothing for all hostile winners, or for the padding's position `inPadding`. */
function winnersStayInside(inPadding: i32): bool {
  reset();
  const n = HOSTILE.length;
  const x = randomBuffer(4 * n);
  const winners = buffer(n);
  for (let i = 0; i < n; i++) put(winners, i, inPadding < 0 ? HOSTILE[i] : f32(inPadding));
  const y = buffer(n);
  const dx = buffer(4 * n);
  hostileWindow(Opcode.PoolGather, x, winners, y);
  hostileWindow(Opcode.PoolScatter, x, winners, dx);
  for (let i = 0; i < n; i++) if (!isNaN(get(y, i))) return false;
  for (let i = 0; i < 4 * n; i++) if (get(dx, i) != 0) return false;
  return intact(x, 4 * n) && intact(winners, n) && intact(y, n) && intact(dx, 4 * n);
}

function indexed(opcode: Opcode, a: usize, index: usize, out: usize, n: i32, R: i32, C: i32): void {
  instruction(opcode);
  fieldAt(a);
  fieldAt(index);
  fieldAt(out);
  field(n);
  field(R);
  field(C);
  execute();
}

/** Whether five rows of C stay out of reach of all hostile indices at once. */
function indicesStayInside(C: i32): bool {
  reset();
  const n = HOSTILE.length;
  const x = randomBuffer(5 * C);
  const y = randomBuffer(n * C);
  const index = buffer(n);
  for (let i = 0; i < n; i++) put(index, i, HOSTILE[i]);
  const gathered = buffer(n * C);
  const scattered = buffer(5 * C);
  const hot = buffer(n * 5);
  indexed(Opcode.Gather, x, index, gathered, n, 5, C);
  indexed(Opcode.ScatterAdd, y, index, scattered, n, 5, C);
  indexed(Opcode.OneHot, 0, index, hot, n, 0, 5);
  for (let i = 0; i < n * C; i++) if (!isNaN(get(gathered, i))) return false;
  for (let i = 0; i < 5 * C; i++) if (get(scattered, i) != 0) return false;
  for (let i = 0; i < n * 5; i++) if (get(hot, i) != 0) return false;
  return intact(gathered, n * C) && intact(scattered, 5 * C) && intact(hot, n * 5) && intact(index, n);
}

/** Whether a key of four hostile halves still draws numbers in [0, 1) and no more than asked for. */
function keyStaysInside(half: f32): bool {
  reset();
  const key = buffer(4);
  for (let i = 0; i < 4; i++) put(key, i, half);
  const out = buffer(5);
  instruction(Opcode.RandomUniform);
  fieldAt(key);
  fieldAt(out);
  field(5);
  field(0);
  execute();
  for (let i = 0; i < 5; i++) if (!(get(out, i) >= 0 && get(out, i) < 1)) return false;
  return intact(out, 5);
}

/** All pages but the last, with which the specs' own allocator would count 4 GiB as 0. */
const PAGES = 65535;

/** Grows the memory as far as specs can. Pages that are never touched cost nothing. */
function growToEnd(): bool {
  return memory.size() == PAGES || memory.grow(PAGES - memory.size()) >= 0;
}

function roundUp(bytes: usize): usize {
  return (bytes + 15) & ~15;
}

/** Where a buffer of `floats` begins that ends, padding included, at `end`. */
function before(end: usize, floats: i32): usize {
  return end - roundUp(usize(floats) << 2);
}

function copyTo(target: usize, source: usize, floats: i32): void {
  memory.copy(target, source, usize(floats) << 2);
}

function isSame(a: usize, b: usize, floats: i32): bool {
  return memory.compare(a, b, usize(floats) << 2) == 0;
}

/** out = relu(x) * x. */
function fused(x: usize, out: usize, n: i32): void {
  instruction(Opcode.Block);
  field(n);
  field(8);
  field(0);
  field(2);
  field(MicroOp.Relu);
  field(0);
  fieldAt(out);
  field(32);
  fieldAt(x);
  field(32);
  for (let i = 0; i < 4; i++) field(0);
  field(MicroOp.Multiply);
  field(0);
  fieldAt(out);
  field(32);
  fieldAt(out);
  field(32);
  fieldAt(x);
  field(32);
  field(0);
  field(0);
  execute();
}

/** Whether a block works up to `end`, its operand before its destination. */
function blockReaches(end: usize, n: i32): bool {
  reset();
  const x = randomBuffer(n);
  const wanted = buffer((n + 3) & ~3);
  fused(x, wanted, n);
  const farOut = before(end, n);
  const farX = before(farOut, n);
  copyTo(farX, x, n);
  fused(farX, farOut, n);
  return isSame(farOut, wanted, n);
}

/** A 3x3 convolution of [1, 5, 5, C] to one pixel fewer on each side, 3 outputs. */
function convolve(opcode: Opcode, a: usize, b: usize, out: usize, C: i32, scratch: usize): void {
  instruction(opcode);
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  field(1);
  field(5);
  field(5);
  field(C);
  field(3);
  field(3);
  field(3);
  field(3);
  field(3);
  for (let i = 0; i < 2; i++) field(1);
  for (let i = 0; i < 2; i++) field(0);
  fieldAt(scratch);
  execute();
}

/** Whether a convolution and its gradients have the same bits with the image up against `end`, shifted on by `shift` vectors. */
function convolutionReaches(end: usize, C: i32, shift: i32): bool {
  reset();
  const K = 9 * C;
  const x = randomBuffer(25 * C);
  const w = randomBuffer(K * 3);
  const dy = randomBuffer(27);
  const y = buffer(27);
  const dx = buffer(25 * C);
  const dw = buffer(K * 3);
  const scratch = buffer(8 * K + 8 * 3 + 48 * (K + 16));
  const farY = buffer(27);
  const farDw = buffer(K * 3);
  const farX = before(end, 25 * C) + (usize(shift) << 4);
  convolve(Opcode.Conv2d, x, w, y, C, scratch);
  convolve(Opcode.Conv2dInputGrad, dy, w, dx, C, scratch);
  convolve(Opcode.Conv2dWeightGrad, x, dy, dw, C, scratch);
  copyTo(farX, x, 25 * C);
  convolve(Opcode.Conv2d, farX, w, farY, C, scratch);
  convolve(Opcode.Conv2dWeightGrad, farX, dy, farDw, C, scratch);
  convolve(Opcode.Conv2dInputGrad, dy, w, farX, C, scratch);
  return isSame(y, farY, 27) && isSame(dw, farDw, K * 3) && isSame(dx, farX, 25 * C);
}

function product(a: usize, b: usize, out: usize, n: i32, scratch: usize): void {
  instruction(Opcode.MatMul);
  field(1);
  field(n);
  field(n);
  field(n);
  field(0);
  field(0);
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  field(0);
  field(0);
  fieldAt(scratch);
  execute();
}

/** Whether an n x n product has the same bits with B, then C, then the scratch up against `end`. */
function productReaches(end: usize, n: i32): bool {
  reset();
  const room = ((n + 7) & ~7) * n;
  const a = randomBuffer(n * n);
  const b = randomBuffer(n * n);
  const scratch = buffer(room);
  const wanted = buffer(n * n);
  const out = buffer(n * n);
  product(a, b, wanted, n, scratch);
  product(a, b, out, n, before(end, room));
  if (!isSame(out, wanted, n * n)) return false;
  copyTo(before(end, n * n), b, n * n);
  product(a, before(end, n * n), out, n, scratch);
  if (!isSame(out, wanted, n * n)) return false;
  product(a, b, before(end, n * n), n, scratch);
  return isSame(before(end, n * n), wanted, n * n);
}

const END: usize = PAGES << 16;
const HALF: usize = 0x80000000;

describe("hostile data", () => {
  test("winners that are NaN, infinite, negative, fractional, huge or in the padding never become addresses", () => {
    expect(winnersStayInside(-1)).toBe(true);
    for (let position = 0; position < 4; position++) expect(winnersStayInside(position)).toBe(true);
    expect(winnersStayInside(6)).toBe(true);
  });
  test("indices that are NaN, infinite, negative, fractional or huge never become addresses", () => {
    for (let i = 0; i < SIZES.length; i++) expect(indicesStayInside(SIZES[i])).toBe(true);
  });
  test("keys that hold no halves neither trap nor reach further", () => {
    for (let i = 0; i < HOSTILE.length; i++) expect(keyStaysInside(HOSTILE[i])).toBe(true);
  });
});

describe("far addresses", () => {
  test("blocks have the same bits across 2 GiB and up to the end of a memory of nearly 4 GiB", () => {
    expect(growToEnd()).toBe(true);
    for (let i = 0; i < SIZES.length; i++) {
      expect(blockReaches(END, SIZES[i])).toBe(true);
      expect(blockReaches(HALF, SIZES[i])).toBe(true);
      expect(blockReaches(HALF + 16, SIZES[i])).toBe(true);
    }
  });
  test("convolutions have the same bits across 2 GiB and up to the end of a memory of nearly 4 GiB", () => {
    expect(growToEnd()).toBe(true);
    for (let C = 1; C <= 9; C++) {
      expect(convolutionReaches(END, C, 0)).toBe(true);
      for (let shift = 0; shift < 8; shift++) expect(convolutionReaches(HALF, C, shift)).toBe(true);
    }
  });
  test("products have the same bits across 2 GiB and up to the end of a memory of nearly 4 GiB", () => {
    expect(growToEnd()).toBe(true);
    for (let i = 0; i < SIZES.length; i++) {
      expect(productReaches(END, SIZES[i])).toBe(true);
      expect(productReaches(HALF + 64, SIZES[i])).toBe(true);
    }
  });
});
