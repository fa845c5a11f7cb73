/** Elementwise functions beyond the ring operations. */
import { MicroOp } from "../../../assembly/opcodes.ts";
import type { Tensor } from "../tensor.ts";
import {
  constantValue,
  elementwise,
  elementwiseOperator,
  multiply,
  negate,
  type Operand,
  subtract,
  zeros,
} from "./algebra.ts";

type UnaryVjp = (cotangent: Tensor, x: Tensor, y: Tensor) => Tensor | null;

// @__NO_SIDE_EFFECTS__
function unary(
  name: string,
  operation: MicroOp,
  compute: (a: number) => number,
  vjp: UnaryVjp,
  extra: {
    exact?: boolean;
    piecewiseConstant?: boolean;
  } = {},
) {
  return elementwiseOperator(1, {
    name,
    operation,
    compute,
    vjp: (_, g, node) => vjp(g, node.inputs[0] as Tensor, node),
    ...extra,
  });
}

const sigmoidOf = (a: number) => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));

const expOperator = unary("exp", MicroOp.Exp, Math.exp, (g, _, y) => multiply(g, y));
const logOperator = unary("log", MicroOp.Log, Math.log, (g, x) => divide(g, x));
const sqrtOperator = unary("sqrt", MicroOp.Sqrt, Math.sqrt, (g, _, y) => divide(multiply(g, 0.5), y), {
  exact: true,
});
// d x^(-1/2) = -1/2 x^(-3/2)
const rsqrtOperator = unary(
  "rsqrt",
  MicroOp.Rsqrt,
  (a) => 1 / Math.sqrt(a),
  (g, _, y) => multiply(multiply(g, -0.5), multiply(y, square(y))),
);
const reciprocalOperator = unary(
  "reciprocal",
  MicroOp.Reciprocal,
  (a) => 1 / a,
  (g, _, y) => negate(multiply(g, square(y))),
  {
    exact: true,
  },
);
const tanhOperator = unary("tanh", MicroOp.Tanh, Math.tanh, (g, _, y) => multiply(g, subtract(1, square(y))));
const sigmoidOperator = unary("sigmoid", MicroOp.Sigmoid, sigmoidOf, (g, _, y) =>
  multiply(g, multiply(y, subtract(1, y))),
);
const reluOperator = unary(
  "relu",
  MicroOp.Relu,
  (a) => (a > 0 || Number.isNaN(a) ? a : 0),
  (g, x) => gate(g, x),
  {
    exact: true,
  },
);
const softplusOperator = unary(
  "softplus",
  MicroOp.Softplus,
  (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  (g, x) => multiply(g, sigmoid(x)),
);
const absOperator = unary("abs", MicroOp.Abs, Math.abs, (g, x) => multiply(g, sign(x)), { exact: true });
const signOperator = unary("sign", MicroOp.Sign, Math.sign, () => null, {
  exact: true,
  piecewiseConstant: true,
});
const sinOperator = unary("sin", MicroOp.Sin, Math.sin, (g, x) => multiply(g, cos(x)));
const cosOperator = unary("cos", MicroOp.Cos, Math.cos, (g, x) => negate(multiply(g, sin(x))));
const squareOperator = unary(
  "square",
  MicroOp.Square,
  (a) => a * a,
  (g, x) => multiply(g, multiply(x, 2)),
  { exact: true },
);
const floorOperator = unary("floor", MicroOp.Floor, Math.floor, () => null, {
  exact: true,
  piecewiseConstant: true,
});
const divideOperator = elementwiseOperator(2, {
  name: "divide",
  operation: MicroOp.Divide,
  compute: (a = 0, b = 0) => a / b,
  exact: true,
  vjp: (index, g, node) => {
    const divisor = node.inputs[1] as Tensor;
    return index === 0 ? divide(g, divisor) : negate(multiply(g, divide(node, divisor)));
  },
  simplify: ([a, b]) => {
    if (constantValue(b as Tensor) === 1) return a;
    const divisor = constantValue(b as Tensor);
    const isNaNAnyway = divisor === 0 || Number.isNaN(divisor);
    if (constantValue(a as Tensor) === 0 && !isNaNAnyway) return zeros((a as Tensor).shape);
    return constantValue(a as Tensor) === 1 ? reciprocal(b as Tensor) : undefined;
  },
});
// At a tie the first operand is the one that counts, here and in the derivative.
const maximumOperator = elementwiseOperator(2, {
  name: "maximum",
  operation: MicroOp.Maximum,
  compute: (a = 0, b = 0) => Math.max(a, b),
  exact: true,
  vjp: (index, g, node) => chosen(index, g, greaterEqual(node.inputs[0] as Tensor, node.inputs[1] as Tensor)),
});
const minimumOperator = elementwiseOperator(2, {
  name: "minimum",
  operation: MicroOp.Minimum,
  compute: (a = 0, b = 0) => Math.min(a, b),
  exact: true,
  vjp: (index, g, node) => chosen(index, g, greaterEqual(node.inputs[1] as Tensor, node.inputs[0] as Tensor)),
});
const greaterOperator = comparison("greater", MicroOp.Greater, (a, b) => a > b);
const greaterEqualOperator = comparison("greaterEqual", MicroOp.GreaterEqual, (a, b) => a >= b);
const equalOperator = comparison("equal", MicroOp.Equal, (a, b) => a === b);
// Linear in its first operand, flat in its second: the derivative of relu, and its own.
const gateOperator = elementwiseOperator(2, {
  name: "gate",
  operation: MicroOp.Gate,
  compute: (a = 0, b = 0) => (b > 0 ? a : 0),
  exact: true,
  vjp: (index, g, node) => (index === 0 ? gate(g, node.inputs[1] as Tensor) : null),
  simplify: ([a, b]) => {
    if (constantValue(a as Tensor) === 0) return a;
    const inner = a as Tensor;
    return inner.operator.name === "gate" && inner.inputs[1] === b ? inner : undefined;
  },
});
const selectOperator = elementwiseOperator(3, {
  name: "select",
  operation: MicroOp.Select,
  compute: (condition = 0, a = 0, b = 0) => (condition !== 0 ? a : b),
  exact: true,
  vjp: (index, g, node) => {
    const condition = node.inputs[0] as Tensor;
    if (index === 0) return null;
    return index === 1 ? select(condition, g, 0) : select(condition, 0, g);
  },
  simplify: ([condition, a, b]) => {
    const value = constantValue(condition as Tensor);
    if (value !== undefined) return value !== 0 ? a : b;
    return a === b ? a : undefined;
  },
});
// One step forward; where it is 0 the derivative divides by 1 instead, and is then left out.
const safeSqrtOperator = unary(
  "safeSqrt",
  MicroOp.Sqrt,
  Math.sqrt,
  (g, x, y) => {
    const positive = greater(x, 0);
    return select(positive, divide(multiply(g, 0.5), select(positive, y, 1)), 0);
  },
  { exact: true },
);

// @__NO_SIDE_EFFECTS__
function comparison(name: string, operation: MicroOp, holds: (a: number, b: number) => boolean) {
  return elementwiseOperator(2, {
    name,
    operation,
    compute: (a = 0, b = 0) => (holds(a, b) ? 1 : 0),
    exact: true,
    piecewiseConstant: true,
    vjp: () => null,
  });
}

function chosen(index: number, cotangent: Tensor, first: Tensor): Tensor {
  return index === 0 ? select(first, cotangent, 0) : select(first, 0, cotangent);
}

/** e^x */
export const exp = (x: Operand): Tensor => elementwise(expOperator, [x]);
/** Natural logarithm. */
export const log = (x: Operand): Tensor => elementwise(logOperator, [x]);
export const sqrt = (x: Operand): Tensor => elementwise(sqrtOperator, [x]);
/** 1 / sqrt(x) */
export const rsqrt = (x: Operand): Tensor => elementwise(rsqrtOperator, [x]);
/** 1 / x */
export const reciprocal = (x: Operand): Tensor => elementwise(reciprocalOperator, [x]);
export const tanh = (x: Operand): Tensor => elementwise(tanhOperator, [x]);
/** 1 / (1 + e^-x) */
export const sigmoid = (x: Operand): Tensor => elementwise(sigmoidOperator, [x]);
/** max(x, 0); its derivative at 0 is 0. */
export const relu = (x: Operand): Tensor => elementwise(reluOperator, [x]);
/** log(1 + e^x) */
export const softplus = (x: Operand): Tensor => elementwise(softplusOperator, [x]);
export const abs = (x: Operand): Tensor => elementwise(absOperator, [x]);
/** -1, 0 or 1. */
export const sign = (x: Operand): Tensor => elementwise(signOperator, [x]);
/**
 * Sine of x in radians, for |x| <= 100,000. The core's absolute error is below 1e-6 there, and below 2e-7 for |x| <= 8,192. Further out,
 * results stay within [-1, 1] but lose their meaning by and by; infinity gives NaN.
 */
export const sin = (x: Operand): Tensor => elementwise(sinOperator, [x]);
/** Cosine of x in radians, with the domain and the errors of `sin`. */
export const cos = (x: Operand): Tensor => elementwise(cosOperator, [x]);
export const square = (x: Operand): Tensor => elementwise(squareOperator, [x]);
/** The largest whole number not above x. */
export const floor = (x: Operand): Tensor => elementwise(floorOperator, [x]);
/** a / b, element by element. The constant 0 over a tensor is simplified to 0 while tracing, also where that will hold 0 or NaN. */
export const divide = (a: Operand, b: Operand): Tensor => elementwise(divideOperator, [a, b]);
export const maximum = (a: Operand, b: Operand): Tensor => elementwise(maximumOperator, [a, b]);
export const minimum = (a: Operand, b: Operand): Tensor => elementwise(minimumOperator, [a, b]);
/** 1 where a > b, else 0. */
export const greater = (a: Operand, b: Operand): Tensor => elementwise(greaterOperator, [a, b]);
/** 1 where a >= b, else 0. */
export const greaterEqual = (a: Operand, b: Operand): Tensor => elementwise(greaterEqualOperator, [a, b]);
/** 1 where a = b, else 0. */
export const equal = (a: Operand, b: Operand): Tensor => elementwise(equalOperator, [a, b]);
/** a where b > 0, else 0. */
export const gate = (a: Operand, b: Operand): Tensor => elementwise(gateOperator, [a, b]);
/** a where the condition is not 0, else b. */
export const select = (condition: Operand, a: Operand, b: Operand): Tensor =>
  elementwise(selectOperator, [condition, a, b]);

/** sqrt(x) for x >= 0 whose derivative at 0 is 0 instead of infinite, so that no NaN enters a gradient there. */
export const safeSqrt = (x: Operand): Tensor => elementwise(safeSqrtOperator, [x]);

export const elementwiseOperators = [
  expOperator,
  logOperator,
  sqrtOperator,
  rsqrtOperator,
  reciprocalOperator,
  tanhOperator,
  sigmoidOperator,
  reluOperator,
  softplusOperator,
  absOperator,
  signOperator,
  sinOperator,
  cosOperator,
  squareOperator,
  floorOperator,
  divideOperator,
  maximumOperator,
  minimumOperator,
  greaterOperator,
  greaterEqualOperator,
  equalOperator,
  gateOperator,
  selectOperator,
  safeSqrtOperator,
];
