/**
 * Units: what becomes one step of the program. A unit is one node that has instructions of its own, or a cluster of
 * elementwise nodes of one size, with the sums over them, that is fused into one block.
 */
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { fuse } from "./fusion.ts";
import { accessOf, storageOf } from "./storage.ts";

export interface Unit {
  readonly kind: "block" | "instructions" | "materialise";
  /** Ascending ids; one node unless the unit is a block. */
  readonly nodes: readonly Tensor[];
}

const operands = new WeakMap<Tensor, readonly Tensor[]>();

/** What the unit of a node reads from memory or from its own registers. */
export function operandsOf(node: Tensor): readonly Tensor[] {
  let list = operands.get(node);
  if (list === undefined) {
    const isElementwise = node.operator.lowering.kind === "elementwise";
    list = node.inputs.map((input) => (isElementwise ? accessOf(input).source : storageOf(input)));
    operands.set(node, list);
  }
  return list;
}

/** Nodes that need a unit: everything an output needs but sources, aliases and broadcasts that are only read through. */
function producedNodes(graph: Graph): Tensor[] {
  const produced = new Set<Tensor>();
  const pending = Object.values(graph.outputs).map(storageOf);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (produced.has(node) || node.operator.lowering.kind === "source") continue;
    produced.add(node);
    pending.push(...operandsOf(node));
  }
  return [...produced].sort((a, b) => a.id - b.id);
}

/** Splits a graph into units, in an order in which every unit comes after those it reads from. */
export function makeUnits(graph: Graph): Unit[] {
  return fuse(producedNodes(graph), operandsOf).map(toUnit);
}

function toUnit(nodes: readonly Tensor[]): Unit {
  const { kind } = (nodes[0] as Tensor).operator.lowering;
  if (kind === "elementwise" || nodes.length > 1) return { kind: "block", nodes };
  return { kind: kind === "broadcast" ? "materialise" : "instructions", nodes };
}
