/**
 * Mutates files of every format and reads them. What may not happen: an error that is none of the library's, a read that takes
 * long, memory out of proportion to the file.
 */
import { crc32 } from "../../src/data/zip.ts";
import { QuickstudyError } from "../../src/errors.ts";
import type { FormatSample } from "./format-samples.ts";
import { Chance } from "./random.ts";

/** A read of a file of some kilobytes that takes longer hangs, however busy the machine is. */
const HANG_MILLISECONDS = 2000;
/** Bytes beyond which one read keeps memory that it should not. */
const MOST_GROWTH = 256 * 2 ** 20;

export interface FormatReport {
  mutants: number;
  refused: number;
  read: number;
  readonly faults: string[];
}

/** Reads `runs` mutants of a format. @param told after each hundred */
export async function fuzzFormat(
  { name, files, read }: FormatSample,
  runs: number,
  seed: number,
  told: (report: FormatReport) => void = () => {},
): Promise<FormatReport> {
  const chance = new Chance(seed);
  const report: FormatReport = { mutants: 0, refused: 0, read: 0, faults: [] };
  for (let run = 0; run < runs; run++) {
    const bytes = mutant(chance.pick(files), chance);
    const fault = (problem: string) => report.faults.push(`${name}, mutant ${run} of seed ${seed}: ${problem}`);
    const began = performance.now();
    const before = process.memoryUsage().rss;
    try {
      await read(bytes);
      report.read++;
    } catch (error) {
      report.refused++;
      if (!(error instanceof QuickstudyError)) fault(error instanceof Error ? (error.stack ?? "") : String(error));
    }
    const milliseconds = performance.now() - began;
    if (milliseconds > HANG_MILLISECONDS) fault(`took ${milliseconds.toFixed(0)} ms`);
    const growth = process.memoryUsage().rss - before;
    if (growth > MOST_GROWTH) fault(`took ${(growth / 2 ** 20).toFixed(0)} MiB of memory`);
    report.mutants++;
    if (report.mutants % 100 === 0) told(report);
  }
  return report;
}

const WORDS = [0, 1, 2, 7, 8, 255, 256, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 24, 1e6];
const SIGNS = [
  '"',
  "\n",
  "\r",
  ",",
  "[",
  "{",
  "]",
  "}",
  "0",
  "-",
  "e",
  ".",
  "\\",
  "\ud83d\ude00",
  "null",
  "1e999",
  "9".repeat(30),
];

function mutant(file: Uint8Array, chance: Chance): Uint8Array {
  let bytes: Uint8Array = file.slice();
  for (let times = chance.whole(1, 4); times > 0; times--) bytes = mutated(bytes, chance);
  return chance.chance(0.5) ? withChecksums(bytes) : bytes;
}

function mutated(bytes: Uint8Array, chance: Chance): Uint8Array {
  if (bytes.length < 8) return bytes;
  const at = chance.whole(0, bytes.length - 1);
  const to = Math.min(bytes.length, at + chance.whole(1, 40));
  const splice = (insert: Uint8Array | readonly number[], end: number): Uint8Array =>
    Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(end)]);
  switch (chance.whole(0, 7)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return splice([], to);
    case 2:
      return splice(bytes.subarray(at, to), at);
    case 3:
      return splice(new TextEncoder().encode(chance.pick(SIGNS)), at);
    case 4: {
      const view = new DataView(bytes.buffer);
      view.setUint32(Math.min(at, bytes.length - 4), chance.pick(WORDS), chance.chance(0.5));
      return bytes;
    }
    case 5:
      bytes[at] = chance.whole(0, 255);
      return bytes;
    case 6:
      bytes[at] = (bytes[at] as number) ^ (1 << chance.whole(0, 7));
      return bytes;
    default:
      bytes[chance.whole(0, Math.min(63, bytes.length - 1))] = chance.whole(0, 255);
      return bytes;
  }
}

/** A PNG image whose chunks have the right checksums, so that their contents are looked at. */
export function withChecksums(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x89) return bytes;
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) break;
    view.setUint32(end - 4, crc32(bytes.subarray(at + 4, end - 4)));
    at = end;
  }
  return bytes;
}
