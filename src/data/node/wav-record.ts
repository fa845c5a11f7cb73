import { basename, resolve } from "node:path";
import { text, whole } from "../../options.ts";
import type { Feature } from "../features/feature.ts";
import { logMel } from "../features/log-mel.ts";
import { type Preprocess, preprocess } from "../preprocessing.ts";
import { classSpec, DIVISION, divided, FOUND, imageModel, NETWORK, SIZES, WAYS } from "./data-options.ts";
import { dataTask, openTable } from "./data-task.ts";
import { named } from "./read-table.ts";
import { readSoundFolder } from "./sound-folder.ts";

/** Of tasks of sound. */
export const SPECTROGRAMS = {
  rate: whole("samples per second that recordings are brought to", { least: 1000, most: 192_000, default: 8000 }),
  frames: whole("frames of a spectrogram, of 256 samples and 128 apart", { least: 16, most: 4096, default: 64 }),
  bands: whole("bands of a spectrogram", { least: 16, most: 512, default: 40 }),
};

interface Spectrograms {
  readonly rate: number;
  readonly frames: number;
  readonly bands: number;
}

/** Spectrograms as images of one channel. */
export function spectrograms(column: string, settings: Spectrograms): Preprocess {
  const feature = logMel(column, settings);
  const asImages: Feature = {
    description: `images of ${feature.description}`,
    reads: feature.reads,
    fit: (table) => feature.fit(table),
    fitted(fit) {
      const made = feature.fitted(fit);
      return { shape: [...made.shape, 1], write: (row, out, offset) => made.write(row, out, offset) };
    },
  };
  return preprocess({ x: asImages });
}

const OPTIONS = {
  pattern: text("what names of files say, such as {digit}_{speaker}_{index}", undefined),
  label: text("the class: label, for the folder that a file is in, or a name of the pattern", "label"),
  group: text(
    "the speaker or device: a name of the pattern; every task is then of one, with the same classes",
    undefined,
  ),
  ...SPECTROGRAMS,
  ...WAYS,
  ...SIZES,
  ...DIVISION,
  ...NETWORK,
  classes: FOUND.classes,
};

export const wavRecord = dataTask<typeof OPTIONS>({
  name: "wav",
  summary: "recordings of your own, as log-mel spectrograms: classes, or the same classes for new speakers",
  options: OPTIONS,
  data: "a folder of WAV files, in a folder for each class or with names that tell it",
  run: { iterations: 2_000, metaBatch: 16 },
  spec: ({ frames, bands, group, classes, ways, ...sizes }) =>
    classSpec([frames, bands, 1], group === undefined ? ways : classes, sizes),
  async open(settings, data) {
    const { pattern, label, group } = settings;
    const sounds = await readSoundFolder(data, pattern === undefined ? {} : { pattern });
    const kind = group === undefined ? ({ of: "classes", label } as const) : ({ of: "groups", label, group } as const);
    const unfitted = spectrograms("sound", spectrogramsOf(settings));
    const table = named(basename(resolve(data)), sounds);
    return openTable(await divided({ table, kind, preprocess: () => unfitted }, settings));
  },
  model: ({ frames, bands, ...network }, kind, width) => imageModel([frames, bands, 1], network, kind, width),
});

/** The settings of spectrograms among others. */
export const spectrogramsOf = ({ rate, frames, bands }: Spectrograms): Spectrograms => ({ rate, frames, bands });
