/**
 * `npm run bench -- csv [megabytes]`: a generated CSV file is read as a stream of tables, in a process of its own, and by papaparse
 * alone in another: rate, and peak of memory.
 */
import { fork } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Papa from "papaparse";
import { csvRows } from "../src/data.ts";
import { file } from "../src/node.ts";
import { Chance } from "../tests/support/random.ts";

const MEGABYTE = 1e6;
const READERS = ["csvRows", "papaparse"] as const;

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  /** KiB. */
  readonly peak: number;
}

export async function benchCsv(rest: readonly string[]): Promise<void> {
  if (rest[0] === "--child") {
    const [, reader, path] = rest as [string, string, string];
    const began = performance.now();
    const rows = await (reader === "csvRows" ? ours(path) : papaparse(path));
    const measured: Measured = {
      rows,
      seconds: (performance.now() - began) / 1000,
      peak: process.resourceUsage().maxRSS,
    };
    process.send?.(measured);
    return;
  }
  const megabytes = Number(rest[0] ?? 1000);
  const folder = await mkdtemp(join(tmpdir(), "quickstudy-csv-"));
  try {
    const path = join(folder, "generated.csv");
    await generate(path, megabytes * MEGABYTE);
    console.log("reader          rows   seconds      MB/s  peak MB");
    for (const reader of READERS) {
      const { rows, seconds, peak } = await measured(reader, path);
      const cells = [rows, seconds.toFixed(1), (megabytes / seconds).toFixed(0), ((peak * 1024) / MEGABYTE).toFixed(0)];
      console.log(reader.padEnd(10) + cells.map((each) => String(each).padStart(10)).join(""));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Numbers, texts of few and of many values, quotes and missing cells. */
async function generate(path: string, size: number): Promise<void> {
  const chance = new Chance(1);
  const handle = await open(path, "w");
  const rows = Array.from({ length: 10_000 }, () => {
    const numbers = Array.from({ length: 6 }, () => (chance.chance(0.02) ? "" : chance.uniform(-100, 100).toFixed(4)));
    const note = chance.chance(0.1) ? '"two words, ""quoted"""' : `note ${chance.whole(0, 1e6)}`;
    return [chance.whole(0, 1e6), ...numbers, chance.pick(["red", "green", "blue"]), note].join(",");
  });
  const block = `${rows.join("\n")}\n`;
  try {
    await handle.write("id,a,b,c,d,e,f,colour,note\n");
    for (let written = 0; written < size; written += block.length) await handle.write(block);
  } finally {
    await handle.close();
  }
}

async function ours(path: string): Promise<number> {
  let rows = 0;
  for await (const table of csvRows(file(path))) rows += table.size;
  return rows;
}

function papaparse(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = -1;
    Papa.parse(createReadStream(path), {
      chunk: ({ data }) => {
        rows += data.length;
      },
      complete: () => resolve(rows),
      error: reject,
    });
  });
}

function measured(reader: string, path: string): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] as string, ["csv", "--child", reader, path]);
    let last: Measured | undefined;
    child.on("message", (message) => {
      last = message as Measured;
    });
    child.on("exit", (code) => {
      if (last !== undefined && code === 0) resolve(last);
      else reject(new Error(`${reader} ended with ${code}`));
    });
  });
}
