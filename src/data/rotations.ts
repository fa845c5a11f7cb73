import { DataError } from "../errors.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import type { ClassInfo, Dataset, Place } from "../tasks/dataset.ts";
import { requireDataset } from "../tasks/dataset.ts";
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
 * @param dataset images of shape [side, side] or [side, side, channels]; every column is one
 * @throws DataError when the images are not square
 */
export function withRotations(dataset: Dataset): LabelledDataset {
  requireDataset("withRotations", dataset);
  for (const shape of Object.values(dataset.inputs)) {
    if (shape.length >= 2 && shape.length <= 3 && shape[0] === shape[1]) continue;
    throw new DataError(
      `withRotations: images must be square, [side, side] or [side, side, channels], ` +
        `got [${shape.join(", ")}] (${dataset.name}); resize them first`,
    );
  }
  return new LabelledDataset(new RotatedStorage(dataset));
}

class RotatedStorage implements Dataset {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly classes: readonly ClassInfo[];
  readonly fingerprint: string;
  /** Set where the base has it. */
  readonly load?: (examples: readonly Place[]) => Promise<Pick<Dataset, "write">>;
  private readonly turns: Readonly<Record<string, { upright: Float32Array; maps: readonly Int32Array[] }>>;

  constructor(private readonly base: Dataset) {
    this.name = base.name;
    this.inputs = base.inputs;
    this.classes = base.classes.flatMap(({ name, size, group = name }) =>
      DEGREES.map((degrees) => ({ name: `${name}/rot${degrees}`, size, group })),
    );
    this.fingerprint = hashValues("rotations", base.fingerprint);
    const turns = Object.entries(base.inputs).map(([name, shape]) => {
      const [side = 1, , channels = 1] = shape;
      const maps = DEGREES.map((_, quarters) => turnMap(side, channels, quarters));
      return [name, { upright: new Float32Array(sizeOf(shape)), maps }] as const;
    });
    this.turns = Object.fromEntries(turns);
    const { load } = base;
    if (load === undefined) return;
    this.load = async (examples) => {
      const writer = await load.call(
        base,
        examples.map(([classIndex, example]) => [classIndex >> 2, example]),
      );
      return { write: (...place) => this.turned(writer, ...place) };
    };
  }

  write(column: string, classIndex: number, exampleIndex: number, out: Float32Array, offset: number): void {
    this.turned(this.base, column, classIndex, exampleIndex, out, offset);
  }

  private turned(
    from: Pick<Dataset, "write">,
    column: string,
    classIndex: number,
    exampleIndex: number,
    out: Float32Array,
    offset: number,
  ): void {
    const quarters = classIndex % 4;
    const baseClass = (classIndex - quarters) / 4;
    if (quarters === 0) {
      from.write(column, baseClass, exampleIndex, out, offset);
      return;
    }
    const { upright, maps } = this.turns[column] as (typeof this.turns)[string];
    from.write(column, baseClass, exampleIndex, upright, 0);
    const map = maps[quarters] as Int32Array;
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
