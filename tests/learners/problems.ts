/** Learners on small random tasks, in f64: what the gradient tests and the laws look at. */
import { run } from "../../src/core/run.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { keyToArray } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { Learner } from "../../src/learners/learner.ts";
import { keyOf } from "../../src/random.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import {
  GRADIENT,
  initialMeta,
  initProgram,
  LOSS,
  META,
  type Plan,
  taskColumns,
  taskGraph,
} from "../../src/train/programs.ts";
import { dot } from "../support/compare.ts";
import { Chance } from "../support/random.ts";

export type Values = Readonly<Record<string, Float64Array>>;

/** A learner on one random task: its task graph and numbers for every input of it. */
export interface Problem {
  readonly plan: Plan;
  readonly spec: TaskSpec;
  readonly graph: Graph;
  readonly inputs: Values;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** Starting values moved off their zeros and ones, where a wrong term could hide; rates, decays and variances stay positive. */
function metaValues(learner: Learner, chance: Chance): { readonly plan: Plan; readonly meta: Values } {
  const { program, plan } = initProgram(learner);
  const start = initialMeta(run(program, { key: keyToArray(keyOf(5)) }));
  const entries = Object.entries(start).map(([name, data]) => {
    const positive = /^rule\.(rate|decay)\.|(^|\.)(variance|count)$/.test(name);
    const noise = chance.floats(data.length, -0.2, 0.2);
    const moved = Float64Array.from(data, (value, i) => {
      const by = noise[i] as number;
      return Math.fround(positive ? value * (1 + 2 * by) : value + by);
    });
    return [name, moved] as const;
  });
  return { plan, meta: Object.fromEntries(entries) };
}

/** Numbers for one column of a task: labels of every class in turn, weights from 0.5 to 2, or random numbers. */
function columnValues(name: string, shape: readonly number[], { objective }: TaskSpec, chance: Chance): Float64Array {
  const count = sizeOf(shape);
  if (name.endsWith(".weight")) return chance.floats(count, 0.5, 2);
  if (!name.endsWith(".y")) return chance.floats(count);
  if (objective.classes) return Float64Array.from({ length: count }, (_, i) => i % objective.outputs);
  return chance.floats(count, -1.5, 1.5);
}

const ITERATION = 3;

export function problemOf(learner: Learner, spec: TaskSpec, seed: number, window?: number): Problem {
  const chance = new Chance(seed);
  const { plan: whole, meta } = metaValues(learner, chance);
  const plan: Plan = window === undefined ? whole : { ...whole, window };
  const columns = Object.entries(taskColumns(spec));
  const inputs: Record<string, Float64Array> = {
    ...Object.fromEntries(Object.entries(meta).map(([name, data]) => [META + name, data])),
    ...Object.fromEntries(columns.map(([name, shape]) => [name, columnValues(name, shape, spec, chance)])),
    iteration: Float64Array.of(ITERATION),
    key: Float64Array.from(keyToArray(keyOf(seed))),
  };
  return { plan, spec, graph: taskGraph(plan, spec, learner.phase?.(ITERATION)), inputs };
}

/** The values of some outputs, under their names without the prefix. */
export function group<T>(prefix: string, outputs: Readonly<Record<string, T>>): Record<string, T> {
  const entries = Object.entries(outputs).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, data]) => [name.slice(prefix.length), data]));
}

const norm = (data: ArrayLike<number>): number => Math.sqrt(dot(data, data));

/** A function of named arrays with a gradient that is to be held to its finite differences. */
export interface Slope {
  /** The function, and what its kinks decide: where that differs between two points, there is a kink between them. */
  readonly at: (point: Values) => { readonly value: number; readonly branches?: string };
  readonly point: Values;
  readonly gradient: Values;
}

/** Smallest step to which a difference quotient flees from a kink. */
const SMALLEST_STEP = 1e-7;

type At = ReturnType<Slope["at"]>;

/** Derivative along a direction by the five-point stencil, with a step so small that no kink is crossed. */
function differenceAlong({ at, point }: Slope, direction: Values, firstStep: number): number {
  const moved = (by: number): Values =>
    Object.fromEntries(
      Object.entries(point).map(([name, data]) => {
        const along = direction[name];
        return [name, along === undefined ? data : data.map((each, i) => each + by * (along[i] as number))];
      }),
    );
  for (let step = firstStep; step >= SMALLEST_STEP; step /= 4) {
    const [a, b, c, d] = [-2, -1, 1, 2].map((times) => at(moved(times * step))) as [At, At, At, At];
    if (new Set([a, b, c, d].map(({ branches }) => branches)).size > 1) continue;
    return (8 * (c.value - b.value) - (d.value - a.value)) / (12 * step);
  }
  throw new Error(`a kink lies within ${SMALLEST_STEP} of the point; choose another seed`);
}

