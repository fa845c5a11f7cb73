/** The operator table, and every function that builds a node. */
import type { Operator } from "../operator.ts";
import { algebraOperators } from "./algebra.ts";
import { boundaryOperators } from "./boundary.ts";
import { convolutionOperators } from "./convolution.ts";
import { elementwiseOperators } from "./elementwise.ts";
import { indexingOperators } from "./indexing.ts";
import { matmulOperators } from "./matmul.ts";
import { movementOperators } from "./movement.ts";
import { poolingOperators } from "./pooling.ts";
import { randomOperators } from "./random.ts";
import { reductionOperators } from "./reduction.ts";
import { solveOperators } from "./solve.ts";
import { constantOperator, inputOperator, literalOperator } from "./source.ts";

/** Every operator, one row each. A bundler may leave the table out where only some of the builders are used. */
export const operators = /* @__PURE__ */ [
  [inputOperator, constantOperator, literalOperator],
  algebraOperators,
  elementwiseOperators,
  reductionOperators,
  movementOperators,
  matmulOperators,
  solveOperators,
  convolutionOperators,
  poolingOperators,
  indexingOperators,
  randomOperators,
  boundaryOperators,
].flat() as readonly Operator[];

export {
  add,
  broadcast,
  full,
  multiply,
  negate,
  type Operand,
  ones,
  reshape,
  subtract,
  sum,
  zeros,
} from "./algebra.ts";
export { boundary } from "./boundary.ts";
export { conv2d } from "./convolution.ts";
export {
  abs,
  cos,
  divide,
  equal,
  exp,
  floor,
  gate,
  greater,
  greaterEqual,
  log,
  maximum,
  minimum,
  reciprocal,
  relu,
  rsqrt,
  safeSqrt,
  select,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  tanh,
} from "./elementwise.ts";
export { gather, oneHot, scatterAdd } from "./indexing.ts";
export { matmul } from "./matmul.ts";
export { identity, range } from "./matrices.ts";
export { concat, pad, slice, stack, stopGradient, transpose } from "./movement.ts";
export { averagePool, maxPool, type PoolOptions } from "./pooling.ts";
export { KEY_SHAPE, keyToArray, randomNormal, randomUniform } from "./random.ts";
export { logSoftmax, logSumExp, max, mean, softmax } from "./reduction.ts";
export { type Conv1dOptions, conv1d } from "./sequence.ts";
export { solve } from "./solve.ts";
export { constant, literal } from "./source.ts";
export type { WindowOptions } from "./window.ts";
