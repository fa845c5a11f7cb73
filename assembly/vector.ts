/** Small helpers over runs of f32 in memory and over the four lanes of a vector. All stores are exact. */

/** a * b + c in each lane: two roundings, or one in the relaxed build where the machine has a fused instruction. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** Vector of the first `count` (1 to 3) floats at `source`; the other lanes keep `fill`. */
export function loadPartial(source: usize, count: i32, fill: v128): v128 {
  let value = v128.load_lane<f32>(source, fill, 0);
  if (count > 1) value = v128.load_lane<f32>(source, value, 1, 4);
  if (count > 2) value = v128.load_lane<f32>(source, value, 2, 8);
  return value;
}

/** Stores the first `count` (1 to 3) lanes. */
export function storePartial(target: usize, value: v128, count: i32): void {
  v128.store_lane<f32>(target, value, 0);
  if (count > 1) v128.store_lane<f32>(target, value, 1, 4);
  if (count > 2) v128.store_lane<f32>(target, value, 2, 8);
}

/** (lane 0 + lane 2) + (lane 1 + lane 3): the one order in which lanes are added. */
export function sumLanes(value: v128): f32 {
  const pairs = f32x4.add(value, v128.shuffle<f32>(value, value, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Largest lane, NaN if any is NaN. */
export function maxLanes(value: v128): f32 {
  const pairs = f32x4.max(value, v128.shuffle<f32>(value, value, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** target[i] = source[i] for `count` floats; the runs do not overlap. */
export function copyFloats(target: usize, source: usize, count: i32): void {
  let left = count;
  for (; left >= 16; left -= 16) {
    const first = v128.load(source);
    const second = v128.load(source, 16);
    const third = v128.load(source, 32);
    const fourth = v128.load(source, 48);
    v128.store(target, first);
    v128.store(target, second, 16);
    v128.store(target, third, 32);
    v128.store(target, fourth, 48);
    source += 64;
    target += 64;
  }
  for (; left >= 4; left -= 4) {
    v128.store(target, v128.load(source));
    source += 16;
    target += 16;
  }
  for (; left > 0; left--) {
    store<f32>(target, load<f32>(source));
    source += 4;
    target += 4;
  }
}

/** target[i] = value for `count` floats. */
export function fillFloats(target: usize, value: f32, count: i32): void {
  const values = f32x4.splat(value);
  let left = count;
  for (; left >= 16; left -= 16) {
    v128.store(target, values);
    v128.store(target, values, 16);
    v128.store(target, values, 32);
    v128.store(target, values, 48);
    target += 64;
  }
  for (; left >= 4; left -= 4) {
    v128.store(target, values);
    target += 16;
  }
  for (; left > 0; left--) {
    store<f32>(target, value);
    target += 4;
  }
}

/** target[i] += source[i] for `count` floats. */
export function addFloats(target: usize, source: usize, count: i32): void {
  let left = count;
  for (; left >= 8; left -= 8) {
    const first = f32x4.add(v128.load(target), v128.load(source));
    const second = f32x4.add(v128.load(target, 16), v128.load(source, 16));
    v128.store(target, first);
    v128.store(target, second, 16);
    source += 32;
    target += 32;
  }
  for (; left >= 4; left -= 4) {
    v128.store(target, f32x4.add(v128.load(target), v128.load(source)));
    source += 16;
    target += 16;
  }
  for (; left > 0; left--) {
    store<f32>(target, load<f32>(target) + load<f32>(source));
    source += 4;
    target += 4;
  }
}

/** Transposes a 4x4 block: rows `sourceStep` bytes apart become columns of rows `targetStep` bytes apart. */
export function transposeBlock(target: usize, targetStep: usize, source: usize, sourceStep: usize): void {
  const row0 = v128.load(source);
  const row1 = v128.load(source + sourceStep);
  const row2 = v128.load(source + 2 * sourceStep);
  const row3 = v128.load(source + 3 * sourceStep);
  const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
  v128.store(target, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(target + targetStep, v128.shuffle<i64>(low01, low23, 1, 3));
  v128.store(target + 2 * targetStep, v128.shuffle<i64>(high01, high23, 0, 2));
  v128.store(target + 3 * targetStep, v128.shuffle<i64>(high01, high23, 1, 3));
}
