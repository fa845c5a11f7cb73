/** Building graphs: sharing, simplification, errors, verification, printing. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile, compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { OptionError, ShapeError, TraceError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { type Graph, print, trace, verify } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import * as q from "../../src/graph/operators/index.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { Tensor } from "../../src/graph/tensor.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { randomRecipe } from "../support/recipes.ts";

const graphs = suite("graph");

/** Traces a function of tensors of the given shapes and returns what it returns. */
function traced<T>(shapes: readonly Shape[], body: (...xs: Tensor[]) => T): T {
  let result: T | undefined;
  trace(Object.fromEntries(shapes.map((shape, i) => [`x${i}`, shape])), (inputs) => {
    result = body(...Object.values<Tensor>(inputs));
    return {};
  });
  return result as T;
}

// ---------------------------------------------------------------- sharing

graphs("equal subexpressions are one node, whatever the order of a sum's or a product's operands", () => {
  traced([[3], [3]], (a, b) => {
    assert.is(q.add(q.exp(a as Tensor), b as Tensor), q.add(b as Tensor, q.exp(a as Tensor)));
    assert.is(q.multiply(a as Tensor, b as Tensor), q.multiply(b as Tensor, a as Tensor));
    assert.is(q.sum(a as Tensor, -1), q.sum(a as Tensor, [0]));
    assert.is(q.constant(0.1), q.constant(Math.fround(0.1)));
    assert.is(q.literal([1, 2], [2]), q.literal(new Float32Array([1, 2])));
  });
});

graphs("what differs in an operand, an attribute or the sign of a zero is not shared", () => {
  traced([[4], [4]], (a, b) => {
    const [x, y] = [a as Tensor, b as Tensor];
    assert.is.not(q.subtract(x, y), q.subtract(y, x));
    assert.is.not(q.slice(x, [0], [2]), q.slice(x, [1], [2]));
    assert.is.not(q.randomUniform(x, [2], 0), q.randomUniform(x, [2], 1));
    assert.is.not(q.literal([1, 2], [2]), q.literal([1, 2], [2, 1]));
    assert.is.not(q.literal([0]), q.literal([-0]));
    assert.is.not(q.constant(0), q.constant(-0));
    assert.is.not(
      q.matmul(q.reshape(x, [2, 2]), q.reshape(y, [2, 2])),
      q.matmul(q.reshape(y, [2, 2]), q.reshape(x, [2, 2])),
    );
  });
});

graphs("an attribute keeps a copy of a list that is changed later", () => {
  traced([[2, 3]], (x) => {
    const [shape, start, size, order] = [
      [3, 2],
      [0, 1],
      [2, 2],
      [1, 0],
    ];
    const made = [q.reshape(x as Tensor, shape), q.slice(x as Tensor, start, size), q.transpose(x as Tensor, order)];
    const before = made.map((each) => structuredClone(each.attributes));
    for (const list of [shape, start, size, order]) list.fill(9);
    assert.equal(
      made.map((each) => each.attributes),
      before,
    );
    assert.equal(made[1]?.shape, [2, 2]);
  });
});

graphs("a literal keeps a copy of its numbers", () => {
  const data = new Float32Array([1, 2]);
  const graph = trace({}, () => ({ y: q.literal(data) }));
  data[0] = 9;
  assert.equal(Array.from(interpret(graph, {}).y as Float64Array), [1, 2]);
});

// ---------------------------------------------------------------- simplification

