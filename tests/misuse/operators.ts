/** Misuses of every function that builds a node. */
import {
  abs,
  add,
  averagePool,
  boundary,
  broadcast,
  concat,
  constant,
  conv1d,
  conv2d,
  cos,
  divide,
  equal,
  exp,
  floor,
  full,
  gate,
  gather,
  greater,
  greaterEqual,
  identity,
  keyToArray,
  literal,
  log,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  maximum,
  maxPool,
  mean,
  minimum,
  multiply,
  negate,
  oneHot,
  ones,
  pad,
  randomNormal,
  randomUniform,
  range,
  reciprocal,
  relu,
  reshape,
  rsqrt,
  safeSqrt,
  scatterAdd,
  select,
  sigmoid,
  sign,
  sin,
  slice,
  softmax,
  softplus,
  solve,
  sqrt,
  square,
  stack,
  stopGradient,
  subtract,
  sum,
  tanh,
  transpose,
  zeros,
} from "../../src/graph/operators/index.ts";
import { withTrace } from "../../src/graph/tensor.ts";
import { type Argument, type Entry, list, optional, options, thing, whole } from "./runner.ts";

const within = (body: () => void): void => withTrace(body);

const entry = (operation: string, call: Entry["call"], given: Entry["given"]): Entry => ({
  operation,
  call,
  given,
  within,
});

/** Operations that take the same. */
const each = (calls: Readonly<Record<string, Entry["call"]>>, given: Entry["given"]): Entry[] =>
  Object.entries(calls).map(([name, call]) => entry(name, call, given));

/** A tensor of ones. */
const tensor = (...shape: readonly number[]): Argument => thing(ones(shape));
/** A tensor that may be a number. */
const operand = (...shape: readonly number[]): Argument => ({
  ...thing(ones(shape), "NaN", "a number"),
  refuses: [1e39, "5", [1, 2]],
});
/** The value of a constant: f32 has NaN and infinities, but none of what overflows it. */
const value = (): Argument => ({ ...thing(1, "NaN", "a number"), refuses: ["5", 1e39] });
const shape = (...extents: readonly number[]): Argument => list(extents.map((extent) => whole(extent)));
const counts = (...each: readonly number[]): Argument => list(each.map((count) => whole(count, 0)));
const flag = (): Argument => optional(thing(true, "a boolean"));
const axes = (): Argument => optional(thing(0));
const keepAxes = (): Argument => optional(options({ keepAxes: flag() }));
const window = (): Record<string, Argument> => ({ stride: optional(whole(1)), pad: optional(whole(1, 0)) });

export const operatorEntries: readonly Entry[] = [
  ...each(
    {
      abs,
      cos,
      exp,
      floor,
      log,
      negate,
      reciprocal,
      relu,
      rsqrt,
      safeSqrt,
      sigmoid,
      sign,
      sin,
      softplus,
      sqrt,
      square,
      tanh,
    },
    () => [operand(2, 3)],
  ),
  ...each({ add, divide, equal, gate, greater, greaterEqual, maximum, minimum, multiply, subtract }, () => [
    operand(2, 3),
    operand(2, 3),
  ]),
  entry("select", select, () => [operand(2, 3), operand(2, 3), operand(2, 3)]),
  ...each({ softmax, logSoftmax, logSumExp, stopGradient, boundary }, () => [tensor(2, 3)]),
  ...each({ sum, mean, max }, () => [tensor(2, 3), axes(), keepAxes()]),
  entry("constant", constant, () => [value()]),
  entry("full", full, () => [shape(2, 3), value()]),
  entry("zeros", zeros, () => [shape(2, 3)]),
  entry("ones", ones, () => [shape(2, 3)]),
  entry("literal", literal, () => [
    list([thing(1, "NaN", "a number"), thing(2, "NaN", "a number")]),
    optional(shape(2)),
  ]),
  entry("broadcast", broadcast, () => [tensor(1, 3), shape(2, 3)]),
  entry("reshape", reshape, () => [tensor(2, 3), shape(3, 2)]),
  entry("transpose", transpose, () => [tensor(2, 3), optional(counts(1, 0))]),
  entry("slice", slice, () => [tensor(2, 3), counts(1, 0), shape(1, 2)]),
  entry("pad", pad, () => [tensor(2, 3), counts(1, 0), counts(0, 0)]),
  entry("concat", concat, () => [list([tensor(2, 3), tensor(2, 1)]), thing(1)]),
  entry("stack", stack, () => [list([tensor(2, 3), tensor(2, 3)])]),
  entry("matmul", matmul, () => [
    tensor(3, 3),
    tensor(3, 3),
    optional(options({ transposeA: flag(), transposeB: flag() })),
  ]),
  entry("solve", solve, () => [tensor(3, 3), tensor(3, 2)]),
  entry("conv2d", conv2d, () => [tensor(1, 5, 5, 2), tensor(3, 3, 2, 4), optional(options(window()))]),
  ...each({ maxPool, averagePool }, () => [tensor(1, 6, 6, 2), options({ size: whole(2), ...window() })]),
  entry("conv1d", conv1d, () => [
    tensor(1, 5, 2),
    tensor(3, 2, 4),
    optional(options({ dilation: optional(whole(2)), causal: flag() })),
  ]),
  entry("gather", gather, () => [tensor(4, 2), tensor(3)]),
  entry("scatterAdd", scatterAdd, () => [tensor(3, 2), tensor(3), whole(4)]),
  entry("range", range, () => [whole(4)]),
  entry("identity", identity, () => [whole(4)]),
  entry("oneHot", oneHot, () => [tensor(3), whole(4)]),
  ...each({ randomUniform, randomNormal }, () => [tensor(4), shape(2, 3), optional(whole(1, 0))]),
  { operation: "keyToArray", call: keyToArray, given: () => [list([whole(1, 0), whole(2, 0)])] },
];
