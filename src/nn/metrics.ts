/** Measures of predictions, on the host and in f64. Outputs are row-major, one row per example. */
import { requireNumbers, requireWhole, wrong } from "../arguments.ts";
import { ShapeError } from "../errors.ts";

type Arrays = Readonly<Record<string, Float32Array>>;

/** Index of the largest value of each row of [n, classes]; the first of equals, -1 where that is not finite or the row has a NaN. */
export function argmaxRows(values: Float32Array, classes: number): Int32Array {
  requireNumbers("argmaxRows: values", values);
  requireWhole("argmaxRows: classes", classes, 1);
  if (values.length % classes !== 0) {
    throw new ShapeError(`argmaxRows: values must be rows of ${classes} numbers, got ${values.length} numbers`);
  }
  return largest(values, classes);
}

function largest(values: Float32Array, classes: number): Int32Array {
  const result = new Int32Array(values.length / classes);
  for (let row = 0; row < result.length; row++) {
    let best = -1;
    let top = Number.NEGATIVE_INFINITY;
    for (let column = 0; column < classes; column++) {
      const value = values[row * classes + column] as number;
      if (value > top) [best, top] = [column, value];
      else if (Number.isNaN(value)) top = Number.NaN;
    }
    result[row] = Number.isFinite(top) ? best : -1;
  }
  return result;
}

/** Part of the rows of logits [n, classes] whose largest value is at the label; a row without a prediction is wrong. */
export function accuracy(logits: Float32Array, labels: Float32Array, weight?: Float32Array): number {
  requireNumbers("accuracy: logits", logits);
  requireNumbers("accuracy: labels", labels);
  const classes = logits.length / labels.length;
  if (!Number.isInteger(classes)) {
    throw new ShapeError(
      `accuracy: logits must be a row for each of ${labels.length} labels, got ${logits.length} numbers`,
    );
  }
  if (weight !== undefined && requireNumbers("accuracy: weight", weight).length !== labels.length) {
    throw new ShapeError(`accuracy: weight must have ${labels.length} numbers, got ${weight.length}`);
  }
  const predicted = largest(logits, classes);
  return averageRows(labels.length, weight, (i) => (predicted[i] === labels[i] ? 1 : 0));
}

/** `accuracy` of the columns of an objective. */
export function accuracyOf({ logits }: Arrays, { y, weight }: Arrays): number {
  return accuracy(logits as Float32Array, y as Float32Array, weight);
}

/** Mean of squared differences of the outputs `mean` [n, outputs] and the targets. */
export function meanSquaredDifference({ mean }: Arrays, { y, weight }: Arrays): number {
  const [predictions, targets] = [mean as Float32Array, y as Float32Array];
  return averageRows(targets.length, spread(weight, targets.length), (i) => {
    const difference = (predictions[i] as number) - (targets[i] as number);
    return difference * difference;
  });
}

/** Mean log density of the targets under normal distributions, per number. */
export function gaussianLogDensity({ mean, deviation }: Arrays, { y, weight }: Arrays): number {
  const [centre, width, targets] = [mean as Float32Array, deviation as Float32Array, y as Float32Array];
  return averageRows(targets.length, spread(weight, targets.length), (i) => {
    const z = ((targets[i] as number) - (centre[i] as number)) / (width[i] as number);
    return -0.5 * (z * z + Math.log(2 * Math.PI)) - Math.log(width[i] as number);
  });
}

/**
 * Macro F1 of the labels whose logit is above 0: the mean over labels of 2 hits / (true + predicted). Labels that no example has
 * or is predicted to have are left out; where none is left, nothing was missed: 1.
 */
export function macroF1Of(labels: number) {
  return ({ logits }: Arrays, { y, weight }: Arrays): number => {
    const [predictions, targets] = [logits as Float32Array, y as Float32Array];
    const [hits, named] = [new Float64Array(labels), new Float64Array(labels)];
    for (let i = 0; i < targets.length; i++) {
      const share = weight?.[Math.floor(i / labels)] ?? 1;
      const [predicted, target] = [(predictions[i] as number) > 0 ? share : 0, share * (targets[i] as number)];
      const label = i % labels;
      if (predicted > 0) hits[label] = (hits[label] as number) + target;
      named[label] = (named[label] as number) + predicted + target;
    }
    let [total, counted] = [0, 0];
    for (let label = 0; label < labels; label++) {
      if (named[label] === 0) continue;
      total += (2 * (hits[label] as number)) / (named[label] as number);
      counted++;
    }
    return counted === 0 ? 1 : total / counted;
  };
}

/** Mean distance from the level `y` [n, 1] of the number of logits [n, thresholds] above 0. */
export function levelError({ logits }: Arrays, { y, weight }: Arrays): number {
  const [passed, levels] = [logits as Float32Array, y as Float32Array];
  const thresholds = passed.length / levels.length;
  return averageRows(levels.length, weight, (i) => {
    let level = 0;
    for (let k = 0; k < thresholds; k++) {
      const logit = passed[i * thresholds + k] as number;
      level += Number.isNaN(logit) ? Number.NaN : logit > 0 ? 1 : 0;
    }
    return Math.abs(level - (levels[i] as number));
  });
}

