/** A program's bytes: they come back as they went, and damaged ones are refused or do no harm. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  Abi,
  BlockField,
  ConvField,
  CopyField,
  FillMicroField,
  IndexField,
  InstructionSet,
  MicroField,
  MicroOp,
  Opcode,
  PoolField,
  SumMicroField,
} from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { FormatError } from "../../src/errors.ts";
import { add, gather, greater, sum, tanh } from "../../src/graph/operators/index.ts";
import { decodeProgram, encodeProgram } from "../../src/program/bytes.ts";
import { instructionRules, isBroadcast } from "../../src/program/extents.ts";
import { type Port, type Program, portSize } from "../../src/program/program.ts";
import { validate } from "../../src/program/validate.ts";
import { sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { smallPrograms } from "../support/fuzz.ts";
import { runGuarded } from "../support/guarded.ts";
import { Chance } from "../support/random.ts";
import { randomRecipe } from "../support/recipes.ts";

/** Damaged programs larger than this are validated but not run. */
const LARGEST_ARENA = 2 ** 21;

const core = Core.create();
const bytes = suite("program bytes");

const programs = smallPrograms();
const small = compile({ x: [2, 3], row: [3] }, ({ x, row }) => ({ y: tanh(add(x, add(row, 0.5))) }));

/** Numbers that stay clear of the ordinary: indices far outside, infinities, NaN. */
function hostileInputs(inputs: readonly Port[], chance: Chance): Record<string, Float32Array> {
  const value = () => chance.pick([0, 1, -1, 2.5, 1e9, -1e9, 3e38, Number.NaN, Number.POSITIVE_INFINITY, 4, 65535]);
  return Object.fromEntries(inputs.map((port) => [port.name, Float32Array.from({ length: portSize(port) }, value)]));
}

/** Runs what was accepted, among sentinels; what is too large is left. Returns whether it was run. */
function runHostile(what: string, program: Program, chance: Chance): boolean {
  if (program.arenaBytes > LARGEST_ARENA) return false;
  try {
    runGuarded(core, program, hostileInputs(program.inputs, chance));
  } catch (error) {
    throw new Error(`${what} was accepted, and then: ${error}`);
  }
  return true;
}

bytes("programs come back from their bytes as they were", () => {
  const chance = new Chance(2);
  const recipes = Array.from({ length: 20 }, () => randomRecipe(25, chance));
  const random = recipes.map(({ shapes, build }) =>
    compile(shapes, (xs) => Object.fromEntries(build(xs).map((y, i) => [`y${i}`, y]))),
  );
  const named = compile({ "ein Größe-名": [2] }, (inputs) => ({ 'a "b" \\': inputs["ein Größe-名"] }));
  assert.ok(programs.length > 200, `${programs.length} programs`);
  const used = new Set(programs.flatMap((program) => validate(program).map(({ opcode }) => opcode)));
  const unused = Array.from({ length: InstructionSet.LastOpcode + 1 }, (_, opcode) => opcode).filter(
    (opcode) => !used.has(opcode),
  );
  assert.equal(
    unused.map((opcode) => Opcode[opcode]),
    [],
  );
  for (const program of [small, named, ...programs, ...random]) {
    const decoded = decodeProgram(encodeProgram(program));
    assert.equal(decoded, program);
    assert.equal(encodeProgram(decoded), encodeProgram(program));
  }
});

bytes("constants keep their bits: -0, subnormals, infinities, NaN", () => {
  const constants = Float32Array.of(-0, 1e-45, Number.POSITIVE_INFINITY, Number.NaN);
  const program: Program = {
    ...small,
    constants,
    inputs: [],
    outputs: [],
    code: new Int32Array(),
    instructionCount: 0,
  };
  assert.ok(sameBits(decodeProgram(encodeProgram(program)).constants, constants));
});

bytes("bytes inside a larger buffer are read where they lie", () => {
  const encoded = encodeProgram(small);
  const larger = new Uint8Array(encoded.length + 7).fill(255);
  larger.set(encoded, 3);
  assert.equal(decodeProgram(larger.subarray(3, 3 + encoded.length)), small);
});

bytes("every truncation, and every extension, is a FormatError", () => {
  const encoded = encodeProgram(small);
  for (let length = 0; length < encoded.length; length++) {
    throwsA(FormatError, () => decodeProgram(encoded.subarray(0, length)), "program:");
  }
  throwsA(FormatError, () => decodeProgram(Uint8Array.of(...encoded, 0)), "bytes are declared");
});

bytes("another magic number or instruction set is refused by name", () => {
  const encoded = encodeProgram(small);
  throwsA(FormatError, () => decodeProgram(encoded.with(0, 0)), "do not begin as a program does");
  throwsA(FormatError, () => decodeProgram(encoded.with(6, Abi.Version + 1)), "layout", "compile it again");
});

