/** Compiled programs of one owner, such as a trained model. */
import { OptionError } from "../errors.ts";
import type { Program } from "../program/program.ts";
import { type Core, defaultCore } from "./core.ts";
import type { Owner } from "./loaded-programs.ts";

/**
 * Compiled programs of one owner, by key: those of a trained model, for the sizes it was used with. They count towards the bytes of the
 * core they are loaded in, together with everybody else's; a program that the core lets go of is compiled again when it is needed.
 */
export class ProgramCache implements Owner {
  private readonly programs = new Map<string, Program>();
  private readonly self = new WeakRef<Owner>(this);
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
    const { core } = this;
    const program = this.programs.get(key) ?? compile();
    core.programs.get(program, undefined, this.self);
    this.programs.set(key, program);
    return program;
  }

  /** Forgets the programs that the core let go of. */
  prune(): void {
    const { programs } = this.core;
    for (const [key, program] of this.programs) if (!programs.has(program)) this.programs.delete(key);
  }

  /** Lets go of all programs; the owner cannot be used after it. */
  dispose(): void {
    this.disposed = true;
    const { core } = this;
    const mine = [...this.programs.values()];
    this.programs.clear();
    for (const program of mine) core.programs.unload(program);
  }
}
