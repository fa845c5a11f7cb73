/** Convolutions whose windows have more lines than the core's tables hold. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { convolutionOperators } from "../../src/graph/operators/convolution.ts";
import { outputExtents } from "../../src/graph/operators/window.ts";
import { apply, type Tensor } from "../../src/graph/tensor.ts";
import { near } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { valueGraph } from "../support/twice.ts";

const test = suite("tall windows");

test("convolutions and their gradients of 255 to 258 lines are within 1e-5 of the reference", () => {
  const chance = new Chance(1);
  const core = Core.create();
  for (const lines of [255, 256, 257, 258]) {
    const [image, kernel] = [
      [261, 2],
      [lines, 1],
    ];
    const attributes = { image, kernel, stride: [2, 1], pad: [3, 1, 0, 0] };
    const shapes = {
      x: [1, ...image, 16],
      w: [...kernel, 16, 9],
      y: [1, ...outputExtents(image, kernel, attributes), 9],
    };
    for (const operator of convolutionOperators) {
      const result = { conv2d: "y", conv2dInputGrad: "x", conv2dWeightGrad: "w" }[operator.name];
      const operands = (["x", "w", "y"] as const).filter((role) => role !== result).map((role) => shapes[role]);
      const graph = valueGraph((...xs: Tensor[]) => apply(operator, xs, attributes), operands);
      const inputs = Object.fromEntries(
        Object.entries(graph.inputs).map(([name, { size }]) => [name, chance.floats(size, -1, 1)]),
      );
      const expected = interpret(graph, inputs);
      const got = core.load(compileGraph(graph)).call(inputs);
      assert.equal(Object.keys(got), Object.keys(expected));
      for (const name in got) {
        near(got[name] as Float32Array, expected[name] as Float64Array, 1e-5, `${operator.name} of ${lines} lines`);
      }
    }
  }
});

test.run();
