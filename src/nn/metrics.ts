/** Index of the largest value of each row of [n, classes]; the first of equals. */
export function argmaxRows(values: Float32Array, classes: number): Int32Array {
  const result = new Int32Array(values.length / classes);
  for (let row = 0; row < result.length; row++) {
    let best = 0;
    for (let column = 1; column < classes; column++) {
      if ((values[row * classes + column] as number) > (values[row * classes + best] as number)) best = column;
    }
    result[row] = best;
  }
  return result;
}

/** Part of the rows of logits [n, classes] whose largest value is at the label. */
export function accuracy(logits: Float32Array, labels: Float32Array): number {
  const predicted = argmaxRows(logits, logits.length / labels.length);
  return labels.reduce((right, label, i) => right + (predicted[i] === label ? 1 : 0), 0) / labels.length;
}

/** Mean of squared differences, in f64. */
export function meanSquaredDifference(predictions: Float32Array, targets: Float32Array): number {
  let total = 0;
  for (const [i, target] of targets.entries()) {
    const difference = (predictions[i] as number) - target;
    total += difference * difference;
  }
  return total / targets.length;
}

/** Mean, and half the width of its 95 % interval under the normal approximation (NaN for a single value). */
export function meanAndInterval(values: ArrayLike<number>): { mean: number; ci95: number } {
  const n = values.length;
  const list = Array.from(values);
  const mean = list.reduce((total, value) => total + value, 0) / n;
  const variance = list.reduce((total, value) => total + (value - mean) * (value - mean), 0) / (n - 1);
  return { mean, ci95: 1.96 * Math.sqrt(variance / n) };
}
