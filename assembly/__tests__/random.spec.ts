import { drawEight } from "../kernels/random";
import { Opcode } from "../opcodes";
import { absoluteError, buffer, execute, field, fieldAt, get, instruction, intact, put, reset, SIZES } from "./support";

/** The first two uniforms from block `pair` on, as the upper 24 bits of its two words. */
function words(key0: u32, key1: u32, pair: u32, stream: u32): StaticArray<u32> {
  reset();
  const out = buffer(8);
  drawEight(key0, key1, pair, stream, false, out, 8);
  return [u32(get(out, 0) * 16777216), u32(get(out, 1) * 16777216)];
}

function keyBuffer(word0: u32, word1: u32): usize {
  const key = buffer(4);
  put(key, 0, f32(word0 >> 16));
  put(key, 1, f32(word0 & 0xffff));
  put(key, 2, f32(word1 >> 16));
  put(key, 3, f32(word1 & 0xffff));
  return key;
}

function draw(opcode: Opcode, key: usize, out: usize, n: i32, stream: i32): void {
  instruction(opcode);
  fieldAt(key);
  fieldAt(out);
  field(n);
  field(stream);
}

function rotate(x: u32, bits: u32): u32 {
  return (x << bits) | (x >> (32 - bits));
}

/** Threefry-2x32-20 as the paper states it; word 0 in the upper half of the result. */
function threefry(key0: u32, key1: u32, counter0: u32, counter1: u32): u64 {
  const rotations: StaticArray<u32> = [13, 15, 26, 6, 17, 29, 16, 24];
  const keys: StaticArray<u32> = [key0, key1, key0 ^ key1 ^ 0x1bd11bda];
  let x0 = counter0 + key0;
  let x1 = counter1 + key1;
  for (let round = 0; round < 20; round++) {
    x0 += x1;
    x1 = rotate(x1, rotations[round & 7]) ^ x0;
    if ((round & 3) == 3) {
      const group = round / 4 + 1;
      x0 += keys[group % 3];
      x1 += keys[(group + 1) % 3] + u32(group);
    }
  }
  return (u64(x0) << 32) | u64(x1);
}

/** Whether `n` uniforms are exact and `n` normals have absolute error < 4e-6, with nothing written behind them. */
function agrees(n: i32, key0: u32, key1: u32, stream: i32): bool {
  reset();
  const key = keyBuffer(key0, key1);
  const uniforms = buffer(n);
  const normals = buffer(n);
  draw(Opcode.RandomUniform, key, uniforms, n, stream);
  draw(Opcode.RandomNormal, key, normals, n, stream);
  execute();
  for (let i = 0; i < n; i++) {
    const block = threefry(key0, key1, u32(i / 2), u32(stream));
    const word0 = u32(block >> 32);
    const word1 = u32(block);
    const unit: f64 = 1.0 / 16777216.0;
    if (f64(get(uniforms, i)) != f64((i & 1 ? word1 : word0) >> 8) * unit) return false;
    const radius = NativeMath.sqrt(-2 * NativeMath.log(f64((word0 >> 8) + 1) * unit));
    const angle = 2 * NativeMath.PI * f64(word1 >> 8) * unit;
    const wanted = radius * (i & 1 ? NativeMath.sin(angle) : NativeMath.cos(angle));
    if (absoluteError(get(normals, i), wanted) > 4e-6) return false;
  }
  return intact(uniforms, n) && intact(normals, n);
}

describe("threefry", () => {
  test("known answers of Random123, in the 24 bits that are kept", () => {
    const zeros = words(0, 0, 0, 0);
    expect(zeros[0]).toBe(0x6b2001);
    expect(zeros[1]).toBe(0x99ba4e);
    const ones = words(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff);
    expect(ones[0]).toBe(0x1cb996);
    expect(ones[1]).toBe(0xbb002b);
    const digits = words(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3);
    expect(digits[0]).toBe(0xc4923a);
    expect(digits[1]).toBe(0x483df7);
  });
});

describe("uniforms and normals", () => {
  test("counts of 1, 3, 4, 5, 8, 17, 40 and 1001: uniforms exact, normals with absolute error < 4e-6", () => {
    for (let i = 0; i < SIZES.length; i++) {
      expect(agrees(SIZES[i], 0x13198a2e, 0x03707344, 0)).toBe(true);
      expect(agrees(SIZES[i], 0xffffffff, 0xfffe0001, -1)).toBe(true);
    }
    for (let n = 1; n <= 16; n++) expect(agrees(n, 7, 9, 3)).toBe(true);
    expect(agrees(1001, 0, 0, 5)).toBe(true);
  });
  test("100000 normals have mean within 0.01 of 0 and variance within 0.02 of 1", () => {
    reset();
    const n = 100000;
    const key = keyBuffer(1, 2);
    const out = buffer(n);
    draw(Opcode.RandomNormal, key, out, n, 0);
    execute();
    let sum: f64 = 0;
    let squares: f64 = 0;
    for (let i = 0; i < n; i++) {
      sum += f64(get(out, i));
      squares += f64(get(out, i)) * f64(get(out, i));
    }
    expect(abs(sum / f64(n))).toBeLessThan(0.01);
    expect(abs(squares / f64(n) - 1)).toBeLessThan(0.02);
  });
});
