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
  const sums = new Float64Array(to.height * rowLength);
  return (source, out, offset) => {
    sumRows(source, from, channels, across, lines);
    sumColumns(lines, rowLength, down, sums);
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

/** Weighted sums along each line of an image [height, width, channels]: [height, output width, channels]. */
function sumRows(
  source: ArrayLike<number>,
  { width, height }: Extents,
  channels: number,
  { first, last, firstWeight, lastWeight, weight }: Overlaps,
  lines: Float64Array,
): void {
  let next = 0;
  for (let y = 0; y < height; y++) {
    const line = y * width * channels;
    for (let o = 0; o < first.length; o++) {
      for (let c = 0; c < channels; c++) {
        const low = line + (first[o] as number) * channels + c;
        const high = line + (last[o] as number) * channels + c;
        let between = 0;
        for (let at = low + channels; at < high; at += channels) between += source[at] as number;
        const left = (firstWeight[o] as number) * (source[low] as number);
        lines[next++] = weight * between + left + (lastWeight[o] as number) * (source[high] as number);
      }
    }
  }
}

/** Weighted sums of lines of `length` numbers: one for each line of the output. */
function sumColumns(
  lines: Float64Array,
  length: number,
  { first, last, firstWeight, lastWeight, weight }: Overlaps,
  sums: Float64Array,
): void {
  sums.fill(0);
  for (let o = 0; o < first.length; o++) {
    const [low, high] = [first[o] as number, last[o] as number];
    for (let y = low; y <= high; y++) {
      const share = y === low ? (firstWeight[o] as number) : y === high ? (lastWeight[o] as number) : weight;
      for (let x = 0; x < length; x++) {
        sums[o * length + x] = (sums[o * length + x] as number) + share * (lines[y * length + x] as number);
      }
    }
  }
}
