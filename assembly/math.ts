/**
 * Elementary functions on four floats: range reduction and a polynomial, in plain multiplications and additions, so
 * that every engine gives the same bits. Error bounds are against f64. NaN gives NaN everywhere.
 * Polynomials after the single-precision functions of S. L. Moshier's Cephes library.
 *
 * Constants lie in tables in memory, highest power first: engines load one with a single instruction, but take three to make one
 * that stands in the code, at every use.
 */

/** log2(e), ln 2 in two parts, the polynomial, 1, and the bounds of the normal range. */
const EXP: usize = memory.data<f32>([
  1.44269504088896341,
  0.693359375,
  -2.1219444e-4,
  1.98756915e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  5.0000001201e-1,
  1,
  -87.336,
  88.72283,
  Infinity,
  12582912,
]);

/** The polynomial, ln 2 in two parts, sqrt(0.5), 1, 0.5, the smallest normal number, 2^23, inf, -inf and NaN. */
const LOG: usize = memory.data<f32>([
  7.0376836292e-2,
  -1.151461031e-1,
  1.167699874e-1,
  -1.2420140846e-1,
  1.4249322787e-1,
  -1.6668057665e-1,
  2.0000714765e-1,
  -2.4999993993e-1,
  3.3333331174e-1,
  -2.1219444e-4,
  0.693359375,
  0.707106781186547524,
  1,
  0.5,
  1.17549435e-38,
  8388608,
  Infinity,
  -Infinity,
  NaN,
]);

/** Bits of a mantissa; exponent biases of normal numbers and of those scaled by 2^23. */
const LOG_BITS: usize = memory.data<i32>([0x007fffff, 126, 149]);

/** The polynomial, 1, 2 and the bound between the two formulas. */
const TANH: usize = memory.data<f32>([
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1, 1, 2, 0.625,
]);

/** 2 / pi, pi / 2 in three parts, the remainder's bounds, the polynomials of sine and cosine, 0.5 and 1. */
const SINE: usize = memory.data<f32>([
  0.636619772367581343, 1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8, 1, -1, -1.9515295891e-4,
  8.3321608736e-3, -1.6666654611e-1, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2, 0.5, 1,
]);

function constant(table: usize, index: usize): v128 {
  return v128.load_splat<f32>(table + (index << 2));
}

/** sum * x + c, two roundings. */
function horner(sum: v128, x: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(sum, x), c);
}

function step(sum: v128, x: v128, table: usize, index: usize): v128 {
  return horner(sum, x, constant(table, index));
}

/** x less power times the logarithm of 2, which comes in two parts. */
function reduced(x: v128, power: v128, ln2: v128, rest: v128): v128 {
  return f32x4.sub(f32x4.sub(x, f32x4.mul(power, ln2)), f32x4.mul(power, rest));
}

/** sum * r^2 + r + 1: what the polynomial of exp ends with. */
function completed(sum: v128, r: v128, one: v128): v128 {
  return f32x4.add(f32x4.add(f32x4.mul(sum, f32x4.mul(r, r)), r), one);
}

/**
 * sum * 2^rounded, 0 where x is below `least`, infinite where it is above `most`, NaN where it is NaN. The power goes straight into
 * the exponent: the sum lies in (0.7, 1.42), so this is exact up to power 128.
 */
function scaled(sum: v128, rounded: v128, x: v128, least: v128, most: v128, infinity: v128): v128 {
  const floored = v128.andnot(i32x4.add(sum, i32x4.shl(rounded, 23)), f32x4.lt(x, least));
  return v128.or(v128.bitselect(infinity, floored, f32x4.gt(x, most)), f32x4.ne(x, x));
}

/** e^x. Relative error < 2e-7 over [-87.3, 88.72]; +inf above 88.723; 0 below -87.336, where results leave the normal range. */
export function exp(x: v128): v128 {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the lowest bits.
  const magic = constant(EXP, 13);
  const rounded = horner(x, constant(EXP, 0), magic);
  const r = reduced(x, f32x4.sub(rounded, magic), constant(EXP, 1), constant(EXP, 2));
  let sum = step(constant(EXP, 3), r, EXP, 4);
  sum = step(sum, r, EXP, 5);
  sum = step(sum, r, EXP, 6);
  sum = step(sum, r, EXP, 7);
  sum = completed(step(sum, r, EXP, 8), r, constant(EXP, 9));
  return scaled(sum, rounded, x, constant(EXP, 10), constant(EXP, 11), constant(EXP, 12));
}

/**
 * Four vectors at `target` = `exp` of those at `source` less `shift`: side by side, each constant is loaded once for all.
 * Returns `sum` with the four added, one after another.
 */
