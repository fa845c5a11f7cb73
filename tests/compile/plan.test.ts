/** Compiled programs do what their graphs say, whatever was fused, shared, read through or put into the same bytes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile, compileGraph } from "../../src/compile/compile.ts";
import { planMemory } from "../../src/compile/plan.ts";
import { Core } from "../../src/core/core.ts";
import { MemoryError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { type Graph, type Tensors, trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import {
  add,
  averagePool,
  broadcast,
  conv2d,
  full,
  gather,
  KEY_SHAPE,
  literal,
  logSoftmax,
  matmul,
  maxPool,
  mean,
  multiply,
  randomNormal,
  relu,
  reshape,
  rsqrt,
  scatterAdd,
  sigmoid,
  square,
  subtract,
  sum,
  tanh,
  transpose,
} from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { runGuarded } from "../support/guarded.ts";
import { Chance } from "../support/random.ts";
import { type Recipe, randomRecipe } from "../support/recipes.ts";
import { simulate } from "../support/simulate.ts";
import { Unfused } from "../support/unfused.ts";

const GRAPHS = 300;
/** f32 against f64 through up to 25 steps, relative to the largest element. */
const BOUND = 2e-4;

/** Holds one program at a time, so that its arena can end where the memory does. */
const core = Core.create();
const unfused = new Unfused(Core.create());
const plan = suite("compiled programs");

/** A graph with some of a recipe's values as outputs: inputs, constants, aliases and the same value twice among them. */
function graphOf(recipe: Recipe, chance: Chance): { graph: Graph; chosen: number[] } {
  const last = recipe.values.length - 1;
  const chosen = Array.from({ length: chance.whole(1, 6) }, () => chance.whole(0, last));
  const graph = trace(recipe.shapes, (inputs) => {
    const all = recipe.build(inputs);
    const outputs: Record<string, Tensor> = {};
    for (const [i, at] of chosen.entries()) outputs[`y${i}`] = all[at] as Tensor;
    if (chance.chance(0.3)) outputs.constant = full([3, 2], 0.5);
    if (chance.chance(0.3)) outputs.again = outputs.y0 as Tensor;
    if (chance.chance(0.3)) outputs.flat = reshape(outputs.y0 as Tensor, [-1]);
    if (chance.chance(0.3)) outputs.wide = broadcast(outputs.y0 as Tensor, [2, ...(outputs.y0 as Tensor).shape]);
    if (chance.chance(0.5)) {
      const names = Object.keys(recipe.shapes);
      const gradients = grad(sum(tanh(all[last] as Tensor)), Object.values<Tensor>(inputs));
      for (const [i, g] of gradients.entries()) outputs[`d${names[i]}`] = g;
    }
    return outputs as Tensors;
  });
  return { graph, chosen };
}

/** Every law at once: the plan by its spans, the bits by the unfused evaluation, what is untouched by sentinels. */
function check(
  what: string,
  graph: Graph,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
): Record<string, Float32Array> {
  const program = compileGraph(graph);
  simulate(program);
  const first = runGuarded(core, program, inputs);
  const second = runGuarded(core, program, inputs, 3e38);
  const expected = unfused.evaluate(graph, inputs);
  for (const [name, values] of Object.entries(first)) {
    assert.ok(sameBits(values, second[name] as Float32Array), `${what}: ${name} depends on what the workspace held`);
    assert.ok(sameBits(values, expected[name] as Float32Array), `${what}: ${name} differs from its nodes one by one`);
  }
  return first;
}

plan(`${GRAPHS} random graphs: sound plans, the bits of their nodes one by one, close to f64`, () => {
  for (let seed = 0; seed < GRAPHS; seed++) {
    const chance = new Chance(seed);
    const recipe = randomRecipe(25, chance);
    const { graph, chosen } = graphOf(recipe, chance);
    const values = check(`graph ${seed}`, graph, recipe.inputs);
    const exact = interpret(graph, recipe.inputs);
    for (const i of chosen.keys()) {
      near(values[`y${i}`] as Float32Array, exact[`y${i}`] as Float64Array, BOUND, `graph ${seed}: y${i}`);
    }
  }
});

