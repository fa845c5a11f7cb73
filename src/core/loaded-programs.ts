/** Programs kept ready in a core, within a bound of bytes; the ones used longest ago make room. */
import type { ProgramLimits } from "../program/limits.ts";
import type { Program } from "../program/program.ts";
import type { Core } from "./core.ts";
import type { LoadedProgram } from "./loaded.ts";

/** What a kept program costs outside the core's memory: its records, maps and names, roughly. */
const OVERHEAD_BYTES = 4096;

/** Who is told when the core let go of programs. */
export interface Owner {
  prune(): void;
}

/** A kept program's place. It does not hold the program: one that nobody else refers to can be collected. */
interface Place {
  readonly bytes: number;
  /** Gives the memory back, and makes the `LoadedProgram` say so. */
  readonly release: () => void;
  readonly owners: Set<WeakRef<Owner>>;
}

interface Entry {
  readonly loaded: LoadedProgram;
  readonly place: Place;
}

/** A core's loaded programs in the order of their last use, whoever they belong to. Each core has one. */
export class LoadedPrograms {
  private readonly entries = new WeakMap<Program, Entry>();
  /** A Set keeps the order in which places were added: the first was used longest ago. */
  private readonly places = new Set<Place>();
  private readonly collected = new FinalizationRegistry<Place>((place) => this.drop(place));
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

  /** Whether a program is ready. */
  has(program: Program): boolean {
    return this.entry(program) !== undefined;
  }

  /** The program's place in the core's memory: loaded on first use, and used last from this call on. */
  get(program: Program, limits?: ProgramLimits, owner?: WeakRef<Owner>): LoadedProgram {
    let entry = this.entry(program);
    if (entry === undefined) {
      entry = this.load(program, limits);
    } else {
      if (limits !== undefined) entry.loaded.check(limits);
      this.places.delete(entry.place);
      this.places.add(entry.place);
    }
    if (owner !== undefined) entry.place.owners.add(owner);
    return entry.loaded;
  }

  /** Lets go of a program; it is loaded again when it is used again. */
  unload(program: Program): void {
    const entry = this.entry(program);
    if (entry !== undefined) this.drop(entry.place);
  }

  /** Lets go of the program used longest ago. Returns whether there was one. */
  unloadOldest(): boolean {
    for (const place of this.places) {
      this.drop(place);
      return true;
    }
    return false;
  }

  private entry(program: Program): Entry | undefined {
    const entry = this.entries.get(program);
    return entry !== undefined && this.places.has(entry.place) ? entry : undefined;
  }

  private load(program: Program, limits?: ProgramLimits): Entry {
    const loaded = this.core.load(program, limits);
    const host = 4 * (program.code.length + program.constants.length) + OVERHEAD_BYTES;
    const place = { bytes: loaded.bytes + host, release: loaded.release, owners: new Set<WeakRef<Owner>>() };
    const entry = { loaded, place };
    this.entries.set(program, entry);
    this.places.add(place);
    this.collected.register(program, place);
    this.held += place.bytes;
    this.trim();
    return entry;
  }

  private drop(place: Place): void {
    if (!this.places.delete(place)) return;
    this.held -= place.bytes;
    place.release();
    for (const owner of place.owners) owner.deref()?.prune();
  }

  private trim(): void {
    while (this.held > this.most && this.places.size > 1) this.unloadOldest();
  }
}
