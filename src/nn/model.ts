import { isRecord, requireObject, requireOptions, requireText, wrong } from "../arguments.ts";
import { OptionError, ShapeError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { concat, KEY_SHAPE, reshape, zeros } from "../graph/operators/index.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { commonMode, requireLayer, under } from "./compose.ts";
import { fansOf } from "./initialisers.ts";
import { type BatchNormMode, type Layer, type Notes, type Parameter, type Pass, Scope } from "./layer.ts";

/** What a model gives for some examples. */
export interface Applied {
  /** [n, ...outputShape] */
  readonly output: Tensor;
  /** Statistics of the support set for later passes of the same task; empty for a model that has none. */
  readonly statistics: Tensors;
  /** New values of carried parameters. */
  readonly carried: Tensors;
}

/** What learners work on: a function of examples and of named parameters. */
export interface Model {
  /** Shape of one example, by column. */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly outputShape: Shape;
  /** The layers: with the parameters' names and shapes, all that tells the function apart from others. */
  readonly description: string;
  /** Named by the path of their layer: `conv1.kernel`, `head.weight`. */
  readonly parameters: readonly Parameter[];
  readonly batchNorm: BatchNormMode;
  /** Starting parameters under a key [4], carried ones among them. */
  init(key: Tensor): Tensors;
  /** The statistics of a task before any example of it. */
  startingStatistics(params: Tensors): Tensors;
  /** @param examples the columns of `inputs`, each [n, ...shape] */
  apply(params: Tensors, examples: Tensors, pass: Pass): Applied;
}

export interface ModelOptions {
  /** The column of the examples that the model reads; "x" by default. */
  readonly column?: string;
}

/**
 * Makes a model of a layer.
 * @param inputShape shape of one example
 * @throws ShapeError when a layer does not fit the one before
 */
export function model(inputShape: Shape, layer: Layer, options: ModelOptions = {}): Model {
  requireLayer("model: layer", layer);
  requireOptions("model", options, ["column"]);
  const { column = "x" } = options;
  requireText("model: column", column);
  const shape = requireShape("model: inputShape", inputShape);
  const parts: Part[] = [{ column, shape, layer, prefix: "" }];
  return build(parts, layer, (scope, [x]) => layer.apply(scope, x as Tensor), layer.outputShape(shape));
}

/** @throws OptionError unless the value is a list of whole numbers from 1 */
export function requireShape(what: string, shape: unknown): Shape {
  const sound = Array.isArray(shape) && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 1);
  if (!sound) throw wrong(what, "a list of whole numbers from 1, such as [28, 28, 1]", shape);
  return [...(shape as Shape)];
}

/** A layer that reads one column. */
interface Part {
  readonly column: string;
  readonly shape: Shape;
  readonly layer: Layer;
  readonly prefix: string;
}

/**
 * One model of several columns: `join({ image: [[28, 28, 1], encoder], text: [[300], words] }, linear(5))`. The outputs of the
 * parts follow one another as one vector, which `merge` reads. Parameters of a part are below its column's name, those of
 * `merge` keep their names, or are below `head` where `merge` is a single layer.
 * @param parts shape of one example and layer for each column
 */
export function join(parts: Readonly<Record<string, readonly [Shape, Layer]>>, merge: Layer): Model {
  if (!isRecord(parts)) throw wrong("join: parts", "a record of [shape, layer] by column", parts);
  requireLayer("join: merge", merge);
  const list = Object.entries(parts).map(([column, part]): Part => {
    if (!Array.isArray(part) || part.length !== 2) throw wrong(`join: ${column}`, "[shape of an example, layer]", part);
    const [shape, layer] = part as [Shape, Layer];
    requireLayer(`join: ${column}`, layer);
    return { column, shape: requireShape(`join: ${column}`, shape), layer, prefix: column };
  });
  if (list.length === 0) throw wrong("join: parts", "of at least one column", parts);
  const name = merge.kind === "sequential" ? "" : "head";
  const widths = list.map(({ layer, shape }) => sizeOf(layer.outputShape(shape)));
  const joined = [widths.reduce((total, width) => total + width, 0)];
  const whole: Layer = {
    kind: "join",
    description: `join(${list.map(({ column, layer }) => `${column}: ${layer.description}`).join("; ")}), ${merge.description}`,
    batchNorm: commonMode("join", [...list.map(({ layer }) => layer), merge]),
    outputShape: () => merge.outputShape(joined),
    parameters: () => [
      ...list.flatMap(({ layer, shape, prefix }) => under(prefix, layer.parameters(shape))),
      ...under(name, merge.parameters(joined)),
    ],
    apply: (_, x) => x,
  };
  const apply = (scope: Scope, columns: readonly Tensor[]): Tensor => {
    const vectors = list.map(({ layer, prefix }, i) => {
      const y = layer.apply(scope.child(prefix), columns[i] as Tensor);
      return y.rank === 2 ? y : flat(y);
    });
    return merge.apply(scope.child(name), concat(vectors, 1));
  };
  return build(list, whole, apply, merge.outputShape(joined));
}

