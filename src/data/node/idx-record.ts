import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { DataError, OptionError } from "../../errors.ts";
import { text } from "../../options.ts";
import { pixels } from "../features/pixels.ts";
import { preprocess } from "../preprocessing.ts";
import { readIdx } from "../readers/idx.ts";
import type { Table } from "../table.ts";
import { classSpec, DIVISION, divided, IMAGES, imageModel, NETWORK, SIZES, WAYS } from "./data-options.ts";
import { dataTask, openTable } from "./data-task.ts";
import { file } from "./files.ts";
import { named, stacked } from "./read-table.ts";

const { size: SIZE } = IMAGES;
const OPTIONS = {
  labels: text("file of the labels; by its usual name beside the images without", undefined),
  size: SIZE,
  ...WAYS,
  ...SIZES,
  ...DIVISION,
  ...NETWORK,
};

const greyImages = (size: number) => () => preprocess({ x: pixels("x", { size, channels: 1 }) });

export const idxRecord = dataTask<typeof OPTIONS>({
  name: "idx",
  summary: "grey images with labels in the idx format, as MNIST and its kin are published",
  options: OPTIONS,
  data: "an idx file of images, gzipped or not",
  run: { iterations: 4_000, metaBatch: 16 },
  spec: ({ size, ways, ...sizes }) => classSpec([size, size, 1], ways, sizes),
  async open(settings, data) {
    const { labels = labelsBeside(data), size } = settings;
    const table = named(basename(data), await readIdx(file(data), file(labels)));
    const kind = { of: "classes", label: "label" } as const;
    return openTable(await divided({ table, kind, preprocess: greyImages(size) }, settings));
  },
  model: ({ size, ...network }, kind, width) => imageModel([size, size, 1], network, kind, width),
});

/** `train-labels-idx1-ubyte.gz` of `train-images-idx3-ubyte.gz`. */
function labelsBeside(images: string): string {
  const name = basename(images).replace("images", "labels").replace("idx3", "idx1");
  if (name !== basename(images)) return join(images, "..", name);
  throw new OptionError(`--labels: must be given, since the name ${basename(images)} does not lead to the labels'`);
}

const MNIST_OPTIONS = { size: SIZE, ...WAYS, ...SIZES, ...NETWORK };
/** What an edition of MNIST may hold. */
const MNIST_FILES = ["train", "t10k"] as const;

/** Digits that are trained on are never tested on; there are too few of them for a part that validates. */
const MNIST_PARTS = { train: ["0", "1", "2", "3", "4"], validation: [], test: ["5", "6", "7", "8", "9"] };

export const mnistRecord = dataTask<typeof MNIST_OPTIONS>({
  name: "mnist",
  summary: "handwritten digits: 0 to 4 to train on, 5 to 9 to test on (LeCun et al. 1998)",
  options: MNIST_OPTIONS,
  data: "a folder with t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, the files of train beside them or not, gzipped or not",
  run: { iterations: 4_000, metaBatch: 16 },
  spec: ({ size, ways, ...sizes }) => classSpec([size, size, 1], ways, sizes),
  async open({ size }, data) {
    const tables: Table[] = [];
    for (const part of MNIST_FILES) {
      const [images, labels] = [present(data, `${part}-images-idx3-ubyte`), present(data, `${part}-labels-idx1-ubyte`)];
      if (images === undefined || labels === undefined) continue;
      tables.push(await readIdx(file(images), file(labels)));
    }
    if (tables.length === 0) {
      throw new DataError(
        `${data}: must have t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz, got neither; see quickstudy data`,
      );
    }
    const kind = { of: "classes", label: "label" } as const;
    return openTable({ table: stacked("mnist", tables), kind, preprocess: greyImages(size), parts: MNIST_PARTS });
  },
  model: ({ size, ...network }, kind, width) => imageModel([size, size, 1], network, kind, width),
});

/** The path of a file in a folder, gzipped or not; undefined where there is neither. */
function present(folder: string, name: string): string | undefined {
  return [join(folder, `${name}.gz`), join(folder, name)].find((path) => existsSync(path));
}
