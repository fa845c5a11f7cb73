/** Attention, its masks and the layers around it against plain loops in f64. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { KEY_SHAPE, keyToArray, multiply, sum } from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { type AttentionOptions, attention, causalWeights, maskedSoftmax } from "../../src/nn/attention.ts";
import { dropout, eachStep, linear, rmsNorm, selfAttention, transformerBlock } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { keyOf } from "../../src/random.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";

const test = suite("attention");
const core = Core.create();
/** Constants of a graph are f32, also in f64. */
const CLOSE = 1e-7;

type Arrays = Readonly<Record<string, ArrayLike<number>>>;

/** The outputs of a graph in f64; the compiled ones are held to them. */
function both<T extends Record<string, Tensor>>(
  shapes: Readonly<Record<string, Shape>>,
  given: Arrays,
  body: (inputs: Readonly<Record<string, Tensor>>) => T,
): Record<keyof T, Float64Array> {
  const graph = trace(shapes as Record<string, Shape>, body);
  const expected = interpret(graph, given as Record<string, ArrayLike<number>>);
  for (const [name, data] of Object.entries(runGraph(core, graph, given))) {
    near(data, expected[name as keyof typeof expected] as Float64Array, 2e-5, `compiled ${name}`);
  }
  return expected as Record<keyof T, Float64Array>;
}

const at = (x: ArrayLike<number>, i: number): number => x[i] as number;

/** sum_j w_j e^(q.k_j / sqrt d) v_j / sum_j w_j e^(q.k_j / sqrt d), head by head. */
function plainAttention(
  [q, k, v]: readonly ArrayLike<number>[],
  { n, m, D, E, heads }: Readonly<Record<"n" | "m" | "D" | "E" | "heads", number>>,
  weightOf: (i: number, j: number) => number,
): number[] {
  const result = new Array<number>(n * E).fill(0);
  const [d, e] = [D / heads, E / heads];
  for (let i = 0; i < n; i++) {
    for (let h = 0; h < heads; h++) {
      const shares = Array.from({ length: m }, (_, j) => {
        let score = 0;
        for (let c = h * d; c < (h + 1) * d; c++)
          score += at(q as Float64Array, i * D + c) * at(k as Float64Array, j * D + c);
        return weightOf(i, j) * Math.exp(score / Math.sqrt(d));
      });
      const total = shares.reduce((a, b) => a + b, 0) || 1;
      for (let c = h * e; c < (h + 1) * e; c++) {
        for (let j = 0; j < m; j++)
          result[i * E + c] =
            at(result, i * E + c) + (at(shares, j) / total) * (weightOf(i, j) && at(v as Float64Array, j * E + c));
      }
    }
  }
  return result;
}

const chance = new Chance(5);
const extents = { n: 5, m: 7, D: 12, E: 6, heads: 3 };
const { n, m, D, E } = extents;
const shapes = { q: [n, D], k: [m, D], v: [m, E] } as const;
const given = { q: chance.floats(n * D), k: chance.floats(m * D), v: chance.floats(m * E) };
const operands = [given.q, given.k, given.v];
const attend = ({ q, k, v, w }: Readonly<Record<string, Tensor>>, heads: number): Tensor => {
  const options: AttentionOptions = w === undefined ? { heads } : { heads, weights: w };
  return attention(q as Tensor, k as Tensor, v as Tensor, options);
};

