import { isRecord, requireObject, requireOptions, requireWhole, wrong } from "../arguments.ts";
import { type Core, requireCore } from "../core/core.ts";
import type { Arrays } from "../core/loaded.ts";
import type { Packed } from "../data/packed.ts";
import type { Preprocess, Preprocessing } from "../data/preprocessing.ts";
import { encodeTensors } from "../data/safetensors.ts";
import { FormatError, OptionError } from "../errors.ts";
import { type Shape, showShape } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import { requireLearner } from "../learners/require.ts";
import { OBJECTIVES, type Objective, requireObjective } from "../nn/objective.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import { VERSION } from "../version.ts";
import { ADAPTED_FORMAT, Adapted } from "./adapted.ts";
import { checkArrays, decodeCheckpoint, decodeFile, FORMAT, parted, shaped, unshaped } from "./checkpoint.ts";
import { checkUse } from "./checks.ts";
import { initProgram, META, outputShapes, type Plan, STATE, type UseOptions } from "./programs.ts";
import { countWays, isList, requireColumns, type SupportSet } from "./support-set.ts";
import { Use } from "./use.ts";

export interface AdaptOptions extends UseOptions {
  /** Classes of the task, where the learner takes any number; the labels' by default, each of which then needs an example. */
  readonly ways?: number;
}

export interface TrainedOptions {
  /** The core that Programs run on; one that all share by default. */
  readonly core?: Core;
  /** What makes the learner's inputs of raw columns: `adapt`, `observe` and `predict` then take these. */
  readonly preprocessing?: Preprocessing;
}

const MOST_WAYS = 65_536;

/** A meta-trained learner: adapts to new tasks and is never changed by them. */
export class Trained {
  private readonly use: Use;

  /**
   * @param plan the learner and the shapes of its meta-parameters
   * @param meta meta-parameters, learned and carried, by the learner's names
   * @param objective of the tasks it was trained on
   * @param iterations outer steps done
   */
  constructor(
    readonly plan: Plan,
    readonly meta: Arrays,
    readonly objective: Objective,
    readonly iterations: number,
    options: TrainedOptions = {},
  ) {
    const { core, preprocessing } = options;
    this.use = new Use(plan, meta, iterations, core, preprocessing);
  }

  get learner(): Learner {
    return this.plan.learner;
  }

  /** What makes the learner's inputs of raw columns; undefined where it takes numbers. */
  get preprocessing(): Preprocessing | undefined {
    return this.use.preprocessing;
  }

  /**
   * The same with preprocessing, which `save` writes beside the meta-parameters: `adapt`, `observe` and `predict` then take the
   * columns that it reads, as cells.
   * @throws OptionError unless it makes what the learner reads
   */
  withPreprocessing(preprocessing: Preprocessing): Trained {
    requirePreprocessing("withPreprocessing", this.learner, preprocessing);
    const { plan, meta, objective, iterations } = this;
    const { core } = this.use;
    return new Trained(plan, meta, objective, iterations, { preprocessing, ...(core === undefined ? {} : { core }) });
  }

  /**
   * Columns as a caller has them, as those that the learner reads.
   * @param what the caller's operation, for errors
   */
  numeric(what: string, columns: SupportSet): SupportSet {
    return this.use.numeric(what, columns);
  }

  /**
   * Learns a new task from its support set; a new object, `this` stays as it is.
   * @throws OptionError for columns and options that do not exist; DataError for labels that are not whole numbers from 0 or
   * leave a class out, and for numbers that are not finite; ShapeError for lengths that do not fit
   */
  adapt(support: SupportSet, options: AdaptOptions = {}): Adapted {
    return this.adaptFor("adapt", this.numeric("adapt", support), options);
  }

  /**
   * What is known before any example: predicts without adapting, and `observe` begins from it.
   * @param options `ways`, where the learner takes any number; those it was trained on by default
   */
  start(options: Pick<AdaptOptions, "ways"> = {}): Adapted {
    requireOptions("start", options, ["ways"]);
    this.checkOptions("start", options);
    const { ways } = options;
    return this.begin(ways === undefined ? this.objective : this.objective.resize(ways));
  }

  private begin(objective: Objective): Adapted {
    const program = this.use.startProgram(objective);
    return new Adapted(this.use, objective, this.use.run(program, {}), outputShapes(program));
  }

