/**
 * `npm run bench -- fuzz [runs] [seed]`: mutated Programs among canaries. A process of its own runs them; where it stays silent for a
 * minute, a run hangs.
 */
import { fork } from "node:child_process";
import { type FuzzReport, fuzz } from "../tests/support/fuzz.ts";

const SILENCE_MILLISECONDS = 60_000;
const CHILD = "--child";

export async function benchFuzz(rest: readonly string[]): Promise<void> {
  const [runs, seed] = [Number(rest[0] ?? 50_000), Number(rest[1] ?? 1)];
  if (rest.includes(CHILD)) {
    process.send?.(fuzz(runs, seed, (report) => process.send?.(report)));
    return;
  }
  const began = performance.now();
  const report = await watched(runs, seed);
  const { escapes, traps, hangs, ...counts } = report;
  for (const [name, count] of Object.entries(counts)) console.log(`${name.padEnd(12)}${count}`);
  for (const [name, list] of Object.entries({ escapes, traps, hangs })) {
    console.log(`${name.padEnd(12)}${list.length}`);
    for (const each of list.slice(0, 10)) console.log(`  ${each}`);
  }
  console.log(`seconds     ${((performance.now() - began) / 1000).toFixed(0)}`);
  if (escapes.length + traps.length + hangs.length > 0) process.exitCode = 1;
}

/** The last report of a child that runs the fuzzer; a child that hangs is killed, and the hang is in the report. */
function watched(runs: number, seed: number): Promise<FuzzReport> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] as string, ["fuzz", `${runs}`, `${seed}`, CHILD]);
    let last: FuzzReport | undefined;
    let timer: NodeJS.Timeout;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        child.kill("SIGKILL");
        const hang = `behind mutant ${last?.mutants ?? 0} of seed ${seed}: no answer for a minute`;
        if (last === undefined) reject(new Error(hang));
        else resolve({ ...last, hangs: [...last.hangs, hang] });
      }, SILENCE_MILLISECONDS);
    };
    listen();
    child.on("message", (report) => {
      last = report as FuzzReport;
      listen();
    });
    child.on("exit", (code) => {
      clearTimeout(timer);
      if (code === 0 && last !== undefined) resolve(last);
      else reject(new Error(`the fuzzer ended with ${code}`));
    });
  });
}
