/**
 * Random functions of tensors. A recipe is a list of steps, each known twice: as a builder of graph, which simplifies and
 * shares as it goes, and as a plain computation in f64, which does neither.
 */
import * as q from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { Plain } from "./plain.ts";
import * as plain from "./plain.ts";
import type { Chance } from "./random.ts";

interface Step {
  build(values: readonly Tensor[]): Tensor;
  readonly value: Plain;
}

export interface Recipe {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly inputs: Readonly<Record<string, Float64Array>>;
  /** Builds every value: the inputs, then one a step. */
  build(inputs: Readonly<Record<string, Tensor>>): Tensor[];
  /** The same values in f64. */
  readonly values: readonly Plain[];
}

/** One side of the block and vector sizes and the other; some are longer than one block. */
const SHAPES: readonly (readonly number[])[] = [
  [],
  [1],
  [5],
  [8],
  [17],
  [3, 1],
  [1, 5],
  [3, 5],
  [1, 1],
  [4, 17],
  [2, 1, 5],
  [2, 3, 5],
  [3, 1, 5],
  [2, 3, 1, 5],
  [130, 5],
  [40, 17],
];

/** Exact in f32, and so are their products: folding them loses nothing. */
const CONSTANTS = [0, 1, -1, 2, 0.5, -0.5, -2, 0.25] as const;

/** Values stay below this, so that errors do too. */
const LARGEST = 30;
/** Distance from a discontinuity, so that rounding does not cross it. */
const MARGIN = 1e-3;

type Move = (context: Context) => Step | undefined;

/** What a move chooses from. */
class Context {
  constructor(
    readonly values: readonly Plain[],
    readonly chance: Chance,
  ) {}

  /** One of the values, the later the likelier. */
  any(): number {
    const last = this.values.length - 1;
    return Math.max(this.chance.whole(0, last), this.chance.whole(0, last));
  }

  at(index: number): Plain {
    return this.values[index] as Plain;
  }

  /** A value that stretches with all of `shapes`, if one is found. */
  fitting(shapes: readonly (readonly number[])[]): number | undefined {
    const fits = this.values
      .map((_, i) => i)
      .filter((i) => plain.commonShape([...shapes, this.at(i).shape]) !== undefined);
    return fits.length === 0 ? undefined : this.chance.pick(fits);
  }
}

/** The last entry says how far a value is from where the function jumps. */
const unaries: readonly (readonly [
  build: (x: Tensor) => Tensor,
  compute: (a: number) => number,
  margin?: (a: number) => number,
])[] = [
  [q.negate, (a) => -a],
  [q.negate, (a) => -a],
  [q.square, (a) => a * a],
  [q.tanh, Math.tanh],
  [q.sigmoid, (a) => 1 / (1 + Math.exp(-a))],
  [q.exp, Math.exp],
  [q.relu, (a) => Math.max(a, 0)],
  [q.abs, Math.abs],
  [q.sin, Math.sin],
  [q.cos, Math.cos],
  [q.softplus, (a) => Math.log(1 + Math.exp(a))],
  [q.sign, Math.sign, Math.abs],
  [q.floor, Math.floor, (a) => Math.abs(a - Math.round(a))],
  [q.stopGradient, (a) => a],
];

const unary: Move = ({ values, chance }) => {
  const at = chance.whole(0, values.length - 1);
  const x = values[at] as Plain;
  const [build, compute, margin] = chance.pick(unaries);
  if (margin && x.data.some((value) => margin(value) < MARGIN)) return undefined;
  return { build: (all) => build(all[at] as Tensor), value: plain.elementwise(compute, [x]) };
};

type Pair = (a: q.Operand, b: q.Operand) => Tensor;

const binaries: readonly (readonly [Pair, (a: number, b: number) => number, "" | "gap" | "divisor" | "sign"])[] = [
  [q.add, (a, b) => a + b, ""],
  [q.add, (a, b) => a + b, ""],
  [q.subtract, (a, b) => a - b, ""],
  [q.subtract, (a, b) => a - b, ""],
  [q.multiply, (a, b) => a * b, ""],
  [q.multiply, (a, b) => a * b, ""],
  [q.multiply, (a, b) => a * b, ""],
  [q.divide, (a, b) => a / b, "divisor"],
  [q.maximum, (a, b) => Math.max(a, b), ""],
  [q.minimum, (a, b) => Math.min(a, b), ""],
  [q.greater, (a, b) => (a > b ? 1 : 0), "gap"],
  [q.greaterEqual, (a, b) => (a >= b ? 1 : 0), "gap"],
  [q.equal, (a, b) => (a === b ? 1 : 0), "gap"],
  [q.gate, (a, b) => (b > 0 ? a : 0), "sign"],
];

