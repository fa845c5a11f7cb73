import { ShapeError } from "../errors.ts";
import type { Graph } from "./graph.ts";
import type { Array64 } from "./operator.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Evaluates a graph in f64 with the operators' reference implementations: slow, plain, and independent of compiler and
 * core. What everything else is compared with.
 * @param inputs row-major numbers for every input of the graph
 */
export function interpret(
  graph: Graph,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
): Record<string, Float64Array> {
  const values = new Map<Tensor, Array64>();
  for (const [name, node] of Object.entries(graph.inputs)) {
    const data = inputs[name];
    if (data?.length !== node.size) {
      throw new ShapeError(`input ${name}: ${node.size} numbers are needed, got ${data?.length ?? "none"}`);
    }
    values.set(node, { shape: node.shape, data: Float64Array.from(data) });
  }
  for (const node of graph.nodes) {
    if (values.has(node)) continue;
    const operands = node.inputs.map((input) => values.get(input) as Array64);
    values.set(node, { shape: node.shape, data: node.operator.reference(operands, node.attributes, node.shape) });
  }
  const outputs = Object.entries(graph.outputs);
  return Object.fromEntries(outputs.map(([name, output]) => [name, (values.get(output) as Array64).data]));
}
