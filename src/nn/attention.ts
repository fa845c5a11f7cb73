/** Attention: rows that read other rows by how well a query fits their keys. */
import { requireBoolean, requireNumber, requireOneOf, requireOptions, requireWhole, wrong } from "../arguments.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import { divide, matmul, multiply, reshape, select, softmax, sum, transpose } from "../graph/operators/index.ts";
import { lowerTriangle } from "../graph/operators/matrices.ts";
import { type Shape, showShape } from "../graph/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { residual, sequential, under } from "./compose.ts";
import { activation, linear } from "./dense.ts";
import { dropout } from "./dropout.ts";
import type { Layer } from "./layer.ts";
import { nonzero } from "./moments.ts";
import { layerNorm, rmsNorm } from "./normalise.ts";
import { eachStep } from "./steps.ts";

/** A score below all others: e^(LEAST - s) is 0 in f32 for every other score s. Finite, so that a row of nothing else has no NaN. */
const LEAST = -1e30;

/**
 * Weighted softmax over the last axis: w_j e^(s_j) / sum(w_k e^(s_k)). An element of weight 0 (padding, the future) gets exactly 0, and
 * its score has no influence and derivative 0; an element of weight 2 counts as two. A row whose weights are all 0 is 0.
 * @param scores [..., n, m]
 * @param weights from 0: [m] for all rows, or [n, m]; all 1 where they are left out
 * @throws ShapeError for weights of another shape
 */
export function maskedSoftmax(scores: Tensor, weights?: Tensor): Tensor {
  requireTensors("maskedSoftmax", scores, ...(weights === undefined ? [] : [weights]));
  if (weights === undefined) return softmax(scores);
  const fits = weights.rank >= 1 && weights.rank <= 2 && weights.rank <= scores.rank;
  if (!fits || showShape(weights.shape) !== showShape(scores.shape.slice(-weights.rank))) {
    throw new ShapeError(
      `maskedSoftmax: weights must be [m] or [n,m] of scores [...,n,m], got ${showShape(weights.shape)} for ${showShape(scores.shape)}`,
    );
  }
  if (constantValue(weights) === 1) return softmax(scores);
  const shares = multiply(softmax(select(weights, scores, LEAST)), weights);
  return divide(shares, nonzero(sum(shares, -1, { keepAxes: true })));
}

export interface AttentionOptions {
  /** Parts of the width that attend each by itself; 1 by default. */
  readonly heads?: number;
  /** Weight from 0 of each key, [m], or of each key for each query, [n, m]; see `maskedSoftmax`. All 1 by default. */
  readonly weights?: Tensor;
}

/**
 * Scaled dot-product attention, softmax(Q K' / sqrt(d)) V, for each of `heads` equal parts of the columns (Vaswani et al. 2017,
 * equation 1 and section 3.2.2, without the projections). Keys and values of weight 0 contribute exactly nothing, to values and
 * derivatives, and with weights [m] whatever they hold; a query all of whose keys have weight 0 gets zeros.
 * @param queries [n, D], or a batch [b, n, D]
 * @param keys [m, D], or [b, m, D]
 * @param values [m, E], or [b, m, E]
 * @returns [n, E], or [b, n, E]
 * @throws ShapeError for other shapes, OptionError unless `heads` divides D and E
 */
export function attention(queries: Tensor, keys: Tensor, values: Tensor, options: AttentionOptions = {}): Tensor {
  requireTensors("attention", queries, keys, values);
  requireOptions("attention", options, ["heads", "weights"]);
  const { heads = 1, weights } = options;
  requireWhole("attention: heads", heads, 1);
  if (weights !== undefined) requireTensors("attention", weights);
  checkShapes(queries.shape, keys.shape, values.shape, weights?.shape);
  const [D, E] = [queries, values].map(({ shape }) => shape[shape.length - 1] as number) as [number, number];
  if (D % heads !== 0 || E % heads !== 0) throw wrong("attention: heads", `a divisor of ${D} and ${E}`, heads);
  // What a row of weight 0 for all queries holds must not meet a 0 in a product: 0 times infinity is NaN.
  const known = (x: Tensor): Tensor =>
    weights === undefined || weights.rank === 2 ? x : select(reshape(weights, [weights.size, 1]), x, 0);
  const q = split(multiply(queries, 1 / Math.sqrt(D / heads)), heads);
  const [k, v] = [split(known(keys), heads), split(known(values), heads)];
  return merge(matmul(maskedSoftmax(matmul(q, k, { transposeB: true }), weights), v), heads, queries.shape);
}

function checkShapes(queries: Shape, keys: Shape, values: Shape, weights: Shape | undefined): void {
  const rank = queries.length;
  const [n, D] = queries.slice(-2);
  const [m, KD] = keys.slice(-2);
  const shown = [queries, keys, values].map(showShape).join(", ");
  const batches = new Set([queries, keys, values].map((shape) => showShape(shape.slice(0, -2))));
  const sound = (rank === 2 || rank === 3) && keys.length === rank && values.length === rank && batches.size === 1;
  if (!sound || KD !== D || values[rank - 2] !== m) {
    throw new ShapeError(`attention: operands must be [n,D], [m,D] and [m,E], or batches of these, got ${shown}`);
  }
  if (weights === undefined || showShape(weights) === `[${m}]` || showShape(weights) === `[${n},${m}]`) return;
  throw new ShapeError(`attention: weights must be [${m}] or [${n},${m}], got ${showShape(weights)}`);
}

/** [n, D] as [heads, n, D / heads]; [b, n, D] as [b * heads, n, D / heads]. */
function split(x: Tensor, heads: number): Tensor {
  const [n, D] = x.shape.slice(-2) as [number, number];
  if (heads === 1) return x;
  const parts = transpose(reshape(x, [-1, n, heads, D / heads]), [0, 2, 1, 3]);
  return reshape(parts, [-1, n, D / heads]);
}

