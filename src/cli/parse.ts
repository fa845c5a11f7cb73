import { InvalidArgumentError } from "commander";

/** A parser of whole numbers from `least`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`must be a whole number from ${least}${most < 2 ** 32 ? ` to ${most}` : ""}.`);
    }
    return value;
  };
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** Seconds of a duration: `90s`, `1.5m`, `2h`; a number alone is seconds. */
export function duration(text: string): number {
  const [, count, unit = "s"] = /^(\d+(?:\.\d+)?)([smh])?$/.exec(text.trim()) ?? [];
  const seconds = Number(count) * SECONDS[unit as keyof typeof SECONDS];
  if (!(seconds > 0 && seconds <= 1e7)) throw new InvalidArgumentError("must be a time such as 60s, 10m or 1h.");
  return seconds;
}

/** A parser of finite numbers above, or from, 0. */
export function number(least: "positive" | "zero"): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const inside = least === "positive" ? value > 0 : value >= 0;
    if (text.trim() === "" || !Number.isFinite(value) || !inside) {
      throw new InvalidArgumentError(`must be a number ${least === "positive" ? "above" : "from"} 0.`);
    }
    return value;
  };
}
