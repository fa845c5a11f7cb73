/**
 * The order in which outputs are summed over items: one tree that depends on the number of items alone.
 *
 * Leaves are runs of `leafSize` items; the last may be shorter. A leaf is summed from zero, item by item, or by one run of a
 * batch. Over the leaves stands a binary tree: of n leaves, the left subtree has the largest power of two below n, the right
 * one the rest. Seven leaves:
 *
 *     ((0 + 1) + (2 + 3)) + ((4 + 5) + 6)
 *
 * This shape has two properties that the executors use. Adding leaf after leaf needs no more than log2(n) + 2 blocks
 * (`tree.ts`). And each run of 2^k leaves that begins at a multiple of 2^k is a subtree, as is what is left at the end: a
 * worker sums such a run on its own, and the sums of the runs meet in a tree of the same shape.
 */

/** Leaves up to which items get a leaf each before leaves grow. */
const FEW_LEAVES = 8;
const LARGEST_LEAF = 4;

/** Items in each leaf of a sum over `count` of them. */
export function leafSize(count: number): number {
  return Math.max(1, Math.min(LARGEST_LEAF, Math.ceil(count / FEW_LEAVES)));
}

/** Splits items into runs of one size; the last may be shorter. */
export function runsOf<T>(items: readonly T[], size: number): T[][] {
  const runs: T[][] = [];
  for (let at = 0; at < items.length; at += size) runs.push(items.slice(at, at + size));
  return runs;
}

/** Runs of items for each worker from which on runs grow: enough of them that no worker waits long for the others. */
const RUNS_PER_WORKER = 4;

/** Runs of which none need be larger: what the workers' answers cost then is little. */
function wantedRuns(workers: number): number {
  return Math.max(FEW_LEAVES, RUNS_PER_WORKER * workers);
}

/**
 * Items that a worker sums at a time: those of a subtree, so that nothing of the order depends on the number of workers.
 * Larger subtrees mean fewer results to move.
 */
export function leaseSize(count: number, workers: number): number {
  const leaf = leafSize(count);
  let lease = leaf;
  while (2 * lease * wantedRuns(workers) <= count) lease *= 2;
  return lease;
}

/** Items that a worker maps at a time. */
export function mapSize(count: number, workers: number): number {
  return Math.max(1, Math.ceil(count / wantedRuns(workers)));
}
