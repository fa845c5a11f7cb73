/** Derivatives by central differences in f64, to hold `grad` to. */
import { dot, near } from "./compare.ts";
import type { Chance } from "./random.ts";

/** Moves along a direction from a point; both hold one array an operand. */
function moved(point: readonly Float64Array[], direction: readonly Float64Array[], by: number): Float64Array[] {
  return point.map((array, i) => array.map((value, at) => value + by * (direction[i]?.[at] as number)));
}

/** Up to so many entries are checked one by one; larger operands along random directions. */
const FEW = 12;
const DIRECTIONS = 2;

/** Directions in which to look: every axis of a small operand, random ones through all operands otherwise. */
function directionsFrom(point: readonly Float64Array[], free: readonly boolean[], chance: Chance): Float64Array[][] {
  const still = () => point.map((array) => new Float64Array(array.length));
  const directions: Float64Array[][] = [];
  for (const [i, array] of point.entries()) {
    if (!free[i] || array.length > FEW) continue;
    for (let at = 0; at < array.length; at++) {
      const direction = still();
      (direction[i] as Float64Array)[at] = 1;
      directions.push(direction);
    }
  }
  for (let count = 0; count < DIRECTIONS; count++) {
    directions.push(
      point.map((array, i) => (free[i] ? chance.floats(array.length, -1, 1) : new Float64Array(array.length))),
    );
  }
  return directions;
}

/**
 * Holds a gradient to central differences of its function.
 * @param free which operands may move; the others are whole numbers
 * @throws Error naming `what` where they are further apart than `bound`, relative to the gradient's size
 */
export function checkGradient(
  what: string,
  compute: (point: readonly Float64Array[]) => number,
  point: readonly Float64Array[],
  gradient: readonly Float64Array[],
  chance: Chance,
  {
    free = point.map(() => true),
    bound = 1e-6,
    step = 1e-5,
  }: { free?: readonly boolean[]; bound?: number; step?: number } = {},
): void {
  for (const direction of directionsFrom(point, free, chance)) {
    const expected = (compute(moved(point, direction, step)) - compute(moved(point, direction, -step))) / (2 * step);
    const actual = gradient.reduce((total, array, i) => total + dot(array, direction[i] as Float64Array), 0);
    near([actual], [expected], bound, what);
  }
}
