/** A Program reaches nothing but its arena, and finds nothing in it that another one left. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Abi, ConvField, Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { FormatError } from "../../src/errors.ts";
import { add } from "../../src/graph/operators/index.ts";
import { decodeProgram, encodeProgram } from "../../src/program/bytes.ts";
import { instructionRules } from "../../src/program/extents.ts";
import { alignUp, type Program } from "../../src/program/program.ts";
import { validate } from "../../src/program/validate.ts";
import { throwsA } from "../support/errors.ts";
import { addressFields, smallPrograms } from "../support/fuzz.ts";

const test = suite("isolation");

const SECRET = [11, 22, 33, 44, 55, 66, 77, 88];
const ARENA = { w: 512, y: 1024, scratch: 1088, bytes: 17408 } as const;
/** Where the convolutions kept addresses of rows in their scratch area, after eight floats for each row of weights. */
const TABLE = ARENA.scratch + 512 + 48;

/**
 * A 1 x 1 convolution of eight pixels whose output lies over the places of its last four rows: the first row's result is the first row
 * of w, whose bits are taken for the addresses (from, to) of the rows that follow.
 */
function conspiracy(places: readonly (readonly [from: number, to: number])[]): Program {
  const constants = new Float32Array(ARENA.y / 4);
  for (let pixel = 0; pixel < 8; pixel++) constants[16 * pixel] = 1;
  const w = constants.subarray(ARENA.w / 4);
  // Row 8 + j of w hands on channel 8 + j of a pixel.
  for (let j = 0; j < 8; j++) w[8 * (8 + j) + j] = 1;
  new Uint32Array(w.buffer, w.byteOffset).set(places.flat());
  const fields = new Array<number>(ConvField.Words).fill(1);
  fields[ConvField.a] = 0;
  fields[ConvField.b] = ARENA.w;
  fields[ConvField.out] = TABLE + 32;
  fields[ConvField.scratch] = ARENA.scratch;
  for (const field of [ConvField.W, ConvField.WO, ConvField.O]) fields[field] = 8;
  fields[ConvField.C] = 16;
  fields[ConvField.padTop] = 0;
  fields[ConvField.padLeft] = 0;
  return {
    code: Int32Array.of(Opcode.Conv2d, Abi.PrefixWords + fields.length, ...fields),
    instructionCount: 1,
    constants,
    inputs: [],
    outputs: [{ name: "y", shape: [16], offset: ARENA.y }],
    arenaBytes: ARENA.bytes,
  };
}

/** Puts a program into a core as `load` does, without validating it; returns where its words and its arena begin. */
function place(core: Core, program: Program): { start: number; base: number } {
  const room = alignUp(4 * (Abi.HeaderWords + program.code.length));
  const start = core.allocate(room + program.arenaBytes);
  const words = new Int32Array(core.exports.memory.buffer);
  words[start / 4] = start + room;
  words.set(program.code, start / 4 + Abi.HeaderWords);
  core.f32.set(program.constants, (start + room) / 4);
  return { start, base: start + room };
}

/** A core in which a program holds a secret input, and where that is. */
function victim(): { core: Core; secret: number } {
  const core = Core.create();
  const program = compile({ zeros: [8], secret: [8] }, ({ zeros, secret }) => ({ y: add(zeros, secret) }));
  const loaded = core.load(program);
  loaded.write("zeros", new Float32Array(8));
  loaded.write("secret", SECRET);
  return { core, secret: loaded.base + (program.inputs[1]?.offset as number) };
}

