/** Products rewritten by their factors: the same numbers for less work. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MatMulField, Opcode } from "../../assembly/opcodes.ts";
import { compileGraph } from "../../src/compile/compile.ts";
import { rewriteProducts } from "../../src/compile/products.ts";
import { mergeProducts } from "../../src/compile/shared-products.ts";
import { Core } from "../../src/core/core.ts";
import { grad } from "../../src/graph/grad.ts";
import { type Graph, type Tensors, trace, verify } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import {
  add,
  matmul,
  multiply,
  negate,
  reshape,
  stopGradient,
  subtract,
  sum,
  tanh,
  transpose,
} from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { validate } from "../../src/program/validate.ts";
import { near } from "../support/compare.ts";
import { Chance } from "../support/random.ts";

const products = suite("rewritten products");
const core = Core.create();

/** Multiplications of the matrix products of the compiled graph. */
function multiplications(graph: Graph): number {
  return validate(compileGraph(graph)).reduce((total, { opcode, fields: f }) => {
    if (opcode !== Opcode.MatMul) return total;
    return (
      total +
      [MatMulField.batch, MatMulField.M, MatMulField.N, MatMulField.K].reduce((n, at) => n * (f[at] as number), 1)
    );
  }, 0);
}

/** Multiplications of the graph's products as they stand. */
function plainly(graph: Graph): number {
  return graph.nodes.reduce((total, node) => {
    if (node.operator.name !== "matmul") return total;
    const { shape } = node.inputs[0] as Tensor;
    return total + node.size * (shape[node.attributes.transposeA ? shape.length - 2 : shape.length - 1] as number);
  }, 0);
}

/** The compiled and the rewritten graph against the graph as it was traced, in f64. */
function agrees(
  shapes: Readonly<Record<string, Shape>>,
  body: (inputs: Readonly<Record<string, Tensor>>) => Tensors,
): Graph {
  const graph = trace(shapes, body);
  const chance = new Chance(3);
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, chance.floats(shape.reduce((a, b) => a * b, 1))]),
  );
  const wanted = interpret(graph, inputs);
  const rewritten = rewriteProducts(graph);
  verify(rewritten);
  const exact = interpret(rewritten, inputs);
  const loaded = core.load(compileGraph(graph));
  const compiled = loaded.call(inputs);
  loaded.dispose();
  for (const [name, values] of Object.entries(wanted)) {
    near(exact[name] as Float64Array, values, 1e-12, `${name}, rewritten, in f64`);
    near(compiled[name] as Float32Array, values, 1e-4, `${name}, compiled`);
  }
  return rewritten;
}

products("x (w - a PQ) never forms the bracket, in every arrangement of transposes and sides", () => {
  for (let bits = 0; bits < 32; bits++) {
    const [turnP, turnQ, turnX, turnW, left] = [1, 2, 4, 8, 16].map((bit) => (bits & bit) !== 0) as boolean[];
    const [rows, columns] = turnW ? [130, 90] : [90, 130];
    const shapes = {
      w: [rows, columns] as number[],
      p: turnP ? [3, rows as number] : [rows as number, 3],
      q: turnQ ? [columns as number, 3] : [3, columns as number],
      x: left ? (turnX ? [4, 130] : [130, 4]) : turnX ? [90, 4] : [4, 90],
    } as Record<string, number[]>;
    const graph = agrees(shapes, ({ w, p, q, x }) => {
      const low = matmul(p as Tensor, q as Tensor, { transposeA: turnP as boolean, transposeB: turnQ as boolean });
      const adapted = subtract(w as Tensor, multiply(low, 0.3));
      const y = left
        ? matmul(adapted, x as Tensor, { transposeA: turnW as boolean, transposeB: turnX as boolean })
        : matmul(x as Tensor, adapted, { transposeA: turnX as boolean, transposeB: turnW as boolean });
      return { y };
    });
    const formed = graph.nodes.some(
      ({ operator, shape }) => operator.name === "subtract" && `${shape}` === `${shapes.w}`,
    );
    assert.not(formed, `arrangement ${bits}`);
  }
});

products("several steps, other combinations and scalars of the arena: the same numbers", () => {
  agrees({ w: [120, 120], p: [120, 2], q: [2, 120], r: [120, 2], rate: [], x: [3, 120] }, (inputs) => {
    const { w, p, q, r, rate, x } = inputs as Record<string, Tensor>;
    const first = matmul(p as Tensor, q as Tensor);
    const second = matmul(r as Tensor, p as Tensor, { transposeB: true });
    const step = subtract(w as Tensor, multiply(first, rate as Tensor));
    const next = add(negate(multiply(second, multiply(rate as Tensor, 2))), stopGradient(step));
    return { y: matmul(x as Tensor, next), z: matmul(tanh(x as Tensor), next), plain: matmul(x as Tensor, second) };
  });
});

