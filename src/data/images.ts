/** Images of one size and one number of channels, out of images of any. */
import { isRecord, requireNumber, requireOneOf, requireOptions, requireWhole, show, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { LONGEST_SIDE, resampler } from "./resize.ts";
import type { Pixels } from "./table.ts";

/** What images are made into. */
export interface ResizeOptions {
  /** Height and width, or the side of a square; in pixels. */
  readonly size: number | readonly [number, number];
  /** 1 for grey (the default), 3 for RGB. */
  readonly channels?: 1 | 3;
  /**
   * How an image of another aspect ratio gets there: `"stretch"` (the default), `"crop"` to the largest rectangle in its centre, or
   * `"pad"` with background.
   */
  readonly fit?: "stretch" | "crop" | "pad";
  /** What is behind transparent pixels and around padded images, 0 (black) to 255 (white, the default). */
  readonly background?: number;
}

export const RESIZE_OPTIONS = ["size", "channels", "fit", "background"] as const;

/** The options with their defaults. */
export interface ResizeSettings extends Required<ResizeOptions> {
  readonly size: readonly [number, number];
}

/** Largest side of what images are made into. */
const LARGEST_SIZE = 4096;

/** @throws OptionError, naming the operation, for an option out of range */
export function resizeSettings(what: string, options: ResizeOptions): ResizeSettings {
  const { size, channels = 1, fit = "stretch", background = 255 } = options;
  const sides: readonly unknown[] = Array.isArray(size) ? size : [size, size];
  if (sides.length !== 2) throw wrong(`${what}: size`, "a number of pixels, or [height, width]", size);
  const [height = 0, width = 0] = sides.map((side) => requireWhole(`${what}: size`, side, 1, LARGEST_SIZE));
  return {
    size: [height, width],
    channels: requireOneOf(`${what}: channels`, channels, [1, 3]),
    fit: requireOneOf(`${what}: fit`, fit, ["stretch", "crop", "pad"]),
    background: requireWhole(`${what}: background`, requireNumber(`${what}: background`, background), 0, 255),
  };
}

/**
 * An image in another size: area averages where it shrinks, bilinear interpolation where it grows. Arithmetic is in whole
 * numbers; every step rounds to the nearest, halves upwards. Grey is (299 R + 587 G + 114 B) / 1000 (ITU-R BT.601), after
 * transparent pixels are laid over the background.
 * @throws OptionError for an option out of range
 * @throws DataError for what is no image, or has a side above 65,536 pixels
 */
export function resizePixels(pixels: Pixels, options: ResizeOptions): Pixels {
  requireOptions("resizePixels", options, RESIZE_OPTIONS);
  const settings = resizeSettings("resizePixels", options);
  requirePixels("resizePixels: pixels", pixels);
  return resizerTo(settings)(pixels);
}

/** @throws DataError unless the value is an image: sides, channels and as many bytes as they ask for */
export function requirePixels(what: string, value: unknown): asserts value is Pixels {
  const { width, height, channels, data } = isRecord(value) ? value : {};
  const isSide = (side: unknown): boolean =>
    Number.isInteger(side) && Number(side) >= 1 && Number(side) <= LONGEST_SIDE;
  const bytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray ? data.length : -1;
  if (
    isSide(width) &&
    isSide(height) &&
    [1, 2, 3, 4].some((each) => each === channels) &&
    bytes === Number(width) * Number(height) * Number(channels)
  ) {
    return;
  }
  const got = isRecord(value) ? `${width} x ${height} pixels of ${channels} channels, ${bytes} bytes` : show(value);
  throw new DataError(
    `${what} must be an image { width, height, channels, data } with a byte for every channel of every pixel, got ${got}`,
  );
}

/** `resizePixels` of what was checked, for many images: most have the size of the one before. */
export function resizerTo({ size, channels, fit, background }: ResizeSettings): (pixels: Pixels) => Pixels {
  let known: { readonly key: string; readonly resample: Resample } | undefined;
  return (pixels) => {
    const resampleTo = (from: Sides, to: Sides): Resample => {
      const key = `${from.height} ${from.width} ${to.height} ${to.width}`;
      if (known?.key !== key) {
        known = { key, resample: resampler([from.height, from.width], [to.height, to.width], channels) };
      }
      return known.resample;
    };
    return resized(pixels, { size, channels, fit, background }, resampleTo);
  };
}

type Resample = (source: ArrayLike<number>, out: Uint8Array, offset: number) => void;

function resized(
  pixels: Pixels,
  { size, channels, fit, background }: ResizeSettings,
  resampleTo: (from: Sides, to: Sides) => Resample,
): Pixels {
  const [height, width] = size;
  const source = fit === "crop" ? centre(pixels, height, width) : { x: 0, y: 0, ...sidesOf(pixels) };
  const inner = fit === "pad" ? centre({ height, width }, pixels.height, pixels.width) : { x: 0, y: 0, height, width };
  const flat = flattened(pixels, source, channels, background);
  const data = new Uint8Array(height * width * channels);
  const resample = resampleTo(source, inner);
  if (inner.height === height && inner.width === width) {
    resample(flat, data, 0);
    return { width, height, channels, data };
  }
  const content = new Uint8Array(inner.height * inner.width * channels);
  resample(flat, content, 0);
  data.fill(background);
  const row = inner.width * channels;
  for (let y = 0; y < inner.height; y++) {
    data.set(content.subarray(y * row, (y + 1) * row), ((inner.y + y) * width + inner.x) * channels);
  }
  return { width, height, channels, data };
}

interface Sides {
  readonly height: number;
  readonly width: number;
}

interface Rectangle extends Sides {
  readonly x: number;
  readonly y: number;
}

const sidesOf = ({ height, width }: Sides): Sides => ({ height, width });

/** The largest rectangle in the centre of `whole` that has the ratio height : width. */
function centre(whole: Sides, height: number, width: number): Rectangle {
  const wider = whole.width * height > whole.height * width;
  const inner = wider
    ? { height: whole.height, width: ratio(whole.height, width, height) }
    : { height: ratio(whole.width, height, width), width: whole.width };
  return {
    ...inner,
    x: Math.floor((whole.width - inner.width) / 2),
    y: Math.floor((whole.height - inner.height) / 2),
  };
}

/** a b / c to the nearest whole number, at least 1. */
const ratio = (a: number, b: number, c: number): number => Math.max(1, Math.floor((2 * a * b + c) / (2 * c)));

/** The pixels of a rectangle, with 1 or 3 channels and none of transparency. */
function flattened(pixels: Pixels, area: Rectangle, channels: 1 | 3, background: number): ArrayLike<number> {
  const { data, width, channels: given } = pixels;
  const whole = area.height === pixels.height && area.width === width;
  if (whole && given === channels) return data;
  const out = new Uint8Array(area.height * area.width * channels);
  const colours = given > 2 ? 3 : 1;
  let to = 0;
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let x = area.x; x < area.x + area.width; x++) {
      const at = (y * width + x) * given;
      const alpha = given === colours ? 255 : (data[at + colours] as number);
      const over = (channel: number): number =>
        Math.floor((2 * ((data[at + channel] as number) * alpha + background * (255 - alpha)) + 255) / 510);
      if (colours === 1) {
        out.fill(over(0), to, to + channels);
      } else if (channels === 3) {
        for (let channel = 0; channel < 3; channel++) out[to + channel] = over(channel);
      } else {
        out[to] = Math.floor((299 * over(0) + 587 * over(1) + 114 * over(2) + 500) / 1000);
      }
      to += channels;
    }
  }
  return out;
}
