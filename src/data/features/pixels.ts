/** Images as numbers. */
import { isRecord, requireBoolean, requireNumber, requireOneOf, requireOptions, wrong } from "../../arguments.ts";
import { DataError, FormatError } from "../../errors.ts";
import { RESIZE_OPTIONS, type ResizeOptions, requirePixels, resizerTo, resizeSettings } from "../images.ts";
import type { Cell, Column, Pixels } from "../table.ts";
import { describe, fitArray, requireColumn } from "./cells.ts";
import type { Feature } from "./feature.ts";

/** Options of `pixels`. */
export interface PixelOptions extends ResizeOptions {
  /**
   * `"unit"`: from 0, black, to 1, white (the default). `"standard"`: that less the mean of the training images, divided by
   * their deviation, both by channel. Or the mean and deviation to take, of numbers from 0 to 1: one, or one per channel.
   */
  readonly normalise?: "unit" | "standard" | PixelScale;
  /** Whether black and white change places, as for drawings in ink. */
  readonly invert?: boolean;
}

export interface PixelScale {
  readonly mean: number | readonly number[];
  readonly deviation: number | readonly number[];
}

type Scale = readonly [mean: ArrayLike<number>, deviation: ArrayLike<number>];

/**
 * Images as numbers [height, width, channels], resized as `resizePixels` does. The column holds images, or arrays of bytes
 * [height, width] or [height, width, channels], as idx and CIFAR files do.
 * @throws DataError for a missing image
 */
export function pixels(column: string, options: PixelOptions): Feature {
  requireColumn("pixels", column);
  requireOptions("pixels", options, [...RESIZE_OPTIONS, "normalise", "invert"]);
  const { normalise = "unit", invert = false } = options;
  const settings = resizeSettings("pixels", options);
  requireBoolean("pixels: invert", invert);
  const { size, channels } = settings;
  const resize = resizerTo(settings);
  const given = scaleOf(normalise, channels);
  const level = (value: number): number => (invert ? 255 - value : value);
  return {
    description: describe("pixels", [column], { ...settings, normalise, invert }, DEFAULTS),
    reads: [column],
    fit(table) {
      const images = table.column(column);
      const shape = Float32Array.from(shapeOf(images, column));
      if (given !== undefined) return { arrays: { shape } };
      const cells = Array.from({ length: images.size }, (_, row) => () => imageOf(images.at(row), shape, column));
      const [mean, deviation] = measure(cells, (image) => resize(image).data, channels, level);
      return { arrays: { shape, mean, deviation } };
    },
    fitted(fit) {
      const shape = fit.arrays?.shape ?? new Float32Array(0);
      if (shape.length !== 0 && shape.length !== 3) {
        throw new FormatError(`pixels: the fit must have 0 or 3 numbers as shape, got ${shape.length}`);
      }
      const scale = given ?? [
        fitArray("pixels", fit, "mean", channels),
        fitArray("pixels", fit, "deviation", channels),
      ];
      return {
        shape: [...size, channels],
        write(row, out, offset) {
          const { data } = resize(imageOf(row(column), shape, column));
          for (let i = 0; i < data.length; i++) {
            const value = level(data[i] as number) / 255;
            out[offset + i] = (value - (scale[0][i % channels] as number)) / (scale[1][i % channels] as number);
          }
        },
      };
    },
  };
}

const DEFAULTS = { channels: 1, fit: "stretch", background: 255, normalise: "unit", invert: false };

/** Mean and deviation where they are known before the fit. */
function scaleOf(normalise: unknown, channels: number): Scale | undefined {
  if (!isRecord(normalise)) {
    const choice = requireOneOf("pixels: normalise", normalise, ["unit", "standard"]);
    return choice === "unit" ? [new Float32Array(channels), new Float32Array(channels).fill(1)] : undefined;
  }
  requireOptions("pixels: normalise", normalise, ["mean", "deviation"]);
  const list = (name: string, value: unknown, range: { above?: number }): number[] => {
    const numbers: readonly unknown[] = Array.isArray(value) ? value : new Array(channels).fill(value);
    if (numbers.length !== channels) {
      throw wrong(`pixels: normalise.${name}`, `a number, or one for each of ${channels} channels`, value);
    }
    return numbers.map((each) => requireNumber(`pixels: normalise.${name}`, each, range));
  };
  return [list("mean", normalise.mean, {}), list("deviation", normalise.deviation, { above: 0 })];
}

/** The shape of a column's arrays as [height, width, channels]; empty for a column of images. */
function shapeOf(column: Column, name: string): readonly number[] {
  if (column.kind === "image") return [];
  const { shape = [] } = column;
  const [height = 0, width = 0, channels = 1] = shape;
  if (column.kind === "arrays" && (shape.length === 2 || shape.length === 3) && channels <= 4) {
    return [height, width, channels];
  }
  throw new DataError(
    `pixels: column ${JSON.stringify(name)} must hold images, or arrays [height, width] or [height, width, channels], ` +
      `got ${column.kind}${column.kind === "arrays" ? ` [${shape.join(", ")}]` : ""}`,
  );
}

/** A cell as an image. @throws DataError where it is none, or an array is of another length than training's or of no bytes */
function imageOf(cell: Cell, shape: Float32Array, column: string): Pixels {
  if (shape.length === 0) {
    requirePixels(column, cell);
    return cell;
  }
  const [height, width, channels] = shape as unknown as readonly [number, number, 1 | 3];
  const numbers = (typeof cell === "object" && cell !== null && "length" in cell ? cell : []) as ArrayLike<number>;
  const data = numbers instanceof Uint8Array ? numbers : Uint8Array.from(numbers);
  if (data.length === height * width * channels && data.every((byte, i) => byte === numbers[i])) {
    return { height, width, channels, data };
  }
  throw new DataError(
    `${column} must be an image [${Array.from(shape).join(", ")}] of whole numbers from 0 to 255, got ` +
      (data.length === height * width * channels ? "other numbers" : `${data.length} numbers`),
  );
}

/** Mean and deviation of each channel. Sums are of whole numbers, hence exact. */
function measure(
  cells: readonly (() => Pixels)[],
  bytesOf: (image: Pixels) => Uint8Array | Uint8ClampedArray,
  channels: number,
  level: (value: number) => number,
): [Float32Array, Float32Array] {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let count = 0;
  for (const cell of cells) {
    const data = bytesOf(cell());
    count += data.length / channels;
    for (let i = 0; i < data.length; i++) {
      const value = level(data[i] as number);
      sums[i % channels] = (sums[i % channels] as number) + value;
      squares[i % channels] = (squares[i % channels] as number) + value * value;
    }
  }
  const mean = sums.map((sum) => sum / count);
  const deviation = squares.map((sum, c) => {
    const centre = mean[c] as number;
    return Math.sqrt(Math.max(0, sum / count - centre * centre)) / 255;
  });
  return [Float32Array.from(mean, (each) => each / 255), Float32Array.from(deviation, (each) => each || 1)];
}
