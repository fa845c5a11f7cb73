import type { Arrays } from "../core/loaded.ts";
import { run, unload } from "../core/run.ts";
import { DataError, FormatError, OptionError, ShapeError } from "../errors.ts";
import { keyToArray } from "../graph/operators/index.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import { argmaxRows } from "../nn/metrics.ts";
import type { Program } from "../program/program.ts";
import { keyOf } from "../random.ts";
import type { TaskSpec } from "../tasks/types.ts";
import { VERSION } from "../version.ts";
import { checkArrays, decodeCheckpoint, shaped } from "./checkpoint.ts";
import {
  adaptProgram,
  initProgram,
  META,
  metaShapes,
  predictProgram,
  prefixed,
  type Shapes,
  STATE,
  type UseOptions,
} from "./programs.ts";
import { encodeTensors } from "./safetensors.ts";

/** A support set as plain arrays: x row-major [n, ...inputShape]; y labels [n] or targets [n, outputs]. */
export interface SupportSet {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** Arenas of the programs kept for the shapes used last, together; more would hold memory for sizes that never come back. */
const CACHED_BYTES = 256 * 2 ** 20;

class ProgramCache {
  private readonly programs = new Map<string, Program>();

  get(key: string, compile: () => Program): Program {
    const program = this.programs.get(key) ?? compile();
    this.programs.delete(key);
    this.programs.set(key, program);
    this.trim(program);
    return program;
  }

  /** Lets go of the programs used longest ago, but not of `current`. */
  private trim(current: Program): void {
    let bytes = [...this.programs.values()].reduce((total, { arenaBytes }) => total + arenaBytes, 0);
    for (const [key, program] of this.programs) {
      if (bytes <= CACHED_BYTES || program === current) return;
      bytes -= program.arenaBytes;
      this.programs.delete(key);
      unload(program);
    }
  }
}

/** A meta-trained learner: adapts to new tasks and is never changed by them. */
export class Trained {
  private readonly programs = new ProgramCache();

  /**
   * @param meta meta-parameters, by the learner's names
   * @param shapes their shapes
   * @param kind kind of the tasks it was trained on
   * @param iterations outer steps done
   */
  constructor(
    readonly learner: Learner,
    readonly meta: Arrays,
    readonly shapes: Shapes,
    readonly kind: TaskSpec["kind"],
    readonly iterations: number,
  ) {}

  /**
   * Learns a new task from its support set; a new object, `this` stays as it is.
   * @throws DataError for labels that are not whole numbers from 0 or leave a class out; ShapeError for lengths that do
   * not fit; OptionError for inner steps that are not a whole number
   */
  adapt({ x, y }: SupportSet, options: UseOptions = {}): Adapted {
    const { learner, kind } = this;
    const n = examples(x, learner.inputShape, "support.x");
    if (n === 0) throw new DataError("adapt: the support set is empty; at least one example is needed");
    const { innerSteps } = options;
    if (innerSteps !== undefined && (!Number.isInteger(innerSteps) || innerSteps < 0)) {
      throw new OptionError(`adapt: innerSteps must be a whole number from 0, got ${innerSteps}`);
    }
    checkFinite("support.x", x);
    const outputs = kind === "classification" ? countWays(y, n, learner.outputs) : targetWidth(y, n, learner.outputs);
    const spec: TaskSpec = { kind, inputShape: learner.inputShape, outputs, supportSize: n, querySize: 1 };
    const program = this.programs.get(`adapt ${n} ${outputs} ${innerSteps}`, () =>
      adaptProgram(learner, this.shapes, spec, options),
    );
    const inputs = { ...prefixed(META, this.meta), "support.x": x, "support.y": y, key: keyToArray(keyOf(0)) };
    const state = run(program, inputs);
    const shapes = Object.fromEntries(program.outputs.map(({ name, shape }) => [name, shape]));
    return new Adapted(this, state, shapes, spec, this.programs);
  }

  /** The meta-parameters as a safetensors file, from which `restore` makes this again. */
  save(): Uint8Array {
    const metadata = {
      format: "quickstudy checkpoint 1",
      iteration: `${this.iterations}`,
      learner: this.learner.description,
      version: VERSION,
      kind: this.kind,
    };
    return encodeTensors({ tensors: prefixed(META, shaped(this.meta, this.shapes)), metadata });
  }
}

/** A learner adapted to one task. */
export class Adapted {
  constructor(
    private readonly trained: Trained,
    /** What the learner knows of the task. */
    readonly state: Arrays,
    private readonly shapes: Shapes,
    private readonly spec: TaskSpec,
    private readonly programs: ProgramCache,
  ) {}

