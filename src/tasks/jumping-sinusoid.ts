import { requireOptions, requireWhole, wrong } from "../arguments.ts";
import { sequence } from "./sequences.ts";
import { type SinusoidOptions, sinusoid } from "./sinusoid.ts";
import type { TaskSource } from "./types.ts";

/** Options of `jumpingSinusoid`. */
export interface JumpingSinusoidOptions extends Pick<SinusoidOptions, "amplitude" | "phase" | "range"> {
  /** Points of a curve, after which amplitude and phase jump. Default 20. */
  readonly every?: number;
  /** Curves that follow one another. Default 5. */
  readonly curves?: number;
  /** Points that arrive together; it divides `every`. Default: 5, or the largest number below that does. */
  readonly size?: number;
}

/**
 * A stream of points of a sine curve whose amplitude and phase jump every so many points: a changing environment. Segments are `size`
 * points, all of one curve; nothing says when it changes.
 * @throws OptionError for an unknown option, a count that is not a whole number, or a size that does not divide `every`
 */
export function jumpingSinusoid(options: JumpingSinusoidOptions = {}): TaskSource {
  requireOptions("jumpingSinusoid", options, ["every", "curves", "size", "amplitude", "phase", "range"]);
  const { every = 20, curves = 5, ...others } = options;
  requireWhole("jumpingSinusoid: every", every, 1, 100_000);
  const usual = [5, 4, 3, 2].find((each) => every % each === 0) ?? 1;
  const { size = usual, ...curve } = others;
  requireWhole("jumpingSinusoid: curves", curves, 1, 100_000);
  requireWhole("jumpingSinusoid: size", size, 1);
  if (every % size !== 0) throw wrong("jumpingSinusoid: size", `a divisor of the ${every} points of a curve`, size);
  const segments = Array<number>(every / size).fill(size);
  return { ...sequence(sinusoid({ ...curve, segments }), { tasks: curves }), name: "jumping sinusoid" };
}
