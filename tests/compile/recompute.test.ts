/** Bounded memory: the same bits, a sound plan, and memory that steps do not add to. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile, compileGraph, compileWithin } from "../../src/compile/compile.ts";
import { recompute } from "../../src/compile/recompute.ts";
import { Core } from "../../src/core/core.ts";
import { MemoryError, OptionError } from "../../src/errors.ts";
import { grad } from "../../src/graph/grad.ts";
import { type Graph, type Tensors, trace, verify } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { boundary, mean, multiply, square, subtract, sum, tanh } from "../../src/graph/operators/index.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { adam, classification, conv4, type Learner, maml, metaSgd, mlp, regression, sgd } from "../../src/index.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { initProgram, taskGraph } from "../../src/train/programs.ts";
import { sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { runGuarded } from "../support/guarded.ts";
import { Chance } from "../support/random.ts";
import { randomRecipe } from "../support/recipes.ts";
import { simulate } from "../support/simulate.ts";

const GRAPHS = 150;
const core = Core.create();
const test = suite("bounded memory");

/** Both ways of compiling give the same bits; returns the bytes of each. */
function check(what: string, graph: Graph, inputs: Readonly<Record<string, ArrayLike<number>>>) {
  const plain = compileGraph(graph, { memory: "unbounded" });
  const { program, bounded } = compileWithin(graph, { memory: "bounded" });
  simulate(program);
  const expected = runGuarded(core, plain, inputs);
  for (const [name, values] of Object.entries(runGuarded(core, program, inputs))) {
    assert.ok(sameBits(values, expected[name] as Float32Array), `${what}: ${name} differs with bounded memory`);
  }
  return { plain: plain.arenaBytes, bytes: program.arenaBytes, bounded, values: expected };
}

const images = (size: number, supportSize: number): TaskSpec => ({
  inputs: { x: [size, size, 1] },
  objective: classification(3),
  segments: [supportSize],
  queries: 6,
});
const points = (supportSize: number): TaskSpec => ({
  inputs: { x: [1] },
  objective: regression(1),
  segments: [supportSize],
  queries: 6,
});

const taskOf = (learner: Learner, spec: TaskSpec): Graph => taskGraph(initProgram(learner).plan, spec);

function inputsOf(graph: Graph): Record<string, ArrayLike<number>> {
  const chance = new Chance(5);
  const entries = Object.entries(graph.inputs).map(([name, { shape }]) => {
    const size = sizeOf(shape);
    if (name === "key") return [name, [1, 2, 3, 4]] as const;
    if (name.endsWith(".y") && shape.length === 1)
      return [name, Array.from({ length: size }, (_, i) => i % 3)] as const;
    const sign = name.endsWith("variance") ? Math.abs : Number;
    return [name, chance.floats(size).map((value) => 0.3 * sign(value))] as const;
  });
  return Object.fromEntries(entries);
}

const net = () => mlp({ inputShape: 1, hidden: [12, 8], outputs: 1 });
const conv = (downsampling: "maxPool" | "stride", batchNorm: "transductive" | "support") =>
  conv4({ inputShape: [16, 16, 1], outputs: 3, filters: 4, downsampling, batchNorm });

const LEARNERS: readonly (readonly [string, () => Learner, TaskSpec, boolean])[] = [
  ["maml, 1 step", () => maml(net(), { innerSteps: 1 }), points(20), true],
  ["maml, 4 steps", () => maml(net(), { innerSteps: 4 }), points(20), true],
  ["maml, 4 steps, few examples", () => maml(net(), { innerSteps: 4 }), points(2), true],
  ["maml, order 1", () => maml(net(), { innerSteps: 3, order: 1 }), points(20), false],
  [
    "maml, momentum",
    () => maml(net(), { innerSteps: 3, innerOptimizer: sgd(0.1, { momentum: 0.9 }) }),
    points(20),
    true,
  ],
  ["maml, adam", () => maml(net(), { innerSteps: 3, innerOptimizer: adam(0.01) }), points(20), true],
  ["metaSgd", () => metaSgd(net(), { innerSteps: 3, weightDecay: 0.01 }), points(20), true],
  ["maml, pooled Conv-4", () => maml(conv("maxPool", "transductive"), { innerSteps: 2 }), images(16, 6), true],
  ["maml, strided Conv-4", () => maml(conv("stride", "support"), { innerSteps: 3 }), images(16, 6), true],
  [
    "metaSgd, Conv-4, order 1",
    () => metaSgd(conv("stride", "transductive"), { innerSteps: 2, order: 1 }),
    images(16, 6),
    true,
  ],
];

for (const [name, make, spec, repeats] of LEARNERS) {
  test(`${name}: the same bits, in a sound plan`, () => {
    const graph = taskOf(make(), spec);
    const { bounded, values } = check(name, graph, inputsOf(graph));
    // Without the derivative of a step there is nothing to compute again.
    if (name !== "metaSgd, Conv-4, order 1") assert.is(bounded, repeats);
    const total = Object.values(values).reduce((sofar, each) => sofar + each.reduce((a, b) => a + Math.abs(b), 0), 0);
    assert.ok(Number.isFinite(total) && total > 0, `${total}`);
  });
}

