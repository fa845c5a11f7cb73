import { isRecord, requireOptions, wrong } from "../arguments.ts";
import type { ProgramLimits } from "../program/limits.ts";
import { type Program, requireProgram } from "../program/program.ts";
import { type Core, defaultCore, requireCore } from "./core.ts";

export interface RunOptions {
  /** Where the program runs and stays loaded until others need the room; the default core if it is left out. */
  readonly core?: Core;
  /** What the program may cost; not limited by default. `decodeProgram` has limits of its own. */
  readonly limits?: ProgramLimits;
}

/**
 * Runs a program: a pure function from named arrays to named arrays.
 * @param inputs every input of the program, row-major
 * @returns new arrays, one per output
 * @throws OptionError for a missing or unknown input, or one that does not hold numbers within f32; ShapeError for one of the
 *   wrong length; MemoryError or LimitError when the program costs more than it may
 */
export function run<Inputs extends string, Outputs extends string>(
  program: Program<Inputs, Outputs>,
  inputs: NoInfer<Readonly<Record<Inputs, ArrayLike<number>>>>,
  options: RunOptions = {},
): Record<Outputs, Float32Array> {
  requireProgram("run", program);
  if (!isRecord(inputs)) throw wrong("run: inputs", "an object of arrays by name", inputs);
  requireOptions("run", options, ["core", "limits"]);
  const { core = defaultCore() } = options;
  requireCore("run", core);
  return core.programs.get(program, options.limits).call(inputs) as Record<Outputs, Float32Array>;
}

/** Gives back the memory of a program that `run` left in a core; it is loaded again if it is run again. */
export function unload(program: Program, core: Core = defaultCore()): void {
  requireProgram("unload", program);
  requireCore("unload", core);
  core.programs.unload(program);
}
