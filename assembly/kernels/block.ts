import { address, field } from "../fields";
import { BlockField, FillMicroField, MicroField, MicroOp, MicroRange, SumMicroField } from "../opcodes";
import { copyFloats, fillFloats } from "../vector";
import { binary } from "./binary";
import { blockSum } from "./blocksum";
import { unary } from "./unary";

/** Bytes of one micro-operation; fills and the others are equally long. */
const MICRO_BYTES: usize = MicroField.Words * 4;

/** Fused elementwise block; fields: `BlockField`, then the micro-operations. */
export function block(fields: usize, base: usize): void {
  const elements = field(fields, BlockField.elements);
  const blockSize = field(fields, BlockField.blockSize);
  const micros = fields + BlockField.Words * 4;
  const repeated = micros + usize(field(fields, BlockField.onceCount)) * MICRO_BYTES;
  const last = micros + usize(field(fields, BlockField.microCount)) * MICRO_BYTES;
  const first = min(blockSize, elements);
  for (let micro = micros; micro < repeated; micro += MICRO_BYTES) runMicro(micro, base, 0, 0, first, elements);
  let index = 0;
  for (let start = 0; start < elements; start += blockSize) {
    const count = min(blockSize, elements - start);
    for (let micro = repeated; micro < last; micro += MICRO_BYTES) runMicro(micro, base, index, start, count, elements);
    index++;
  }
}

/** One micro-operation over `count` floats of block `index`, which begins at element `start` of `elements`. */
function runMicro(micro: usize, base: usize, index: i32, start: i32, count: i32, elements: i32): void {
  const operation = field(micro, MicroField.operation);
  if (operation < MicroRange.OneOperand) return fill(operation, micro, base, start, count);
  if (operation >= MicroRange.Sums) {
    const a = operand(micro, SumMicroField.a, base, index);
    const b = field(micro, SumMicroField.isProduct) != 0 ? operand(micro, SumMicroField.b, base, index) : 0;
    return blockSum(micro, base, a, b, start, count, elements);
  }
  const splats = field(micro, MicroField.splats);
  const dst = operand(micro, MicroField.dst, base, index);
  // An end of 4 GiB is address 0: the loops ask whether they have arrived, not whether they are past it.
  const end = dst + ((usize(count + 3) & ~3) << 2);
  const a = operand(micro, MicroField.a, base, index);
  const aStep: usize = splats & 1 ? 0 : 16;
  if (operation < MicroRange.TwoOperands) return unary(operation, dst, end, a, aStep);
  const b = operand(micro, MicroField.b, base, index);
  const bStep: usize = splats & 2 ? 0 : 16;
  if (operation < MicroRange.ThreeOperands) return binary(operation, dst, end, a, aStep, b, bStep);
  const c = operand(micro, MicroField.c, base, index);
  const cStep: usize = splats & 4 ? 0 : 16;
  if (operation == MicroOp.Select) select(dst, end, a, aStep, b, bStep, c, cStep);
  else multiplyAdd(dst, end, a, aStep, b, bStep, c, cStep);
}

/** Where an operand lies in block `index`: its step from block to block is the field behind its address. */
function operand(micro: usize, index: i32, base: usize, block: i32): usize {
  return address(micro, index, base) + usize(block) * usize(field(micro, index + 1));
}

/** b where a != 0, else c. */
function select(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize, c: usize, cStep: usize): void {
  for (; dst != end; dst += 16) {
    const condition = f32x4.ne(v128.load(a), f32x4.splat(0));
    v128.store(dst, v128.bitselect(v128.load(b), v128.load(c), condition));
    a += aStep;
    b += bStep;
    c += cStep;
  }
}

/** a * b + c, two roundings. */
function multiplyAdd(
  dst: usize,
  end: usize,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cStep: usize,
): void {
  if ((aStep & bStep & cStep) != 0) {
    for (; end - dst >= 64; dst += 64) {
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(a), v128.load(b)), v128.load(c)));
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(a, 16), v128.load(b, 16)), v128.load(c, 16)), 16);
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(a, 32), v128.load(b, 32)), v128.load(c, 32)), 32);
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(a, 48), v128.load(b, 48)), v128.load(c, 48)), 48);
      a += 64;
      b += 64;
      c += 64;
    }
  }
  if (cStep != 0 && aStep != bStep) {
    // A splat times a vector: moments of an optimizer, and scaled gradients.
    const factor = v128.load(aStep == 0 ? a : b);
    let x = aStep == 0 ? b : a;
    for (; end - dst >= 64; dst += 64) {
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(x), factor), v128.load(c)));
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(x, 16), factor), v128.load(c, 16)), 16);
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(x, 32), factor), v128.load(c, 32)), 32);
      v128.store(dst, f32x4.add(f32x4.mul(v128.load(x, 48), factor), v128.load(c, 48)), 48);
      x += 64;
      c += 64;
    }
    if (aStep == 0) b = x;
    else a = x;
  }
  for (; dst != end; dst += 16) {
    v128.store(dst, f32x4.add(f32x4.mul(v128.load(a), v128.load(b)), v128.load(c)));
    a += aStep;
    b += bStep;
    c += cStep;
  }
}

/** Fills a register from a broadcast operand; fields: `FillMicroField`. */
function fill(operation: i32, micro: usize, base: usize, start: i32, count: i32): void {
  const dst = address(micro, FillMicroField.dst, base);
  const source = address(micro, FillMicroField.source, base);
  if (operation == MicroOp.FillSplat) v128.store(dst, v128.load_splat<f32>(source));
  else fillStrided(micro, dst, source, start, count);
}

/** dst[i] = operand at element start + i, in runs along the innermost of its three dimensions. */
function fillStrided(micro: usize, dst: usize, source: usize, start: i32, count: i32): void {
  const size1 = field(micro, FillMicroField.size1);
  const size2 = field(micro, FillMicroField.size2);
  const stride0 = field(micro, FillMicroField.stride0);
  const stride1 = field(micro, FillMicroField.stride1);
  const stride2 = field(micro, FillMicroField.stride2);
  const rows = start / size2;
  let inner = start - rows * size2;
  let outer = rows / size1;
  let middle = rows - outer * size1;
  let left = count;
  while (left > 0) {
    const run = min(size2 - inner, left);
    const from = source + (usize(outer * stride0 + middle * stride1 + inner * stride2) << 2);
    if (stride2 == 0) fillFloats(dst, load<f32>(from), run);
    else if (stride2 == 1) copyFloats(dst, from, run);
    else copyStrided(dst, from, usize(stride2) << 2, run);
    dst += usize(run) << 2;
    left -= run;
    inner = 0;
    if (++middle == size1) {
      middle = 0;
      outer++;
    }
  }
}

function copyStrided(dst: usize, source: usize, step: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    store<f32>(dst, load<f32>(source));
    dst += 4;
    source += step;
  }
}