/** Two operands, of which one may be a number or a tensor filled with one. */
const binary: Move = (context) => {
  const { chance } = context;
  const a = context.any();
  const [build, compute, care] = chance.pick(binaries);
  const number = chance.chance(0.4) ? chance.pick(CONSTANTS) : undefined;
  const b = number === undefined ? context.fitting([context.at(a).shape]) : undefined;
  if (number === undefined && b === undefined) return undefined;
  const filled = chance.chance(0.3) ? [...context.at(a).shape] : undefined;
  const other: Plain = number === undefined ? context.at(b as number) : plain.fromIndex(filled ?? [], () => number);
  const flipped = chance.chance(0.5);
  const operands = flipped ? [other, context.at(a)] : [context.at(a), other];
  const [, right] = operands as [Plain, Plain];
  if (care === "divisor" && right.data.some((value) => Math.abs(value) < 0.2)) return undefined;
  if (care === "sign" && right.data.some((value) => Math.abs(value) < MARGIN)) return undefined;
  if (care === "gap" && plain.elementwise((x, y) => Math.abs(x - y), operands).data.some((gap) => gap < MARGIN)) {
    return undefined;
  }
  return {
    build: (all) => {
      const first = all[a] as Tensor;
      const second =
        number === undefined ? (all[b as number] as Tensor) : filled === undefined ? number : q.full(filled, number);
      return flipped ? build(second, first) : build(first, second);
    },
    value: plain.elementwise(compute, operands),
  };
};

const choose: Move = (context) => {
  const condition = context.any();
  const a = context.fitting([context.at(condition).shape]);
  if (a === undefined) return undefined;
  const b = context.fitting([context.at(condition).shape, context.at(a).shape]);
  if (b === undefined) return undefined;
  // Near zero but not zero is where rounding could decide.
  if (context.at(condition).data.some((value) => Math.abs(value) < MARGIN)) return undefined;
  const operands = [condition, a, b].map((i) => context.at(i));
  return {
    build: (all) => q.select(all[condition] as Tensor, all[a] as Tensor, all[b] as Tensor),
    value: plain.elementwise((x, y, z) => (x !== 0 ? y : z) as number, operands),
  };
};

/** A random shape of the same number of elements. */
function refactor(count: number, chance: Chance): number[] {
  const shape: number[] = [];
  let left = count;
  for (let axes = 0; axes < 3; axes++) {
    const divisors = Array.from({ length: Math.min(left, 40) }, (_, i) => i + 1).filter((n) => left % n === 0);
    const extent = chance.pick(divisors);
    shape.push(extent);
    left /= extent;
  }
  return [...shape, left];
}

const reshape: Move = (context) => {
  const at = context.any();
  const { data } = context.at(at);
  const shape = data.length === 1 && context.chance.chance(0.5) ? [] : refactor(data.length, context.chance);
  return { build: (all) => q.reshape(all[at] as Tensor, shape), value: { shape, data } };
};

const stretch: Move = (context) => {
  const { chance } = context;
  const at = context.any();
  const { shape } = context.at(at);
  const grown = shape.map((n) => (n === 1 && chance.chance(0.7) ? chance.pick([2, 3, 5]) : n));
  const wide = chance.chance(0.5) && grown.length < 4 ? [chance.pick([1, 2, 3]), ...grown] : grown;
  return { build: (all) => q.broadcast(all[at] as Tensor, wide), value: plain.stretch(context.at(at), wide) };
};

const reduce: Move = (context) => {
  const { chance } = context;
  const at = context.any();
  const x = context.at(at);
  const axes = x.shape.map((_, axis) => axis).filter(() => chance.chance(0.5));
  const keepAxes = chance.chance(0.5);
  const kind = chance.pick(["sum", "sum", "mean", "max"] as const);
  const count = plain.countOf(axes.map((axis) => x.shape[axis] as number));
  const total =
    kind === "max"
      ? plain.reduced(x, axes, Number.NEGATIVE_INFINITY, Math.max)
      : plain.reduced(x, axes, 0, (sum, value) => sum + value / (kind === "mean" ? count : 1));
  const shape = keepAxes ? x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n)) : total.shape;
  const build = { sum: q.sum, mean: q.mean, max: q.max }[kind];
  return { build: (all) => build(all[at] as Tensor, axes, { keepAxes }), value: { shape, data: total.data } };
};