export function expFour(target: usize, source: usize, shift: v128, sum: v128): v128 {
  const x0 = f32x4.sub(v128.load(source), shift);
  const x1 = f32x4.sub(v128.load(source, 16), shift);
  const x2 = f32x4.sub(v128.load(source, 32), shift);
  const x3 = f32x4.sub(v128.load(source, 48), shift);
  const log2 = constant(EXP, 0);
  const magic = constant(EXP, 13);
  const n0 = horner(x0, log2, magic);
  const n1 = horner(x1, log2, magic);
  const n2 = horner(x2, log2, magic);
  const n3 = horner(x3, log2, magic);
  const ln2 = constant(EXP, 1);
  const rest = constant(EXP, 2);
  const r0 = reduced(x0, f32x4.sub(n0, magic), ln2, rest);
  const r1 = reduced(x1, f32x4.sub(n1, magic), ln2, rest);
  const r2 = reduced(x2, f32x4.sub(n2, magic), ln2, rest);
  const r3 = reduced(x3, f32x4.sub(n3, magic), ln2, rest);
  const factor = constant(EXP, 3);
  let next = constant(EXP, 4);
  let y0 = horner(factor, r0, next);
  let y1 = horner(factor, r1, next);
  let y2 = horner(factor, r2, next);
  let y3 = horner(factor, r3, next);
  next = constant(EXP, 5);
  y0 = horner(y0, r0, next);
  y1 = horner(y1, r1, next);
  y2 = horner(y2, r2, next);
  y3 = horner(y3, r3, next);
  next = constant(EXP, 6);
  y0 = horner(y0, r0, next);
  y1 = horner(y1, r1, next);
  y2 = horner(y2, r2, next);
  y3 = horner(y3, r3, next);
  next = constant(EXP, 7);
  y0 = horner(y0, r0, next);
  y1 = horner(y1, r1, next);
  y2 = horner(y2, r2, next);
  y3 = horner(y3, r3, next);
  next = constant(EXP, 8);
  y0 = horner(y0, r0, next);
  y1 = horner(y1, r1, next);
  y2 = horner(y2, r2, next);
  y3 = horner(y3, r3, next);
  const one = constant(EXP, 9);
  const least = constant(EXP, 10);
  const most = constant(EXP, 11);
  const infinity = constant(EXP, 12);
  y0 = scaled(completed(y0, r0, one), n0, x0, least, most, infinity);
  y1 = scaled(completed(y1, r1, one), n1, x1, least, most, infinity);
  y2 = scaled(completed(y2, r2, one), n2, x2, least, most, infinity);
  y3 = scaled(completed(y3, r3, one), n3, x3, least, most, infinity);
  v128.store(target, y0);
  v128.store(target, y1, 16);
  v128.store(target, y2, 32);
  v128.store(target, y3, 48);
  return f32x4.add(f32x4.add(f32x4.add(f32x4.add(sum, y0), y1), y2), y3);
}

/** Natural logarithm. Relative error < 2e-7, or absolute < 2e-7 where |log x| < 1; log(0) = -inf, log(x < 0) = NaN, log(inf) = inf. Subnormal arguments are exact. */
export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, constant(LOG, 14));
  const scaled = v128.bitselect(f32x4.mul(x, constant(LOG, 15)), x, tiny);
  const exponentBias = v128.bitselect(constant(LOG_BITS, 2), constant(LOG_BITS, 1), tiny);
  const exponentBits = i32x4.shr_u(scaled, 23);
  let power = f32x4.convert_i32x4_s(i32x4.sub(exponentBits, exponentBias));
  // Mantissa in [0.5, 1), moved to [sqrt(0.5), sqrt(2)) so that logarithms near x = 1 do not cancel.
  let r = v128.or(v128.and(scaled, constant(LOG_BITS, 0)), constant(LOG, 13));
  const small = f32x4.lt(r, constant(LOG, 11));
  power = f32x4.sub(power, v128.and(small, constant(LOG, 12)));
  r = f32x4.sub(f32x4.add(r, v128.and(small, r)), constant(LOG, 12));
  const square = f32x4.mul(r, r);
  let sum = constant(LOG, 0);
  sum = step(sum, r, LOG, 1);
  sum = step(sum, r, LOG, 2);
  sum = step(sum, r, LOG, 3);
  sum = step(sum, r, LOG, 4);
  sum = step(sum, r, LOG, 5);
  sum = step(sum, r, LOG, 6);
  sum = step(sum, r, LOG, 7);
  sum = step(sum, r, LOG, 8);
  sum = f32x4.mul(f32x4.mul(sum, r), square);
  sum = f32x4.add(sum, f32x4.mul(power, constant(LOG, 9)));
  sum = f32x4.sub(sum, f32x4.mul(square, constant(LOG, 13)));
  sum = f32x4.add(f32x4.add(r, sum), f32x4.mul(power, constant(LOG, 10)));
  // x + inf is inf for inf and NaN for NaN.
  const infinity = constant(LOG, 16);
  sum = v128.bitselect(sum, f32x4.add(x, infinity), f32x4.lt(x, infinity));
  sum = v128.bitselect(constant(LOG, 17), sum, f32x4.eq(x, f32x4.splat(0)));
  return v128.bitselect(constant(LOG, 18), sum, f32x4.lt(x, f32x4.splat(0)));
}

