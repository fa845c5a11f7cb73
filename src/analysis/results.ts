/** What an evaluation says beyond one number. Mathematics of the host: nothing of this feeds training. */
import { requireObject, requireOptions, requireWhole, wrong } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import { argmaxRows, gaussianLogDensity, weightedMean } from "../nn/metrics.ts";
import type { EpisodeSource } from "../tasks/episodes.ts";
import type { EpisodeResult, Report } from "../train/evaluate.ts";

/** Predictions whose confidence lies in one range. */
export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  /** Predictions, by weight. */
  readonly count: number;
  /** Mean probability of the predicted class. */
  readonly confidence: number;
  /** Part that is right. */
  readonly accuracy: number;
}

/** How far probabilities can be believed. */
export interface Calibration {
  readonly bins: readonly CalibrationBin[];
  /**
   * Expected calibration error (Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning"): the mean
   * over predictions of |accuracy - confidence| of their bin.
   */
  readonly expectedError: number;
}

/** What `classResults` finds. */
export interface ClassResults {
  /** Names of classes, or their labels where they have none. */
  readonly names: readonly string[];
  /** Row: the class, column: the prediction; sums of weights. */
  readonly confusion: readonly Float64Array[];
  /** Of each class: the part that is predicted as it; NaN for a class without queries. */
  readonly accuracies: readonly number[];
  /** Mean log probability of the right class. */
  readonly logLikelihood: number;
  readonly calibration: Calibration;
}

export interface ClassResultsOptions {
  /** The source that was evaluated: classes are then those of its data set, and not the labels of an episode. */
  readonly tasks?: EpisodeSource;
  /** Bins of the calibration; 10 by default. */
  readonly bins?: number;
}

/**
 * Confusion matrix, accuracy of each class, log likelihood and calibration of a report with `details`.
 * @throws OptionError for a report without them, or of something else than classes
 */
export function classResults(report: Report, options: ClassResultsOptions = {}): ClassResults {
  const results = resultsOf("classResults", report);
  requireOptions("classResults", options, ["tasks", "bins"]);
  const { tasks, bins = 10 } = options;
  requireWhole("classResults: bins", bins, 1, 1000);
  if (tasks !== undefined) {
    const rule = "the EpisodeSource that was evaluated";
    requireObject("classResults: tasks", tasks, rule, ["classesOf()", "dataset", "fingerprint"]);
    if (tasks.fingerprint !== report.fingerprint) {
      throw new OptionError(
        `classResults: tasks must be those of the report (${report.fingerprint}), got ${tasks.fingerprint}`,
      );
    }
  }
  const queries = results.flatMap((each) => classQueries(each, tasks?.classesOf(each.key)));
  const count =
    tasks?.dataset.classes.length ??
    queries.reduce((most, { label, predicted }) => Math.max(most, label, predicted), 0) + 1;
  const names = tasks?.dataset.classes.map(({ name }) => name) ?? Array.from({ length: count }, (_, i) => `${i}`);
  const confusion = names.map(() => new Float64Array(count));
  for (const { label, predicted, weight } of queries) {
    const row = confusion[label] as Float64Array;
    if (predicted >= 0) row[predicted] = (row[predicted] as number) + weight;
  }
  const totals = new Float64Array(count);
  for (const { label, weight } of queries) totals[label] = (totals[label] as number) + weight;
  return {
    names,
    confusion,
    accuracies: names.map((_, i) => (confusion[i]?.[i] as number) / (totals[i] as number)),
    logLikelihood: weightedMean(queries, ({ logProbability }) => logProbability),
    calibration: calibrationOf(queries, bins),
  };
}

/** @throws OptionError unless the report has the predictions of its episodes */
export function resultsOf(what: string, report: Report): readonly EpisodeResult[] {
  requireObject(`${what}: report`, report, "a report, as evaluate gives it", ["metric", "fingerprint"]);
  if (report.results === undefined) {
    throw wrong(`${what}: report`, "one with details", report, "evaluate with { details: true }");
  }
  return report.results;
}

interface ClassQuery {
  readonly label: number;
  /** -1 where the prediction is not finite. */
  readonly predicted: number;
  readonly weight: number;
  readonly confidence: number;
  readonly logProbability: number;
  readonly right: boolean;
}

