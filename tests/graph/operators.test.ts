/** Every row of the operator table: its value and its first and second derivatives, in f64 and compiled. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { interpret } from "../../src/graph/interpret.ts";
import type { Operator } from "../../src/graph/operator.ts";
import { operators } from "../../src/graph/operators/index.ts";
import { referenceOf } from "../../src/graph/references/index.ts";
import type { Reference } from "../../src/graph/references/reference.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { apply, type Tensor } from "../../src/graph/tensor.ts";
import { dot, near } from "../support/compare.ts";
import { checkGradient } from "../support/derivatives.ts";
import { type Sample, samplesOf } from "../support/operator-samples.ts";
import { Chance } from "../support/random.ts";
import { eachSample, isContinuous, operandsOf } from "../support/samples.ts";
import { checkCompiled, checkSecond, differentiateTwice, named, runGraph, valueGraph } from "../support/twice.ts";

/** Compiled f32 against f64, relative to the largest element: values, and derivatives, which chain several kernels. */
const VALUE_BOUND = 1e-6;
const DERIVATIVE_BOUND = 4e-6;

/** An empty table, or one whose samples went missing, must fail. */
const MINIMUM_ROWS = 50;
const MINIMUM_SAMPLES = 700;

const core = Core.create();
const table = suite("operator table");

function buildOf(operator: Operator, { attributes }: Sample) {
  return (...xs: Tensor[]) => apply(operator, xs, attributes);
}

/** The sample at a random point, differentiated twice. */
function twiceOf(operator: Operator, sample: Sample, chance: Chance) {
  const resultShape = operator.shape(sample.shapes, sample.attributes);
  const xs = operandsOf(sample, chance);
  return differentiateTwice(buildOf(operator, sample), sample.shapes, resultShape, xs, chance);
}

function* differentiable(): Generator<{ operator: Operator; sample: Sample; title: string }> {
  for (const each of eachSample(operators)) if (each.sample.shapes.length > 0) yield each;
}

table("every row but the input has samples and a reference, and a name of its own", () => {
  const names = operators.map((operator) => operator.name);
  assert.is(new Set(names).size, names.length);
  assert.ok(operators.length >= MINIMUM_ROWS, `${operators.length} rows`);
  const bare = operators.filter((operator) => samplesOf(operator, 5).length === 0).map((operator) => operator.name);
  assert.equal(bare, ["input"]);
  const unknown = operators.filter((operator) => referenceOf(operator) === undefined);
  assert.equal(
    unknown.map(({ name }) => name),
    ["input"],
  );
});

table(`compiled values are within ${VALUE_BOUND} of the f64 reference`, () => {
  const chance = new Chance(1);
  let count = 0;
  for (const { operator, sample, title } of eachSample(operators)) {
    const graph = valueGraph(buildOf(operator, sample), sample.shapes);
    const inputs = named("x", operandsOf(sample, chance));
    const expected = interpret(graph, inputs).y as Float64Array;
    near(runGraph(core, graph, inputs).y as Float32Array, expected, VALUE_BOUND, title);
    count++;
  }
  assert.ok(count >= MINIMUM_SAMPLES, `${count} samples`);
});

table("gradients match central differences of the reference", () => {
  const chance = new Chance(2);
  let count = 0;
  for (const { operator, sample, title } of differentiable()) {
    const { graph, inputs, xs, w } = twiceOf(operator, sample, chance);
    const values = interpret(graph, inputs);
    const resultShape = operator.shape(sample.shapes, sample.attributes);
    const weighted = (point: readonly Float64Array[]) => {
      const arrays = point.map((data, i) => ({ data, shape: sample.shapes[i] as Shape }));
      return dot((referenceOf(operator) as Reference)(arrays, sample.attributes, resultShape), w);
    };
    const gradient = xs.map((_, i) => values[`g${i}`] as Float64Array);
    // The one row whose derivative is not that of its value.
    const stopped = operator.name === "stopGradient";
    const free = xs.map((_, i) => isContinuous(sample, i) && !stopped);
    checkGradient(`${title}: gradient`, weighted, xs, gradient, chance, { free });
    for (const [i, g] of gradient.entries()) {
      const flat = operator.piecewiseConstant || !isContinuous(sample, i);
      if (flat)
        assert.ok(
          g.every((value) => value === 0),
          `${title}: operand ${i} has a derivative`,
        );
    }
    count++;
  }
  assert.ok(count >= MINIMUM_SAMPLES, `${count} samples`);
});

table("second derivatives match central differences of the first", () => {
  const chance = new Chance(3);
  let count = 0;
  for (const { operator, sample, title } of differentiable()) {
    const free = sample.shapes.map((_, i) => isContinuous(sample, i));
    checkSecond(title, twiceOf(operator, sample, chance), free, chance);
    count++;
  }
  assert.ok(count >= MINIMUM_SAMPLES, `${count} samples`);
});

table(`compiled first and second derivatives are within ${DERIVATIVE_BOUND} of f64`, () => {
  const chance = new Chance(4);
  let count = 0;
  for (const { operator, sample, title } of differentiable()) {
    checkCompiled(title, core, twiceOf(operator, sample, chance), DERIVATIVE_BOUND);
    count++;
  }
  assert.ok(count >= MINIMUM_SAMPLES, `${count} samples`);
});

table.run();