bytes("headers that lie are refused", () => {
  const refuses = (change: Partial<Program>, ...parts: string[]) =>
    throwsA(FormatError, () => decodeProgram(encodeProgram({ ...small, ...change })), "program:", ...parts);
  const [x, row] = small.inputs as [Port, Port];
  const [y] = small.outputs as [Port];
  refuses({ arenaBytes: -16 }, "wrong kind");
  refuses({ arenaBytes: 0.5 }, "wrong kind");
  refuses({ arenaBytes: 2 ** 33 }, "0 to 2^32 bytes");
  refuses({ arenaBytes: 16 }, "outside the arena");
  refuses({ instructionCount: small.instructionCount + 1 }, "instructions are declared");
  refuses({ inputs: [x, { ...row, name: "x" }] }, "input x: the name is used twice");
  refuses({ inputs: [x, { ...row, offset: row.offset + 16 }] }, "input row: must begin at byte");
  refuses({ inputs: [{ ...x, shape: [2, 0] }, row] }, "bad shape [2,0]");
  refuses({ inputs: [{ ...x, shape: [2 ** 40, 2 ** 40] }, row] }, "outside the arena");
  refuses({ inputs: [{ ...x, shape: ["2"] as unknown as number[] }, row] }, "bad shape");
  refuses({ outputs: [{ ...y, offset: -16 }] }, "output y: must begin at byte");
  refuses({ outputs: [{ ...y, offset: 0 }] }, "output y: must begin at byte");
  refuses({ outputs: [{ ...y, offset: y.offset + 16 }] }, "output y: must begin at byte");
  refuses({ outputs: [null as unknown as Port] }, "wrong kind");
  const junk = JSON.parse(JSON.stringify(x)) as Port;
  const decoded = decodeProgram(encodeProgram({ ...small, inputs: [{ ...junk, extra: 1 } as Port, row] }));
  assert.equal(decoded, small);
});

// ---------------------------------------------------------------- hostile fields, one by one

/** The program with some words of its first instruction of a kind replaced. */
function withFields(opcode: Opcode, change: Readonly<Record<number, number>>): Program {
  for (const program of programs) {
    let at = 0;
    while (at < program.code.length) {
      if (program.code[at] === opcode) {
        const code = program.code.slice();
        for (const [field, value] of Object.entries(change)) code[at + Abi.PrefixWords + Number(field)] = value;
        return { ...program, code };
      }
      at += program.code[at + 1] as number;
    }
  }
  throw new Error(`no program has ${Opcode[opcode]}`);
}

/** A program of one block over 16 bytes of input and output, and its micro-operations' words. */
function blockProgram(fields: readonly number[], micros: readonly (readonly number[])[]): Program {
  const words = [...fields, ...micros.flat()];
  return {
    code: Int32Array.of(Opcode.Block, Abi.PrefixWords + words.length, ...words),
    instructionCount: 1,
    constants: new Float32Array(),
    inputs: [{ name: "x", shape: [4], offset: 0 }],
    outputs: [{ name: "y", shape: [4], offset: 16 }],
    arenaBytes: 64,
  };
}

function micro(fields: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: MicroField.Words }, (_, i) => fields[i] ?? 0);
}

const { operation, splats, dst, dstStep, a, aStep } = MicroField;

bytes("a block that never ends, or walks more than the arena holds, is refused", () => {
  const registers = micro({ [operation]: MicroOp.Negate, [dst]: 32, [a]: 48 });
  validate(blockProgram([4, 4, 0, 1], [registers]));
  throwsA(FormatError, () => validate(blockProgram([2 ** 31 - 1, 4, 0, 1], [registers])), "Block", "walks 2147483647");
});

bytes("broadcast operands that are summed over more elements than the arena holds are run", () => {
  const program = compile({ a: [1, 300], b: [300, 1] }, ({ a, b }) => ({ y: sum(greater(a, b), 1) }));
  assert.ok(program.arenaBytes < 4 * 300 * 300, `${program.arenaBytes} bytes do not hold 90,000 elements`);
  const rows = Float32Array.from({ length: 300 }, (_, i) => i);
  const { y } = runGuarded(core, program, { a: rows, b: rows });
  assert.equal([...(y as Float32Array)], [...rows].reverse());
});

bytes("a splat that moves from block to block is refused", () => {
  const still = micro({ [operation]: MicroOp.Negate, [splats]: 1, [dst]: 16, [dstStep]: 16, [a]: 32 });
  validate(blockProgram([4, 4, 0, 1], [still]));
  throwsA(
    FormatError,
    () => validate(blockProgram([4, 4, 0, 1], [still.with(aStep, 16)])),
    "micro-operation 0: a step of 16",
  );
});

