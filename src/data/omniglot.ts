/**
 * Omniglot: 1,623 handwritten characters of 50 alphabets, each drawn once by the same 20 people (Lake, Salakhutdinov,
 * Tenenbaum 2015, Science 350). This file reads the two official archives from bytes, wherever they come from; reading
 * a folder and the cache are in `node/omniglot.ts`.
 */
import { DataError } from "../errors.ts";
import type { ClassInfo, Dataset } from "../tasks/dataset.ts";
import { ContentHash } from "../tasks/hash.ts";
import { LabelledDataset } from "./dataset.ts";
import { byCodeUnits, nameList } from "./names.ts";
import { bilevelReader } from "./png.ts";
import { areaResizer } from "./resize.ts";
import type { ZipEntry } from "./zip.ts";
import { readZip } from "./zip.ts";

/** Side of an image in the archives, and of one as it is learned from, in pixels. */
const ORIGINAL_SIDE = 105;
export const OMNIGLOT_SIDE = 28;
/** People who drew every character. */
export const OMNIGLOT_DRAWERS = 20;
/** Bytes of one reduced image. */
export const OMNIGLOT_IMAGE_BYTES = OMNIGLOT_SIDE * OMNIGLOT_SIDE;

/** The archives, by their names without `.zip`, and how many characters each has. */
export const OMNIGLOT_ARCHIVES = { images_background: 964, images_evaluation: 659 } as const;

export type OmniglotArchive = keyof typeof OMNIGLOT_ARCHIVES;

/** The real archives have 20,275 entries of at most 486 bytes. */
const MAX_ENTRIES = 40_000;
const MAX_IMAGE_BYTES = 4096;
const REMEDY = "fetch the archive again from github.com/brendenlake/omniglot (python/)";

/** All images, reduced to 28 x 28. */
export interface OmniglotImages {
  /** `Alphabet/characterNN`, sorted by code units. */
  readonly characters: readonly string[];
  /** Ink, 0 (paper) to 255: [characters, 20 drawers, 28, 28]. */
  readonly pixels: Uint8Array;
  /** Hash of names and pixels. */
  readonly contentHash: string;
}

/**
 * Reads both archives. Images are upright, reduced from 105 x 105 to 28 x 28 by area averaging, and inverted: ink is 1.
 *
 * @throws DataError when an archive is damaged, has another number of characters, or a drawing is missing
 */
export function readOmniglot(archives: Readonly<Record<OmniglotArchive, Uint8Array>>): OmniglotImages {
  const all = new Map<string, ZipEntry[]>();
  for (const archive of ["images_background", "images_evaluation"] as const) {
    const found = listDrawings(archives[archive], archive);
    const expected = OMNIGLOT_ARCHIVES[archive];
    if (found.size !== expected) {
      throw new DataError(`${archive}.zip: must have ${expected} characters, got ${found.size}; ${REMEDY}`);
    }
    for (const [character, drawings] of found) {
      if (all.has(character)) {
        throw new DataError(
          `${archive}.zip: characters must be in one archive only, got ${character} in both; ${REMEDY}`,
        );
      }
      all.set(character, drawings);
    }
  }
  return decodeDrawings(all);
}

const DRAWING = /^[^/]+\/([^/]+\/character\d{2})\/\d{4}_(\d{2})\.png$/;
/** What archivers leave behind on some systems. */
const LITTER = /(^__MACOSX\/|(^|\/)(\.DS_Store|Thumbs\.db)$)/;

/**
 * Finds the drawings of an archive, without unpacking any.
 *
 * @returns for every `Alphabet/characterNN` its 20 entries, in the order of the drawers
 */
