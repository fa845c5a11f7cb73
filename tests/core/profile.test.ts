/** Profiles: the work that is counted, against loops that count; the time, against itself. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { profile } from "../../src/core/profile.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { add, conv2d, exp, matmul, multiply, operators, softmax, sum } from "../../src/graph/operators/index.ts";
import { apply, type Tensor } from "../../src/graph/tensor.ts";
import { maml } from "../../src/learners/maml.ts";
import { mlp } from "../../src/nn/networks.ts";
import type { Program } from "../../src/program/program.ts";
import { validate } from "../../src/program/validate.ts";
import { workOf } from "../../src/program/work.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { profileTask } from "../../src/train/profile-task.ts";
import { throwsA } from "../support/errors.ts";
import { eachSample } from "../support/samples.ts";

const test = suite("profile");

const workIn = (program: Program) => validate(program).map(workOf);
const QUICK = { seconds: 0.02 };

test("a matrix product counts its multiplications and additions, and its three operands once", () => {
  const program = compile({ a: [7, 5], b: [11, 5] }, ({ a, b }) => ({ c: matmul(a, b, { transposeB: true }) }));
  let flops = 0;
  for (let m = 0; m < 7; m++) for (let n = 0; n < 11; n++) for (let k = 0; k < 5; k++) flops += 2;
  const bytes = 4 * (7 * 5 + 11 * 5 + 7 * 11);
  assert.equal(workIn(program), [{ opcode: "MatMul", shape: "7x11x5 tB", flops, bytes }]);
});

test("a convolution counts every tap of every output", () => {
  const shapes = { x: [2, 9, 9, 3], w: [3, 3, 3, 4] } as const;
  const program = compile(shapes, ({ x, w }) => ({ y: conv2d(x, w, { stride: 2, pad: 1 }) }));
  const [HO, WO] = [5, 5];
  const bytes = 4 * (2 * 9 * 9 * 3 + 3 * 3 * 3 * 4 + 2 * HO * WO * 4);
  const flops = 2 * (2 * HO * WO * 4) * (3 * 3 * 3);
  assert.equal(workIn(program), [{ opcode: "Conv2d", shape: "2x9x9x3 -> 4 k3 s2", flops, bytes }]);
});

test("a block counts its arithmetic for every element, and what it reads twice once", () => {
  const program = compile({ x: [3, 40] }, ({ x }) => ({ y: add(multiply(exp(x), x), x) }));
  const [block] = workIn(program);
  assert.is(block?.opcode, "Block");
  assert.is(block?.flops, 3 * 120);
  assert.is(block?.bytes, 2 * 4 * 120);
});

test("every instruction of every operator has work that can be counted, and a shape", () => {
  const seen = new Set<string>();
  for (const { operator, sample, title } of eachSample(operators, [1, 5])) {
    const shapes = Object.fromEntries(sample.shapes.map((shape, i) => [`x${i}`, shape]));
    const program = compile(shapes, (xs) => ({ y: apply(operator, Object.values<Tensor>(xs), sample.attributes) }));
    for (const { opcode, shape, flops, bytes } of workIn(program)) {
      seen.add(opcode);
      assert.ok(Number.isInteger(flops) && flops >= 0, `${title}: ${opcode} counts ${flops}`);
      assert.ok(bytes >= 4, `${title}: ${opcode} moves ${bytes} bytes`);
      assert.match(shape, /^\d[^NaN]*$/, title);
    }
  }
  const all = Object.values(Opcode).filter((name) => typeof name === "string" && name !== "Count");
  assert.equal([...seen].sort(), all.sort());
});

test("rows hold every instruction once, the longest first; by shape they are finer", () => {
  const program = compile({ x: [64, 32], w: [32, 32] }, ({ x, w }) => ({
    y: sum(softmax(matmul(matmul(x, w), w))),
    z: matmul(w, w),
  }));
  const profiles = (["opcode", "shape"] as const).map((by) => profile(program, { ...QUICK, by }));
  for (const { rows, total, instructions, arenaBytes, passes, runMicroseconds } of profiles) {
    assert.equal([instructions, arenaBytes], [program.instructionCount, program.arenaBytes]);
    assert.ok(passes >= 5 && runMicroseconds > 0);
    const sumOf = (key: "count" | "microseconds" | "share" | "flops" | "bytes") =>
      rows.reduce((all, row) => all + row[key], 0);
    assert.is(sumOf("count"), instructions);
    for (const key of ["count", "flops", "bytes"] as const) assert.is(sumOf(key), total[key]);
    assert.ok(Math.abs(sumOf("share") - 1) < 1e-9);
    assert.ok(Math.abs(sumOf("microseconds") - total.microseconds) < 1e-6 * total.microseconds);
    const times = rows.map(({ microseconds }) => microseconds);
    assert.equal(
      times,
      times.toSorted((a, b) => b - a),
    );
    for (const { flops, microseconds, gigaflops } of rows) {
      if (microseconds > 0) assert.ok(Math.abs(gigaflops * microseconds * 1000 - flops) < 1e-6 * flops + 1e-6);
    }
  }
  const kinds = profiles.map(({ rows }) => rows.map(({ kind }) => kind).sort());
  assert.ok(kinds[0]?.includes("MatMul"));
  assert.ok(kinds[1]?.includes("MatMul 64x32x32") && kinds[1]?.includes("MatMul 32x32x32"));
});

test("time grows with work, and the instructions take about as long as a run of them", () => {
  const program = compile({ a: [160, 160], b: [16, 160] }, ({ a, b }) => ({ big: matmul(a, a), small: matmul(b, a) }));
  const { rows, total, runMicroseconds } = profile(program, { seconds: 0.2, by: "shape" });
  const timeOf = (kind: string) => rows.find((row) => row.kind === kind)?.microseconds ?? Number.NaN;
  assert.ok(timeOf("MatMul 160x160x160") > 3 * timeOf("MatMul 16x160x160"));
  const ratio = total.microseconds / runMicroseconds;
  assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`);
});

test("a profile leaves the core as it found it, and refuses inputs that the program has not", () => {
  const core = Core.create();
  const program = compile({ x: [5] }, ({ x }) => ({ y: add(x, 1) }));
  const kept = core.load(program);
  kept.write("x", [1, 2, 3, 4, 5]);
  kept.run();
  profile(program, { ...QUICK, core });
  const { highWater } = core;
  for (let i = 0; i < 3; i++) profile(program, { ...QUICK, core, inputs: { x: [9, 9, 9, 9, 9] } });
  throwsA(OptionError, () => profile(program as Program, { ...QUICK, core, inputs: { z: [1] } }), "z", "x");
  throwsA(ShapeError, () => profile(program, { ...QUICK, core, inputs: { x: [1] } }), "x");
  assert.is(core.highWater, highWater);
  assert.equal(Array.from(kept.read("y")), [2, 3, 4, 5, 6]);
});

test("a program without instructions has an empty profile", () => {
  const program: Program = {
    code: new Int32Array(),
    instructionCount: 0,
    constants: new Float32Array(),
    inputs: [],
    outputs: [],
    arenaBytes: 0,
  };
  const { rows, total } = profile(program, QUICK);
  assert.equal([rows, total.count, total.share], [[], 0, 0]);
});

test("the profile of a task is that of its Program", () => {
  const learner = maml(mlp({ inputShape: 1, hidden: [8, 8], outputs: 1 }), { innerRate: 0.01 });
  const { rows, nodes, instructions, traceMilliseconds, compileMilliseconds } = profileTask(learner, sinusoid(), QUICK);
  assert.ok(rows.some(({ kind }) => kind === "MatMul"));
  assert.ok(nodes >= instructions / 2 && instructions > 10);
  assert.ok(traceMilliseconds > 0 && compileMilliseconds > 0);
});

test.run();
