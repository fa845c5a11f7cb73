/**
 * Elementary functions on four floats: range reduction and a polynomial, in plain multiplications and additions, so
 * that every engine gives the same bits. Error bounds are against f64. NaN gives NaN everywhere.
 * Polynomials after the single-precision functions of S. L. Moshier's Cephes library.
 */

const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444e-4;

/** x * coefficient + addend, two roundings. */
function step(sum: v128, x: v128, addend: f32): v128 {
  return f32x4.add(f32x4.mul(sum, x), f32x4.splat(addend));
}

/** e^x. Relative error < 2e-7 over [-87.3, 88.72]; +inf above 88.723; 0 below -87.336, where results leave the normal range. */
export function exp(x: v128): v128 {
  const power = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(x, f32x4.mul(power, f32x4.splat(LN2_HIGH)));
  r = f32x4.sub(r, f32x4.mul(power, f32x4.splat(LN2_LOW)));
  let sum = f32x4.splat(1.98756915e-4);
  sum = step(sum, r, 1.3981999507e-3);
  sum = step(sum, r, 8.3334519073e-3);
  sum = step(sum, r, 4.1665795894e-2);
  sum = step(sum, r, 1.6666665459e-1);
  sum = step(sum, r, 5.0000001201e-1);
  sum = f32x4.add(f32x4.add(f32x4.mul(sum, f32x4.mul(r, r)), r), f32x4.splat(1));
  // 2^power goes straight into the exponent: the sum lies in (0.7, 1.42), so this is exact up to power 128.
  const scaled = i32x4.add(sum, i32x4.shl(i32x4.trunc_sat_f32x4_s(power), 23));
  const floored = v128.andnot(scaled, f32x4.lt(x, f32x4.splat(-87.336)));
  return v128.bitselect(f32x4.splat(Infinity), floored, f32x4.gt(x, f32x4.splat(88.72283)));
}

/** Natural logarithm. Relative error < 2e-7, or absolute < 2e-7 where |log x| < 1; log(0) = -inf, log(x < 0) = NaN, log(inf) = inf. Subnormal arguments are exact. */
export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny);
  const exponentBias = v128.bitselect(i32x4.splat(149), i32x4.splat(126), tiny);
  const exponentBits = i32x4.shr_u(scaled, 23);
  let power = f32x4.convert_i32x4_s(i32x4.sub(exponentBits, exponentBias));
  // Mantissa in [0.5, 1), moved to [sqrt(0.5), sqrt(2)) so that logarithms near x = 1 do not cancel.
  let r = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000));
  const small = f32x4.lt(r, f32x4.splat(0.707106781186547524));
  power = f32x4.sub(power, v128.and(small, f32x4.splat(1)));
  r = f32x4.sub(f32x4.add(r, v128.and(small, r)), f32x4.splat(1));
  const square = f32x4.mul(r, r);
  let sum = f32x4.splat(7.0376836292e-2);
  sum = step(sum, r, -1.151461031e-1);
  sum = step(sum, r, 1.167699874e-1);
  sum = step(sum, r, -1.2420140846e-1);
  sum = step(sum, r, 1.4249322787e-1);
  sum = step(sum, r, -1.6668057665e-1);
  sum = step(sum, r, 2.0000714765e-1);
  sum = step(sum, r, -2.4999993993e-1);
  sum = step(sum, r, 3.3333331174e-1);
  sum = f32x4.mul(f32x4.mul(sum, r), square);
  sum = f32x4.add(sum, f32x4.mul(power, f32x4.splat(LN2_LOW)));
  sum = f32x4.sub(sum, f32x4.mul(square, f32x4.splat(0.5)));
  sum = f32x4.add(f32x4.add(r, sum), f32x4.mul(power, f32x4.splat(LN2_HIGH)));
  // x + inf is inf for inf and NaN for NaN; 0 / 0 marks the negative.
  sum = v128.bitselect(sum, f32x4.add(x, f32x4.splat(Infinity)), f32x4.lt(x, f32x4.splat(Infinity)));
  sum = v128.bitselect(f32x4.splat(-Infinity), sum, f32x4.eq(x, f32x4.splat(0)));
  return v128.bitselect(f32x4.splat(NaN), sum, f32x4.lt(x, f32x4.splat(0)));
}