graphs("neutral operands, inverses and repetitions fold away", () => {
  traced([[3, 4], [3, 4], [1]], (...xs) => {
    const [x, y, s] = xs as [Tensor, Tensor, Tensor];
    const folds: readonly (readonly [string, Tensor, Tensor])[] = [
      ["x + 0", q.add(x, 0), x],
      ["0 + x", q.add(0, x), x],
      ["x - 0", q.subtract(x, 0), x],
      ["0 - x", q.subtract(0, x), q.negate(x)],
      ["x - x", q.subtract(x, x), q.zeros([3, 4])],
      ["x + -y", q.add(x, q.negate(y)), q.subtract(x, y)],
      ["-x + y", q.add(q.negate(x), y), q.subtract(y, x)],
      ["x - -y", q.subtract(x, q.negate(y)), q.add(x, y)],
      ["--x", q.negate(q.negate(x)), x],
      ["-(x - y)", q.negate(q.subtract(x, y)), q.subtract(y, x)],
      ["x * 1", q.multiply(x, 1), x],
      ["x * 0", q.multiply(0, x), q.zeros([3, 4])],
      ["x * -1", q.multiply(x, -1), q.negate(x)],
      ["x * 2 * 3", q.multiply(3, q.multiply(x, 2)), q.multiply(x, 6)],
      ["-x * 2", q.multiply(q.negate(x), 2), q.multiply(x, -2)],
      ["x / 1", q.divide(x, 1), x],
      ["1 / x", q.divide(1, x), q.reciprocal(x)],
      ["2 + 3 * 4", q.add(2, q.multiply(3, 4)), q.constant(14)],
      ["1e30 * 1e30", q.multiply(1e30, 1e30), q.constant(Number.POSITIVE_INFINITY)],
      ["gate of gate", q.gate(q.gate(x, y), y), q.gate(x, y)],
      ["select by 1", q.select(1, x, y), x],
      ["select by 0", q.select(0, x, y), y],
      ["select of equals", q.select(y, x, x), x],
      ["reshape to itself", q.reshape(x, [3, 4]), x],
      ["reshape of reshape", q.reshape(q.reshape(x, [12]), [3, 4]), x],
      ["broadcast to itself", q.broadcast(x, [3, 4]), x],
      ["broadcast of broadcast", q.broadcast(q.broadcast(s, [4]), [3, 4]), q.broadcast(s, [3, 4])],
      ["op of broadcasts", q.exp(q.broadcast(s, [3, 4])), q.broadcast(q.exp(s), [3, 4])],
      ["transpose twice", q.transpose(q.transpose(x)), x],
      ["transpose to itself", q.transpose(x, [0, 1]), x],
      ["whole slice", q.slice(x, [0, 0], [3, 4]), x],
      ["slice of a constant", q.slice(q.full([3, 4], 2), [1, 1], [2, 2]), q.full([2, 2], 2)],
      ["no padding", q.pad(x, [0, 0], [0, 0]), x],
      ["concat of one", q.concat([x], 0), x],
      ["concat of one constant", q.concat([q.full([2, 3], 4), q.full([1, 3], 4)], 0), q.full([3, 3], 4)],
      ["sum over no axis", q.sum(x, []), x],
      ["sum over an axis of 1", q.sum(q.reshape(x, [3, 1, 4]), 1), x],
      ["sum of -x", q.sum(q.negate(x), 0), q.negate(q.sum(x, 0))],
      ["sum of copies", q.sum(q.broadcast(s, [3, 4])), q.multiply(q.reshape(s, []), 12)],
      ["sum of x * 2", q.sum(q.multiply(x, 2)), q.multiply(q.sum(x), 2)],
      ["stopGradient twice", q.stopGradient(q.stopGradient(x)), q.stopGradient(x)],
    ];
    for (const [name, actual, expected] of folds) assert.is(actual, expected, `${name}: ${actual} is not ${expected}`);
  });
});

