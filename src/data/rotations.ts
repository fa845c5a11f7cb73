import { DataError } from "../errors.ts";
import type { ClassInfo, Dataset } from "../tasks/dataset.ts";
import { exampleLength } from "../tasks/dataset.ts";
import { hashValues } from "../tasks/hash.ts";
import { LabelledDataset } from "./dataset.ts";

/** Quarter turns as they are written in names of classes. */
const DEGREES = ["000", "090", "180", "270"] as const;

/**
 * A data set of square images with every class four times: as it is, and turned by 90, 180 and 270 degrees
 * **counter-clockwise** (the direction of PIL's `rotate`, which the original few-shot papers used). Each is a class of
 * its own, named `<class>/rotDDD`; the four share a group, which splits keep together.
 *
 * Nothing is stored: an example is turned when it is written.
 *
 * @param dataset images of shape [side, side] or [side, side, channels]
 * @throws DataError when the images are not square
 */
export function withRotations(dataset: Dataset): LabelledDataset {
  const [height, width] = dataset.shape;
  if (dataset.shape.length < 2 || dataset.shape.length > 3 || height !== width) {
    throw new DataError(
      `withRotations: images must be square, [side, side] or [side, side, channels], ` +
        `got [${dataset.shape.join(", ")}] (${dataset.name}); resize them first`,
    );
  }
  return new LabelledDataset(new RotatedStorage(dataset));
}

class RotatedStorage implements Dataset {
  readonly name: string;
  readonly shape: readonly number[];
  readonly classes: readonly ClassInfo[];
  readonly fingerprint: string;
  private readonly upright: Float32Array;

  constructor(private readonly base: Dataset) {
    this.name = base.name;
    this.shape = base.shape;
    this.classes = base.classes.flatMap(({ name, size, group = name }) =>
      DEGREES.map((degrees) => ({ name: `${name}/rot${degrees}`, size, group })),
    );
    this.fingerprint = hashValues("rotations", base.fingerprint);
    this.upright = new Float32Array(exampleLength(base.shape));
  }

  write(classIndex: number, exampleIndex: number, out: Float32Array, offset: number): void {
    const quarters = classIndex % 4;
    const baseClass = (classIndex - quarters) / 4;
    if (quarters === 0) {
      this.base.write(baseClass, exampleIndex, out, offset);
      return;
    }
    this.base.write(baseClass, exampleIndex, this.upright, 0);
    turn(this.upright, this.shape[0] as number, this.shape[2] ?? 1, quarters, out, offset);
  }
}

/**
 * Writes a square image turned counter-clockwise by `quarters` quarter turns.
 *
 * @param image [side, side, channels]
 * @param quarters 0 to 3
 */
export function turn(
  image: Float32Array,
  side: number,
  channels: number,
  quarters: number,
  out: Float32Array,
  offset: number,
): void {
  const last = side - 1;
  // Where output pixel (0, 0) comes from, and the steps in the source for one row and one column of the output.
  const [first, down, right] = (
    [
      [0, side, 1],
      [last, -1, side],
      [side * side - 1, -side, -1],
      [side * last, 1, -side],
    ] as const
  )[quarters & 3] as readonly [number, number, number];
  let to = offset;
  for (let row = 0; row < side; row++) {
    let from = (first + row * down) * channels;
    for (let column = 0; column < side; column++) {
      for (let channel = 0; channel < channels; channel++) out[to++] = image[from + channel] as number;
      from += right * channels;
    }
  }
}