for (const heads of [1, 3]) {
  const where = { ...extents, heads };

  test(`${heads} heads: attention is the weighted mean of values, for no weights, weights of keys, and of keys by query`, () => {
    near(
      both(shapes, given, (x) => ({ y: attend(x, heads) })).y,
      plainAttention(operands, where, () => 1),
      CLOSE,
      "no weights",
    );
    const weights = [1, 0, 2, 0.5, 0, 1, 3];
    const byKey = both({ ...shapes, w: [m] }, { ...given, w: weights }, (x) => ({ y: attend(x, heads) }));
    near(
      byKey.y,
      plainAttention(operands, where, (_, j) => at(weights, j)),
      CLOSE,
      "by key",
    );
    const mask = Array.from({ length: n * m }, (_, each) => Number((each * 5) % 7 < 4));
    const byQuery = both({ ...shapes, w: [n, m] }, { ...given, w: mask }, (x) => ({ y: attend(x, heads) }));
    near(
      byQuery.y,
      plainAttention(operands, where, (i, j) => at(mask, i * m + j)),
      CLOSE,
      "by query",
    );
  });

  test(`${heads} heads: a batch of sequences is each by itself`, () => {
    const two = Object.fromEntries(
      Object.entries(given).map(([name, data]) => [name, [...data, ...data.toReversed()]]),
    );
    const batched = { q: [2, n, D], k: [2, m, D], v: [2, m, E] };
    const { y } = both(batched, two, (x) => ({ y: attend(x, heads) }));
    near(
      y.subarray(0, n * E),
      plainAttention(operands, where, () => 1),
      CLOSE,
      "the first",
    );
    const reversed = operands.map((each) => each.toReversed());
    near(
      y.subarray(n * E),
      plainAttention(reversed, where, () => 1),
      CLOSE,
      "the second",
    );
  });

  test(`${heads} heads: what has weight 0 contributes nothing, whatever it holds; derivatives are finite without keys`, () => {
    const slopes = (x: Readonly<Record<string, Tensor>>) => {
      const y = attend(x, heads);
      const [q, k, v, w] = grad(sum(multiply(y, y)), [x.q, x.k, x.v, x.w] as Tensor[]) as Tensor[];
      return { y, q, k, v, w } as Record<string, Tensor>;
    };
    const weighted = { ...shapes, w: [m] };
    const weights = [1, 0, 2, 0.5, 0, 1, 3];
    const clean = both(weighted, { ...given, w: weights }, slopes);
    for (const poison of [Number.NaN, Number.POSITIVE_INFINITY, 1e30]) {
      const [k, v] = [given.k.slice(), given.v.slice()];
      for (const row of [1, 4]) {
        k.fill(poison, row * D, (row + 1) * D);
        v.fill(poison, row * E, (row + 1) * E);
      }
      const poisoned = interpret(trace(weighted as Record<string, Shape>, slopes), { ...given, k, v, w: weights });
      const compiled = runGraph(core, trace(weighted as Record<string, Shape>, slopes), { ...given, k, v, w: weights });
      for (const name of ["y", "q", "k", "v"]) {
        near(poisoned[name] as Float64Array, clean[name] as Float64Array, 0, `${name} with ${poison}`);
        near(compiled[name] as Float32Array, clean[name] as Float64Array, 2e-5, `compiled ${name} with ${poison}`);
      }
      for (const row of [1, 4]) {
        assert.ok((poisoned.k as Float64Array).subarray(row * D, (row + 1) * D).every((each) => each === 0));
        assert.ok((poisoned.v as Float64Array).subarray(row * E, (row + 1) * E).every((each) => each === 0));
      }
    }
    const empty = both(weighted, { ...given, w: new Array(m).fill(0) }, slopes);
    for (const [name, data] of Object.entries(empty))
      assert.ok(data.every(name === "w" ? Number.isFinite : (x) => x === 0), name);
  });
}

test("derivatives of masked attention, first and second, are those of finite differences", () => {
  const weighted: Record<string, Shape> = { ...shapes, w: [m] };
  const values: Record<string, number[]> = {
    q: [...given.q],
    k: [...given.k],
    v: [...given.v],
    w: [1, 0, 2, 0.5, 0, 1, 3],
  };
  const loss = (x: Readonly<Record<string, Tensor>>) => {
    const y = attend(x, 3);
    const first = sum(multiply(y, multiply(y, y)));
    const [slope] = grad(first, [x.q as Tensor]) as [Tensor];
    return sum(multiply(slope, slope));
  };
  const names = ["q", "k", "v", "w"];
  const graph = trace(weighted, (x) => {
    const y = loss(x);
    const list = grad(
      y,
      names.map((name) => x[name] as Tensor),
    ) as Tensor[];
    return { y, ...Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor])) };
  });
  const lossOnly = trace(weighted, (x) => ({ y: loss(x) }));
  const exact = interpret(graph, values) as Record<string, Float64Array>;
  for (const name of names) {
    for (const place of [0, 3, 5]) {
      // A weight of 0 is where padding begins: the function jumps.
      const around = [1e-5, -1e-5].map((step) => {
        const moved = (values[name] as number[]).with(place, at(values[name] as number[], place) + step);
        return at(interpret(lossOnly, { ...values, [name]: moved }).y as Float64Array, 0);
      }) as [number, number];
      near([at(exact[name] as Float64Array, place)], [(around[0] - around[1]) / 2e-5], 1e-6, `${name} at ${place}`);
    }
  }
});

