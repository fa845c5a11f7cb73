/** Recurrent cells, and their scan over a sequence: unrolled in the trace. */
import { requireBoolean, requireObject, requireOptions, requireWhole } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  add,
  concat,
  matmul,
  multiply,
  ones,
  reshape,
  select,
  sigmoid,
  slice,
  stack,
  subtract,
  tanh,
  transpose,
  zeros,
} from "../graph/operators/index.ts";
import { type Shape, sameShape, showShape } from "../graph/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { glorotUniform, type Initialiser, zerosInitialiser } from "./initialisers.ts";
import type { Layer, Parameter, Scope } from "./layer.ts";

/** A recurrent cell of U units: what it keeps from step to step always has `hidden` [n, U], which is its output. */
export interface Cell {
  readonly kind: string;
  readonly units: number;
  /** @param inputs numbers of a step's input */
  parameters(inputs: number): readonly Parameter[];
  /** The state of `n` sequences before their first step. */
  start(n: number): Tensors;
  /** The input's part of the gates: it needs no state, so that all steps [..., F] are multiplied at once. */
  project(scope: Scope, x: Tensor): Tensor;
  /** One step. @param projected [n, G], of `project` */
  step(scope: Scope, state: Tensors, projected: Tensor): Tensors;
}

/** Part `index` of the columns of [n, k U]. */
function gate(z: Tensor, index: number, units: number): Tensor {
  return slice(z, [0, index * units], [z.shape[0] as number, units]);
}

/** Weights of all gates side by side, each with the fans of one gate; `bias` is one number for each unit of a gate. */
function gateParameters(inputs: number, units: number, gates: readonly string[], forget?: string): Parameter[] {
  const width = gates.length * units;
  const weights = (name: string, fanIn: number): Parameter => {
    return { name, shape: [fanIn, width], initialiser: glorotUniform, fans: { fanIn, fanOut: units } };
  };
  const bias: Initialiser = () =>
    concat(
      gates.map((name) => (name === forget ? ones([units]) : zeros([units]))),
      0,
    );
  return [
    weights("input", inputs),
    weights("hidden", units),
    { name: "bias", shape: [width], initialiser: forget === undefined ? zerosInitialiser : bias },
  ];
}

