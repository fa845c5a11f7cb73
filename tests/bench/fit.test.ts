/** The lines that the cost model is fitted with. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fitPowers } from "../../bench/fit.ts";

const test = suite("fit");

const close = (got: readonly number[], wanted: readonly number[]) => {
  assert.is(got.length, wanted.length);
  for (const [i, each] of wanted.entries()) assert.ok(Math.abs((got[i] as number) - each) < 1e-6 * Math.max(1, each));
};

test("points of a line or a parabola give it back, of any size", () => {
  for (const scale of [1, 1e6]) {
    const xs = [1, 2, 3, 5, 8];
    const line = fitPowers(
      xs,
      xs.map((x) => scale * (7 + 2 * x)),
      1,
    );
    close(line.coefficients, [7 * scale, 2 * scale]);
    assert.ok(line.r2 > 1 - 1e-9);
    const wide = [16, 32, 64, 128, 256];
    const parabola = fitPowers(
      wide,
      wide.map((x) => scale * (5 + 0.5 * x + 0.01 * x * x)),
      2,
    );
    close(parabola.coefficients, [5 * scale, 0.5 * scale, 0.01 * scale]);
  }
});

test("between points that no line meets it takes the one of the least relative squares", () => {
  const [xs, ys] = [
    [1, 2, 3, 4],
    [1, 3, 2, 5],
  ];
  const error = ([a, b]: readonly number[]) =>
    xs.reduce((total, x, i) => total + (((a as number) + (b as number) * x) / (ys[i] as number) - 1) ** 2, 0);
  const { coefficients, r2 } = fitPowers(xs, ys, 1);
  const [a, b] = coefficients as [number, number];
  for (const [da, db] of [
    [0.01, 0],
    [-0.01, 0],
    [0, 0.01],
    [0, -0.01],
  ] as const) {
    assert.ok(error([a + da, b + db]) > error([a, b]));
  }
  assert.ok(r2 < 1 && r2 > 0);
});

test("a constant is explained in full", () => {
  const { coefficients, r2 } = fitPowers([1, 2, 3], [4, 4, 4], 1);
  close(coefficients, [4, 0]);
  assert.is(r2, 1);
});

test.run();
