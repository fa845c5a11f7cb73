/** Layers made of layers. */
import { isRecord, requireObject, requireOptions, wrong } from "../arguments.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { add } from "../graph/operators/index.ts";
import { type Shape, sameShape, showShape } from "../graph/shape.ts";
import type { BatchNormMode, Layer, Parameter, Scope } from "./layer.ts";

/** @throws OptionError unless the value is a layer */
export function requireLayer(what: string, value: unknown): void {
  const members = ["kind", "outputShape()", "parameters()", "apply()"];
  requireObject(what, value, "a layer, such as layers.linear(5)", members);
}

/** The parameters of a layer that is called `name` in another: those of shared layers keep their paths. */
export function under(name: string, parameters: readonly Parameter[]): Parameter[] {
  return parameters.map((each) =>
    each.name.startsWith("/") || name === "" ? each : { ...each, name: `${name}.${each.name}` },
  );
}

/**
 * The one mode of batch normalisation among layers.
 * @throws OptionError when there are two: a result could not name the one it is due to
 */
export function commonMode(what: string, parts: readonly { readonly batchNorm?: BatchNormMode }[]): BatchNormMode {
  const modes = new Set(parts.map(({ batchNorm = "none" }) => batchNorm));
  modes.delete("none");
  const [mode = "none", other] = modes;
  if (other === undefined) return mode;
  throw new OptionError(`${what}: batchNorm must be the same mode in all layers, got ${mode} and ${other}`);
}

/**
 * Layers one after another. In a record, parameters are named by its keys: `{ conv1: conv2d(64), head: linear(5) }` has
 * `conv1.kernel` and `head.weight`, and the head is what `adapts: "head"` means. In a list, a layer is named by its kind and
 * its number among those of its kind: `conv1.kernel`, `linear1.weight`.
 * @throws OptionError when the layers use batch normalisation in different modes
 */
export function sequential(layers: readonly Layer[] | Readonly<Record<string, Layer>>): Layer {
  if (!Array.isArray(layers) && !isRecord(layers))
    throw wrong("sequential: layers", "a list or record of layers", layers);
  const named = Array.isArray(layers) ? numbered(layers) : Object.entries(layers as Readonly<Record<string, Layer>>);
  for (const [name, layer] of named) {
    requireLayer(`sequential: ${name}`, layer);
    if (!/^[^./]*[^./\d][^./]*$/.test(name))
      throw wrong("sequential: names", "with a letter, and without dots and slashes", name);
  }
  const shapesBefore = (input: Shape): Shape[] => {
    const shapes: Shape[] = [input];
    for (const [, layer] of named) shapes.push(layer.outputShape(shapes[shapes.length - 1] as Shape));
    return shapes;
  };
  return {
    kind: "sequential",
    description: named.map(([, { description }]) => description).join(", "),
    batchNorm: commonMode(
      "sequential",
      named.map(([, layer]) => layer),
    ),
    outputShape: (input) => shapesBefore(input)[named.length] as Shape,
    parameters(input) {
      const shapes = shapesBefore(input);
      return named.flatMap(([name, layer], i) => under(name, layer.parameters(shapes[i] as Shape)));
    },
    apply: (scope, x) => named.reduce((value, [name, layer]) => layer.apply(scope.child(name), value), x),
  };
}

function numbered(layers: readonly Layer[]): [string, Layer][] {
  const counts = new Map<string, number>();
  return layers.map((layer, i) => {
    requireLayer(`sequential: layer ${i}`, layer);
    const count = (counts.get(layer.kind) ?? 0) + 1;
    counts.set(layer.kind, count);
    return [`${layer.kind}${count}`, layer];
  });
}

export interface ResidualOptions {
  /** What the input passes through, such as a convolution of size 1 where shapes differ; nothing by default. */
  readonly shortcut?: Layer;
}

/**
 * A residual connection: x + layer(x), or shortcut(x) + layer(x) (He et al. 2016, equations 1 and 2). The layer's
 * parameters keep their names, the shortcut's are below `shortcut`.
 */
export function residual(layer: Layer, options: ResidualOptions = {}): Layer {
  requireLayer("residual: layer", layer);
  requireOptions("residual", options, ["shortcut"]);
  const { shortcut } = options;
  if (shortcut !== undefined) requireLayer("residual: shortcut", shortcut);
  return {
    kind: "residual",
    description: `residual(${layer.description}${shortcut ? `; ${shortcut.description}` : ""})`,
    batchNorm: commonMode("residual", shortcut ? [layer, shortcut] : [layer]),
    outputShape(input) {
      const [around, through] = [shortcut?.outputShape(input) ?? input, layer.outputShape(input)];
      if (sameShape(around, through)) return through;
      throw new ShapeError(
        `residual: the layer must keep the shape ${showShape(around)}, got ${showShape(through)}; give a shortcut of that shape`,
      );
    },
    parameters: (input) => [
      ...layer.parameters(input),
      ...(shortcut ? under("shortcut", shortcut.parameters(input)) : []),
    ],
    apply(scope: Scope, x) {
      const around = shortcut ? shortcut.apply(scope.child("shortcut"), x) : x;
      return add(around, layer.apply(scope, x));
    },
  };
}

/**
 * A layer whose parameters are called `name` wherever it stands in a model, and are the same there: two branches of one
 * model, or a layer that is applied repeatedly, share their weights.
 */
export function shared(name: string, layer: Layer): Layer {
  requireLayer("shared: layer", layer);
  if (layer.batchNorm === "support" || layer.batchNorm === "running") {
    throw new OptionError(
      `shared: layer must not have batch norm with statistics of its own, got ${layer.batchNorm}; each place would need its own`,
    );
  }
  if (typeof name !== "string" || name === "" || name.includes("/")) {
    throw wrong("shared: name", "a name without slashes", name);
  }
  return {
    ...layer,
    parameters: (input) =>
      layer
        .parameters(input)
        .map((each) => (each.name.startsWith("/") ? each : { ...each, name: `/${name}.${each.name}` })),
    apply: (scope, x) => layer.apply(scope.child(`/${name}`), x),
  };
}