/** Hyperbolic tangent. Relative error < 4e-7 everywhere; exactly 1 or -1 from |x| = 9.1 on. */
export function tanh(x: v128): v128 {
  const size = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let sum = constant(TANH, 0);
  sum = step(sum, square, TANH, 1);
  sum = step(sum, square, TANH, 2);
  sum = step(sum, square, TANH, 3);
  sum = step(sum, square, TANH, 4);
  const near = f32x4.add(f32x4.mul(f32x4.mul(sum, square), x), x);
  const one = constant(TANH, 5);
  const growth = f32x4.add(exp(f32x4.add(size, size)), one);
  const far = f32x4.sub(one, f32x4.div(constant(TANH, 6), growth));
  const signed = v128.or(far, v128.xor(x, size));
  return v128.bitselect(near, signed, f32x4.lt(size, constant(TANH, 7)));
}

/** 1 / (1 + e^-x). Relative error < 4e-7 from -87.3 on; 0 where the result leaves the normal range. */
export function sigmoid(x: v128): v128 {
  const one = constant(TANH, 5);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}

/** x where it is positive, else 0; NaN stays NaN. */
export function positive(x: v128): v128 {
  return v128.andnot(x, f32x4.le(x, f32x4.splat(0)));
}

/** log(1 + e^x). Relative error < 5e-7 from -87.3 on, 0 below; never overflows. */
export function softplus(x: v128): v128 {
  const one = constant(TANH, 5);
  const tail = exp(f32x4.neg(f32x4.abs(x)));
  const grown = f32x4.add(one, tail);
  // What 1 + tail lost to rounding comes back as the first term of the series.
  const lost = f32x4.div(f32x4.sub(tail, f32x4.sub(grown, one)), grown);
  return f32x4.add(positive(x), f32x4.add(log(grown), lost));
}

/**
 * sin(x + quarterTurns * pi / 2). The nearest multiple of pi / 2 is taken off in three parts (Cody and Waite), of which the
 * products with the first two are exact up to |x| = 8192.
 */
function sine(x: v128, quarterTurns: i32): v128 {
  const turns = f32x4.nearest(f32x4.mul(x, constant(SINE, 0)));
  let r = f32x4.sub(x, f32x4.mul(turns, constant(SINE, 1)));
  r = f32x4.sub(r, f32x4.mul(turns, constant(SINE, 2)));
  r = f32x4.sub(r, f32x4.mul(turns, constant(SINE, 3)));
  // A remainder exceeds pi / 4 by what rounding does to the number of turns, 0.006 at 1e5. Far beyond, it is meaningless: the bounds
  // keep results within [-1, 1]. These two pass NaN on.
  r = f32x4.pmax(f32x4.pmin(r, constant(SINE, 4)), constant(SINE, 5));
  const square = f32x4.mul(r, r);
  let odd = step(constant(SINE, 6), square, SINE, 7);
  odd = step(odd, square, SINE, 8);
  odd = f32x4.add(f32x4.mul(f32x4.mul(odd, square), r), r);
  let even = step(constant(SINE, 9), square, SINE, 10);
  even = step(even, square, SINE, 11);
  even = f32x4.sub(f32x4.mul(f32x4.mul(even, square), square), f32x4.mul(square, constant(SINE, 12)));
  even = f32x4.add(even, constant(SINE, 13));
  const quadrant = i32x4.add(i32x4.trunc_sat_f32x4_s(turns), i32x4.splat(quarterTurns));
  // The lowest bit picks the polynomial, the next the sign.
  const isEven = i32x4.shr_s(i32x4.shl(quadrant, 31), 31);
  const sign = i32x4.shl(i32x4.shr_u(quadrant, 1), 31);
  return v128.xor(v128.bitselect(even, odd, isEven), sign);
}

/** Absolute error < 2e-7 for |x| <= 8192 and < 1e-6 up to 1e5, where its domain ends; within [-1, 1] but meaningless from 1e6 on; NaN for inf. */
export function sin(x: v128): v128 {
  return sine(x, 0);
}

/** Absolute error < 2e-7 for |x| <= 8192 and < 1e-6 up to 1e5, where its domain ends; within [-1, 1] but meaningless from 1e6 on; NaN for inf. */
export function cos(x: v128): v128 {
  return sine(x, 1);
}
