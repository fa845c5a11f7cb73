/** What augmentation is made of: random changes to the numbers of one example. */
import { requireObject } from "../../arguments.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Draw } from "../../random.ts";

/**
 * A random change to the numbers of one example, which keeps their shape. Arithmetic is +, -, *, / and square roots of f64,
 * and what src/portable-math.ts has, so that every engine gives the same bits.
 */
export interface Augmentation {
  /** Kind and settings: a source's fingerprint has them. */
  readonly description: string;
  /** What it takes, for errors: `images [height, width, channels]`. */
  readonly rule: string;
  /** Whether it takes examples of a shape. */
  takes(shape: Shape): boolean;
  /** Whether it needs another example of the same class. */
  readonly pairs?: boolean;
  /**
   * Changes the numbers of one example of the shape, from `offset` on.
   * @param draw where everything random comes from
   * @param other another example of its class before any change; none where it is the only one
   */
  apply(values: Float32Array, offset: number, shape: Shape, draw: Draw, other?: Float32Array): void;
}

/** @throws OptionError unless the value is an augmentation */
export function requireAugmentation(what: string, value: unknown): asserts value is Augmentation {
  requireObject(what, value, "an augmentation, such as shift(2)", ["description", "rule", "takes()", "apply()"]);
}

/** For augmentations of images. */
export const IMAGES = {
  rule: "images [height, width, channels]",
  takes: (shape: Shape): boolean => shape.length === 3,
} as const;

/** For augmentations of sequences. */
export const SEQUENCES = {
  rule: "sequences [time] or [time, channels]",
  takes: (shape: Shape): boolean => shape.length === 1 || shape.length === 2,
} as const;

/** For augmentations of numbers of any shape. */
export const ANY = { rule: "numbers", takes: (): boolean => true } as const;

/** A whole number from -most to most. */
export const around = (draw: Draw, most: number): number => draw.below(2 * most + 1) - most;