  /** Numbers predicted for an example: ways, or outputs. */
  get outputs(): number {
    return this.spec.outputs;
  }

  /**
   * Logits [n, ways] or values [n, outputs], row-major.
   * @param x examples, row-major [n, ...inputShape]
   */
  predict(x: ArrayLike<number>): Float32Array {
    const { learner } = this.trained;
    const n = examples(x, learner.inputShape, "x");
    if (n === 0) return new Float32Array(0);
    checkFinite("x", x);
    const spec = { ...this.spec, querySize: n };
    const key = `predict ${n} ${JSON.stringify(this.shapes)}`;
    const program = this.programs.get(key, () => predictProgram(learner, this.shapes, spec));
    const inputs = { ...prefixed(STATE, this.state), x, key: keyToArray(keyOf(0)) };
    return run(program, inputs).predictions as Float32Array;
  }

  /** The likeliest class of each example. @throws OptionError for a learner of regression */
  classify(x: ArrayLike<number>): Int32Array {
    if (this.spec.kind !== "classification") {
      throw new OptionError("classify: the learner was trained on regression; use predict");
    }
    return argmaxRows(this.predict(x), this.outputs);
  }
}

/**
 * Makes a trained learner from a checkpoint or from `Trained.save`.
 * @param learner the learner that the file was trained with
 * @throws FormatError when the file is damaged or was made by another learner
 */
export function restore(learner: Learner, bytes: Uint8Array): Trained {
  const { meta, metadata, iteration } = decodeCheckpoint(bytes);
  if (metadata.learner !== learner.description) {
    throw new FormatError(
      `restore: the file was made by ${metadata.learner ?? "an unknown learner"}, not by ${learner.description}`,
    );
  }
  const shapes = metaShapes(initProgram(learner));
  checkArrays("restore", meta, shapes);
  const kind = metadata.kind === "regression" ? "regression" : "classification";
  return new Trained(learner, meta, shapes, kind, iteration);
}

function examples(x: ArrayLike<number>, inputShape: readonly number[], what: string): number {
  const size = sizeOf(inputShape);
  if (typeof x !== "object" || typeof x?.length !== "number") {
    throw new ShapeError(`${what}: must be a flat array of numbers, row-major [n,${inputShape}], got ${typeof x}`);
  }
  if (x.length % size !== 0) {
    throw new ShapeError(
      `${what}: ${x.length} numbers are no whole number of examples [${inputShape}] of ${size} numbers`,
    );
  }
  return x.length / size;
}

function checkFinite(what: string, x: ArrayLike<number>): void {
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(x[i]))
      throw new DataError(`${what}: number ${i} is ${x[i]}; only finite numbers can be learned from`);
  }
}

function countWays(y: ArrayLike<number>, n: number, outputs: number | undefined): number {
  if (y.length !== n) throw new ShapeError(`support.y: ${n} labels are needed, one an example, got ${y.length}`);
  const labels = new Set(Array.from(y));
  let ways = outputs ?? 0;
  for (const label of labels) {
    if (!Number.isInteger(label) || label < 0 || label >= (outputs ?? Number.POSITIVE_INFINITY)) {
      const range = outputs === undefined ? "from 0" : `from 0 to ${outputs - 1}`;
      throw new DataError(`support.y: labels must be whole numbers ${range}, got ${label}`);
    }
    ways = Math.max(ways, label + 1);
  }
  if (outputs === undefined && labels.size !== ways) {
    throw new DataError(
      `support.y: every class from 0 to ${ways - 1} needs an example, there are ${labels.size} classes`,
    );
  }
  return ways;
}

function targetWidth(y: ArrayLike<number>, n: number, outputs: number | undefined): number {
  const width = outputs ?? y.length / n;
  if (y.length !== n * width)
    throw new ShapeError(`support.y: ${n * width} numbers are needed, ${width} an example, got ${y.length}`);
  checkFinite("support.y", y);
  return width;
}
