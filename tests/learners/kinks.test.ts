/** At a kink itself there is no derivative; what stands for it is one side's, the same in f64, compiled, and at every order. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { type MamlOptions, maml } from "../../src/learners/maml.ts";
import { conv2d, flatten, linear, maxPool, sequential } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { regression } from "../../src/nn/objective.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { GRADIENT, META } from "../../src/train/programs.ts";
import { runGraph } from "../support/twice.ts";
import { group, groupError, problemOf, type Values } from "./problems.ts";

const test = suite("kinks");
const core = Core.create();

const spec: TaskSpec = { inputs: { x: [3] }, objective: regression(2), segments: [5], queries: 6 };
const orders: readonly MamlOptions[] = [{ order: 1 }, { order: 2 }, { order: 2, innerSteps: 3 }];

test("relu at 0 is off: the meta-gradient is that of units that are off, at every width and order", () => {
  for (const width of [5, 8, 17]) {
    for (const options of orders) {
      const body = mlp({ inputShape: 3, hidden: [width], outputs: 2 });
      const { graph, inputs } = problemOf(maml(body, { innerRate: 0.1, ...options }), spec, width);
      const withFirst = (weight: number, bias: number): Values => ({
        ...inputs,
        [`${META}hidden1.weight`]: new Float64Array(3 * width).fill(weight),
        [`${META}hidden1.bias`]: new Float64Array(width).fill(bias),
      });
      // Every unit of every example is exactly at 0; one step to the left they are off.
      const atKink = interpret(graph, withFirst(0, 0));
      const off = interpret(graph, withFirst(0, -1));
      assert.ok(groupError(group(GRADIENT, atKink), group(GRADIENT, off)) < 1e-12, `width ${width}`);
      const on = interpret(graph, withFirst(0, 1e-3));
      assert.ok(groupError(group(GRADIENT, atKink), group(GRADIENT, on)) > 0.1, "both sides have one gradient");
      const compiled = group(GRADIENT, runGraph(core, graph, withFirst(0, 0)));
      assert.ok(groupError(compiled, group(GRADIENT, atKink)) < 1e-5, `compiled, at width ${width}`);
    }
  }
});

/** Images [4,4,2] of which the first pixel of every window is `first` in one channel, the others are `others` in the other. */
function images(count: number, first: number, others: number): Float64Array {
  return Float64Array.from({ length: count * 32 }, (_, i) => {
    const [channel, column, row] = [i % 2, (i >> 1) % 4, (i >> 3) % 4];
    const isFirst = column % 2 === 0 && row % 2 === 0;
    if (isFirst) return channel === 0 ? first : 0;
    return channel === 1 ? others : 0;
  });
}

test("max-pool of equal pixels takes the first, in the meta-gradient too", () => {
  const shape = [4, 4, 2];
  const body = model(shape, sequential([conv2d(1, { size: 1 }), maxPool({ size: 2 }), flatten(), linear(2)]));
  for (const order of [1, 2] as const) {
    const { graph, inputs } = problemOf(
      maml(body, { innerSteps: 1, innerRate: 0.1, order }),
      { ...spec, inputs: { x: shape } },
      4,
    );
    const withSupport = (first: number, others: number): Values => ({
      ...inputs,
      // The convolution adds the channels: pixels are equal where both numbers are.
      [`${META}conv1.kernel`]: Float64Array.of(1, 1),
      "segments.0.x": images(5, first, others),
      "queries.x": images(6, 2, 0.5),
    });
    const gradientAt = (first: number, others: number) => group(GRADIENT, interpret(graph, withSupport(first, others)));
    const atTie = gradientAt(1, 1);
    assert.ok(groupError(atTie, gradientAt(1, 0.5)) < 1e-12, "not that of the first pixel");
    assert.ok(groupError(atTie, gradientAt(0.5, 1)) > 0.01, "the gradient does not tell the pixels apart");
    const compiled = group(GRADIENT, runGraph(core, graph, withSupport(1, 1)));
    assert.ok(groupError(compiled, atTie) < 1e-5, "compiled");
  }
});

test.run();
