import { join } from "node:path";
import {
  isRecord,
  requireBoolean,
  requireFunction,
  requireOptions,
  requireText,
  requireWhole,
  wrong,
} from "../../arguments.ts";
import { ContentHash } from "../../tasks/hash.ts";
import type { OmniglotImages } from "../omniglot.ts";
import { omniglotCharacters, readOmniglot } from "../omniglot.ts";
import type {
  OmniglotParts,
  RandomOmniglotSplit,
  VinyalsLists,
  VinyalsPart,
  VinyalsParts,
} from "../omniglot-splits.ts";
import { parseVinyalsList, randomOmniglotSplit, VINYALS_PARTS, vinyalsSplit } from "../omniglot-splits.ts";
import { defaultCacheFolder } from "./cache.ts";
import { readBounded } from "./files.ts";
import { readImagesCache, writeImagesCache } from "./omniglot-cache.ts";
import { emitWarning } from "./warn.ts";

/** Options of `loadOmniglot`. */
export interface OmniglotOptions {
  /** Vinyals et al.'s lists, or a random split of 1,200 and 423 characters. Default "vinyals". */
  readonly split?: "vinyals" | RandomOmniglotSplit;
  /** Whether every character becomes four classes, turned by 0, 90, 180 and 270 degrees. Default true. */
  readonly rotations?: boolean;
  /**
   * Folder for the decoded images (25 MB), or false for none. Default: `$QUICKSTUDY_CACHE`, else
   * `$XDG_CACHE_HOME/quickstudy`, else `~/.cache/quickstudy`.
   */
  readonly cache?: string | false;
  /** Told when the cache cannot be written, which is no reason to stop. Default: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
}

const MAX_ARCHIVE_BYTES = 64 * 2 ** 20;
const MAX_LIST_BYTES = 2 ** 20;

const LAYOUT =
  "the folder must hold images_background.zip, images_evaluation.zip and, for the split of Vinyals et al., " +
  "vinyals/train.txt, val.txt, trainval.txt and test.txt; the archives are at github.com/brendenlake/omniglot (python/), " +
  "the lists at github.com/jakesnell/prototypical-networks (data/omniglot/splits/vinyals/)";

/**
 * Omniglot from a folder with the official archives, as classes of 20 images [28, 28, 1] with ink from 0 to 1. With
 * rotations a class is `Alphabet/characterNN/rotDDD`, turned counter-clockwise; without, `Alphabet/characterNN`.
 *
 * The folder is only read. Decoded images are kept in a cache, so that later starts take a fraction of a second.
 *
 * @throws DataError when a file is missing, damaged or not what it should be
 * @throws OptionError when an option is not one of its values
 */
export async function loadOmniglot(
  folder: string,
  options?: OmniglotOptions & { readonly split?: "vinyals" },
): Promise<VinyalsParts>;
export async function loadOmniglot(folder: string, options?: OmniglotOptions): Promise<OmniglotParts>;
export async function loadOmniglot(folder: string, options: OmniglotOptions = {}): Promise<OmniglotParts> {
  checkOptions("loadOmniglot", folder, options);
  const { split = "vinyals", rotations = true } = options;
  if (split !== "vinyals") checkSplit(split);
  requireBoolean("loadOmniglot: rotations", rotations);
  // Lists first: what is wrong with them shows before the archives are decoded.
  const lists = split === "vinyals" ? await readLists(folder) : undefined;
  const characters = omniglotCharacters(await loadOmniglotImages(folder, options));
  if (split === "vinyals") return vinyalsSplit(characters, lists as VinyalsLists, rotations);
  return randomOmniglotSplit(characters, split, rotations);
}

/** The decoded images of a folder, from the cache where it has them. Options and errors as for `loadOmniglot`. */
export async function loadOmniglotImages(folder: string, options: OmniglotOptions = {}): Promise<OmniglotImages> {
  checkOptions("loadOmniglotImages", folder, options);
  const { cache = defaultCacheFolder(), onWarning = emitWarning } = options;
  const archives = {
    images_background: await readBounded(join(folder, "images_background.zip"), MAX_ARCHIVE_BYTES, LAYOUT),
    images_evaluation: await readBounded(join(folder, "images_evaluation.zip"), MAX_ARCHIVE_BYTES, LAYOUT),
  };
  if (cache === false) return readOmniglot(archives);
  // By content: a copy or checkout changes times but not data, and a replaced file may keep its size and time.
  const source = new ContentHash().bytes(archives.images_background).bytes(archives.images_evaluation).digest();
  const cached = await readImagesCache(cache, source);
  if (cached !== undefined) return cached;
  const images = readOmniglot(archives);
  try {
    await writeImagesCache(cache, source, images);
  } catch (error) {
    onWarning(
      `omniglot: decoded images were not kept in ${cache} (${String(error)}); the next start decodes them again`,
    );
  }
  return images;
}

function checkOptions(what: string, folder: unknown, options: OmniglotOptions): void {
  requireText(`${what}: folder`, folder);
  requireOptions(what, options, ["split", "rotations", "cache", "onWarning"]);
  const { cache, onWarning } = options;
  if (cache !== undefined && cache !== false) requireText(`${what}: cache`, cache);
  if (onWarning !== undefined) requireFunction(`${what}: onWarning`, onWarning);
}

function checkSplit(split: unknown): void {
  if (!isRecord(split)) throw wrong("loadOmniglot: split", '"vinyals" or { seed }', split);
  requireOptions("loadOmniglot: split", split, ["seed", "val"]);
  requireWhole("loadOmniglot: split.seed", split.seed, 0);
  if (split.val !== undefined) requireWhole("loadOmniglot: split.val", split.val, 0);
}

async function readLists(folder: string): Promise<VinyalsLists> {
  const lists: Partial<Record<VinyalsPart, string[]>> = {};
  for (const part of VINYALS_PARTS) {
    const file = join(folder, "vinyals", `${part}.txt`);
    lists[part] = parseVinyalsList(new TextDecoder().decode(await readBounded(file, MAX_LIST_BYTES, LAYOUT)), file);
  }
  return lists as VinyalsLists;
}
