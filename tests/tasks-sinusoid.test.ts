import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SINE_LIMIT, sine } from "../src/portable-math.ts";
import type { Key } from "../src/random.ts";
import { ContentHash } from "../src/tasks/hash.ts";
import { sinusoid } from "../src/tasks/sinusoid.ts";

const test = suite("tasks: sinusoid");

test("sine has absolute error < 1e-15 for |x| <= 100", () => {
  let worst = 0;
  for (let i = -200_000; i <= 200_000; i++) worst = Math.max(worst, Math.abs(sine(i / 2000) - Math.sin(i / 2000)));
  assert.ok(worst < 1e-15, `error ${worst}`);
});

test("sine has absolute error < 2e-12 up to its limit, and is odd and bounded near multiples of pi / 2", () => {
  let worst = 0;
  for (let i = 0; i <= 100_000; i++) worst = Math.max(worst, Math.abs(sine(i * 9.99) - Math.sin(i * 9.99)));
  assert.ok(worst < 2e-12, `error ${worst}`);
  assert.ok(SINE_LIMIT >= 999_000);
  for (let n = -40; n <= 40; n++) {
    const x = (n * Math.PI) / 2;
    assert.ok(Math.abs(sine(x) - Math.sin(x)) < 1e-15, `at ${n} pi / 2`);
    assert.ok(Math.abs(sine(x)) <= 1 + 1e-15);
    // At odd multiples the reduction may take either neighbour, so that the bits may differ.
    assert.ok(Math.abs(sine(-x) + sine(x)) < 1e-15);
  }
  assert.ok(Number.isNaN(sine(Number.NaN)));
  assert.ok(Number.isNaN(sine(Number.POSITIVE_INFINITY)));
});

test("the same key gives the same bits; other keys other tasks", () => {
  const a = sinusoid().sample([3, 4]);
  assert.equal(a, sinusoid().sample([3, 4]));
  assert.not.equal(a, sinusoid().sample([3, 5]));
  assert.not.equal(a, sinusoid().sample([4, 4]));
});

test("the bits of 100 episodes are those of every other machine", () => {
  const hash = new ContentHash();
  for (let i = 0; i < 100; i++) {
    const { support, queries: query } = sinusoid().sample([0, i]);
    hash.floats(support.x).floats(support.y).floats(query.x).floats(query.y);
  }
  assert.is(hash.digest(), "954a99beb5ab909d");
});

test("points lie on the curve of the key, in its intervals", () => {
  const source = sinusoid({ shots: 7, queries: 3, amplitude: [1, 2], phase: [-1, 1], range: [2, 3] });
  const { inputs, objective, segments, queries } = source.spec;
  assert.equal([inputs, objective.name, objective.outputs, segments, queries], [{ x: [1] }, "regression", 1, [7], 3]);
  for (let i = 0; i < 200; i++) {
    const { support, queries: query } = source.sample([9, i]);
    const { amplitude, phase, at } = source.curve([9, i]);
    assert.ok(amplitude >= 1 && amplitude < 2 && phase >= -1 && phase < 1);
    assert.is(support.x.length, 7);
    assert.is(query.y.length, 3);
    for (const { x, y } of [support, query]) {
      x.forEach((value, j) => {
        assert.ok(value >= 2 && value <= 3);
        assert.ok(Math.abs((y[j] as number) - amplitude * Math.sin(value - phase)) < 1e-6);
        assert.is(y[j], Math.fround(at(value)));
      });
    }
  }
});

test("10,000 tasks have the moments of the paper's distribution", () => {
  const source = sinusoid();
  const sums = { amplitude: 0, phase: 0, x: 0, xx: 0, yy: 0 };
  const count = 10_000;
  for (let i = 0; i < count; i++) {
    const key: Key = [77, i];
    const { amplitude, phase } = source.curve(key);
    const { x, y } = source.sample(key).queries;
    sums.amplitude += amplitude / count;
    sums.phase += phase / count;
    for (let j = 0; j < 10; j++) {
      sums.x += (x[j] as number) / (10 * count);
      sums.xx += (x[j] as number) ** 2 / (10 * count);
      sums.yy += (y[j] as number) ** 2 / (10 * count);
    }
  }
  const near = (value: number, expected: number, tolerance: number, what: string) =>
    assert.ok(Math.abs(value - expected) < tolerance, `${what}: ${value}, expected ${expected}`);
  near(sums.amplitude, 2.55, 0.05, "mean amplitude");
  near(sums.phase, Math.PI / 2, 0.04, "mean phase");
  near(sums.x, 0, 0.04, "mean x");
  near(sums.xx, 25 / 3, 0.1, "mean x^2");
  // E[A^2] E[sin^2(x - phase)]: the second, over x and phase, is 1/2 since cos(2 phase) averages to 0 over [0, pi].
  near(sums.yy, ((125 - 0.001) / (3 * 4.9)) * 0.5, 0.15, "mean y^2");
});

test("a stream has its segments on one curve, and no queries", () => {
  const source = sinusoid({ segments: [4, 2, 3] });
  assert.equal([source.spec.segments, source.spec.queries], [[4, 2, 3], 0]);
  const { segments, queries } = source.sample([3, 1]);
  const { at } = source.curve([3, 1]);
  assert.equal(
    segments.map(({ x }) => x?.length),
    [4, 2, 3],
  );
  for (const { x, y } of segments) {
    for (const [i, value] of (x as Float32Array).entries()) assert.is(y?.[i], Math.fround(at(value)));
  }
  assert.is(queries.x.length, 0);
  assert.is(new Set(segments.flatMap(({ x }) => [...(x as Float32Array)])).size, 9);
  const again = source.sample([3, 2], 0, source.sample([3, 1]));
  assert.equal(again, source.sample([3, 2]), "written over an earlier one");
  assert.is.not(source.fingerprint, sinusoid({ segments: [4, 3, 2] }).fingerprint);
  assert.throws(() => sinusoid({ segments: [] }), /sinusoid: segments must be a list/);
  assert.throws(() => sinusoid({ segments: [3, 0] }), /sinusoid: segments must be a whole number from 1, got 0/);
  assert.throws(() => sinusoid({ segments: [3], shots: 4 }), /sinusoid: segments must be given without shots/);
  assert.throws(() => sinusoid({ shot: 4 } as object), /there is no option shot; did you mean shots/);
});

test("fingerprints tell settings apart; bad options are refused by name", () => {
  const prints = [{}, { shots: 5 }, { queries: 5 }, { range: [-1, 5] as const }, { phase: [0, 1] as const }].map(
    (options) => sinusoid(options).fingerprint,
  );
  assert.is(new Set(prints).size, prints.length);
  assert.is(prints[0], sinusoid({ shots: 10 }).fingerprint);
  assert.throws(() => sinusoid({ shots: 0 }), /sinusoid: shots must be a whole number from 1, got 0/);
  assert.throws(() => sinusoid({ queries: 1.5 }), /sinusoid: queries/);
  assert.throws(() => sinusoid({ range: [5, -5] }), /sinusoid: range must be \[low, high\]/);
  assert.throws(() => sinusoid({ amplitude: [0, Number.NaN] }), /sinusoid: amplitude/);
  assert.throws(() => sinusoid({ phase: [0, Number.POSITIVE_INFINITY] }), /sinusoid: phase/);
});

test.run();
