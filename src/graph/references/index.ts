/**
 * What each operator means, in f64 and in the plainest loops: what `interpret` computes with, and everything else is compared with.
 * It is apart from the operator table so that pages which interpret nothing do not load it.
 */
import type { Operator } from "../operator.ts";
import { sizeOf } from "../shape.ts";
import { matmul, solve } from "./matrices.ts";
import { broadcast, concat, copy, pad, slice, transpose } from "./movement.ts";
import { logSoftmax, logSumExp, max, softmax, sum } from "./reduction.ts";
import type { Reference } from "./reference.ts";
import { gather, oneHot, randomNormal, randomUniform, scatterAdd } from "./rows.ts";
import { averagePool, averagePoolGrad, convolution, maxPoolWinners, poolGather, poolScatter } from "./windows.ts";

const constant: Reference<{ value: number }> = (_, { value }) => Float64Array.of(value);
const literal: Reference<{ data: Float32Array }> = (_, { data }) => Float64Array.from(data);

/** By the operator's name; those that work element by element have `compute` in their row. */
const references = {
  ...{ constant, literal, boundary: copy, reshape: copy, stopGradient: copy },
  ...{ broadcast, transpose, slice, pad, concat },
  ...{ sum, max, softmax, logSoftmax, logSumExp },
  ...{ matmul, solve },
  conv2d: convolution("y"),
  conv2dInputGrad: convolution("x"),
  conv2dWeightGrad: convolution("w"),
  ...{ maxPoolWinners, poolGather, poolScatter, averagePool, averagePoolGrad },
  ...{ gather, scatterAdd, oneHot, randomUniform, randomNormal },
} as Readonly<Record<string, Reference>>;

/** The reference of an operator; an input, which has no value of its own, has none. */
export function referenceOf({ name, compute }: Operator): Reference | undefined {
  if (compute === undefined) return references[name];
  return (inputs, _, shape) =>
    Float64Array.from({ length: sizeOf(shape) }, (_unused, i) =>
      compute(...inputs.map(({ data }) => data[i] as number)),
    );
}
