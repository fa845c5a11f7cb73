/** What a Program may cost. A Program that comes from a file or another machine can be small and run for hours. */
import { wrong } from "../arguments.ts";
import { LimitError, MemoryError } from "../errors.ts";
import { operationsOf } from "./operations.ts";
import type { Program } from "./program.ts";
import type { Decoded } from "./validate.ts";

/** The most that one Program may cost; what is left out is not limited. `Infinity` lifts a default. */
export interface ProgramLimits {
  /** Operations of one run, as `operationsOf` counts them; a core does 10^9 to 10^10 of them per second. */
  readonly operations?: number;
  /** Bytes that the Program takes in a core: its arena and its instructions. */
  readonly bytes?: number;
}

/** What a Program read from bytes may cost unless the caller says otherwise: minutes, and 1 GiB. */
export const FILE_LIMITS: Required<ProgramLimits> = { operations: 1e12, bytes: 2 ** 30 };

/** @throws OptionError unless every limit is a number above 0 or left out */
export function requireLimits(where: string, limits: ProgramLimits): void {
  for (const name of ["operations", "bytes"] as const) {
    const limit: unknown = limits[name];
    if (limit !== undefined && !(typeof limit === "number" && limit > 0)) {
      throw wrong(`${where}: limits.${name}`, "a number above 0", limit);
    }
  }
}

/** Bytes that a Program with so large an arena and so many instruction words takes in a core. */
export function bytesOf({ arenaBytes, codeWords }: { arenaBytes: number; codeWords: number }): number {
  return arenaBytes + 4 * codeWords;
}

/** @throws MemoryError when a Program of this size takes more bytes than it may */
export function checkBytes(
  where: string,
  size: { readonly arenaBytes: number; readonly codeWords: number },
  { bytes = Number.POSITIVE_INFINITY }: ProgramLimits,
): void {
  const taken = bytesOf(size);
  if (taken <= bytes) return;
  const mebibytes = (amount: number) => `${(amount / 2 ** 20).toFixed(1)} MiB`;
  throw new MemoryError(
    `${where}: the program takes ${mebibytes(taken)}, the limit is ${mebibytes(bytes)}; ` +
      `if you trust it, raise limits.bytes to ${taken}`,
  );
}

/** @throws LimitError when a run takes more operations than it may */
export function checkOperations(
  where: string,
  operations: number,
  { operations: limit = Number.POSITIVE_INFINITY }: ProgramLimits,
): void {
  if (operations <= limit) return;
  throw new LimitError(
    `${where}: a run of the program takes ${operations.toPrecision(3)} operations, the limit is ${limit.toPrecision(3)}; ` +
      `if you trust it, raise limits.operations`,
  );
}

/** Operations of one run of a Program that `validate` took apart. */
export function operationsOfAll(decoded: readonly Decoded[]): number {
  return decoded.reduce((total, instruction) => total + operationsOf(instruction), 0);
}

/**
 * Holds a valid Program to limits.
 * @throws MemoryError or LimitError naming the limit to raise
 */
export function checkLimits(
  where: string,
  { arenaBytes, code }: Program,
  decoded: readonly Decoded[],
  limits: ProgramLimits,
): void {
  checkBytes(where, { arenaBytes, codeWords: code.length }, limits);
  if (limits.operations !== undefined) checkOperations(where, operationsOfAll(decoded), limits);
}
