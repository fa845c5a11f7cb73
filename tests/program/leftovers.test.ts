/** One call of a Program cannot see what the call before it was given. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Abi, BlockField, CopyField, FillMicroField, MicroField, MicroOp, Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { run } from "../../src/core/run.ts";
import { concat, multiply, pad, transpose } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { decodeProgram, encodeProgram } from "../../src/program/bytes.ts";
import { seesLeftovers } from "../../src/program/leftovers.ts";
import { maySeeLeftovers, type Program } from "../../src/program/program.ts";
import { seedPrograms } from "../support/fuzz.ts";
import { Chance } from "../support/random.ts";
import { randomRecipe } from "../support/recipes.ts";

const test = suite("leftovers");

type Words = Readonly<Record<number, number>>;

const fieldsOf = (count: number, values: Words, rest = 0) => Array.from({ length: count }, (_, i) => values[i] ?? rest);

function instruction(opcode: Opcode, fields: readonly number[]): number[] {
  return [opcode, Abi.PrefixWords + fields.length, ...fields];
}

/** Copies `floats` floats. */
function copy(from: number, to: number, floats: number): number[] {
  const { x, out, size0, size1, size2, size3, size4, xStride4, outStride4 } = CopyField;
  const sizes = { [size0]: 1, [size1]: 1, [size2]: 1, [size3]: 1, [size4]: floats };
  return instruction(
    Opcode.Copy,
    fieldsOf(CopyField.Words, { ...sizes, [x]: from, [out]: to, [xStride4]: 1, [outStride4]: 1 }),
  );
}

function block(elements: number, blockSize: number, micros: readonly Words[]): number[] {
  const head = fieldsOf(BlockField.Words, {
    [BlockField.elements]: elements,
    [BlockField.blockSize]: blockSize,
    [BlockField.microCount]: micros.length,
  });
  return instruction(Opcode.Block, [...head, ...micros.flatMap((micro) => fieldsOf(MicroField.Words, micro))]);
}

/** x [5] at 0, y [5] at 32, and a workspace from 64 on. */
function program(instructions: readonly (readonly number[])[]): Program {
  return {
    code: Int32Array.from(instructions.flat()),
    instructionCount: instructions.length,
    constants: new Float32Array(),
    inputs: [{ name: "x", shape: [5], offset: 0 }],
    outputs: [{ name: "y", shape: [5], offset: 32 }],
    arenaBytes: 256,
  };
}

const { operation, splats, dst, dstStep, a, aStep } = MicroField;
const negate = (from: number, to: number, step: number) => ({
  ...{ [operation]: MicroOp.Negate, [dst]: to, [dstStep]: step, [a]: from, [aStep]: step },
});

/** Programs that hand an input on to the next call, each in its own way. */
const CARRIERS: Readonly<Record<string, Program>> = {
  "the workspace": program([copy(64, 32, 5), copy(0, 64, 5)]),
  "an output that is not written": program([copy(0, 32, 4)]),
  "a part of a read": program([copy(0, 64, 5), copy(68, 32, 5), copy(0, 84, 5)]),
  "a register of the block before": program([
    block(4, 8, [negate(96, 64, 0), { ...negate(0, 96, 0), [aStep]: 32 }]),
    copy(64, 32, 4),
    copy(64, 48, 1),
  ]),
  "the last lanes of a register": program([
    block(5, 8, [
      {
        [FillMicroField.operation]: MicroOp.FillStrided,
        ...{ [FillMicroField.dst]: 64, [FillMicroField.source]: 0 },
        ...{ [FillMicroField.size1]: 1, [FillMicroField.size2]: 5, [FillMicroField.stride2]: 1 },
      },
      { [operation]: MicroOp.Negate, [splats]: 1, [dst]: 32, [dstStep]: 32, [a]: 80 },
    ]),
    copy(0, 84, 3),
  ]),
  "a block that has not come yet": program([block(5, 4, [negate(0, 64, 16), negate(80, 96, 16)]), copy(96, 32, 5)]),
};

test("what a Program reads or gives back without having written it is zeros in every call", () => {
  for (const [name, carrier] of Object.entries(CARRIERS)) {
    assert.ok(seesLeftovers(carrier), name);
    for (const each of [carrier, decodeProgram(encodeProgram(carrier))]) {
      assert.ok(maySeeLeftovers(each), name);
      const core = Core.create();
      const call = (value: number) => Array.from(run(each, { x: new Float32Array(5).fill(value) }, { core }).y ?? []);
      const first = call(1);
      call(7);
      assert.equal(call(1), first, name);
    }
  }
});

test("what the compiler makes reads nothing but what it was given and wrote, and is not cleared", () => {
  const chance = new Chance(5);
  const recipes = Array.from({ length: 60 }, () => randomRecipe(30, chance));
  const random = recipes.map(({ shapes, build }) =>
    compile(shapes, (xs) => Object.fromEntries(build(xs).map((y, i) => [`y${i}`, y]))),
  );
  const moved = compile({ x: [3, 5], z: [3, 2] }, ({ x, z }) => ({
    y: multiply(pad(concat([x, z] as Tensor[], 1), [1, 2], [0, 3]), 2),
    t: transpose(x, [1, 0]),
  }));
  const { small, wide } = seedPrograms();
  for (const each of [...small, ...wide, ...random, moved]) {
    assert.not.ok(seesLeftovers(each));
    assert.not.ok(maySeeLeftovers(each));
    assert.not.ok(maySeeLeftovers(decodeProgram(encodeProgram(each))));
  }
});

test.run();