  /**
   * Goes on from what `Adapted.save` wrote: it predicts the same, and can observe more.
   * @throws FormatError where the file is damaged, or was adapted by another learner or from other meta-parameters; OptionError for
   * what is no Uint8Array
   */
  resume(bytes: Uint8Array): Adapted {
    requireBytes("resume", bytes);
    const { tensors, metadata } = decodeFile("resume", ADAPTED_FORMAT, bytes);
    requireLearnerOf("resume", this.learner, metadata);
    if (metadata.meta !== this.use.fingerprint) {
      throw new FormatError(
        `resume: the file was adapted from other meta-parameters (${metadata.meta ?? "none"}) than these (${this.use.fingerprint}); adapt again`,
      );
    }
    const objective = storedObjective("resume", metadata, this.objective);
    const { outputs } = this.objective;
    const isFixed = this.learner.width !== undefined || !this.objective.classes;
    if (isFixed ? objective.outputs !== outputs : objective.outputs > MOST_WAYS) {
      const rule = isFixed ? `${outputs}` : `at most ${MOST_WAYS}`;
      throw new FormatError(`resume: outputs must be ${rule}, the file has ${objective.outputs}`);
    }
    const shapes = outputShapes(this.use.startProgram(objective));
    const state = unshaped(unprefixed(STATE, tensors));
    checkArrays("resume", state, shapes);
    return new Adapted(this.use, objective, state, shapes);
  }

  /** Adapts to each support set; sets of similar sizes share compiled Programs. */
  adaptMany(supports: readonly SupportSet[], options: AdaptOptions = {}): Adapted[] {
    if (!Array.isArray(supports)) throw wrong("adaptMany: supports", "a list of support sets", supports);
    this.checkOptions("adaptMany", options);
    return supports.map((support) => this.adaptFor("adaptMany", this.numeric("adaptMany", support), options));
  }

  /**
   * Checks options of `adapt` before there are examples.
   * @param what the caller's operation, for errors
   * @throws OptionError for options that do not exist or are out of range
   */
  checkOptions(what: string, options: AdaptOptions): void {
    requireOptions(what, options, ["innerSteps", "ways"]);
    checkUse(what, this.learner, options);
    const { ways } = options;
    if (ways === undefined) return;
    requireWhole(`${what}: ways`, ways, 1, MOST_WAYS);
    const { learner, objective } = this;
    if (!objective.classes) throw new OptionError(`${what}: ways must be left out for ${objective.name}`);
    const { outputs } = objective;
    if (learner.width !== undefined && ways !== outputs) {
      throw wrong(`${what}: ways`, `${outputs}, as the model has outputs`, ways);
    }
  }

  /**
   * As `adapt`, under the name of another operation and of columns that are numbers.
   * @param what the caller's operation, for errors
   */
  adaptFor(what: string, support: SupportSet, options: AdaptOptions): Adapted {
    requireColumns(`${what}: examples`, support);
    this.checkOptions(what, options);
    const { ways, ...use } = options;
    return Adapted.adapt(what, this.begin(this.objectiveOf(what, support, ways)), support, use);
  }

  /** What is asked of a task, from its labels where the learner takes any number of classes. */
  private objectiveOf(what: string, { y }: SupportSet, ways: number | undefined): Objective {
    const { learner, objective } = this;
    if (ways !== undefined) return objective.resize(ways);
    // What is no list of labels is refused with the other columns.
    if (!objective.classes || learner.width !== undefined || !isList(y)) return objective;
    return objective.resize(countWays(what, y, undefined));
  }

  /** The meta-parameters as a safetensors file, from which `restore` makes this again. */
  save(): Uint8Array {
    const { learner, objective } = this;
    const metadata = {
      format: FORMAT,
      iteration: `${this.iterations}`,
      learner: learner.description,
      objective: objective.name,
      outputs: `${objective.outputs}`,
      version: VERSION,
    };
    const packed = this.preprocessing?.pack();
    const tensors = { ...prefixed(META, shaped(this.meta, this.plan.meta)), ...packed?.tensors };
    return encodeTensors({ tensors, metadata: { ...metadata, ...packed?.metadata } });
  }

  /** Gives back the core's memory that Programs of this learner take. It and what it adapted cannot be used after that. */
  dispose(): void {
    this.use.dispose();
  }
}

export interface RestoreOptions extends Omit<TrainedOptions, "preprocessing"> {
  /** The objective of the file, where it is one of your own. */
  readonly objective?: Objective;
  /**
   * The preprocessing of the file, not yet fitted: `preprocess({ … })` as it was trained with, which takes what was learned from the
   * file; or one that is fitted; or false to take numbers.
   */
  readonly preprocessing?: Preprocess | Preprocessing | false;
}

