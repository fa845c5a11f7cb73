/** Images seen through a map of the plane: each pixel of the result is read between four pixels of the source. */
import { requireNumber, requireOptions, wrong } from "../../arguments.ts";
import type { Shape } from "../../graph/shape.ts";
import { cosine, exponential, sine } from "../../portable-math.ts";
import type { Draw } from "../../random.ts";
import { type Augmentation, IMAGES } from "./augmentation.ts";

/** What images are filled with where the source has nothing. */
export interface FillOptions {
  /** 0 by default: paper, where ink is 1. */
  readonly fill?: number;
}

/** The options' fill. @throws OptionError for another option, or a fill that is no number */
export function fillOf(kind: string, options: FillOptions): number {
  requireOptions(kind, options, ["fill"]);
  const { fill = 0 } = options;
  return requireNumber(`${kind}: fill`, fill);
}

/** Turns an image about its centre by up to `degrees` to either side. */
export function rotate(degrees: number, options: FillOptions = {}): Augmentation {
  requireNumber("rotate: degrees", degrees, { above: 0, to: 180 });
  const fill = fillOf("rotate", options);
  return affine(`rotate(${degrees}, fill ${fill})`, fill, (draw) => {
    const angle = (draw.uniform(-degrees, degrees) * Math.PI) / 180;
    const [c, s] = [cosine(angle), sine(angle)];
    return [c, -s, s, c];
  });
}

/** Enlarges an image about its centre by a factor between two numbers, `scale(0.8, 1.25)`; below 1 it shrinks. */
export function scale(least: number, most: number, options: FillOptions = {}): Augmentation {
  requireNumber("scale: least", least, { above: 0 });
  requireNumber("scale: most", most, { above: 0 });
  if (least > most) throw wrong("scale: most", `at least least, ${least}`, most);
  const fill = fillOf("scale", options);
  return affine(`scale(${least}, ${most}, fill ${fill})`, fill, (draw) => {
    const factor = draw.uniform(least, most);
    return [1 / factor, 0, 0, 1 / factor];
  });
}

/** Slants an image horizontally about its centre, by an angle of up to `degrees` to either side. */
export function shear(degrees: number, options: FillOptions = {}): Augmentation {
  requireNumber("shear: degrees", degrees, { above: 0, to: 60 });
  const fill = fillOf("shear", options);
  return affine(`shear(${degrees}, fill ${fill})`, fill, (draw) => {
    const angle = (draw.uniform(-degrees, degrees) * Math.PI) / 180;
    return [1, 0, sine(angle) / cosine(angle), 1];
  });
}

/**
 * Cuts out a rectangle of the image's aspect ratio at a random place, each side at least `least` of the image's, and
 * enlarges it to the image's size.
 */
export function cropAndResize(least: number): Augmentation {
  requireNumber("cropAndResize: least", least, { above: 0, to: 1 });
  return {
    ...IMAGES,
    description: `cropAndResize(${least})`,
    apply(values, offset, shape, draw) {
      const [height, width] = shape as readonly [number, number, number];
      const side = draw.uniform(least, 1);
      const top = draw.uniform(0, (1 - side) * height);
      const left = draw.uniform(0, (1 - side) * width);
      // Within the image, but for the half pixels beyond the outermost centres, which repeat these.
      warp(values, offset, shape, 0, (y, x, at) => {
        at[0] = Math.min(Math.max(top + (y + 0.5) * side - 0.5, 0), height - 1);
        at[1] = Math.min(Math.max(left + (x + 0.5) * side - 0.5, 0), width - 1);
      });
    },
  };
}

/** Options of `elastic`. */
export interface ElasticOptions extends FillOptions {
  /** Factor of the displacements before they are smoothed, in pixels; 8 by default. */
  readonly strength?: number;
  /** Deviation of the Gaussian that smooths them, in pixels; 4 by default. */
  readonly smoothness?: number;
}

/**
 * Elastic distortion: every pixel is displaced by a random field, uniform in +-`strength` and smoothed by a Gaussian
 * (Simard, Steinkraus and Platt 2003, who take a strength of 34 and a smoothness of 4 for 28 x 28 pixels).
 */
