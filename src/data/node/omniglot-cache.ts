/** The cache of decoded Omniglot images: one file for each pair of archives, which their contents identify. */
import type { OmniglotImages } from "../omniglot.ts";
import { OMNIGLOT_DRAWERS, OMNIGLOT_IMAGE_BYTES } from "../omniglot.ts";
import { type KeptFile, keptPath, readKept, writeKept } from "./kept-file.ts";

const MAX_CACHE_BYTES = 64 * 2 ** 20;

const fileOf = (folder: string, source: string): KeptFile => ({
  folder,
  kind: "omniglot",
  version: 1,
  source,
  largest: MAX_CACHE_BYTES,
});

/** Where the images of a pair of archives are kept. */
export function imagesCacheFile(folder: string, source: string): string {
  return keptPath(fileOf(folder, source));
}

/** Keeps decoded images. */
export async function writeImagesCache(folder: string, source: string, images: OmniglotImages): Promise<void> {
  const { characters, pixels, contentHash } = images;
  await writeKept(fileOf(folder, source), { text: characters.join("\n"), data: pixels }, contentHash);
}

/** The images kept for a pair of archives, or undefined where there are none or the file is damaged. */
export async function readImagesCache(folder: string, source: string): Promise<OmniglotImages | undefined> {
  const kept = await readKept(fileOf(folder, source));
  if (kept === undefined) return undefined;
  const characters = kept.text.split("\n");
  if (kept.data.length !== characters.length * OMNIGLOT_DRAWERS * OMNIGLOT_IMAGE_BYTES) return undefined;
  return { characters, pixels: kept.data, contentHash: kept.contentHash };
}
