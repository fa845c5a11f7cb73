/**
 * What happens around training and evaluation: results in detail, comparisons, settings that go on over time, and explanations: the entry
 * `quickstudy/analysis`. It runs wherever `quickstudy` does.
 */
export { type TraceAdaptationOptions, type TraceStep, traceAdaptation } from "./analysis/adaptation-trace.ts";
export {
  type ContinualOptions,
  type ContinualResult,
  type ContinualTask,
  runContinual,
} from "./analysis/continual.ts";
export {
  type CrossValidated,
  type CrossValidateOptions,
  crossValidate,
  type Fold,
  type FoldResult,
  type Split,
} from "./analysis/cross-validate.ts";
export { type ExplainOptions, type Explanation, explain } from "./analysis/explain.ts";
export { type Curve, drawLines, type LineChart } from "./analysis/line-chart.ts";
export {
  continuing,
  frozen,
  type OnlineLearner,
  type OnlineOptions,
  type OnlineResult,
  type OnlineUse,
  type ReadaptingUse,
  readapting,
  runOnline,
} from "./analysis/online.ts";
export { comparePaired, type Paired } from "./analysis/paired.ts";
export {
  type DrawConfusionOptions,
  type DrawInfluenceOptions,
  drawCalibration,
  drawConfusion,
  drawInfluence,
  drawTrace,
} from "./analysis/pictures.ts";
export {
  type BandResults,
  bandResults,
  type Calibration,
  type CalibrationBin,
  type ClassResults,
  type ClassResultsOptions,
  classResults,
} from "./analysis/results.ts";
export { areaUnderCurve } from "./nn/metrics.ts";
