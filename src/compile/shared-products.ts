/**
 * Products of several inputs with one wide matrix become one product of the inputs on top of one another: support and query sets, or the
 * sets of several tasks, under the same weights. The weights pass by once, and more rows keep the product's tiles busier.
 */
import { type Graph, liveNodes, type Tensors } from "../graph/graph.ts";
import { concat, matmul, slice } from "../graph/operators/index.ts";
import { type Tensor, withTrace } from "../graph/tensor.ts";

/** Elements of a matrix from which on reading it once instead of twice is worth copies of the rows. */
const WIDE = 16_384;
/** Rows of which there are enough. */
const ENOUGH_ROWS = 64;

/** The graph with such products merged, or the graph itself. */
export function mergeProducts(graph: Graph): Graph {
  const groups = new Map<string, Tensor[]>();
  for (const node of graph.nodes) {
    if (!isMergeable(node)) continue;
    const key = `${(node.inputs[1] as Tensor).id} ${node.attributes.transposeB}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  const groupOf = new Map<Tensor, readonly Tensor[]>();
  for (const group of groups.values()) if (group.length > 1) for (const node of group) groupOf.set(node, group);
  return groupOf.size === 0 ? graph : merged(graph, groupOf);
}

/** A few rows of an input, as they came, times a wide matrix. */
function isMergeable({ operator, inputs, attributes, rank }: Tensor): boolean {
  if (operator.name !== "matmul" || rank !== 2 || attributes.transposeA) return false;
  const [left, right] = inputs as [Tensor, Tensor];
  let source = left;
  while (source.operator.name === "reshape") source = source.inputs[0] as Tensor;
  return source.operator.name === "input" && right.size >= WIDE && (left.shape[0] as number) < ENOUGH_ROWS;
}

function merged(graph: Graph, groupOf: ReadonlyMap<Tensor, readonly Tensor[]>): Graph {
  return withTrace((trace) => {
    const made = new Map<Tensor, Tensor>();
    const now = (node: Tensor): Tensor => {
      let value = made.get(node);
      // Rows that come later in the graph are inputs, or inputs in another shape: they can be had at once.
      if (value === undefined) {
        value = trace.intern(node.operator, node.inputs.map(now), node.attributes, node.shape);
        made.set(node, value);
      }
      return value;
    };
    for (const node of graph.nodes) {
      const group = groupOf.get(node);
      if (group === undefined) now(node);
      else if (group[0] === node) multiplyTogether(group, now, made);
    }
    const map = (tensors: Tensors): Tensors =>
      Object.fromEntries(Object.entries(tensors).map(([name, node]) => [name, now(node)]));
    const [inputs, outputs] = [map(graph.inputs), map(graph.outputs)];
    return { inputs, outputs, nodes: liveNodes(Object.values(inputs), Object.values(outputs)) };
  });
}

function multiplyTogether(group: readonly Tensor[], now: (node: Tensor) => Tensor, made: Map<Tensor, Tensor>): void {
  const [first] = group as readonly [Tensor];
  const rows = concat(
    group.map((node) => now(node.inputs[0] as Tensor)),
    0,
  );
  const product = matmul(rows, now(first.inputs[1] as Tensor), { transposeB: first.attributes.transposeB as boolean });
  let row = 0;
  for (const node of group) {
    made.set(node, slice(product, [row, 0], node.shape));
    row += node.shape[0] as number;
  }
}
