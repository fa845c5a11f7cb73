import { OptionError } from "../errors.ts";

/** Refuses an option that is not a whole number of at least `least`. `name` says whose: `episodes: ways`. */
export function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new OptionError(`${name} must be a whole number of at least ${least}, got ${value}`);
  }
}

/** Refuses an option that is not a pair [low, high] of finite numbers with low <= high and both within +-limit. */
export function requireInterval(name: string, value: readonly [number, number], limit: number): void {
  const [low, high] = value;
  if (!(low <= high && low >= -limit && high <= limit)) {
    throw new OptionError(
      `${name} must be [low, high] with low <= high, both within +-${limit}, got [${low}, ${high}]`,
    );
  }
}
