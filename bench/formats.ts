/**
 * `npm run bench -- formats [runs] [seed] [format]`: mutated files of every format. A process of its own reads those of a format;
 * where it stays silent for a minute, a read hangs.
 */
import { fork } from "node:child_process";
import { FORMATS, type FormatSample } from "../tests/support/format-samples.ts";
import { type FormatReport, fuzzFormat } from "../tests/support/fuzz-formats.ts";

const SILENCE_MILLISECONDS = 60_000;
const CHILD = "--child";

export async function benchFormats(rest: readonly string[]): Promise<void> {
  const [runs, seed, only] = [Number(rest[0] ?? 100_000), Number(rest[1] ?? 1), rest[2]];
  const samples = FORMATS.filter(({ name }) => only === undefined || name === only);
  if (rest.includes(CHILD)) {
    const tell = (each: FormatReport) => process.send?.({ ...each, peak: process.resourceUsage().maxRSS });
    const report = await fuzzFormat(samples[0] as FormatSample, runs, seed, tell);
    tell(report);
    return;
  }
  console.log("format     mutants   refused      read    faults   seconds   peak MiB");
  for (const { name } of samples) {
    const began = performance.now();
    const { mutants, refused, read, faults, peak } = await watched(name, runs, seed);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const cells = [mutants, refused, read, faults.length, seconds, (peak / 1024).toFixed(0)];
    console.log(name.padEnd(8) + cells.map((each) => String(each).padStart(10)).join(""));
    for (const fault of faults.slice(0, 5)) console.log(`  ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  }
}

type Watched = FormatReport & { readonly peak: number };

/** The last report of a child that reads one format, with its peak of memory in KiB; one that hangs is killed. */
function watched(name: string, runs: number, seed: number): Promise<Watched> {
  return new Promise((resolve) => {
    const child = fork(process.argv[1] as string, ["formats", `${runs}`, `${seed}`, name, CHILD]);
    let last: FormatReport = { mutants: 0, refused: 0, read: 0, faults: [] };
    let timer: NodeJS.Timeout;
    const end = (fault?: string) => {
      clearTimeout(timer);
      const faults =
        fault === undefined ? last.faults : [...last.faults, `${name}, behind mutant ${last.mutants}: ${fault}`];
      resolve({ ...last, faults, peak });
    };
    let peak = 0;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        child.kill("SIGKILL");
        end("no answer for a minute");
      }, SILENCE_MILLISECONDS);
    };
    listen();
    child.on("message", (message) => {
      last = message as FormatReport;
      peak = Math.max(peak, (message as { peak?: number }).peak ?? 0);
      listen();
    });
    child.on("exit", (code) => end(code === 0 ? undefined : `ended with ${code}`));
  });
}