/**
 * Makes a trained learner from a checkpoint or from `Trained.save`.
 * @param learner the learner that the file was trained with
 * @throws FormatError when the file is damaged, was made by another learner or names an unknown objective
 */
export function restore(learner: Learner, bytes: Uint8Array, options: RestoreOptions = {}): Trained {
  requireLearner("restore: learner", learner);
  requireBytes("restore", bytes);
  requireOptions("restore", options, ["objective", "core", "preprocessing"]);
  if (options.objective !== undefined) requireObjective("restore: objective", options.objective);
  if (options.core !== undefined) requireCore("restore", options.core);
  const { meta, average, metadata, iteration, tensors } = decodeCheckpoint(bytes);
  requireLearnerOf("restore", learner, metadata);
  const { plan } = initProgram(learner);
  const values = { ...meta, ...average };
  checkArrays("restore", values, plan.meta);
  const objective = storedObjective("restore", metadata, options.objective);
  const preprocessing = storedPreprocessing(learner, { tensors, metadata }, options.preprocessing);
  return new Trained(plan, values, objective, iteration, {
    ...(options.core === undefined ? {} : { core: options.core }),
    ...(preprocessing === undefined ? {} : { preprocessing }),
  });
}

/** @throws OptionError unless preprocessing is fitted, and makes what a learner reads */
export function requirePreprocessing(
  what: string,
  learner: Learner,
  preprocessing: unknown,
): asserts preprocessing is Preprocessing {
  const rule = "fitted preprocessing, as preprocess({ … }).fit(rows) makes it";
  requireObject(`${what}: preprocessing`, preprocessing, rule, ["apply()", "pack()", "reads", "inputs"]);
  const { inputs } = preprocessing as Preprocessing;
  const show = (shapes: Readonly<Record<string, Shape>>) =>
    Object.entries(shapes)
      .map(([name, shape]) => `${name} ${showShape(shape)}`)
      .sort()
      .join(", ");
  if (show(inputs) === show(learner.inputs)) return;
  throw new OptionError(
    `${what}: preprocessing must make ${show(learner.inputs)}, as the learner reads, got ${show(inputs)}`,
  );
}

/** The preprocessing of a file. @throws FormatError where it has some and none is given, or another's */
function storedPreprocessing(
  learner: Learner,
  file: Packed,
  given: RestoreOptions["preprocessing"],
): Preprocessing | undefined {
  if (given === false) return undefined;
  if (given === undefined) {
    if (file.metadata.preprocessing === undefined) return undefined;
    throw new FormatError(
      "restore: the file has preprocessing; pass { preprocessing: preprocess({ … }) } as in training, or false to take numbers",
    );
  }
  const fitted = isRecord(given) && "unpack" in given ? (given as unknown as Preprocess).unpack(file) : given;
  requirePreprocessing("restore", learner, fitted);
  return fitted;
}

function requireBytes(what: string, bytes: unknown): void {
  if (!(bytes instanceof Uint8Array)) throw wrong(`${what}: bytes`, "a Uint8Array", bytes);
}

/** @throws FormatError unless a file was made by a learner of the same description */
function requireLearnerOf(what: string, { description }: Learner, metadata: Readonly<Record<string, string>>): void {
  if (metadata.learner === description) return;
  const [theirs, ours] = parted(metadata.learner ?? "an unknown learner", description);
  throw new FormatError(`${what}: the file was made by ${theirs}, not by ${ours}`);
}

/** The objective that a file names. @throws FormatError where it names none, or one that nobody gave */
export function storedObjective(
  what: string,
  metadata: Readonly<Record<string, string>>,
  own: Objective | undefined,
): Objective {
  const { objective: name, outputs } = metadata;
  const count = Number(outputs);
  if (name === undefined || `${count}` !== outputs || !Number.isSafeInteger(count) || count < 1) {
    throw new FormatError(
      `${what}: the file must name its objective and outputs, got ${name ?? "none"} and ${outputs ?? "none"}`,
    );
  }
  if (own?.name === name) return own.resize(count);
  if (own === undefined && Object.hasOwn(OBJECTIVES, name))
    return (OBJECTIVES[name] as (outputs: number) => Objective)(count);
  const remedy = what === "restore" ? "pass { objective } with the one it was trained for" : "adapt again";
  throw new FormatError(`${what}: objective must be the file's, ${name}, got ${own?.name ?? "none"}; ${remedy}`);
}
