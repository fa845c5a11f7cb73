/**
 * Units: what becomes one step of the program. A unit is one node that has instructions of its own, or a cluster of
 * elementwise nodes of one size that is fused into one block.
 */
import { MemoryError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { accessOf, storageOf } from "./storage.ts";

export interface Unit {
  readonly kind: "block" | "instructions" | "materialise";
  /** Ascending ids; one node unless the unit is a block. */
  readonly nodes: Tensor[];
}

/** More would need more registers than fit the first-level cache. */
const MAXIMUM_BLOCK_NODES = 64;

/** What the unit of a node reads from memory or from its own registers. */
export function operandsOf(node: Tensor): Tensor[] {
  const { kind } = node.operator.lowering;
  if (kind === "elementwise") return node.inputs.map((input) => accessOf(input).source);
  return node.inputs.map(storageOf);
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

/** Fusion keeps a bit for every pair of nodes: more of them would take gigabytes and minutes. */
const LARGEST_GRAPH = 40_000;

/** Splits a graph into units, in an order in which every unit comes after those it reads from. */
export function makeUnits(graph: Graph): Unit[] {
  const nodes = producedNodes(graph);
  if (nodes.length > LARGEST_GRAPH) {
    throw new MemoryError(
      `compile: the graph has ${nodes.length} operations, at most ${LARGEST_GRAPH} can be compiled; lower the inner steps`,
    );
  }
  return new Fusion(nodes).units();
}

/**
 * Greedy fusion: every elementwise node joins the units of its operands where that makes no cycle between units.
 * Sets of units are bit sets over the nodes' positions; a merged unit is known by its first member's position.
 */
class Fusion {
  private readonly position = new Map<Tensor, number>();
  private readonly leader: number[];
  private readonly members: number[][];
  /** Units that a unit reads from directly. */
  private readonly direct: Set<number>[];
  /** Units that a unit depends on, directly or not, as bits. */
  private readonly reach: Uint32Array[];

  constructor(private readonly nodes: readonly Tensor[]) {
    for (const [i, node] of nodes.entries()) this.position.set(node, i);
    this.leader = nodes.map((_, i) => i);
    this.members = nodes.map((_, i) => [i]);
    this.direct = nodes.map(() => new Set());
    this.reach = [];
    for (const [i, node] of nodes.entries()) this.place(i, node);
  }

  private place(i: number, node: Tensor): void {
    const reach = new Uint32Array(Math.ceil(this.nodes.length / 32));
    this.reach.push(reach);
    for (const operand of operandsOf(node)) {
      const at = this.position.get(operand);
      if (at === undefined) continue;
      const unit = this.leader[at] as number;
      this.direct[i]?.add(unit);
      or(reach, this.reach[unit] as Uint32Array);
      setBit(reach, unit);
    }
    if (node.operator.lowering.kind !== "elementwise") return;
    // The latest operand first: it is the likeliest to be still in the cache.
    const candidates = [...(this.direct[i] as Set<number>)].sort((a, b) => b - a);
    for (const candidate of candidates) this.tryMerge(this.leader[candidate] as number, this.leader[i] as number, i);
  }

  private tryMerge(a: number, b: number, last: number): void {
    if (a === b) return;
    const [left, right] = [this.nodes[a] as Tensor, this.nodes[b] as Tensor];
    // One size for all also keeps out a member that reads another stretched: what is stretched is smaller.
    if (left.operator.lowering.kind !== "elementwise" || left.size !== right.size) return;
    const [mine, theirs] = [this.members[a] as number[], this.members[b] as number[]];
    if (mine.length + theirs.length > MAXIMUM_BLOCK_NODES) return;
    if (this.pathAround(a, b) || this.pathAround(b, a)) return;
    const [into, from] = a < b ? [a, b] : [b, a];
    this.merge(into, from, last);
  }

  /** Whether `to` depends on `from` through a third unit. */
  private pathAround(from: number, to: number): boolean {
    for (const between of this.direct[to] as Set<number>) {
      const unit = this.leader[between] as number;
      if (unit !== from && unit !== to && hasBit(this.reach[unit] as Uint32Array, from)) return true;
    }
    return false;
  }

  private merge(into: number, from: number, last: number): void {
    for (const member of this.members[from] as number[]) this.leader[member] = into;
    (this.members[into] as number[]).push(...(this.members[from] as number[]));
    const direct = new Set<number>();
    for (const unit of [...(this.direct[into] as Set<number>), ...(this.direct[from] as Set<number>)]) {
      const leader = this.leader[unit] as number;
      if (leader !== into) direct.add(leader);
    }
    this.direct[into] = direct;
    const reach = this.reach[into] as Uint32Array;
    or(reach, this.reach[from] as Uint32Array);
    clearBit(reach, into);
    clearBit(reach, from);
    // Whoever depended on a part now depends on the whole.
    for (let unit = 0; unit <= last; unit++) {
      if (unit === into || this.leader[unit] !== unit) continue;
      const other = this.reach[unit] as Uint32Array;
      if (!hasBit(other, into) && !hasBit(other, from)) continue;
      or(other, reach);
      setBit(other, into);
    }
  }

  /** Kahn's order, the unit whose last node was traced first going first: lifetimes stay as short as the trace's. */
  units(): Unit[] {
    const leaders = [...new Set(this.leader)];
    const lastNode = (unit: number) => Math.max(...(this.members[unit] as number[]));
    const queue = leaders.sort((a, b) => lastNode(a) - lastNode(b));
    const done = new Set<number>();
    const ordered: Unit[] = [];
    const visit = (unit: number): void => {
      if (done.has(unit)) return;
      done.add(unit);
      const before = [...(this.direct[unit] as Set<number>)].map((each) => this.leader[each] as number);
      for (const each of before.sort((a, b) => lastNode(a) - lastNode(b))) visit(each);
      ordered.push(this.unit(unit));
    };
    for (const unit of queue) visit(unit);
    return ordered;
  }

  private unit(leader: number): Unit {
    const nodes = (this.members[leader] as number[]).sort((a, b) => a - b).map((at) => this.nodes[at] as Tensor);
    const { kind } = (nodes[0] as Tensor).operator.lowering;
    if (kind === "elementwise") return { kind: "block", nodes };
    return { kind: kind === "broadcast" ? "materialise" : "instructions", nodes };
  }
}

function setBit(bits: Uint32Array, i: number): void {
  bits[i >> 5] = (bits[i >> 5] as number) | (1 << (i & 31));
}

function clearBit(bits: Uint32Array, i: number): void {
  bits[i >> 5] = (bits[i >> 5] as number) & ~(1 << (i & 31));
}

function hasBit(bits: Uint32Array, i: number): boolean {
  return ((bits[i >> 5] as number) & (1 << (i & 31))) !== 0;
}

function or(into: Uint32Array, from: Uint32Array): void {
  for (let word = 0; word < into.length; word++) into[word] = (into[word] as number) | (from[word] as number);
}
