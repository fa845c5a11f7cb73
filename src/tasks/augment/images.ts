/** Augmentation of images that needs no interpolation. */
import { requireBoolean, requireNumber, requireOptions, requireWhole, wrong } from "../../arguments.ts";
import { type Augmentation, around, IMAGES } from "./augmentation.ts";
import { type FillOptions, fillOf } from "./warps.ts";

/** Options of `flip`: which way images are flipped, each half of the time. */
export interface FlipOptions {
  /** Left and right change places; true by default. */
  readonly horizontal?: boolean;
  /** Top and bottom change places; false by default. */
  readonly vertical?: boolean;
}

/** Flips an image, in half of the examples. */
export function flip(options: FlipOptions = {}): Augmentation {
  requireOptions("flip", options, ["horizontal", "vertical"]);
  const { horizontal = true, vertical = false } = options;
  requireBoolean("flip: horizontal", horizontal);
  requireBoolean("flip: vertical", vertical);
  if (!horizontal && !vertical) throw wrong("flip: horizontal or vertical", "true", false);
  return {
    ...IMAGES,
    description: `flip(horizontal ${horizontal}, vertical ${vertical})`,
    apply(values, offset, shape, draw) {
      const [height, width, channels] = shape as readonly [number, number, number];
      const [across, over] = [horizontal && draw.below(2) === 1, vertical && draw.below(2) === 1];
      moved(
        values,
        offset,
        [height, width, channels],
        (y, x) => [over ? height - 1 - y : y, across ? width - 1 - x : x],
        0,
      );
    },
  };
}

/** Moves an image by up to `most` whole pixels along each axis. */
export function shift(most: number, options: FillOptions = {}): Augmentation {
  requireWhole("shift: most", most, 1, 2 ** 16);
  const fill = fillOf("shift", options);
  return {
    ...IMAGES,
    description: `shift(${most}, fill ${fill})`,
    apply(values, offset, shape, draw) {
      const [down, right] = [around(draw, most), around(draw, most)];
      moved(values, offset, shape as [number, number, number], (y, x) => [y - down, x - right], fill);
    },
  };
}

/**
 * Fills a rectangle at a random place whose sides are up to `most` of the image's (Zhong et al. 2020, "Random erasing data
 * augmentation").
 */
export function erase(most: number, options: FillOptions = {}): Augmentation {
  requireNumber("erase: most", most, { above: 0, to: 1 });
  const fill = fillOf("erase", options);
  return {
    ...IMAGES,
    description: `erase(${most}, fill ${fill})`,
    apply(values, offset, shape, draw) {
      const [height, width, channels] = shape as readonly [number, number, number];
      const [tall, wide] = [height, width].map((side) => 1 + draw.below(Math.max(1, Math.floor(most * side))));
      const top = draw.below(height - (tall as number) + 1);
      const left = draw.below(width - (wide as number) + 1);
      for (let y = top; y < top + (tall as number); y++) {
        const from = offset + (y * width + left) * channels;
        values.fill(fill, from, from + (wide as number) * channels);
      }
    },
  };
}

/** Adds one number from -most to most to all pixels. */
export function brightness(most: number): Augmentation {
  requireNumber("brightness: most", most, { above: 0 });
  return {
    ...IMAGES,
    description: `brightness(${most})`,
    apply(values, offset, shape, draw) {
      const added = draw.uniform(-most, most);
      const end = offset + count(shape);
      for (let i = offset; i < end; i++) values[i] = (values[i] as number) + added;
    },
  };
}

/** Multiplies the pixels' distances from their mean by one number from 1 - most to 1 + most. */
export function contrast(most: number): Augmentation {
  requireNumber("contrast: most", most, { above: 0, to: 1 });
  return {
    ...IMAGES,
    description: `contrast(${most})`,
    apply(values, offset, shape, draw) {
      const factor = draw.uniform(1 - most, 1 + most);
      const end = offset + count(shape);
      let sum = 0;
      for (let i = offset; i < end; i++) sum += values[i] as number;
      const mean = sum / (end - offset);
      for (let i = offset; i < end; i++) values[i] = mean + ((values[i] as number) - mean) * factor;
    },
  };
}

const count = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** Replaces an image by the pixels that are at other places of it; `fill` where there are none. */
function moved(
  values: Float32Array,
  offset: number,
  [height, width, channels]: readonly [number, number, number],
  from: (y: number, x: number) => readonly [number, number],
  fill: number,
): void {
  const source = values.slice(offset, offset + height * width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sourceY, sourceX] = from(y, x);
      const inside = sourceY >= 0 && sourceY < height && sourceX >= 0 && sourceX < width;
      for (let channel = 0; channel < channels; channel++) {
        const value = inside ? (source[(sourceY * width + sourceX) * channels + channel] as number) : fill;
        values[offset + (y * width + x) * channels + channel] = value;
      }
    }
  }
}
