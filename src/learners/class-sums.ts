/** Class means of embeddings, as sums and counts: the state of learners that compare a query with one value per class. */
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
  subtract,
  sum,
  zeros,
} from "../graph/operators/index.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import { type Context, type Learner, modelTraits, passOf } from "./learner.ts";

const STATISTICS = "statistics.";
/** How far the logit of a class without examples is below the least of the others in its row. */
const UNSEEN_MARGIN = 10;

/** What learners have in common that keep embeddings of the support set. */
export function embeddingTraits(embedding: Model) {
  return { ...modelTraits(embedding), width: undefined, classes: true, ordered: false } as const;
}

/** Whether embeddings of some examples do not depend on which others are observed with them. */
export const embedsAlone = ({ batchNorm }: Model): boolean => batchNorm === "none" || batchNorm === "running";

/** Embeddings of some examples, as they are among those that the state's statistics were measured on. */
export function embed(embedding: Model, phi: Tensors, state: Tensors, examples: Tensors, context: Context) {
  const pass = passOf(context, examples, unprefixed(STATISTICS, state));
  const { output, statistics, carried } = embedding.apply(phi, examples, pass);
  return { z: output, statistics: prefixed(STATISTICS, statistics), carried };
}

/** The statistics of a task before any example, as part of a state. */
export const startingStatistics = (embedding: Model, phi: Tensors): Tensors =>
  prefixed(STATISTICS, embedding.startingStatistics(phi));

/** The parts of a learner whose state is the sum and the count of each class's embeddings. */
export function classSums(embedding: Model): Omit<Learner, "name" | "description" | "init" | "predict"> {
  const size = sizeOf(embedding.outputShape);
  return {
    ...embeddingTraits(embedding),
    // Embeddings normalised with other statistics are not those of the whole support set.
    observing: embedsAlone(embedding) ? "exact" : "continues",

    start(phi, { spec }) {
      const ways = spec.objective.outputs;
      return { sums: zeros([ways, size]), counts: zeros([ways, 1]), ...startingStatistics(embedding, phi) };
    },

    observe(phi, state, examples, context) {
      const ways = context.spec.objective.outputs;
      const { z, statistics, carried } = embed(embedding, phi, state, examples, context);
      const n = z.shape[0] as number;
      // Row i has its weight at its class.
      const member = multiply(oneHot(examples.y as Tensor, ways), reshape(examples.weight as Tensor, [n, 1]));
      const sums = add(state.sums as Tensor, matmul(member, reshape(z, [n, size]), { transposeA: true }));
      const counts = add(state.counts as Tensor, reshape(sum(member, 0), [ways, 1]));
      return { state: { sums, counts, ...statistics }, carried };
    },
  };
}

/** The mean embedding [ways, D] of each class, and which classes have examples: 0 or 1, [ways]. */
export function classMeans({ sums, counts }: Tensors): { readonly means: Tensor; readonly seen: Tensor } {
  const some = greater(counts as Tensor, 0);
  const means = divide(sums as Tensor, select(some, counts as Tensor, 1));
  return { means, seen: reshape(some, [some.size]) };
}

/**
 * Logits [n, ways] in which a class without examples is never the likeliest, while its loss stays finite and of the others' scale.
 * @param seen [ways]: 1 for classes with examples, 0 for the others
 */
export function belowSeen(logits: Tensor, seen: Tensor): Tensor {
  const present = reshape(seen, [1, seen.size]);
  const lowest = negate(max(select(present, negate(logits), 0), 1, { keepAxes: true }));
  return select(present, logits, stopGradient(subtract(lowest, UNSEEN_MARGIN)));
}
