import { isRecord, requireFunction, requireObject, requireWholes, show, wrong } from "../arguments.ts";
import { ShapeError, TraceError } from "../errors.ts";
import { operators } from "./operators/index.ts";
import { input } from "./operators/source.ts";
import { type Shape, sameShape, showShape } from "./shape.ts";
import { shapeOf, Tensor, type Trace, withTrace } from "./tensor.ts";

/** Tensors by name; the order of the names is the order of a Program's inputs and outputs. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A traced function: its inputs, its outputs and every node that an output needs, operands first. */
export interface Graph<Inputs extends string = string, Outputs extends string = string> {
  readonly inputs: Readonly<Record<Inputs, Tensor>>;
  readonly outputs: Readonly<Record<Outputs, Tensor>>;
  readonly nodes: readonly Tensor[];
}

/** A function of tensors by name, with results by name. */
export type Traceable<Inputs extends string, Outputs extends string> = (
  inputs: Readonly<Record<Inputs, Tensor>>,
) => Readonly<Record<Outputs, Tensor>>;

/**
 * Calls `body` once with symbolic tensors of the given shapes and records what it computes.
 * @throws OptionError for an extent that is not a whole number from 1; TraceError where the results are no tensors by name
 */
export function trace<Inputs extends string, Outputs extends string>(
  shapes: Readonly<Record<Inputs, Shape>>,
  body: Traceable<Inputs, Outputs>,
): Graph<Inputs, Outputs> {
  return traceFor("trace", shapes, body);
}

/** `trace` on behalf of a public operation, which its errors name. */
export function traceFor<Inputs extends string, Outputs extends string>(
  operation: string,
  shapes: Readonly<Record<Inputs, Shape>>,
  body: Traceable<Inputs, Outputs>,
): Graph<Inputs, Outputs> {
  if (!isRecord(shapes))
    throw wrong(`${operation}: shapes`, "an object of shapes by name, such as { x: [8, 3] }", shapes);
  requireFunction(`${operation}: body`, body);
  return withTrace((current) => {
    const made = Object.entries(shapes).map(
      ([name, shape]) => [name, input(name, requireWholes(`${operation}: shape of ${name}`, shape, 1))] as const,
    );
    const inputs = Object.fromEntries(made) as Record<Inputs, Tensor>;
    const outputs = requireOutputs(operation, body(inputs), current);
    return { inputs, outputs, nodes: liveNodes(Object.values(inputs), Object.values(outputs)) };
  });
}

/** @throws TraceError unless the results are tensors of this trace by name */
function requireOutputs<Outputs extends string>(
  operation: string,
  outputs: Readonly<Record<Outputs, Tensor>>,
  current: Trace,
): Readonly<Record<Outputs, Tensor>> {
  if (!isRecord(outputs) || outputs instanceof Tensor) {
    const remedy = outputs instanceof Promise ? "; trace a function that is not asynchronous" : "";
    // Its rejection has no other reader: tensors end with the trace, before the promise does.
    if (outputs instanceof Promise) outputs.catch(() => {});
    throw new TraceError(
      `${operation}: the results of body must be tensors by name, such as { y }, got ${shown(outputs)}${remedy}`,
    );
  }
  for (const [name, output] of Object.entries(outputs)) {
    if (!(output instanceof Tensor)) {
      throw new TraceError(`${operation}: output ${name} must be a tensor, got ${show(output)}`);
    }
    if (output.trace !== current)
      throw new TraceError(`${operation}: output ${name}: ${output} belongs to another trace`);
  }
  return outputs;
}

const shown = (value: unknown): string =>
  value instanceof Promise ? "a promise" : value instanceof Tensor ? `the tensor ${value}` : show(value);

/** @throws OptionError unless the value has the parts of a graph */
export function requireGraph(operation: string, value: unknown): void {
  requireObject(`${operation}: graph`, value, "a graph, as trace makes it", ["inputs", "outputs", "nodes"]);
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

const failure = (node: Tensor, why: string) => new TraceError(`graph: ${node} ${why}`);

/**
 * Checks what every pass must keep: operators of the table, operands before consumers, arities and shapes.
 * @throws TraceError naming the first node with a foreign operator, otherwise the first that is wrong
 */
export function verify(graph: Graph): void {
  requireGraph("verify", graph);
  const known = new Set(operators);
  const foreign = graph.nodes.find(({ operator }) => !known.has(operator));
  if (foreign !== undefined) throw failure(foreign, "has an operator that is not in the table");
  verifyNodes(graph);
}

/**
 * `verify` but for the table, which holds every operator: what compiles needs only those that it uses, and the core checks their
 * instructions.
 */
export function verifyNodes(graph: Graph): void {
  const seen = new Set<Tensor>();
  for (const node of graph.nodes) {
    const { operator, inputs } = node;
    const fail = (why: string) => failure(node, why);
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
  requireGraph("print", graph);
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
