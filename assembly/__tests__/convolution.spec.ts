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
  reset,
  SIZES,
} from "./support";

/** N, H, W, C, KH, KW, O, HO, WO, strideH, strideW, padTop, padLeft: the dimensions of one convolution, in the fields' order. */
type Dimensions = StaticArray<i32>;

function roundUp(n: i32): i32 {
  return (n + 7) & ~7;
}

function convolution(opcode: Opcode, a: usize, b: usize, out: usize, d: Dimensions, scratch: usize): void {
  instruction(opcode);
  fieldAt(a);
  fieldAt(b);
  fieldAt(out);
  for (let i = 0; i < 13; i++) field(d[i]);
  fieldAt(scratch);
}

/** y, dx and dw by definition, in f64 rounded once: every term of the sum that all three share. */
function reference(d: Dimensions, x: usize, w: usize, dy: usize, y: f64[], dx: f64[], dw: f64[]): void {
  for (let n = 0; n < d[0]; n++) {
    for (let i = 0; i < d[7]; i++) {
      for (let j = 0; j < d[8]; j++) {
        for (let kh = 0; kh < d[4]; kh++) {
          for (let kw = 0; kw < d[5]; kw++) {
            const h = i * d[9] - d[11] + kh;
            const v = j * d[10] - d[12] + kw;
            if (h < 0 || h >= d[1] || v < 0 || v >= d[2]) continue;
            for (let c = 0; c < d[3]; c++) {
              const xi = ((n * d[1] + h) * d[2] + v) * d[3] + c;
              for (let o = 0; o < d[6]; o++) {
                const yi = ((n * d[7] + i) * d[8] + j) * d[6] + o;
                const wi = ((kh * d[5] + kw) * d[3] + c) * d[6] + o;
                y[yi] += f64(get(x, xi)) * f64(get(w, wi));
                dx[xi] += f64(get(dy, yi)) * f64(get(w, wi));
                dw[wi] += f64(get(x, xi)) * f64(get(dy, yi));
              }
            }
          }
        }
      }
    }
  }
}

function compare(got: usize, wanted: f64[]): f64 {
  let error: f64 = intact(got, wanted.length) ? 0 : Infinity;
  for (let i = 0; i < wanted.length; i++) error = max(error, absoluteError(get(got, i), wanted[i]));
  return error;
}

/** Worst absolute error of y, dx and dw together; infinite where a sentinel fell. */
function worst(d: Dimensions): f64 {
  reset();
  const patch = d[4] * d[5] * d[3];
  const images = d[0] * d[1] * d[2] * d[3];
  const pixels = d[0] * d[7] * d[8] * d[6];
  const direct =
    max(roundUp(d[6]) * patch, d[4] * d[5] * roundUp(d[3]) * d[6]) +
    max(48 * (roundUp(patch) + roundUp(d[6])), 96 * (d[3] + 16 + roundUp(d[6])));
  const padded = ((d[7] - 1) * d[9] + d[4]) * ((d[8] - 1) * d[10] + d[5]) * d[3] + 4;
  const scratchSize = max(direct + (d[5] * d[3] < 16 ? padded : 0), 16 * (d[3] * d[6] + 48 * (d[3] + d[6])));
  const x = randomBuffer(images);
  const w = randomBuffer(patch * d[6]);
  const dy = randomBuffer(pixels);
  const y = buffer(pixels);
  const dx = buffer(images);
  const dw = buffer(patch * d[6]);
  const scratch = buffer(scratchSize);
  convolution(Opcode.Conv2d, x, w, y, d, scratch);
  convolution(Opcode.Conv2dInputGrad, dy, w, dx, d, scratch);
  convolution(Opcode.Conv2dWeightGrad, x, dy, dw, d, scratch);
  execute();
  const wantedY = new Array<f64>(pixels).fill(0);
  const wantedDx = new Array<f64>(images).fill(0);
  const wantedDw = new Array<f64>(patch * d[6]).fill(0);
  reference(d, x, w, dy, wantedY, wantedDx, wantedDw);
  const error = max(compare(y, wantedY), max(compare(dx, wantedDx), compare(dw, wantedDw)));
  return intact(scratch, scratchSize) ? error : Infinity;
}

