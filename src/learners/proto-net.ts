import { constant, multiply, negate } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cosines, squaredDistances } from "../nn/distances.ts";
import type { Model } from "../nn/model.ts";
import { choice, describeOptions, type Given, number, readOptions } from "../options.ts";
import { belowSeen, classMeans, classSums, embed } from "./class-sums.ts";
import { describeModel, initModel, type Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { requireVector } from "./require.ts";

/** The option of learners that compare a query with class means. */
export const DISTANCE = choice("how far a query is from a prototype", ["euclidean", "cosine"], "euclidean");
const OPTIONS = {
  distance: DISTANCE,
  scale: number("start of a learned factor of the distances; 0: none; by default 10 for cosine, and none otherwise", {
    from: 0,
    default: undefined,
  }),
};
export type ProtoNetOptions = Given<typeof OPTIONS>;

const SCALE = "distance.scale";
/** Cosines alone span so little that no class of five could have a probability above 0.65. */
const COSINE_SCALE = 10;

/**
 * Prototypical Networks (Snell, Swersky and Zemel 2017): learns an embedding in which a class is the mean of its support
 * examples, and a query belongs to the nearest. Works for any number of classes, and for classes of unequal sizes. The state
 * is a sum and a count for each class. With `distance: "cosine"`, distances are minus the cosine times a learned scale
 * (Gidaris and Komodakis 2018, equation 4).
 * @param embedding a model from examples to vectors [n, D]
 */
export function protoNet(embedding: Model, options: ProtoNetOptions = {}): Learner {
  requireVector("protoNet: embedding", embedding);
  const settings = readOptions("protoNet", OPTIONS, options);
  const { distance, scale = distance === "cosine" ? COSINE_SCALE : 0 } = settings;
  return {
    ...classSums(embedding),
    name: "protonet",
    description: `protoNet${describeOptions(OPTIONS, settings)}; ${describeModel(embedding)}`,

    init(key) {
      const { learned, carried } = initModel(embedding, key);
      return { learned: { ...learned, ...(scale > 0 ? { [SCALE]: constant(scale) } : {}) }, carried };
    },

    predict(phi, state, inputs, context) {
      const { z } = embed(embedding, phi, state, inputs, context);
      // Equation 1: c_k = mean of f_phi(x_i) over the support examples of class k
      const { means, seen } = classMeans(state);
      // Equation 2: p(y = k | x) is the softmax of -d(f_phi(x), c_k)
      const nearness = distance === "cosine" ? cosines(z, means) : negate(squaredDistances(z, means, seen));
      const logits = scale > 0 ? multiply(nearness, phi[SCALE] as Tensor) : nearness;
      return { logits: belowSeen(logits, seen) };
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
