/**
 * Greedy fusion in one pass over the nodes. Every cluster has a stage, and reads only from clusters of lower stages: what keeps that
 * rule makes no cycle, so that no path has to be searched. A cluster may be lifted to a later stage for as long as nobody
 * reads it at that stage or before.
 */
import type { Tensor } from "../graph/tensor.ts";
import { commonPeriod, sumOf } from "./sums.ts";

/** Blocks of so few elements take longer to start than to run: they are fused even if they have nothing in common. */
const SMALL = 1024;

/** A small block may wait so many stages for another. */
const REACH = 1;

/** More would need more registers than fit the first-level cache. */
const MAXIMUM_BLOCK_NODES = 64;

interface Cluster {
  /** Elements of its members; 0 where nothing can be fused with it. */
  readonly size: number;
  /** Positions of its members. */
  members: number[];
  stage: number;
  /** Elements that its blocks must hold a multiple of. */
  period: number;
  /** Who reads it. True where a sum of it is read, which is not there before its last block is done. */
  readonly readers: Map<Cluster, boolean>;
  /** What it was merged into. */
  into?: Cluster;
}

/** The clusters of `nodes` (ascending ids), each ascending, in an order in which each comes after those it reads from. */
export function fuse(nodes: readonly Tensor[], operandsOf: (node: Tensor) => readonly Tensor[]): Tensor[][] {
  return new Fusion(nodes, operandsOf).ordered();
}

class Fusion {
  private readonly position = new Map<Tensor, number>();
  /** Of each node, by position; resolve with `root`. */
  private readonly clusterOf: Cluster[] = [];
  private readonly operands: (readonly Tensor[])[];
  /** The latest block that reads a value from memory in full. */
  private readonly lastReader = new Map<Tensor, Cluster>();
  /** The latest small block of each size. */
  private readonly small = new Map<number, Cluster>();

  constructor(
    private readonly nodes: readonly Tensor[],
    operandsOf: (node: Tensor) => readonly Tensor[],
  ) {
    this.operands = nodes.map(operandsOf);
    for (const [at, node] of nodes.entries()) {
      this.position.set(node, at);
      this.clusterOf.push(this.place(at, node));
    }
  }

  private place(at: number, node: Tensor): Cluster {
    const sum = sumOf(node);
    const size = node.operator.lowering.kind === "elementwise" ? node.size : sum === undefined ? 0 : sum.size;
    const period = sum?.period ?? 1;
    // Clusters that the node reads; true where it reads a sum of theirs, or they cannot be fused with it anyway.
    const sources = new Map<Cluster, boolean>();
    for (const operand of this.operands[at] as readonly Tensor[]) {
      const position = this.position.get(operand);
      if (position === undefined) continue;
      const source = root(this.clusterOf[position] as Cluster);
      const apart = source.size !== size || size === 0 || operand.operator.lowering.kind !== "elementwise";
      sources.set(source, (sources.get(source) ?? false) || apart);
    }
    const host = size === 0 ? undefined : this.hostOf(at, size, period, sources);
    const cluster: Cluster = host ?? { size, members: [], stage: 0, period, readers: new Map() };
    for (const [source, apart] of sources) {
      const from = root(source);
      if (from === cluster) continue;
      from.readers.set(cluster, (from.readers.get(cluster) ?? false) || apart);
      if (host === undefined) cluster.stage = Math.max(cluster.stage, from.stage + 1);
    }
    cluster.members.push(at);
    if (size > 0) {
      if (size <= SMALL) this.small.set(size, cluster);
      for (const operand of this.operands[at] as readonly Tensor[]) {
        if (operand.size === size) this.lastReader.set(operand, cluster);
      }
    }
    return cluster;
  }

  /** The cluster that the node may join, ready for it; what else of its operands' clusters may be is merged into it. */
  private hostOf(
    at: number,
    size: number,
    period: number,
    sources: ReadonlyMap<Cluster, boolean>,
  ): Cluster | undefined {
    let lowest = 0;
    const candidates: Cluster[] = [];
    for (const [source, apart] of sources) {
      if (apart) lowest = Math.max(lowest, source.stage + 1);
      else candidates.push(source);
    }
    // The latest first: what it holds is the likeliest to be still in the cache.
    candidates.sort((a, b) => b.stage - a.stage || (b.members[0] as number) - (a.members[0] as number));
    let host: Cluster | undefined;
    for (const candidate of candidates) {
      if (host !== undefined && merge(candidate, host)) continue;
      if (host === undefined && takes(candidate, 1, period) && lift(candidate, lowest)) {
        host = candidate;
        join(host, period);
      } else lowest = Math.max(lowest, candidate.stage + 1);
    }
    if (host !== undefined) return lift(host, lowest) ? host : undefined;
    return this.siblingOf(at, size, period, lowest) ?? this.neighbourOf(sources, size, period, lowest);
  }