plan("the meta-gradient of a convolutional network: a sound plan and the bits of its nodes one by one", () => {
  const chance = new Chance(7);
  const shapes = {
    w: [3, 3, 2, 5],
    gain: [5],
    shift: [5],
    head: [5, 3],
    x: [4, 6, 6, 2],
    y: [4, 3],
    key: KEY_SHAPE,
    index: [3],
  };
  const names = ["w", "gain", "shift", "head"] as const;
  const graph = trace(shapes, (inputs) => {
    const { x, y, key, index } = inputs;
    const loss = ([w, gain, shift, head]: readonly Tensor[], noise: number) => {
      const hidden = conv2d(x, w as Tensor, { pad: "same" });
      const centred = subtract(hidden, mean(hidden, [0, 1, 2]));
      const normal = multiply(centred, rsqrt(add(mean(square(centred), [0, 1, 2]), 1e-3)));
      const scaled = relu(add(multiply(normal, gain as Tensor), shift as Tensor));
      const pooled = add(maxPool(scaled, { size: 3, stride: 2, pad: 1 }), averagePool(scaled, { size: 2 }));
      const features = multiply(mean(pooled, [1, 2]), add(randomNormal(key, [4, 5], noise), 2));
      const mixed = scatterAdd(gather(features, index), index, 4);
      return multiply(mean(sum(multiply(y, logSoftmax(matmul(add(features, mixed), head as Tensor))), 1)), -1);
    };
    const meta = names.map((name) => inputs[name]);
    const first = grad(loss(meta, 0), meta);
    const outer = loss(
      meta.map((p, i) => subtract(p, multiply(first[i] as Tensor, 0.4))),
      1,
    );
    const outputs: Record<string, Tensor> = { outer };
    for (const [i, g] of grad(outer, meta).entries()) outputs[names[i] as string] = g;
    return outputs as Tensors;
  });
  const inputs: Record<string, Float64Array> = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, chance.floats(shape.reduce((a, b) => a * b, 1))]),
  );
  inputs.key = Float64Array.of(1, 2, 3, 4);
  inputs.index = Float64Array.of(2, 0, 2);
  const values = check("network", graph, inputs);
  const exact = interpret(graph as Graph, inputs);
  for (const [name, value] of Object.entries(values)) near(value, exact[name] as Float64Array, 1e-5, name);
});

