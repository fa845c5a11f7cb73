/** Models with named parts: paths, starting weights, several models in one, shared layers, several columns. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { type Tensors, trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, KEY_SHAPE, keyToArray } from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { activation, batchNorm, flatten, linear, residual, sequential, shared } from "../../src/nn/layers.ts";
import { join, type Model, model, named } from "../../src/nn/model.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { keyOf } from "../../src/random.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";

const test = suite("models");
const core = Core.create();
const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);
const pathsOf = ({ parameters }: Pick<Model, "parameters">) => parameters.map(({ name }) => name);
const pass = { training: true, role: "support" } as const;

function startOf(body: Model, seed = 1): Record<string, Float32Array> {
  const graph = trace({ key: KEY_SHAPE }, ({ key }) => ({ ...body.init(key as Tensor) }));
  return runGraph(core, graph, { key: keyToArray(keyOf(seed)) });
}

/** A model in f64 on random parameters. */
function applied(body: Model, params: Readonly<Record<string, Float64Array>>, columns: Record<string, Float64Array>) {
  const n = (columns[Object.keys(body.inputs)[0] as string]?.length ?? 0) / sizeOf(Object.values(body.inputs)[0] ?? []);
  const shapes = Object.fromEntries(body.parameters.map(({ name, shape }) => [name, shape]));
  const inputs = Object.fromEntries(Object.entries(body.inputs).map(([name, shape]) => [name, [n, ...shape]]));
  const graph = trace({ ...shapes, ...inputs }, (all: Tensors) => ({ y: body.apply(all, all, pass).output }));
  return interpret(graph, { ...params, ...columns }).y as Float64Array;
}
const randomParams = (body: Model, seed: number): Record<string, Float64Array> => {
  const chance = new Chance(seed);
  return Object.fromEntries(body.parameters.map(({ name, shape }) => [name, chance.floats(sizeOf(shape))]));
};

test("parameters are named by the path of their layer", () => {
  assert.equal(pathsOf(mlp({ inputShape: 3, hidden: [4], outputs: 2, batchNorm: "transductive" })), [
    "hidden1.weight",
    "hidden1.bias",
    "norm1.scale",
    "norm1.shift",
    "head.weight",
    "head.bias",
  ]);
  const names = pathsOf(conv4({ inputShape: [16, 16, 1], outputs: 5, batchNorm: "support" }));
  for (const name of ["conv1.kernel", "conv4.bias", "norm4.variance", "head.weight"])
    assert.ok(names.includes(name), name);
  assert.not.ok(names.includes("norm4.count"), "every task begins to count anew");
  assert.equal(pathsOf(model([3], sequential([linear(4), activation("relu"), linear(2)]))), [
    "linear1.weight",
    "linear1.bias",
    "linear2.weight",
    "linear2.bias",
  ]);
  const nested = sequential({ body: sequential([linear(3), residual(linear(3))]), head: linear(2) });
  assert.equal(
    pathsOf(model([3], nested)).filter((name) => name.endsWith("weight")),
    ["body.linear1.weight", "body.residual1.weight", "head.weight"],
  );
});

test("a layer that is inserted changes neither the names nor the starting values of the others", () => {
  const short = startOf(mlp({ inputShape: 3, hidden: [4], outputs: 2 }));
  const long = startOf(mlp({ inputShape: 3, hidden: [4, 4], outputs: 2 }));
  for (const name of ["hidden1.weight", "head.weight"]) assert.equal(long[name], short[name], name);
  assert.not.equal(long["hidden1.weight"]?.slice(0, 8), long["hidden2.weight"]?.slice(0, 8));
});

