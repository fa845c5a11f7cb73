import { cos, exp, expFour, log, sigmoid, sin, softplus, tanh } from "../math";
import { absoluteError, buffer, get, put, relativeError, reset } from "./support";

enum Fn {
  Exp,
  Log,
  Tanh,
  Sigmoid,
  Softplus,
  Sin,
  Cos,
}

const SAMPLES = 200000;

function apply(fn: Fn, x: f32): f32 {
  const value = f32x4.splat(x);
  switch (fn) {
    case Fn.Exp:
      return f32x4.extract_lane(exp(value), 1);
    case Fn.Log:
      return f32x4.extract_lane(log(value), 2);
    case Fn.Tanh:
      return f32x4.extract_lane(tanh(value), 3);
    case Fn.Sigmoid:
      return f32x4.extract_lane(sigmoid(value), 0);
    case Fn.Softplus:
      return f32x4.extract_lane(softplus(value), 1);
    case Fn.Sin:
      return f32x4.extract_lane(sin(value), 2);
    default:
      return f32x4.extract_lane(cos(value), 3);
  }
}

function reference(fn: Fn, x: f64): f64 {
  switch (fn) {
    case Fn.Exp:
      return NativeMath.exp(x);
    case Fn.Log:
      return NativeMath.log(x);
    case Fn.Tanh:
      return NativeMath.tanh(x);
    case Fn.Sigmoid:
      return 1 / (1 + NativeMath.exp(-x));
    case Fn.Softplus:
      return max(x, 0) + NativeMath.log1p(NativeMath.exp(-abs(x)));
    case Fn.Sin:
      return NativeMath.sin(wholeTurnsOff(x));
    default:
      return NativeMath.cos(wholeTurnsOff(x));
  }
}

/** x less its whole turns, in two parts of 2 pi: the library's own reduction is off by 1e-4 for arguments in the thousands. */
function wholeTurnsOff(x: f64): f64 {
  const turns = nearest(x / (2 * NativeMath.PI));
  return x - turns * 6.28125 - turns * 1.9353071795864769253e-3;
}

/** Worst relative error over an even sweep of [low, high]. */
function worstRelative(fn: Fn, low: f64, high: f64): f64 {
  let worst: f64 = 0;
  for (let i = 0; i <= SAMPLES; i++) {
    const x = f32(low + ((high - low) * f64(i)) / f64(SAMPLES));
    worst = max(worst, relativeError(apply(fn, x), reference(fn, f64(x))));
  }
  return worst;
}

function worstAbsolute(fn: Fn, low: f64, high: f64): f64 {
  let worst: f64 = 0;
  for (let i = 0; i <= SAMPLES; i++) {
    const x = f32(low + ((high - low) * f64(i)) / f64(SAMPLES));
    worst = max(worst, absoluteError(apply(fn, x), reference(fn, f64(x))));
  }
  return worst;
}

/** Worst relative error over magnitudes from `low` to `high`, both signs. */
function worstTiny(fn: Fn, low: f64, high: f64): f64 {
  let worst: f64 = 0;
  for (let size = low; size < high; size *= 1.0001) {
    const x = f32(size);
    worst = max(worst, relativeError(apply(fn, x), reference(fn, f64(x))));
    worst = max(worst, relativeError(apply(fn, -x), reference(fn, f64(-x))));
  }
  return worst;
}

/** Worst error of log over all magnitudes: relative, or absolute where |log x| < 1. */
function worstLog(): f64 {
  let worst: f64 = 0;
  for (let bits: u32 = 1; bits < 0x7f800000; bits += 7919) {
    const x = reinterpret<f32>(bits);
    const wanted = NativeMath.log(f64(x));
    worst = max(worst, absoluteError(apply(Fn.Log, x), wanted) / max(abs(wanted), 1));
  }
  return worst;
}

/** How many of 16 floats at a time over all there are, less `shift`, have other bits from `expFour` than from `exp`. */
function differsByFour(shift: f32): i32 {
  reset();
  const x = buffer(16);
  const out = buffer(16);
  let differing = 0;
  for (let bits: u64 = 0; bits < 0x100000000; bits += 16 * 7919) {
    for (let i = 0; i < 16; i++) put(x, i, reinterpret<f32>(u32(bits) + u32(i * 7919)));
    expFour(out, x, f32x4.splat(shift), f32x4.splat(0));
    for (let i = 0; i < 16; i++) {
      const wanted = apply(Fn.Exp, get(x, i) - shift);
      if (reinterpret<u32>(get(out, i)) != reinterpret<u32>(wanted)) differing++;
    }
  }
  return differing;
}

function isNaNAtNaN(fn: Fn): bool {
  return isNaN(apply(fn, NaN));
}

describe("exp", () => {
  test("has relative error < 2e-7 over [-87.3, 88.72]", () => {
    expect(worstRelative(Fn.Exp, -87.3, 88.72)).toBeLessThan(2e-7);
    expect(worstRelative(Fn.Exp, -1, 1)).toBeLessThan(2e-7);
  });
  test("is inf above 88.73, 0 below -87.34, 1 at 0, NaN at NaN", () => {
    expect(apply(Fn.Exp, 88.73)).toBe(Infinity);
    expect(apply(Fn.Exp, 1e30)).toBe(Infinity);
    expect(apply(Fn.Exp, Infinity)).toBe(Infinity);
    expect(apply(Fn.Exp, -87.34)).toBe(0);
    expect(apply(Fn.Exp, -1e30)).toBe(0);
    expect(apply(Fn.Exp, -Infinity)).toBe(0);
    expect(apply(Fn.Exp, 0)).toBe(1);
    expect(isNaNAtNaN(Fn.Exp)).toBe(true);
  });
  test("has the same bits for four vectors at once", () => {
    expect(differsByFour(0)).toBe(0);
    expect(differsByFour(1.7)).toBe(0);
  });
});

