/** quickstudy: meta-learning that runs everywhere. This is the public face and nothing else. */
export { type CompileOptions, compile, compileGraph, type Memory } from "./compile/compile.ts";
export { type CoreOptions, coreBytes, relaxedSupported } from "./core/bytes.ts";
export { Core, defaultCore } from "./core/core.ts";
export type { Arrays, LoadedProgram } from "./core/loaded.ts";
export { type Profile, type ProfileOptions, type ProfileRow, profile } from "./core/profile.ts";
export { run } from "./core/run.ts";
export { fromArrays, type LabelledArrays } from "./data/arrays.ts";
export { LabelledDataset } from "./data/dataset.ts";
export { withRotations } from "./data/rotations.ts";
export { randomSplit, requireDisjoint, splitClasses } from "./data/splits.ts";
export * from "./errors.ts";
export type { Executor, Job } from "./executors/executor.ts";
export { inThread } from "./executors/in-thread.ts";
export { type WorkersOptions, workers } from "./executors/workers.ts";
export { type Gradients, grad } from "./graph/grad.ts";
export { type Graph, print, type Tensors, type Traceable, trace, verify } from "./graph/graph.ts";
export { interpret } from "./graph/interpret.ts";
export * from "./graph/operators/index.ts";
export type { Shape } from "./graph/shape.ts";
export type { Tensor } from "./graph/tensor.ts";
export {
  type Context,
  describeModel,
  gradients,
  type Learner,
  learned,
  lossOf,
  modelTraits,
  type TensorBatch,
  type TensorEpisode,
} from "./learners/learner.ts";
export { type MamlOptions, maml } from "./learners/maml.ts";
export { type MetaSgdOptions, metaSgd } from "./learners/meta-sgd.ts";
export { protoNet } from "./learners/proto-net.ts";
export { type ReptileOptions, reptile } from "./learners/reptile.ts";
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
export { type BatchNormMode, type ForwardContext, type Layer, type Parameter, Scope } from "./nn/layer.ts";
export * as layers from "./nn/layers.ts";
export { crossEntropy, type Loss, meanSquaredError } from "./nn/losses.ts";
export { accuracy, argmaxRows, meanAndInterval } from "./nn/metrics.ts";
export { type Conv4Options, conv4, type MlpOptions, type Model, mlp, model } from "./nn/model.ts";
export {
  type AdamOptions,
  adam,
  adamW,
  clipByGlobalNorm,
  clipped,
  cosineDecay,
  type Optimizer,
  type Rate,
  type Schedule,
  sgd,
  stepDecay,
} from "./optim/optimizer.ts";
export { decodeProgram, encodeProgram } from "./program/bytes.ts";
export type { Port, Program } from "./program/program.ts";
export { Draw, fold, type Key, keyOf } from "./random.ts";
export type { ClassInfo, Dataset } from "./tasks/dataset.ts";
export { type EpisodeOptions, type EpisodeSource, episodes } from "./tasks/episodes.ts";
export { type SinusoidOptions, type SinusoidSource, sinusoid } from "./tasks/sinusoid.ts";
export type { Batch, Episode, TaskSource, TaskSpec } from "./tasks/types.ts";
export type { CheckpointStore } from "./train/checkpoint.ts";
export { type EvaluateOptions, evaluate, type Report } from "./train/evaluate.ts";
export { type MetaTrainOptions, metaTrain, type Progress } from "./train/meta-train.ts";
export { profileTask, type TaskProfile, type TaskProfileOptions } from "./train/profile-task.ts";
export { decodeTensors, encodeTensors, type ShapedArray, type TensorFile } from "./train/safetensors.ts";
export { type Adapted, restore, type SupportSet, Trained } from "./train/trained.ts";
export { VERSION } from "./version.ts";
