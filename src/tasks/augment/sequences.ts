/** Augmentation of series, spectrograms, words, and of numbers of any shape. */
import { requireNumber, requireOneOf, requireOptions, requireWhole } from "../../arguments.ts";
import { type Shape, sizeOf } from "../../graph/shape.ts";
import { cosine, logarithm } from "../../portable-math.ts";
import { ANY, type Augmentation, around, SEQUENCES } from "./augmentation.ts";
import { type FillOptions, fillOf } from "./warps.ts";

/** Adds normal noise of mean 0 to every number. */
export function noise(deviation: number): Augmentation {
  requireNumber("noise: deviation", deviation, { above: 0 });
  return {
    ...ANY,
    description: `noise(${deviation})`,
    apply(values, offset, shape, draw) {
      const length = sizeOf(shape);
      // Two independent normal numbers of two uniform ones (Box and Muller 1958); 1 - u is above 0.
      for (let i = 0; i < length; i += 2) {
        const radius = deviation * Math.sqrt(-2 * logarithm(1 - draw.uniform()));
        const angle = 2 * Math.PI * draw.uniform();
        values[offset + i] = (values[offset + i] as number) + radius * cosine(angle);
        if (i + 1 === length) break;
        values[offset + i + 1] = (values[offset + i + 1] as number) + radius * cosine(angle - Math.PI / 2);
      }
    },
  };
}

const stepsOf = (shape: Shape): readonly [number, number] => [shape[0] as number, shape[1] ?? 1];

/** Moves a sequence by up to `most` steps, earlier or later. */
export function timeShift(most: number, options: FillOptions = {}): Augmentation {
  requireWhole("timeShift: most", most, 1, 2 ** 24);
  const fill = fillOf("timeShift", options);
  return {
    ...SEQUENCES,
    description: `timeShift(${most}, fill ${fill})`,
    apply(values, offset, shape, draw) {
      const [time, channels] = stepsOf(shape);
      const later = Math.min(Math.max(around(draw, most), -time), time);
      const [start, end] = [offset, offset + time * channels];
      if (later >= 0) {
        values.copyWithin(start + later * channels, start, end - later * channels);
        values.fill(fill, start, start + later * channels);
      } else {
        values.copyWithin(start, start - later * channels, end);
        values.fill(fill, end + later * channels, end);
      }
    },
  };
}

/** Fills up to `most` successive steps of a sequence (Park et al. 2019, "SpecAugment"). */
export function timeMask(most: number, options: FillOptions = {}): Augmentation {
  requireWhole("timeMask: most", most, 1, 2 ** 24);
  const fill = fillOf("timeMask", options);
  return {
    ...SEQUENCES,
    description: `timeMask(${most}, fill ${fill})`,
    apply(values, offset, shape, draw) {
      const [time, channels] = stepsOf(shape);
      const length = Math.min(time, draw.below(most + 1));
      const first = draw.below(time - length + 1);
      values.fill(fill, offset + first * channels, offset + (first + length) * channels);
    },
  };
}

/** Fills up to `most` successive channels of a sequence, such as the bands of a spectrogram (Park et al. 2019, "SpecAugment"). */
export function channelMask(most: number, options: FillOptions = {}): Augmentation {
  requireWhole("channelMask: most", most, 1, 2 ** 16);
  const fill = fillOf("channelMask", options);
  return {
    ...SEQUENCES,
    description: `channelMask(${most}, fill ${fill})`,
    apply(values, offset, shape, draw) {
      const [time, channels] = stepsOf(shape);
      const wide = Math.min(channels, draw.below(most + 1));
      const first = draw.below(channels - wide + 1);
      for (let step = 0; step < time; step++) {
        const from = offset + step * channels + first;
        values.fill(fill, from, from + wide);
      }
    },
  };
}

/** Options of `wordDropout`. */
export interface WordDropoutOptions {
  /** What a dropped word becomes: an unknown word (the default), or padding in its place. */
  readonly becomes?: "unknown" | "padding";
}

/** Drops each word of a text of word numbers, as `tokens` makes them, with a probability; padding stays. */
export function wordDropout(probability: number, options: WordDropoutOptions = {}): Augmentation {
  requireNumber("wordDropout: probability", probability, { above: 0, below: 1 });
  requireOptions("wordDropout", options, ["becomes"]);
  const { becomes = "unknown" } = options;
  requireOneOf("wordDropout: becomes", becomes, ["unknown", "padding"]);
  const number = becomes === "unknown" ? 1 : 0;
  return {
    rule: "word numbers [length]",
    takes: (shape) => shape.length === 1,
    description: `wordDropout(${probability}, ${becomes})`,
    apply(values, offset, shape, draw) {
      const end = offset + sizeOf(shape);
      for (let i = offset; i < end; i++) {
        // One draw for each place, so that what is dropped does not depend on the padding.
        if (draw.uniform() < probability && values[i] !== 0) values[i] = number;
      }
    },
  };
}

/**
 * Adds to an example up to `most` of another one of its class, and takes as much off its own: (1 - m) x + m x'. The label
 * stays, as both have it (Zhang et al. 2018 mix classes, too, which needs labels in parts). An example that is alone in its
 * class stays as it is.
 */
export function mixup(most: number): Augmentation {
  requireNumber("mixup: most", most, { above: 0, to: 1 });
  return {
    ...ANY,
    description: `mixup(${most})`,
    pairs: true,
    apply(values, offset, shape, draw, other) {
      const part = draw.uniform(0, most);
      if (other === undefined) return;
      const length = sizeOf(shape);
      for (let i = 0; i < length; i++) {
        values[offset + i] = (1 - part) * (values[offset + i] as number) + part * (other[i] as number);
      }
    },
  };
}
