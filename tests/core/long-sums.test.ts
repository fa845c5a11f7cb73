/** Sums over long axes: their errors, and that a fused sum has the bits of the instruction. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile, compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { relaxedCore } from "../../src/core/relaxed.ts";
import { trace } from "../../src/graph/graph.ts";
import { convolutionOperators } from "../../src/graph/operators/convolution.ts";
import { conv2d, logSumExp, matmul, square, sum } from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { apply, type Tensor } from "../../src/graph/tensor.ts";
import { sameBits } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { Unfused } from "../support/unfused.ts";

const test = suite("long sums");

const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** What equal inputs are: all partial sums round in the same direction. */
const VALUE = Math.fround(0.1);

/** Largest relative error of a function of equal numbers whose every result is `expected`. */
function drift(
  shapes: Readonly<Record<string, Shape>>,
  body: (inputs: Readonly<Record<string, Tensor>>) => Tensor,
  expected: number,
): number {
  const core = relaxedCore();
  const loaded = core.load(compile(shapes, (inputs) => ({ y: body(inputs) })));
  const inputs = Object.entries(shapes).map(([name, shape]) => [name, new Float32Array(sizeOf(shape)).fill(VALUE)]);
  const { y } = loaded.call(Object.fromEntries(inputs)) as Record<string, Float32Array>;
  loaded.dispose();
  return (y as Float32Array).reduce((worst, value) => Math.max(worst, Math.abs(value / expected - 1)), 0);
}

test("products over 50176 equal terms have relative error < 3e-6, for every kind of kernel", () => {
  const K = 50_176;
  for (const [M, N] of [
    [64, 64],
    [5, 3],
    [1, 40],
    [40, 1],
    [300, 16],
    [6, 20],
  ] as const) {
    for (const transposeA of [false, true]) {
      const shapes = { a: transposeA ? [K, M] : [M, K], b: [K, N] };
      const error = drift(shapes, ({ a, b }) => matmul(a as Tensor, b as Tensor, { transposeA }), K * VALUE * VALUE);
      assert.ok(error < 3e-6, `[${M},${K}] [${K},${N}]: ${error}`);
    }
  }
});

test("convolutions and weight gradients over thousands of equal terms have relative error < 3e-6, for every kind of kernel", () => {
  const weightGradient = convolutionOperators.find(({ name }) => name === "conv2dWeightGrad");
  assert.ok(weightGradient);
  const [n, side] = [64, 28];
  for (const [channels, outputs, size, stride] of [
    [1, 64, 3, 1],
    [3, 5, 3, 1],
    [16, 16, 3, 1],
    [16, 16, 5, 1],
    [16, 20, 5, 1],
    [16, 16, 3, 2],
  ] as const) {
    const kernel = [size, size];
    const out = Math.floor((side - size) / stride) + 1;
    const attributes = { image: [side, side], kernel, stride: [stride, stride], pad: [0, 0, 0, 0] };
    const error = drift(
      { x: [n, side, side, channels], y: [n, out, out, outputs] },
      ({ x, y }) => apply(weightGradient, [x as Tensor, y as Tensor], attributes),
      n * out * out * VALUE * VALUE,
    );
    assert.ok(error < 3e-6, `weight gradient ${channels} to ${outputs}, ${size}x${size}, stride ${stride}: ${error}`);
  }
  for (const outputs of [3, 12, 16]) {
    const shapes = { x: [5, 7, 7, 512], w: [3, 3, 512, outputs] };
    const expected = 9 * 512 * VALUE * VALUE;
    const error = drift(shapes, ({ x, w }) => conv2d(x as Tensor, w as Tensor, { stride: 2 }), expected);
    assert.ok(error < 3e-6, `convolution of 512 channels to ${outputs}: ${error}`);
  }
});

test("sums of 1e7 equal terms have relative error < 3e-6, of 5e6 rows < 5e-6, of 1e6 exponentials < 2e-6", () => {
  assert.ok(drift({ x: [1e7] }, ({ x }) => sum(x as Tensor), 1e7 * VALUE) < 3e-6);
  assert.ok(drift({ x: [5e6, 2] }, ({ x }) => sum(x as Tensor, 0), 5e6 * VALUE) < 5e-6);
  const expected = VALUE + Math.log(1e6);
  assert.ok(drift({ x: [1, 1e6] }, ({ x }) => logSumExp(x as Tensor), expected) < 2e-6);
});

test("a fused sum over several groups has the bits of the instruction", () => {
  const core = Core.create();
  const unfused = new Unfused(core);
  const chance = new Chance(17);
  // Groups are 16,384 rows, or 262,144 floats of a run.
  for (const [shape, axes] of [
    [[262_144 + 2048 * 3 + 37], [0]],
    [[600_011], [0]],
    [[16_385, 3], [0]],
    [[40_000, 4], [0]],
    [[2, 33_000, 5], [1]],
  ] as const) {
    const graph = trace({ x: shape }, ({ x }) => ({ y: sum(square(x), axes) }));
    const program = compileGraph(graph);
    assert.is(program.instructionCount, 1, "the sum is part of the block");
    const x = Float32Array.from(chance.floats(sizeOf(shape)));
    const loaded = core.load(program);
    const { y } = loaded.call({ x });
    loaded.dispose();
    assert.ok(sameBits(y as Float32Array, unfused.evaluate(graph, { x }).y as Float32Array), `[${shape}]`);
  }
});

test.run();
