import { OptionError, ShapeError } from "../errors.ts";
import { divide, matmul, negate, oneHot, reshape, sum } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { squaredDistances } from "../nn/distances.ts";
import type { Model } from "../nn/model.ts";
import { describeModel, type Learner, modelTraits } from "./learner.ts";

/** Meta-parameters of the embedding live beside the prototypes in the adapted state. */
const PROTOTYPES = "prototypes";

/**
 * Prototypical Networks (Snell, Swersky and Zemel 2017): learns an embedding in which a class is the mean of its support
 * examples, and a query belongs to the nearest. Works for any number of classes, and for classes of unequal sizes.
 * @param embedding a model from examples to vectors [n, D]
 */
export function protoNet(embedding: Model): Learner {
  if (embedding.outputShape.length !== 1) {
    throw new ShapeError(`protoNet: the embedding must give vectors, got [${embedding.outputShape}]; flatten it`);
  }
  return {
    ...modelTraits(embedding),
    outputs: undefined,
    name: "protonet",
    description: `protoNet; ${describeModel(embedding)}`,
    init: (key) => embedding.init(key),

    adapt(phi, support, context) {
      if (context.spec.kind !== "classification") {
        throw new OptionError("protoNet: prototypes are means of classes; the task must be one of classification");
      }
      const z = embedding.apply(phi, support.x, context);
      const member = oneHot(support.y, context.spec.outputs);
      const sizes = reshape(sum(member, 0), [context.spec.outputs, 1]);
      // Equation 1: c_k = mean of f_phi(x_i) over the support examples of class k
      return { ...phi, [PROTOTYPES]: divide(matmul(member, z, { transposeA: true }), sizes) };
    },

    predict(state, x, context) {
      const z = embedding.apply(state, x, context);
      // Equation 2: p(y = k | x) is the softmax of -d(f_phi(x), c_k)
      return negate(squaredDistances(z, state[PROTOTYPES] as Tensor));
    },
  };
}
