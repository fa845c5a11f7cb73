/** Folders of images, one for each class. */
import { requireOptions, requireText } from "../../arguments.ts";
import { DataError } from "../../errors.ts";
import { ContentHash } from "../../tasks/hash.ts";
import {
  RESIZE_OPTIONS,
  type ResizeOptions,
  type ResizeSettings,
  resizePixels,
  resizerTo,
  resizeSettings,
} from "../images.ts";
import { imageColumn } from "../readers/idx.ts";
import { decodeImage } from "../readers/image.ts";
import { listColumn, Table } from "../table.ts";
import { defaultCacheFolder } from "./cache.ts";
import {
  eachFile,
  FOLDER_OPTIONS,
  type FolderOptions,
  type FoundFile,
  filesOf,
  pathColumns,
  requireFolder,
} from "./folder.ts";
import { type KeptFile, keptHash, readKept, writeKept } from "./kept-file.ts";
import { emitWarning } from "./warn.ts";

/** Options of `readImageFolder`. */
export interface ImageFolderOptions extends FolderOptions, Partial<ResizeOptions> {
  /** 1 for grey, 3 for RGB. Default: as in the files, or 3 where `size` is given. */
  readonly channels?: 1 | 3;
  /**
   * Folder for the resized images, or false for none. Default: `$QUICKSTUDY_CACHE`, else `$XDG_CACHE_HOME/quickstudy`, else
   * `~/.cache/quickstudy`. Without `size`, nothing is kept.
   */
  readonly cache?: string | false;
}

const LARGEST_DATA = 2 ** 31;
/** To be raised whenever decoding or resizing gives other pixels. */
const VERSION = 1;
const ENDINGS = [".png", ".jpg", ".jpeg", ".webp"] as const;

/**
 * A table of the images of a folder with one folder for each class: `image`, `file` (the path below the folder) and `label` (the
 * folders it is in, joined by slashes: `Latin/character01`), sorted by the code units of their paths, and the columns of `pattern`.
 * Formats as for `decodeImage`, told by contents.
 *
 * With `size`, images are kept in one file of the cache. It is found by the paths, sizes and times of change of all files, so that a
 * start from the cache opens none of them; files that were changed within the resolution of the file system's clock and kept
 * their size need `cache: false`.
 * @throws DataError for a folder without images, images outside the folder of a class, and a file that is damaged;
 *   AbortedError when the signal says so
 */
export async function readImageFolder(folder: string, options: ImageFolderOptions = {}): Promise<Table> {
  const what = "readImageFolder";
  const target = targetOf(what, folder, options);
  const files = await filesOf(what, folder, ENDINGS, options);
  const columns = pathColumns(what, folder, files, options);
  if (columns.label === undefined && options.pattern === undefined) {
    throw new DataError(
      `${folder}: images must be in folders named by their classes, got ${files[0]?.path} beside them; ` +
        "make a folder for each class, or say with pattern what names tell",
    );
  }
  if (target === undefined) {
    const images = await eachFile(what, folder, files, options, async (bytes, path) => {
      const image = await decodeImage(bytes, path);
      const { channels } = options;
      if (channels === undefined) return image;
      return resizePixels(image, { size: [image.height, image.width], channels });
    });
    return new Table(folder, { image: listColumn("image", images), ...columns });
  }
  const data = await resized(what, folder, files, target, options);
  const { channels } = target;
  const [height, width] = target.size;
  return new Table(folder, { image: imageColumn(files.length, width, height, channels, data), ...columns });
}

function targetOf(what: string, folder: unknown, options: ImageFolderOptions): ResizeSettings | undefined {
  requireOptions(what, options, [...FOLDER_OPTIONS, ...RESIZE_OPTIONS, "cache"]);
  requireFolder(what, folder, options);
  const { size, channels = 3, cache } = options;
  if (cache !== undefined && cache !== false) requireText(`${what}: cache`, cache);
  const settings = resizeSettings(what, { ...options, size: size === undefined ? 1 : size, channels });
  return size === undefined ? undefined : settings;
}

/** All images, [n, height, width, channels], from the cache where it has them. */
async function resized(
  what: string,
  folder: string,
  files: readonly FoundFile[],
  target: ResizeSettings,
  options: ImageFolderOptions,
): Promise<Uint8Array> {
  const { cache = defaultCacheFolder(), onWarning = emitWarning } = options;
  const { channels } = target;
  const [height, width] = target.size;
  const length = width * height * channels;
  if (files.length * length > LARGEST_DATA) {
    throw new DataError(
      `${folder}: images must take at most ${LARGEST_DATA} bytes, got ${files.length} of ${length}; take a smaller size`,
    );
  }
  const text = JSON.stringify(files.map(({ path }) => path));
  const kept: KeptFile | undefined =
    cache === false
      ? undefined
      : { folder: cache, kind: "images", version: VERSION, source: keyOf(files, target), largest: 2 * LARGEST_DATA };
  const found = kept && (await readKept(kept));
  if (found?.text === text && found.data.length === files.length * length) {
    options.onProgress?.(files.length, files.length);
    return found.data;
  }
  const data = new Uint8Array(files.length * length);
  const resize = resizerTo(target);
  await eachFile(what, folder, files, options, async (bytes, path, index) => {
    data.set(resize(await decodeImage(bytes, path)).data, index * length);
  });
  try {
    if (kept !== undefined) await writeKept(kept, { text, data }, keptHash({ text, data }));
  } catch (error) {
    onWarning(`${what}: images were not kept in ${cache} (${String(error)}); the next start decodes them again`);
  }
  return data;
}

function keyOf(files: readonly FoundFile[], target: ResizeSettings): string {
  return new ContentHash().value(JSON.stringify([target, files])).digest();
}