  /** A cluster that reads one of the operands of the node at `at` too, and at a stage at which the node may be. */
  private siblingOf(at: number, size: number, period: number, lowest: number): Cluster | undefined {
    for (const operand of this.operands[at] as readonly Tensor[]) {
      const known = operand.size === size ? this.lastReader.get(operand) : undefined;
      const sibling = known === undefined ? undefined : root(known);
      if (sibling?.size !== size || sibling.stage < lowest || !takes(sibling, 1, period)) continue;
      join(sibling, period);
      return sibling;
    }
    return undefined;
  }

  /** A small block that has nothing to do with the node, at a stage at which the node may be. */
  private neighbourOf(
    sources: ReadonlyMap<Cluster, boolean>,
    size: number,
    period: number,
    lowest: number,
  ): Cluster | undefined {
    const known = this.small.get(size);
    const near = known === undefined ? undefined : root(known);
    if (near === undefined || near.stage > lowest + REACH || !takes(near, 1, period)) return undefined;
    // One that the node reads cannot be lifted to where the node may be: its readers do not have the node among them yet.
    if (sources.has(near) || !lift(near, lowest)) return undefined;
    join(near, period);
    return near;
  }

  /** Depth-first, in the order of the last members: lifetimes stay as short as the trace's. */
  ordered(): Tensor[][] {
    const clusters = [...new Set(this.clusterOf.map(root))];
    const last = new Map(clusters.map((cluster) => [cluster, Math.max(...cluster.members)]));
    const byLast = (a: Cluster, b: Cluster) => (last.get(a) as number) - (last.get(b) as number);
    const done = new Set<Cluster>();
    const order: Tensor[][] = [];
    const visit = (cluster: Cluster): void => {
      if (done.has(cluster)) return;
      done.add(cluster);
      for (const source of this.sourcesOf(cluster).sort(byLast)) visit(source);
      order.push(cluster.members.sort((a, b) => a - b).map((at) => this.nodes[at] as Tensor));
    };
    for (const cluster of clusters.sort(byLast)) visit(cluster);
    return order;
  }

  private sourcesOf(cluster: Cluster): Cluster[] {
    const sources = new Set<Cluster>();
    for (const member of cluster.members) {
      for (const operand of this.operands[member] as readonly Tensor[]) {
        const position = this.position.get(operand);
        const source = position === undefined ? cluster : root(this.clusterOf[position] as Cluster);
        if (source !== cluster) sources.add(source);
      }
    }
    return [...sources];
  }
}

function root(cluster: Cluster): Cluster {
  let found = cluster;
  while (found.into !== undefined) found = found.into;
  if (cluster !== found) cluster.into = found;
  return found;
}

/** Whether a cluster has room for `count` more members whose sums need blocks of a multiple of `period`. */
function takes(cluster: Cluster, count: number, period: number): boolean {
  return cluster.members.length + count <= MAXIMUM_BLOCK_NODES && commonPeriod(cluster.period, period) !== undefined;
}

function join(cluster: Cluster, period: number): void {
  cluster.period = commonPeriod(cluster.period, period) as number;
}

/** Moves a cluster to a stage, if it is not there yet and all that read it come later. */
function lift(cluster: Cluster, stage: number): boolean {
  if (cluster.stage >= stage) return true;
  for (const reader of cluster.readers.keys()) {
    const by = root(reader);
    if (by !== cluster && by.stage <= stage) return false;
  }
  cluster.stage = stage;
  return true;
}

/** Merges a cluster into one of the same or a later stage, if nothing comes between them. */
function merge(cluster: Cluster, into: Cluster): boolean {
  if (cluster === into) return true;
  if (cluster.stage > into.stage || !takes(into, cluster.members.length, cluster.period)) return false;
  for (const [reader, apart] of cluster.readers) {
    const by = root(reader);
    if (by === into ? apart : by !== cluster && by.stage <= into.stage) return false;
  }
  join(into, cluster.period);
  into.members.push(...cluster.members);
  for (const [reader, apart] of cluster.readers) {
    const by = root(reader);
    if (by !== into && by !== cluster) into.readers.set(by, (into.readers.get(by) ?? false) || apart);
  }
  cluster.into = into;
  return true;
}
