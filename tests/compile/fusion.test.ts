/** What becomes one instruction, and what it may write over. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BlockField, MicroField, MicroOp, Opcode, SumMicroField } from "../../assembly/opcodes.ts";
import { compile, compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { grad } from "../../src/graph/grad.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import {
  add,
  matmul,
  mean,
  multiply,
  negate,
  relu,
  rsqrt,
  square,
  subtract,
  sum,
  tanh,
  transpose,
} from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { Program } from "../../src/program/program.ts";
import { validate } from "../../src/program/validate.ts";
import { near } from "../support/compare.ts";
import { simulate } from "../support/simulate.ts";

const fusion = suite("fusion");

/** The program's instructions, blocks with the names of their micro-operations. */
function listing(program: Program): string[] {
  simulate(program);
  return validate(program).map(({ opcode, fields }) => {
    if (opcode !== Opcode.Block) return Opcode[opcode] as string;
    const names = Array.from({ length: fields[BlockField.microCount] as number }, (_, i) => {
      const micro = fields.subarray(BlockField.Words + i * MicroField.Words);
      const operation = micro[MicroField.operation] as MicroOp;
      const isProduct = operation === MicroOp.Sum && micro[SumMicroField.isProduct] === 1;
      return isProduct ? "SumOfProduct" : (MicroOp[operation] as string);
    });
    return names.filter((name) => !name.startsWith("Fill")).join(" ");
  });
}

fusion("a chain and the sums over it are one block", () => {
  const program = compile({ x: [300, 24], b: [24] }, ({ x, b }) => {
    const y = add(x, b);
    return { total: sum(square(y)), columns: sum(y, 0), y };
  });
  assert.equal(listing(program), ["Add SumOfProduct Sum"]);
});

fusion("what reads a sum waits for all of it", () => {
  const program = compile({ x: [300, 24] }, ({ x }) => ({ y: subtract(x, sum(x, 0)) }));
  assert.equal(listing(program), ["Sum", "Subtract"]);
});

fusion("two sums of one operand are taken in one pass", () => {
  const program = compile({ x: [300, 24], g: [300, 24] }, ({ x, g }) => ({
    a: sum(x, 0),
    b: sum(multiply(x, g), 0),
  }));
  assert.equal(listing(program), ["Sum SumOfProduct"]);
});

fusion("batch normalisation: three passes over the batch forward, two more for its gradient", () => {
  const normal = (x: Tensor) => {
    const centred = subtract(x, mean(x, 0));
    return multiply(centred, rsqrt(add(mean(square(centred), 0), 1e-5)));
  };
  const forward = compile({ x: [500, 32] }, ({ x }) => ({ y: normal(x) }));
  assert.equal(listing(forward), ["Sum", "Multiply", "Subtract SumOfProduct", "MultiplyAdd Rsqrt", "Multiply"]);
  const backward = compile({ x: [500, 32], g: [500, 32] }, ({ x, g }) => ({
    dx: grad(sum(multiply(normal(x), g)), [x])[0],
  }));
  assert.equal(listing(backward), [
    "Sum",
    "Multiply",
    "Subtract SumOfProduct SumOfProduct Multiply",
    "MultiplyAdd Rsqrt Multiply Square Multiply Multiply Multiply",
    "Multiply MultiplyAdd Sum",
    "Multiply",
    "Add",
  ]);
});

fusion("rows that no block holds in whole keep a sum of their own", () => {
  const program = compile({ x: [40, 1500] }, ({ x }) => ({ y: sum(tanh(x), 0) }));
  assert.equal(listing(program), ["Tanh", "Sum"]);
});

fusion("elementwise steps wait for one another across a product without going round in a circle", () => {
  const graph = trace({ x: [20, 20], w: [20, 20] }, ({ x, w }) => {
    const a = tanh(x);
    const b = matmul(a, w);
    // Reads a directly and through the product: it cannot be in the block of a.
    return { y: add(multiply(a, b), relu(transpose(b))), z: negate(a) };
  });
  const program = compileGraph(graph);
  assert.equal(listing(program), ["Tanh Negate", "MatMul", "Copy", "Multiply Relu Add"]);
  const x = Float32Array.from({ length: 400 }, (_, i) => (i % 7) / 7);
  const found = Core.create().load(program).call({ x, w: x });
  for (const [name, wanted] of Object.entries(interpret(graph, { x, w: x }))) {
    near(found[name] as Float32Array, wanted, 1e-5, name);
  }
});

fusion("a result takes the place of an operand that nobody reads again", () => {
  const n = 10_000;
  const program = compile({ x: [n], w: [n] }, ({ x, w }) => {
    // Sums over everything keep the three blocks apart.
    const a = multiply(x, sum(w));
    const b = multiply(tanh(a), sum(square(a)));
    return { y: multiply(tanh(b), sum(square(b))) };
  });
  // Inputs, output and one buffer: two values that are needed at once would take two.
  assert.ok(program.arenaBytes < 4 * n * 4 + 32_768, `${program.arenaBytes} bytes`);
});

fusion("an operand that is read again in the block keeps its place", () => {
  const n = 2000;
  const program = compile({ x: [n], w: [n] }, ({ x, w }) => {
    const a = multiply(x, sum(w));
    const s = sum(square(a));
    const first = multiply(a, s);
    const second = add(tanh(first), a);
    return { y: multiply(second, sum(square(first))), z: multiply(first, sum(second)) };
  });
  simulate(program);
  const x = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
  const { y } = Core.create()
    .load(program)
    .call({ x, w: new Float32Array(n).fill(1e-5) });
  let s = 0;
  const a = x.map((value) => value * 0.02);
  for (const value of a) s += value * value;
  const first = a.map((value) => value * s);
  let squares = 0;
  for (const value of first) squares += value * value;
  for (let i = 0; i < n; i += 97) {
    const expected = (Math.tanh(first[i] as number) + (a[i] as number)) * squares;
    assert.ok(Math.abs((y?.[i] as number) - expected) <= 1e-4 * Math.abs(expected) + 1e-9, `element ${i}`);
  }
});

fusion.run();
