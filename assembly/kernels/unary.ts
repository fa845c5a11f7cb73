/**
 * Micro-operations of one operand: dst[i] = op(a[i]) up to `end`; `aStep` is 16, or 0 for a splat. One loop each;
 * the commonest take four vectors at a time.
 */

import { cos, exp, expFour, log, positive, sigmoid, sin, softplus, tanh } from "../math";
import { MicroOp } from "../opcodes";

/** Runs one micro-operation of one operand. */
export function unary(operation: i32, dst: usize, end: usize, a: usize, aStep: usize): void {
  switch (operation) {
    case MicroOp.Copy:
      return copy(dst, end, a, aStep);
    case MicroOp.Negate:
      return negate(dst, end, a, aStep);
    case MicroOp.Exp:
      return exponential(dst, end, a, aStep);
    case MicroOp.Log:
      return logarithm(dst, end, a, aStep);
    case MicroOp.Sqrt:
      return squareRoot(dst, end, a, aStep);
    case MicroOp.Rsqrt:
      return reciprocalRoot(dst, end, a, aStep);
    case MicroOp.Reciprocal:
      return reciprocal(dst, end, a, aStep);
    case MicroOp.Tanh:
      return hyperbolicTangent(dst, end, a, aStep);
    case MicroOp.Sigmoid:
      return logistic(dst, end, a, aStep);
    case MicroOp.Relu:
      return relu(dst, end, a, aStep);
    case MicroOp.Softplus:
      return smoothRelu(dst, end, a, aStep);
    case MicroOp.Abs:
      return absolute(dst, end, a, aStep);
    case MicroOp.Sign:
      return signs(dst, end, a, aStep);
    case MicroOp.Sin:
      return sines(dst, end, a, aStep);
    case MicroOp.Cos:
      return cosines(dst, end, a, aStep);
    case MicroOp.Square:
      return square(dst, end, a, aStep);
    case MicroOp.Floor:
      return floor(dst, end, a, aStep);
  }
}

/** -1, 0 or 1; NaN stays NaN. */
function signOf(x: v128): v128 {
  const ordered = v128.or(v128.and(x, i32x4.splat(i32.MIN_VALUE)), f32x4.splat(1));
  return v128.bitselect(ordered, x, v128.or(f32x4.gt(x, f32x4.splat(0)), f32x4.lt(x, f32x4.splat(0))));
}

function copy(dst: usize, end: usize, a: usize, aStep: usize): void {
  if (aStep != 0) {
    for (; end - dst >= 64; dst += 64) {
      const x0 = v128.load(a);
      const x1 = v128.load(a, 16);
      const x2 = v128.load(a, 32);
      const x3 = v128.load(a, 48);
      v128.store(dst, x0);
      v128.store(dst, x1, 16);
      v128.store(dst, x2, 32);
      v128.store(dst, x3, 48);
      a += 64;
    }
  }
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, x);
    a += aStep;
  }
}

function negate(dst: usize, end: usize, a: usize, aStep: usize): void {
  if (aStep != 0) {
    for (; end - dst >= 64; dst += 64) {
      const x0 = v128.load(a);
      const x1 = v128.load(a, 16);
      const x2 = v128.load(a, 32);
      const x3 = v128.load(a, 48);
      v128.store(dst, f32x4.neg(x0));
      v128.store(dst, f32x4.neg(x1), 16);
      v128.store(dst, f32x4.neg(x2), 32);
      v128.store(dst, f32x4.neg(x3), 48);
      a += 64;
    }
  }
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, f32x4.neg(x));
    a += aStep;
  }
}

function exponential(dst: usize, end: usize, a: usize, aStep: usize): void {
  if (aStep != 0) {
    const zero = f32x4.splat(0);
    for (; end - dst >= 64; dst += 64) {
      expFour(dst, a, zero, zero);
      a += 64;
    }
  }
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, exp(x));
    a += aStep;
  }
}

function logarithm(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, log(x));
    a += aStep;
  }
}

function squareRoot(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, f32x4.sqrt(x));
    a += aStep;
  }
}

function reciprocalRoot(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, f32x4.div(f32x4.splat(1), f32x4.sqrt(x)));
    a += aStep;
  }
}

function reciprocal(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, f32x4.div(f32x4.splat(1), x));
    a += aStep;
  }
}

function hyperbolicTangent(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, tanh(x));
    a += aStep;
  }
}

function logistic(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, sigmoid(x));
    a += aStep;
  }
}

function relu(dst: usize, end: usize, a: usize, aStep: usize): void {
  if (aStep != 0) {
    for (; end - dst >= 64; dst += 64) {
      v128.store(dst, positive(v128.load(a)));
      v128.store(dst, positive(v128.load(a, 16)), 16);
      v128.store(dst, positive(v128.load(a, 32)), 32);
      v128.store(dst, positive(v128.load(a, 48)), 48);
      a += 64;
    }
  }
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, positive(x));
    a += aStep;
  }
}

function smoothRelu(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, softplus(x));
    a += aStep;
  }
}

function absolute(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, f32x4.abs(x));
    a += aStep;
  }
}

function signs(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, signOf(x));
    a += aStep;
  }
}

function sines(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, sin(x));
    a += aStep;
  }
}

function cosines(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, cos(x));
    a += aStep;
  }
}

function square(dst: usize, end: usize, a: usize, aStep: usize): void {
  if (aStep != 0) {
    for (; end - dst >= 64; dst += 64) {
      const x0 = v128.load(a);
      const x1 = v128.load(a, 16);
      const x2 = v128.load(a, 32);
      const x3 = v128.load(a, 48);
      v128.store(dst, f32x4.mul(x0, x0));
      v128.store(dst, f32x4.mul(x1, x1), 16);
      v128.store(dst, f32x4.mul(x2, x2), 32);
      v128.store(dst, f32x4.mul(x3, x3), 48);
      a += 64;
    }
  }
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, f32x4.mul(x, x));
    a += aStep;
  }
}

function floor(dst: usize, end: usize, a: usize, aStep: usize): void {
  for (; dst != end; dst += 16) {
    const x = v128.load(a);
    v128.store(dst, f32x4.floor(x));
    a += aStep;
  }
}