graphs("folding constants together does not leave the range of f32", () => {
  const graph = trace({ x: [2] }, ({ x }) => ({
    up: q.multiply(q.multiply(x, 1e30), 1e30),
    down: q.multiply(q.multiply(x, 1e-30), 1e-30),
    back: q.multiply(q.multiply(x, 1e-30), 1e30),
  }));
  const inputs = { x: [1e-30, 1e30] };
  const core = Core.create();
  const values = core
    .load(
      compile({ x: [2] }, ({ x }) => ({
        up: q.multiply(q.multiply(x, 1e30), 1e30),
        down: q.multiply(q.multiply(x, 1e-30), 1e-30),
      })),
    )
    .call(inputs);
  near([values.up?.[0] ?? 0], [1e30], 1e-6, "up");
  near([(values.down?.[1] ?? 0) * 1e30], [1], 1e-6, "down");
  near([interpret(graph, inputs).back?.[1] ?? 0], [1e30], 1e-6, "back");
});

graphs("random functions keep their values and shapes through simplification", () => {
  let nodes = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { shapes, inputs, values, build } = randomRecipe(25, new Chance(1000 + seed));
    const graph = trace(shapes, (xs) => Object.fromEntries(build(xs).map((y, i) => [`y${i}`, y])));
    verify(graph);
    nodes += graph.nodes.length;
    const actual = interpret(graph, inputs);
    for (const [i, { shape, data }] of values.entries()) {
      assert.equal(graph.outputs[`y${i}`]?.shape, shape, `seed ${seed}: y${i}`);
      near(actual[`y${i}`] as Float64Array, data, 3e-7, `seed ${seed}: y${i}`);
    }
  }
  assert.ok(nodes > 3000, `${nodes} nodes`);
});

// ---------------------------------------------------------------- errors

graphs("shapes that do not fit are refused, with the operation, the rule and what was got", () => {
  traced([[2, 3], [4, 3], [1, 5, 5, 3], [3, 3, 1, 4], []], (...xs) => {
    const [a, b, x, w, s] = xs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    throwsA(ShapeError, () => q.add(a, b), "add:", "do not broadcast", "[2,3] and [4,3]");
    throwsA(ShapeError, () => q.select(a, b, 1), "select:", "[2,3] and [4,3] and []");
    throwsA(ShapeError, () => q.matmul(a, b), "matmul: inner extents must be equal, got 3 and 4", "a [2,3], b [4,3]");
    throwsA(ShapeError, () => q.matmul(a, s), "matmul:", "matrices", "[2,3], b []");
    throwsA(
      ShapeError,
      () => q.conv2d(x, w),
      "conv2d: input has 3 channels, kernel expects 1 (x [1,5,5,3], w [3,3,1,4])",
    );
    throwsA(ShapeError, () => q.conv2d(a, w), "conv2d:", "4 axes", "[2,3]");
    throwsA(ShapeError, () => q.maxPool(a, { size: 2 }), "maxPool:", "[N,H,W,C]", "[2,3]");
    throwsA(ShapeError, () => q.averagePool(x, { size: 6 }), "averagePool:", "[6,6] does not fit", "[5,5]");
    throwsA(ShapeError, () => q.reshape(a, [4, 2]), "reshape:", "[2,3] has 6 elements, [4,2] has 8");
    throwsA(ShapeError, () => q.reshape(a, [-1, 4]), "reshape:", "whole numbers");
    throwsA(ShapeError, () => q.broadcast(a, [2, 4]), "broadcast:", "[2,3] does not stretch to [2,4]");
    throwsA(ShapeError, () => q.literal([1, 2], [3]), "literal:", "2 numbers do not fill 3");
    throwsA(ShapeError, () => q.transpose(a, [0, 0]), "transpose:", "[0,0] must name every axis of [2,3]");
    throwsA(ShapeError, () => q.slice(a, [0, 2], [2, 2]), "slice:", "[0,2] with size [2,2] lies outside [2,3]");
    throwsA(ShapeError, () => q.slice(a, [0], [2]), "slice:");
    throwsA(ShapeError, () => q.concat([a, b], 1), "concat:", "[2,3] and [4,3]", "axis 1");
    throwsA(ShapeError, () => q.concat([a, q.sum(a, 1)], 1), "concat:", "[2,3] and [2]", "axis 1");
    throwsA(ShapeError, () => q.gather(a, b), "gather:", "1 axis", "[4,3]");
    throwsA(ShapeError, () => q.scatterAdd(a, q.full([3], 0), 2), "scatterAdd:", "one index a row", "[2,3]", "[3]");
    throwsA(ShapeError, () => q.softmax(s), "softmax:", "must have an axis");
    throwsA(ShapeError, () => q.randomNormal(a, [3]), "randomNormal:", "key must be [4]", "[2,3]");
    throwsA(ShapeError, () => grad(a, [b]), "grad:", "scalar", "[2,3]");
  });
});

