import { isRecord, requireNumbers, wrong } from "../arguments.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { type Graph, requireGraph } from "./graph.ts";
import { referenceOf } from "./references/index.ts";
import type { Array64, Reference } from "./references/reference.ts";
import { showShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Evaluates a graph in f64 by what each operator means (`references/`): slow, plain, and independent of compiler and
 * core. What everything else is compared with.
 * @param inputs row-major numbers for every input of the graph
 */
export function interpret<Inputs extends string, Outputs extends string>(
  graph: Graph<Inputs, Outputs>,
  inputs: NoInfer<Readonly<Record<Inputs, ArrayLike<number>>>>,
): Record<Outputs, Float64Array> {
  requireGraph("interpret", graph);
  if (!isRecord(inputs)) throw wrong("interpret: inputs", "an object of arrays by name", inputs);
  const unknown = Object.keys(inputs).find((name) => !Object.hasOwn(graph.inputs, name));
  if (unknown !== undefined) {
    const known = Object.keys(graph.inputs).join(", ");
    throw new OptionError(`interpret: there is no input ${unknown}; the graph's inputs are ${known}`);
  }
  const values = new Map<Tensor, Array64>();
  for (const [name, node] of Object.entries<Tensor>(graph.inputs)) {
    const data = requireNumbers(`interpret: input ${name}`, inputs[name as Inputs]);
    if (data.length !== node.size) {
      throw new ShapeError(
        `interpret: input ${name} ${showShape(node.shape)} needs ${node.size} numbers, got ${data.length}`,
      );
    }
    values.set(node, { shape: node.shape, data: Float64Array.from(data) });
  }
  for (const node of graph.nodes) {
    if (values.has(node)) continue;
    const operands = node.inputs.map((input) => values.get(input) as Array64);
    const data = (referenceOf(node.operator) as Reference)(operands, node.attributes, node.shape);
    values.set(node, { shape: node.shape, data });
  }
  const outputs = Object.entries<Tensor>(graph.outputs);
  const results = outputs.map(([name, output]) => [name, (values.get(output) as Array64).data]);
  return Object.fromEntries(results) as Record<Outputs, Float64Array>;
}