/**
 * Area under the receiver operating characteristic curve: the share of pairs of a positive and a negative example in which the
 * positive one has the higher score; equal scores count half. It is the statistic of Mann and Whitney, from ranks.
 * @param labels 1 for positive examples, 0 for negative ones
 * @returns NaN unless there are examples of both kinds
 */
export function areaUnderCurve(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  requireNumbers("areaUnderCurve: scores", scores);
  requireNumbers("areaUnderCurve: labels", labels);
  const n = scores.length;
  if (labels.length !== n) {
    throw new ShapeError(`areaUnderCurve: labels must be a number for each of ${n} scores, got ${labels.length}`);
  }
  const odd = Array.from(labels).find((label) => label !== 0 && label !== 1);
  if (odd !== undefined) throw wrong("areaUnderCurve: labels", "0 or 1", odd);
  if (Array.from(scores).some(Number.isNaN)) return Number.NaN;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) =>
    compare(scores[a] as number, scores[b] as number),
  );
  let [positives, ranks] = [0, 0];
  for (let from = 0, to = 0; from < n; from = to) {
    while (to < n && scores[order[to] as number] === scores[order[from] as number]) to++;
    // Equal scores share the mean of the ranks from + 1 to `to`.
    for (let i = from; i < to; i++) {
      if (labels[order[i] as number] === 0) continue;
      ranks += (from + 1 + to) / 2;
      positives++;
    }
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (n - positives));
}

/** Order of numbers, infinities among them: their difference would be NaN. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Half the width of 95 % of a normal distribution, in deviations. */
const BAND = 1.96;

/** Part of the targets that lie within the 95 % band of the prediction, `mean` +- 1.96 `deviation`. */
export function withinBand({ mean, deviation }: Arrays, { y, weight }: Arrays): number {
  const [centre, width, targets] = [mean as Float32Array, deviation as Float32Array, y as Float32Array];
  return averageRows(targets.length, spread(weight, targets.length), (i) =>
    Math.abs((targets[i] as number) - (centre[i] as number)) <= BAND * (width[i] as number) ? 1 : 0,
  );
}

/** The weight of each number, where examples have several. */
function spread(weight: Float32Array | undefined, numbers: number): Float32Array | undefined {
  if (weight === undefined || weight.length === numbers) return weight;
  const each = numbers / weight.length;
  return Float32Array.from({ length: numbers }, (_, i) => weight[Math.floor(i / each)] as number);
}

/** Weighted mean over what has a weight above 0; NaN where nothing has. */
function averageRows(count: number, weight: Float32Array | undefined, of: (i: number) => number): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < count; i++) {
    const share = weight === undefined ? 1 : (weight[i] as number);
    if (share === 0) continue;
    sum += share * of(i);
    total += share;
  }
  return sum / total;
}

/** Quantiles 0.975 of Student's t distribution for 1 to 30 degrees of freedom. */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
] as const;

/** The quantile 0.975 of Student's t distribution; beyond the table by Cornish and Fisher's expansion around the normal one. */
export const studentQuantile = (degrees: number): number =>
  STUDENT[degrees - 1] ?? BAND + 2.372 / degrees + 2.823 / degrees ** 2;

/** Mean, and half the width of its 95 % interval under the normal approximation (NaN for a single value). */
export function meanAndInterval(values: ArrayLike<number>): { mean: number; ci95: number } {
  const n = requireNumbers("meanAndInterval: values", values).length;
  const list = Array.from(values);
  const mean = list.reduce((total, value) => total + value, 0) / n;
  const variance = list.reduce((total, value) => total + (value - mean) * (value - mean), 0) / (n - 1);
  return { mean, ci95: BAND * Math.sqrt(variance / n) };
}

/** The middle and the worst of the values of a metric; what is not finite is worse than all others. */
export function medianAndWorst(
  values: ArrayLike<number>,
  better: "higher" | "lower",
): { median: number; worst: number } {
  const sign = better === "higher" ? -1 : 1;
  const costs = Float64Array.from(values, (value) =>
    Number.isFinite(value) ? sign * value : Number.POSITIVE_INFINITY,
  );
  return { median: sign * median(costs), worst: sign * costs.reduce((a, b) => Math.max(a, b)) };
}

/** The middle value, or the mean of the two in the middle; infinities are values, a NaN counts as the largest. */
export function median(values: ArrayLike<number>): number {
  requireNumbers("median: values", values);
  const sorted = Float64Array.from(values, (value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)).sort();
  const half = sorted.length >> 1;
  const [lower, upper] = [sorted[half - 1] ?? Number.NaN, sorted[half] ?? Number.NaN];
  return sorted.length % 2 === 1 || lower === upper ? upper : (lower + upper) / 2;
}

/** The mean of a number of each item, by the items' weights; NaN where they add up to nothing. */
export function weightedMean<T extends { readonly weight: number }>(
  items: readonly T[],
  of: (item: T) => number,
): number {
  let [sum, total] = [0, 0];
  for (const item of items) {
    if (item.weight === 0) continue;
    sum += item.weight * of(item);
    total += item.weight;
  }
  return sum / total;
}