test("a Program of one convolution cannot read another Program's input: refused, and harmless even so", () => {
  const { core, secret } = victim();
  const at = place(core, conspiracy([]));
  core.free(at.start, at.base - at.start + ARENA.bytes);
  // Eight floats in front of the secret are zeros.
  const to = at.base + ARENA.y;
  const program = conspiracy([
    [secret - 32, to],
    [secret - 32, to + 32],
    [secret - 32, to],
    [secret - 32, to],
  ]);
  throwsA(FormatError, () => core.load(program), "instruction 0 (Conv2d)", "overlap");
  throwsA(FormatError, () => decodeProgram(encodeProgram(program)), "overlap");
  const { start, base } = place(core, program);
  assert.is(base, at.base);
  core.exports.run(start, 1);
  const y = Array.from(core.f32.subarray((base + ARENA.y) / 4, (base + ARENA.y) / 4 + 8));
  assert.equal(y, new Array(8).fill(0));
});

test("a Program cannot overwrite its own words", () => {
  const core = Core.create();
  const at = place(core, conspiracy([]));
  core.free(at.start, at.base - at.start + ARENA.bytes);
  const program = conspiracy([
    [at.base, at.start],
    [at.base, at.start + 32],
    [at.base, at.start + 64],
    [at.base, at.start],
  ]);
  const { start, base } = place(core, program);
  assert.is(start, at.start);
  core.exports.run(start, 1);
  const words = new Int32Array(core.exports.memory.buffer);
  assert.is(words[start / 4], base);
  assert.equal(words.slice(start / 4 + 1, start / 4 + 1 + program.code.length), program.code);
});

test("every instruction but a block is refused where what it writes overlaps what else it touches", () => {
  const seen = new Set<Opcode>();
  for (const program of smallPrograms()) {
    let at = 0;
    for (const { opcode, fields, spans } of validate(program)) {
      const first = at + Abi.PrefixWords;
      at = first + fields.length;
      const write = spans.find(({ access }) => access === "write");
      if (opcode === Opcode.Block || write === undefined) continue;
      for (const other of spans) {
        if (other.access === "write") continue;
        const code = program.code.slice();
        for (const field of addressFields(opcode, fields)) {
          if (fields[field] === other.offset) code[first + field] = write.offset;
        }
        const bytes = program.arenaBytes + 4 * Math.max(...spans.map(({ floats }) => floats)) + 64;
        throwsA(
          FormatError,
          () => validate({ ...program, code, arenaBytes: alignUp(bytes) }),
          Opcode[opcode] as string,
        );
        seen.add(opcode);
      }
    }
  }
  const without = [Opcode.Block, Opcode.Fill];
  const opcodes = Object.keys(instructionRules).map(Number) as Opcode[];
  assert.equal(
    opcodes.filter((opcode) => !seen.has(opcode) && !without.includes(opcode)).map((opcode) => Opcode[opcode]),
    [],
  );
});

// ---------------------------------------------------------------- what others left

/** No instructions, one output: what was in its place. */
function looker(floats: number): Program {
  return {
    code: new Int32Array(),
    instructionCount: 0,
    constants: new Float32Array(),
    inputs: [],
    outputs: [{ name: "y", shape: [floats], offset: 0 }],
    arenaBytes: alignUp(4 * floats),
  };
}

test("a Program of no instructions finds zeros where another one was", () => {
  const core = Core.create();
  const program = compile({ x: [48] }, ({ x }) => ({ y: add(x, 1) }));
  for (let round = 0; round < 3; round++) {
    const loaded = core.load(program);
    loaded.call({ x: new Float32Array(48).fill(7) });
    loaded.dispose();
    const left = core.load(looker(200)).call({}).y as Float32Array;
    assert.equal(left, new Float32Array(200), `round ${round}`);
  }
});

test("memory that was given back is zeros when it is handed out again", () => {
  const core = Core.create();
  const address = core.allocate(1000);
  core.f32.fill(3, address / 4, address / 4 + 250);
  core.free(address, 1000);
  // Longer than what was used before: its end is memory that nobody had.
  const again = core.allocate(5000);
  assert.is(again, address);
  assert.ok(core.f32.subarray(again / 4, again / 4 + 1250).every((value) => value === 0));
});

test.run();
