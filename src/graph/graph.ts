import { OptionError, ShapeError, TraceError } from "../errors.ts";
import { operators } from "./operators/index.ts";
import { input } from "./operators/source.ts";
import { type Shape, sameShape, showShape } from "./shape.ts";
import { shapeOf, Tensor, withTrace } from "./tensor.ts";

/** Tensors by name; the order of the names is the order of a Program's inputs and outputs. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A traced function: its inputs, its outputs and every node that an output needs, operands first. */
export interface Graph {
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly nodes: readonly Tensor[];
}

/**
 * Calls `body` once with symbolic tensors of the given shapes and records what it computes.
 * @throws OptionError for an extent that is not a whole number from 1
 */
export function trace<Names extends string, Result extends Tensors>(
  shapes: Readonly<Record<Names, Shape>>,
  body: (inputs: Readonly<Record<Names, Tensor>>) => Result,
): Graph {
  return withTrace((current) => {
    const inputs = {} as Record<Names, Tensor>;
    for (const name in shapes) {
      const shape = shapes[name];
      if (!shape.every((extent) => Number.isInteger(extent) && extent >= 1)) {
        throw new OptionError(`input ${name}: extents must be whole numbers from 1, got ${showShape(shape)}`);
      }
      inputs[name] = input(name, [...shape]);
    }
    const outputs = body(inputs);
    for (const [name, output] of Object.entries(outputs)) {
      if (!(output instanceof Tensor)) throw new TraceError(`output ${name}: must be a tensor, got ${typeof output}`);
      if (output.trace !== current) throw new TraceError(`output ${name}: ${output} belongs to another trace`);
    }
    return { inputs, outputs, nodes: liveNodes(Object.values(inputs), Object.values(outputs)) };
  });
}

/** The given inputs and all that the outputs depend on, by ascending id. */
export function liveNodes(inputs: readonly Tensor[], outputs: readonly Tensor[]): Tensor[] {
  const live = new Set<Tensor>(inputs);
  const pending = [...outputs];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (live.has(node)) continue;
    live.add(node);
    pending.push(...node.inputs);
  }
  return [...live].sort((a, b) => a.id - b.id);
}

/**
 * Checks what every pass must keep: operators of the table, operands before consumers, arities and shapes.
 * @throws TraceError naming the first node that is wrong
 */
export function verify(graph: Graph): void {
  const known = new Set(operators);
  const seen = new Set<Tensor>();
  for (const node of graph.nodes) {
    const { operator, inputs } = node;
    const fail = (why: string) => new TraceError(`graph: ${node} ${why}`);
    if (!known.has(operator)) throw fail("has an operator that is not in the table");
    const count = operator.arity >= 0 ? operator.arity : Math.max(1, inputs.length);
    if (inputs.length !== count) throw fail(`has ${inputs.length} operands, not ${count}`);
    for (const operand of inputs) if (!seen.has(operand)) throw fail(`comes before its operand ${operand}`);
    const shape = expectedShape(node, fail);
    if (!sameShape(shape, node.shape)) throw fail(`should have the shape ${showShape(shape)}`);
    seen.add(node);
  }
  for (const [kind, tensors] of [
    ["input", graph.inputs],
    ["output", graph.outputs],
  ] as const) {
    for (const [name, tensor] of Object.entries(tensors)) {
      if (!seen.has(tensor)) throw new TraceError(`graph: ${kind} ${name} (${tensor}) is not among its nodes`);
    }
  }
}

function expectedShape({ operator, inputs, attributes }: Tensor, fail: (why: string) => TraceError): Shape {
  const shapes = inputs.map((input) => input.shape);
  try {
    return shapeOf(operator, shapes, attributes);
  } catch (error) {
    throw error instanceof ShapeError ? fail(`does not fit its operands: ${error.message}`) : error;
  }
}

/** The graph as text, a line a node. */
export function print(graph: Graph): string {
  const outputs = Object.entries(graph.outputs);
  const lines = graph.nodes.map((node) => {
    const attributes = Object.entries(node.attributes)
      .filter(([name]) => name !== "shape")
      .map(([name, value]) => ` ${name}=${value instanceof Float32Array ? `f32[${value.length}]` : value}`);
    const operands = node.inputs.map((operand) => `%${operand.id}`).join(", ");
    const names = outputs.filter(([, output]) => output === node).map(([name]) => ` -> ${name}`);
    return `${node}(${operands})${attributes.join("")}${names.join("")}`;
  });
  return lines.join("\n");
}
