import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Fans, Initialiser } from "./initialisers.ts";

/**
 * Which statistics batch normalisation uses. It changes results more than most options, so it is chosen by name and
 * printed beside every result.
 * - `"transductive"`: always those of the batch it sees, in evaluation too (MAML's and Reptile's published figures);
 * - `"running"`: those of the batch in training, running averages carried along in evaluation;
 * - `"none"`: no normalisation.
 */
export type BatchNormMode = "transductive" | "running" | "none";

/** One array of a layer. */
export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  readonly initialiser: Initialiser;
  /** Of the layer's weights; computed from the shape where they are left out. */
  readonly fans?: Fans;
  /** Carried along, not learned (running statistics). */
  readonly carried?: boolean;
}

/** How a model is applied. */
export interface ForwardContext {
  readonly training: boolean;
  /** New values of carried parameters; a layer reads the latest and leaves its own. */
  readonly carried: Map<string, Tensor>;
}

/** A layer: an immutable description of parameters and of the function they parametrise. */
export interface Layer {
  /** Its name and every option that changes what `apply` computes and no parameter's name or shape shows. */
  readonly description: string;
  /** Shape of one example after the layer. @throws ShapeError when the input does not fit */
  outputShape(input: Shape): Shape;
  parameters(input: Shape): readonly Parameter[];
  /** @param x [n, ...input] */
  apply(scope: Scope, x: Tensor): Tensor;
  readonly batchNorm?: BatchNormMode;
}

/** The parameters of one layer among those of a model, and the context it is applied in. */
export class Scope {
  constructor(
    private readonly params: Tensors,
    private readonly context: ForwardContext,
    private readonly prefix = "",
  ) {}

  get training(): boolean {
    return this.context.training;
  }

  param(name: string): Tensor {
    const path = this.prefix + name;
    const value = this.params[path];
    if (value === undefined) {
      throw new OptionError(`model: parameter ${path} is missing; there are ${Object.keys(this.params).join(", ")}`);
    }
    return value;
  }

  /** A carried parameter's latest value in this trace. */
  carriedValue(name: string): Tensor {
    return this.context.carried.get(this.prefix + name) ?? this.param(name);
  }

  /** Leaves a new value of a carried parameter. */
  carry(name: string, value: Tensor): void {
    this.context.carried.set(this.prefix + name, value);
  }

  child(name: string): Scope {
    return new Scope(this.params, this.context, `${this.prefix}${name}.`);
  }
}