/** What `split` took apart, with the leading axes of `like`. */
function merge(x: Tensor, heads: number, like: Shape): Tensor {
  const [n, d] = x.shape.slice(-2) as [number, number];
  if (heads === 1) return x;
  return reshape(transpose(reshape(x, [-1, heads, n, d]), [0, 2, 1, 3]), [...like.slice(0, -1), heads * d]);
}

/** Weights [n, n] by which row i reads itself and the rows before it. */
export function causalWeights(n: number): Tensor {
  requireWhole("causalWeights: n", n, 1);
  return lowerTriangle(n);
}

export interface SelfAttentionOptions {
  /** Divides the width; 1 by default. */
  readonly heads?: number;
  /** Whether a step reads itself and those before it only: for examples [T, D]; false by default. */
  readonly causal?: boolean;
}

/** A linear layer that keeps the width of vectors or sequences. */
const projection = (input: Shape): Layer => onSteps(input, linear(input[input.length - 1] as number, { bias: false }));

/** The layer for vectors [D], or for each step of sequences [T, D]. */
const onSteps = (input: Shape, layer: Layer): Layer => (input.length === 1 ? layer : eachStep(layer));

const PROJECTIONS = ["query", "key", "value", "output"] as const;

/**
 * Multi-head attention of rows to each other, with learned projections (Vaswani et al. 2017, section 3.2.2). Where an example is a
 * vector [D], all examples of the batch are one set, and each reads those of positive weight in proportion to their weights: with
 * weight 1 for a support set and 0 for queries, every row reads the support set alone. Where an example is a sequence [T, D], each reads
 * its own steps.
 */
export function selfAttention(options: SelfAttentionOptions = {}): Layer {
  requireOptions("selfAttention", options, ["heads", "causal"]);
  const { heads = 1, causal = false } = options;
  requireWhole("selfAttention: heads", heads, 1);
  requireBoolean("selfAttention: causal", causal);
  return {
    kind: "attention",
    description: `selfAttention(heads ${heads}${causal ? ", causal" : ""})`,
    outputShape(input) {
      const D = input[input.length - 1] as number;
      if (input.length !== 1 && input.length !== 2)
        throw new ShapeError(`selfAttention: an example must be [D] or [T,D], got ${showShape(input)}`);
      if (D % heads !== 0) throw wrong("selfAttention: heads", `a divisor of the width ${D}`, heads);
      if (causal && input.length === 1)
        throw new OptionError(
          "selfAttention: causal must be false for a set of vectors [D], got true; give sequences [T,D]",
        );
      return input;
    },
    parameters: (input) => PROJECTIONS.flatMap((name) => under(name, projection(input).parameters(input))),
    apply(scope, x) {
      const part = (name: (typeof PROJECTIONS)[number], y: Tensor) =>
        projection(x.shape.slice(1)).apply(scope.child(name), y);
      const weights = x.rank === 2 ? scope.pass.weight : causal ? causalWeights(x.shape[1] as number) : undefined;
      const read = attention(part("query", x), part("key", x), part("value", x), {
        heads,
        ...(weights === undefined ? {} : { weights }),
      });
      return part("output", read);
    },
  };
}

export interface TransformerBlockOptions extends SelfAttentionOptions {
  /** Units between the two linear layers; 4 times the width by default. */
  readonly hidden?: number;
  /** Part of the elements that is dropped before each addition, in training; 0 by default. */
  readonly dropout?: number;
  /** "layer" by default. */
  readonly norm?: "layer" | "rms";
}

/**
 * A transformer block: x + attention(norm(x)), then x + W2 relu(W1 norm(x)) (Vaswani et al. 2017, sections 3.1 and 3.3, normalised
 * before each part as Xiong et al. 2020 do). It reads sets of vectors and sequences as `selfAttention` does.
 */
export function transformerBlock(options: TransformerBlockOptions = {}): Layer {
  requireOptions("transformerBlock", options, ["heads", "causal", "hidden", "dropout", "norm"]);
  const { heads = 1, causal = false, hidden, dropout: rate = 0, norm = "layer" } = options;
  requireWhole("transformerBlock: heads", heads, 1);
  requireBoolean("transformerBlock: causal", causal);
  if (hidden !== undefined) requireWhole("transformerBlock: hidden", hidden, 1);
  requireNumber("transformerBlock: dropout", rate, { from: 0, below: 1 });
  requireOneOf("transformerBlock: norm", norm, ["layer", "rms"]);
  const normalise = norm === "layer" ? layerNorm() : rmsNorm();
  const drop: Record<string, Layer> = rate === 0 ? {} : { dropout: dropout(rate) };
  const read = residual(sequential({ norm: normalise, attention: selfAttention({ heads, causal }), ...drop }));
  const bodyOf = (input: Shape): Layer => {
    const D = input[input.length - 1] as number;
    const [inner, outer] = [linear(hidden ?? 4 * D), linear(D)].map((layer) => onSteps(input, layer)) as [Layer, Layer];
    const think = sequential({ norm: normalise, inner, activation: activation("relu"), outer, ...drop });
    return sequential({ read, think: residual(think) });
  };
  return {
    kind: "transformer",
    description: `transformerBlock(heads ${heads}${causal ? ", causal" : ""}, norm ${norm}, dropout ${rate})`,
    outputShape: (input) => bodyOf(read.outputShape(input)).outputShape(input),
    parameters: (input) => bodyOf(input).parameters(input),
    apply: (scope, x) => bodyOf(x.shape.slice(1)).apply(scope, x),
  };
}
