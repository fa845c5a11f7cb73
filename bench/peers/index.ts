/** `npm run bench:peers`: the workloads on quickstudy and its peers, interleaved in one run. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, type } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { COMPARED } from "./cases.ts";
import { competitors } from "./competitors.ts";
import { drawSpeeds } from "./picture.ts";
import { race } from "./race.ts";
import type { Results, WorkloadResult } from "./results.ts";
import { betweenMarks, caption, table } from "./table.ts";

const USAGE = `npm run bench:peers -- [workload …] [options]

  --rounds <n>      rounds of each competitor (7)
  --seconds <s>     length of a round (2)
  --only <names>    some competitors, by the beginnings of their names: quickstudy,PyTorch
  --out <file>      writes the results as JSON
  --picture <file>  draws them as SVG
  --docs <file>     puts the table between the marks of a Markdown file
  --from <file>     takes the results of an earlier run instead of measuring

workloads: ${COMPARED.join(", ")}
QUICKSTUDY_PYTHON: a Python with torch; QUICKSTUDY_NODE: another Node for relaxed SIMD.`;

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name}: must be a number above 0, got ${text}`);
  return value;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "7" },
    seconds: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    out: { type: "string" },
    picture: { type: "string" },
    docs: { type: "string" },
    from: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const progress = (what: string) => console.error(what);

async function measureAll(): Promise<Results> {
  const chosen = positionals.length > 0 ? positionals : COMPARED;
  const unknown = chosen.filter((name) => !COMPARED.includes(name));
  if (unknown.length > 0) throw new Error(`no workload is called ${unknown}; there are ${COMPARED}`);
  const seconds = positive("seconds", values.seconds);
  const protocol = { rounds: Math.ceil(positive("rounds", values.rounds)), seconds, warmSeconds: seconds };
  const folder = mkdtempSync(join(tmpdir(), "quickstudy-peers-"));
  try {
    const beginnings = values.only.split(",");
    const all = competitors().filter(({ name }) => beginnings.some((beginning) => name.startsWith(beginning)));
    if (all.length === 0) throw new Error(`--only: nobody's name begins with ${values.only}`);
    const measured: WorkloadResult[] = [];
    let versions: Record<string, string> = {};
    for (const name of chosen) {
      const { versions: found, ...result } = await race(name, all, protocol, folder, progress);
      versions = { ...versions, ...found };
      measured.push(result);
    }
    const cpu = cpus()[0]?.model.trim() ?? "unknown";
    const machine = { cpu, cores: cpus().length, system: `${type()} ${process.arch}` };
    return { date: new Date().toISOString().slice(0, 10), machine, versions, protocol, workloads: measured };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { from, out, picture, docs } = values;
  const results = from === undefined ? await measureAll() : (JSON.parse(readFileSync(from, "utf8")) as Results);
  const report = `${table(results)}\n\n${caption(results)}`;
  console.log(report);
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(results, undefined, 2)}\n`);
  if (picture !== undefined) writeFileSync(picture, drawSpeeds(results));
  if (docs !== undefined) writeFileSync(docs, betweenMarks(readFileSync(docs, "utf8"), report));
}

if (values.help) {
  console.log(USAGE);
} else {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
