/** How far apart two arrays are, and what to say when that is too far. */

/**
 * Largest |a - b| over the largest magnitude in `b` (at least 1). Equal infinities, and NaN in both, count as equal;
 * NaN in one alone is infinitely far.
 */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let scale = 1;
  for (let i = 0; i < b.length; i++) {
    const size = Math.abs(b[i] as number);
    if (size > scale && size !== Number.POSITIVE_INFINITY) scale = size;
  }
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Object.is(x, y) || x === y) continue;
    const gap = Math.abs(x - y);
    if (!(gap <= worst)) worst = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap;
  }
  return worst / scale;
}

/** @throws Error saying `what` is wrong when `actual` is further than `bound` from `expected` */
export function near(actual: ArrayLike<number>, expected: ArrayLike<number>, bound: number, what: string): void {
  const gap = distance(actual, expected);
  if (gap <= bound) return;
  const show = (list: ArrayLike<number>) =>
    `[${Array.from(list).slice(0, 8).join(", ")}${list.length > 8 ? ", …" : ""}]`;
  throw new Error(`${what}: off by ${gap.toExponential(2)} > ${bound}: ${show(actual)} instead of ${show(expected)}`);
}

/** Whether two arrays hold the same bits, but for which NaN a NaN is. */
export function sameBits(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** Sum of a[i] * b[i]. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}
