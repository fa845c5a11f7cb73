/**
 * Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), in counter mode: block p of a
 * stream is the cipher of (p, stream), whatever was drawn before. Four blocks at a time; fields: `RandomField`.
 */

import { address, field } from "../fields";
import { cos, log, sin } from "../math";
import { RandomField } from "../opcodes";
import { storePartial } from "../vector";

/** 2^-24: random words keep their upper 24 bits, which an f32 holds exactly. */
const UNIT: f32 = 5.9604644775390625e-8;

/** 2 pi * 2^-24. */
const ANGLE_UNIT: f32 = 3.7450702829239286e-7;

/** out [n] uniform in [0, 1). */
export function randomUniform(fields: usize, base: usize): void {
  draw(fields, base, false);
}

/** out [n] standard normal. */
export function randomNormal(fields: usize, base: usize): void {
  draw(fields, base, true);
}

function draw(fields: usize, base: usize, isNormal: bool): void {
  const key = address(fields, RandomField.key, base);
  const key0 = keyWord(key);
  const key1 = keyWord(key + 8);
  const stream = field(fields, RandomField.stream);
  let out = address(fields, RandomField.out, base);
  let pair = 0;
  for (let left = field(fields, RandomField.n); left > 0; left -= 8) {
    drawEight(key0, key1, pair, stream, isNormal, out, left);
    pair += 4;
    out += 32;
  }
}

/** A word of the key out of its halves, each an integer below 2^16 held in an f32. */
function keyWord(halves: usize): i32 {
  return (i32(nearest(load<f32>(halves))) << 16) | i32(nearest(load<f32>(halves, 4)));
}

/** Stores the first `count` of the eight elements that blocks `pair` to `pair` + 3 make. */
export function drawEight(key0: i32, key1: i32, pair: i32, stream: i32, isNormal: bool, out: usize, count: i32): void {
  const key2 = key0 ^ key1 ^ 0x1bd11bda;
  let x0 = i32x4.add(i32x4.add(i32x4.splat(pair), i32x4(0, 1, 2, 3)), i32x4.splat(key0));
  let x1 = i32x4.splat(stream + key1);
  // Five groups of four rounds, their rotations alternating; after each the next two of the three key words and the group's number are added.
  let now = key0;
  let next = key1;
  let after = key2;
  for (let group = 1; group <= 5; group++) {
    if ((group & 1) != 0) {
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 13), x0);
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 15), x0);
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 26), x0);
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 6), x0);
    } else {
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 17), x0);
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 29), x0);
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 16), x0);
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(rotate(x1, 24), x0);
    }
    x0 = i32x4.add(x0, i32x4.splat(next));
    x1 = i32x4.add(x1, i32x4.splat(after + group));
    const spent = now;
    now = next;
    next = after;
    after = spent;
  }
  if (isNormal) storeNormals(x0, x1, out, count);
  else storePairs(uniforms(x0), uniforms(x1), out, count);
}

function rotate(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}

function uniforms(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)), f32x4.splat(UNIT));
}

/** Box and Muller: a radius from the first words, kept off zero by one unit, and an angle from the second. */
function storeNormals(words0: v128, words1: v128, out: usize, count: i32): void {
  const steps = i32x4.add(i32x4.shr_u(words0, 8), i32x4.splat(1));
  const logarithm = log(f32x4.mul(f32x4.convert_i32x4_s(steps), f32x4.splat(UNIT)));
  const radius = f32x4.sqrt(f32x4.mul(f32x4.abs(logarithm), f32x4.splat(2)));
  const angle = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words1, 8)), f32x4.splat(ANGLE_UNIT));
  storePairs(f32x4.mul(radius, cos(angle)), f32x4.mul(radius, sin(angle)), out, count);
}

/** Interleaves first and second elements of four pairs. */
function storePairs(first: v128, second: v128, out: usize, count: i32): void {
  const low = v128.shuffle<f32>(first, second, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(first, second, 2, 6, 3, 7);
  if (count >= 4) v128.store(out, low);
  else storePartial(out, low, count);
  if (count >= 8) v128.store(out, high, 16);
  else if (count > 4) storePartial(out + 16, high, count - 4);
}
