/** What Programs may cost, the programs that cores keep ready, and cores that end. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Abi, MatMulField, Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { ProgramCache } from "../../src/core/cache.ts";
import { Core, defaultCore } from "../../src/core/core.ts";
import { relaxedCore } from "../../src/core/relaxed.ts";
import { run, unload } from "../../src/core/run.ts";
import { LimitError, MemoryError, OptionError } from "../../src/errors.ts";
import { add, matmul, relu } from "../../src/graph/operators/index.ts";
import { decodeProgram, encodeProgram } from "../../src/program/bytes.ts";
import { FILE_LIMITS, operationsOfAll } from "../../src/program/limits.ts";
import type { Program } from "../../src/program/program.ts";
import { validate } from "../../src/program/validate.ts";
import { throwsA } from "../support/errors.ts";
import { smallPrograms } from "../support/fuzz.ts";

const test = suite("limits");
const MIB = 2 ** 20;

/** y = x + 1 for n numbers. */
function plusOne(n: number): Program {
  return compile({ x: [n] }, ({ x }) => ({ y: add(x, 1) }));
}

/** One product [n, n] [n, n] without inputs: a few hundred bytes whatever n is. */
function squareProduct(n: number): Program {
  const matrix = 4 * n * n;
  const fields = new Array<number>(MatMulField.Words).fill(0);
  fields[MatMulField.batch] = 1;
  for (const extent of [MatMulField.M, MatMulField.N, MatMulField.K]) fields[extent] = n;
  // Both factors are the same matrix.
  for (const [i, field] of [MatMulField.a, MatMulField.out, MatMulField.scratch].entries()) {
    fields[field] = 16 + i * matrix;
  }
  fields[MatMulField.b] = 16;
  return {
    code: Int32Array.of(Opcode.MatMul, Abi.PrefixWords + fields.length, ...fields),
    instructionCount: 1,
    constants: new Float32Array(),
    inputs: [],
    outputs: [{ name: "y", shape: [1], offset: 0 }],
    arenaBytes: 16 + 3 * matrix,
  };
}

// ---------------------------------------------------------------- limits

test("bytes of a program that runs for hours are refused, with the limit to raise", () => {
  const hours = encodeProgram(squareProduct(16384));
  assert.ok(hours.length < 400, `${hours.length} bytes`);
  throwsA(
    LimitError,
    () => decodeProgram(hours, { bytes: 2 ** 32 }),
    "operations",
    "8.80e+12",
    "raise limits.operations",
  );
  assert.is(decodeProgram(hours, { operations: 1e13, bytes: 2 ** 32 }).instructionCount, 1);
  assert.is(decodeProgram(hours, { operations: Number.POSITIVE_INFINITY, bytes: 2 ** 32 }).instructionCount, 1);
});

test("a program of 3.9 GB is refused before the memory grows: read from bytes, loaded and run with a limit", () => {
  const huge: Program = { ...squareProduct(4), arenaBytes: 3.9e9 - (3.9e9 % 16) };
  const core = Core.create();
  const before = core.exports.memory.buffer.byteLength;
  const limits = { bytes: 2 ** 30 };
  throwsA(MemoryError, () => decodeProgram(encodeProgram(huge)), "3719.3 MiB", "1024.0 MiB", "raise limits.bytes");
  throwsA(MemoryError, () => core.load(huge, limits), "load:", "raise limits.bytes");
  throwsA(MemoryError, () => run(huge, {}, { core, limits }), "raise limits.bytes");
  assert.is(core.exports.memory.buffer.byteLength, before);
});

test("limits of load and run count operations, for a program that is loaded already too", () => {
  const core = Core.create();
  const program = compile({ a: [20, 20] }, ({ a }) => ({ y: matmul(a, a) }));
  const inputs = { a: new Float32Array(400) };
  throwsA(LimitError, () => core.load(program, { operations: 1000 }), "limit is 1.00e+3");
  throwsA(LimitError, () => run(program, inputs, { core, limits: { operations: 1000 } }), "raise limits.operations");
  run(program, inputs, { core });
  throwsA(LimitError, () => run(program, inputs, { core, limits: { operations: 1000 } }), "raise limits.operations");
  throwsA(MemoryError, () => run(program, inputs, { core, limits: { bytes: 1000 } }), "raise limits.bytes");
  assert.equal(run(program, inputs, { core, limits: { operations: 1e6, bytes: 1e6 } }).y, new Float32Array(400));
});

