/** Rows by index, and random numbers. */
import { type Key, threefry } from "../../random.ts";
import { sizeOf } from "../shape.ts";
import type { Array64, Reference } from "./reference.ts";

export const gather: Reference = ([a, index], _, shape) => {
  const columns = sizeOf(shape.slice(1));
  const table = a as Array64;
  return Float64Array.from({ length: sizeOf(shape) }, (_unused, i) => {
    const row = index?.data[Math.floor(i / columns)] as number;
    return (Number.isInteger(row) ? table.data[row * columns + (i % columns)] : undefined) ?? Number.NaN;
  });
};

export const scatterAdd: Reference<{ rows: number }> = ([a, index], { rows }, shape) => {
  const columns = sizeOf(shape) / rows;
  const result = new Float64Array(sizeOf(shape));
  for (const [i, value] of (a as Array64).data.entries()) {
    const row = index?.data[Math.floor(i / columns)] as number;
    if (!(Number.isInteger(row) && row >= 0 && row < rows)) continue;
    const at = row * columns + (i % columns);
    result[at] = (result[at] as number) + value;
  }
  return result;
};

export const oneHot: Reference<{ classes: number }> = ([index], { classes }, shape) =>
  Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    index?.data[Math.floor(i / classes)] === i % classes ? 1 : 0,
  );

/** Numbers made two at a time of the two words that the cipher gives. */
function random(compute: (words: readonly [number, number]) => readonly [number, number]): Reference<{
  stream: number;
}> {
  return ([key], { stream }, shape) => {
    const [a = 0, b = 0, c = 0, d = 0] = (key as Array64).data;
    const words: Key = [a * 0x10000 + b, c * 0x10000 + d];
    return Float64Array.from(
      { length: sizeOf(shape) },
      (_, i) => compute(threefry(words, i >> 1, stream))[i & 1] as number,
    );
  };
}

const unit = (word: number) => (word >>> 8) / 0x100_0000;

export const randomUniform = random(([a, b]) => [unit(a), unit(b)]);

// Box and Muller 1958: two normals from two uniforms.
export const randomNormal = random(([a, b]) => {
  const radius = Math.sqrt(-2 * Math.log(unit(a) + 1 / 0x100_0000));
  const angle = 2 * Math.PI * unit(b);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
});
