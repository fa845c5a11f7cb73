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
  const lines = new Float64Array(from.height * rowLength);
  return (source, out, offset) => {
    // Sums along each line of the source, then of these along each column.
    for (let y = 0; y < from.height; y++) {
      for (let c = 0; c < channels; c++) {
        sumAlong(source, y * from.width * channels + c, channels, across, lines, y * rowLength + c, channels);
      }
    }
    const sums = new Float64Array(to.height * rowLength);
    for (let x = 0; x < rowLength; x++) sumAlong(lines, x, rowLength, down, sums, x, rowLength);
    for (let i = 0; i < sums.length; i++) {
      out[offset + i] = Math.floor((2 * scale * (sums[i] as number) + total) / (2 * total));
    }
  };
}

/** The pixels of an axis that each output pixel covers: all between the first and the last, and these in part. */
interface Overlaps {
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly firstWeight: Int32Array;
  /** 0 where the last pixel is the first. */
  readonly lastWeight: Int32Array;
  /** Of the pixels between. */
  readonly weight: number;
}

/** In units that are whole for both, pixel s of the source spans [s to, (s + 1) to) and pixel o of the output [o from, (o + 1) from). */
function overlaps(from: number, to: number): Overlaps {
  const list = (value: (o: number) => number) => Int32Array.from({ length: to }, (_, o) => value(o));
  const first = list((o) => Math.floor((o * from) / to));
  const last = list((o) => Math.ceil(((o + 1) * from) / to) - 1);
  const firstWeight = list((o) => Math.min(((first[o] as number) + 1) * to, (o + 1) * from) - o * from);
  const lastWeight = list((o) => (last[o] === first[o] ? 0 : (o + 1) * from - (last[o] as number) * to));
  return { first, last, firstWeight, lastWeight, weight: to };
}

/** Weighted sums along an axis of `source` that begins at `start`, to an axis of `out` that begins at `begin`. */
function sumAlong(
  source: ArrayLike<number>,
  start: number,
  stride: number,
  { first, last, firstWeight, lastWeight, weight }: Overlaps,
  out: Float64Array,
  begin: number,
  step: number,
): void {
  for (let o = 0; o < first.length; o++) {
    const [low, high] = [start + (first[o] as number) * stride, start + (last[o] as number) * stride];
    let between = 0;
    for (let at = low + stride; at < high; at += stride) between += source[at] as number;
    const ends =
      (firstWeight[o] as number) * (source[low] as number) + (lastWeight[o] as number) * (source[high] as number);
    out[begin + o * step] = weight * between + ends;
  }
}