test("masked softmax: rows without weight are 0, weights count, and no score is too large", () => {
  const scores = [1, 2, 3, 1e4, -1e4, 0, 5, 5, 5];
  const weights = [1, 0, 1, 1, 1, 0, 0, 0, 0];
  const { y } = both({ s: [3, 3], w: [3, 3] }, { s: scores, w: weights }, ({ s, w }) => ({
    y: maskedSoftmax(s as Tensor, w as Tensor),
  }));
  const first = 1 / (1 + Math.exp(2));
  near(y, [first, 0, 1 - first, 1, 0, 0, 0, 0, 0], CLOSE, "shares");
  assert.equal(
    [
      ...interpret(
        trace({}, () => ({ y: causalWeights(3) })),
        {},
      ).y,
    ],
    [1, 0, 0, 1, 1, 0, 1, 1, 1],
  );
});

test("shapes and heads that do not fit are refused", () => {
  const refused = (
    of: Record<string, Shape>,
    heads: number,
    error: typeof ShapeError | typeof OptionError,
    ...words: string[]
  ) => throwsA(error, () => trace(of, (x) => ({ y: attend(x, heads) })), "attention: ", ...words);
  refused({ ...shapes, k: [m, 5] }, 1, ShapeError, "[n,D], [m,D] and [m,E]");
  refused({ ...shapes, v: [m + 1, E] }, 1, ShapeError, "[n,D], [m,D] and [m,E]");
  refused({ ...shapes, w: [n] }, 1, ShapeError, "weights must be [7] or [5,7], got [5]");
  refused({ ...shapes }, 4, OptionError, "heads must be a divisor of 12 and 6, got 4");
  throwsA(OptionError, () => model([6], selfAttention({ heads: 4 })), "a divisor of the width 6");
  throwsA(OptionError, () => model([6], selfAttention({ causal: true })), "causal must be false");
  throwsA(ShapeError, () => model([6, 6, 1], transformerBlock()), "[D] or [T,D]");
});

/** What a model gives for x, with parameters drawn at random, in f64 and compiled. */
function applied(
  input: Shape,
  layer: Parameters<typeof model>[1],
  x: ArrayLike<number>,
  weight?: readonly number[],
): { y: Float64Array; params: Record<string, Float64Array> } {
  const body = model(input, layer);
  const draws = new Chance(9);
  const params = Object.fromEntries(
    body.parameters.map(({ name, shape }) => [name, draws.floats(shape.reduce((a, b) => a * b, 1))]),
  );
  const rows = x.length / input.reduce((a, b) => a * b, 1);
  const parameterShapes = Object.fromEntries(body.parameters.map(({ name, shape }) => [name, shape]));
  const { y } = both(
    { ...parameterShapes, x: [rows, ...input], ...(weight ? { weight: [rows] } : {}) },
    { ...params, x, ...(weight ? { weight } : {}) },
    (inputs) => {
      const { weight: w } = inputs;
      return {
        y: body.apply(inputs, inputs, { training: false, role: "support", ...(w ? { weight: w } : {}) }).output,
      };
    },
  );
  return { y, params };
}

test("a transformer block over vectors: rows read those of positive weight, in any order; weight 0 reads without being read", () => {
  const x = chance.floats(5 * 4);
  const block = transformerBlock({ heads: 2, hidden: 6 });
  const three = applied([4], block, x.slice(0, 12)).y;
  const masked = applied([4], block, x, [1, 1, 1, 0, 0]).y;
  near(masked.subarray(0, 12), three, CLOSE, "queries change the support set");
  const alone = applied([4], block, [...x.slice(0, 12), ...x.slice(16)], [1, 1, 1, 0]).y;
  near(alone.subarray(12), masked.subarray(16), CLOSE, "queries read each other");
  const reversed = [0, 1, 2].flatMap((row) => [...x.slice(4 * (2 - row), 4 * (3 - row))]);
  near(applied([4], block, reversed).y.subarray(8), three.subarray(0, 4), CLOSE, "the order matters");
});

