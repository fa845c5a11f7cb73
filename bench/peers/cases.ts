/** The workloads as peers get them, and the smaller ones on which meta-gradients are compared. */

import { noise, stridedConv4, type Workload, workloads } from "../../src/cli/workloads.ts";
import { conv4, episodes, interpret, type Key, keyOf, maml, mlp, protoNet, run, sinusoid } from "../../src/index.ts";
import { prefixed, unprefixed } from "../../src/optim/rule.ts";
import { Draw, fold } from "../../src/random.ts";
import { isPromise } from "../../src/tasks/loading.ts";
import type { Batch, Task, TaskSpec } from "../../src/tasks/types.ts";
import { GRADIENT, initialMeta, initProgram, iterationInput, META, taskGraph } from "../../src/train/programs.ts";
import { Sampler } from "../../src/train/sampling.ts";
import { type CaseFile, type LayerSpec, type PackedBatch, pack } from "./case-file.ts";

type Plain = "relu" | "maxPool" | "meanSpace" | "flatten";
type Kind = "linear" | "norm" | "conv" | "conv2" | Plain;

interface Form {
  readonly method: CaseFile["method"];
  readonly innerRate: number;
  readonly innerSteps: number;
  /** The model's layers in their order, as the library counts them. */
  readonly layers: readonly Kind[];
  /** Workloads on which meta-gradients are compared: small enough for the f64 reference. */
  readonly checks: () => readonly Workload[];
}

const repeated = (times: number, block: readonly Kind[]): Kind[] => Array.from({ length: times }, () => block).flat();

/** 1-h-h-1 at widths that are and are not multiples of a SIMD register. */
const SINE_WIDTHS = [6, 7, 8, 40];

const sineChecks = (innerSteps: number) => () =>
  SINE_WIDTHS.map((width) => ({
    name: `width ${width}`,
    learner: maml(mlp({ inputShape: 1, hidden: [width, width], outputs: 1 }), { innerRate: 0.01, innerSteps }),
    tasks: sinusoid({ shots: 10, queries: 10 }),
    metaBatch: 1,
  }));

const sineForm = (innerSteps: number): Form => ({
  method: "maml",
  innerRate: 0.01,
  innerSteps,
  layers: [...repeated(2, ["linear", "relu"]), "linear"],
  checks: sineChecks(innerSteps),
});

const forms: Readonly<Record<string, Form>> = {
  sine: sineForm(1),
  sine5: sineForm(5),
  omni_fc: {
    method: "maml",
    innerRate: 0.5,
    innerSteps: 1,
    layers: ["flatten", ...repeated(4, ["linear", "relu"]), "linear"],
    checks: () => [{ ...workloadOf("omni_fc"), name: "as measured" }],
  },
  omni_conv: {
    method: "maml",
    innerRate: 0.4,
    innerSteps: 1,
    layers: [...repeated(4, ["conv2", "norm", "relu"]), "meanSpace", "linear"],
    checks: () => [
      {
        name: "1 query a class",
        learner: maml(stridedConv4(), { innerSteps: 1, innerRate: 0.4 }),
        tasks: episodes(noise(20, 4), { ways: 5, shots: 1, queries: 1 }),
        metaBatch: 1,
      },
    ],
  },
  proto_conv: {
    method: "protonet",
    innerRate: 0,
    innerSteps: 0,
    layers: [...repeated(4, ["conv", "norm", "relu", "maxPool"]), "flatten"],
    checks: () => [protoConv(3, 1)],
  },
};

/** The Prototypical Network on fewer classes. */
export function protoConv(ways: number, queries: number): Workload {
  return {
    name: `${ways}-way, ${queries} queries`,
    learner: protoNet(conv4({ inputShape: [28, 28, 1], downsampling: "maxPool", batchNorm: "transductive" })),
    tasks: episodes(noise(64, 8), { ways, shots: 1, queries }),
    metaBatch: 1,
  };
}

/** The workloads that peers are given: those whose networks are lists of layers. */
export const COMPARED: readonly string[] = Object.keys(forms);

/** A workload of the bench by name. */
export function workloadOf(name: string): Workload {
  const workload = workloads[name];
  if (workload === undefined) throw new Error(`no workload is called ${name}; there are ${Object.keys(workloads)}`);
  return workload();
}

/** The workloads on which meta-gradients of this one are compared. */
export function checksOf(name: string): readonly Workload[] {
  return formOf(name).checks();
}

function formOf(name: string): Form {
  const form = forms[name];
  if (form === undefined) throw new Error(`no workload is called ${name}; there are ${Object.keys(forms)}`);
  return form;
}

