import { ShapeError } from "../errors.ts";
import { logSoftmax, mean, multiply, negate, oneHot, square, subtract, sum } from "../graph/operators/index.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

/** How far predictions are from targets: a scalar, the mean over examples. */
export type Loss = (predictions: Tensor, targets: Tensor) => Tensor;

/**
 * Cross entropy of softmax: -mean log p(label).
 * @param logits [n, classes]
 * @param labels class indices [n]
 */
export const crossEntropy: Loss = (logits, labels) => {
  if (logits.rank !== 2 || labels.rank !== 1 || logits.shape[0] !== labels.shape[0]) {
    throw new ShapeError(
      `crossEntropy: logits must be [n,classes] and labels [n], got ${showShape(logits.shape)} and ${showShape(labels.shape)}`,
    );
  }
  const [n, classes] = logits.shape as [number, number];
  return negate(multiply(sum(multiply(oneHot(labels, classes), logSoftmax(logits))), 1 / n));
};

/** Mean of squared differences over all elements. */
export const meanSquaredError: Loss = (predictions, targets) => {
  if (!sameShape(predictions.shape, targets.shape)) {
    throw new ShapeError(
      `meanSquaredError: shapes must be equal, got ${showShape(predictions.shape)} and ${showShape(targets.shape)}`,
    );
  }
  return mean(square(subtract(predictions, targets)));
};
