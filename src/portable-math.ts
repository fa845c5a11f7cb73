/**
 * Sine, cosine, logarithm and exponential with the same bits on every JavaScript engine. `Math.sin` and its kin are left to
 * each engine by the language, and they differ in the last bits; additions, multiplications and divisions of f64 do not.
 */

/** 1 / pi. */
const INVERSE_PI = 0.3183098861837907;
/**
 * pi in two parts; the first has 33 significant bits, so that its product with a half-turn count below 2^20 is exact.
 * They are twice the pio2_1 and pio2_1t of FreeBSD's e_rem_pio2.c.
 */
const PI_HIGH = 2 * 1.5707963267341256;
const PI_LOW = 2 * 6.077100506506192e-11;

/** Largest |x| that `sine` takes: above it the reduction loses its exactness. */
export const SINE_LIMIT = 1e6;

/**
 * sin(x), x in radians, |x| <= SINE_LIMIT (not checked). Absolute error below 1e-15 for |x| <= 100.
 *
 * x = n pi + r with |r| <= pi/2, then the Taylor polynomial of r to the 19th power, whose remainder there is below
 * (pi/2)^21 / 21! = 2.6e-16.
 */
export function sine(x: number): number {
  const halfTurns = Math.floor(x * INVERSE_PI + 0.5);
  const value = sineBeyond(x, halfTurns);
  return halfTurns % 2 === 0 ? value : -value;
}

/** cos(x), with the bounds of `sine`. */
export function cosine(x: number): number {
  const halfTurns = Math.floor(x * INVERSE_PI);
  const value = sineBeyond(x, halfTurns + 0.5);
  return halfTurns % 2 === 0 ? -value : value;
}

/** sin(x - halfTurns pi), for a difference from -pi/2 to pi/2. */
function sineBeyond(x: number, halfTurns: number): number {
  const r = x - halfTurns * PI_HIGH - halfTurns * PI_LOW;
  const s = r * r;
  let tail = -1 / 121645100408832000;
  tail = tail * s + 1 / 355687428096000;
  tail = tail * s - 1 / 1307674368000;
  tail = tail * s + 1 / 6227020800;
  tail = tail * s - 1 / 39916800;
  tail = tail * s + 1 / 362880;
  tail = tail * s - 1 / 5040;
  tail = tail * s + 1 / 120;
  tail = tail * s - 1 / 6;
  return r + r * s * tail;
}

/** ln 2 in two parts; the first has 32 significant bits, so that its product with an exponent is exact (FreeBSD's e_log.c). */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** The bits of an f64: its halves are read and written by name, so that the machine's byte order does not matter. */
const bits = new DataView(new ArrayBuffer(8));

/**
 * ln(x), x > 0 and finite (not checked; subnormal numbers are not taken). Relative error below 1e-15.
 *
 * x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); ln(1 + f) by the polynomial of FreeBSD's e_log.c in s = f / (2 + f).
 */
export function logarithm(x: number): number {
  bits.setFloat64(0, x);
  const word = bits.getUint32(0);
  // 0x95f64 moves mantissas of at least sqrt(2) into the next exponent.
  const carry = ((word & 0xfffff) + 0x95f64) & 0x100000;
  const k = (word >>> 20) - 1023 + (carry >>> 20);
  bits.setUint32(0, (word & 0xfffff) | (carry ^ 0x3ff00000));
  const f = bits.getFloat64(0) - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + even + odd) + k * LN2_LOW) - f);
}

/**
 * e^x, |x| <= 700 (not checked). Relative error below 1e-15.
 *
 * x = k ln 2 + r with |r| <= ln(2) / 2, and e^r by the rational approximation of FreeBSD's e_exp.c.
 */
export function exponential(x: number): number {
  const k = Math.floor(x / Math.LN2 + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const t = r * r;
  let c = 4.1381367970572385e-8;
  c = c * t - 1.6533902205465252e-6;
  c = c * t + 6.613756321437934e-5;
  c = c * t - 0.0027777777777015593;
  c = c * t + 0.16666666666666602;
  c = r - t * c;
  const value = 1 - (low - (r * c) / (2 - c) - high);
  // 2^k: an exponent with a mantissa of 0.
  bits.setUint32(0, (k + 1023) << 20);
  bits.setUint32(4, 0);
  return value * bits.getFloat64(0);
}
