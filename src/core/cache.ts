/** Compiled programs of one owner, such as a trained model. */
import { OptionError } from "../errors.ts";
import type { Program } from "../program/program.ts";
import { type Core, defaultCore } from "./core.ts";

/**
 * Compiled programs of one owner, by key: those of a trained model, for the sizes it was used with. They count towards the bytes of the
 * core they are loaded in, together with everybody else's; a program that the core lets go of is compiled again when it is needed.
 */
export class ProgramCache {
  private readonly programs = new Map<string, Program>();
  private readonly keys = new Map<Program, string>();
  private disposed = false;

  /**
   * @param owner what errors call the owner: `adapt`
   * @param given where the programs are loaded; the default core if it is left out
   */
  constructor(
    private readonly owner: string,
    private readonly given?: Core,
  ) {}

  /** The core that the programs are loaded in: what `run` must be given. */
  get core(): Core {
    return this.given ?? defaultCore();
  }

  /** Number of programs that are ready. */
  get size(): number {
    return this.programs.size;
  }

  /**
   * The program of a key, compiled if it is new, and ready in the core.
   * @throws OptionError after `dispose`, or when the core was closed; what `compile` throws
   */
  get(key: string, compile: () => Program): Program {
    if (this.disposed) throw new OptionError(`${this.owner}: the model was disposed of; restore or train it again`);
    let program = this.programs.get(key);
    if (program === undefined) {
      program = compile();
      this.programs.set(key, program);
      this.keys.set(program, key);
    }
    try {
      this.core.programs.get(program, undefined, this.forget);
    } catch (error) {
      this.forget(program);
      throw error;
    }
    return program;
  }

  /** Lets go of all programs; the owner cannot be used after it. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    const { core } = this;
    for (const program of [...this.programs.values()]) if (!core.closed) core.programs.unload(program);
    this.programs.clear();
    this.keys.clear();
  }

  private readonly forget = (program: Program): void => {
    const key = this.keys.get(program);
    this.keys.delete(program);
    if (key !== undefined) this.programs.delete(key);
  };
}
