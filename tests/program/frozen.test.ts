/** What saved Programs rely on: numbers of the instruction set, the layout of their bytes, and what the opcodes compute. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Abi, InstructionSet, MicroOp, MicroRange, Opcode } from "../../assembly/opcodes.ts";
import { compile } from "../../src/compile/compile.ts";
import { run } from "../../src/core/run.ts";
import { FormatError } from "../../src/errors.ts";
import { add } from "../../src/graph/operators/index.ts";
import { decodeProgram, encodeProgram } from "../../src/program/bytes.ts";
import { microArity } from "../../src/program/extents.ts";
import { throwsA } from "../support/errors.ts";

const test = suite("frozen");

/** Names by number. A new operator adds a name at the end of its range; no other line may ever change. */
const OPCODES = `Block MatMul Conv2d Conv2dInputGrad Conv2dWeightGrad MaxPoolWinners PoolGather PoolScatter AveragePool AveragePoolGrad
  Sum Max Softmax LogSoftmax LogSumExp Gather ScatterAdd OneHot Copy Fill RandomUniform RandomNormal Solve`;
const MICRO_OPS = {
  0: "FillSplat FillStrided",
  16: `Copy Negate Exp Log Sqrt Rsqrt Reciprocal Tanh Sigmoid Relu Softplus Abs Sign Sin Cos Square Floor`,
  64: "Add Subtract Multiply Divide Maximum Minimum Greater GreaterEqual Equal Gate",
  112: "Select MultiplyAdd",
  128: "Sum",
};

const namesOf = (members: object) => Object.entries(members).filter(([, number]) => typeof number === "number");
const numbered = (names: string, first: number) => names.split(/\s+/).map((name, i) => [name, first + i]);

test("opcodes and micro-operations keep their numbers", () => {
  assert.equal(namesOf(Opcode), numbered(OPCODES, 0));
  const micros = Object.entries(MICRO_OPS).flatMap(([first, names]) => numbered(names, Number(first)));
  assert.equal(namesOf(MicroOp), micros);
  const lastIn = (from: number, to: number) =>
    Math.max(...micros.map(([, number]) => number as number).filter((number) => number >= from && number < to));
  assert.is(InstructionSet.LastOfOneOperand, lastIn(MicroRange.OneOperand, MicroRange.TwoOperands));
  assert.is(InstructionSet.LastOfTwoOperands, lastIn(MicroRange.TwoOperands, MicroRange.ThreeOperands));
  assert.is(InstructionSet.LastOfThreeOperands, lastIn(MicroRange.ThreeOperands, MicroRange.Sums));
  assert.is(InstructionSet.LastOpcode, Math.max(...namesOf(Opcode).map(([, number]) => number as number)));
  assert.is(InstructionSet.LastMicroOp, Math.max(...namesOf(MicroOp).map(([, number]) => number as number)));
});

test("the range of a micro-operation says how many operands it has", () => {
  const { OneOperand, TwoOperands, ThreeOperands, Sums } = MicroRange;
  const arities = [
    MicroOp.Copy,
    MicroOp.Floor,
    MicroOp.Add,
    MicroOp.Gate,
    MicroOp.Select,
    MicroOp.MultiplyAdd,
    MicroOp.Sum,
  ];
  assert.equal(arities.map(microArity), [1, 1, 2, 2, 3, 3, 1]);
  assert.ok(OneOperand > MicroOp.FillStrided && TwoOperands > MicroOp.Floor);
  assert.ok(ThreeOperands > MicroOp.Gate && Sums > MicroOp.MultiplyAdd);
});

/** A Program as the first version of this layout encoded it. */
const FIXTURE = [
  "UVNQUk9HAwDgAQAAeyJsYXN0T3Bjb2RlIjoxOCwibGFzdE1pY3JvT3AiOjEyOCwiaW5zdHJ1Y3Rpb25Db3VudCI6NiwiY29uc3RhbnRzIjo4LCJjb2Rl",
  "V29yZHMiOjE1NSwiYXJlbmFCeXRlcyI6MTAyMjQsImlucHV0cyI6W3sibmFtZSI6IngiLCJzaGFwZSI6WzQsNF0sIm9mZnNldCI6MzJ9LHsibmFtZSI6",
  "ImluZGV4Iiwic2hhcGUiOlsyXSwib2Zmc2V0Ijo5Nn1dLCJvdXRwdXRzIjpbeyJuYW1lIjoicHJvZHVjdCIsInNoYXBlIjpbNCw0XSwib2Zmc2V0Ijox",
  "MTJ9LHsibmFtZSI6Im1peGVkIiwic2hhcGUiOls0LDRdLCJvZmZzZXQiOjE3Nn0seyJuYW1lIjoidG90YWwiLCJzaGFwZSI6WzRdLCJvZmZzZXQiOjI0",
  "MH0seyJuYW1lIjoicm93cyIsInNoYXBlIjpbMiw0XSwib2Zmc2V0IjoyNTZ9LHsibmFtZSI6InR1cm5lZCIsInNoYXBlIjpbNCw0XSwib2Zmc2V0Ijoy",
  "ODh9LHsibmFtZSI6IndpbmRvd3MiLCJzaGFwZSI6WzEsMywzLDFdLCJvZmZzZXQiOjM1Mn1dfSAgAAAAPwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "AAABAAAADgAAAAEAAAAEAAAABAAAAAQAAAAAAAAAAAAAACAAAAAgAAAAcAAAABAAAAAQAAAAkAEAAAAAAABMAAAAEAAAABAAAAACAAAABwAAAAAAAAAA",
  "AAAA0AEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAOABAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQgAAAAIAAACQAQAA",
  "AAAAAHAAAABAAAAA0AEAAAAAAAAAAAAAAAAAAEEAAAAAAAAAkAEAAAAAAACQAQAAAAAAACAAAABAAAAAAAAAAAAAAABEAAAAAgAAALAAAABAAAAAkAEA",
  "AAAAAADgAQAAAAAAAAAAAAAAAAAAGQAAAAAAAACQAQAAAAAAACAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAIAAAAAEAAAA8AAAAAQAAACQAQAAAAAAAPAB",
  "AAAAAAAAAAAAAAAAAAAPAAAACAAAACAAAABgAAAAAAEAAAIAAAAEAAAABAAAABIAAAATAAAAIAAAACABAAABAAAAAQAAAAEAAAAEAAAABAAAAAAAAAAA",
  "AAAAAAAAAAEAAAAEAAAAAAAAAAAAAAAAAAAABAAAAAEAAAASAAAAEwAAACAAAADgJwAAAQAAAAEAAAABAAAAAQAAAAQAAAAAAAAAAAAAAAAAAAAAAAAA",
  "AQAAAAAAAAAAAAAAAAAAAAAAAAABAAAAAgAAABMAAAAgAAAA4CcAAGABAAABAAAABAAAAAQAAAABAAAAAgAAAAIAAAABAAAAAwAAAAMAAAABAAAAAQAA",
  "AAAAAAAAAAAAkAEAAA==",
].join("");

