/** Overlaps of one axis: output cell o covers source cells first[o] .. first[o + 1]-like runs with whole weights. */
interface Axis {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** [outputs, most] weights, in units of 1 / outputs of a source cell; those of one output add up to the source's size. */
  readonly weights: Int32Array;
  readonly most: number;
}

/** Source cell s spans [s to, (s + 1) to), output cell o spans [o from, (o + 1) from), in units that are whole for both. */
function axis(from: number, to: number): Axis {
  const most = Math.ceil(from / to) + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * most);
  for (let o = 0; o < to; o++) {
    const begin = o * from;
    const end = begin + from;
    first[o] = Math.floor(begin / to);
    let s = first[o] as number;
    for (; s * to < end; s++) {
      weights[o * most + s - (first[o] as number)] = Math.min(end, (s + 1) * to) - Math.max(begin, s * to);
    }
    count[o] = s - (first[o] as number);
  }
  return { first, count, weights, most };
}

/**
 * A reducer of one-channel square images by area averaging: each output pixel is the mean of the source over the square
 * it covers, where pixels that are covered in part count in part. Arithmetic is in whole numbers, hence exact; the
 * mean times `scale` is rounded to the nearest, halves upwards.
 *
 * @param from side of the source, in pixels
 * @param to side of the output
 * @param scale what the value 1 of the source becomes
 * @returns writes the image to `out` from `offset` on, [to, to]
 */
export function areaReducer(
  from: number,
  to: number,
  scale: number,
): (source: Uint8Array, out: Uint8Array, offset: number) => void {
  const { first, count, weights, most } = axis(from, to);
  const columns = new Int32Array(from * to);
  const total = from * from;
  return (source, out, offset) => {
    for (let y = 0; y < from; y++) {
      for (let o = 0; o < to; o++) {
        const start = y * from + (first[o] as number);
        let sum = 0;
        for (let k = 0; k < (count[o] as number); k++) {
          sum += (weights[o * most + k] as number) * (source[start + k] as number);
        }
        columns[y * to + o] = sum;
      }
    }
    for (let o = 0; o < to; o++) {
      for (let x = 0; x < to; x++) {
        let sum = 0;
        for (let k = 0; k < (count[o] as number); k++) {
          sum += (weights[o * most + k] as number) * (columns[((first[o] as number) + k) * to + x] as number);
        }
        out[offset + o * to + x] = Math.floor((2 * scale * sum + total) / (2 * total));
      }
    }
  };
}
