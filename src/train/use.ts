import { wrong } from "../arguments.ts";
import { ProgramCache } from "../core/cache.ts";
import type { Core } from "../core/core.ts";
import type { Arrays } from "../core/loaded.ts";
import type { Preprocessing, RawRows } from "../data/preprocessing.ts";
import { keyToArray } from "../graph/operators/index.ts";
import type { Learner } from "../learners/learner.ts";
import type { Objective } from "../nn/objective.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import type { Program } from "../program/program.ts";
import { keyOf } from "../random.ts";
import { hashArrays } from "../tasks/hash.ts";
import type { TaskSpec } from "../tasks/types.ts";
import {
  iterationInput,
  META,
  observeProgram,
  type Plan,
  predictProgram,
  type Shapes,
  startProgram,
  type UseOptions,
} from "./programs.ts";
import { requireColumns, type SupportSet } from "./support-set.ts";

/** The Programs of a trained learner for the shapes it is used with, and the meta-parameters they share. */
export class Use {
  private readonly programs: ProgramCache;
  private readonly shared: Arrays;
  private hash: string | undefined;

  constructor(
    readonly plan: Plan,
    meta: Arrays,
    iterations: number,
    readonly core: Core | undefined,
    /** What makes numbers of raw columns, where the learner has it. */
    readonly preprocessing: Preprocessing | undefined,
  ) {
    this.programs = new ProgramCache("adapt", core);
    this.shared = { ...prefixed(META, meta), iteration: iterationInput(iterations), key: keyToArray(keyOf(0)) };
  }

  /** Tells the meta-parameters apart from others: a state means nothing beside those. */
  get fingerprint(): string {
    this.hash ??= hashArrays(unprefixed(META, this.shared));
    return this.hash;
  }

  get learner(): Learner {
    return this.plan.learner;
  }

  /**
   * Columns as a caller has them, as those that the learner reads: where there is preprocessing, the columns that it reads are raw, and the
   * others, targets and weights, stay as they are.
   * @throws DataError or OptionError as the preprocessing does, under the caller's operation
   */
  numeric(what: string, columns: unknown): SupportSet {
    const given = requireColumns(`${what}: examples`, columns) as SupportSet;
    const { preprocessing } = this;
    if (preprocessing === undefined) return given;
    const raw = Object.fromEntries(preprocessing.reads.map((name) => [name, given[name]] as const));
    const missing = preprocessing.reads.find((name) => given[name] === undefined);
    if (missing !== undefined) {
      throw wrong(`${what}: ${missing}`, "a column of cells: the preprocessing reads it", undefined);
    }
    const others = Object.entries(given).filter(([name]) => !preprocessing.reads.includes(name));
    const made = others.find(([name]) => Object.hasOwn(preprocessing.inputs, name));
    if (made !== undefined) throw wrong(`${what}: ${made[0]}`, "left out: the preprocessing makes it", made[1]);
    return { ...preprocessing.apply(raw as RawRows, what), ...Object.fromEntries(others) };
  }

  /** The shapes of one use: padded examples, weights included. */
  private spec(objective: Objective, segment: number, queries: number): TaskSpec {
    return { inputs: this.learner.inputs, objective, segments: [segment], queries, weighted: true };
  }

  private program(kind: string, objective: Objective, compile: () => Program): Program {
    const key = `${kind} ${objective.name} ${objective.outputs}`;
    return this.programs.get(key, compile);
  }

  startProgram(objective: Objective): Program {
    return this.program("start", objective, () => startProgram(this.plan, this.spec(objective, 1, 1)));
  }

  observeProgram(state: Shapes, objective: Objective, rows: number, options: UseOptions): Program {
    return this.program(`observe ${rows} ${options.innerSteps}`, objective, () =>
      observeProgram(this.plan, state, this.spec(objective, rows, 1), options),
    );
  }

  predictProgram(state: Shapes, objective: Objective, rows: number): Program {
    return this.program(`predict ${rows}`, objective, () =>
      predictProgram(this.plan, state, this.spec(objective, 1, rows)),
    );
  }

  /** Runs one of the Programs on its own inputs beside the shared ones. */
  run(program: Program, inputs: Arrays): Arrays {
    return this.programs.core.programs.get(program).call({ ...this.shared, ...inputs });
  }

  /** Gives back the core's memory. */
  dispose(): void {
    this.programs.dispose();
  }
}
