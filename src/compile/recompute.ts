/**
 * Bounded memory: a pass from graph to graph after which the derivative of an unrolled loop computes each step's values anew
 * instead of keeping them all.
 *
 *     before   step 1 ── step 2 ── … ── step k ── outer loss ── back k ── … ── back 2 ── back 1
 *                 └─────────┴────── all values kept ──────────────┴──────────────┴─────────┘
 *
 *     after    step 1 ── … ── step k ── outer loss ── step k' ── back k ── … ── step 1' ── back 1
 *                   only what the boundaries hold is kept ──────┘      (a dash: computed again)
 */
import type { Graph, Tensors } from "../graph/graph.ts";
import { isBoundary } from "../graph/operators/boundary.ts";
import { type Tensor, Trace } from "../graph/tensor.ts";

/** A value this many times smaller than what it is computed from is kept: a mean costs a pass over a whole batch. */
const WORTH_KEEPING = 16;

/**
 * A graph with the same outputs, bit for bit, in which nothing but boundaries, inputs, constants and small results of large
 * operands lives from a step of a loop to that step's derivative. The price is that each step is computed twice.
 *
 * The level of a node is the number of boundaries on its deepest path; the last level holds the outer loss and its
 * derivative. What the last level reads of an earlier one is a copy, made directly before its first reader. In the new
 * graph the order of the ids is the order in which the nodes should run: level by level, copies where they are needed.
 * @returns undefined where there is nothing to compute again
 */
export function recompute(graph: Graph): Graph | undefined {
  const levels = levelsOf(graph.nodes);
  const last = Math.max(0, ...levels.values());
  return last === 0 ? undefined : new Recomputation(graph, levels, last).graph();
}

function levelsOf(nodes: readonly Tensor[]): Map<Tensor, number> {
  const levels = new Map<Tensor, number>();
  for (const node of nodes) {
    let level = 0;
    for (const operand of node.inputs) level = Math.max(level, levels.get(operand) as number);
    levels.set(node, isBoundary(node) ? level + 1 : level);
  }
  return levels;
}

class Recomputation {
  private readonly trace = new Trace();
  private readonly originals = new Map<Tensor, Tensor>();
  private readonly copies = new Map<Tensor, Tensor>();
  /** Nodes that a later step reads, too: they live that long anyway. */
  private readonly shared = new Set<Tensor>();
  private worthwhile = false;

  constructor(
    private readonly old: Graph,
    private readonly levels: ReadonlyMap<Tensor, number>,
    private readonly last: number,
  ) {
    for (const node of old.nodes) {
      const level = this.level(node);
      for (const operand of node.inputs) {
        if (level < last && this.level(operand) < level) this.shared.add(operand);
      }
    }
  }

  private level(node: Tensor): number {
    return this.levels.get(node) as number;
  }

  graph(): Graph | undefined {
    const ordered = [...this.old.nodes].sort((a, b) => this.level(a) - this.level(b) || a.id - b.id);
    for (const node of ordered) {
      // What the last boundaries hold is computed once: it is what comes after them that reads copies.
      const reader = this.level(node) === this.last && !isBoundary(node);
      const inputs = node.inputs.map((operand) =>
        reader ? this.again(operand) : (this.originals.get(operand) as Tensor),
      );
      this.originals.set(node, this.append(node, inputs));
    }
    if (!this.worthwhile) return undefined;
    const map = (tensors: Tensors): Tensors =>
      Object.fromEntries(Object.entries(tensors).map(([name, node]) => [name, this.originals.get(node) as Tensor]));
    return withoutDead(this.trace.nodes, map(this.old.inputs), map(this.old.outputs));
  }

  private append({ operator, attributes, shape }: Tensor, inputs: readonly Tensor[]): Tensor {
    return this.trace.append(operator, inputs, attributes, shape);
  }

  /** The value of `node` for a reader of the last level: the node itself where it is kept, else its copy. */
  private again(node: Tensor): Tensor {
    if (this.kept(node)) return this.originals.get(node) as Tensor;
    const known = this.copies.get(node);
    if (known !== undefined) return known;
    // An explicit stack: a step can be deeper than the engine's.
    const pending = [node];
    for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
      const missing = top.inputs.filter((operand) => !this.kept(operand) && !this.copies.has(operand));
      if (missing.length > 0) {
        pending.push(...missing.sort((a, b) => b.id - a.id));
        continue;
      }
      pending.pop();
      if (!this.copies.has(top)) this.copies.set(top, this.copy(top));
    }
    return this.copies.get(node) as Tensor;
  }

  private copy(node: Tensor): Tensor {
    const { kind } = node.operator.lowering;
    if (kind === "elementwise" || kind === "instructions") this.worthwhile = true;
    const inputs = node.inputs.map((operand) => this.copies.get(operand) ?? (this.originals.get(operand) as Tensor));
    return this.append(node, inputs);
  }

  private kept(node: Tensor): boolean {
    const { lowering } = node.operator;
    if (this.level(node) === this.last || lowering.kind === "source" || isBoundary(node) || this.shared.has(node)) {
      return true;
    }
    return lowering.kind === "instructions" && node.inputs.some(({ size }) => size >= WORTH_KEEPING * node.size);
  }
}

/** What the outputs need of `nodes`, and the inputs. */
function withoutDead(nodes: readonly Tensor[], inputs: Tensors, outputs: Tensors): Graph {
  const live = new Set<Tensor>([...Object.values(inputs), ...Object.values(outputs)]);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i] as Tensor;
    if (live.has(node)) for (const operand of node.inputs) live.add(operand);
  }
  return { inputs, outputs, nodes: nodes.filter((node) => live.has(node)) };
}
