/** The written order of sums: a function of the number of items alone, which any number of workers keeps. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { leafSize, leaseSize, mapSize, runsOf } from "../../src/executors/order.ts";
import { BlockTree } from "../../src/executors/tree.ts";

const test = suite("order of sums");

/** The tree over leaves `from` to `to` as text, as the comment in order.ts defines it. */
function written(from: number, to: number): string {
  if (to - from === 1) return `${from}`;
  let left = 1;
  while (2 * left < to - from) left *= 2;
  return `(${written(from, from + left)} + ${written(from + left, to)})`;
}

/** All subtrees of the tree over `leaves` leaves, as "from-to". */
function subtrees(from: number, to: number, found = new Set<string>()): Set<string> {
  found.add(`${from}-${to}`);
  if (to - from === 1) return found;
  let left = 1;
  while (2 * left < to - from) left *= 2;
  subtrees(from, from + left, found);
  return subtrees(from + left, to, found);
}

test("leaves have 1 to 4 items; up to 32 items there are at most eight of them", () => {
  const sizes = (count: number) => runsOf(Array(count).fill(0), leafSize(count)).map((leaf) => leaf.length);
  assert.equal([0, 1, 8, 9, 25, 32].map(sizes), [
    [],
    [1],
    Array(8).fill(1),
    [2, 2, 2, 2, 1],
    [4, 4, 4, 4, 4, 4, 1],
    Array(8).fill(4),
  ]);
  assert.is(sizes(256).length, 64);
  for (let count = 1; count <= 300; count++) {
    const leaves = sizes(count);
    assert.ok(leaves.every((size) => size <= 4) && (count > 32 || leaves.length <= 8), `${count}`);
  }
});

test("runs keep all items in their order", () => {
  for (let count = 0; count <= 70; count++) {
    const items = Array.from({ length: count }, (_, i) => i);
    for (const size of [1, 2, 3, 4, 16]) assert.equal(runsOf(items, size).flat(), items);
  }
});

test("what a worker is given is a subtree, for every number of items and workers", () => {
  for (let count = 1; count <= 400; count++) {
    const leaf = leafSize(count);
    const leaves = Math.ceil(count / leaf);
    const all = subtrees(0, leaves);
    for (const workers of [1, 2, 3, 8, 32]) {
      const lease = leaseSize(count, workers) / leaf;
      assert.ok(Number.isInteger(Math.log2(lease)), `${count} items, ${workers} workers: ${lease} leaves`);
      for (let at = 0; at < leaves; at += lease) {
        const run = `${at}-${Math.min(at + lease, leaves)}`;
        assert.ok(all.has(run), `${count} items, ${workers} workers: ${run} is no subtree`);
      }
      // As few as keep the workers busy, unless they are as small as leaves.
      const leases = Math.ceil(leaves / lease);
      assert.ok(leases >= Math.min(leaves, Math.max(8, 4 * workers)), `${count} items, ${workers} workers`);
      assert.ok(lease === 1 || leases <= 2 * Math.max(8, 4 * workers), `${count} items, ${workers} workers`);
    }
  }
  assert.equal([leaseSize(256, 2), leaseSize(256, 32), leaseSize(4096, 32), leaseSize(25, 32)], [32, 4, 32, 4]);
  assert.equal([mapSize(0, 2), mapSize(32, 2), mapSize(32, 32), mapSize(1000, 2)], [1, 4, 1, 125]);
});

/** A core whose sums are text: what is added to what, and how many blocks are in use at once. */
function symbolicCore() {
  const text: string[] = [];
  let slots = 0;
  const core = {
    allocate: () => 4 * slots++,
    free: () => {
      slots--;
    },
    f32: {
      copyWithin: (to: number, from: number) => {
        text[to] = text[from] as string;
      },
      fill: (_: number, at: number) => {
        text[at] = "0";
      },
    },
    exports: {
      accumulate: (target: number, source: number) => {
        text[target / 4] = `(${text[target / 4]} + ${text[source / 4]})`;
      },
    },
  };
  return { core: core as unknown as Core, text, slots: () => slots };
}

test("blocks are added in the tree that is written down, whole or in leases, in log2(n) + 2 blocks of memory", () => {
  for (let leaves = 1; leaves <= 130; leaves++) {
    for (const lease of [1, 2, 8, 64]) {
      const sumOf = (names: readonly string[]) => {
        const { core, text, slots } = symbolicCore();
        const tree = new BlockTree(core, 1);
        for (const [i, name] of names.entries()) {
          // In place, or from elsewhere.
          const at = i % 2 === 0 ? tree.next() : 4000;
          text[at / 4] = name;
          tree.add(at);
        }
        const sum = text[tree.total() / 4] as string;
        assert.ok(slots() <= Math.log2(names.length) + 2, `${names.length} blocks in ${slots()} slots`);
        tree.release();
        assert.is(slots(), 0);
        return sum;
      };
      const names = Array.from({ length: leaves }, (_, i) => `${i}`);
      assert.is(sumOf(runsOf(names, lease).map(sumOf)), written(0, leaves), `${leaves} leaves in leases of ${lease}`);
    }
  }
});

test("a sum of nothing is zero, and one of a single block that block", () => {
  const core = Core.create();
  const tree = new BlockTree(core, 5);
  core.f32.fill(7, tree.next() / 4, tree.next() / 4 + 5);
  const total = tree.total() / 4;
  assert.equal(Array.from(core.f32.subarray(total, total + 5)), [0, 0, 0, 0, 0]);
  core.f32.fill(3, tree.next() / 4, tree.next() / 4 + 5);
  tree.add();
  assert.equal(Array.from(core.f32.subarray(total, total + 5)), [3, 3, 3, 3, 3]);
});

test.run();
