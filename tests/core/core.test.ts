/** The core: its handshake, its memory, and what running a program asks for and gives. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Abi, InstructionSet, MicroField, MicroOp, Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { Core, defaultCore } from "../../src/core/core.ts";
import { coreBytes } from "../../src/core/relaxed.ts";
import { run } from "../../src/core/run.ts";
import { FormatError, MemoryError, OptionError, ShapeError } from "../../src/errors.ts";
import { add, matmul, multiply, randomNormal, randomUniform, sum, tanh } from "../../src/graph/operators/index.ts";
import { KEY_SHAPE, keyToArray } from "../../src/graph/operators/random.ts";
import type { Program } from "../../src/program/program.ts";
import { type Key, threefry } from "../../src/random.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";

const test = suite("core");

/** y = x + 1 for n numbers. */
function plusOne(n: number): Program {
  return compile({ x: [n] }, ({ x }) => ({ y: add(x, 1) }));
}

const floats = (n: number, value = 1) => new Float32Array(n).fill(value);

// ---------------------------------------------------------------- handshake

test("what is no core of this version is refused", () => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  throwsA(FormatError, () => Core.create(empty), "core:", "another version");
  throwsA(FormatError, () => Core.create(new Uint8Array(8)), "core:");
  throwsA(FormatError, () => Core.create(new Uint8Array()), "core:");
  throwsA(FormatError, () => Core.create(coreBytes().subarray(0, 1000)), "core:");
});

test("a core of another instruction set is refused", () => {
  const bytes = coreBytes();
  // The bodies `i32.const n; end` of the three functions that answer; n is 7 bits to a byte, and each is changed in turn.
  for (const answer of [InstructionSet.LastOpcode, InstructionSet.LastMicroOp, Abi.Version]) {
    const constant = answer < 64 ? [answer] : [(answer & 127) | 128, answer >> 7];
    const body = [constant.length + 3, 0, 0x41, ...constant, 0x0b];
    let changed = 0;
    for (let at = 0; at + body.length <= bytes.length; at++) {
      if (!body.every((byte, i) => bytes[at + i] === byte)) continue;
      changed++;
      const other = bytes.with(at + 3, (constant[0] as number) ^ 1);
      throwsA(FormatError, () => Core.create(other), "instruction set", "another version");
    }
    assert.is(changed, 1, `${changed} functions answer ${answer}`);
  }
});

test("the core answers its own version and imports nothing", () => {
  const { exports } = Core.create();
  assert.is(exports.abiVersion(), Abi.Version);
  assert.is(exports.lastOpcode(), InstructionSet.LastOpcode);
  assert.is(exports.lastMicroOp(), InstructionSet.LastMicroOp);
  assert.is(exports.heapBase() % Abi.Alignment, 0);
  assert.equal(WebAssembly.Module.imports(new WebAssembly.Module(coreBytes() as Uint8Array<ArrayBuffer>)), []);
});

// ---------------------------------------------------------------- regions

test("programs in one core do not touch one another, and a disposed one's region is used again", () => {
  const core = Core.create();
  const loaded = [5, 100, 17, 1].map((n) => core.load(plusOne(n)));
  const check = (value: number) => {
    for (const each of loaded) each.write("x", floats(each.program.inputs[0]?.shape[0] as number, value));
    for (const each of loaded) each.run();
    for (const each of loaded) assert.ok(each.read("y").every((y) => y === value + 1));
  };
  check(1);
  const high = core.highWater;
  for (let round = 0; round < 50; round++) {
    const at = round % loaded.length;
    const { program } = loaded[at] as (typeof loaded)[number];
    loaded[at]?.dispose();
    loaded[at] = core.load(program);
    check(round);
  }
  assert.is(core.highWater, high);
});

