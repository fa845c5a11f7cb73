/** A function of tensors, differentiated twice: in f64 against finite differences, and compiled against f64. */
import { compileGraph } from "../../src/compile/compile.ts";
import type { Core } from "../../src/core/core.ts";
import { grad } from "../../src/graph/grad.ts";
import { type Graph, trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, multiply, sum, zeros } from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { dot, near } from "./compare.ts";
import { checkGradient } from "./derivatives.ts";
import type { Chance } from "./random.ts";

export type Build = (...xs: Tensor[]) => Tensor;

/** Arrays or shapes by the names `prefix`0, `prefix`1, … */
export function named<T>(prefix: string, list: readonly T[]): Record<string, T> {
  return Object.fromEntries(list.map((each, i) => [`${prefix}${i}`, each]));
}

/** Loads, runs and disposes of a graph's program. */
export function runGraph(
  core: Core,
  graph: Graph,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
): Record<string, Float32Array> {
  const loaded = core.load(compileGraph(graph));
  try {
    return loaded.call(inputs);
  } finally {
    loaded.dispose();
  }
}

export function valueGraph(build: Build, shapes: readonly Shape[]): Graph {
  return trace(named("x", shapes), (inputs) => ({ y: build(...Object.values<Tensor>(inputs)) }));
}

/** A function at a point, with what it takes to differentiate it twice. */
export interface Twice {
  readonly graph: Graph;
  /** Every input of the graph. */
  readonly inputs: Readonly<Record<string, Float64Array>>;
  readonly xs: readonly Float64Array[];
  /** Weights of the result's elements. */
  readonly w: Float64Array;
  readonly shapes: readonly Shape[];
}

/**
 * With y = build(x0, …): g = grad(sum(w * y), xs), s = the sum of all v * g, and h = grad(s, xs and w).
 * The weights w and v are random inputs, so that no symmetry hides a wrong term.
 */
export function differentiateTwice(
  build: Build,
  shapes: readonly Shape[],
  resultShape: Shape,
  xs: readonly Float64Array[],
  chance: Chance,
): Twice {
  const graph = trace({ ...named("x", shapes), w: resultShape, ...named("v", shapes) }, (inputs) => {
    const all = inputs as Readonly<Record<string, Tensor>>;
    const of = (prefix: string) => shapes.map((_, i) => all[`${prefix}${i}`] as Tensor);
    const [tensors, vs, w] = [of("x"), of("v"), all.w as Tensor];
    const gradients = grad(sum(multiply(build(...tensors), w)), tensors);
    const s = gradients.reduce((total, g, i) => add(total, sum(multiply(g, vs[i] as Tensor))), zeros([]));
    return { s, ...named("g", gradients), ...named("h", grad(s, [...tensors, w])) };
  });
  const size = resultShape.reduce((product, extent) => product * extent, 1);
  const w = chance.floats(size, -1, 1);
  const v = named(
    "v",
    xs.map((x) => chance.floats(x.length, -1, 1)),
  );
  return { graph, inputs: { ...named("x", xs), w, ...v }, xs, w, shapes };
}

/** Holds the second derivatives to central differences of the first. */
export function checkSecond(what: string, twice: Twice, free: readonly boolean[], chance: Chance, bound = 1e-6): void {
  const { graph, inputs, xs, w } = twice;
  const values = interpret(graph, inputs);
  const slope = (point: readonly Float64Array[]) =>
    interpret(graph, { ...inputs, ...named("x", point.slice(0, -1)), w: point[xs.length] as Float64Array })
      .s?.[0] as number;
  const second = [...xs, w].map((_, i) => values[`h${i}`] as Float64Array);
  checkGradient(`${what}: second derivative`, slope, [...xs, w], second, chance, { free: [...free, true], bound });
}

/** Holds the compiled derivatives to those in f64. */
export function checkCompiled(what: string, core: Core, { graph, inputs }: Twice, bound: number): void {
  const expected = interpret(graph, inputs);
  for (const [name, actual] of Object.entries(runGraph(core, graph, inputs))) {
    near(actual, expected[name] as Float64Array, bound, `${what}: compiled ${name}`);
  }
}

/** All checks at once, for a function that is smooth around `xs`. */
export function checkTwice(
  what: string,
  core: Core,
  build: Build,
  operands: readonly (readonly [Shape, Float64Array])[],
  chance: Chance,
  { bound = 1e-5, fixed = [] as readonly number[] } = {},
): void {
  const shapes = operands.map(([shape]) => shape);
  const xs = operands.map(([, data]) => data);
  const free = xs.map((_, i) => !fixed.includes(i));
  const value = valueGraph(build, shapes);
  const resultShape = (value.outputs.y as Tensor).shape;
  const valueAt = (point: readonly Float64Array[]) => interpret(value, named("x", point)).y as Float64Array;
  near(runGraph(core, value, named("x", xs)).y as Float32Array, valueAt(xs), bound, `${what}: compiled value`);

  const twice = differentiateTwice(build, shapes, resultShape, xs, chance);
  const values = interpret(twice.graph, twice.inputs);
  const gradient = xs.map((_, i) => values[`g${i}`] as Float64Array);
  checkGradient(`${what}: gradient`, (point) => dot(valueAt(point), twice.w), xs, gradient, chance, { free });
  checkSecond(what, twice, free, chance);
  checkCompiled(what, core, twice, bound);
}
