/** Rows that are drawn for an inner step: evenly, under a key, and never padding. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { type Tensors, trace } from "../../src/graph/graph.ts";
import { KEY_SHAPE } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { drawRows } from "../../src/learners/learner.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";

const test = suite("rows");
const core = Core.create();
const DRAWS = 400;

/** How often each row is drawn; the rows hold their own indices. */
function drawn(weight: readonly number[], key: Float64Array): number[] {
  const n = weight.length;
  const graph = trace({ x: [n], weight: [n], key: KEY_SHAPE }, ({ x, weight, key }: Tensors) =>
    drawRows({ x: x as Tensor, weight: weight as Tensor }, DRAWS, key as Tensor, 3),
  );
  const rows = runGraph(core, graph, { x: weight.map((_, i) => i), weight, key });
  const counts = weight.map(() => 0);
  for (const [i, row] of (rows.x as Float32Array).entries()) {
    counts[row] = (counts[row] as number) + 1;
    assert.is(rows.weight?.[i], weight[row], "a row keeps its weight");
  }
  return counts;
}

test("drawRows: rows of weight above 0 are drawn evenly, padding never, wherever it is", () => {
  const chance = new Chance(4);
  for (const weight of [[1], [1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 2, 0.5, 0], [0, 0, 0, 1], [1, 0, 0, 0, 0]]) {
    const key = Float64Array.from({ length: 4 }, () => chance.whole(0, 0xffff));
    const counts = drawn(weight, key);
    const present = weight.filter((each) => each > 0).length;
    for (const [row, count] of counts.entries()) {
      if (weight[row] === 0) assert.is(count, 0, `row ${row} of ${weight} is padding`);
      // Five standard deviations of a binomial count.
      else assert.ok(Math.abs(count - DRAWS / present) <= 5 * Math.sqrt(DRAWS / present), `${counts} of ${weight}`);
    }
  }
  assert.equal(drawn([0, 0, 0], Float64Array.of(1, 2, 3, 4)), [DRAWS, 0, 0], "nothing but padding: an existing row");
});

test.run();
