import { requireOptions } from "../arguments.ts";
import type { ProgramLimits } from "../program/limits.ts";
import type { Program } from "../program/program.ts";
import { type Core, defaultCore } from "./core.ts";

export interface RunOptions {
  /** Where the program runs and stays loaded until others need the room; the default core if it is left out. */
  readonly core?: Core;
  /** What the program may cost; not limited by default. `decodeProgram` has limits of its own. */
  readonly limits?: ProgramLimits;
}

/**
 * Runs a program: a pure function from named arrays to named arrays.
 * @param inputs every input of the program, row-major
 * @returns new arrays, one an output
 * @throws OptionError for a missing or unknown input, ShapeError for one of the wrong length; MemoryError or LimitError when the
 * program costs more than it may
 */
export function run(
  program: Program,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  options: RunOptions = {},
): Record<string, Float32Array> {
  requireOptions("run", options, ["core", "limits"]);
  return (options.core ?? defaultCore()).programs.get(program, options.limits).call(inputs);
}

/** Gives back the memory of a program that `run` left in a core; it is loaded again if it is run again. */
export function unload(program: Program, core: Core = defaultCore()): void {
  core.programs.unload(program);
}
