/** The arguments that reductions share. */
import { requireBoolean, requireOptions, wrong } from "../../arguments.ts";
import { OptionError } from "../../errors.ts";
import { showShape } from "../shape.ts";
import { requireTensors, type Tensor } from "../tensor.ts";

export interface ReductionOptions {
  /** Leaves the axes in the shape, with size 1; off by default. */
  readonly keepAxes?: boolean;
}

/**
 * The axes of a reduction, ascending; negative ones count from the end, all of them by default.
 * @throws TraceError, OptionError for what is no tensor, axis or option
 */
export function reductionAxes(
  name: string,
  x: Tensor,
  axes: number | readonly number[] | undefined,
  options: ReductionOptions,
): number[] {
  requireTensors(name, x);
  requireOptions(name, options, ["keepAxes"]);
  if (options.keepAxes !== undefined) requireBoolean(`${name}: keepAxes`, options.keepAxes);
  const { rank } = x;
  const list = axes === undefined ? Array.from({ length: rank }, (_, axis) => axis) : [axes].flat();
  if (!list.every((axis) => typeof axis === "number")) {
    throw wrong(`${name}: axes`, "an axis or a list of them, such as 0 or [0, -1]", axes);
  }
  const normal = list.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  if (normal.some((axis, i) => !Number.isInteger(axis) || axis < 0 || axis >= rank || axis === normal[i - 1])) {
    throw new OptionError(`${name}: axes must be different ones of the operand's ${rank}, got ${showShape(list)}`);
  }
  return normal;
}
