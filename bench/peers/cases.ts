/** The workloads as peers get them, and the smaller ones on which meta-gradients are compared. */

import { noise, stridedConv4, type Workload, workloads } from "../../src/cli/workloads.ts";
import { conv4, episodes, interpret, type Key, keyOf, maml, mlp, protoNet, run, sinusoid } from "../../src/index.ts";
import { Draw, fold } from "../../src/random.ts";
import { GRADIENT, initProgram, META, metaShapes, prefixed, taskGraph, unprefixed } from "../../src/train/programs.ts";
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
        learner: maml(stridedConv4(), { innerRate: 0.4 }),
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
    learner: protoNet(conv4({ inputShape: [28, 28, 1], downsampling: "maxPool" })),
    tasks: episodes(noise(64, 8), { ways, shots: 1, queries }),
    metaBatch: 1,
  };
}

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

function layerSpec(kind: Kind, i: number): LayerSpec {
  const affine = { weight: `${i}.weight`, bias: `${i}.bias` };
  switch (kind) {
    case "linear":
      return { kind, ...affine };
    case "conv":
    case "conv2":
      return { kind: "conv", ...affine, stride: kind === "conv" ? 1 : 2 };
    case "norm":
      return { kind, scale: `${i}.scale`, shift: `${i}.shift` };
    default:
      return { kind };
  }
}

/** How far meta-parameters are moved from their start: biases that are all zero would hide mistakes. */
const SPREAD = 0.1;
const SEED: Key = keyOf(1);

/** Meta-parameters that depend on the workload alone: the start, moved a little. */
export function parametersOf({ learner }: Workload): Record<string, Float32Array> {
  const start = run(initProgram(learner), { key: Float32Array.of(1, 0, 2, 0) });
  return Object.fromEntries(
    Object.entries(start).map(([name, values], i) => {
      const draw = new Draw(fold(SEED, i));
      return [name, values.map((value) => value + SPREAD * (draw.uniform() - 0.5))];
    }),
  );
}

/** The episodes of one meta-batch. @param first number of its first episode */
function episodesOf({ tasks, metaBatch }: Workload, first: number) {
  return Array.from({ length: metaBatch }, (_, i) => tasks.sample(fold(SEED, first + i)));
}

function stack(batches: readonly { x: Float32Array; y: Float32Array }[], x: readonly number[], y: readonly number[]) {
  const join = (arrays: readonly Float32Array[], shape: readonly number[]) => ({
    shape: [arrays.length, ...shape],
    data: pack(Float32Array.from(arrays.flatMap((each) => Array.from(each)))),
  });
  return {
    x: join(
      batches.map((batch) => batch.x),
      x,
    ),
    y: join(
      batches.map((batch) => batch.y),
      y,
    ),
  };
}

/** All that a peer needs to know of a workload. @param form name of the workload of the bench that it is of the form of */
export function caseFile(form: string, workload: Workload, first = 0): CaseFile {
  const { method, innerRate, innerSteps, layers } = formOf(form);
  const { spec } = workload.tasks;
  const shapes = metaShapes(initProgram(workload.learner));
  const sampled = episodesOf(workload, first);
  const batch = (part: "support" | "query", size: number): PackedBatch =>
    stack(
      sampled.map((episode) => episode[part]),
      [size, ...spec.inputShape],
      spec.kind === "classification" ? [size] : [size, spec.outputs],
    );
  return {
    name: `${form}, ${workload.name}`,
    method,
    classes: spec.kind === "classification" ? spec.outputs : 0,
    innerRate,
    innerSteps,
    tasks: workload.metaBatch,
    layers: layers.map(layerSpec),
    parameters: Object.entries(parametersOf(workload)).map(([name, values]) => ({
      name,
      shape: shapes[name] ?? [],
      data: pack(values),
    })),
    support: batch("support", spec.supportSize),
    query: batch("query", spec.querySize),
  };
}

/** The inputs of the task Program for one episode of a workload. */
export function taskInputs(workload: Workload, number: number): Record<string, Float32Array> {
  const [episode] = episodesOf({ ...workload, metaBatch: 1 }, number);
  if (episode === undefined) throw new Error("a meta-batch has at least one episode");
  const { support, query } = episode;
  return {
    ...prefixed(META, parametersOf(workload)),
    "support.x": support.x,
    "support.y": support.y,
    "query.x": query.x,
    "query.y": query.y,
    key: Float32Array.of(0, 0, 0, 0),
  };
}

/** The meta-gradient of one episode, in f64, by the reference implementations. */
export function referenceGradient(workload: Workload, number: number): Record<string, Float64Array> {
  const graph = taskGraph(workload.learner, metaShapes(initProgram(workload.learner)), workload.tasks.spec);
  return unprefixed(GRADIENT, interpret(graph, taskInputs(workload, number)));
}
