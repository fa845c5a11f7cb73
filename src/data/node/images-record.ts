import { basename, resolve } from "node:path";
import { pixels } from "../features/pixels.ts";
import { preprocess } from "../preprocessing.ts";
import { classSpec, DIVISION, divided, IMAGES, imageModel, NETWORK, SIZES, WAYS } from "./data-options.ts";
import { dataTask, openTable } from "./data-task.ts";
import { readImageFolder } from "./image-folder.ts";
import { named } from "./read-table.ts";

const OPTIONS = { ...WAYS, ...SIZES, ...IMAGES, ...DIVISION, ...NETWORK };

export const imagesRecord = dataTask<typeof OPTIONS>({
  name: "images",
  summary: "images of your own, in a folder for each class",
  options: OPTIONS,
  data: "a folder with a folder of PNG or JPEG files for each class",
  run: { iterations: 4_000, metaBatch: 16 },
  spec: ({ size, channels, ways, ...sizes }) => classSpec([size, size, channels], ways, sizes),
  async open(settings, data) {
    const { size, channels } = settings;
    const table = named(basename(resolve(data)), await readImageFolder(data, { size, channels }));
    const unfitted = preprocess({ x: pixels("image", { size, channels }) });
    return openTable(
      await divided({ table, kind: { of: "classes", label: "label" }, preprocess: () => unfitted }, settings),
    );
  },
  model: ({ size, channels, ...network }, kind, width) => imageModel([size, size, channels], network, kind, width),
});
