/** Programs kept ready in a core, within a bound of bytes; the ones used longest ago make room. */
import type { ProgramLimits } from "../program/limits.ts";
import type { Program } from "../program/program.ts";
import type { Core } from "./core.ts";
import type { LoadedProgram } from "./loaded.ts";

/** What a kept program costs outside the core's memory: its records, maps and names, roughly. */
const OVERHEAD_BYTES = 4096;

interface Entry {
  readonly loaded: LoadedProgram;
  readonly bytes: number;
  /** Told when the core lets go of the program. */
  readonly forget: Set<(program: Program) => void>;
}

/** A core's loaded programs in the order of their last use, whoever they belong to. Each core has one. */
export class LoadedPrograms {
  /** A Map keeps the order in which entries were set: the first was used longest ago. */
  private readonly entries = new Map<Program, Entry>();
  private held = 0;

  /** @param most bytes that all kept programs may take together; the one used last is kept whatever it takes */
  constructor(
    private readonly core: Core,
    private most: number,
  ) {}

  /** Bytes that the kept programs take. */
  get bytes(): number {
    return this.held;
  }

  /** Bytes that they may take; setting it lets go of those beyond. */
  get limit(): number {
    return this.most;
  }

  set limit(bytes: number) {
    this.most = bytes;
    this.trim();
  }

  /** The program's place in the core's memory: loaded on first use, and used last from this call on. */
  get(program: Program, limits?: ProgramLimits, forget?: (program: Program) => void): LoadedProgram {
    const known = this.entries.get(program);
    if (known !== undefined) {
      if (limits !== undefined) known.loaded.check(limits);
      this.entries.delete(program);
    }
    const entry = known ?? this.load(program, limits);
    this.entries.set(program, entry);
    if (forget !== undefined) entry.forget.add(forget);
    if (known === undefined) this.trim();
    return entry.loaded;
  }

  /** Lets go of a program; it is loaded again when it is used again. */
  unload(program: Program): void {
    const entry = this.entries.get(program);
    if (entry === undefined) return;
    this.entries.delete(program);
    this.held -= entry.bytes;
    entry.loaded.dispose();
    for (const forget of entry.forget) forget(program);
  }

  /** Lets go of the program used longest ago. Returns whether there was one. */
  unloadOldest(): boolean {
    for (const program of this.entries.keys()) {
      this.unload(program);
      return true;
    }
    return false;
  }

  private load(program: Program, limits?: ProgramLimits): Entry {
    const loaded = this.core.load(program, limits);
    const host = 4 * (program.code.length + program.constants.length) + OVERHEAD_BYTES;
    const bytes = loaded.bytes + host;
    this.held += bytes;
    return { loaded, bytes, forget: new Set() };
  }

  private trim(): void {
    while (this.held > this.most && this.entries.size > 1) this.unloadOldest();
  }
}