products("a matrix that is an output, or read element by element, is formed all the same", () => {
  const shapes = { w: [120, 120], p: [120, 2], q: [2, 120], x: [3, 120] };
  for (const other of ["output", "tanh", "transpose"]) {
    agrees(shapes, (inputs) => {
      const { w, p, q, x } = inputs as Record<string, Tensor>;
      const adapted = subtract(w as Tensor, matmul(p as Tensor, q as Tensor));
      const y = matmul(x as Tensor, adapted);
      if (other === "output") return { y, adapted };
      return { y, z: other === "tanh" ? sum(tanh(adapted), 0) : sum(transpose(adapted), 0) };
    });
  }
});

products("parts of one gradient become one product", () => {
  const shapes = { a: [4, 200], b: [4, 150], c: [3, 200], d: [3, 150], e: [2, 200], f: [2, 150] };
  const graph = agrees(shapes, (inputs) => {
    const [a, b, c, d, e, f] = Object.values(inputs) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const part = (x: Tensor, y: Tensor) => matmul(x, y, { transposeA: true });
    return { dw: add(part(a, b), add(part(c, d), part(e, f))) };
  });
  assert.is(graph.nodes.filter(({ operator }) => operator.name === "matmul").length > 0, true);
  const [only] = Object.values(graph.outputs) as [Tensor];
  assert.is(only.operator.name, "matmul");
  assert.equal(
    only.inputs.map(({ shape }) => shape),
    [
      [9, 200],
      [9, 150],
    ],
  );
});

products("inputs under one wide matrix are multiplied together, and come apart again", () => {
  const shapes = { w: [200, 100], v: [100, 200], x: [5, 10, 20], y: [3, 200], late: [4, 200] };
  for (const transposeB of [false, true]) {
    const graph = agrees(shapes, ({ w, v, x, y, late }) => {
      const by = (rows: Tensor) => matmul(rows, (transposeB ? v : w) as Tensor, { transposeB });
      const first = tanh(by(reshape(x as Tensor, [5, 200])));
      return { first, second: by(y as Tensor), third: by(late as Tensor), other: by(tanh(y as Tensor)) };
    });
    const merged = mergeProducts(graph);
    verify(merged);
    const lefts = merged.nodes
      .filter(({ operator }) => operator.name === "matmul")
      .map(({ inputs }) => inputs[0]?.shape);
    assert.equal(lefts, [
      [12, 200],
      [3, 200],
    ]);
  }
  const narrow = trace({ w: [20, 10], x: [5, 20], y: [3, 20] }, ({ w, x, y }) => ({
    a: matmul(x, w),
    b: matmul(y, w),
  }));
  assert.is(mergeProducts(narrow), narrow);
});

/** Second-order gradients through `steps` inner steps of a two-layer network. */
function metaGradient(width: number, steps: number) {
  const shapes = { v: [200, width], w: [width, 5], xs: [5, 200], ys: [5, 5], xq: [5, 200], yq: [5, 5] };
  const body = (inputs: Readonly<Record<string, Tensor>>): Tensors => {
    const { xs, ys, xq, yq, ...meta } = inputs as Record<string, Tensor>;
    const loss = (weights: readonly Tensor[], x?: Tensor, y?: Tensor) => {
      const error = subtract(
        matmul(tanh(matmul(x as Tensor, weights[0] as Tensor)), weights[1] as Tensor),
        y as Tensor,
      );
      return sum(multiply(error, error));
    };
    let weights = [meta.v, meta.w] as Tensor[];
    for (let step = 0; step < steps; step++) {
      const gradients = grad(loss(weights, xs, ys), weights);
      weights = weights.map((each, i) => subtract(each, multiply(gradients[i] as Tensor, 0.01)));
    }
    const outer = loss(weights, xq, yq);
    const [dv, dw] = grad(outer, [meta.v as Tensor, meta.w as Tensor]) as [Tensor, Tensor];
    return { outer, dv, dw };
  };
  return { shapes, body };
}

products("the meta-gradient of a wide layer takes a quarter fewer multiplications, and is the same", () => {
  for (const steps of [1, 2, 3]) {
    const { shapes, body } = metaGradient(100, steps);
    agrees(shapes, body);
    const graph = trace(shapes, body);
    const [before, after] = [plainly(graph), multiplications(graph)];
    assert.ok(after < 0.75 * before, `${steps} steps: ${after} of ${before} multiplications`);
  }
});

products("where factors cost more than they save, the graph stays as it is", () => {
  const { shapes, body } = metaGradient(4, 1);
  const graph = trace({ ...shapes, v: [6, 4], xs: [5, 6], xq: [5, 6] }, body);
  assert.is(rewriteProducts(graph), graph);
});

products.run();