plan("chains longer than a block, and blocks with more operands than registers", () => {
  const chance = new Chance(8);
  for (const size of [1, 3, 64, 513, 1500]) {
    const shapes = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x${i}`, [size]]));
    const graph = trace(shapes, (inputs) => {
      const all = Object.values<Tensor>(inputs);
      let y = all[0] as Tensor;
      for (let step = 0; step < 200; step++) y = add(sigmoid(y), multiply(all[step % 40] as Tensor, 0.1));
      // Every early value is needed at the end: nothing may be given up too soon.
      const late = all.map((x, i) => multiply(tanh(x), all[(i * 7 + 1) % 40] as Tensor));
      return { y, late: late.reduce((total, each, i) => add(total, multiply(each, late[(i + 3) % 40] as Tensor))) };
    });
    const inputs = Object.fromEntries(Object.keys(shapes).map((name) => [name, chance.floats(size)]));
    check(`size ${size}`, graph, inputs);
  }
});

plan("a value that a block reads both as it is and stretched is not fused with its reader", () => {
  const graph = trace({ x: [12, 12], row: [12] }, ({ x, row }) => {
    const r = tanh(row);
    const column = reshape(r, [12, 1]);
    const square = multiply(x, r);
    const turned = transpose(square);
    return { y: add(multiply(square, column), subtract(turned, r)), r, z: add(r, reshape(multiply(column, 2), [12])) };
  });
  const chance = new Chance(9);
  check("stretched", graph, { x: chance.floats(144), row: chance.floats(12) });
});

plan("outputs that are inputs, constants, literals, aliases, stretched or the same twice", () => {
  const graph = trace({ x: [5], unused: [3] }, ({ x }) => {
    const y = add(x, 1);
    return {
      x,
      y,
      again: y,
      row: reshape(y, [1, 5]),
      wide: broadcast(y, [3, 5]),
      deep: broadcast(reshape(broadcast(y, [2, 5]), [2, 5, 1]), [2, 5, 3]),
      seven: full([], 7),
      sevens: full([2, 3], 7),
      table: literal([1, 2, 3, 4, 5, 6], [2, 3]),
    };
  });
  const values = check("outputs", graph, { x: [1, 2, 3, 4, 5], unused: [0, 0, 0] });
  assert.equal(Array.from(values.x as Float32Array), [1, 2, 3, 4, 5]);
  assert.equal(Array.from(values.again as Float32Array), [2, 3, 4, 5, 6]);
  assert.equal(Array.from(values.row as Float32Array), [2, 3, 4, 5, 6]);
  assert.equal(Array.from(values.wide as Float32Array), [2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6]);
  assert.equal(Array.from((values.deep as Float32Array).subarray(12, 18)), [6, 6, 6, 2, 2, 2]);
  assert.equal(Array.from(values.seven as Float32Array), [7]);
  assert.equal(Array.from(values.sevens as Float32Array), [7, 7, 7, 7, 7, 7]);
  assert.equal(Array.from(values.table as Float32Array), [1, 2, 3, 4, 5, 6]);
});

plan("a literal of many numbers becomes part of the program", () => {
  const data = Float32Array.from({ length: 300_000 }, (_, i) => i % 3);
  const program = compile({ x: [] }, ({ x }) => ({ y: add(sum(literal(data)), x) }));
  assert.is(
    Core.create()
      .load(program)
      .call({ x: [0.5] }).y?.[0],
    data.reduce((a, b) => a + b, 0) + 0.5,
  );
});

plan("the same function compiles to the same bytes", () => {
  for (let seed = 0; seed < 10; seed++) {
    const recipe = randomRecipe(25, new Chance(seed));
    const [first, second] = [0, 1].map(() => compileGraph(graphOf(recipe, new Chance(seed)).graph));
    assert.equal(first, second);
  }
});

plan("a program over the limit is refused with its size, its largest buffers and what to lower", () => {
  const body = ({ x }: { readonly x: Tensor }) => ({ y: sum(matmul(x, transpose(x))) });
  throwsA(
    MemoryError,
    () => compile({ x: [512, 512] }, body, { memoryLimit: 2 ** 20 }),
    "MiB, the limit is 1.0 MiB",
    "matmul [512,512]",
    "lower the inner steps",
  );
  const { arenaBytes } = compile({ x: [512, 512] }, body);
  assert.is(compile({ x: [512, 512] }, body, { memoryLimit: arenaBytes }).arenaBytes, arenaBytes);
  throwsA(MemoryError, () => compile({ x: [512, 512] }, body, { memoryLimit: arenaBytes - 1 }));
});

// ---------------------------------------------------------------- the planner alone

plan("no two buffers that live at the same time overlap, on random intervals", () => {
  for (let seed = 0; seed < 200; seed++) {
    const chance = new Chance(seed);
    const buffers = Array.from({ length: chance.whole(1, 60) }, () => {
      const first = chance.whole(0, 30);
      return {
        bytes: chance.pick([4, 16, 20, 64, 100, 4096, 4 * chance.whole(1, 999)]),
        first,
        last: first + chance.whole(0, 9),
      };
    });
    const base = 16 * chance.whole(0, 5);
    const { offsets, end } = planMemory(buffers, base);
    let highest = base;
    for (const [i, a] of buffers.entries()) {
      const [start, stop] = [offsets[i] as number, (offsets[i] as number) + Math.ceil(a.bytes / 16) * 16];
      assert.ok(start >= base && start % 16 === 0, `seed ${seed}: buffer ${i} begins at ${start}`);
      highest = Math.max(highest, stop);
      for (const [j, b] of buffers.entries()) {
        const together = i < j && a.first <= b.last && b.first <= a.last;
        const apart = stop <= (offsets[j] as number) || (offsets[j] as number) + b.bytes <= start;
        assert.ok(!together || apart, `seed ${seed}: buffers ${i} and ${j} overlap`);
      }
    }
    assert.is(end, highest, `seed ${seed}`);
    const live = Array.from({ length: 40 }, (_, step) =>
      buffers
        .filter((b) => b.first <= step && step <= b.last)
        .reduce((total, b) => total + Math.ceil(b.bytes / 16) * 16, 0),
    );
    assert.ok(
      end - base <= 1.5 * Math.max(...live),
      `seed ${seed}: ${end - base} bytes for ${Math.max(...live)} live ones`,
    );
  }
});

plan("buffers whose lives do not meet share their bytes; a touching step is a meeting", () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ bytes: 64, first: i, last: i }));
  assert.equal(planMemory(chain, 32), { offsets: Array(10).fill(32), end: 96 });
  const touching = [0, 1, 2, 3].map((i) => ({ bytes: 64, first: i, last: i + 1 }));
  assert.equal(planMemory(touching, 0), { offsets: [0, 64, 0, 64], end: 128 });
});

plan.run();
