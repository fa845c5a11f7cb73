/**
 * Resampling of 8-bit images in whole numbers, hence exact. Along an axis that shrinks, an output pixel is the mean of the
 * source over the stretch that it covers, where pixels that are covered in part count in part; along one that grows, it is
 * interpolated between the two nearest pixel centres, and what lies beyond the outermost centre repeats it.
 */

/**
 * How one axis is resampled: output o is the sum of weights[i] times source pixel sources[i], i from starts[o] to starts[o
 * + 1].
 */
interface Taps {
  readonly starts: Int32Array;
  readonly sources: Int32Array;
  readonly weights: Float64Array;
  /** The sum of the weights of every output. */
  readonly total: number;
}

/** Longest side of an image: sums of products of two weights and 8 bits stay exact in f64. */
export const LONGEST_SIDE = 2 ** 16;

/**
 * @param from height and width of the source, each at most LONGEST_SIDE
 * @param to those of the output
 * @param scale what the value 1 of the source becomes
 * @returns writes the image of a source [height, width, channels] to `out` from `offset` on; the weighted mean times `scale`
 *   is rounded to the nearest, halves upwards
 */
export function resampler(
  from: readonly [number, number],
  to: readonly [number, number],
  channels: number,
  scale = 1,
): (source: ArrayLike<number>, out: Uint8Array, offset: number) => void {
  const [rows, columns] = [tapsOf(from[0], to[0]), tapsOf(from[1], to[1])];
  const total = rows.total * columns.total;
  const wide = to[1] * channels;
  const sums = new Float64Array(wide);
  /**
   * The last even and the last odd row of the source, resampled along the width: output rows that touch one row follow one
   * another.
   */
  const narrowed = [new Float64Array(wide), new Float64Array(wide)] as const;
  return (source, out, offset) => {
    const held = [-1, -1];
    for (let y = 0; y < to[0]; y++) {
      sums.fill(0);
      for (let i = rows.starts[y] as number; i < (rows.starts[y + 1] as number); i++) {
        const [row, weight] = [rows.sources[i] as number, rows.weights[i] as number];
        const narrow = narrowed[row % 2] as Float64Array;
        if (held[row % 2] !== row) resampleRow(source, row * from[1] * channels, channels, columns, narrow);
        held[row % 2] = row;
        for (let x = 0; x < wide; x++) sums[x] = (sums[x] as number) + weight * (narrow[x] as number);
      }
      for (let x = 0; x < wide; x++) {
        out[offset + y * wide + x] = Math.floor((2 * scale * (sums[x] as number) + total) / (2 * total));
      }
    }
  };
}

/** One row of the source along the width, not divided by the weights' total. */
function resampleRow(
  source: ArrayLike<number>,
  first: number,
  channels: number,
  { starts, sources, weights }: Taps,
  out: Float64Array,
): void {
  for (let x = 0; x + 1 < starts.length; x++) {
    const end = starts[x + 1] as number;
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let i = starts[x] as number; i < end; i++) {
        sum += (weights[i] as number) * (source[first + (sources[i] as number) * channels + channel] as number);
      }
      out[x * channels + channel] = sum;
    }
  }
}

/** In units that are whole for both: see below. */
function tapsOf(from: number, to: number): Taps {
  const starts = new Int32Array(to + 1);
  const sources: number[] = [];
  const weights: number[] = [];
  const add = (source: number, weight: number): void => {
    if (weight === 0) return;
    sources.push(source);
    weights.push(weight);
  };
  for (let o = 0; o < to; o++) {
    if (to <= from) {
      // Source pixel s spans [s to, (s + 1) to) and output pixel o [o from, (o + 1) from).
      const last = Math.ceil(((o + 1) * from) / to) - 1;
      for (let s = Math.floor((o * from) / to); s <= last; s++) {
        add(s, Math.min((s + 1) * to, (o + 1) * from) - Math.max(s * to, o * from));
      }
    } else {
      // Centres are 2 to apart in the source; output pixel o has its own at (2 o + 1) from - to.
      const centre = Math.min(Math.max((2 * o + 1) * from - to, 0), (from - 1) * 2 * to);
      const s = Math.floor(centre / (2 * to));
      add(s, (s + 1) * 2 * to - centre);
      add(s + 1, centre - s * 2 * to);
    }
    starts[o + 1] = sources.length;
  }
  return {
    starts,
    sources: Int32Array.from(sources),
    weights: Float64Array.from(weights),
    total: to <= from ? from : 2 * to,
  };
}