graphs("options outside their range are refused", () => {
  traced(
    [
      [2, 3],
      [1, 5, 5, 3],
      [3, 3, 3, 4],
    ],
    (...xs) => {
      const [a, x, w] = xs as [Tensor, Tensor, Tensor];
      throwsA(OptionError, () => q.reshape(a, [-2, -3]), "reshape: shape must be", "[-2, -3]");
      throwsA(OptionError, () => q.broadcast(a, [0]), "broadcast: shape", "whole numbers from 1", "[0]");
      throwsA(OptionError, () => q.full([2.5], 1), "full: shape", "whole numbers from 1", "[2.5]");
      throwsA(OptionError, () => q.slice(a, [0, 0.5], [2, 2]), "slice: start", "[0, 0.5]");
      throwsA(OptionError, () => q.pad(a, [-1, 0], [0, 0]), "pad: before", "[-1, 0]");
      throwsA(OptionError, () => q.concat([a, a], 0.5), "concat: axis must be a whole number, got 0.5");
      throwsA(OptionError, () => q.scatterAdd(a, q.full([2], 0), 0), "scatterAdd: rows", "from 1, got 0");
      throwsA(OptionError, () => q.oneHot(a, 1.5), "oneHot: classes", "got 1.5");
      throwsA(OptionError, () => q.sum(a, 2), "sum:", "axes", "[2]");
      throwsA(OptionError, () => q.mean(a, [0, -2]), "axes", "different", "[0,-2]");
      throwsA(OptionError, () => q.max(a, 0.5), "max:", "axes", "[0.5]");
      throwsA(
        OptionError,
        () => q.conv2d(x, w, { stride: 0 }),
        "conv2d: stride must be a whole number from 1, or two of them, got 0",
      );
      throwsA(OptionError, () => q.conv2d(x, w, { pad: -1 }), "conv2d: pad must be", "got -1");
      throwsA(OptionError, () => q.conv2d(x, w, { pad: [1, 1] as unknown as number }), "conv2d: pad", "[1, 1]");
      throwsA(OptionError, () => q.averagePool(x, { size: 1.5, stride: 1 }), "averagePool: size", "got 1.5");
      throwsA(OptionError, () => q.averagePool(x, { size: 0, stride: 1 }), "averagePool: size", "got 0");
      throwsA(OptionError, () => q.maxPool(x, { size: 2, pad: 2 }), "maxPool: pad must be less than the size", "[2,2]");
      throwsA(OptionError, () => q.concat([], 0), "concat: at least one tensor");
    },
  );
  throwsA(OptionError, () => trace({ x: [2, 0] }, () => ({})), "trace: shape of x", "whole numbers from 1", "[2, 0]");
  throwsA(OptionError, () => trace({ x: [1.5] }, () => ({})), "trace: shape of x", "[1.5]");
});