/** @param classes of the data set, by label */
function classQueries({ predictions }: EpisodeResult, classes: readonly number[] | undefined): ClassQuery[] {
  const nameOf = (label: number): number => (label < 0 ? label : (classes?.[label] ?? label));
  return predictions.flatMap(({ outputs: { logits }, examples: { y, weight } }) => {
    if (logits === undefined || y === undefined) {
      throw new OptionError("classResults: the report must be of classes, got other predictions");
    }
    const ways = logits.length / y.length;
    const predicted = argmaxRows(logits, ways);
    return Array.from(y, (label, row) => {
      const chances = logSoftmax(logits.subarray(row * ways, (row + 1) * ways));
      const best = predicted[row] as number;
      return {
        label: nameOf(label),
        predicted: nameOf(best),
        weight: weight?.[row] ?? 1,
        confidence: best < 0 ? 0 : Math.exp(chances[best] as number),
        logProbability: chances[label] as number,
        right: best === label,
      };
    }).filter((query) => query.weight > 0);
  });
}

function logSoftmax(logits: Float32Array): Float64Array {
  const top = logits.reduce((a, b) => Math.max(a, b));
  const total = logits.reduce((sum, each) => sum + Math.exp(each - top), 0);
  return Float64Array.from(logits, (each) => each - top - Math.log(total));
}

function calibrationOf(queries: readonly ClassQuery[], count: number): Calibration {
  const sorted: ClassQuery[][] = Array.from({ length: count }, () => []);
  for (const query of queries) sorted[Math.min(count - 1, Math.floor(query.confidence * count))]?.push(query);
  const bins = sorted.map((bin, i) => ({
    from: i / count,
    to: (i + 1) / count,
    count: bin.reduce((sum, { weight }) => sum + weight, 0),
    confidence: weightedMean(bin, ({ confidence }) => confidence),
    accuracy: weightedMean(bin, ({ right }) => (right ? 1 : 0)),
  }));
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  const expectedError = bins.reduce(
    (sum, { count: n, confidence, accuracy }) => (n === 0 ? sum : sum + (n / total) * Math.abs(accuracy - confidence)),
    0,
  );
  return { bins, expectedError };
}

/** Central bands of a normal distribution, and their half widths in deviations. */
const BANDS = [
  [0.5, 0.6744897501960817],
  [0.8, 1.2815515655446004],
  [0.9, 1.6448536269514722],
  [0.95, 1.959963984540054],
  [0.99, 2.5758293035489004],
] as const;

/** What `bandResults` finds. */
export interface BandResults {
  /** For central bands of 50 to 99 %: the part of the targets within them. */
  readonly bands: readonly { readonly band: number; readonly held: number }[];
  /** Mean log density of the targets, per number. */
  readonly logLikelihood: number;
}

/**
 * How many targets the predicted bands of a report with `details` hold, and their log likelihood.
 * @throws OptionError for a report without details, or of predictions without a deviation
 */
export function bandResults(report: Report): BandResults {
  const parts = resultsOf("bandResults", report).flatMap(({ predictions }) => predictions);
  const numbers = parts.flatMap(({ outputs, examples }) => {
    const { mean, deviation } = outputs;
    const { y, weight } = examples;
    if (mean === undefined || deviation === undefined || y === undefined || weight?.length === 0) {
      throw new OptionError("bandResults: the report must be of means and deviations, got other predictions");
    }
    const width = y.length / (weight?.length ?? y.length);
    return Array.from(y, (target, i) => ({
      distance: Math.abs(target - (mean[i] as number)) / (deviation[i] as number),
      weight: weight?.[Math.floor(i / width)] ?? 1,
    }));
  });
  return {
    bands: BANDS.map(([band, width]) => ({
      band,
      held: weightedMean(numbers, ({ distance }) => (distance <= width ? 1 : 0)),
    })),
    logLikelihood: weightedMean(
      parts.map(({ outputs, examples }) => ({
        value: gaussianLogDensity(outputs, examples),
        weight: totalWeight(examples),
      })),
      ({ value }) => value,
    ),
  };
}

const totalWeight = ({ y, weight }: Readonly<Record<string, Float32Array>>): number =>
  weight === undefined ? (y?.length ?? 0) : weight.reduce((sum, each) => sum + each, 0);