bytes("operands that do not begin on 16 bytes are refused where a whole vector would leave the arena", () => {
  const shifted = micro({ [operation]: MicroOp.Negate, [dst]: 32, [a]: 52 });
  throwsA(FormatError, () => validate(blockProgram([1, 4, 0, 1], [shifted])), "byte 52 is not a multiple of 16");
});

bytes("writing to inputs or constants is refused", () => {
  const onto = micro({ [operation]: MicroOp.Negate, [dst]: 0, [dstStep]: 16, [a]: 32 });
  throwsA(FormatError, () => validate(blockProgram([4, 4, 0, 1], [onto])), "before the end of constants and inputs");
});

bytes("bad counts, sizes, steps and codes of a block are refused", () => {
  const good = micro({ [operation]: MicroOp.Negate, [dst]: 16, [dstStep]: 16, [a]: 0, [aStep]: 16 });
  const fill = micro({
    [FillMicroField.operation]: MicroOp.FillStrided,
    [FillMicroField.size1]: 1,
    [FillMicroField.size2]: 4,
    [FillMicroField.dst]: 32,
    [FillMicroField.stride2]: 1,
  });
  validate(blockProgram([4, 4, 1, 2], [fill, good]));
  const refuses = (fields: readonly number[], micros: readonly (readonly number[])[], part: string) =>
    throwsA(FormatError, () => validate(blockProgram(fields, micros)), part);
  refuses([0, 4, 0, 1], [good], "at least 1");
  refuses([4, 6, 0, 1], [good], "multiple of 4");
  refuses([4, 4, 2, 1], [good], "cannot run once");
  refuses([4, 4, -1, 1], [good], "cannot run once");
  refuses([4, 4, 0, 2], [good], "must have");
  refuses([4, 4, 0, -1], [], "must have");
  refuses([4, 4, 0, 1], [good.with(operation, InstructionSet.LastMicroOp + 1)], "unknown code");
  refuses([4, 4, 0, 1], [good.with(operation, -1)], "unknown code");
  refuses([4, 4, 0, 1], [good.with(aStep, 32)], "a step of 32");
  refuses([4, 4, 0, 1], [good.with(a, -16)], "outside the arena");
  refuses([4, 4, 1, 2], [fill.with(FillMicroField.size2, 0), good], "sizes must be at least 1");
  refuses([4, 4, 1, 2], [fill.with(FillMicroField.stride2, -1), good], "outside the arena");
  refuses([4, 4, 1, 2], [fill.with(FillMicroField.stride2, 6), good], "outside the arena");
  refuses([16, 16, 0, 1], [good.with(dstStep, 64).with(aStep, 64)], "outside the arena");
});

bytes("sums of a block whose extents or steps do not fit it are refused", () => {
  const good = micro({
    [SumMicroField.operation]: MicroOp.Sum,
    [SumMicroField.columns]: 2,
    [SumMicroField.rows]: 2,
    [SumMicroField.dst]: 16,
    [SumMicroField.aStep]: 16,
    [SumMicroField.partial]: 32,
  });
  validate(blockProgram([4, 4, 0, 1], [good]));
  const refuses = (fields: readonly number[], change: readonly [SumMicroField, number], part: string) =>
    throwsA(FormatError, () => validate(blockProgram(fields, [good.with(...change)])), part);
  refuses([4, 4, 0, 1], [SumMicroField.rows, 0], "do not make 4 elements");
  refuses([4, 4, 0, 1], [SumMicroField.columns, 0], "do not make 4 elements");
  refuses([4, 4, 0, 1], [SumMicroField.columns, -2], "do not make 4 elements");
  refuses([4, 4, 0, 1], [SumMicroField.rows, 3], "do not make 4 elements");
  refuses([4, 4, 0, 1], [SumMicroField.columns, 4], "do not make 4 elements");
  refuses([12, 4, 0, 1], [SumMicroField.columns, 6], "cut its parts of 6");
  refuses([4, 4, 0, 1], [SumMicroField.aStep, 8], "a step of 8");
  refuses([4, 4, 0, 1], [SumMicroField.dst, 64], "outside the arena");
  refuses([4, 4, 0, 1], [SumMicroField.partial, 64], "outside the arena");
  refuses([4, 4, 0, 1], [SumMicroField.a, 64], "outside the arena");
});