test("a transformer block over sequences: examples are apart; causal steps do not read later ones", () => {
  const x = chance.floats(2 * 5 * 4);
  const changed = x.slice();
  for (let i = 4 * 4; i < 5 * 4; i++) changed[i] = at(changed, i) + (i % 3);
  for (const norm of ["layer", "rms"] as const) {
    for (const causal of [true, false]) {
      const block = transformerBlock({ heads: 2, causal, norm });
      const [y, moved] = [applied([5, 4], block, x).y, applied([5, 4], block, changed).y];
      near(moved.subarray(20), y.subarray(20), 0, "examples read each other");
      const earlier = moved.subarray(0, 16).every((each, i) => each === y[i]);
      assert.is(earlier, causal, `causal ${causal}`);
      assert.not.equal([...moved.subarray(16, 20)], [...y.subarray(16, 20)]);
    }
  }
});

test("self-attention is attention of its projections", () => {
  const x = chance.floats(n * 4);
  const weight = [1, 0, 2, 1, 0];
  const { y, params } = applied([4], selfAttention({ heads: 2 }), x, weight);
  const product = (a: ArrayLike<number>, name: string) =>
    Array.from({ length: n * 4 }, (_, each) => {
      const row = each - (each % 4);
      return [0, 1, 2, 3].reduce(
        (total, c) => total + at(a, row + c) * at(params[name] as Float64Array, 4 * c + (each % 4)),
        0,
      );
    });
  const projected = ["query.weight", "key.weight", "value.weight"].map((name) => product(x, name));
  const read = plainAttention(projected, { n, m: n, D: 4, E: 4, heads: 2 }, (_, j) => at(weight, j));
  near(y, product(read, "output.weight"), CLOSE, "projections");
});

test("a layer on each step is the layer on all steps; rmsNorm divides by the root of the mean square", () => {
  const x = chance.floats(2 * 3 * 4);
  near(applied([3, 4], eachStep(linear(5)), x).y, applied([4], linear(5), x).y, 0, "steps");
  const { y, params } = applied([3, 4], rmsNorm({ epsilon: 0.01 }), x);
  const expected = Array.from(x, (each, i) => {
    const row = [0, 1, 2, 3].map((c) => at(x, i - (i % 4) + c));
    const square = row.reduce((total, value) => total + value * value, 0) / 4;
    return (each / Math.sqrt(square + 0.01)) * at(params.scale as Float64Array, i % 4);
  });
  near(y, expected, CLOSE, "rmsNorm");
});

test("dropout: drops its share in training under the key, differently by path, and nothing in use", () => {
  const body = model([1000], dropout(0.3));
  const x = new Float32Array(2000).fill(1);
  const drop = (seed: number, training = true, layer = body) => {
    const graph = trace({ x: [2, 1000], key: KEY_SHAPE }, ({ x, key }) => ({
      y: layer.apply({}, { x }, { training, role: "support", key }).output,
    }));
    return Array.from(interpret(graph, { x, key: keyToArray(keyOf(seed)) }).y);
  };
  const first = drop(1);
  const kept = first.filter((each) => each !== 0);
  assert.ok(kept.every((each) => Math.abs(each - 1 / 0.7) < 1e-6));
  assert.ok(Math.abs(kept.length / 2000 - 0.7) < 0.04, `${kept.length} of 2000 are kept`);
  assert.equal(drop(1), first);
  assert.not.equal(drop(2), first);
  assert.equal(drop(1, false), Array.from(x));
  throwsA(
    OptionError,
    () =>
      trace({ x: [1, 1000] }, ({ x }) => ({ y: body.apply({}, { x }, { training: true, role: "support" }).output })),
    "dropout: the pass must have a key",
  );
});

test.run();
