import { Opcode } from "../opcodes";
import { buffer, execute, field, fieldAt, get, instruction, intact, randomBuffer, reset, SIZES } from "./support";

type Five = StaticArray<i32>;

/** Strides of a row-major tensor. */
function rowMajor(sizes: Five): Five {
  const strides: Five = [1, 1, 1, 1, 1];
  for (let d = 3; d >= 0; d--) strides[d] = strides[d + 1] * sizes[d + 1];
  return strides;
}

/** Whether a copy writes every element where it belongs and nothing between or behind. `span` is out's length in floats. */
function agrees(sizes: Five, xStrides: Five, outStrides: Five, xLength: i32, span: i32): bool {
  reset();
  const x = randomBuffer(xLength);
  const out = buffer(span);
  instruction(Opcode.Copy);
  fieldAt(x);
  fieldAt(out);
  for (let d = 0; d < 5; d++) field(sizes[d]);
  for (let d = 0; d < 5; d++) field(xStrides[d]);
  for (let d = 0; d < 5; d++) field(outStrides[d]);
  execute();
  const wanted = new Array<f32>(span).fill(777);
  const total = sizes[0] * sizes[1] * sizes[2] * sizes[3] * sizes[4];
  for (let e = 0; e < total; e++) {
    let rest = e;
    let from = 0;
    let to = 0;
    for (let d = 4; d >= 0; d--) {
      from += (rest % sizes[d]) * xStrides[d];
      to += (rest % sizes[d]) * outStrides[d];
      rest /= sizes[d];
    }
    wanted[to] = get(x, from);
  }
  for (let i = 0; i < span; i++) if (get(out, i) != wanted[i]) return false;
  return intact(out, span);
}

/** A dense copy of x with its dimensions permuted: dimension d of out is dimension `order[d]` of x. */
function permutes(xSizes: Five, order: Five): bool {
  const xStrides = rowMajor(xSizes);
  const sizes: Five = [1, 1, 1, 1, 1];
  const strides: Five = [1, 1, 1, 1, 1];
  for (let d = 0; d < 5; d++) {
    sizes[d] = xSizes[order[d]];
    strides[d] = xStrides[order[d]];
  }
  const total = xSizes[0] * xStrides[0];
  return agrees(sizes, strides, rowMajor(sizes), total, total);
}

function fills(n: i32, value: f32): bool {
  reset();
  const out = buffer(n);
  instruction(Opcode.Fill);
  fieldAt(out);
  field(n);
  field(reinterpret<i32>(value));
  execute();
  for (let i = 0; i < n; i++) if (get(out, i) != value) return false;
  return intact(out, n);
}

describe("copy", () => {
  test("plain copies of 1 to 70 floats", () => {
    for (let n = 1; n <= 70; n++) {
      expect(agrees([1, 1, 1, 1, n], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], n, n)).toBe(true);
      expect(agrees([n, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], n, n)).toBe(true);
    }
  });
  test("transposes of 1, 3, 4, 5, 8, 17, 40 rows and columns", () => {
    for (let r = 0; r < SIZES.length; r++) {
      for (let c = 0; c < SIZES.length; c++) {
        expect(permutes([1, 1, 2, SIZES[r], SIZES[c]], [0, 1, 2, 4, 3])).toBe(true);
      }
    }
  });
  test("all permutations of five dimensions", () => {
    for (let p = 0; p < 3125; p++) {
      const order: Five = [p / 625, (p / 125) % 5, (p / 25) % 5, (p / 5) % 5, p % 5];
      let seen = 0;
      for (let d = 0; d < 5; d++) seen |= 1 << order[d];
      if (seen == 31) expect(permutes([2, 3, 4, 5, 7], order)).toBe(true);
    }
  });
  test("slices of x and into out leave everything between them alone", () => {
    for (let c = 0; c < SIZES.length; c++) {
      const n = SIZES[c];
      expect(agrees([1, 1, 3, 2, n], [0, 0, 99, 50, 1], [0, 0, 2 * n, n, 1], 400, 6 * n)).toBe(true);
      expect(agrees([1, 1, 3, 2, n], [0, 0, 2 * n, n, 1], [0, 0, 99, 45, 1], 6 * n, 400)).toBe(true);
      expect(agrees([1, 1, 3, n, 1], [0, 0, 2 * n, 2, 1], [0, 0, n, 1, 1], 6 * n, 3 * n)).toBe(true);
      expect(agrees([1, 1, 3, 5, n], [0, 0, 1, 3, 15], [0, 0, 1, 3, 15], 15 * n, 15 * n)).toBe(true);
    }
  });
  test("stride 0 broadcasts along any dimension", () => {
    for (let c = 0; c < SIZES.length; c++) {
      const n = SIZES[c];
      expect(agrees([1, 1, 3, 5, n], [0, 0, 0, 0, 0], [0, 0, 5 * n, n, 1], 1, 15 * n)).toBe(true);
      expect(agrees([1, 1, 3, 5, n], [0, 0, 0, 0, 1], [0, 0, 5 * n, n, 1], n, 15 * n)).toBe(true);
      expect(agrees([1, 1, 3, 5, n], [0, 0, 5, 1, 0], [0, 0, 5 * n, n, 1], 15, 15 * n)).toBe(true);
      expect(agrees([1, 1, 3, 5, n], [0, 0, n, 0, 1], [0, 0, 5 * n, n, 1], 3 * n, 15 * n)).toBe(true);
      expect(agrees([1, 1, 3, n, 5], [0, 0, 0, 1, 0], [0, 0, 5 * n, 5, 1], n, 15 * n)).toBe(true);
    }
  });
  test("a size of zero copies nothing", () => {
    expect(agrees([1, 1, 3, 0, 4], [0, 0, 0, 4, 1], [0, 0, 0, 4, 1], 16, 16)).toBe(true);
  });
});

describe("fill", () => {
  test("1 to 70 floats and nothing behind", () => {
    for (let n = 1; n <= 70; n++) expect(fills(n, -0.25)).toBe(true);
  });
});
