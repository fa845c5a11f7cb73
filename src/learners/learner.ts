import { grad } from "../graph/grad.ts";
import type { Tensors } from "../graph/graph.ts";
import { boundary } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { BatchNormMode } from "../nn/layer.ts";
import { crossEntropy, type Loss, meanSquaredError } from "../nn/losses.ts";
import type { Model } from "../nn/model.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { TaskSpec } from "../tasks/types.ts";

/** Examples as symbolic tensors: x [n, ...inputShape]; y labels [n] or targets [n, outputs]. */
export interface TensorBatch {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** One task as symbolic tensors. */
export interface TensorEpisode {
  readonly support: TensorBatch;
  readonly query: TensorBatch;
}

/** What a trace may depend on besides its tensors. */
export interface Context {
  readonly spec: TaskSpec;
  /** Meta-training, as opposed to evaluation and use. */
  readonly training: boolean;
  /** Inner steps asked for by the caller; learners without an inner loop ignore it. */
  readonly innerSteps?: number;
  /** Key [4] from which operators draw random numbers; another one for every task. */
  readonly key: Tensor;
  /** Latest values of carried parameters (running statistics). */
  readonly carried: Map<string, Tensor>;
}

/** Everything a meta-learning algorithm is. All of it runs on symbolic tensors and is traced once per shapes. */
export interface Learner {
  readonly name: string;
  /** What a resumed run and a loaded file must agree on: the options that shape the computation. */
  readonly description: string;
  readonly inputShape: readonly number[];
  /** Numbers the learner predicts an example; undefined where the task decides (metric-based learners). */
  readonly outputs: number | undefined;
  readonly batchNorm: BatchNormMode;
  /** Names of meta-parameters that are carried along and not learned. */
  readonly carried: readonly string[];
  /** Inner steps when the caller asks for none, in training and in evaluation; undefined without an inner loop. */
  readonly innerSteps?: { readonly training: number; readonly evaluation: number };
  /** The outer update rule where `metaTrain` is given none and Adam would be wrong. */
  readonly outerOptimizer?: Optimizer;
  /** Starting meta-parameters under a key [4]. */
  init(key: Tensor): Tensors;
  /** What the learner knows after the support set. */
  adapt(meta: Tensors, support: TensorBatch, context: Context): Tensors;
  /** Logits [n, ways] or values [n, outputs]. */
  predict(state: Tensors, x: Tensor, context: Context): Tensor;
  /** Where it is not the query loss of the adapted state. */
  outerLoss?(meta: Tensors, episode: TensorEpisode, context: Context): Tensor;
  /** Where it is not grad(outerLoss, meta); by the names of what is learned. */
  metaGradient?(meta: Tensors, episode: TensorEpisode, context: Context): Tensors;
}

/** The usual loss of a kind of task: cross entropy, or mean squared error. */
export function lossOf(spec: TaskSpec): Loss {
  return spec.kind === "classification" ? crossEntropy : meanSquaredError;
}

/** The learner's outer loss: its own, or the query loss of the adapted state. */
export function outerLoss(learner: Learner, meta: Tensors, episode: TensorEpisode, context: Context): Tensor {
  if (learner.outerLoss) return learner.outerLoss(meta, episode, context);
  const state = learner.adapt(meta, episode.support, context);
  return lossOf(context.spec)(learner.predict(state, episode.query.x, context), episode.query.y);
}

/** The meta-parameters that are learned. */
export function learned(learner: Pick<Learner, "carried">, meta: Tensors): Tensors {
  return Object.fromEntries(Object.entries(meta).filter(([name]) => !learner.carried.includes(name)));
}

/** Gradients of a scalar, under the names of what they are taken for. */
export function gradients(y: Tensor, params: Tensors): Tensors {
  const list = grad(y, Object.values(params));
  return Object.fromEntries(Object.keys(params).map((name, i) => [name, list[i] as Tensor]));
}

/** A new record with each tensor mapped. */
export function mapTensors(tensors: Tensors, map: (tensor: Tensor, name: string) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, map(tensor, name)]));
}

/** What an inner step hands to the next: there, memory can be bounded (`boundary`). */
export function stepEnd(tensors: Tensors): Tensors {
  return mapTensors(tensors, boundary);
}

/** What a learner inherits from the model it trains. */
export function modelTraits(model: Model) {
  const [outputs] = model.outputShape;
  return {
    inputShape: model.inputShape,
    outputs,
    batchNorm: model.batchNorm,
    carried: model.parameters.filter(({ carried }) => carried).map(({ name }) => name),
  };
}

/** Layers, parameters and batch-norm mode of a model: the part of a description that is the model's. */
export function describeModel(model: Model): string {
  const parameters = model.parameters.map(({ name, shape }) => `${name}[${shape}]`).join(" ");
  return `model [${model.inputShape}] -> [${model.outputShape}] batchNorm ${model.batchNorm}: ${model.description}; ${parameters}`;
}