/**
 * Holds a gradient to difference quotients: along the gradient itself, along random signs through everything, and along
 * random signs through each array alone, so that no large array hides a small one.
 * @returns the largest error, relative to the derivative or to what it is along a random direction, whichever is larger
 */
export function gradientError(slope: Slope, chance: Chance, { step = 1e-4, each = true } = {}): number {
  const { gradient } = slope;
  const total = Math.hypot(...Object.values(gradient).map(norm));
  const signs = (names: readonly string[]): Values =>
    Object.fromEntries(
      names.map((name) => [name, (gradient[name] as Float64Array).map(() => (chance.chance(0.5) ? 1 : -1))]),
    );
  const names = Object.keys(gradient);
  const directions: Values[] = [signs(names), signs(names)];
  if (total > 0)
    directions.push(
      Object.fromEntries(names.map((name) => [name, (gradient[name] as Float64Array).map((g) => g / total)])),
    );
  if (each) directions.push(...names.map((name) => signs([name])));
  let worst = 0;
  for (const direction of directions) {
    const inside = Object.keys(direction);
    const expected = differenceAlong(slope, direction, step);
    const actual = inside.reduce(
      (sum, name) => sum + dot(gradient[name] as Float64Array, direction[name] as Float64Array),
      0,
    );
    // An array whose gradient is next to nothing beside the others' is held to a thousandth of theirs.
    const typical = Math.max(Math.hypot(...inside.map((name) => norm(gradient[name] as Float64Array))), 1e-3 * total);
    const error = Math.abs(actual - expected) / Math.max(Math.abs(expected), typical);
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}

/** What the kinks of a graph decide by: which units are on, which pixel of a window wins, which side is larger. */
function kinksOf(graph: Graph): { signs: Record<string, Tensor>; choices: Record<string, Tensor> } {
  const signs: Record<string, Tensor> = {};
  const choices: Record<string, Tensor> = {};
  for (const node of graph.nodes) {
    const { name, piecewiseConstant } = node.operator;
    const switched = name === "relu" ? node.inputs[0] : name === "gate" ? node.inputs[1] : undefined;
    if (switched !== undefined) signs[`sign.${switched.id}`] = switched;
    else if (piecewiseConstant && !["stopGradient", "oneHot"].includes(name)) choices[`choice.${node.id}`] = node;
  }
  return { signs, choices };
}

/** The meta-gradient of a problem as a slope of its outer loss. */
export function metaSlope({ graph, inputs }: Problem): Slope {
  const loss = lossGraph(graph);
  const { signs, choices } = kinksOf(loss);
  const withKinks: Graph = { ...loss, outputs: { ...loss.outputs, ...signs, ...choices } };
  return {
    point: group(META, inputs),
    gradient: group(GRADIENT, interpret(graph, inputs)),
    at(point) {
      const moved = Object.fromEntries(Object.entries(point).map(([name, data]) => [META + name, data]));
      const results = interpret(withKinks, { ...inputs, ...moved });
      const branches = [
        ...Object.keys(signs).map((name) => results[name]?.map((value) => (value > 0 ? 1 : 0)).join("")),
        ...Object.keys(choices).map((name) => results[name]?.join("")),
      ];
      return { value: results[LOSS]?.[0] as number, branches: branches.join("|") };
    },
  };
}

/** The part of a task graph that the loss needs: the interpreter computes every node that it is given. */
function lossGraph({ inputs, outputs, nodes }: Graph): Graph {
  const loss = outputs[LOSS] as Tensor;
  const needed = new Set<Tensor>([loss, ...Object.values(inputs)]);
  for (const node of nodes.toReversed()) if (needed.has(node)) for (const operand of node.inputs) needed.add(operand);
  return { inputs, outputs: { [LOSS]: loss }, nodes: nodes.filter((node) => needed.has(node)) };
}

/** Largest distance of a group of arrays from what they should be, relative to the norm of each, or a hundredth of all. */
export function groupError(actual: Readonly<Record<string, ArrayLike<number>>>, expected: Values): number {
  const total = Math.hypot(...Object.values(expected).map(norm));
  const errors = Object.entries(expected).map(([name, wanted]) => {
    const got = actual[name];
    if (got?.length !== wanted.length) return Number.POSITIVE_INFINITY;
    const gap = norm(wanted.map((value, i) => value - (got[i] as number)));
    const error = gap / Math.max(norm(wanted), 0.01 * total, Number.MIN_VALUE);
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  });
  return Math.max(...errors);
}
