/** What fills an arena: against programs whose buffers are counted by hand, and against the plan. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { workloads } from "../../src/cli/workloads.ts";
import { compile } from "../../src/compile/compile.ts";
import { concat, exp, matmul, relu, reshape, sum } from "../../src/graph/operators/index.ts";
import { footprint } from "../../src/program/footprint.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { compileTask, initProgram } from "../../src/train/programs.ts";

const test = suite("footprint");

const total = (all: readonly { bytes: number }[]) => all.reduce((sum, { bytes }) => sum + bytes, 0);

test("a chain of products holds two of them at its peak, beside inputs and outputs", () => {
  const program = compile({ x: [64, 32], w: [32, 32] }, ({ x, w }) => ({
    y: sum(matmul(matmul(matmul(x, w), w), w)),
  }));
  const { contributors, arenaBytes, instructions } = footprint(program);
  assert.equal([arenaBytes, instructions], [program.arenaBytes, program.instructionCount]);
  // Each product's own room for packed weights lives no longer than it.
  const products = contributors.find(({ what }) => what === "MatMul 64x32x32");
  assert.is(products?.count, 2);
  assert.ok((products?.bytes ?? 0) >= 2 * 4 * 64 * 32);
  assert.equal(
    contributors.find(({ what }) => what === "inputs"),
    { what: "inputs", count: 2, bytes: 4 * (64 * 32 + 32 * 32) },
  );
  assert.equal(
    contributors.find(({ what }) => what === "outputs"),
    { what: "outputs", count: 1, bytes: 16 },
  );
});

test("a buffer that is written in parts is alive until its last part is read", () => {
  const program = compile({ x: [100], w: [200, 8] }, ({ x, w }) => {
    const both = concat([exp(x), relu(x)], 0);
    const early = matmul(reshape(both, [1, 200]), w);
    return { y: sum(matmul(early, matmul(w, w, { transposeA: true }))), z: sum(both) };
  });
  const { contributors, arenaBytes } = footprint(program);
  assert.ok(total(contributors) <= arenaBytes);
  assert.ok(total(contributors) >= 4 * (100 + 200 * 8 + 200));
});

test("the buffers at the peak of a task Program fit its arena and fill it, but for gaps", () => {
  for (const name of ["sine", "sine5", "omni_fc", "omni_conv"]) {
    const workload = workloads[name]?.();
    if (workload === undefined) throw new Error(name);
    const { learner, tasks } = workload;
    const { contributors, arenaBytes } = footprint(
      compileTask(initProgram(learner).plan, tasks.specs[0] as TaskSpec).program,
    );
    const bytes = total(contributors);
    assert.ok(bytes <= arenaBytes, `${name}: ${bytes} of ${arenaBytes}`);
    assert.ok(bytes > 0.6 * arenaBytes, `${name}: ${bytes} of ${arenaBytes}`);
    const sizes = contributors.map((each) => each.bytes);
    assert.equal(
      sizes,
      sizes.toSorted((a, b) => b - a),
    );
  }
});

test.run();
