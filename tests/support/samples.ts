/** Operands for the samples of the operator table. */
import type { Operator } from "../../src/graph/operator.ts";
import { type Shape, sizeOf } from "../../src/graph/shape.ts";
import { type Domain, type Sample, samplesOf } from "./operator-samples.ts";
import type { Chance } from "./random.ts";

/** Extents around and away from the SIMD width. */
export const WIDTHS = [1, 3, 4, 5, 8, 17, 40] as const;

/** Numbers of each operand, exact in f32. */
export function operandsOf(sample: Sample, chance: Chance): Float64Array[] {
  const sizes = sample.shapes.map(sizeOf);
  const distinct = distinctNumbers(
    sizes.reduce((a, b) => a + b, 0),
    chance,
  );
  let used = 0;
  return sizes.map((size, i) => {
    used += size;
    return numbers(
      sample.domains?.[i] ?? "any",
      sample.shapes[i] as Shape,
      chance,
      distinct.subarray(used - size, used),
    );
  });
}

function numbers(domain: Domain, shape: Shape, chance: Chance, distinct: Float64Array): Float64Array {
  const size = sizeOf(shape);
  if (domain === "definite") return definite(shape, chance);
  if (domain === "any") return chance.floats(size);
  if (domain === "positive") return chance.floats(size, 0.5, 2.5);
  if (domain === "distinct") return distinct;
  if (domain === "nonzero") return chance.floats(size, 0.5, 2).map((value) => (chance.chance(0.5) ? value : -value));
  const below = domain === "key" ? 0x10000 : domain.indicesBelow;
  return Float64Array.from({ length: size }, () => chance.whole(0, below - 1));
}

/** I + M M^T / n of random matrices M. */
function definite(shape: Shape, chance: Chance): Float64Array {
  const n = shape[shape.length - 1] as number;
  const result = new Float64Array(sizeOf(shape));
  for (let at = 0; at < result.length; at += n * n) {
    const m = chance.floats(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let dot = 0;
        for (let k = 0; k < n; k++) dot += (m[i * n + k] as number) * (m[j * n + k] as number);
        result[at + i * n + j] = Math.fround(dot / n + Number(i === j));
      }
    }
  }
  return result;
}

/** Numbers in random order, at least 0.006 from one another and 0.003 from every whole number. */
function distinctNumbers(count: number, chance: Chance): Float64Array {
  const step = count > 100 ? 0.0137 : 0.137;
  return Float64Array.from(chance.order(count), (i) => {
    const value = (i - count / 2 + 0.5) * step + 0.004;
    const whole = Math.round(value);
    return Math.fround(Math.abs(value - whole) < 0.003 ? whole + 0.0035 : value);
  });
}

/** Whether a derivative with respect to operand `index` means anything: keys and indices are whole numbers. */
export function isContinuous(sample: Sample, index: number): boolean {
  const domain = sample.domains?.[index] ?? "any";
  return typeof domain === "string" && domain !== "key";
}

/** Every sample of every row at every width, as the tests walk them. */
export function* eachSample(
  operators: readonly Operator[],
  widths: readonly number[] = WIDTHS,
): Generator<{ operator: Operator; sample: Sample; title: string }> {
  for (const operator of operators) {
    for (const width of widths) {
      for (const [i, sample] of samplesOf(operator, width).entries()) {
        yield { operator, sample, title: `${operator.name} sample ${i} at width ${width}` };
      }
    }
  }
}
