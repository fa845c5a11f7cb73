/**
 * A reducer of one-channel square images by area averaging: each output pixel is the mean of the source over the square
 * it covers, where pixels that are covered in part count in part. Arithmetic is in whole numbers, hence exact; the
 * mean times `scale` is rounded to the nearest, halves upwards.
 *
 * @param from side of the source, in pixels
 * @param to side of the output, at most `from`
 * @param scale what the value 1 of the source becomes
 * @returns writes the image of a source [from, from] to `out` from `offset` on, [to, to]
 */
export function areaReducer(
  from: number,
  to: number,
  scale: number,
): (source: Uint8Array, out: Uint8Array, offset: number) => void {
  // In units that are whole for both, source pixel s spans [s to, (s + 1) to) and output pixel o [o from, (o + 1) from).
  // As to <= from, a source pixel touches one output pixel, `cell`, or that and the next.
  const cell = Int32Array.from({ length: from }, (_, s) => Math.floor((s * to) / from));
  const near = Int32Array.from(cell, (o, s) => Math.min(to, (o + 1) * from - s * to));
  const total = from * from;
  // The last pixel has no next one: it adds zero to a column and a row that are not read.
  const wide = to + 1;
  const sums = new Int32Array(wide * wide);
  return (source, out, offset) => {
    sums.fill(0);
    for (let y = 0; y < from; y++) {
      const top = near[y] as number;
      const row = (cell[y] as number) * wide;
      for (let x = 0; x < from; x++) {
        const value = source[y * from + x] as number;
        // Most of a drawing is paper.
        if (value === 0) continue;
        const at = row + (cell[x] as number);
        const left = value * (near[x] as number);
        const right = value * to - left;
        sums[at] = (sums[at] as number) + left * top;
        sums[at + 1] = (sums[at + 1] as number) + right * top;
        sums[at + wide] = (sums[at + wide] as number) + left * (to - top);
        sums[at + wide + 1] = (sums[at + wide + 1] as number) + right * (to - top);
      }
    }
    for (let y = 0; y < to; y++) {
      for (let x = 0; x < to; x++) {
        out[offset + y * to + x] = Math.floor((2 * scale * (sums[y * wide + x] as number) + total) / (2 * total));
      }
    }
  };
}
