import { isRecord, wrong } from "../arguments.ts";
import { type Program, requireProgram } from "../program/program.ts";
import { type Core, defaultCore, requireCore } from "./core.ts";
import type { LoadedProgram } from "./loaded.ts";

const loaded = new WeakMap<Core, WeakMap<Program, LoadedProgram>>();

/** The program's place in the core's memory; it is loaded on first use and forgotten with the program. */
export function loadedIn(core: Core, program: Program): LoadedProgram {
  let programs = loaded.get(core);
  if (programs === undefined) {
    programs = new WeakMap();
    loaded.set(core, programs);
  }
  let entry = programs.get(program);
  if (entry === undefined) {
    entry = core.load(program);
    programs.set(program, entry);
  }
  return entry;
}

/** Gives back the memory of a program that `run` loaded; it is loaded again if it is run again. */
export function unload(program: Program, core: Core = defaultCore()): void {
  const programs = loaded.get(core);
  programs?.get(program)?.dispose();
  programs?.delete(program);
}

/**
 * Runs a program: a pure function from named arrays to named arrays.
 * @param inputs every input of the program, row-major
 * @returns new arrays, one per output
 * @throws OptionError for a missing or unknown input, or one that does not hold numbers within f32; ShapeError for one of the
 *   wrong length
 */
export function run<Inputs extends string, Outputs extends string>(
  program: Program<Inputs, Outputs>,
  inputs: NoInfer<Readonly<Record<Inputs, ArrayLike<number>>>>,
  core: Core = defaultCore(),
): Record<Outputs, Float32Array> {
  requireProgram("run", program);
  if (!isRecord(inputs)) throw wrong("run: inputs", "an object of arrays by name", inputs);
  requireCore("run", core);
  return loadedIn(core, program).call(inputs) as Record<Outputs, Float32Array>;
}