/** The layers with the paths of their parameters, which are those of the model in their order. */
function layerSpecs(kinds: readonly Kind[], paths: readonly string[]): LayerSpec[] {
  const left = [...paths];
  const next = () => left.shift() as string;
  return kinds.map((kind): LayerSpec => {
    switch (kind) {
      case "linear":
        return { kind, weight: next(), bias: next() };
      case "conv":
      case "conv2":
        return { kind: "conv", weight: next(), bias: next(), stride: kind === "conv" ? 1 : 2 };
      case "norm":
        return { kind, scale: next(), shift: next() };
      default:
        return { kind };
    }
  });
}

/** How far meta-parameters are moved from their start: biases that are all zero would hide mistakes. */
const SPREAD = 0.1;
const SEED: Key = keyOf(1);

/** Meta-parameters that depend on the workload alone: the start, moved a little. */
export function parametersOf({ learner }: Workload): Record<string, Float32Array> {
  const start = initialMeta(run(initProgram(learner).program, { key: Float32Array.of(1, 0, 2, 0) }));
  return Object.fromEntries(
    Object.entries(start).map(([name, values], i) => {
      const draw = new Draw(fold(SEED, i));
      return [name, values.map((value) => value + SPREAD * (draw.uniform() - 0.5))];
    }),
  );
}

/** The tasks of one meta-batch, with their keys. @param first number of its first task */
function tasksOf({ tasks, metaBatch }: Workload, first: number): { readonly key: Key; readonly task: Task }[] {
  return Array.from({ length: metaBatch }, (_, i) => {
    const key = fold(SEED, first + i);
    const task = tasks.sample(key, 0);
    if (isPromise(task)) throw new Error(`${tasks.name} does not sample at once`);
    return { key, task };
  });
}

function stack(batches: readonly Batch[], x: readonly number[], y: readonly number[]) {
  const join = (arrays: readonly Float32Array[], shape: readonly number[]) => ({
    shape: [arrays.length, ...shape],
    data: pack(Float32Array.from(arrays.flatMap((each) => Array.from(each)))),
  });
  return {
    x: join(
      batches.map((batch) => batch.x as Float32Array),
      x,
    ),
    y: join(
      batches.map((batch) => batch.y as Float32Array),
      y,
    ),
  };
}

/** All that a peer needs to know of a workload. @param form name of the workload of the bench that it is of the form of */
export function caseFile(form: string, workload: Workload, first = 0): CaseFile {
  const { method, innerRate, innerSteps, layers } = formOf(form);
  const { inputs, objective, segments, queries } = workload.tasks.specs[0] as TaskSpec;
  const { meta: shapes } = initProgram(workload.learner).plan;
  const sampled = tasksOf(workload, first).map(({ task }) => task);
  const batch = (batches: readonly Batch[], size: number): PackedBatch =>
    stack(batches, [size, ...(inputs.x ?? [])], objective.classes ? [size] : [size, objective.outputs]);
  return {
    name: `${form}, ${workload.name}`,
    method,
    classes: objective.classes ? objective.outputs : 0,
    innerRate,
    innerSteps,
    tasks: workload.metaBatch,
    layers: layerSpecs(layers, Object.keys(shapes)),
    parameters: Object.entries(parametersOf(workload)).map(([name, values]) => ({
      name,
      shape: shapes[name] ?? [],
      data: pack(values),
    })),
    support: batch(
      sampled.map(({ segments: [support] }) => support as Batch),
      segments[0] as number,
    ),
    query: batch(
      sampled.map((task) => task.queries),
      queries,
    ),
  };
}

/** The inputs of the task Program for one episode of a workload. */
export function taskInputs(workload: Workload, number: number): Record<string, Float32Array> {
  const [sampled] = tasksOf({ ...workload, metaBatch: 1 }, number);
  if (sampled === undefined) throw new Error("a meta-batch has at least one task");
  const { key, task } = sampled;
  return {
    ...prefixed(META, parametersOf(workload)),
    ...new Sampler(workload.tasks, workload.learner).inputs(task, key, 0),
    iteration: iterationInput(0),
  };
}

/** The meta-gradient of one episode, in f64, by the reference implementations. */
export function referenceGradient(workload: Workload, number: number): Record<string, Float64Array> {
  const graph = taskGraph(initProgram(workload.learner).plan, workload.tasks.specs[0] as TaskSpec);
  return unprefixed(GRADIENT, interpret(graph, taskInputs(workload, number)));
}