/** Hyperbolic tangent. Relative error < 4e-7 everywhere; exactly 1 or -1 from |x| = 9.1 on. */
export function tanh(x: v128): v128 {
  const size = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let sum = f32x4.splat(-5.70498872745e-3);
  sum = step(sum, square, 2.06390887954e-2);
  sum = step(sum, square, -5.37397155531e-2);
  sum = step(sum, square, 1.33314422036e-1);
  sum = step(sum, square, -3.33332819422e-1);
  const near = f32x4.add(f32x4.mul(f32x4.mul(sum, square), x), x);
  const growth = f32x4.add(exp(f32x4.add(size, size)), f32x4.splat(1));
  const far = f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), growth));
  const signed = v128.or(far, v128.and(x, i32x4.splat(i32.MIN_VALUE)));
  return v128.bitselect(near, signed, f32x4.lt(size, f32x4.splat(0.625)));
}

/** 1 / (1 + e^-x). Relative error < 4e-7 from -87.3 on; 0 where the result leaves the normal range. */
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}

/** log(1 + e^x). Relative error < 5e-7 from -87.3 on, 0 below; never overflows. */
export function softplus(x: v128): v128 {
  const one = f32x4.splat(1);
  const tail = exp(f32x4.neg(f32x4.abs(x)));
  const grown = f32x4.add(one, tail);
  // What 1 + tail lost to rounding comes back as the first term of the series.
  const lost = f32x4.div(f32x4.sub(tail, f32x4.sub(grown, one)), grown);
  return f32x4.add(f32x4.max(x, f32x4.splat(0)), f32x4.add(log(grown), lost));
}

/**
 * sin(x + quarterTurns * pi / 2). The nearest multiple of pi / 2 is taken off in three parts (Cody and Waite), of which the
 * products with the first two are exact up to |x| = 8192.
 */
function sine(x: v128, quarterTurns: i32): v128 {
  const turns = f32x4.nearest(f32x4.mul(x, f32x4.splat(0.636619772367581343)));
  let r = f32x4.sub(x, f32x4.mul(turns, f32x4.splat(1.5703125)));
  r = f32x4.sub(r, f32x4.mul(turns, f32x4.splat(4.837512969970703125e-4)));
  r = f32x4.sub(r, f32x4.mul(turns, f32x4.splat(7.54978995489188216e-8)));
  // Far beyond 8192 the remainder is meaningless; holding it to the interval keeps results within [-1, 1].
  r = f32x4.max(f32x4.min(r, f32x4.splat(0.79)), f32x4.splat(-0.79));
  const square = f32x4.mul(r, r);
  let odd = f32x4.splat(-1.9515295891e-4);
  odd = step(odd, square, 8.3321608736e-3);
  odd = step(odd, square, -1.6666654611e-1);
  odd = f32x4.add(f32x4.mul(f32x4.mul(odd, square), r), r);
  let even = f32x4.splat(2.443315711809948e-5);
  even = step(even, square, -1.388731625493765e-3);
  even = step(even, square, 4.166664568298827e-2);
  even = f32x4.sub(f32x4.mul(f32x4.mul(even, square), square), f32x4.mul(square, f32x4.splat(0.5)));
  even = f32x4.add(even, f32x4.splat(1));
  const quadrant = i32x4.add(i32x4.trunc_sat_f32x4_s(turns), i32x4.splat(quarterTurns));
  const isEven = i32x4.eq(v128.and(quadrant, i32x4.splat(1)), i32x4.splat(1));
  const sign = i32x4.shl(v128.and(quadrant, i32x4.splat(2)), 30);
  return v128.xor(v128.bitselect(even, odd, isEven), sign);
}

/** Absolute error < 2e-7 for |x| <= 8192, growing to about 1e-4 at 1e5; within [-1, 1] but meaningless from 1e6 on; NaN for inf. */
export function sin(x: v128): v128 {
  return sine(x, 0);
}

/** Absolute error < 2e-7 for |x| <= 8192, growing to about 1e-4 at 1e5; within [-1, 1] but meaningless from 1e6 on; NaN for inf. */
export function cos(x: v128): v128 {
  return sine(x, 1);
}