test("regions of any sizes, taken and given back in any order, never overlap", () => {
  const core = Core.create();
  const chance = new Chance(1);
  let live: { address: number; bytes: number }[] = [];
  const start = core.highWater;
  let most = 0;
  for (let round = 0; round < 3000; round++) {
    if (live.length > 0 && chance.chance(0.5)) {
      const gone = live.splice(chance.whole(0, live.length - 1), 1)[0] as { address: number; bytes: number };
      core.free(gone.address, gone.bytes);
      continue;
    }
    const bytes = chance.pick([0, 1, 15, 16, 17, 100, 4096]);
    const address = core.allocate(bytes);
    assert.is(address % 16, 0);
    assert.ok(address >= start && address + bytes <= core.exports.memory.buffer.byteLength);
    for (const other of live) {
      assert.ok(address + Math.max(bytes, 1) <= other.address || other.address + Math.max(other.bytes, 1) <= address);
    }
    live.push({ address, bytes });
    most = Math.max(
      most,
      live.reduce((total, each) => total + each.bytes + 16, 0),
    );
  }
  assert.ok(core.highWater - start <= 2 * most, `${core.highWater - start} bytes for ${most} live ones`);
  for (const { address, bytes } of live) core.free(address, bytes);
  live = [];
  assert.is(core.allocate(1_000_000), start, "all gaps join");
});

test("growth keeps what is loaded, and views are fetched anew after it", () => {
  const core = Core.create();
  const first = core.load(plusOne(4));
  first.write("x", [1, 2, 3, 4]);
  const before = core.f32;
  const big = core.load(plusOne(1 << 20));
  assert.is(before.length, 0, "the old view is detached");
  assert.is(core.f32.buffer, core.exports.memory.buffer);
  first.run();
  assert.equal(Array.from(first.view("y")), [2, 3, 4, 5]);
  assert.ok(big.call({ x: floats(1 << 20, 2) }).y?.every((y) => y === 3));
});

test("a program that does not fit is a MemoryError with its size, and the core goes on", () => {
  const core = Core.create();
  const loaded = core.load(plusOne(3));
  const high = core.highWater;
  const { code, instructionCount, constants, inputs, outputs } = plusOne(3);
  const huge: Program = { code, instructionCount, constants, inputs, outputs, arenaBytes: 2 ** 32 - 16 };
  throwsA(MemoryError, () => core.load(huge), "core: cannot grow", "4096.0 MiB", "dispose");
  assert.is(core.highWater, high);
  assert.equal(Array.from(loaded.call({ x: [1, 2, 3] }).y as Float32Array), [2, 3, 4]);
  const after = core.load(plusOne(1 << 19));
  assert.ok(after.call({ x: floats(1 << 19) }).y?.every((y) => y === 2));
});

test("load validates", () => {
  const program = plusOne(3);
  const code = program.code.with(0, InstructionSet.LastOpcode + 1);
  throwsA(FormatError, () => Core.create().load({ ...program, code }), "unknown opcode");
});

test("a disposed program can neither be written, read nor run, and dispose may be called twice", () => {
  const core = Core.create();
  const loaded = core.load(plusOne(2));
  loaded.dispose();
  loaded.dispose();
  const next = core.load(plusOne(2));
  next.write("x", [1, 1]);
  throwsA(OptionError, () => loaded.write("x", [7, 7]), "disposed");
  throwsA(OptionError, () => loaded.run(), "disposed");
  throwsA(OptionError, () => loaded.read("y"), "disposed");
  throwsA(OptionError, () => loaded.view("y"), "disposed");
  next.run();
  assert.equal(Array.from(next.read("y")), [2, 2]);
  assert.is.not(core.load(plusOne(2)).outputs.address, next.outputs.address);
});

// ---------------------------------------------------------------- running

test("run takes every input and returns every output, as new arrays", () => {
  const program = compile({ a: [2, 2], b: [2, 2], unused: [3] }, ({ a, b }) => ({
    product: matmul(a, b),
    total: sum(a),
  }));
  const inputs = { a: [1, 2, 3, 4], b: Float64Array.of(0, 1, 1, 0), unused: new Uint8Array(3) };
  const first = run(program, inputs);
  const second = run(program, { ...inputs, a: [0, 0, 0, 1] });
  assert.equal(Array.from(first.product as Float32Array), [2, 1, 4, 3]);
  assert.equal(Array.from(first.total as Float32Array), [10]);
  assert.equal(Array.from(second.product as Float32Array), [0, 0, 1, 0]);
  assert.equal(Object.keys(first), ["product", "total"]);
  assert.is(defaultCore(), defaultCore());
});

