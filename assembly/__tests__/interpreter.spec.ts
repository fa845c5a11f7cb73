import { abiVersion, accumulate, lastMicroOp, lastOpcode, run } from "../index";
import { Abi, FillField, InstructionSet, Opcode } from "../opcodes";
import { absoluteError, buffer, get, intact, randomBuffer, reset } from "./support";

function writeFill(at: usize, out: usize, n: i32, value: f32): usize {
  store<i32>(at, Opcode.Fill);
  store<i32>(at, Abi.PrefixWords + FillField.Words, 4);
  store<u32>(at, u32(out), 8);
  store<i32>(at, n, 12);
  store<f32>(at, value, 16);
  return at + (Abi.PrefixWords + FillField.Words) * 4;
}

describe("run", () => {
  test("addresses count from the arena's base, and exactly `count` instructions run", () => {
    reset();
    const program = buffer(64);
    const base = buffer(32);
    store<u32>(program, u32(base));
    let at = program + Abi.HeaderWords * 4;
    at = writeFill(at, 0, 4, 1);
    at = writeFill(at, 32, 3, 2);
    writeFill(at, 64, 4, 3);
    run(program, 2);
    for (let i = 0; i < 4; i++) expect(get(base, i)).toBe(1);
    for (let i = 8; i < 11; i++) expect(get(base, i)).toBe(2);
    expect(get(base, 4)).toBe(777);
    expect(get(base, 11)).toBe(777);
    expect(get(base, 16)).toBe(777);
    run(program, 0);
  });
  test("the handshake answers the enums", () => {
    expect(abiVersion()).toBe(Abi.Version);
    expect(lastOpcode()).toBe(InstructionSet.LastOpcode);
    expect(lastMicroOp()).toBe(InstructionSet.LastMicroOp);
  });
});

describe("accumulate", () => {
  test("adds 1 to 40 floats exactly and touches nothing behind", () => {
    for (let n = 1; n <= 40; n++) {
      reset();
      const target = randomBuffer(n);
      const source = randomBuffer(n);
      const before = buffer(n);
      memory.copy(before, target, usize(n) << 2);
      accumulate(target, source, n);
      for (let i = 0; i < n; i++) {
        expect(absoluteError(get(target, i), f64(get(before, i) + get(source, i)))).toBe(0);
      }
      expect(intact(target, n)).toBe(true);
    }
  });
});
