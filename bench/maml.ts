/** Meta-training speed of the workloads, in one thread: whole outer steps, with sampling and update. */
import { machineGigaflops, PROTOCOL, tasksPerSecond } from "../src/cli/measure.ts";
import { type Workload, workloads } from "../src/cli/workloads.ts";
import { inThread } from "../src/index.ts";

/** Median tasks a second of the probe of this design on a 3.56 GHz machine whose matrix product reached 40 GFLOP/s. */
const PROBE: Readonly<Record<string, number>> = { sine: 46_000, sine5: 10_700, omni_fc: 830, omni_conv: 17.6 };
/** What the foundation must reach, on that machine. */
const FLOOR: Readonly<Record<string, number>> = { sine: 35_000, sine5: 8_000, omni_fc: 600, omni_conv: 14 };

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(14) : cell.padStart(16))).join("");
}

const show = (value: number) => (value >= 1000 ? value.toFixed(0) : value.toPrecision(4));

/** `npm run bench -- maml [--relaxed] [workload …]` */
export async function benchMaml(args: readonly string[]): Promise<void> {
  const names = args.filter((each) => each !== "--relaxed");
  const executor = inThread({ relaxed: names.length < args.length });
  const chosen = names.length > 0 ? names : Object.keys(workloads);
  const unknown = chosen.filter((name) => workloads[name] === undefined);
  if (unknown.length > 0) throw new Error(`no workload is called ${unknown}; there are ${Object.keys(workloads)}`);
  const { rounds, roundSeconds, warmSeconds } = PROTOCOL;
  console.log(
    `whole outer steps, one thread, ${executor.relaxed ? "relaxed" : "plain"} SIMD; median of ${rounds} rounds of ${roundSeconds} s after ${warmSeconds} s`,
  );
  const machine = await machineGigaflops();
  console.log(
    `matrix product 384^3: ${show(machine.median)} GFLOP/s (${show(machine.lowest)} to ${show(machine.highest)})`,
  );
  console.log(row(["workload", "tasks/s", "lowest", "highest", "of the probe", "of the floor"]));
  for (const name of chosen) {
    const { median, lowest, highest } = await tasksPerSecond({ ...(workloads[name] as () => Workload)(), executor });
    const share = (whole: number | undefined) =>
      whole === undefined ? "-" : `${((100 * median) / whole).toFixed(0)} %`;
    console.log(row([name, show(median), show(lowest), show(highest), share(PROBE[name]), share(FLOOR[name])]));
  }
}
