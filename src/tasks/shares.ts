/** How many examples of a class or group are support and query, where there may be fewer of them than were asked for. */
import { requireOneOf, requireWhole } from "../arguments.ts";

/** What happens to a class or group that has fewer examples than a task asks for. */
export type Small = "refuse" | "skip" | "fewer";

/** Queries that were asked for: a number, or all that the support set leaves. */
export type Queries = number | "rest";

export interface Shares {
  readonly shots: number;
  readonly queries: number;
}

/** @throws OptionError unless the value is one of the three */
export function requireSmall(operation: string, value: unknown): Small {
  return requireOneOf(`${operation}: small`, value, ["refuse", "skip", "fewer"]);
}

/** @throws OptionError unless the value is a whole number from 1 or `"rest"` */
export function requireQueries(operation: string, value: unknown): Queries {
  return value === "rest" ? value : requireWhole(`${operation}: queries`, value, 1);
}

/** Examples without which something is small. */
export const needed = (shots: number, queries: Queries): number => shots + (queries === "rest" ? 1 : queries);

/** What was asked for, as an error shows it: `5 + 15 = 20`. */
export const neededText = (shots: number, queries: Queries): string =>
  queries === "rest" ? `${shots} + 1 = ${shots + 1}` : `${shots} + ${queries} = ${shots + queries}`;

/**
 * Support and query examples of `size` examples. Where these are too few, support and queries get the parts of them that
 * they have of what was asked for, at least one each; a single example is support.
 */
export function sharesOf(size: number, shots: number, queries: Queries): Shares {
  if (size >= needed(shots, queries)) return { shots, queries: queries === "rest" ? size - shots : queries };
  if (size < 2) return { shots: size, queries: 0 };
  const part = queries === "rest" ? size - 1 : Math.max(1, Math.floor((size * shots) / (shots + queries)));
  return { shots: part, queries: size - part };
}

/** The ways out of a refusal, as an error ends with them. */
export const waysOut = (what: string): string =>
  `lower them, add examples, or give small: "skip" to leave such ${what} out or "fewer" to take what they have`;
