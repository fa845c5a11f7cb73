/**
 * Micro-operations of two operands: dst[i] = op(a[i], b[i]) up to `end`; a step is 16, or 0 for a splat. One loop each;
 * the commonest take four vectors at a time where neither operand is a splat.
 */

import { MicroOp } from "../opcodes";

/** Runs one micro-operation of two operands. */
export function binary(operation: i32, dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  switch (operation) {
    case MicroOp.Add:
      return add(dst, end, a, aStep, b, bStep);
    case MicroOp.Subtract:
      return subtract(dst, end, a, aStep, b, bStep);
    case MicroOp.Multiply:
      return multiply(dst, end, a, aStep, b, bStep);
    case MicroOp.Divide:
      return divide(dst, end, a, aStep, b, bStep);
    case MicroOp.Maximum:
      return maximum(dst, end, a, aStep, b, bStep);
    case MicroOp.Minimum:
      return minimum(dst, end, a, aStep, b, bStep);
    case MicroOp.Greater:
      return greater(dst, end, a, aStep, b, bStep);
    case MicroOp.GreaterEqual:
      return greaterEqual(dst, end, a, aStep, b, bStep);
    case MicroOp.Equal:
      return equal(dst, end, a, aStep, b, bStep);
    case MicroOp.Gate:
      return gate(dst, end, a, aStep, b, bStep);
  }
}

function add(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  if ((aStep & bStep) != 0) {
    for (; end - dst >= 64; dst += 64) {
      v128.store(dst, f32x4.add(v128.load(a), v128.load(b)));
      v128.store(dst, f32x4.add(v128.load(a, 16), v128.load(b, 16)), 16);
      v128.store(dst, f32x4.add(v128.load(a, 32), v128.load(b, 32)), 32);
      v128.store(dst, f32x4.add(v128.load(a, 48), v128.load(b, 48)), 48);
      a += 64;
      b += 64;
    }
  }
  for (; dst != end; dst += 16) {
    v128.store(dst, f32x4.add(v128.load(a), v128.load(b)));
    a += aStep;
    b += bStep;
  }
}

function subtract(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  if ((aStep & bStep) != 0) {
    for (; end - dst >= 64; dst += 64) {
      v128.store(dst, f32x4.sub(v128.load(a), v128.load(b)));
      v128.store(dst, f32x4.sub(v128.load(a, 16), v128.load(b, 16)), 16);
      v128.store(dst, f32x4.sub(v128.load(a, 32), v128.load(b, 32)), 32);
      v128.store(dst, f32x4.sub(v128.load(a, 48), v128.load(b, 48)), 48);
      a += 64;
      b += 64;
    }
  }
  for (; dst != end; dst += 16) {
    v128.store(dst, f32x4.sub(v128.load(a), v128.load(b)));
    a += aStep;
    b += bStep;
  }
}

function multiply(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  if (aStep != 0 && bStep == 0) return scale(dst, end, a, v128.load(b));
  if (bStep != 0 && aStep == 0) return scale(dst, end, b, v128.load(a));
  if ((aStep & bStep) != 0) {
    for (; end - dst >= 64; dst += 64) {
      v128.store(dst, f32x4.mul(v128.load(a), v128.load(b)));
      v128.store(dst, f32x4.mul(v128.load(a, 16), v128.load(b, 16)), 16);
      v128.store(dst, f32x4.mul(v128.load(a, 32), v128.load(b, 32)), 32);
      v128.store(dst, f32x4.mul(v128.load(a, 48), v128.load(b, 48)), 48);
      a += 64;
      b += 64;
    }
  }
  for (; dst != end; dst += 16) {
    v128.store(dst, f32x4.mul(v128.load(a), v128.load(b)));
    a += aStep;
    b += bStep;
  }
}

/** dst[i] = x[i] * factor. */
function scale(dst: usize, end: usize, x: usize, factor: v128): void {
  for (; end - dst >= 64; dst += 64) {
    v128.store(dst, f32x4.mul(v128.load(x), factor));
    v128.store(dst, f32x4.mul(v128.load(x, 16), factor), 16);
    v128.store(dst, f32x4.mul(v128.load(x, 32), factor), 32);
    v128.store(dst, f32x4.mul(v128.load(x, 48), factor), 48);
    x += 64;
  }
  for (; dst != end; dst += 16) {
    v128.store(dst, f32x4.mul(v128.load(x), factor));
    x += 16;
  }
}

function divide(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    v128.store(dst, f32x4.div(x, y));
    a += aStep;
    b += bStep;
  }
}

function maximum(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    v128.store(dst, f32x4.max(x, y));
    a += aStep;
    b += bStep;
  }
}

function minimum(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    v128.store(dst, f32x4.min(x, y));
    a += aStep;
    b += bStep;
  }
}

function greater(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    v128.store(dst, v128.and(f32x4.gt(x, y), f32x4.splat(1)));
    a += aStep;
    b += bStep;
  }
}

function greaterEqual(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    v128.store(dst, v128.and(f32x4.ge(x, y), f32x4.splat(1)));
    a += aStep;
    b += bStep;
  }
}

function equal(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    v128.store(dst, v128.and(f32x4.eq(x, y), f32x4.splat(1)));
    a += aStep;
    b += bStep;
  }
}

function gate(dst: usize, end: usize, a: usize, aStep: usize, b: usize, bStep: usize): void {
  if ((aStep & bStep) != 0) {
    for (; end - dst >= 64; dst += 64) {
      v128.store(dst, v128.and(v128.load(a), f32x4.gt(v128.load(b), f32x4.splat(0))));
      v128.store(dst, v128.and(v128.load(a, 16), f32x4.gt(v128.load(b, 16), f32x4.splat(0))), 16);
      v128.store(dst, v128.and(v128.load(a, 32), f32x4.gt(v128.load(b, 32), f32x4.splat(0))), 32);
      v128.store(dst, v128.and(v128.load(a, 48), f32x4.gt(v128.load(b, 48), f32x4.splat(0))), 48);
      a += 64;
      b += 64;
    }
  }
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    v128.store(dst, v128.and(x, f32x4.gt(y, f32x4.splat(0))));
    a += aStep;
    b += bStep;
  }
}