test("inputs hold what f32 can hold: infinities and NaN pass, a number that would become infinite is refused", () => {
  const program = compile({ x: [3] }, ({ x }) => ({ y: add(x, 0) }));
  const special = [Number.NaN, Number.POSITIVE_INFINITY, -3.4028235e38];
  for (const x of [special, Float32Array.from(special), Float64Array.from(special)]) {
    assert.equal([...run(program, { x }).y], [...Float32Array.from(special)]);
  }
  for (const x of [[1, 2, -1e39], Float64Array.of(1, 2, -1e39)]) {
    throwsA(OptionError, () => run(program, { x }), "run: input x[2] must be a number that f32 can hold", "got -1e+39");
  }
  const wrong = { x: [1, "2", 3] as unknown as number[] };
  throwsA(OptionError, () => run(program, wrong), 'run: input x[1] must be a number, got "2"');
  throwsA(
    OptionError,
    () => run(program, { x: "123" as unknown as number[] }),
    "run: input x must be an array of numbers",
  );
});

test("inputs that are missing, unknown or of the wrong length are refused by name", () => {
  const program = compile({ a: [2, 2], b: [3] }, ({ a, b }) => ({ y: sum(a), z: sum(b) }));
  const untyped: Program = program;
  const good = { a: floats(4), b: floats(3) };
  throwsA(OptionError, () => run(untyped, { a: floats(4) }), "run: input b [3] is missing");
  throwsA(OptionError, () => run(untyped, { ...good, c: floats(1) }), "run: no input is called c", "a, b");
  throwsA(ShapeError, () => run(program, { ...good, a: floats(5) }), "run: input a [2,2] needs 4 numbers, got 5");
  throwsA(ShapeError, () => run(program, { ...good, b: [] }), "input b [3]", "got 0");
  throwsA(OptionError, () => Core.create().load(program).read("q"), "run: no output is called q", "y, z");
  assert.equal(run(program, good), { y: Float32Array.of(4), z: Float32Array.of(3) });
});

test("inputs stay as they were written: a run changes none, and needs only the changed ones again", () => {
  const loaded = Core.create().load(compile({ a: [3], b: [3] }, ({ a, b }) => ({ y: tanh(multiply(a, b)), a })));
  loaded.write("a", [1, 2, 3]);
  loaded.write("b", [1, 1, 1]);
  loaded.run();
  const first = loaded.read("y");
  loaded.run();
  assert.equal(loaded.read("y"), first);
  loaded.write("b", [0, 0, 0]);
  loaded.run();
  assert.equal(Array.from(loaded.read("y")), [0, 0, 0]);
  assert.equal(Array.from(loaded.read("a")), [1, 2, 3]);
});

test("accumulate adds exactly its count of floats", () => {
  const core = Core.create();
  for (const count of [0, 1, 3, 4, 5, 7, 8, 9, 17, 40]) {
    const [target, source] = [core.allocate(4 * (count + 8)), core.allocate(4 * (count + 8))];
    const values = core.f32;
    values.fill(0.5, target / 4, target / 4 + count + 8);
    for (let i = 0; i < count + 8; i++) values[source / 4 + i] = i;
    core.exports.accumulate(target, source, count);
    for (let i = 0; i < count + 8; i++) {
      assert.is(values[target / 4 + i], i < count ? i + 0.5 : 0.5, `element ${i} of ${count}`);
      assert.is(values[source / 4 + i], i);
    }
  }
});

test("micro-operations that the compiler does not emit yet work too: copy and multiply-add", () => {
  const { operation, dst, dstStep, a, aStep, b, bStep, c, cStep } = MicroField;
  const micro = (fields: Readonly<Record<number, number>>) =>
    Array.from({ length: MicroField.Words }, (_, i) => fields[i] ?? 0);
  const words = [
    ...[5, 4, 0, 2],
    ...micro({ [operation]: MicroOp.Copy, [dst]: 64, [dstStep]: 16, [a]: 0, [aStep]: 16 }),
    ...micro({
      ...{ [operation]: MicroOp.MultiplyAdd, [dst]: 96, [dstStep]: 16, [a]: 64, [aStep]: 16 },
      ...{ [b]: 32, [bStep]: 16, [c]: 0, [cStep]: 16 },
    }),
  ];
  const program: Program = {
    code: Int32Array.of(Opcode.Block, Abi.PrefixWords + words.length, ...words),
    instructionCount: 1,
    constants: new Float32Array(),
    inputs: [
      { name: "x", shape: [5], offset: 0 },
      { name: "y", shape: [5], offset: 32 },
    ],
    outputs: [
      { name: "copy", shape: [5], offset: 64 },
      { name: "z", shape: [5], offset: 96 },
    ],
    arenaBytes: 128,
  };
  const { copy, z } = Core.create()
    .load(program)
    .call({ x: [1, 2, 3, 4, 5], y: [0, 1, 2, 3, 4] });
  assert.equal(Array.from(copy as Float32Array), [1, 2, 3, 4, 5]);
  assert.equal(Array.from(z as Float32Array), [1, 4, 9, 16, 25]);
});