bytes("windows that overflow the kernels' arithmetic are refused", () => {
  const refuses = (opcode: Opcode, change: Readonly<Record<number, number>>) =>
    throwsA(FormatError, () => validate(withFields(opcode, change)), Opcode[opcode] as string);
  for (const opcode of [Opcode.Conv2d, Opcode.Conv2dInputGrad, Opcode.Conv2dWeightGrad]) {
    refuses(opcode, { [ConvField.padTop]: -(2 ** 31) + 1 });
    refuses(opcode, { [ConvField.padLeft]: -1 });
    refuses(opcode, { [ConvField.strideH]: 2 ** 31 - 1 });
    refuses(opcode, { [ConvField.strideW]: 0 });
    refuses(opcode, { [ConvField.KH]: 2 ** 16, [ConvField.KW]: 2 ** 16 });
    refuses(opcode, { [ConvField.C]: 2 ** 30 });
  }
  for (const opcode of [Opcode.MaxPoolWinners, Opcode.PoolGather, Opcode.PoolScatter, Opcode.AveragePoolGrad]) {
    refuses(opcode, { [PoolField.padTop]: -1 });
    refuses(opcode, { [PoolField.strideW]: 2 ** 31 - 1 });
    refuses(opcode, { [PoolField.N]: 2 ** 31 - 1, [PoolField.C]: 2 ** 31 - 1 });
  }
});

bytes("copies that step backwards, or walk a few bytes for ever, are refused", () => {
  const copies = (change: Readonly<Record<number, number>>, part: string) =>
    throwsA(FormatError, () => validate(withFields(Opcode.Copy, change)), "Copy", part);
  copies({ [CopyField.xStride4]: -1, [CopyField.size4]: 2 }, "outside the arena");
  copies({ [CopyField.x]: 2 }, "not a multiple of 4");
  const still = [0, 1, 2, 3, 4].flatMap((d) => [
    [CopyField.size0 + d, 2 ** 20],
    [CopyField.xStride0 + d, 0],
    [CopyField.outStride0 + d, 0],
  ]);
  copies(Object.fromEntries(still), "walks");
});

bytes("every extent of every instruction is held to the arena", () => {
  // They say where windows lie, and windows are clipped to the image.
  const free: Readonly<Record<number, readonly number[]>> = {
    [Opcode.Conv2d]: [ConvField.strideH, ConvField.strideW],
    [Opcode.MaxPoolWinners]: [PoolField.KH, PoolField.KW, PoolField.strideH, PoolField.strideW],
  };
  const family = (opcode: Opcode) => {
    if (opcode === Opcode.Conv2dInputGrad || opcode === Opcode.Conv2dWeightGrad) return Opcode.Conv2d;
    return opcode >= Opcode.MaxPoolWinners && opcode <= Opcode.AveragePoolGrad ? Opcode.MaxPoolWinners : opcode;
  };
  let count = 0;
  for (const program of programs) {
    let at = 0;
    for (const { opcode, fields } of validate(program)) {
      for (const field of instructionRules[opcode].extents) {
        if (free[family(opcode)]?.includes(field)) continue;
        // The elements that a broadcast operand is read for may be more than the arena holds.
        if (opcode === Opcode.Block && field === BlockField.elements && isBroadcast((f) => fields[f] as number))
          continue;
        const code = program.code.with(at + Abi.PrefixWords + field, 2 ** 20);
        throwsA(FormatError, () => validate({ ...program, code }), Opcode[opcode] as string);
        count++;
      }
      at += Abi.PrefixWords + fields.length;
    }
  }
  assert.ok(count > 1000, `${count} extents`);
});

bytes("a gather that is accepted reads no row outside the arena", () => {
  const program = compile({ table: [4, 3], index: [2] }, ({ table, index }) => ({ y: gather(table, index) }));
  let refused = 0;
  for (let rows = 1; rows < 100; rows++) {
    const code = program.code.with(Abi.PrefixWords + IndexField.R, rows);
    try {
      validate({ ...program, code });
    } catch {
      refused++;
      continue;
    }
    runGuarded(core, { ...program, code }, { table: new Float32Array(12), index: [rows - 1, rows] });
  }
  assert.ok(refused > 80 && refused < 99, `${refused} refused`);
});

// ---------------------------------------------------------------- random damage

bytes("damaged bytes are refused, or make a program that stays inside its arena", () => {
  const chance = new Chance(3);
  const encoded = programs.map(encodeProgram);
  let accepted = 0;
  for (let round = 0; round < 4000; round++) {
    const damaged = chance.pick(encoded).slice();
    for (let count = chance.pick([1, 1, 1, 2, 3, 8]); count > 0; count--) {
      damaged[chance.whole(12, damaged.length - 1)] = chance.chance(0.5)
        ? chance.whole(0, 255)
        : chance.pick([0, 1, 4, 16, 255]);
    }
    let program: Program;
    try {
      program = decodeProgram(damaged);
    } catch (error) {
      assert.instance(error, FormatError, `round ${round}: ${error}`);
      continue;
    }
    if (runHostile(`round ${round}`, program, chance)) accepted++;
  }
  assert.ok(accepted > 100, `${accepted} were accepted`);
});

bytes.run();
