/** The learned optimizer, held to the paper's equations in plain f64 loops, and its gradient to finite differences. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { learnedDescent } from "../../src/learners/learned-descent.ts";
import { learnedOptimizer } from "../../src/learners/learned-optimizer.ts";
import { mlp } from "../../src/nn/networks.ts";
import { regression } from "../../src/nn/objective.ts";
import { prefixed, unprefixed } from "../../src/optim/rule.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { GRADIENT, LOSS } from "../../src/train/programs.ts";
import { near } from "../support/compare.ts";
import { Chance } from "../support/random.ts";
import { gradientError, group, metaSlope, problemOf } from "./problems.ts";

const test = suite("learned optimizer");

const UNITS = 3;
const SCALE = 0.2;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const at = (data: ArrayLike<number> | undefined, i: number): number => data?.[i] as number;

/** What the network reads of a gradient: appendix A, or the gradient itself. */
const READINGS = {
  log: (g: number) =>
    Math.abs(g) >= Math.exp(-10) ? [Math.log(Math.abs(g)) / 10, Math.sign(g)] : [-1, Math.exp(10) * g],
  none: (g: number) => [g],
};

for (const [preprocessing, read] of Object.entries(READINGS) as [keyof typeof READINGS, (g: number) => number[]][])
  test(`a step is the paper's: gradients through two LSTMs, coordinate by coordinate; preprocessing ${preprocessing}`, () => {
    const rule = learnedOptimizer({ units: UNITS, updateScale: SCALE, preprocessing });
    const inputsOfRule = read(1).length;
    const shapes = { w: [2, 2], b: [2] } as const;
    const start = interpret(
      trace({ key: [4] }, ({ key }) => rule.meta?.(key as Tensor, {}) ?? {}),
      { key: Float64Array.from([1, 2, 3, 4]) },
    );
    const sizes = Object.fromEntries(Object.entries(start).map(([name, data]) => [name, [data.length]]));
    assert.equal(sizes["lstm1.input"], [inputsOfRule * 4 * UNITS]);
    const chance = new Chance(3);
    const meta = Object.fromEntries(Object.entries(start).map(([name, { length }]) => [name, chance.floats(length)]));
    // Large, small and zero gradients, of both signs.
    const gradients: Readonly<Record<string, Float64Array>> = {
      w: Float64Array.of(3, -0.02, 1e-6, -2e-5),
      b: Float64Array.of(0, 40),
    };
    const parameters = { w: chance.floats(4), b: chance.floats(2) };
    const memory: Record<string, Float64Array> = {};
    for (const layer of ["lstm1", "lstm2"]) {
      for (const part of ["hidden", "cell"]) memory[`${layer}.${part}`] = chance.floats(6 * UNITS);
    }
    const columns: Record<string, number[]> = {
      "lstm1.input": [inputsOfRule, 4 * UNITS],
      "lstm1.hidden": [UNITS, 4 * UNITS],
      "lstm2.input": [UNITS, 4 * UNITS],
      "lstm2.hidden": [UNITS, 4 * UNITS],
      "output.weight": [UNITS, 1],
    };
    const inputs = {
      ...prefixed(
        "meta.",
        Object.fromEntries(Object.keys(meta).map((name) => [name, columns[name] ?? sizes[name] ?? []])),
      ),
      ...prefixed("memory.", Object.fromEntries(Object.keys(memory).map((name) => [name, [6, UNITS]]))),
      ...prefixed("p.", shapes),
      ...prefixed("g.", shapes),
    };
    const graph = trace(inputs, (tensors) => {
      const next = rule.step({
        meta: unprefixed("meta.", tensors),
        memory: unprefixed("memory.", tensors),
        parameters: unprefixed("p.", tensors),
        gradients: unprefixed("g.", tensors),
        step: constant(0),
      });
      return { ...prefixed("p.", next.parameters), ...prefixed("memory.", next.memory) };
    });
    const results = interpret(graph, {
      ...prefixed("meta.", meta),
      ...prefixed("memory.", memory),
      ...prefixed("p.", parameters),
      ...prefixed("g.", gradients),
    });

    const flat = Object.values(gradients).flatMap((data) => [...data]);
    const values = Object.values(parameters).flatMap((data) => [...data]);
    const expected = flat.map((g, row) => {
      let x = read(g);
      for (const layer of ["lstm1", "lstm2"]) {
        const kept = (part: string, unit: number) => at(memory[`${layer}.${part}`], UNITS * row + unit);
        const z = Array.from({ length: 4 * UNITS }, (_, j) => {
          const fromInput = x.reduce((sum, each, i) => sum + each * at(meta[`${layer}.input`], 4 * UNITS * i + j), 0);
          let fromHidden = 0;
          for (let i = 0; i < UNITS; i++)
            fromHidden += kept("hidden", i) * at(meta[`${layer}.hidden`], 4 * UNITS * i + j);
          return fromInput + fromHidden + at(meta[`${layer}.bias`], j);
        });
        x = Array.from({ length: UNITS }, (_, u) => {
          const cell =
            sigmoid(at(z, UNITS + u)) * kept("cell", u) + sigmoid(at(z, u)) * Math.tanh(at(z, 3 * UNITS + u));
          return sigmoid(at(z, 2 * UNITS + u)) * Math.tanh(cell);
        });
      }
      return at(values, row) + SCALE * x.reduce((sum, each, i) => sum + each * at(meta["output.weight"], i), 0);
    });
    near([...at2(results, "p.w"), ...at2(results, "p.b")], expected, 1e-6, "parameters");
  });

const at2 = (results: Readonly<Record<string, Float64Array>>, name: string): number[] => [...(results[name] ?? [])];

const spec: TaskSpec = { inputs: { x: [2] }, objective: regression(1), segments: [5], queries: 4 };
const body = mlp({ inputShape: 2, hidden: [3], outputs: 1, activation: "tanh" });

test("one step from drawn weights: no gradient depends on the rule, and the meta-gradient is the derivative", () => {
  const learner = learnedDescent(body, { innerSteps: 1, initialisation: "drawn", units: 4 });
  const problem = problemOf(learner, spec, 3);
  const slope = metaSlope(problem);
  assert.ok(Object.keys(slope.gradient).every((name) => name.startsWith("rule.")));
  assert.ok(gradientError(slope, new Chance(3)) < 1e-5);
});

test("windows change the meta-gradient and not the loss, and reach as far as they say", () => {
  const outputsOf = (window: number, innerSteps = 4) => {
    const { graph, inputs } = problemOf(learnedDescent(body, { innerSteps, units: 4, window }), spec, 3);
    return interpret(graph, inputs);
  };
  const whole = outputsOf(4);
  for (const window of [1, 2, 9]) near(outputsOf(window)[LOSS] ?? [], whole[LOSS] ?? [], 0, `window ${window}: loss`);
  const gradientOf = (each: Outputs, name: string) => Array.from(group(GRADIENT, each)[name] ?? []);
  const rule = "rule.lstm1.input";
  near(gradientOf(outputsOf(9), rule), gradientOf(whole, rule), 0, "a window of all steps");
  for (const window of [1, 2]) {
    // The learned start is reached from the first window alone.
    const first = gradientOf(outputsOf(window, window), "head.bias").map((each) => (each * window) / 4);
    near(gradientOf(outputsOf(window), "head.bias"), first, 1e-9, `window ${window}: start`);
    assert.not.equal(gradientOf(outputsOf(window), rule), gradientOf(whole, rule));
  }
});

type Outputs = ReturnType<typeof interpret>;

test.run();