const flat = (y: Tensor): Tensor => reshape(y, [y.shape[0] as number, -1]);

function build(
  parts: readonly Part[],
  layer: Layer,
  apply: (scope: Scope, columns: readonly Tensor[]) => Tensor,
  outputShape: Shape,
): Model {
  const first = parts[0] as Part;
  const arrays = withoutSlashes(layer.parameters(first.shape));
  const parameters = arrays.filter(({ statistic }) => statistic !== "constant");
  const carried = arrays.filter(({ statistic }) => statistic === "carried").map(({ name }) => name);
  const constants = arrays.filter(({ statistic }) => statistic === "constant");
  const startingStatistics = (params: Tensors): Tensors => ({
    ...Object.fromEntries(carried.map((name) => [name, params[name] as Tensor])),
    ...initialise(constants, zeros(KEY_SHAPE)),
  });
  return {
    inputs: Object.fromEntries(parts.map(({ column, shape }) => [column, shape])),
    outputShape,
    description: layer.description,
    parameters,
    batchNorm: layer.batchNorm ?? "none",
    init: (key) => initialise(parameters, key),
    startingStatistics,
    apply(params, examples, given) {
      const pass = { ...given, statistics: { ...startingStatistics(params), ...given.statistics } };
      const columns = parts.map(({ column, shape }) => columnOf(examples, column, shape));
      const notes: Notes = { statistics: {}, carried: {} };
      const output = apply(new Scope(params, pass, notes), columns);
      return { output, statistics: notes.statistics, carried: notes.carried };
    },
  };
}

function columnOf(examples: Tensors, column: string, shape: Shape): Tensor {
  const x = examples[column];
  if (x === undefined) {
    throw new OptionError(`model: examples must have the column ${column}, got ${Object.keys(examples).join(", ")}`);
  }
  if (!sameShape(x.shape.slice(1), shape)) {
    throw new ShapeError(
      `model: examples of column ${column} must be ${showShape(shape)}, got ${showShape(x.shape.slice(1))}`,
    );
  }
  return x;
}

/** Paths of parameters; one that is shared is listed once. @throws OptionError when two others have the same path */
function withoutSlashes(parameters: readonly Parameter[]): Parameter[] {
  const byPath = new Map<string, Parameter>();
  for (const parameter of parameters) {
    const isShared = parameter.name.startsWith("/");
    const path = isShared ? parameter.name.slice(1) : parameter.name;
    const known = byPath.get(path);
    if (known !== undefined && !(isShared && sameShape(known.shape, parameter.shape))) {
      throw new OptionError(`model: names of parameters must be unique, got twice ${path}; rename a layer`);
    }
    byPath.set(path, { ...parameter, name: path });
  }
  return [...byPath.values()];
}

/**
 * Starting values of parameters. Each draws from a stream of its own that its path names: neither a layer that is inserted
 * nor another model under the same key changes it.
 */
export function initialise(parameters: readonly Parameter[], key: Tensor): Tensors {
  return Object.fromEntries(
    parameters.map(({ name, shape, initialiser, fans = fansOf(shape) }) => [
      name,
      initialiser(key, shape, streamOf(name), fans),
    ]),
  );
}

/** FNV-1a of a path's UTF-16 code units, as a stream of the random operators: 31 bits. */
export function streamOf(path: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & 0x7fffffff;
}

/**
 * The same model with a name before the path of every parameter, so that several models share one learner: their starting
 * weights differ although key and shapes are the same.
 */
export function named(name: string, body: Model): Model {
  requireModel("named: model", body);
  if (typeof name !== "string" || name === "") throw wrong("named: name", "a name", name);
  const prefix = `${name}.`;
  const parameters = body.parameters.map((each) => ({ ...each, name: prefix + each.name }));
  const inside = (tensors: Tensors): Tensors =>
    Object.fromEntries(
      Object.entries(tensors)
        .filter(([path]) => path.startsWith(prefix))
        .map(([path, tensor]) => [path.slice(prefix.length), tensor]),
    );
  const outside = (tensors: Tensors): Tensors =>
    Object.fromEntries(Object.entries(tensors).map(([path, tensor]) => [prefix + path, tensor]));
  return {
    ...body,
    description: `${name}: ${body.description}`,
    parameters,
    init: (key) => initialise(parameters, key),
    startingStatistics: (params) => outside(body.startingStatistics(inside(params))),
    apply(params, examples, pass) {
      const { statistics } = pass;
      const within = statistics === undefined ? pass : { ...pass, statistics: inside(statistics) };
      const applied = body.apply(inside(params), examples, within);
      return { ...applied, statistics: outside(applied.statistics), carried: outside(applied.carried) };
    },
  };
}

/** @throws OptionError unless the value is a model */
export function requireModel(what: string, value: unknown): void {
  const members = ["inputs", "outputShape", "parameters", "apply()", "init()", "startingStatistics()"];
  requireObject(what, value, "a model, such as mlp({ … })", members);
}