graphs("tensors have no meaning outside their trace", () => {
  const strayed = traced([[2]], (x) => x) as Tensor;
  throwsA(TraceError, () => q.exp(strayed), "exp:", "compile(…) or trace(…)");
  throwsA(TraceError, () => q.constant(1), "constant:");
  throwsA(TraceError, () => trace({}, () => ({ y: strayed })), "output y:", "another trace");
  throwsA(
    TraceError,
    () => trace({}, () => ({ y: 1 as unknown as Tensor })),
    "trace: output y must be a tensor, got 1",
  );
  throwsA(
    TraceError,
    () => compile({ x: [] }, () => ({ y: undefined as unknown as Tensor })),
    "compile: output y must be a tensor, got undefined",
  );
  traced([[2]], (x) => {
    throwsA(TraceError, () => q.add(x as Tensor, strayed), "add:", "%0 input [2] belongs to another trace");
    throwsA(TraceError, () => grad(q.sum(x as Tensor), [strayed]), "grad:", "another trace");
    throwsA(
      TraceError,
      () => q.add(x as Tensor, [1, 2] as unknown as Tensor),
      "add: operands must be tensors, got [1, 2]",
    );
    throwsA(TraceError, () => q.multiply(undefined as unknown as Tensor, 2), "multiply:", "got undefined");
    throwsA(TraceError, () => q.sum("x" as unknown as Tensor), 'sum: operands must be tensors, got "x"');
  });
});

graphs("a trace that throws, and one inside another, leave the outer trace as it was", () => {
  traced([[2]], (x) => {
    assert.throws(() => trace({ y: [2] }, ({ y }) => ({ z: q.add(y, x as Tensor) })), /belongs to another trace/);
    const inner = trace({ y: [3] }, ({ y }) => ({ z: q.exp(y) }));
    assert.is(inner.outputs.z?.size, 3);
    assert.is(q.exp(x as Tensor).size, 2);
  });
});

graphs("the gradient with respect to tensors by name is that with respect to the list, node for node", () => {
  traced([[2, 3], [3]], (x, b) => {
    const [w, c] = [x as Tensor, b as Tensor];
    const y = q.sum(q.square(q.add(q.exp(w), c)));
    const [dw, dc] = grad(y, [w, c]);
    const named = grad(y, { c, w });
    assert.equal(Object.keys(named), ["c", "w"]);
    assert.is(named.w, dw);
    assert.is(named.c, dc);
    assert.equal(grad(y, {}), {});
    assert.equal(grad(y, []), []);
  });
});

graphs("inputs and outputs may have any name", () => {
  const shapes = JSON.parse('{ "__proto__": [2], "constructor": [2] }') as Record<string, number[]>;
  const graph = trace(shapes, (inputs) => inputs);
  assert.equal(Object.keys(graph.inputs), ["__proto__", "constructor"]);
  assert.equal(
    compileGraph(graph).outputs.map(({ name }) => name),
    ["__proto__", "constructor"],
  );
});

graphs("interpret names an input that is missing or of the wrong length", () => {
  const graph = trace({ x: [2, 3] }, ({ x }) => ({ y: q.exp(x) }));
  throwsA(
    OptionError,
    () => interpret(graph as Graph, {}),
    "interpret: input x must be an array of numbers, got undefined",
  );
  throwsA(ShapeError, () => interpret(graph, { x: [1, 2] }), "interpret: input x [2,3] needs 6 numbers, got 2");
});

// ---------------------------------------------------------------- gradients as graph

graphs(
  "grad of what does not depend on x is zeros, of x itself ones, and of a kept intermediate what flows into it",
  () => {
    traced([[3], [3]], (a, b) => {
      const [x, y] = [a as Tensor, b as Tensor];
      assert.equal(grad(q.sum(x), [y]), [q.zeros([3])]);
      assert.equal(grad(q.sum(q.sign(x)), [x]), [q.zeros([3])]);
      const total = q.sum(x);
      assert.equal(grad(total, [total, x]), [q.constant(1), q.ones([3])]);
      const hidden = q.exp(x);
      assert.equal(grad(q.sum(q.multiply(hidden, y)), [hidden, x]), [y, q.multiply(y, hidden)]);
      assert.equal(grad(q.sum(x), []), []);
    });
  },
);

// ---------------------------------------------------------------- verification

