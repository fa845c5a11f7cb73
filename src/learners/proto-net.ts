import { wrong } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  add,
  divide,
  greater,
  matmul,
  max,
  multiply,
  negate,
  oneHot,
  reshape,
  select,
  stopGradient,
  sum,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { squaredDistances } from "../nn/distances.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import { type Given, readOptions } from "../options.ts";
import { type Context, describeModel, initModel, type Learner, modelTraits, passOf } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";

const OPTIONS = {};
const STATISTICS = "statistics.";
/** How far the logit of a class without examples is below the least of the others in its row. */
const UNSEEN_MARGIN = 10;

/**
 * Prototypical Networks (Snell, Swersky and Zemel 2017): learns an embedding in which a class is the mean of its support
 * examples, and a query belongs to the nearest. Works for any number of classes, and for classes of unequal sizes. The state
 * is a sum and a count for each class.
 * @param embedding a model from examples to vectors [n, D]
 */
export function protoNet(embedding: Model, options: Given<typeof OPTIONS> = {}): Learner {
  requireModel("protoNet: embedding", embedding);
  readOptions("protoNet", OPTIONS, options);
  const [D] = embedding.outputShape;
  if (D === undefined || embedding.outputShape.length !== 1) {
    throw wrong(
      "protoNet: embedding",
      "a model that gives a vector for an example",
      embedding.outputShape,
      "flatten it",
    );
  }
  const embed = (phi: Tensors, state: Tensors, examples: Tensors, context: Context) =>
    embedding.apply(phi, examples, passOf(context, examples, unprefixed(STATISTICS, state)));
  return {
    ...modelTraits(embedding),
    width: undefined,
    classes: true,
    // Embeddings normalised with other statistics are not those of the whole support set.
    observing: embedding.batchNorm === "none" || embedding.batchNorm === "running" ? "exact" : "continues",
    ordered: false,
    name: "protonet",
    description: `protoNet; ${describeModel(embedding)}`,
    init: (key) => initModel(embedding, key),

    start(phi, { spec }) {
      const ways = spec.objective.outputs;
      const statistics = embedding.startingStatistics(phi);
      return { sums: zeros([ways, D]), counts: zeros([ways, 1]), ...prefixed(STATISTICS, statistics) };
    },

    observe(phi, state, examples, context) {
      const ways = context.spec.objective.outputs;
      const { output, statistics, carried } = embed(phi, state, examples, context);
      const n = output.shape[0] as number;
      // Row i has its weight at its class: S_k of equation 1.
      const member = multiply(oneHot(examples.y as Tensor, ways), reshape(examples.weight as Tensor, [n, 1]));
      const sums = add(state.sums as Tensor, matmul(member, output, { transposeA: true }));
      const counts = add(state.counts as Tensor, reshape(sum(member, 0), [ways, 1]));
      return { state: { sums, counts, ...prefixed(STATISTICS, statistics) }, carried };
    },

    predict(phi, { sums, counts, ...state }, inputs, context) {
      const ways = context.spec.objective.outputs;
      const z = embed(phi, state, inputs, context).output;
      // Equation 1: c_k = mean of f_phi(x_i) over the support examples of class k
      const some = greater(counts as Tensor, 0);
      const prototypes = divide(sums as Tensor, select(some, counts as Tensor, 1));
      // Equation 2: p(y = k | x) is the softmax of -d(f_phi(x), c_k)
      const distances = squaredDistances(z, prototypes, reshape(some, [ways]));
      // A class without examples is never the likeliest, and its loss stays finite and of the others' scale.
      const seen = reshape(some, [1, ways]);
      const farthest = max(select(seen, distances, 0), 1, { keepAxes: true });
      return { logits: negate(select(seen, distances, stopGradient(add(farthest, UNSEEN_MARGIN)))) };
    },
  };
}

export const protoNetRecord: LearnerRecord<typeof OPTIONS> = {
  name: "protonet",
  paper: "Snell, Swersky and Zemel 2017",
  summary: "an embedding in which a class is the mean of its examples",
  options: OPTIONS,
  model: "embedding",
  objectives: ["classification"],
  make: protoNet,
  settings: {
    // Section 3.1: 60-way episodes with 5 queries of a class, Adam at 1e-3 halved every 2,000.
    omniglot: { task: { ways: 60 }, run: { metaBatch: 1, halveEvery: 2000 } },
  },
};
