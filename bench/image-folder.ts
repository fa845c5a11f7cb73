/**
 * All drawings of Omniglot as a folder of PNG files: whether they are the numbers of the archives, and how long the first start and
 * those from the cache take: docs/results.md, section 17.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { byClass, pixels, preprocess } from "../src/data.ts";
import { episodes, evaluate, type LabelledDataset, layers, metaTrain, model, nearestCentroid } from "../src/index.ts";
import { loadOmniglot, readImageFolder } from "../src/node.ts";
import { sharedData } from "./shared-data.ts";

const STARTS = 5;

/** `npm run bench -- image-folder` */
export async function benchImageFolder(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "quickstudy-images-"));
  try {
    const [folder, cache] = [join(scratch, "images"), join(scratch, "cache")];
    const drawings = await extract(folder);
    const read = async () => {
      const [began, before] = [performance.now(), process.cpuUsage()];
      const table = await readImageFolder(folder, { size: 28, channels: 1, cache });
      const { user, system } = process.cpuUsage(before);
      return { table, seconds: (performance.now() - began) / 1000, processor: (user + system) / 1e6 };
    };
    const first = await read();
    const later: Awaited<ReturnType<typeof read>>[] = [];
    for (let i = 0; i < STARTS; i++) later.push(await read());
    const range = (numbers: readonly number[]) =>
      `${Math.min(...numbers).toFixed(2)} to ${Math.max(...numbers).toFixed(2)} s`;
    const { seconds, processor } = first;
    console.log(
      `${drawings} drawings; first start ${seconds.toFixed(1)} s, ${processor.toFixed(1)} s of the processor`,
    );
    console.log(
      `from the cache ${range(later.map((each) => each.seconds))}, ${range(later.map((each) => each.processor))} of the processor`,
    );
    const ink = preprocess({ x: pixels("image", { size: 28, channels: 1, invert: true }) }).fit(first.table);
    const files = byClass(ink.examples(first.table, { label: "label" }));
    const parts = await loadOmniglot(sharedData("omniglot"), { rotations: false, cache });
    await compare("train and validation", files, parts.trainval);
    await compare("test", files, parts.test);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Writes every drawing as a file of its character's folder. */
async function extract(folder: string): Promise<number> {
  let drawings = 0;
  for (const archive of ["images_background", "images_evaluation"]) {
    const entries = unzipSync(await readFile(sharedData(`omniglot/${archive}.zip`)));
    for (const [name, bytes] of Object.entries(entries)) {
      const path = /^[^/]+\/([^/]+\/character\d+\/[^/]+\.png)$/.exec(name)?.[1];
      if (path === undefined) continue;
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), bytes);
      drawings++;
    }
  }
  return drawings;
}

/** Numbers that differ, and the accuracy of the nearest centroid on the same episodes of both. */
async function compare(part: string, files: LabelledDataset, archives: LabelledDataset): Promise<void> {
  const same = files.subset(archives.classes.map(({ name }) => name));
  const [mine, theirs] = [same.all().x as Float32Array, archives.all().x as Float32Array];
  const different = mine.reduce((sum, value, i) => sum + (value === theirs[i] ? 0 : 1), 0);
  const accuracies: string[] = [];
  for (const data of [same, archives]) {
    const tasks = episodes(data, { ways: 5, shots: 1, queries: 5 });
    const centroid = await metaTrain(nearestCentroid(model([28, 28, 1], layers.flatten())), tasks, { iterations: 0 });
    accuracies.push((100 * (await evaluate(centroid, tasks, { episodes: 600, seed: 1 })).mean).toFixed(4));
  }
  console.log(
    `${part}: ${different} of ${theirs.length} numbers differ; nearest centroid ${accuracies.join(" and ")} %`,
  );
}