/** A square 3x3 convolution with one pixel of padding. */
function same(n: i32, size: i32, c: i32, o: i32, stride: i32): Dimensions {
  const out = (size - 1) / stride + 1;
  return [n, size, size, c, 3, 3, o, out, out, stride, stride, 1, 1];
}

describe("conv2d and its two gradients", () => {
  test("3x3, pad 1: absolute error < 1e-5 at all channels x outputs of 1, 3, 4, 5, 8, 17, 40", () => {
    for (let c = 0; c < SIZES.length; c++) {
      for (let o = 0; o < SIZES.length; o++) {
        expect(worst(same(2, 5, SIZES[c], SIZES[o], 1))).toBeLessThan(1e-5);
      }
    }
  });
  test("heights and widths of 1, 3, 4, 5, 8, 17, 40: absolute error < 1e-4", () => {
    for (let h = 0; h < SIZES.length; h++) {
      for (let w = 0; w < SIZES.length; w++) {
        expect(worst([1, SIZES[h], SIZES[w], 3, 3, 3, 5, SIZES[h], SIZES[w], 1, 1, 1, 1])).toBeLessThan(1e-4);
      }
    }
  });
  test("one and three input channels gather in whole vectors up to the last pixel", () => {
    expect(worst([1, 8, 8, 1, 3, 3, 8, 6, 6, 1, 1, 0, 0])).toBeLessThan(1e-5);
    expect(worst([1, 4, 4, 1, 3, 3, 8, 2, 2, 1, 1, 0, 0])).toBeLessThan(1e-5);
    expect(worst([3, 5, 5, 3, 3, 3, 8, 3, 3, 1, 1, 0, 0])).toBeLessThan(1e-5);
    expect(worst([2, 4, 6, 1, 2, 5, 3, 3, 2, 1, 1, 0, 0])).toBeLessThan(1e-5);
  });
  test("strides of 2 and 3, unequal and larger than the window", () => {
    expect(worst(same(3, 8, 8, 8, 2))).toBeLessThan(1e-5);
    expect(worst(same(3, 7, 4, 5, 3))).toBeLessThan(1e-5);
    expect(worst([2, 9, 8, 3, 2, 2, 4, 3, 4, 3, 2, 0, 0])).toBeLessThan(1e-5);
    expect(worst([2, 9, 9, 4, 1, 1, 5, 3, 3, 4, 4, 0, 0])).toBeLessThan(1e-5);
  });
  test("padding on one side only, and windows wholly outside the image", () => {
    expect(worst([1, 4, 4, 3, 3, 3, 5, 3, 3, 1, 1, 1, 0])).toBeLessThan(1e-5);
    expect(worst([1, 4, 4, 3, 3, 3, 5, 3, 3, 1, 1, 0, 1])).toBeLessThan(1e-5);
    expect(worst([2, 3, 3, 4, 2, 2, 8, 10, 9, 1, 1, 4, 3])).toBeLessThan(1e-5);
    expect(worst([1, 1, 1, 5, 5, 5, 3, 3, 3, 1, 1, 3, 3])).toBeLessThan(1e-5);
  });
  test("every kind of border: kernels of 1 to 4, strides of 1 to 3, pads of 0 to 3, unequal sides: absolute error < 1e-5", () => {
    for (let kernel = 1; kernel < 5; kernel++) {
      for (let stride = 1; stride < 4; stride++) {
        for (let pad = 0; pad < 4; pad++) {
          // The other axis has another kernel, stride and pad; the last windows may lie wholly behind the image.
          const across = 5 - kernel;
          const d: Dimensions = [2, 5, 6, 9, kernel, across, 11, 4, 5, stride, 4 - stride, pad, 3 - pad];
          expect(worst(d)).toBeLessThan(1e-5);
          expect(worst([1, 6, 4, 16, kernel, kernel, 8, 4, 3, stride, stride, pad, pad])).toBeLessThan(1e-5);
          expect(worst([3, 3, 5, 8, kernel, across, 3, 3, 3, stride, stride, pad, pad])).toBeLessThan(1e-5);
        }
      }
    }
  });
  test("1 to 9 images, ragged channels and outputs: every remainder of rows", () => {
    for (let n = 1; n < 10; n++) {
      expect(worst([n, 4, 4, 8 + n, 3, 3, 17 - n, 2, 2, 2, 2, 1, 1])).toBeLessThan(1e-5);
      expect(worst([n, 2, 2, 17, 2, 2, 9, 1, 1, 1, 1, 0, 0])).toBeLessThan(1e-5);
    }
  });
  test("3x3 of stride 1 by squares: absolute error < 2e-5 to 24 channels and 5e-5 at 64, even and odd sides, every pad", () => {
    for (let pad = 0; pad < 5; pad++) {
      const size = 7 + 2 * pad - 2;
      expect(worst([5, 7, 8, 16, 3, 3, 24, size, size + 1, 1, 1, pad, pad])).toBeLessThan(1e-5);
      expect(worst([9, 6, 6, 24, 3, 3, 16, 5 + pad, 6 + pad, 1, 1, 1, pad])).toBeLessThan(1e-5);
    }
    expect(worst([5, 9, 9, 16, 3, 3, 24, 9, 9, 1, 1, 1, 1])).toBeLessThan(2e-5);
    expect(worst([5, 8, 11, 24, 3, 3, 16, 8, 11, 1, 1, 1, 1])).toBeLessThan(2e-5);
    expect(worst([5, 11, 12, 16, 3, 3, 16, 9, 10, 1, 1, 0, 0])).toBeLessThan(2e-5);
    expect(worst([4, 14, 14, 64, 3, 3, 64, 14, 14, 1, 1, 1, 1])).toBeLessThan(5e-5);
  });
  test("lines longer than a block of pixels", () => {
    expect(worst([1, 2, 230, 8, 3, 3, 9, 2, 230, 1, 1, 1, 1])).toBeLessThan(1e-4);
    expect(worst([2, 3, 100, 9, 1, 2, 8, 3, 50, 1, 2, 0, 0])).toBeLessThan(1e-4);
  });
  test("a NaN or an infinity under no tap reaches nothing", () => {
    reset();
    const d: Dimensions = [1, 5, 5, 8, 1, 1, 8, 3, 3, 2, 2, 0, 0];
    const x = randomBuffer(200);
    const w = randomBuffer(64);
    const dw = buffer(64);
    const y = buffer(72);
    const scratch = buffer(8192);
    for (let c = 0; c < 8; c++) put(x, 8 + c, c & 1 ? NaN : Infinity);
    convolution(Opcode.Conv2d, x, w, y, d, scratch);
    convolution(Opcode.Conv2dWeightGrad, x, y, dw, d, scratch);
    execute();
    for (let i = 0; i < 72; i++) expect(abs(get(y, i)) < Infinity).toBe(true);
    for (let i = 0; i < 64; i++) expect(abs(get(dw, i)) < Infinity).toBe(true);
  });
  test("rows and columns of the image that no window reaches", () => {
    expect(worst([2, 9, 9, 3, 3, 3, 4, 3, 2, 2, 2, 0, 0])).toBeLessThan(1e-5);
  });
  test("an input gradient of nothing reached is zero", () => {
    const d: Dimensions = [1, 9, 9, 3, 1, 1, 4, 2, 2, 1, 1, 0, 0];
    expect(worst(d)).toBeLessThan(1e-5);
  });
  test("a NaN reaches only the outputs whose window holds it", () => {
    reset();
    const d: Dimensions = same(1, 5, 4, 8, 1);
    const x = randomBuffer(100);
    const w = randomBuffer(288);
    const y = buffer(200);
    const scratch = buffer(8192);
    put(x, 0, NaN);
    convolution(Opcode.Conv2d, x, w, y, d, scratch);
    execute();
    for (let p = 0; p < 25; p++) expect(isNaN(get(y, p * 8))).toBe(p % 5 < 2 && p < 10);
  });
});
