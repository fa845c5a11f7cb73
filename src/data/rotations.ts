import { DataError } from "../errors.ts";
import type { ClassInfo, Dataset } from "../tasks/dataset.ts";
import { exampleLength, requireDataset } from "../tasks/dataset.ts";
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
  requireDataset("withRotations", dataset);
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
  private readonly maps: readonly Int32Array[];

  constructor(private readonly base: Dataset) {
    this.name = base.name;
    this.shape = base.shape;
    this.classes = base.classes.flatMap(({ name, size, group = name }) =>
      DEGREES.map((degrees) => ({ name: `${name}/rot${degrees}`, size, group })),
    );
    this.fingerprint = hashValues("rotations", base.fingerprint);
    this.upright = new Float32Array(exampleLength(base.shape));
    const [side = 1, , channels = 1] = base.shape;
    this.maps = DEGREES.map((_, quarters) => turnMap(side, channels, quarters));
  }

  write(classIndex: number, exampleIndex: number, out: Float32Array, offset: number): void {
    const quarters = classIndex % 4;
    const baseClass = (classIndex - quarters) / 4;
    if (quarters === 0) {
      this.base.write(baseClass, exampleIndex, out, offset);
      return;
    }
    this.base.write(baseClass, exampleIndex, this.upright, 0);
    const { upright } = this;
    const map = this.maps[quarters] as Int32Array;
    for (let i = 0; i < map.length; i++) out[offset + i] = upright[map[i] as number] as number;
  }
}

/**
 * Where every number of a turned image comes from: output[i] = image[map[i]].
 *
 * @param side height and width of the image [side, side, channels]
 * @param quarters quarter turns counter-clockwise
 */
export function turnMap(side: number, channels: number, quarters: number): Int32Array {
  const last = side - 1;
  const map = new Int32Array(side * side * channels);
  let to = 0;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      // A quarter turn counter-clockwise brings the last column to the top row.
      const [y, x] = (
        [
          [row, column],
          [column, last - row],
          [last - row, last - column],
          [last - column, row],
        ] as const
      )[quarters & 3] as readonly [number, number];
      for (let channel = 0; channel < channels; channel++) map[to++] = (y * side + x) * channels + channel;
    }
  }
  return map;
}
