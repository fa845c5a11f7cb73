/** Extents of an image, in pixels. */
export interface Extents {
  readonly width: number;
  readonly height: number;
}

/**
 * A resizer of images by area averaging: each output pixel is the mean of the source over the rectangle it covers, where pixels
 * that are covered in part count in part. Arithmetic is in whole numbers below 2^53, hence exact; the mean times `scale` is
 * rounded to the nearest, halves upwards. Images also become larger by it, without smoothing.
 *
 * @param from extents of the source; with those of the output, at most 2^44 for the product of all four
 * @param to extents of the output
 * @param channels values of a pixel
 * @param scale what the value 1 of the source becomes
 * @returns writes the image of a source [from.height, from.width, channels] to `out` from `offset` on
 */
export function areaResizer(
  from: Extents,
  to: Extents,
  channels: number,
  scale: number,
): (source: ArrayLike<number>, out: Uint8Array, offset: number) => void {
  const across = overlaps(from.width, to.width);
  const down = overlaps(from.height, to.height);
  const total = from.width * from.height;
  const rowLength = to.width * channels;
  const line = new Float64Array(rowLength);
  const sums = new Float64Array(to.height * rowLength);
  return (source, out, offset) => {
    sums.fill(0);
    let row = -1;
    for (let i = 0; i < down.source.length; i++) {
      if (row !== down.source[i]) {
        row = down.source[i] as number;
        averageLine(source, row * from.width * channels, channels, across, line);
      }
      const start = (down.cell[i] as number) * rowLength;
      const weight = down.weight[i] as number;
      for (let x = 0; x < rowLength; x++) sums[start + x] = (sums[start + x] as number) + weight * (line[x] as number);
    }
    for (let i = 0; i < sums.length; i++) {
      out[offset + i] = Math.floor((2 * scale * (sums[i] as number) + total) / (2 * total));
    }
  };
}

/** Which pixels of an axis count how much in which of the output, in the order of the source. */
interface Overlaps {
  readonly source: Int32Array;
  readonly cell: Int32Array;
  readonly weight: Int32Array;
}

/** In units that are whole for both, pixel s of the source spans [s to, (s + 1) to) and pixel o of the output [o from, (o + 1) from). */
function overlaps(from: number, to: number): Overlaps {
  const found: [number, number, number][] = [];
  for (let s = 0; s < from; s++) {
    for (let o = Math.floor((s * to) / from); o * from < (s + 1) * to; o++) {
      const weight = Math.min((s + 1) * to, (o + 1) * from) - Math.max(s * to, o * from);
      if (weight > 0) found.push([s, o, weight]);
    }
  }
  const [source, cell, weight] = [0, 1, 2].map((i) => Int32Array.from(found, (each) => each[i] as number));
  return { source: source as Int32Array, cell: cell as Int32Array, weight: weight as Int32Array };
}

/** Weighted sums of one line of the source, at `start`, for each pixel of an output line. */
function averageLine(
  source: ArrayLike<number>,
  start: number,
  channels: number,
  across: Overlaps,
  line: Float64Array,
): void {
  line.fill(0);
  for (let i = 0; i < across.source.length; i++) {
    const at = start + (across.source[i] as number) * channels;
    const cell = (across.cell[i] as number) * channels;
    const weight = across.weight[i] as number;
    for (let c = 0; c < channels; c++) line[cell + c] = (line[cell + c] as number) + weight * (source[at + c] as number);
  }
}