export function listDrawings(bytes: Uint8Array, archive: string): Map<string, ZipEntry[]> {
  const file = `${archive}.zip`;
  const limits = { file, maxEntries: MAX_ENTRIES, maxEntryBytes: MAX_IMAGE_BYTES, remedy: REMEDY };
  const characters = new Map<string, ZipEntry[]>();
  for (const entry of readZip(bytes, limits)) {
    if (entry.path.endsWith("/") || LITTER.test(entry.path)) continue;
    const [, character, drawer] = (entry.path.startsWith(`${archive}/`) && DRAWING.exec(entry.path)) || [];
    const index = Number(drawer) - 1;
    if (character === undefined || !(index >= 0 && index < OMNIGLOT_DRAWERS)) {
      throw new DataError(
        `${file}: every file must be ${archive}/<Alphabet>/characterNN/XXXX_DD.png with DD from 01 to 20, ` +
          `got ${nameList([entry.path])}; ${REMEDY}`,
      );
    }
    const drawings = characters.get(character) ?? [];
    if (drawings[index] !== undefined) {
      throw new DataError(
        `${file}: a drawing must be there once, got two of ${character} by drawer ${drawer}: ` +
          `${nameList([drawings[index].path, entry.path])}; ${REMEDY}`,
      );
    }
    drawings[index] = entry;
    characters.set(character, drawings);
  }
  for (const [character, drawings] of characters) {
    for (let index = 0; index < OMNIGLOT_DRAWERS; index++) {
      if (drawings[index] === undefined) {
        throw new DataError(
          `${file}: every character must be drawn by drawers 1 to 20, got none of ${character} by ${index + 1}; ${REMEDY}`,
        );
      }
    }
  }
  return characters;
}

const square = (side: number) => ({ width: side, height: side });

/** Unpacks and reduces drawings: characters are sorted, since the archives are in no order. */
export function decodeDrawings(drawings: ReadonlyMap<string, readonly ZipEntry[]>): OmniglotImages {
  const characters = [...drawings.keys()].sort(byCodeUnits);
  const pixels = new Uint8Array(characters.length * OMNIGLOT_DRAWERS * OMNIGLOT_IMAGE_BYTES);
  const read = bilevelReader(ORIGINAL_SIDE, REMEDY);
  const reduce = areaResizer(square(ORIGINAL_SIDE), square(OMNIGLOT_SIDE), 1, 255);
  let offset = 0;
  for (const character of characters) {
    for (const entry of drawings.get(character) ?? []) {
      reduce(read(entry.read(), entry.path), pixels, offset);
      offset += OMNIGLOT_IMAGE_BYTES;
    }
  }
  return { characters, pixels, contentHash: omniglotHash(characters, pixels) };
}

/** Hash of names and pixels: the data's fingerprint, and the cache's proof against damage. */
export function omniglotHash(characters: readonly string[], pixels: Uint8Array): string {
  return new ContentHash().value(characters.join("\n")).bytes(pixels).digest();
}

/**
 * The characters as classes of 20 examples [28, 28, 1], ink from 0 to 1: upright, without rotations
 * (`withRotations` adds them).
 */
export function omniglotCharacters(images: OmniglotImages): LabelledDataset {
  return new LabelledDataset(new OmniglotStorage(images));
}

class OmniglotStorage implements Dataset {
  readonly name = "omniglot";
  readonly inputs = { x: [OMNIGLOT_SIDE, OMNIGLOT_SIDE, 1] };
  readonly classes: readonly ClassInfo[];
  readonly fingerprint: string;
  private readonly pixels: Uint8Array;

  constructor(images: OmniglotImages) {
    this.classes = images.characters.map((name) => ({ name, size: OMNIGLOT_DRAWERS }));
    this.fingerprint = images.contentHash;
    this.pixels = images.pixels;
  }

  write(_column: string, classIndex: number, exampleIndex: number, out: Float32Array, offset: number): void {
    const { pixels } = this;
    const start = (classIndex * OMNIGLOT_DRAWERS + exampleIndex) * OMNIGLOT_IMAGE_BYTES;
    for (let i = 0; i < OMNIGLOT_IMAGE_BYTES; i++) out[offset + i] = (pixels[start + i] as number) / 255;
  }
}
