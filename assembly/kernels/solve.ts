/**
 * X = A^-1 B of symmetric positive definite A by Cholesky's factorisation A = U^T U, in doubles: the normal equations of a ridge
 * regression are often so badly conditioned that single precision would lose most digits.
 *
 * The rows of A and B lie side by side in the scratch area. One pass down the rows turns both, one pass up solves U X = Y:
 *
 *     ┌ A [N, N] ┬ B [N, K] ┐        ┌ U        ┬ Y = U^-T B ┐        ┌ U        ┬ X ┐
 *     └──────────┴──────────┘  --->  └──────────┴────────────┘  --->  └──────────┴───┘
 *
 * In both a row loses multiples of others, which are taken off in ascending order of their numbers.
 */

import { address, field } from "../fields";
import { SolveField } from "../opcodes";

/** X [batch, N, K]; fields: `SolveField`. */
export function solve(fields: usize, base: usize): void {
  const n = field(fields, SolveField.N);
  const k = field(fields, SolveField.K);
  const rows = address(fields, SolveField.scratch, base);
  let a = address(fields, SolveField.a, base);
  let b = address(fields, SolveField.b, base);
  let out = address(fields, SolveField.out, base);
  for (let batch = field(fields, SolveField.batch); batch > 0; batch--) {
    eliminate(rows, a, b, n, k);
    substitute(rows, out, n, k);
    a += (usize(n) * usize(n)) << 2;
    b += (usize(n) * usize(k)) << 2;
    out += (usize(n) * usize(k)) << 2;
  }
}

/** [A, B] to [U, Y]; entries below U's diagonal are not read. */
function eliminate(rows: usize, a: usize, b: usize, n: i32, k: i32): void {
  const rowBytes = usize(n + k) << 3;
  for (let i = 0; i < n; i++) {
    const column = rows + (usize(i) << 3);
    const row = column + usize(i) * rowBytes;
    const width = n - i + k;
    loadRow(row, a, b, i, n, k);
    takeOff(row, column, rowBytes, column, rowBytes, i, width);
    const pivot = load<f64>(row);
    // A pivot that is infinite would give a result that looks sound.
    divide(row, pivot > 0 && pivot < Infinity ? sqrt(pivot) : NaN, width);
  }
}

/** [U, Y] to [U, X], and X to `out`. */
function substitute(rows: usize, out: usize, n: i32, k: i32): void {
  const rowBytes = usize(n + k) << 3;
  for (let i = n - 1; i >= 0; i--) {
    const diagonal = rows + usize(i) * rowBytes + (usize(i) << 3);
    const y = diagonal + (usize(n - i) << 3);
    takeOff(y, y + rowBytes, rowBytes, diagonal + 8, 8, n - 1 - i, k);
    divide(y, load<f64>(diagonal), k);
    const target = out + ((usize(i) * usize(k)) << 2);
    for (let j: usize = 0; j < usize(k); j++) store<f32>(target + (j << 2), f32(load<f64>(y + (j << 3))));
  }
}

/** Row i of the symmetric part of A from its diagonal on, then row i of B. */
function loadRow(row: usize, a: usize, b: usize, i: i32, n: i32, k: i32): void {
  const step = usize(n) << 2;
  let across = a + usize(i) * step + (usize(i) << 2);
  let down = across;
  for (let left = n - i; left > 0; left--) {
    store<f64>(row, 0.5 * (f64(load<f32>(across)) + f64(load<f32>(down))));
    row += 8;
    across += 4;
    down += step;
  }
  b += (usize(i) * usize(k)) << 2;
  for (let left = k; left > 0; left--) {
    store<f64>(row, f64(load<f32>(b)));
    row += 8;
    b += 4;
  }
}

/** target[0..width) -= the sum of coefficient[p] * source[p][0..width) for p in [0, count); steps in bytes. */
function takeOff(
  target: usize,
  source: usize,
  sourceStep: usize,
  coefficient: usize,
  coefficientStep: usize,
  count: i32,
  width: i32,
): void {
  let left = count;
  for (; left >= 4; left -= 4) {
    const second = coefficient + coefficientStep;
    const third = second + coefficientStep;
    const fourth = third + coefficientStep;
    takeFour(
      target,
      source,
      sourceStep,
      load<f64>(coefficient),
      load<f64>(second),
      load<f64>(third),
      load<f64>(fourth),
      width,
    );
    source += 4 * sourceStep;
    coefficient = fourth + coefficientStep;
  }
  for (; left > 0; left--) {
    takeOne(target, source, load<f64>(coefficient), width);
    source += sourceStep;
    coefficient += coefficientStep;
  }
}

function takeFour(target: usize, source: usize, step: usize, c0: f64, c1: f64, c2: f64, c3: f64, width: i32): void {
  let second = source + step;
  let third = second + step;
  let fourth = third + step;
  let left = width;
  for (; left >= 2; left -= 2) {
    let value = f64x2.sub(v128.load(target), f64x2.mul(f64x2.splat(c0), v128.load(source)));
    value = f64x2.sub(value, f64x2.mul(f64x2.splat(c1), v128.load(second)));
    value = f64x2.sub(value, f64x2.mul(f64x2.splat(c2), v128.load(third)));
    v128.store(target, f64x2.sub(value, f64x2.mul(f64x2.splat(c3), v128.load(fourth))));
    target += 16;
    source += 16;
    second += 16;
    third += 16;
    fourth += 16;
  }
  if (left == 0) return;
  let value = load<f64>(target) - c0 * load<f64>(source);
  value -= c1 * load<f64>(second);
  value -= c2 * load<f64>(third);
  store<f64>(target, value - c3 * load<f64>(fourth));
}

function takeOne(target: usize, source: usize, factor: f64, width: i32): void {
  let left = width;
  for (; left >= 2; left -= 2) {
    v128.store(target, f64x2.sub(v128.load(target), f64x2.mul(f64x2.splat(factor), v128.load(source))));
    target += 16;
    source += 16;
  }
  if (left > 0) store<f64>(target, load<f64>(target) - factor * load<f64>(source));
}

function divide(row: usize, divisor: f64, width: i32): void {
  let left = width;
  for (; left >= 2; left -= 2) {
    v128.store(row, f64x2.div(v128.load(row), f64x2.splat(divisor)));
    row += 16;
  }
  if (left > 0) store<f64>(row, load<f64>(row) / divisor);
}