/** A sound graph whose nodes are the test's to damage. */
function sound(): { graph: Graph; nodes: Tensor[] } {
  const graph = trace({ x: [2, 3], y: [2, 3] }, ({ x, y }) => ({ z: q.sum(q.exp(q.add(x, y)), 1) }));
  return { graph, nodes: [...graph.nodes] };
}

/** The node with some of its fields replaced. */
function altered(node: Tensor, change: Partial<Pick<Tensor, "operator" | "inputs" | "attributes" | "shape">>): Tensor {
  const { trace: home, id, operator, inputs, attributes, shape } = { ...node, ...change } as Tensor;
  return new Tensor(home, id, operator, inputs, attributes, shape);
}

graphs("verify accepts sound graphs and names the first node that is wrong in a damaged one", () => {
  const { graph, nodes } = sound();
  verify(graph);
  const [x, y, added, grown] = nodes as [Tensor, Tensor, Tensor, Tensor];
  const refuses = (damaged: Partial<Graph>, ...parts: string[]) =>
    throwsA(TraceError, () => verify({ ...graph, ...damaged }), "graph:", ...parts);
  const replaced = (node: Tensor) => ({ nodes: nodes.map((each) => (each.id === node.id ? node : each)) });

  refuses({ nodes: [x, added, y, grown] }, "%2 add [2,3]", "before its operand %1 input [2,3]");
  refuses({ nodes: nodes.slice(1) }, "operand %0 input [2,3]");
  refuses(replaced(altered(added, { shape: [3, 2] })), "%2 add [3,2] should have the shape [2,3]");
  refuses(replaced(altered(added, { inputs: [x] })), "%2 add [2,3] has 1 operands, not 2");
  refuses(replaced(altered(grown, { operator: { ...grown.operator } })), "%3 exp [2,3]", "not in the table");
  const narrow = altered(x, { shape: [2], attributes: { name: "x", shape: [2] } });
  refuses(
    {
      ...replaced(altered(added, { inputs: [narrow, y] })),
      nodes: [narrow, y, altered(added, { inputs: [narrow, y] })],
    },
    "add",
    "one shape",
  );
  refuses({ outputs: { z: altered(added, {}) } }, "output z", "is not among its nodes");
  refuses({ inputs: { x: altered(x, {}) } }, "input x", "is not among its nodes");
  assert.throws(() => compile({ x: [2] }, ({ x: input }) => ({ y: altered(input, { shape: [3] }) })), /graph:/);
});

graphs("verify holds a joined node to at least one operand", () => {
  const graph = trace({ x: [2] }, ({ x }) => ({ y: q.concat([x, x], 0) }));
  const [x, joined] = graph.nodes as [Tensor, Tensor];
  throwsA(TraceError, () => verify({ ...graph, nodes: [x, altered(joined, { inputs: [] })] }), "has 0 operands");
});

// ---------------------------------------------------------------- printing

graphs("print shows a line a node, operands first, outputs by name", () => {
  const graph = trace({ w: [3, 2], x: [4, 3] }, ({ w, x }) => {
    const loss = q.mean(q.square(q.matmul(x, w)));
    return { loss, dw: grad(loss, [w])[0] as Tensor, again: loss, row: q.literal([1, 2]) };
  });
  const golden = `\
%0 input [3,2]() name=w
%1 input [4,3]() name=x
%2 matmul [4,2](%1, %0) transposeA=false transposeB=false
%3 square [4,2](%2)
%4 sum [](%3) axes=0,1
%5 constant []() value=0.125
%6 multiply [](%4, %5) -> loss -> again
%13 constant []() value=0.25
%14 broadcast [4,2](%13)
%15 multiply [4,2](%2, %14)
%16 matmul [3,2](%1, %15) transposeA=true transposeB=false -> dw
%17 literal [2]() data=f32[2] -> row`;
  assert.is(print(graph), golden);
  assert.is(print(graph), print(graph));
});

graphs.run();
