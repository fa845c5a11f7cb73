/** Misuses of readers of files. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import * as data from "../../src/data.ts";
import { download, file, readImageFolder, readSoundFolder } from "../../src/node.ts";
import { idxOf, NPY_F8, NPZ, SAFETENSORS, utf8, wavOf } from "../support/format-samples.ts";
import { parquetOf } from "../support/parquet-file.ts";
import { type Argument, type Entry, optional, options, thing, whole } from "./runner.ts";

const folder = mkdtempSync(join(tmpdir(), "quickstudy-misuse-"));
mkdirSync(join(folder, "class"));
const png = encode({ width: 1, height: 1, channels: 1, data: new Uint8Array(1) });
writeFileSync(join(folder, "class", "image.png"), png);
const wav = wavOf(1, 1, 8, new Uint8Array(1));
writeFileSync(join(folder, "class", "sound.wav"), wav);
process.on("exit", () => rmSync(folder, { recursive: true }));

const signal = (): Argument => optional(thing(new AbortController().signal));
const listener = (): Argument => optional(thing(() => undefined, "a function"));
/** What every reader takes. */
const reading = (own: Readonly<Record<string, Argument>> = {}): Argument =>
  optional(
    options({
      ...own,
      name: optional(thing("mine", "a string")),
      largest: optional(whole(2 ** 20)),
      onProgress: listener(),
      signal: signal(),
    }),
  );
const ofFolder = (own: Readonly<Record<string, Argument>> = {}): Argument =>
  optional(
    options({
      ...own,
      pattern: optional({ ...thing("{name}"), refuses: ["", "{a}{b}", "{file}", "{a}_{a}"] }),
      onProgress: listener(),
      signal: signal(),
      onWarning: listener(),
    }),
  );
const csv = {
  delimiter: optional({ ...thing(","), refuses: ["", ",,", '"', "\n"] }),
  header: optional({ ...thing(["a", "b"], "a boolean", "a list"), refuses: [[], [1], ["a", "a"]] }),
  columns: optional({ ...thing({ a: "number" }), refuses: [{ a: "numbers" }, { a: 1 }] }),
  missing: optional({ ...thing([""], "a list"), refuses: [[1]] }),
  rows: optional(whole(1)),
};
const cells = utf8("1,2\n3,4");
const records = utf8('[["1", 2]]');
const rowNames = (): Argument => optional({ ...thing(["a", "b"], "a list"), refuses: [[], [1, 2], ["a", "a"]] });
const picks = (arrays: Readonly<Record<string, string>>): Argument =>
  optional({ ...thing(arrays), refuses: [{}, { x: 1 }] });

/** What is there already is not fetched. */
const there = join(folder, "there");
writeFileSync(there, "there");

export const readerEntries: readonly Entry[] = [
  {
    operation: "download",
    call: download,
    given: () => [
      { ...thing("http://127.0.0.1:9/there"), refuses: ["ftp://127.0.0.1/there", "there"] },
      { ...thing(there), refuses: [""] },
      options({
        bytes: whole(5),
        sha256: optional({
          ...thing(createHash("sha256").update("there").digest("hex")),
          refuses: ["0", "x".repeat(64)],
        }),
        consent: { ...thing(true, "a boolean", "a function"), refuses: [false] },
        onProgress: listener(),
        signal: signal(),
      }),
    ],
  },
  { operation: "readCsv", call: data.readCsv, given: () => [thing(cells), reading(csv)] },
  {
    operation: "csvRows",
    call: async (...given: Parameters<typeof data.csvRows>) => {
      for await (const table of data.csvRows(...given)) table.row(0);
    },
    given: () => [thing(cells), reading({ ...csv, batch: optional(whole(2)) })],
  },
  {
    operation: "readJson",
    call: data.readJson,
    given: () => [
      thing(records),
      reading({
        header: rowNames(),
        rows: optional(whole(1)),
        path: optional({ ...thing([], "a list"), refuses: [[1]] }),
      }),
    ],
  },
  {
    operation: "readJsonLines",
    call: data.readJsonLines,
    given: () => [thing(utf8('["1", 2]')), reading({ header: rowNames(), rows: optional(whole(1)) })],
  },
  {
    operation: "readIdx",
    call: data.readIdx,
    given: () => [thing(idxOf([1], [7])), optional(thing(idxOf([1], [7]))), reading()],
  },
  {
    operation: "readCifar",
    call: data.readCifar,
    given: () => [thing(new Uint8Array(3073)), reading({ classes: optional({ ...thing(10), refuses: [20] }) })],
  },
  { operation: "readNpy", call: data.readNpy, given: () => [thing(NPY_F8), reading()] },
  { operation: "readNpz", call: data.readNpz, given: () => [thing(NPZ), reading({ columns: picks({ a: "x" }) })] },
  {
    operation: "readParquet",
    call: data.readParquet,
    given: () => [thing(parquetOf([{ name: "a", type: "double", cells: [1] }])), reading()],
  },
  {
    operation: "readSafetensors",
    call: data.readSafetensors,
    given: () => [thing(SAFETENSORS), reading({ columns: picks({ a: "x" }) })],
  },
  { operation: "readWav", call: data.readWav, given: () => [thing(wav), reading()] },
  { operation: "readImage", call: data.readImage, given: () => [thing(png), reading()] },
  { operation: "decodeImage", call: data.decodeImage, given: () => [thing(png), optional(thing("mine", "a string"))] },
  {
    operation: "file",
    call: file,
    given: () => [{ ...thing(join(folder, "class", "sound.wav"), "a string"), refuses: [7] }],
  },
  {
    operation: "readImageFolder",
    call: readImageFolder,
    given: () => [
      thing(folder, "a string"),
      ofFolder({
        size: optional({ ...thing(2), refuses: [0, 1.5, [2], [2, 0]] }),
        channels: optional({ ...thing(1), refuses: [2, 4] }),
        cache: optional({ ...thing(false, "a string"), refuses: [null] }),
      }),
    ],
  },
  { operation: "readSoundFolder", call: readSoundFolder, given: () => [thing(folder, "a string"), ofFolder()] },
];
