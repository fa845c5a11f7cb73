/** The workloads that figures are quoted for; docs/performance.md says what each is. */
import type { Arrays } from "../core/loaded.ts";
import { fromArrays } from "../data/arrays.ts";
import type { LabelledDataset } from "../data/dataset.ts";
import type { Executor } from "../executors/executor.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import { maml } from "../learners/maml.ts";
import { protoNet } from "../learners/proto-net.ts";
import { r2d2 } from "../learners/r2d2.ts";
import { tnp } from "../learners/tnp.ts";
import { activation, batchNorm, conv2d, flatten, globalMeanPool, linear, sequential } from "../nn/layers.ts";
import { model } from "../nn/model.ts";
import { conv4, mlp } from "../nn/networks.ts";
import { regression } from "../nn/objective.ts";
import type { Optimizer } from "../optim/rule.ts";
import { episodes } from "../tasks/episodes.ts";
import { sinusoid } from "../tasks/sinusoid.ts";
import type { TaskSource, TaskSpec } from "../tasks/types.ts";

/** What a bench measures. */
export interface Workload {
  readonly name: string;
  readonly learner: Learner;
  readonly tasks: TaskSource;
  readonly metaBatch: number;
  /** The learner's own, or Adam, by default. */
  readonly optimizer?: Optimizer;
  /** Meta-parameters to measure with; the learner's start by default. */
  readonly meta?: Arrays;
  /** This thread by default. */
  readonly executor?: Executor;
}

/** Tasks of a spec's shapes that hold noise, in label order: what they hold changes no timing. */
export function noiseTasks(spec: TaskSpec): TaskSource {
  const { inputs, objective } = spec;
  const column = (length: number, seed: number) =>
    Float32Array.from({ length }, (_, i) => (((i + seed) * 2654435761) % 1000) / 1000);
  const batch = (n: number) => {
    const columns = Object.entries({ ...inputs, ...objective.targets }).map(([name, shape], seed) => {
      const data = column(n * sizeOf(shape), seed);
      const classes = objective.classes && name in objective.targets;
      return [name, classes ? data.map((_, i) => i % objective.outputs) : data] as const;
    });
    return { ...Object.fromEntries(columns), ...(spec.weighted ? { weight: new Float32Array(n).fill(1) } : {}) };
  };
  const task = { segments: spec.segments.map(batch), queries: batch(spec.queries) };
  return { name: "noise", fingerprint: "noise", specs: [spec], sample: () => task };
}

/** Grey images of 28 x 28 that show noise: what they show changes no timing. */
export function noise(classes: number, perClass: number): LabelledDataset {
  const size = 28 * 28;
  const count = classes * perClass;
  const x = Float32Array.from({ length: count * size }, (_, i) => ((i * 2654435761) % 1000) / 1000);
  const y = Array.from({ length: count }, (_, i) => Math.floor(i / perClass));
  return fromArrays({ x, y, shape: [28, 28, 1], name: "noise" });
}

/** The strided Conv-4 with bias and batch statistics. */
export const stridedConv4 = () =>
  model(
    [28, 28, 1],
    sequential([
      ...Array.from({ length: 4 }, () => [
        conv2d(64, { size: 3, stride: 2, pad: 1 }),
        batchNorm({ mode: "transductive" }),
        activation("relu"),
      ]).flat(),
      globalMeanPool(),
      linear(5),
    ]),
  );

/** Made when asked for: a workload's data takes memory. */
export const workloads: Readonly<Record<string, () => Workload>> = {
  sine: () => ({
    name: "sine",
    learner: maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 }),
    tasks: sinusoid({ shots: 10, queries: 10 }),
    metaBatch: 25,
  }),
  sine5: () => ({
    name: "sine5",
    learner: maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerRate: 0.01, innerSteps: 5 }),
    tasks: sinusoid({ shots: 10, queries: 10 }),
    metaBatch: 25,
  }),
  omni_fc: () => ({
    name: "omni_fc",
    learner: maml(mlp({ inputShape: [28, 28, 1], hidden: [256, 128, 64, 64], outputs: 5 }), {
      innerSteps: 1,
      innerRate: 0.5,
    }),
    tasks: episodes(noise(20, 4), { ways: 5, shots: 1, queries: 1 }),
    metaBatch: 32,
  }),
  omni_conv: () => ({
    name: "omni_conv",
    learner: maml(stridedConv4(), { innerSteps: 1, innerRate: 0.4 }),
    tasks: episodes(noise(20, 20), { ways: 5, shots: 1, queries: 15 }),
    metaBatch: 32,
  }),
  proto_conv: () => ({
    name: "proto_conv",
    learner: protoNet(conv4({ inputShape: [28, 28, 1], downsampling: "maxPool", batchNorm: "transductive" })),
    tasks: episodes(noise(64, 8), { ways: 60, shots: 1, queries: 5 }),
    metaBatch: 1,
  }),
  r2d2: () => ({
    name: "r2d2",
    learner: r2d2(conv4({ inputShape: [28, 28, 1], downsampling: "maxPool", batchNorm: "transductive" })),
    tasks: episodes(noise(20, 20), { ways: 5, shots: 1, queries: 15 }),
    metaBatch: 32,
  }),
  anp: () => ({
    name: "anp",
    learner: tnp(model([1], flatten()), regression(1)),
    tasks: sinusoid({ shots: 10, queries: 10 }),
    metaBatch: 16,
  }),
};
