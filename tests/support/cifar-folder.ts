/** A folder in the layout of CIFAR-FS, with a few images of noise for each of 100 classes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CLASSES = 100;
const IMAGE = 3 * 32 * 32;

export function cifarFolder(folder: string): string {
  const lists = join(folder, "splits", "bertinetto");
  mkdirSync(lists, { recursive: true });
  const names = Array.from({ length: CLASSES }, (_, i) => `class_${i}`);
  writeFileSync(join(folder, "fine_label_names.txt"), `${names.join("\n")}\n`);
  for (const [name, images] of [
    ["train.bin", 3],
    ["test.bin", 2],
  ] as const) {
    const bytes = new Uint8Array(CLASSES * images * (2 + IMAGE));
    for (let row = 0; row < CLASSES * images; row++) {
      const [start, fine] = [row * (2 + IMAGE), row % CLASSES];
      bytes.set([fine % 20, fine], start);
      for (let i = 0; i < IMAGE; i++) bytes[start + 2 + i] = (fine * 7 + i * 13 + row) % 256;
    }
    writeFileSync(join(folder, name), bytes);
  }
  const split = { train: names.slice(0, 64), val: names.slice(64, 80), test: names.slice(80) };
  for (const [part, list] of Object.entries(split)) writeFileSync(join(lists, `${part}.txt`), `${list.join("\n")}\n`);
  return folder;
}
