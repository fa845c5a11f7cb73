/** What scenarios are made of: numbers from seeds, made-up images, and what a trained learner is compared by. */
import { Draw, fold, fromArrays, keyOf, type Trained } from "quickstudy";

export type Outputs = Readonly<Record<string, Float32Array | Uint8Array>>;

/** `length` numbers in [low, high), a function of the seed. */
export function uniform(seed: number, length: number, low = -1, high = 1): Float32Array {
  const draw = new Draw(fold(keyOf(7), seed));
  return Float32Array.from({ length }, () => draw.uniform(low, high));
}

export const SIDE = 14;

/** Made-up images: 6 classes of 6. */
export function images(side = SIDE) {
  const [classes, each] = [6, 6];
  const x = uniform(3, classes * each * side * side, 0, 1);
  const y = Array.from({ length: classes * each }, (_, i) => Math.floor(i / each));
  return fromArrays({ x, y, shape: [side, side, 1] });
}

/** Arrays one after another. */
export function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** The meta-parameters one after another, and the file that holds them. */
export const results = (trained: Trained): Outputs => ({
  parameters: joined(Object.values(trained.meta)),
  file: trained.save(),
});
