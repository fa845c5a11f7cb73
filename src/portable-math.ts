/**
 * Sine with the same bits on every JavaScript engine. `Math.sin` is left to each engine by the language, and they
 * differ in the last bits; additions and multiplications of f64 do not.
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
  const value = r + r * s * tail;
  return halfTurns % 2 === 0 ? value : -value;
}
