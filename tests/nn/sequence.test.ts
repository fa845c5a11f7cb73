/** Convolutions over time, look-ups and masked means, against plain loops; and what of padding reaches them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { ShapeError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { conv1d, square, sum } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import * as layers from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { maskedMean } from "../../src/nn/moments.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { checkTwice, runGraph } from "../support/twice.ts";

const test = suite("sequences and masks");
const core = Core.create();

type Extents = readonly [N: number, T: number, C: number, O: number, K: number, dilation: number];

/** The definition, tap by tap. */
function convolved(x: Float64Array, w: Float64Array, [N, T, C, O, K, dilation]: Extents, before: number): Float64Array {
  const y = new Float64Array(N * T * O);
  for (let n = 0; n < N; n++) {
    for (let t = 0; t < T; t++) {
      for (let k = 0; k < K; k++) {
        const from = t + (k - before) * dilation;
        if (from < 0 || from >= T) continue;
        for (let c = 0; c < C; c++) {
          for (let o = 0; o < O; o++) {
            const product = (x[(n * T + from) * C + c] as number) * (w[(k * C + c) * O + o] as number);
            y[(n * T + t) * O + o] = (y[(n * T + t) * O + o] as number) + product;
          }
        }
      }
    }
  }
  return y;
}

test("conv1d is its definition, at lengths that the dilation divides or not, and beyond the length", () => {
  const chance = new Chance(1);
  const cases: readonly Extents[] = [
    [2, 8, 3, 4, 2, 1],
    [1, 7, 2, 5, 2, 2],
    [2, 9, 1, 3, 3, 4],
    [1, 5, 4, 2, 2, 8],
    [3, 1, 2, 2, 2, 1],
    [1, 6, 2, 3, 1, 3],
  ];
  for (const extents of cases) {
    const [N, T, C, O, K, dilation] = extents;
    const [x, w] = [chance.floats(N * T * C), chance.floats(K * C * O)];
    for (const causal of [true, false]) {
      const build = (x: Tensor | undefined, w: Tensor | undefined) =>
        conv1d(x as Tensor, w as Tensor, { dilation, causal });
      const graph = trace({ x: [N, T, C], w: [K, C, O] }, ({ x, w }) => ({ y: build(x, w) }));
      const expected = convolved(x, w, extents, causal ? K - 1 : Math.floor((K - 1) / 2));
      near(interpret(graph, { x, w }).y as Float64Array, expected, 1e-12, `${extents} causal ${causal}`);
      checkTwice(
        `conv1d ${extents}`,
        core,
        build,
        [
          [[N, T, C], x],
          [[K, C, O], w],
        ],
        chance,
      );
    }
  }
  throwsA(
    ShapeError,
    () => trace({ x: [1, 4, 2], w: [2, 3, 1] }, ({ x, w }) => ({ y: conv1d(x as Tensor, w as Tensor) })),
    "conv1d: x must be [N,T,C] and w [K,C,O], got [1,4,2] and [2,3,1]",
  );
});

test("a causal step is not influenced by any later one", () => {
  const body = model([6, 2], layers.conv1d({ filters: 3, size: 2, dilation: 2, causal: true }));
  assert.equal(body.outputShape, [6, 3]);
  const shapes = Object.fromEntries(body.parameters.map(({ name, shape }) => [name, shape]));
  const graph = trace({ ...shapes, x: [1, 6, 2] }, (inputs) => ({
    y: body.apply(inputs, { x: inputs.x as Tensor }, { training: true, role: "support" }).output,
  }));
  const chance = new Chance(2);
  const params = { kernel: chance.floats(12), bias: chance.floats(3) };
  const x = chance.floats(12);
  const first = runGraph(core, graph, { ...params, x }).y as Float32Array;
  const later = runGraph(core, graph, { ...params, x: x.map((value, i) => (i < 8 ? value : value + 1)) }).y;
  assert.equal((later as Float32Array).subarray(0, 12), first.subarray(0, 12));
  assert.not.equal(later, first);
});

test("an embedding gives the rows of its table, adds derivatives of equal entries, and NaN beyond it", () => {
  const body = model([3], layers.embedding({ count: 5, width: 2 }));
  assert.equal(body.outputShape, [3, 2]);
  const graph = trace({ table: [5, 2], x: [2, 3] }, ({ table, x }) => {
    const { output } = body.apply({ table: table as Tensor }, { x: x as Tensor }, { training: true, role: "support" });
    return { y: output, d: grad(sum(output), [table as Tensor])[0] as Tensor };
  });
  const table = Float64Array.from({ length: 10 }, (_, i) => i);
  const { y, d } = runGraph(core, graph, { table, x: [0, 4, 4, 2, 4, 5] });
  assert.equal(Array.from(y as Float32Array), [0, 1, 8, 9, 8, 9, 4, 5, 8, 9, Number.NaN, Number.NaN]);
  assert.equal(Array.from(d as Float32Array), [1, 1, 0, 0, 1, 1, 0, 0, 3, 3]);
});

/** The mean and the derivative of its square with respect to x. */
function meanOf(x: readonly number[], weights: readonly number[], shape: readonly number[], axis?: number) {
  const graph = trace({ x: shape, w: [weights.length] }, ({ x, w }) => {
    const y = maskedMean(x as Tensor, w as Tensor, axis);
    return { y, d: grad(sum(square(y)), [x as Tensor])[0] as Tensor };
  });
  const { y, d } = runGraph(core, graph, { x, w: weights });
  return { y: Array.from(y as Float32Array), d: Array.from(d as Float32Array) };
}

test("a masked mean honours weights; what has weight 0 has no influence, whatever it is; of nothing it is 0", () => {
  assert.equal(meanOf([1, 5, 2, 7, 1, 9], [1, 3, 0], [2, 3], 1).y, [4, 2.5]);
  for (const hidden of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
    const { y, d } = meanOf([1, 5, hidden, 7, 1, hidden], [1, 1, 0], [2, 3], 1);
    assert.equal(y, [3, 4]);
    assert.equal(d, [3, 3, 0, 4, 4, 0]);
  }
  assert.equal(meanOf([1, Number.NaN, 3], [0, 0, 0], [3]), { y: [0], d: [0, 0, 0] });
  assert.equal(meanOf([1, 2, 3, 4], [1, 1], [2, 2], 0).y, [2, 3]);
  const chance = new Chance(3);
  const build = (x: Tensor | undefined, w: Tensor | undefined) => maskedMean(x as Tensor, w as Tensor, 1);
  checkTwice(
    "maskedMean",
    core,
    build,
    [
      [[3, 5], chance.floats(15)],
      [[5], chance.floats(5, 0.5, 2)],
    ],
    chance,
  );
});

test.run();