function projectAll(scope: Scope, x: Tensor): Tensor {
  const rows = reshape(x, [-1, x.shape[x.rank - 1] as number]);
  const z = add(matmul(rows, scope.param("input")), scope.param("bias"));
  return reshape(z, [...x.shape.slice(0, -1), -1]);
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates, whose biases begin at 1 (Gers et al. 2000):
 * i, f, o = sigmoid(x W + h U + b), g = tanh(x W + h U + b), c' = f c + i g, h' = o tanh(c'). The state is `hidden` and `cell`.
 */
export function lstmCell(units: number): Cell {
  requireWhole("lstmCell: units", units, 1);
  return {
    kind: "lstm",
    units,
    parameters: (inputs) => gateParameters(inputs, units, ["i", "f", "o", "g"], "f"),
    start: (n) => ({ hidden: zeros([n, units]), cell: zeros([n, units]) }),
    project: projectAll,
    step(scope, { hidden, cell }, projected) {
      const z = add(projected, matmul(hidden as Tensor, scope.param("hidden")));
      const [i, f, o] = [0, 1, 2].map((index) => sigmoid(gate(z, index, units))) as [Tensor, Tensor, Tensor];
      const next = add(multiply(f, cell as Tensor), multiply(i, tanh(gate(z, 3, units))));
      return { hidden: multiply(o, tanh(next)), cell: next };
    },
  };
}

/**
 * Gated recurrent unit (Cho et al. 2014, equations 5 to 8): r, z = sigmoid(x W + h U + b), g = tanh(x W + (r h) U + b),
 * h' = z h + (1 - z) g. The state is `hidden`.
 */
export function gruCell(units: number): Cell {
  requireWhole("gruCell: units", units, 1);
  return {
    kind: "gru",
    units,
    parameters: (inputs) => gateParameters(inputs, units, ["r", "z", "g"]),
    start: (n) => ({ hidden: zeros([n, units]) }),
    project: projectAll,
    step(scope, { hidden }, projected) {
      const h = hidden as Tensor;
      const weights = scope.param("hidden");
      const n = projected.shape[0] as number;
      const part = (from: number, count: number) => slice(weights, [0, from * units], [units, count * units]);
      const open = sigmoid(add(slice(projected, [0, 0], [n, 2 * units]), matmul(h, part(0, 2))));
      const [r, z] = [gate(open, 0, units), gate(open, 1, units)];
      const g = tanh(add(gate(projected, 2, units), matmul(multiply(r, h), part(2, 1))));
      return { hidden: add(g, multiply(z, subtract(h, g))) };
    },
  };
}

/** @throws OptionError unless the value is a cell */
function requireCell(what: string, value: unknown): void {
  const members = ["kind", "units", "parameters()", "start()", "project()", "step()"];
  requireObject(what, value, "a recurrent cell, such as lstmCell(64)", members);
}

export interface ScanOptions {
  /** The state before the first step; the cell's start by default. */
  readonly state?: Tensors;
  /** [n, T]: 0 for a step that is padding. It leaves the state as it was, whatever it holds. */
  readonly weights?: Tensor;
}

/** What a scan leaves. */
export interface Scanned {
  /** The output [n, U] after each of the T steps. */
  readonly outputs: readonly Tensor[];
  /** The state after the last step. */
  readonly state: Tensors;
}

/**
 * A cell from step to step over sequences [n, T, F], under the parameters of a scope.
 * @throws ShapeError for other shapes
 */
export function scan(cell: Cell, scope: Scope, x: Tensor, options: ScanOptions = {}): Scanned {
  requireCell("scan: cell", cell);
  requireObject("scan: scope", scope, "the scope of a layer", ["param()", "child()"]);
  requireTensors("scan", x);
  requireOptions("scan", options, ["state", "weights"]);
  if (options.state !== undefined) requireObject("scan: state", options.state, "a state of the cell", ["hidden"]);
  if (x.rank !== 3) throw new ShapeError(`scan: x must be [n,T,F], got ${showShape(x.shape)}`);
  const [n, T] = x.shape as [number, number, number];
  const { weights, state: before = cell.start(n) } = options;
  if (weights !== undefined) requireShapeOf("weights", weights, [n, T]);
  for (const [name, { shape }] of Object.entries(cell.start(n))) requireShapeOf(`state.${name}`, before[name], shape);
  const known = weights === undefined ? x : select(reshape(weights, [n, T, 1]), x, 0);
  const projected = cell.project(scope, known);
  const outputs: Tensor[] = [];
  let state = before;
  for (let t = 0; t < T; t++) {
    const now = reshape(slice(projected, [0, t, 0], [n, 1, projected.shape[2] as number]), [n, -1]);
    const next = cell.step(scope, state, now);
    const present = weights && slice(weights, [0, t], [n, 1]);
    state = present === undefined ? next : keepWhereAbsent(state, next, present);
    outputs.push(state.hidden as Tensor);
  }
  return { outputs, state };
}

function requireShapeOf(what: string, value: Tensor | undefined, shape: Shape): void {
  requireTensors(`scan: ${what}`, value as Tensor);
  if (sameShape((value as Tensor).shape, shape)) return;
  throw new ShapeError(`scan: ${what} must be ${showShape(shape)}, got ${showShape((value as Tensor).shape)}`);
}

function keepWhereAbsent(before: Tensors, after: Tensors, present: Tensor): Tensors {
  const kept = ([name, value]: [string, Tensor]) => [name, select(present, value, before[name] as Tensor)];
  return Object.fromEntries(Object.entries(after).map(kept));
}

export interface RecurrentOptions {
  /** Whether the output is that of every step, [T, units], or that of the last, [units]; true by default. */
  readonly sequence?: boolean;
}

function recurrent(name: string, cell: Cell, options: RecurrentOptions): Layer {
  requireOptions(name, options, ["sequence"]);
  const { sequence = true } = options;
  requireBoolean(`${name}: sequence`, sequence);
  const { units } = cell;
  return {
    kind: cell.kind,
    description: `${name}(${sequence ? "sequence" : "last"})`,
    outputShape(input) {
      if (input.length !== 2)
        throw new ShapeError(`${name}: an example must be a sequence [T,F], got ${showShape(input)}`);
      return sequence ? [input[0] as number, units] : [units];
    },
    parameters: ([, inputs]) => cell.parameters(inputs as number),
    apply(scope, x) {
      const { outputs, state } = scan(cell, scope, x);
      return sequence ? transpose(stack(outputs), [1, 0, 2]) : (state.hidden as Tensor);
    },
  };
}

/** A layer of LSTM cells over sequences [T, F]; see `lstmCell`. */
export function lstm(units: number, options: RecurrentOptions = {}): Layer {
  requireWhole("lstm: units", units, 1);
  return recurrent("lstm", lstmCell(units), options);
}

/** A layer of gated recurrent units over sequences [T, F]; see `gruCell`. */
export function gru(units: number, options: RecurrentOptions = {}): Layer {
  requireWhole("gru: units", units, 1);
  return recurrent("gru", gruCell(units), options);
}
