/** Layers over sequences [T, C] of one example. */
import { requireBoolean, requireFunction, requireOptions, requireWhole } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { add, type Conv1dOptions, conv1d as convolve, gather, reshape } from "../graph/operators/index.ts";
import { showShape } from "../graph/shape.ts";
import { checkWeights, WEIGHT_OPTIONS, type WeightOptions, weightAndBias } from "./dense.ts";
import { type Initialiser, normal } from "./initialisers.ts";
import type { Layer } from "./layer.ts";

export interface Conv1dLayerOptions extends WeightOptions, Conv1dOptions {
  readonly filters: number;
  /** Taps of the kernel; 2 by default. */
  readonly size?: number;
}

/** Convolution over time of [n, T, C] to [n, T, filters]: see `conv1d` among the operators. */
export function conv1d(options: Conv1dLayerOptions): Layer {
  requireOptions("conv1d", options, [...WEIGHT_OPTIONS, "filters", "size", "dilation", "causal"]);
  const biased = checkWeights("conv1d", options);
  const { filters, size = 2, dilation = 1, causal = false } = options;
  requireWhole("conv1d: filters", filters, 1);
  requireWhole("conv1d: size", size, 1);
  requireWhole("conv1d: dilation", dilation, 1, 2 ** 24);
  requireBoolean("conv1d: causal", causal);
  return {
    kind: "conv",
    description: `conv1d(dilation ${dilation}${causal ? ", causal" : ""})`,
    outputShape(input) {
      if (input.length !== 2) throw new ShapeError(`conv1d: an example must be [T,C], got ${showShape(input)}`);
      return [input[0] as number, filters];
    },
    parameters: (input) => weightAndBias("kernel", [size, input[1] as number, filters], options),
    apply(scope, x) {
      const y = convolve(x, scope.param("kernel"), { dilation, causal });
      return biased ? add(y, scope.param("bias")) : y;
    },
  };
}

export interface EmbeddingOptions {
  /** Entries of the table. */
  readonly count: number;
  /** Numbers of an entry. */
  readonly width: number;
  /** Starting entries; normal with deviation 1 by default. */
  readonly initialiser?: Initialiser;
}

/** Learned vectors looked up by whole numbers from 0 to count - 1: [n, ...] to [n, ..., width]. Any other number gives NaN. */
export function embedding(options: EmbeddingOptions): Layer {
  requireOptions("embedding", options, ["count", "width", "initialiser"]);
  const { count, width, initialiser = normal(1) } = options;
  requireWhole("embedding: count", count, 1);
  requireWhole("embedding: width", width, 1);
  requireFunction("embedding: initialiser", initialiser);
  return {
    kind: "embedding",
    description: "embedding",
    outputShape: (input) => [...input, width],
    parameters: () => [{ name: "table", shape: [count, width], initialiser }],
    apply: (scope, x) => reshape(gather(scope.param("table"), reshape(x, [x.size])), [...x.shape, width]),
  };
}
