import { existsSync } from "node:fs";
import { join } from "node:path";
import { choice } from "../../options.ts";
import { classSpec, DIVISION, imageModel, NETWORK, SIZES, WAYS } from "./data-options.ts";
import { dataTask, openTable, unitOf, unitsOf } from "./data-task.ts";
import { named } from "./read-table.ts";
import { readSoundFolder } from "./sound-folder.ts";
import { partsOf } from "./task-parts.ts";
import { SPECTROGRAMS, spectrograms, spectrogramsOf } from "./wav-record.ts";

const DIGITS = 10;
const OPTIONS = {
  split: choice(
    "what is new in a test: the speaker, with all ten digits, or the digits, of any speaker",
    ["speaker", "digit"],
    "speaker",
  ),
  splitSeed: DIVISION.splitSeed,
  ...SPECTROGRAMS,
  ...WAYS,
  ...SIZES,
  ...NETWORK,
};

/** Too few digits for a part that validates. */
const DIGIT_PARTS = { train: ["0", "1", "2", "3", "4"], validation: [], test: ["5", "6", "7", "8", "9"] };

export const fsddRecord = dataTask<typeof OPTIONS>({
  name: "fsdd",
  summary: "spoken digits of six speakers: a new speaker, or digits 5 to 9 (Free Spoken Digit Dataset)",
  options: OPTIONS,
  data: "a folder with the recordings, {digit}_{speaker}_{index}.wav, or with the folder recordings",
  run: { iterations: 2_000, metaBatch: 8 },
  spec: ({ split, frames, bands, ways, ...sizes }) =>
    classSpec([frames, bands, 1], split === "speaker" ? DIGITS : ways, sizes),
  async open(settings, data) {
    const inside = join(data, "recordings");
    const sounds = await readSoundFolder(existsSync(inside) ? inside : data, { pattern: "{digit}_{speaker}_{index}" });
    const table = named("fsdd", sounds);
    const bySpeaker = settings.split === "speaker";
    const kind = bySpeaker
      ? ({ of: "groups", label: "digit", group: "speaker" } as const)
      : ({ of: "classes", label: "digit" } as const);
    const unfitted = spectrograms("sound", spectrogramsOf(settings));
    const { splitSeed } = settings;
    const parts = bySpeaker
      ? await partsOf("fsdd", unitsOf(table, unitOf(kind)), { splitSeed, least: 1 })
      : DIGIT_PARTS;
    return openTable({ table, kind, preprocess: () => unfitted, parts });
  },
  model: ({ frames, bands, ...network }, kind, width) => imageModel([frames, bands, 1], network, kind, width),
});
