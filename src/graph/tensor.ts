import { show } from "../arguments.ts";
import { ShapeError, TraceError } from "../errors.ts";
import type { Attributes, Operator } from "./operator.ts";
import { type Shape, showShape, sizeOf } from "./shape.ts";

/**
 * A symbolic tensor: one node of a graph. It has a shape and no numbers.
 * Nodes are made by `apply` and never change; two with the same operator, operands and attributes are one object.
 */
export class Tensor {
  readonly size: number;

  constructor(
    readonly trace: Trace,
    /** Counts up as nodes are made, so operands come before their consumers. */
    readonly id: number,
    readonly operator: Operator,
    readonly inputs: readonly Tensor[],
    readonly attributes: Attributes,
    readonly shape: Shape,
  ) {
    this.size = sizeOf(shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  toString(): string {
    return `%${this.id} ${this.operator.name} ${showShape(this.shape)}`;
  }
}

/** The nodes made while one function is traced. */
export class Trace {
  readonly nodes: Tensor[] = [];
  private readonly interned = new Map<string, Tensor>();

  /** The node with this operator, operands and attributes, made if it is not there yet. */
  intern(operator: Operator, inputs: readonly Tensor[], attributes: Attributes, shape: Shape): Tensor {
    const key = `${operator.name}(${inputs.map((input) => input.id).join(",")})${attributeKey(attributes)}`;
    const known = this.interned.get(key);
    if (known !== undefined) return known;
    const node = this.append(operator, inputs, attributes, shape);
    this.interned.set(key, node);
    return node;
  }

  /** A new node, whether there is an equal one or not: a pass computes some values twice on purpose. */
  append(operator: Operator, inputs: readonly Tensor[], attributes: Attributes, shape: Shape): Tensor {
    const node = new Tensor(this, this.nodes.length, operator, inputs, attributes, shape);
    this.nodes.push(node);
    return node;
  }
}

function attributeKey(attributes: Attributes): string {
  let key = "";
  for (const name in attributes) {
    const value = attributes[name];
    key += `;${name}=${value instanceof Float32Array ? Array.from(value, valueKey) : valueKey(value)}`;
  }
  return key;
}

/** -0 and 0 are different constants; String() would make them one. */
function valueKey(value: unknown): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

let current: Trace | undefined;

/** Runs `body` with a new trace as the place where nodes are made. Traces nest; each sees only its own tensors. */
export function withTrace<T>(body: (trace: Trace) => T): T {
  const outer = current;
  const trace = new Trace();
  current = trace;
  try {
    return body(trace);
  } finally {
    current = outer;
  }
}

/**
 * Applies an operator to tensors of the current trace.
 * @throws ShapeError when the operands do not fit; TraceError outside a trace or for a tensor of another one
 */
export function apply<A extends Attributes>(operator: Operator<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  const trace = traceOf(operator.name, inputs);
  const shapes = inputs.map((input) => input.shape);
  const shape = shapeOf(operator, shapes, attributes);
  const simpler = operator.simplify?.(inputs, attributes, shape);
  if (simpler !== undefined) return simpler;
  return trace.intern(operator as Operator, inputs, attributes, shape);
}

/**
 * The trace in which operation `name` may work on `inputs`.
 * @throws TraceError outside a trace, for a tensor of another one, and for what is no tensor
 */
export function traceOf(name: string, inputs: readonly Tensor[]): Trace {
  if (current === undefined) {
    throw new TraceError(
      `${name}: tensors are symbolic and exist only while a function is traced; call it inside compile(…) or trace(…)`,
    );
  }
  for (const input of inputs) {
    if (!(input instanceof Tensor)) throw new TraceError(`${name}: operands must be tensors, got ${show(input)}`);
    if (input.trace !== current) {
      throw new TraceError(`${name}: operand ${input} belongs to another trace; pass it in as an input instead`);
    }
  }
  return current;
}

/** `traceOf` as a check, for what is read of a tensor before an operator is applied. @throws TraceError as `traceOf` does */
export function requireTensors(operation: string, ...operands: readonly Tensor[]): void {
  traceOf(operation, operands);
}

/**
 * The operator's shape rule, its errors prefixed with the operator's name.
 * @throws ShapeError when the operands do not fit, or when the attributes ask for an extent that is not a whole number from 1
 */
export function shapeOf<A extends Attributes>(
  operator: Operator<A>,
  shapes: readonly Shape[],
  attributes: A,
): readonly number[] {
  try {
    const shape = operator.shape(shapes, attributes);
    if (shape.every((extent) => Number.isInteger(extent) && extent >= 1)) return shape;
    throw new ShapeError(`extents must be whole numbers from 1, got ${showShape(shape)}`);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ShapeError(`${operator.name}: ${error.message}`);
  }
}
