import { Opcode } from "../opcodes";
import {
  absoluteError,
  buffer,
  execute,
  field,
  fieldAt,
  get,
  instruction,
  intact,
  put,
  randomBuffer,
  relativeError,
  reset,
  SIZES,
} from "./support";

/** Runs one product and gives its worst absolute error, or infinity where a sentinel fell. Entries of A and B lie in [-0.5, 0.5). */
function worst(
  batch: i32,
  M: i32,
  N: i32,
  K: i32,
  transposeA: bool,
  transposeB: bool,
  sharedA: bool,
  sharedB: bool,
): f64 {
  reset();
  const a = randomBuffer(batch * M * K);
  const b = randomBuffer(batch * K * N);
  const out = buffer(batch * M * N);
  const scratchSize = ((N + 7) & ~7) * K;
  const scratch = buffer(scratchSize);
  const aStride = sharedA ? 0 : M * K;
  const bStride = sharedB ? 0 : K * N;
  instruction(Opcode.MatMul);
  field(batch);
  field(M);
  field(N);
  field(K);
  field(i32(transposeA));
  field(i32(transposeB));
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  field(aStride);
  field(bStride);
  fieldAt(scratch);
  execute();
  let error: f64 = intact(out, batch * M * N) && intact(scratch, scratchSize) ? 0 : Infinity;
  for (let z = 0; z < batch; z++) {
    for (let i = 0; i < M; i++) {
      for (let j = 0; j < N; j++) {
        let sum: f64 = 0;
        for (let k = 0; k < K; k++) {
          const x = get(a, z * aStride + (transposeA ? k * M + i : i * K + k));
          const y = get(b, z * bStride + (transposeB ? j * K + k : k * N + j));
          sum += f64(x) * f64(y);
        }
        error = max(error, absoluteError(get(out, (z * M + i) * N + j), sum));
      }
    }
  }
  return error;
}

function worstOverSizes(transposeA: bool, transposeB: bool): f64 {
  let error: f64 = 0;
  for (let i = 0; i < SIZES.length; i++) {
    for (let j = 0; j < SIZES.length; j++) {
      for (let k = 0; k < SIZES.length; k++) {
        error = max(error, worst(1, SIZES[i], SIZES[j], SIZES[k], transposeA, transposeB, false, false));
      }
    }
  }
  return error;
}

/**
 * Whether rows of a tall product have the same bits as each row computed alone (three at a time where B is transposed: there a row
 * alone is a run of dot products): every tile adds in the same order.
 */
function rowsAgree(M: i32, N: i32, K: i32, transposeB: bool): bool {
  reset();
  const a = randomBuffer(M * K);
  const b = randomBuffer(K * N);
  const tall = buffer(M * N);
  const rows = buffer(M * N);
  const scratch = buffer(((N + 7) & ~7) * K);
  const few = transposeB ? 3 : 1;
  for (let row = -1; row <= M - few; row++) {
    instruction(Opcode.MatMul);
    field(1);
    field(row < 0 ? M : few);
    field(N);
    field(K);
    field(0);
    field(i32(transposeB));
    fieldAt(a + (usize(max(row, 0) * K) << 2));
    fieldAt(b);
    // Rows that overlap are written again, to the same bits.
    fieldAt(row < 0 ? tall : rows + (usize(row * N) << 2));
    field(0);
    field(0);
    fieldAt(scratch);
  }
  execute();
  for (let i = 0; i < M * N; i++) if (get(tall, i) != get(rows, i)) return false;
  return true;
}

/**
 * Whether every element of C has the bits of the written order: blocks of 256 terms, each added one after another from zero, then the
 * blocks' sums one after another.
 */
function inWrittenOrder(M: i32, N: i32, K: i32, transposeA: bool, transposeB: bool): bool {
  reset();
  const a = randomBuffer(M * K);
  const b = randomBuffer(K * N);
  const out = buffer(M * N);
  const scratchSize = ((N + 7) & ~7) * K;
  const scratch = buffer(scratchSize);
  instruction(Opcode.MatMul);
  field(1);
  field(M);
  field(N);
  field(K);
  field(i32(transposeA));
  field(i32(transposeB));
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  field(0);
  field(0);
  fieldAt(scratch);
  execute();
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let total: f32 = 0;
      for (let first = 0; first < K; first += 256) {
        let part: f32 = 0;
        for (let k = first; k < min(first + 256, K); k++) {
          part += get(a, transposeA ? k * M + i : i * K + k) * get(b, transposeB ? j * K + k : k * N + j);
        }
        total += part;
      }
      if (get(out, i * N + j) != total) return false;
    }
  }
  return intact(out, M * N) && intact(scratch, scratchSize);
}

/** Worst relative error of a product whose factors are all 0.1, so that rounding errors point the same way. */
function drift(M: i32, N: i32, K: i32, transposeA: bool, transposeB: bool): f64 {
  reset();
  const a = buffer(M * K);
  const b = buffer(K * N);
  for (let i = 0; i < M * K; i++) put(a, i, 0.1);
  for (let i = 0; i < K * N; i++) put(b, i, 0.1);
  const out = buffer(M * N);
  instruction(Opcode.MatMul);
  field(1);
  field(M);
  field(N);
  field(K);
  field(i32(transposeA));
  field(i32(transposeB));
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  field(0);
  field(0);
  fieldAt(buffer(((N + 7) & ~7) * K));
  execute();
  let error: f64 = 0;
  for (let i = 0; i < M * N; i++) {
    error = max(error, relativeError(get(out, i), f64(K) * f64(f32(0.1)) * f64(f32(0.1))));
  }
  return error;
}