export function elastic(options: ElasticOptions = {}): Augmentation {
  requireOptions("elastic", options, ["strength", "smoothness", "fill"]);
  const { strength = 8, smoothness = 4, fill = 0 } = options;
  requireNumber("elastic: strength", strength, { above: 0 });
  requireNumber("elastic: smoothness", smoothness, { from: 0.25, to: 64 });
  requireNumber("elastic: fill", fill);
  const kernel = gaussian(smoothness);
  return {
    ...IMAGES,
    description: `elastic(strength ${strength}, smoothness ${smoothness}, fill ${fill})`,
    apply(values, offset, shape, draw) {
      const [height, width] = shape as readonly [number, number, number];
      const field = (): Float64Array => {
        const uniform = Float64Array.from({ length: height * width }, () => draw.uniform(-strength, strength));
        return smoothed(smoothed(uniform, kernel, height, width, 1, width), kernel, width, height, width, 1);
      };
      const [down, right] = [field(), field()];
      warp(values, offset, shape, fill, (y, x, at) => {
        at[0] = y + (down[y * width + x] as number);
        at[1] = x + (right[y * width + x] as number);
      });
    },
  };
}

/** Weights of a Gaussian at -reach to reach, reach = 3 deviations; they add up to 1. */
function gaussian(deviation: number): Float64Array {
  const reach = Math.ceil(3 * deviation);
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    exponential(-((i - reach) * (i - reach)) / (2 * deviation * deviation)),
  );
  let total = 0;
  for (const weight of weights) total += weight;
  return weights.map((weight) => weight / total);
}

/** Lines of `length` numbers that are `step` apart, each smoothed; nothing is beyond their ends. Lines begin `next` apart. */
function smoothed(
  values: Float64Array,
  kernel: Float64Array,
  lines: number,
  length: number,
  step: number,
  next: number,
): Float64Array {
  const made = new Float64Array(values.length);
  const reach = kernel.length >> 1;
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      const last = Math.min(length - 1, i + reach);
      for (let j = Math.max(0, i - reach); j <= last; j++) {
        sum += (kernel[j - i + reach] as number) * (values[line * next + j * step] as number);
      }
      made[line * next + i * step] = sum;
    }
  }
  return made;
}

/** The matrix by which a place of the result, relative to the centre, becomes one of the source: [yy, yx, xy, xx]. */
type Matrix = readonly [number, number, number, number];

function affine(description: string, fill: number, matrixOf: (draw: Draw) => Matrix): Augmentation {
  return {
    ...IMAGES,
    description,
    apply(values, offset, shape, draw) {
      const [yy, yx, xy, xx] = matrixOf(draw);
      const [middleY, middleX] = [((shape[0] as number) - 1) / 2, ((shape[1] as number) - 1) / 2];
      warp(values, offset, shape, fill, (y, x, at) => {
        at[0] = yy * (y - middleY) + yx * (x - middleX) + middleY;
        at[1] = xy * (y - middleY) + xx * (x - middleX) + middleX;
      });
    },
  };
}

/**
 * Replaces an image [height, width, channels] by what is at the places of a map, by bilinear interpolation.
 * @param where writes the place in the source, [y, x], of a pixel of the result to `at`
 */
function warp(
  values: Float32Array,
  offset: number,
  shape: Shape,
  fill: number,
  where: (y: number, x: number, at: Float64Array) => void,
): void {
  const [height, width, channels] = shape as readonly [number, number, number];
  const source = values.slice(offset, offset + height * width * channels);
  const at = new Float64Array(2);
  const read = (y: number, x: number, channel: number): number =>
    y < 0 || y >= height || x < 0 || x >= width ? fill : (source[(y * width + x) * channels + channel] as number);
  let to = offset;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      where(y, x, at);
      const [top, left] = [Math.floor(at[0] as number), Math.floor(at[1] as number)];
      const [down, right] = [(at[0] as number) - top, (at[1] as number) - left];
      for (let channel = 0; channel < channels; channel++) {
        const above = read(top, left, channel) * (1 - right) + read(top, left + 1, channel) * right;
        const below = read(top + 1, left, channel) * (1 - right) + read(top + 1, left + 1, channel) * right;
        values[to++] = above * (1 - down) + below * down;
      }
    }
  }
}
