/** quickstudy: meta-learning that runs everywhere. This is the public face and nothing else. */
export { type CompileOptions, compile, compileGraph, type Memory } from "./compile/compile.ts";
export { Core, type CreateOptions, defaultCore } from "./core/core.ts";
export type { Arrays, LoadedProgram } from "./core/loaded.ts";
export { type CoreOptions, coreBytes, relaxedCore, relaxedSupported } from "./core/relaxed.ts";
export { type RunOptions, run, unload } from "./core/run.ts";
export { fromArrays, type LabelledArrays } from "./data/arrays.ts";
export { LabelledDataset } from "./data/dataset.ts";
export { withRotations } from "./data/rotations.ts";
export { decodeTensors, encodeTensors, type ShapedArray, type TensorFile } from "./data/safetensors.ts";
export { randomSplit, requireDisjoint, splitClasses } from "./data/splits.ts";
export * from "./errors.ts";
export type { Batch as WorkBatch, Executor, Job, Summed, Work } from "./executors/executor.ts";
export { inThread } from "./executors/in-thread.ts";
export { type WorkersOptions, workers } from "./executors/workers.ts";
export { type Gradients, grad } from "./graph/grad.ts";
export { type Graph, print, type Tensors, type Traceable, trace, verify } from "./graph/graph.ts";
export { interpret } from "./graph/interpret.ts";
export * from "./graph/operators/index.ts";
export type { Shape } from "./graph/shape.ts";
export type { Tensor } from "./graph/tensor.ts";
export { take } from "./graph/tensors.ts";
export * from "./learners/index.ts";
export { type InnerLoop, type InnerLoopOptions, innerLoop } from "./learners/inner-loop.ts";
export { type LearnedOptimizerOptions, learnedOptimizer } from "./learners/learned-optimizer.ts";
export {
  allExamples,
  type Context,
  describeModel,
  drawRows,
  foldLoss,
  gradients,
  initModel,
  type Learner,
  modelTraits,
  type Observed,
  type OuterLoss,
  passOf,
  type TensorTask,
} from "./learners/learner.ts";
export type { LearnerRecord, PublishedSettings, RunSettings } from "./learners/record.ts";
export type { Selection } from "./learners/selection.ts";
export { supervised } from "./learners/supervised.ts";
export { type AttentionOptions, attention, causalWeights, maskedSoftmax } from "./nn/attention.ts";
export { cosines, squaredDistances } from "./nn/distances.ts";
export {
  fanInUniform,
  glorotUniform,
  heNormal,
  type Initialiser,
  normal,
  onesInitialiser,
  truncatedNormal,
  uniform,
  zerosInitialiser,
} from "./nn/initialisers.ts";
export { multiLabel, ordinal } from "./nn/label-objectives.ts";
export { type BatchNormMode, type Layer, type Parameter, type Pass, Scope } from "./nn/layer.ts";
export * as layers from "./nn/layers.ts";
export {
  binaryCrossEntropy,
  crossEntropy,
  type GaussianPrediction,
  gaussianLogLoss,
  type Loss,
  meanSquaredError,
} from "./nn/losses.ts";
export { accuracy, argmaxRows, meanAndInterval, median } from "./nn/metrics.ts";
export { type Applied, join, type Model, model, named } from "./nn/model.ts";
export { type Moments, maskedMean, moments } from "./nn/moments.ts";
export { type Conv4Options, conv4, type MlpOptions, mlp } from "./nn/networks.ts";
export { type Columns, classification, gaussian, type Metric, type Objective, regression } from "./nn/objective.ts";
export { type Cell, gruCell, lstmCell, type Scanned, type ScanOptions, scan } from "./nn/recurrent.ts";
export { type LearnedRatesOptions, learnedRates } from "./optim/learned-rates.ts";
export {
  type AdamOptions,
  adam,
  adamW,
  clipByGlobalNorm,
  clipped,
  type RuleName,
  type SgdOptions,
  sgd,
} from "./optim/optimizer.ts";
export { mapTensors, type Optimizer, prefixed, type Rule, type RuleStep, unprefixed } from "./optim/rule.ts";
export { cosineDecay, type Rate, type Schedule, stepDecay } from "./optim/schedule.ts";
export {
  choice,
  describeOptions,
  type Given,
  number,
  type Option,
  type OptionTable,
  onlyWith,
  readOptions,
  type Settings,
  toggle,
  value,
  whole,
} from "./options.ts";
export { decodeProgram, encodeProgram } from "./program/bytes.ts";
export type { ProgramLimits } from "./program/limits.ts";
export type { Port, Program } from "./program/program.ts";
export { Draw, fold, type Key, keyOf } from "./random.ts";
export type { ClassInfo, Dataset, LazyDataset, Place } from "./tasks/dataset.ts";
export { type EpisodeOptions, type EpisodeSource, episodes, type LazyEpisodeSource } from "./tasks/episodes.ts";
export * from "./tasks/index.ts";
export { type MixtureOptions, type MixtureSource, mixture } from "./tasks/mixture.ts";
export type { Queries, Small } from "./tasks/shares.ts";
export type { Batch, Episode, LabelledBatch, Task, TaskFeed, TaskSource, TaskSpec } from "./tasks/types.ts";
export { Adapted } from "./train/adapted.ts";
export type { CheckpointStore } from "./train/checkpoint.ts";
export { type EvaluateOptions, evaluate, type Report } from "./train/evaluate.ts";
export { type Epoch, type FitOptions, type FitProgress, type Fitted, fit } from "./train/fit.ts";
export type { Validation } from "./train/held-out.ts";
export { type MetaTrainOptions, metaTrain, type Progress } from "./train/meta-train.ts";
export { Remembering, type RememberOptions, remember } from "./train/remembering.ts";
export { type Selected, type SelectModelOptions, type SelectProgress, selectModel } from "./train/select-model.ts";
export type { Inputs, Numbers, SupportSet } from "./train/support-set.ts";
export { type AdaptOptions, type RestoreOptions, restore, Trained, type TrainedOptions } from "./train/trained.ts";
export { VERSION } from "./version.ts";