/** Whether A b has the same bits in every row as that row times b alone. */
function dotsAgree(M: i32, K: i32): bool {
  reset();
  const a = randomBuffer(M * K);
  const b = randomBuffer(K);
  const whole = buffer(M);
  const alone = buffer(4 * M);
  for (let row = -1; row < M; row++) {
    instruction(Opcode.MatMul);
    field(1);
    field(row < 0 ? M : 1);
    field(1);
    field(K);
    field(0);
    field(0);
    fieldAt(a + (usize(max(row, 0) * K) << 2));
    fieldAt(b);
    fieldAt(row < 0 ? whole : alone + (usize(row) << 4));
    field(0);
    field(0);
    fieldAt(b);
  }
  execute();
  for (let i = 0; i < M; i++) if (get(whole, i) != get(alone, 4 * i)) return false;
  return true;
}

describe("matmul", () => {
  test("C = A B has absolute error < 5e-6 at depths up to 40", () => {
    expect(worstOverSizes(false, false)).toBeLessThan(5e-6);
  });
  test("C = A B^T has absolute error < 5e-6 at depths up to 40", () => {
    expect(worstOverSizes(false, true)).toBeLessThan(5e-6);
  });
  test("C = A^T B has absolute error < 5e-6 at depths up to 40", () => {
    expect(worstOverSizes(true, false)).toBeLessThan(5e-6);
  });
  test("C = A^T B^T has absolute error < 5e-6 at depths up to 40", () => {
    expect(worstOverSizes(true, true)).toBeLessThan(5e-6);
  });
  test("small remainders of rows, columns and depth", () => {
    for (let M = 1; M < 10; M++) {
      for (let N = 1; N < 20; N++) {
        expect(worst(1, M, N, 7, false, false, false, false)).toBeLessThan(5e-6);
        expect(worst(1, M, N, 6, true, true, false, false)).toBeLessThan(5e-6);
      }
    }
  });
  test("vectors on either side and depths of one: absolute error < 5e-6", () => {
    for (let n = 1; n < 45; n++) {
      for (let transposes = 0; transposes < 4; transposes++) {
        const transposeA = (transposes & 1) != 0;
        const transposeB = (transposes & 2) != 0;
        expect(worst(1, 1, n, 11, transposeA, transposeB, false, false)).toBeLessThan(5e-6);
        expect(worst(1, n, 1, 11, transposeA, transposeB, false, false)).toBeLessThan(5e-6);
        expect(worst(1, 7, n, 1, transposeA, transposeB, false, false)).toBeLessThan(5e-6);
        expect(worst(2, 1, 1, n, transposeA, transposeB, false, false)).toBeLessThan(5e-6);
        expect(worst(2, n, 1, 6, transposeA, transposeB, true, false)).toBeLessThan(5e-6);
        expect(worst(2, 1, n, 6, transposeA, transposeB, false, true)).toBeLessThan(5e-6);
      }
    }
  });
  test("a dot product has the same bits alone and among others", () => {
    expect(dotsAgree(9, 43)).toBe(true);
    expect(dotsAgree(7, 3)).toBe(true);
  });
  test("batches, with either operand shared", () => {
    expect(worst(3, 5, 17, 8, false, false, false, false)).toBeLessThan(5e-6);
    expect(worst(3, 5, 17, 8, false, false, false, true)).toBeLessThan(5e-6);
    expect(worst(3, 5, 17, 8, true, true, true, false)).toBeLessThan(5e-6);
    expect(worst(3, 5, 17, 8, true, false, false, true)).toBeLessThan(5e-6);
    expect(worst(4, 3, 3, 5, false, true, true, true)).toBeLessThan(5e-6);
  });
  test("depths beyond one chunk and rows beyond one block have absolute error < 1e-4", () => {
    expect(worst(1, 6, 45, 600, false, false, false, false)).toBeLessThan(1e-4);
    expect(worst(1, 5, 39, 515, false, true, false, false)).toBeLessThan(1e-4);
    expect(worst(1, 101, 21, 700, false, false, false, false)).toBeLessThan(1e-4);
    expect(worst(1, 103, 7, 700, true, true, false, false)).toBeLessThan(1e-4);
  });
  test("every row has the same bits whichever tile computed it", () => {
    expect(rowsAgree(40, 40, 17, false)).toBe(true);
    expect(rowsAgree(39, 37, 300, true)).toBe(true);
    expect(rowsAgree(101, 21, 600, false)).toBe(true);
    expect(rowsAgree(26, 3, 40, false)).toBe(true);
    expect(rowsAgree(101, 21, 600, true)).toBe(true);
    expect(rowsAgree(26, 3, 600, false)).toBe(true);
  });
  test("a product deeper than a block is added in blocks of 256, to the bit, whichever tiles compute it", () => {
    for (let K = 255; K < 258; K++) expect(inWrittenOrder(7, 9, K, false, false)).toBe(true);
    for (let M = 2; M < 11; M++) expect(inWrittenOrder(M, 40, 700, false, false)).toBe(true);
    for (let N = 2; N < 20; N++) {
      expect(inWrittenOrder(6, N, 520, false, true)).toBe(true);
      expect(inWrittenOrder(29, N, 520, true, true)).toBe(true);
    }
    expect(inWrittenOrder(1, 61, 1030, false, false)).toBe(true);
    expect(inWrittenOrder(130, 19, 600, false, false)).toBe(true);
    expect(inWrittenOrder(130, 3, 600, false, true)).toBe(true);
  });
  test("a product of depth 50176 of equal factors has relative error < 2e-6", () => {
    expect(drift(4, 8, 50176, false, false)).toBeLessThan(2e-6);
    expect(drift(9, 3, 50176, true, true)).toBeLessThan(2e-6);
    expect(drift(1, 9, 50176, false, false)).toBeLessThan(2e-6);
    expect(drift(5, 1, 50176, false, false)).toBeLessThan(2e-6);
  });
});
