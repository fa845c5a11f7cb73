import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Fans, Initialiser } from "./initialisers.ts";

/**
 * Which statistics batch normalisation uses. It changes results more than most options, so it is chosen by name and
 * printed beside every result.
 * - `"support"`: those of the task's support set, pooled with averages over the tasks of meta-training. Queries are
 *   normalised with the same numbers, so one example is predicted as it is among others;
 * - `"transductive"`: always those of the batch it sees, queries included (MAML's and Reptile's published figures);
 * - `"running"`: those of the batch in training, running averages in use. Not for learners with an inner loop;
 * - `"none"`: no normalisation.
 */
export type BatchNormMode = "support" | "transductive" | "running" | "none";
export const BATCH_NORM_MODES: readonly BatchNormMode[] = ["support", "transductive", "running", "none"];

/** One array of a layer. */
export interface Parameter {
  /** Its path in the layer, or in the whole model where it begins with `/`: such a parameter is shared. */
  readonly name: string;
  readonly shape: Shape;
  readonly initialiser: Initialiser;
  /** Of the layer's weights; computed from the shape where they are left out. */
  readonly fans?: Fans;
  /** Carried along, not learned (running averages). */
  readonly carried?: boolean;
  /**
   * Set for a statistic in a task's state. `"carried"`: every task begins at the carried meta-parameter of this name.
   * `"constant"`: every task begins at what the initialiser gives, and there is no such meta-parameter.
   */
  readonly statistic?: "carried" | "constant";
}

/** How a model is applied. */
export interface Pass {
  readonly training: boolean;
  /** Whether the examples are learned from or predicted. */
  readonly role: "support" | "query";
  /** Weight [n] of each example; all 1 where it is left out. */
  readonly weight?: Tensor;
  /** What earlier passes measured of the task's support set; the model's starting statistics where it is left out. */
  readonly statistics?: Tensors;
  /** Inner steps done on the task: a scalar; 0 where it is left out. */
  readonly step?: Tensor;
  /** Key [4] for layers that draw random numbers. */
  readonly key?: Tensor;
}

/** A layer: an immutable description of parameters and of the function they parametrise. */
export interface Layer {
  /** What lists of layers call it, followed by a number: `conv` gives `conv1.kernel`. */
  readonly kind: string;
  /** Its name and every option that changes what `apply` computes and no parameter's name or shape shows. */
  readonly description: string;
  /** Shape of one example after the layer. @throws ShapeError when the input does not fit */
  outputShape(input: Shape): Shape;
  parameters(input: Shape): readonly Parameter[];
  /** @param x [n, ...input] */
  apply(scope: Scope, x: Tensor): Tensor;
  readonly batchNorm?: BatchNormMode;
}

/** What one application of a model leaves besides its output. */
export interface Notes {
  /** Statistics of the support set so far, by parameter path. */
  readonly statistics: Record<string, Tensor>;
  /** New values of carried parameters, by path. */
  readonly carried: Record<string, Tensor>;
}

/** The path of a parameter: names that begin with `/` are paths of the whole model. */
export function pathOf(prefix: string, name: string): string {
  return name.startsWith("/") ? name.slice(1) : prefix + name;
}

/** FNV-1a of a path's UTF-16 code units, as a stream of the random operators: 31 bits. */
export function streamOf(path: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & 0x7fffffff;
}

/** The parameters of one layer among those of a model, and the pass that it is part of. */
export class Scope {
  constructor(
    private readonly params: Tensors,
    readonly pass: Pass,
    private readonly notes: Notes,
    private readonly prefix = "",
  ) {}

  /** A parameter, by the name that the layer gives it. */
  param(name: string): Tensor {
    const path = pathOf(this.prefix, name);
    const value = this.params[path];
    if (value === undefined) {
      throw new OptionError(
        `model: parameter ${path} is missing, got ${Object.keys(this.params).join(", ") || "none"}; pass all that init returns`,
      );
    }
    return value;
  }

  /** A statistic of the support set as earlier passes left it, or its starting value. */
  statistic(name: string): Tensor {
    const path = pathOf(this.prefix, name);
    const value = this.pass.statistics?.[path];
    if (value === undefined) {
      throw new OptionError(
        `model: statistic ${path} is missing, got ${Object.keys(this.pass.statistics ?? {}).join(", ") || "none"}; list it among the layer's parameters`,
      );
    }
    return value;
  }

  /** Leaves a statistic for later passes of the same task. */
  measured(name: string, value: Tensor): void {
    this.notes.statistics[pathOf(this.prefix, name)] = value;
  }

  /** Leaves a new value of a carried parameter. */
  carry(name: string, value: Tensor): void {
    this.notes.carried[pathOf(this.prefix, name)] = value;
  }

  /** Tells apart what layers draw under the pass's key: a number made of the layer's path. */
  stream(): number {
    return streamOf(this.prefix);
  }

  /** The scope of a layer within this one. An empty name adds no level to the path. */
  child(name: string): Scope {
    return name === "" ? this : new Scope(this.params, this.pass, this.notes, pathOf(this.prefix, `${name}.`));
  }
}

/** The parameters below a name, for a layer or cell that is run by itself. */
export function scopeOf(params: Tensors, name: string, pass: Pass = { training: true, role: "support" }): Scope {
  return new Scope(params, pass, { statistics: {}, carried: {} }, `${name}.`);
}