describe("log", () => {
  test("has error < 2e-7, relative or absolute where |log x| < 1, over all positive floats", () => {
    expect(worstLog()).toBeLessThan(2e-7);
  });
  test("has relative error < 2e-7 over [0.5, 2]", () => {
    expect(worstRelative(Fn.Log, 0.5, 2)).toBeLessThan(2e-7);
  });
  test("is -inf at 0, NaN below, inf at inf, 0 at 1, NaN at NaN", () => {
    expect(apply(Fn.Log, 0)).toBe(-Infinity);
    expect(apply(Fn.Log, -0)).toBe(-Infinity);
    expect(isNaN(apply(Fn.Log, -1))).toBe(true);
    expect(isNaN(apply(Fn.Log, -Infinity))).toBe(true);
    expect(apply(Fn.Log, Infinity)).toBe(Infinity);
    expect(apply(Fn.Log, 1)).toBe(0);
    expect(isNaNAtNaN(Fn.Log)).toBe(true);
  });
});

describe("tanh", () => {
  test("has relative error < 4e-7 everywhere", () => {
    expect(worstRelative(Fn.Tanh, -10, 10)).toBeLessThan(4e-7);
    expect(worstTiny(Fn.Tanh, 1e-30, 1)).toBeLessThan(4e-7);
  });
  test("saturates at 1 and -1, is NaN at NaN", () => {
    expect(apply(Fn.Tanh, 9.5)).toBe(1);
    expect(apply(Fn.Tanh, -9.5)).toBe(-1);
    expect(apply(Fn.Tanh, Infinity)).toBe(1);
    expect(apply(Fn.Tanh, -Infinity)).toBe(-1);
    expect(isNaNAtNaN(Fn.Tanh)).toBe(true);
  });
});

describe("sigmoid", () => {
  test("has relative error < 4e-7 over [-87.3, 100]", () => {
    expect(worstRelative(Fn.Sigmoid, -87.3, 100)).toBeLessThan(4e-7);
    expect(worstRelative(Fn.Sigmoid, -2, 2)).toBeLessThan(4e-7);
  });
  test("is 0 at -inf, 1 at inf, NaN at NaN", () => {
    expect(apply(Fn.Sigmoid, -Infinity)).toBe(0);
    expect(apply(Fn.Sigmoid, Infinity)).toBe(1);
    expect(isNaNAtNaN(Fn.Sigmoid)).toBe(true);
  });
});

describe("softplus", () => {
  test("has relative error < 5e-7 over [-87.3, 200]", () => {
    expect(worstRelative(Fn.Softplus, -87.3, 200)).toBeLessThan(5e-7);
    expect(worstRelative(Fn.Softplus, -3, 3)).toBeLessThan(5e-7);
  });
  test("is 0 at -inf, inf at inf, NaN at NaN", () => {
    expect(apply(Fn.Softplus, -Infinity)).toBe(0);
    expect(apply(Fn.Softplus, Infinity)).toBe(Infinity);
    expect(isNaNAtNaN(Fn.Softplus)).toBe(true);
  });
});

/** Worst absolute error at the multiples of pi / 4 up to 1e5 that are odd, and a little before and after them. */
function worstAtOddEighths(fn: Fn): f64 {
  let worst: f64 = 0;
  for (let k = 1; k < 127323; k += 2) {
    for (let side = -1; side <= 1; side++) {
      const x = f32(f64(k) * 0.7853981633974483 + f64(side) * 0.004);
      worst = max(worst, absoluteError(apply(fn, x), reference(fn, f64(x))));
    }
  }
  return worst;
}

describe("sin and cos", () => {
  test("have absolute error < 2e-7 for |x| <= 8192", () => {
    expect(worstAbsolute(Fn.Sin, -8192, 8192)).toBeLessThan(2e-7);
    expect(worstAbsolute(Fn.Cos, -8192, 8192)).toBeLessThan(2e-7);
    expect(worstAbsolute(Fn.Sin, -7, 7)).toBeLessThan(2e-7);
    expect(worstAbsolute(Fn.Cos, -7, 7)).toBeLessThan(2e-7);
  });
  test("have absolute error < 1e-6 up to 1e5, the end of their domain, and stay within 1 beyond", () => {
    expect(worstAbsolute(Fn.Sin, -1e5, 1e5)).toBeLessThan(1e-6);
    expect(worstAbsolute(Fn.Cos, -1e5, 1e5)).toBeLessThan(1e-6);
    // Where remainders are largest: on both sides of the multiples of pi / 2 plus pi / 4.
    expect(worstAtOddEighths(Fn.Sin)).toBeLessThan(1e-6);
    expect(worstAtOddEighths(Fn.Cos)).toBeLessThan(1e-6);
    expect(abs(apply(Fn.Sin, 1e30))).toBeLessThan(1.000001);
    expect(abs(apply(Fn.Cos, -3e38))).toBeLessThan(1.000001);
  });
  test("are NaN at inf and NaN", () => {
    expect(isNaN(apply(Fn.Sin, Infinity))).toBe(true);
    expect(isNaN(apply(Fn.Cos, -Infinity))).toBe(true);
    expect(isNaNAtNaN(Fn.Sin)).toBe(true);
    expect(isNaNAtNaN(Fn.Cos)).toBe(true);
  });
});