test("operations count at least the multiplications, and every element that is moved", () => {
  const operations = (program: Program) => operationsOfAll(validate(program));
  assert.ok(operations(squareProduct(104)) >= 2 * 104 ** 3);
  assert.ok(operations(squareProduct(104)) < 2.1 * 104 ** 3);
  const moved = compile({ x: [1000, 1] }, ({ x }) => ({ y: relu(add(x, 1)) }));
  assert.ok(operations(moved) >= 2000 && operations(moved) < 20000, `${operations(moved)}`);
  for (const program of smallPrograms()) {
    const each = validate(program).map((instruction) => operationsOfAll([instruction]));
    assert.ok(each.every((count) => count >= 1 && count < FILE_LIMITS.operations));
  }
});

test("wrong limits and options are refused by name", () => {
  const program = plusOne(1);
  const bytes = encodeProgram(program);
  throwsA(
    OptionError,
    () => decodeProgram(bytes, { operations: 0 }),
    "limits.operations must be a number above 0, got 0",
  );
  throwsA(OptionError, () => decodeProgram(bytes, { bytes: Number.NaN }), "limits.bytes");
  throwsA(OptionError, () => decodeProgram(bytes, { byte: 1 } as never), "no option byte", "bytes");
  throwsA(OptionError, () => Core.create().load(program, { bytes: "1" } as never), "limits.bytes");
  throwsA(OptionError, () => run(program, { x: [1] }, Core.create() as never), "run:");
  throwsA(OptionError, () => Core.create({ cacheByte: 1 } as never), "no option cacheByte");
  throwsA(OptionError, () => Core.create({ cacheBytes: -1 }), "cacheBytes must be a number from 0, got -1");
  throwsA(
    OptionError,
    () => relaxedCore({ cacheBytes: -1 }),
    "relaxedCore: cacheBytes must be a number from 0, got -1",
  );
});

// ---------------------------------------------------------------- programs kept ready

test("thousands of programs run one after another in one turn of the event loop take no more than the cache", () => {
  const core = Core.create({ cacheBytes: 4 * MIB });
  const one = plusOne(2 ** 16);
  const x = new Float32Array(2 ** 16);
  for (let i = 0; i < 2000; i++) {
    // Another object is another program; each takes half a MiB.
    const { y } = run({ ...one }, { x: x.fill(i) }, { core });
    assert.is(y?.[7], i + 1);
  }
  assert.ok(core.programs.bytes <= 4 * MIB, `${core.programs.bytes} bytes`);
  const { byteLength } = core.exports.memory.buffer;
  assert.ok(byteLength < 8 * MIB, `${byteLength} bytes`);
});

test("the programs used last stay, and one that is larger than the cache is run and stays until the next", () => {
  const core = Core.create({ cacheBytes: 3 * MIB });
  const [small, other] = [plusOne(2 ** 16), plusOne(2 ** 16)];
  const large = plusOne(2 ** 20);
  const place = (program: Program) => core.programs.get(program);
  const kept = place(small);
  place(other);
  assert.is(place(small), kept);
  assert.equal(run(large, { x: new Float32Array(2 ** 20) }, { core }).y?.[0], 1);
  assert.is(place(large), place(large));
  assert.is.not(place(small), kept, "the large one pushed it out");
  core.cacheBytes = 0;
  const last = place(other);
  assert.is(place(other), last);
  unload(other, core);
  assert.is(core.programs.bytes, 0);
  assert.equal(run(small, { x: new Float32Array(2 ** 16) }, { core }).y?.[0], 1);
});

