import { OptionError } from "../errors.ts";
import { showShape } from "../graph/shape.ts";

/** @throws OptionError unless every number is a whole one from 1 */
export function wholeFromOne(name: string, values: number | readonly number[]): void {
  const list = [values].flat();
  if (list.some((each) => !Number.isInteger(each) || each < 1)) {
    const got = typeof values === "number" ? `${values}` : showShape(list);
    throw new OptionError(`${name}: must be a whole number from 1, got ${got}`);
  }
}

/** @throws OptionError unless the value is a finite number from 0 */
export function numberFromZero(name: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new OptionError(`${name}: must be a number from 0, got ${value}`);
  }
}
