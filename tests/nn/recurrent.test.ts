/** Recurrent cells and their scan against plain loops in f64, and what it costs to unroll them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { type Graph, type Tensors, trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, multiply, sum } from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { Scope } from "../../src/nn/layer.ts";
import { gru, lstm } from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { type Cell, gruCell, lstmCell, scan } from "../../src/nn/recurrent.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";

const test = suite("recurrent");
const core = Core.create();

type Arrays = Readonly<Record<string, Float64Array>>;
const at = (x: ArrayLike<number>, i: number): number => x[i] as number;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const [n, T, F, U] = [2, 5, 3, 4];

/** Column `gate` of x W + h V + b for unit u. */
function preactivation({ input, hidden, bias }: Arrays, gates: number, gate: number, u: number) {
  const column = gate * U + u;
  const along = (weights: Float64Array, row: readonly number[]) =>
    row.reduce((total, each, i) => total + each * at(weights, i * gates * U + column), 0);
  return (x: readonly number[], h: readonly number[]): number =>
    along(input as Float64Array, x) + along(hidden as Float64Array, h) + at(bias as Float64Array, column);
}

type State = Record<string, number[]>;

/** One step of one sequence, as the papers write it. */
const plainSteps: Readonly<Record<string, (p: Arrays, x: readonly number[], state: State) => State>> = {
  lstm(p, x, { hidden = [], cell = [] }) {
    const z = (gate: number, u: number) => preactivation(p, 4, gate, u)(x, hidden);
    const next = cell.map((c, u) => sigmoid(z(1, u)) * c + sigmoid(z(0, u)) * Math.tanh(z(3, u)));
    return { hidden: next.map((c, u) => sigmoid(z(2, u)) * Math.tanh(c)), cell: next };
  },
  gru(p, x, { hidden = [] }) {
    const open = hidden.map((h, u) => sigmoid(preactivation(p, 3, 0, u)(x, hidden)) * h);
    return {
      hidden: hidden.map((h, u) => {
        const z = sigmoid(preactivation(p, 3, 1, u)(x, hidden));
        return z * h + (1 - z) * Math.tanh(preactivation(p, 3, 2, u)(x, open));
      }),
    };
  },
};

/** Outputs [n, T, U] and last states [n, U]; steps of weight 0 are left out. */
function plainScan(kind: string, p: Arrays, x: ArrayLike<number>, weights?: readonly number[]) {
  const outputs: number[] = [];
  const states: State[] = [];
  for (let row = 0; row < n; row++) {
    let state: State = { hidden: Array(U).fill(0), ...(kind === "lstm" ? { cell: Array(U).fill(0) } : {}) };
    for (let t = 0; t < T; t++) {
      const step = row * T + t;
      const now = Array.from({ length: F }, (_, i) => at(x, step * F + i));
      if (weights === undefined || weights[step] !== 0) state = plainSteps[kind]?.(p, now, state) as State;
      outputs.push(...(state.hidden as number[]));
    }
    states.push(state);
  }
  return { outputs, states };
}

const cells: readonly (readonly [Cell, typeof lstm])[] = [
  [lstmCell(U), lstm],
  [gruCell(U), gru],
];
const scopeOf = (params: Tensors): Scope =>
  new Scope(params, { training: true, role: "support" }, { statistics: {}, carried: {} });