test("two models under one key, of equal shapes, start differently and keep apart", () => {
  const body = mlp({ inputShape: 3, hidden: [4], outputs: 3, batchNorm: "support" });
  const [one, two] = [named("one", body), named("two", body)];
  assert.equal(pathsOf(one)[0], "one.hidden1.weight");
  const [a, b] = [startOf(one), startOf(two)];
  assert.not.equal(a["one.hidden1.weight"], b["two.hidden1.weight"]);
  // Applied to its own among the parameters of both.
  const chance = new Chance(3);
  const [p, q] = [randomParams(one, 1), randomParams(two, 2)];
  for (const values of [p, q]) for (const name in values) if (name.endsWith("variance")) values[name]?.fill(1);
  const x = chance.floats(6);
  const plain = Object.fromEntries(Object.entries(q).map(([name, data]) => [name.slice("two.".length), data]));
  near(applied(two, { ...q }, { x }), applied(body, plain, { x }), 1e-12, "two");
  const graph = trace(
    {
      ...Object.fromEntries([...one.parameters, ...two.parameters].map(({ name, shape }) => [name, shape])),
      x: [2, 3],
    },
    (all: Tensors) => {
      const first = one.apply(all, all, pass);
      const second = two.apply(all, all, { ...pass, statistics: first.statistics });
      return { y: add(first.output, second.output), ...first.statistics, ...second.statistics };
    },
  );
  const results = interpret(graph, { ...p, ...q, x });
  near(
    results.y ?? [],
    applied(one, p, { x }).map((v, i) => v + (applied(two, q, { x })[i] as number)),
    1e-6,
    "both",
  );
  assert.equal(
    Object.keys(results).filter((name) => name.endsWith("count")),
    ["one.norm1.count", "two.norm1.count"],
  );
  assert.is.not(one.description, two.description);
  throwsA(OptionError, () => named("", body), "named: name");
  throwsA(OptionError, () => named("a", linear(2) as never), "named: model must be a model");
});

test("a shared layer has one set of parameters wherever it stands", () => {
  const both = model([3], sequential([shared("tied", linear(3)), activation("tanh"), shared("tied", linear(3))]));
  assert.equal(pathsOf(both), ["tied.weight", "tied.bias"]);
  const single = model([3], linear(3));
  const params = randomParams(both, 4);
  const plain = { weight: params["tied.weight"] as Float64Array, bias: params["tied.bias"] as Float64Array };
  const x = new Chance(5).floats(6);
  const twice = applied(single, plain, { x: applied(single, plain, { x }).map(Math.tanh) });
  near(applied(both, params, { x }), twice, 1e-12, "twice");
  throwsA(
    OptionError,
    () => model([3], sequential([shared("tied", linear(4)), shared("tied", linear(3))])),
    "names of parameters must be unique, got twice tied.weight",
  );
});

test("a residual connection adds what went in; shapes that differ are refused", () => {
  const body = model([3], residual(linear(3)));
  const params = randomParams(body, 6);
  const x = new Chance(7).floats(6);
  const through = applied(model([3], linear(3)), params, { x });
  near(
    applied(body, params, { x }),
    through.map((value, i) => value + (x[i] as number)),
    1e-12,
    "residual",
  );
  throwsA(ShapeError, () => model([3], residual(linear(4))), "residual: the layer must keep the shape [3]", "shortcut");
  const wide = model([3], residual(linear(4), { shortcut: linear(4, { bias: false }) }));
  assert.equal(pathsOf(wide), ["weight", "bias", "shortcut.weight"]);
});

test("join reads several columns, each by a layer of its own", () => {
  const body = join({ image: [[2, 2, 1], sequential([flatten(), linear(3)])], text: [[5], linear(2)] }, linear(4));
  assert.equal(body.inputs, { image: [2, 2, 1], text: [5] });
  assert.equal(pathsOf(body), [
    "image.linear1.weight",
    "image.linear1.bias",
    "text.weight",
    "text.bias",
    "head.weight",
    "head.bias",
  ]);
  const params = randomParams(body, 8);
  const chance = new Chance(9);
  const [image, text] = [chance.floats(8), chance.floats(10)];
  const part = (prefix: string, input: number, outputs: number, x: Float64Array) => {
    const pick = (name: string) => params[`${prefix}.${name}`] as Float64Array;
    return applied(model([input], linear(outputs)), { weight: pick("weight"), bias: pick("bias") }, { x });
  };
  const [z, w] = [part("image.linear1", 4, 3, image), part("text", 5, 2, text)];
  const vectors = Float64Array.from([...z.slice(0, 3), ...w.slice(0, 2), ...z.slice(3), ...w.slice(2)]);
  near(applied(body, params, { image, text }), part("head", 5, 4, vectors), 1e-12, "join");
  throwsA(OptionError, () => join({}, linear(2)), "join: parts must be of at least one column");
  throwsA(
    OptionError,
    () => join({ a: linear(2) } as never, linear(2)),
    "join: a must be [shape of an example, layer]",
  );
  const modes = { a: [[3], batchNorm({ mode: "support" })], b: [[3], batchNorm({ mode: "running" })] } as const;
  throwsA(OptionError, () => join(modes as never, linear(2)), "the same mode in all layers");
  throwsA(
    OptionError,
    () =>
      trace({ key: KEY_SHAPE, image: [2, 2, 2, 1] }, ({ key, image }) => ({
        y: body.apply(body.init(key as Tensor), { image: image as Tensor }, pass).output,
      })),
    "model: examples must have the column text, got image",
  );
});

test.run();