for (const [name, make, spec] of [
  ["an MLP", (innerSteps: number) => maml(net(), { innerSteps }), points(400)],
  [
    "a Conv-4",
    (innerSteps: number) =>
      maml(conv4({ inputShape: [28, 28, 1], outputs: 3, filters: 8, downsampling: "maxPool" }), { innerSteps }),
    images(28, 15),
  ],
] as const) {
  test(`${name}: a further inner step adds its parameters and little else`, () => {
    const sizes = [2, 3, 6].map((steps) => {
      const graph = taskOf(make(steps), spec);
      const [plain, bounded] = (["unbounded", "bounded"] as const).map(
        (memory) => compileGraph(graph, { memory }).arenaBytes,
      );
      return { plain: plain as number, bounded: bounded as number };
    });
    const parameters = Object.values(initProgram(make(1)).plan.meta).reduce(
      (total, shape) => total + 4 * sizeOf(shape),
      0,
    );
    const growth = (kind: "plain" | "bounded") => ((sizes[2]?.[kind] as number) - (sizes[0]?.[kind] as number)) / 4;
    assert.ok(
      growth("bounded") <= 4 * parameters + 1024,
      `${growth("bounded")} bytes a step, ${parameters} of parameters`,
    );
    assert.ok(growth("plain") > 4 * growth("bounded"), `${growth("plain")} bytes a step without`);
  });
}

test(`${GRAPHS} random loops: the same bits in sound plans, verified graphs of the same values`, () => {
  let repeated = 0;
  for (let seed = 0; seed < GRAPHS; seed++) {
    const chance = new Chance(seed);
    const recipe = randomRecipe(14, chance);
    const graph = trace(recipe.shapes, (inputs) => {
      const names = Object.keys(inputs);
      let current: Record<string, Tensor> = { ...inputs };
      let outer: Tensor | undefined;
      for (let step = chance.whole(1, 3); step >= 0; step--) {
        const values = recipe.build(current);
        const loss = mean(square(tanh(values[values.length - 1] as Tensor)));
        outer = outer === undefined || chance.chance(0.5) ? loss : subtract(outer, loss);
        if (step === 0) break;
        const gradients = grad(loss, Object.values(current));
        const marked = chance.chance(0.8);
        current = Object.fromEntries(
          names.map((name, i) => {
            const next = subtract(current[name] as Tensor, multiply(gradients[i] as Tensor, 0.1));
            return [name, marked && chance.chance(0.9) ? boundary(next) : next];
          }),
        );
      }
      const gradients = grad(outer as Tensor, Object.values<Tensor>(inputs));
      return { outer, ...Object.fromEntries(names.map((name, i) => [`d${name}`, gradients[i]])) } as Tensors;
    });
    if (check(`loop ${seed}`, graph, recipe.inputs).bounded) repeated++;
    const again = recompute(graph);
    if (again === undefined) continue;
    verify(again);
    assert.equal(interpret(again, recipe.inputs), interpret(graph, recipe.inputs), `loop ${seed}`);
  }
  assert.ok(repeated > GRAPHS / 3, `only ${repeated} computed anything again`);
});

/** Steps of a loop over many rows. */
const loop = ({ w, x }: { readonly w: Tensor; readonly x: Tensor }) => {
  let v = w;
  for (let step = 0; step < 6; step++) {
    const [g] = grad(mean(square(tanh(multiply(tanh(multiply(x, v)), v)))), [v]);
    v = boundary(subtract(v, multiply(g as Tensor, 0.1)));
  }
  return { dw: grad(sum(square(v)), [w])[0] };
};
const SHAPES = { w: [4], x: [5000, 4] };

test("the compiler bounds memory by itself where a program would not fit", () => {
  const graph = trace(SHAPES, (inputs) => loop(inputs) as Tensors);
  const [bounded, plain] = (["bounded", "unbounded"] as const).map(
    (memory) => compileGraph(graph, { memory }).arenaBytes,
  );
  assert.ok((bounded as number) < (plain as number), `${bounded} of ${plain}`);
  const at = (memoryLimit: number) => compileWithin(graph, { memoryLimit });
  assert.is(at(plain as number).bounded, false);
  assert.is(at((plain as number) - 1).bounded, true);
  assert.is(at(bounded as number).program.arenaBytes, bounded);
  throwsA(
    MemoryError,
    () => at((bounded as number) - 1),
    `the program needs ${((plain as number) / 2 ** 20).toFixed(1)} MiB, or ${((bounded as number) / 2 ** 20).toFixed(1)} MiB with bounded memory, the limit is`,
    "lower the inner steps",
  );
  throwsA(
    MemoryError,
    () => compile(SHAPES, loop, { memoryLimit: (plain as number) - 1, memory: "unbounded" }),
    'allow bounded memory (memory: "automatic")',
  );
});

test("a choice that is none, and a limit that is no size, are refused", () => {
  throwsA(
    OptionError,
    () => compile(SHAPES, loop, { memory: "small" as "bounded" }),
    'one of "automatic", "bounded", "unbounded"',
    "small",
  );
  throwsA(OptionError, () => compile(SHAPES, loop, { memoryLimit: -1 }), "memoryLimit", "-1");
});

test("a graph without boundaries, or without their derivative, is left as it is", () => {
  const body = (mark: boolean) =>
    trace({ x: [3] }, ({ x }) => {
      const y = mark ? boundary(tanh(x)) : tanh(x);
      return { y: square(y) };
    });
  assert.is(recompute(body(false)), undefined);
  assert.is(recompute(body(true)), undefined);
});

test.run();
