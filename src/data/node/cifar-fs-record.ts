import { existsSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../../errors.ts";
import { type Settings, text } from "../../options.ts";
import { pixels } from "../features/pixels.ts";
import { preprocess } from "../preprocessing.ts";
import { readCifar } from "../readers/idx.ts";
import { listColumn, Table } from "../table.ts";
import { classSpec, imageModel, NETWORK, SIZES, WAYS } from "./data-options.ts";
import { dataTask, openTable, unitsOf } from "./data-task.ts";
import { file, readBounded } from "./files.ts";
import { stacked } from "./read-table.ts";
import { type Parts, partsOf, requireSplit } from "./task-parts.ts";

const OPTIONS = {
  split: text("JSON file of the classes of each part; the lists in splits/bertinetto without", undefined),
  ...WAYS,
  ...SIZES,
  ...NETWORK,
};

const SHAPE = [32, 32, 3] as const;
const CLASSES = 100;
const LARGEST_LIST = 2 ** 16;
/** Where CIFAR-FS, as published, has its lists. */
const LISTS = join("splits", "bertinetto");

export const cifarFsRecord = dataTask<typeof OPTIONS>({
  name: "cifar-fs",
  summary: "CIFAR-100 by the split of CIFAR-FS: 64, 16 and 20 classes (Bertinetto et al. 2019)",
  options: OPTIONS,
  data: `a folder with train.bin, test.bin and fine_label_names.txt of CIFAR-100, and the lists train.txt, val.txt and test.txt in ${LISTS}`,
  run: { iterations: 10_000, metaBatch: 16 },
  spec: ({ ways, ...sizes }) => classSpec(SHAPE, ways, sizes),
  async open(settings, data) {
    const names = await lines(join(data, "fine_label_names.txt"));
    if (names.length !== CLASSES) {
      throw new DataError(`${join(data, "fine_label_names.txt")}: must name ${CLASSES} classes, got ${names.length}`);
    }
    const parts = await divisionOf(settings, data, names);
    const table = stacked("cifar-fs", [
      await imagesOf(join(data, "train.bin"), names),
      await imagesOf(join(data, "test.bin"), names),
    ]);
    const unfitted = preprocess({ x: pixels("image", { size: SHAPE[0], channels: SHAPE[2], normalise: "standard" }) });
    return openTable({ table, kind: { of: "classes", label: "label" }, preprocess: () => unfitted, parts });
  },
  model: (network, kind, width) => imageModel(SHAPE, network, kind, width),
});

async function imagesOf(path: string, names: readonly string[]): Promise<Table> {
  const table = await readCifar(file(path), { classes: CLASSES });
  const label = unitsOf(table, "fine").map((fine) => names[Number(fine)] as string);
  return new Table(path, { image: table.column("image"), label: listColumn("text", label) });
}

async function divisionOf({ split }: Settings<typeof OPTIONS>, data: string, names: readonly string[]): Promise<Parts> {
  if (split !== undefined) return partsOf("cifar-fs", names, { split, splitSeed: 0, least: 1 });
  if (!existsSync(join(data, LISTS))) {
    throw new DataError(
      `${join(data, LISTS)}: must have train.txt, val.txt and test.txt, got nothing; add them, or give --split`,
    );
  }
  const parts = {
    train: await lines(join(data, LISTS, "train.txt")),
    validation: await lines(join(data, LISTS, "val.txt")),
    test: await lines(join(data, LISTS, "test.txt")),
  };
  requireSplit(join(data, LISTS), parts, names);
  return parts;
}

/** The lines of a text file that are not empty. */
async function lines(path: string): Promise<string[]> {
  const bytes = await readBounded(path, LARGEST_LIST, "see quickstudy data");
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
