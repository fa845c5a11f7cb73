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
