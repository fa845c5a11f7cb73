/** Which sums a block can take along, and how many elements a block must hold for them. */
import { SumOrder } from "../../assembly/opcodes.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Floats that a block works on at a time, at most and at least. */
export const MAXIMUM_BLOCK = 512;
export const MINIMUM_BLOCK = 64;

/** A sum over the middle of [outer, rows, columns]. */
export interface BlockSum {
  readonly outer: number;
  readonly rows: number;
  readonly columns: number;
  /** Elements that are summed. */
  readonly size: number;
  /** A block must hold a multiple of so many elements, so that its parts begin where the written order of the sum has them. */
  readonly period: number;
}

const sums = new WeakMap<Tensor, BlockSum | null>();

/** The node as a sum that a block can take along, if it is one. Asked for many times, found once. */
export function sumOf(node: Tensor): BlockSum | undefined {
  const { lowering } = node.operator;
  if (lowering.kind !== "instructions" || lowering.sum === undefined) return undefined;
  let sum = sums.get(node);
  if (sum === undefined) {
    sum = findSum(lowering.sum(node)) ?? null;
    sums.set(node, sum);
  }
  return sum ?? undefined;
}

function findSum([outer, rows, columns]: readonly [number, number, number]): BlockSum | undefined {
  const size = outer * rows * columns;
  const period = periodOf(outer, rows, columns, size);
  return commonPeriod(period, 1) === undefined ? undefined : { outer, rows, columns, size, period };
}

function periodOf(outer: number, rows: number, columns: number, size: number): number {
  if (size <= MINIMUM_BLOCK) return 1;
  if (columns > 1) return leastCommonMultiple(4, columns);
  return outer === 1 ? SumOrder.Lanes : leastCommonMultiple(4, rows);
}

/** Floats of room for the unfinished parts of a sum, as `SumMicroField.partial` states them. */
export function partialFloats({ rows, columns }: { rows: number; columns: number }): number {
  const [chunk, group] = columns === 1 ? [SumOrder.Lanes, SumOrder.Lanes * SumOrder.Group] : [columns, SumOrder.Group];
  const whole = Math.ceil(chunk / 4) * 4;
  return rows > group ? whole + Math.ceil(columns / 4) * 4 : whole;
}

/** Elements that serve both periods, if a block can hold them. */
export function commonPeriod(a: number, b: number): number | undefined {
  const common = leastCommonMultiple(a, b);
  return common <= MAXIMUM_BLOCK ? common : undefined;
}

/** Infinite if one of them is. */
export function leastCommonMultiple(a: number, b: number): number {
  if (a + b === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