const transpose: Move = (context) => {
  const at = context.any();
  const order = context.chance.order(context.at(at).shape.length);
  return { build: (all) => q.transpose(all[at] as Tensor, order), value: plain.reorder(context.at(at), order) };
};

const slice: Move = (context) => {
  const { chance } = context;
  const at = context.any();
  const x = context.at(at);
  const start = x.shape.map((n) => chance.whole(0, Math.min(n - 1, 2)));
  const size = x.shape.map((n, axis) => chance.whole(1, n - (start[axis] as number)));
  return { build: (all) => q.slice(all[at] as Tensor, start, size), value: plain.part(x, start, size) };
};

const pad: Move = (context) => {
  const { chance } = context;
  const at = context.any();
  const x = context.at(at);
  const [before, after] = [0, 1].map(() => x.shape.map(() => chance.pick([0, 0, 1, 2]))) as [number[], number[]];
  return { build: (all) => q.pad(all[at] as Tensor, before, after), value: plain.padded(x, before, after) };
};

const concat: Move = (context) => {
  const { chance } = context;
  const at = context.any();
  const { shape } = context.at(at);
  if (shape.length === 0) return undefined;
  const axis = chance.whole(0, shape.length - 1);
  const matches = (other: readonly number[]) =>
    other.length === shape.length && other.every((n, i) => i === axis || n === shape[i]);
  const fits = context.values.map((_, i) => i).filter((i) => matches(context.at(i).shape));
  const chosen = [at, chance.pick(fits), chance.pick(fits)].slice(0, chance.whole(1, 3));
  const value = plain.joined(
    chosen.map((i) => context.at(i)),
    axis,
  );
  return {
    build: (all) =>
      q.concat(
        chosen.map((i) => all[i] as Tensor),
        axis,
      ),
    value,
  };
};

const matmul: Move = (context) => {
  const matrices = context.values.map((_, i) => i).filter((i) => context.at(i).shape.length === 2);
  if (matrices.length === 0) return undefined;
  const a = context.chance.pick(matrices);
  const inner = context.at(a).shape[1];
  const b = context.chance.pick(matrices);
  const turned = context.at(b).shape[0] !== inner;
  if (turned && context.at(b).shape[1] !== inner) return undefined;
  const right = turned ? plain.reorder(context.at(b), [1, 0]) : context.at(b);
  return {
    build: (all) => q.matmul(all[a] as Tensor, all[b] as Tensor, { transposeB: turned }),
    value: plain.product(context.at(a), right),
  };
};

const softmax: Move = (context) => {
  const at = context.any();
  const x = context.at(at);
  if (x.shape.length === 0) return undefined;
  const last = [x.shape.length - 1];
  const logarithm = context.chance.chance(0.5);
  const totals = plain.reduced(x, last, 0, (sum, value) => sum + Math.exp(value));
  const rows = { shape: [...totals.shape, 1], data: totals.data };
  const value = plain.elementwise((a, total) => (logarithm ? a - Math.log(total) : Math.exp(a) / total), [x, rows]);
  return { build: (all) => (logarithm ? q.logSoftmax : q.softmax)(all[at] as Tensor), value };
};

const moves: readonly Move[] = [
  ...Array<Move>(5).fill(unary),
  ...Array<Move>(9).fill(binary),
  choose,
  reshape,
  reshape,
  stretch,
  stretch,
  reduce,
  reduce,
  transpose,
  slice,
  pad,
  concat,
  matmul,
  softmax,
];

/** A random function of two to four inputs with about `length` steps. */
export function randomRecipe(length: number, chance: Chance): Recipe {
  const shapes = Object.fromEntries(
    Array.from({ length: chance.whole(2, 4) }, (_, i) => [`x${i}`, chance.pick(SHAPES)] as const),
  );
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, chance.floats(plain.countOf(shape))]),
  );
  const values: Plain[] = Object.entries(shapes).map(([name, shape]) => ({
    shape,
    data: inputs[name] as Float64Array,
  }));
  const steps: Step[] = [];
  for (let tries = 0; tries < 20 * length && steps.length < length; tries++) {
    const step = chance.pick(moves)(new Context(values, chance));
    if (step === undefined || step.value.data.length > 1500) continue;
    if (!step.value.data.every((value) => Math.abs(value) < LARGEST)) continue;
    steps.push(step);
    values.push(step.value);
  }
  return {
    shapes,
    inputs,
    values,
    build(tensors) {
      const all = Object.keys(shapes).map((name) => tensors[name] as Tensor);
      for (const step of steps) all.push(step.build(all));
      return all;
    },
  };
}
