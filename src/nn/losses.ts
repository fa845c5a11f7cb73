import { requireObject } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import {
  add,
  divide,
  log,
  logSoftmax,
  mean,
  multiply,
  negate,
  oneHot,
  select,
  softplus,
  square,
  subtract,
  sum,
} from "../graph/operators/index.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { nonzero, perRow } from "./moments.ts";

/**
 * How far predictions are from targets: a scalar, the mean over examples.
 *
 * With weights [n] it is sum(w_i loss_i) / sum(w_i), and 0 where all weights are 0. An example of weight 0 (padding) contributes exactly
 * nothing to the value and to the derivatives with respect to predictions and targets, even where its own are infinite or NaN; the
 * derivative with respect to that weight is then the influence of an example whose predictions are 0.
 */
export type Loss = (predictions: Tensor, targets: Tensor, weights?: Tensor) => Tensor;

/** The weights, where there are any. */
const given = (weights: Tensor | undefined): readonly Tensor[] => (weights === undefined ? [] : [weights]);

/** The weights, unless they are known to be all 1. */
function uneven(weights: Tensor | undefined): Tensor | undefined {
  return weights === undefined || constantValue(weights) === 1 ? undefined : weights;
}

/** `x` [n, ...] with `filling` in the rows of weight 0, so that nothing they hold reaches the loss or comes back as a derivative. */
function withoutPadding(what: string, x: Tensor, weights: Tensor | undefined, filling = 0): Tensor {
  return weights === undefined ? x : select(perRow(what, x, weights), x, filling);
}

/** sum(w_i x_ij) / (sum(w_i) J) of x [n, ...] with J elements in a row. */
function weightedMean(what: string, x: Tensor, weights: Tensor): Tensor {
  const total = multiply(nonzero(sum(weights)), x.size / (x.shape[0] as number));
  return divide(sum(multiply(x, perRow(what, x, weights))), total);
}

/**
 * Cross entropy of softmax: -mean log p(label). A logit of -infinity masks its class: it has probability 0 and derivative 0, and only
 * an example with its label gets an infinite loss.
 * @param logits [n, classes]
 * @param labels class indices [n]
 * @param weights [n], see `Loss`
 */
export const crossEntropy: Loss = (logits, labels, weights) => {
  requireTensors("crossEntropy", logits, labels, ...given(weights));
  if (logits.rank !== 2 || labels.rank !== 1 || logits.shape[0] !== labels.shape[0]) {
    throw new ShapeError(
      `crossEntropy: logits must be [n,classes] and labels [n], got ${showShape(logits.shape)} and ${showShape(labels.shape)}`,
    );
  }
  const [n, classes] = logits.shape as [number, number];
  if (weights !== undefined) perRow("crossEntropy", logits, weights);
  const counted = uneven(weights);
  const logProbabilities = logSoftmax(withoutPadding("crossEntropy", logits, counted));
  // Chosen, not multiplied by 0 and 1: the logarithm of a masked class is -infinity.
  const chosen = select(oneHot(labels, classes), logProbabilities, 0);
  if (counted === undefined) return negate(multiply(sum(chosen), 1 / n));
  return negate(weightedMean("crossEntropy", sum(chosen, 1), counted));
};

/**
 * Mean of squared differences over all elements.
 * @param predictions [n, ...]
 * @param targets of the same shape
 * @param weights [n], see `Loss`
 */
export const meanSquaredError: Loss = (predictions, targets, weights) => {
  requireTensors("meanSquaredError", predictions, targets, ...given(weights));
  checkTargets("meanSquaredError", predictions, targets);
  if (weights !== undefined) perRow("meanSquaredError", predictions, weights);
  const counted = uneven(weights);
  const squares = square(withoutPadding("meanSquaredError", subtract(predictions, targets), counted));
  return counted === undefined ? mean(squares) : weightedMean("meanSquaredError", squares, counted);
};

/**
 * Mean over all elements of the cross entropy of a sigmoid: softplus(z) - t z.
 * @param logits z [n, ...]
 * @param targets t, of the same shape: 1 or 0, or a probability
 * @param weights [n], see `Loss`
 */
export const binaryCrossEntropy: Loss = (logits, targets, weights) => {
  requireTensors("binaryCrossEntropy", logits, targets, ...given(weights));
  checkTargets("binaryCrossEntropy", logits, targets);
  if (weights !== undefined) perRow("binaryCrossEntropy", logits, weights);
  const counted = uneven(weights);
  const z = withoutPadding("binaryCrossEntropy", logits, counted);
  const losses = subtract(softplus(z), multiply(withoutPadding("binaryCrossEntropy", targets, counted), z));
  return counted === undefined ? mean(losses) : weightedMean("binaryCrossEntropy", losses, counted);
};

/** A prediction with its uncertainty: the mean and the standard deviation (above 0) of a normal distribution for every target number. */
export interface GaussianPrediction {
  readonly mean: Tensor;
  readonly deviation: Tensor;
}

/**
 * Mean over all target numbers of the negative logarithm of their density: log s + ((t - m) / s)^2 / 2 + log(2 pi) / 2.
 * @param prediction means m and deviations s, [n, ...]
 * @param targets t, of the same shape
 * @param weights [n], see `Loss`
 */
export function gaussianLogLoss(prediction: GaussianPrediction, targets: Tensor, weights?: Tensor): Tensor {
  requireObject("gaussianLogLoss: prediction", prediction, "an object { mean, deviation }", ["mean", "deviation"]);
  requireTensors("gaussianLogLoss", prediction.mean, prediction.deviation, targets, ...given(weights));
  checkTargets("gaussianLogLoss", prediction.mean, targets);
  checkTargets("gaussianLogLoss", prediction.deviation, targets);
  if (weights !== undefined) perRow("gaussianLogLoss", targets, weights);
  const counted = uneven(weights);
  const distance = withoutPadding("gaussianLogLoss", subtract(targets, prediction.mean), counted);
  const deviation = withoutPadding("gaussianLogLoss", prediction.deviation, counted, 1);
  const losses = add(add(log(deviation), multiply(square(divide(distance, deviation)), 0.5)), HALF_LOG_TWO_PI);
  return counted === undefined ? mean(losses) : weightedMean("gaussianLogLoss", losses, counted);
}

const HALF_LOG_TWO_PI = 0.9189385332046727;

function checkTargets(what: string, predictions: Tensor, targets: Tensor): void {
  if (sameShape(predictions.shape, targets.shape)) return;
  throw new ShapeError(
    `${what}: shapes must be equal, got ${showShape(predictions.shape)} and ${showShape(targets.shape)}`,
  );
}