test("seventeen owners of many programs share the bytes of one core", () => {
  const core = Core.create({ cacheBytes: 8 * MIB });
  const owners = Array.from({ length: 17 }, (_, i) => new ProgramCache(`model ${i}`, core));
  const compiled = { count: 0 };
  const make = (n: number) => () => {
    compiled.count++;
    return plusOne(n);
  };
  for (let n = 1; n <= 20; n++) {
    for (const owner of owners) {
      const floats = 2 ** 15 + n;
      const program = owner.get(`predict ${n}`, make(floats));
      assert.is(run(program, { x: new Float32Array(floats) }, { core }).y?.[0], 1);
    }
  }
  assert.is(compiled.count, 340);
  assert.ok(core.programs.bytes <= 8 * MIB, `${core.programs.bytes} bytes`);
  assert.ok(core.exports.memory.buffer.byteLength < 16 * MIB);
  const sizes = owners.reduce((total, { size }) => total + size, 0);
  assert.ok(sizes < 40, `${sizes} programs are kept beside those in the core`);
  const [owner] = owners as [ProgramCache];
  const [first, again] = [owner.get("a", make(5)), owner.get("a", make(5))];
  assert.is(first, again);
  assert.is(compiled.count, 341);
});

test("what an owner disposes of is gone from the core, and asking it again is an error by its name", () => {
  const core = Core.create();
  const [mine, yours] = [new ProgramCache("adapt", core), new ProgramCache("other", core)];
  mine.get("a", () => plusOne(100));
  mine.get("b", () => plusOne(200));
  const kept = yours.get("a", () => plusOne(300));
  const before = core.programs.bytes;
  mine.dispose();
  mine.dispose();
  assert.ok(core.programs.bytes < before && core.programs.bytes > 0);
  throwsA(OptionError, () => mine.get("a", () => plusOne(100)), "adapt:", "disposed");
  assert.is(
    yours.get("a", () => plusOne(300)),
    kept,
  );
});

test("a memory that cannot grow makes room among the programs kept ready", () => {
  const core = Core.create({ cacheBytes: Number.POSITIVE_INFINITY });
  const looker = (bytes: number): Program => ({
    ...{ code: new Int32Array(), instructionCount: 0, constants: new Float32Array(), inputs: [] },
    ...{ outputs: [{ name: "y", shape: [4], offset: 0 }], arenaBytes: bytes },
  });
  const { memory } = core.exports;
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + 65536 * pages > 40 * MIB) throw new RangeError("no more");
    return grow(pages);
  };
  for (let i = 0; i < 6; i++) run(looker(15 * MIB), {}, { core });
  assert.ok(core.programs.bytes > 30 * MIB && core.programs.bytes < 40 * MIB);
  throwsA(MemoryError, () => run(looker(2 ** 32 - 16), {}, { core }), "cannot grow");
  assert.ok(core.programs.bytes > 30 * MIB, "what cannot fit pushes nothing out");
});

// ---------------------------------------------------------------- cores that end

test("a closed core says so wherever it is used, and gives its memory up", () => {
  const core = Core.create();
  const program = plusOne(3);
  const loaded = core.load(program);
  run(program, { x: [1, 2, 3] }, { core });
  const cache = new ProgramCache("adapt", core);
  cache.get("a", () => plusOne(4));
  core.close();
  core.close();
  assert.ok(core.closed);
  for (const use of [
    () => core.load(program),
    () => core.f32,
    () => core.exports,
    () => core.allocate(4),
    () => loaded.run(),
    () => loaded.read("y"),
    () => run(program, { x: [1, 2, 3] }, { core }),
    () => cache.get("a", () => plusOne(4)),
  ]) {
    throwsA(OptionError, use, "core: was closed");
  }
  loaded.dispose();
  cache.dispose();
});

test("the default core is made anew after it was closed", () => {
  const first = defaultCore();
  assert.equal(Array.from(run(plusOne(1), { x: [1] }).y as Float32Array), [2]);
  first.close();
  assert.equal(Array.from(run(plusOne(1), { x: [2] }).y as Float32Array), [3]);
  assert.is.not(defaultCore(), first);
});

test.run();