// ---------------------------------------------------------------- random operators

const KEYS: readonly Key[] = [
  [0, 0],
  [1, 2],
  [0xffffffff, 0xffffffff],
  [0x12345678, 0x9abcdef0],
  [0x80000000, 0x7fffffff],
];

test("uniform numbers are the upper 24 bits of Threefry's words, bit for bit", () => {
  const core = Core.create();
  for (const n of [1, 2, 3, 7, 8, 9, 40, 1001]) {
    for (const stream of [0, 1, 7, 0x7fffffff]) {
      const loaded = core.load(compile({ key: KEY_SHAPE }, ({ key }) => ({ y: randomUniform(key, [n], stream) })));
      for (const key of KEYS) {
        const { y } = loaded.call({ key: keyToArray(key) });
        const expected = Array.from(
          { length: n },
          (_, i) => ((threefry(key, i >> 1, stream)[i & 1] as number) >>> 8) / 2 ** 24,
        );
        assert.equal(Array.from(y as Float32Array), expected, `key ${key}, stream ${stream}, ${n} numbers`);
      }
      loaded.dispose();
    }
  }
});

test("normal numbers are within 3e-6 of Box and Muller's in f64, and have the moments of a normal", () => {
  const core = Core.create();
  const n = 20000;
  const loaded = core.load(compile({ key: KEY_SHAPE }, ({ key }) => ({ y: randomNormal(key, [n], 3) })));
  for (const key of KEYS) {
    const y = loaded.call({ key: keyToArray(key) }).y as Float32Array;
    const expected = Array.from({ length: n }, (_, i) => {
      const [radiusWord, angleWord] = threefry(key, i >> 1, 3);
      const radius = Math.sqrt(-2 * Math.log(((radiusWord >>> 8) + 1) / 2 ** 24));
      const angle = (2 * Math.PI * (angleWord >>> 8)) / 2 ** 24;
      return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
    });
    for (let i = 0; i < n; i++) near([y[i] as number], [expected[i] as number], 3e-6, `key ${key}, number ${i}`);
    const moment = (power: number) => y.reduce((total, value) => total + value ** power, 0) / n;
    // Five standard errors of each moment's mean.
    for (const [power, value, spread] of [
      [1, 0, 1],
      [2, 1, Math.sqrt(2)],
      [3, 0, Math.sqrt(15)],
      [4, 3, Math.sqrt(96)],
    ] as const) {
      assert.ok(Math.abs(moment(power) - value) < (5 * spread) / Math.sqrt(n), `moment ${power}: ${moment(power)}`);
    }
  }
});

// ---------------------------------------------------------------- stepping

test("a program that is fed back goes on from its own results, by name, whatever the order and size of its ports", () => {
  const shapes = { a: [5], rate: [1], b: [3], c: [17], unused: [2] } as const;
  const program = compile(shapes, ({ a, rate, b, c }) => ({
    checksum: sum(a),
    a: add(a, rate),
    b: multiply(b, 2),
    // Not in the order of the inputs, and one that is no input.
    other: add(c, 1),
    c: multiply(add(c, rate), 0.5),
  }));
  const stepping = Core.create().load(program);
  const plain = Core.create().load(program);
  let inputs: Record<string, Float32Array> = {
    a: floats(5),
    rate: Float32Array.of(0.25),
    b: Float32Array.of(1, 2, 3),
    c: floats(17, 4),
    unused: floats(2, 9),
  };
  for (const name in inputs) stepping.write(name, inputs[name] as Float32Array);
  for (let step = 0; step < 5; step++) {
    const expected = plain.call(inputs);
    stepping.run();
    for (const name in expected) {
      const target = new Float32Array((expected[name] as Float32Array).length);
      stepping.readInto(name, target);
      assert.equal(target, expected[name], `${name} in step ${step}`);
    }
    stepping.feedBack();
    inputs = { ...inputs, a: expected.a, b: expected.b, c: expected.c } as typeof inputs;
  }
  stepping.dispose();
  throwsA(OptionError, () => stepping.feedBack(), "disposed");
});

test.run();