/** Rows of a 4 x 4 matrix in row-major order. */
const each = (value: (row: number, column: number) => number) =>
  Array.from({ length: 16 }, (_, i) => value(Math.floor(i / 4), i % 4));

test("a Program that was saved when the instruction set was frozen still loads and computes the same numbers", () => {
  const program = decodeProgram(Uint8Array.from(Buffer.from(FIXTURE, "base64")));
  const x = each((row, column) => ((7 * (4 * row + column)) % 5) - 2);
  const at = (row: number, column: number) => x[4 * row + column] as number;
  const got = run(program, { x, index: [2, 0] });
  const product = each((row, column) => [0, 1, 2, 3].reduce((sum, k) => sum + at(row, k) * at(k, column), 0));
  const total = [0, 1, 2, 3].map((column) => [0, 1, 2, 3].reduce((sum, row) => sum + Math.max(at(row, column), 0), 0));
  const window = (row: number, column: number) =>
    at(0, 0) * at(row, column) +
    at(0, 1) * at(row, column + 1) +
    at(0, 2) * at(row + 1, column) +
    at(0, 3) * at(row + 1, column + 1);
  const expected = {
    product,
    mixed: product.map((value, i) => Math.max(0.5 * value - (x[i] as number), 0)),
    total,
    rows: [...x.slice(8, 12), ...x.slice(0, 4)],
    turned: each((row, column) => at(column, row)),
    windows: Array.from({ length: 9 }, (_, i) => window(Math.floor(i / 3), i % 3)),
  };
  assert.equal(Object.keys(got), Object.keys(expected));
  for (const name of Object.keys(expected) as (keyof typeof expected)[]) {
    assert.equal(
      Array.from(got[name] as Float32Array, (value) => value + 0),
      expected[name].map((value) => value + 0),
      name,
    );
  }
});

/** Where the header of a Program's bytes ends, and what it says. */
function headerOf(bytes: Uint8Array): { readonly end: number; readonly header: Readonly<Record<string, unknown>> } {
  const end = 12 + new DataView(bytes.buffer).getUint32(8, true);
  return { end, header: JSON.parse(new TextDecoder().decode(bytes.subarray(12, end))) };
}

/** The bytes of a Program with a field of its header changed. */
function withHeader(change: Readonly<Record<string, number>>): Uint8Array {
  const bytes = encodeProgram(compile({ x: [3] }, ({ x }) => ({ y: add(x, 1) })));
  const { end, header } = headerOf(bytes);
  const json = JSON.stringify({ ...header, ...change });
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 4) * 4));
  const changed = Uint8Array.from([...bytes.subarray(0, 12), ...text, ...bytes.subarray(end)]);
  new DataView(changed.buffer).setUint32(8, text.length, true);
  return changed;
}

test("a Program states the highest numbers it uses: one that needs more than this core has is refused for that", () => {
  const { lastOpcode, lastMicroOp } = headerOf(withHeader({})).header;
  assert.equal([lastOpcode, lastMicroOp], [Opcode.Block, MicroOp.Add]);
  // Made by a version that had fewer, or more that this Program does not use.
  assert.is(decodeProgram(withHeader({ opcodes: 9 })).instructionCount, 1);
  const next = InstructionSet.LastOpcode + 1;
  throwsA(
    FormatError,
    () => decodeProgram(withHeader({ lastOpcode: next })),
    `needs opcode ${next}`,
    "update quickstudy",
  );
  throwsA(
    FormatError,
    () => decodeProgram(withHeader({ lastMicroOp: 300 })),
    "needs micro-operation 300",
    "newer version",
  );
  throwsA(FormatError, () => decodeProgram(withHeader({ lastOpcode: -2 })), "wrong kind");
  const newer = withHeader({});
  new DataView(newer.buffer).setUint16(6, Abi.Version + 1, true);
  throwsA(FormatError, () => decodeProgram(newer), `layout ${Abi.Version + 1}`, "update quickstudy");
});

test("numbers in the gaps between the ranges are no micro-operations", () => {
  const program = compile({ x: [3] }, ({ x }) => ({ y: add(x, 1) }));
  const at = program.code.lastIndexOf(MicroOp.Add);
  for (const number of [2, 15, 33, 63, 74, 114, 127, 129]) {
    const code = program.code.with(at, number);
    throwsA(
      FormatError,
      () => decodeProgram(encodeProgram({ ...program, code })),
      number > 128 ? "needs micro" : "unknown code",
    );
  }
});

test.run();