for (const [cell, layer] of cells) {
  const { kind } = cell;
  const shapes = Object.fromEntries(cell.parameters(F).map(({ name, shape }) => [name, shape]));
  const chance = new Chance(kind.length);
  const params = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, chance.floats(shape.reduce((a, b) => a * b, 1))]),
  );
  const x = chance.floats(n * T * F);

  test(`${kind}: the layer's steps are the paper's`, () => {
    const { outputs, states } = plainScan(kind, params, x);
    for (const sequence of [true, false]) {
      const body = model([T, F], layer(U, { sequence }));
      const graph = trace({ ...shapes, x: [n, T, F] } as Record<string, Shape>, (given) => ({
        y: body.apply(given, given, { training: true, role: "support" }).output,
      }));
      const expected = sequence ? outputs : states.flatMap(({ hidden = [] }) => hidden);
      near(interpret(graph, { ...params, x }).y, expected, 1e-12, `sequence ${sequence}`);
      near(runGraph(core, graph, { ...params, x }).y as Float32Array, expected, 2e-6, `compiled, sequence ${sequence}`);
    }
  });

  test(`${kind}: a step of weight 0 leaves the state as it was, whatever it holds; a scan goes on from a state`, () => {
    const weights = [1, 0, 1, 1, 0, 0, 0, 2, 1, 1];
    const graph = trace({ ...shapes, x: [n, T, F], w: [n, T] } as Record<string, Shape>, ({ x, w, ...p }) => {
      const { outputs, state } = scan(cell, scopeOf(p), x as Tensor, { weights: w as Tensor });
      const last = outputs[T - 1] as Tensor;
      const names = Object.keys(shapes);
      const slopes = grad(sum(multiply(last, last)), names.map((name) => p[name]) as Tensor[]) as Tensor[];
      return { ...state, ...Object.fromEntries(names.map((name, i) => [`d ${name}`, slopes[i] as Tensor])) };
    });
    const clean = interpret(graph, { ...params, x, w: weights }) as Arrays;
    const { states } = plainScan(kind, params, x, weights);
    for (const name of Object.keys(states[0] as State)) {
      near(
        clean[name] as Float64Array,
        states.flatMap((state) => state[name] as number[]),
        1e-12,
        name,
      );
    }
    const poisoned = x.slice();
    for (const [step, weight] of weights.entries())
      if (weight === 0) poisoned.fill(Number.NaN, step * F, (step + 1) * F);
    for (const [name, data] of Object.entries(interpret(graph, { ...params, x: poisoned, w: weights }))) {
      near(data, clean[name] as Float64Array, 0, `${name} with NaN in padding`);
    }
    for (const [name, data] of Object.entries(runGraph(core, graph, { ...params, x: poisoned, w: weights }))) {
      near(data, clean[name] as Float64Array, 1e-5, `compiled ${name} with NaN in padding`);
    }
    const parts = trace({ ...shapes, x: [n, 2, F], rest: [n, 3, F] } as Record<string, Shape>, ({ x, rest, ...p }) => {
      const first = scan(cell, scopeOf(p), x as Tensor);
      return scan(cell, scopeOf(p), rest as Tensor, { state: first.state }).state;
    });
    const rows = (from: number, to: number) =>
      Array.from({ length: n }, (_, row) => [...x.subarray((row * T + from) * F, (row * T + to) * F)]).flat();
    const whole = plainScan(kind, params, x).states.flatMap(({ hidden = [] }) => hidden);
    near(
      interpret(parts, { ...params, x: rows(0, 2), rest: rows(2, T) }).hidden as Float64Array,
      whole,
      1e-12,
      "in parts",
    );
  });

  const names = [...Object.keys(shapes), "x"];
  const lossOf = ({ x, ...p }: Tensors): Tensor => {
    const { outputs } = scan(cell, scopeOf(p), x as Tensor);
    return outputs.map((h) => sum(multiply(h, multiply(h, h)))).reduce(add);
  };
  const inputs = (steps: number) => ({ ...shapes, x: [n, steps, F] }) as Record<string, Shape>;
  /** Loss and gradients of a scan of `steps`. */
  const unrolled = (steps: number): Graph =>
    trace(inputs(steps), (given) => {
      const loss = lossOf(given);
      const slopes = grad(loss, names.map((name) => given[name]) as Tensor[]) as Tensor[];
      return { loss, ...Object.fromEntries(names.map((name, i) => [`d.${name}`, slopes[i] as Tensor])) };
    });

  test(`${kind}: derivatives are those of finite differences`, () => {
    const graph = unrolled(T);
    const given: Record<string, Float64Array> = { ...params, x };
    const exact = interpret(graph, given) as Arrays;
    const lossOnly = trace(inputs(T), (tensors) => ({ loss: lossOf(tensors) }));
    for (const [name, values] of Object.entries(given)) {
      for (let i = 0; i < values.length; i += 7) {
        const [up, down] = [1e-5, -1e-5].map((step) =>
          at(interpret(lossOnly, { ...given, [name]: values.with(i, at(values, i) + step) }).loss as Float64Array, 0),
        ) as [number, number];
        near([at(exact[`d.${name}`] as Float64Array, i)], [(up - down) / 2e-5], 1e-6, `${name} at ${i}`);
      }
    }
    for (const [name, data] of Object.entries(runGraph(core, graph, given)))
      near(data, exact[name] as Float64Array, 1e-4, `compiled ${name}`);
  });

  test(`${kind}: nodes, instructions and memory are linear in the number of steps`, () => {
    const [once, twice, fourfold] = [20, 40, 80].map((steps) => {
      const graph = unrolled(steps);
      const { instructionCount, arenaBytes } = compileGraph(graph);
      return [graph.nodes.length, instructionCount, arenaBytes];
    }) as [number[], number[], number[]];
    for (const [i, what] of ["nodes", "instructions", "bytes"].entries()) {
      const [first, second] = [at(twice, i) - at(once, i), at(fourfold, i) - at(twice, i)];
      assert.ok(second <= 2.1 * first, `${what}: ${once[i]}, ${twice[i]}, ${fourfold[i]}`);
    }
  });
}

test("the forget gate begins open; what does not fit is refused", () => {
  const body = model([T, F], lstm(U));
  const graph = trace({ key: [4] }, ({ key }) => body.init(key));
  const { bias } = interpret(graph, { key: [1, 2, 3, 4] }) as Arrays;
  assert.equal(Array.from(bias as Float64Array), [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  throwsA(ShapeError, () => model([F], lstm(U)), "lstm: an example must be a sequence [T,F], got [3]");
  throwsA(OptionError, () => lstm(0), "lstm: units");
  const shapes = Object.fromEntries(
    lstmCell(U)
      .parameters(F)
      .map(({ name, shape }) => [name, shape]),
  );
  const scanned = (x: Shape, w: Shape) =>
    trace(
      { ...shapes, x, w } as Record<string, Shape>,
      ({ x, w, ...p }) => scan(lstmCell(U), scopeOf(p), x as Tensor, { weights: w as Tensor }).state,
    );
  throwsA(ShapeError, () => scanned([T, F], [T]), "scan: x must be [n,T,F], got [5,3]");
  throwsA(ShapeError, () => scanned([n, T, F], [T]), "scan: weights must be [2,5], got [5]");
});

test.run();
