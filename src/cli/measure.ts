/** Timing with a stated protocol: warm up, then rounds of equal length; the median and the spread are reported. */
import { compile } from "../compile/compile.ts";
import { Core } from "../core/core.ts";
import { matmul } from "../graph/operators/index.ts";
import { metaTrain } from "../train/meta-train.ts";
import type { Workload } from "./workloads.ts";

export interface Timing {
  /** Calls a second, median over rounds. */
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly rounds: number;
}

export interface Protocol {
  readonly warmSeconds: number;
  readonly rounds: number;
  readonly roundSeconds: number;
}

export const PROTOCOL: Protocol = { warmSeconds: 2, rounds: 7, roundSeconds: 2 };

/** Measures how many units a second `body` does; a call of it does `units`. */
export async function measure(
  body: () => Promise<void>,
  units: number,
  protocol: Protocol = PROTOCOL,
): Promise<Timing> {
  await repeat(body, protocol.warmSeconds);
  const rates: number[] = [];
  for (let round = 0; round < protocol.rounds; round++) rates.push(units * (await repeat(body, protocol.roundSeconds)));
  return summarise(rates);
}

/** The timing of rounds, given as rates. */
export function summarise(rates: number[]): Timing {
  rates.sort((a, b) => a - b);
  return {
    median: rates[rates.length >> 1] as number,
    lowest: rates[0] as number,
    highest: rates[rates.length - 1] as number,
    rounds: rates.length,
  };
}

/** Calls `body` for at least `seconds`, at least once; returns calls a second. */
async function repeat(body: () => Promise<void>, seconds: number): Promise<number> {
  const began = performance.now();
  let calls = 0;
  let elapsed = 0;
  do {
    await body();
    calls++;
    elapsed = (performance.now() - began) / 1000;
  } while (elapsed < seconds);
  return calls / elapsed;
}

/** Speed of meta-training, in tasks a second: whole outer steps, with sampling and update. */
export async function tasksPerSecond(
  { learner, tasks, metaBatch, optimizer, executor }: Workload,
  { warmSeconds, rounds, roundSeconds }: Protocol = PROTOCOL,
): Promise<Timing> {
  const rates: number[] = [];
  // One training run, cut into rounds by its own progress: compiling is outside the rounds.
  let roundStart = 0;
  let done = 0;
  let warm = false;
  const stop = new AbortController();
  const run = metaTrain(learner, tasks, {
    iterations: 2 ** 31,
    metaBatch,
    seed: 1,
    ...(optimizer && { optimizer }),
    ...(executor && { executor }),
    signal: stop.signal,
    onProgress({ seconds }) {
      done++;
      if (seconds - roundStart < (warm ? roundSeconds : warmSeconds)) return;
      if (warm) rates.push((done * metaBatch) / (seconds - roundStart));
      warm = true;
      roundStart = seconds;
      done = 0;
      if (rates.length === rounds) stop.abort();
    },
  });
  await run.catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return summarise(rates);
}

/** GFLOP/s of a 384^3 matrix product: how fast this machine is, to compare tables of different ones. */
export async function machineGigaflops(protocol: Protocol = PROTOCOL): Promise<Timing> {
  const n = 384;
  const program = compile({ a: [n, n], b: [n, n] }, ({ a, b }) => ({ c: matmul(a, b) }));
  const loaded = Core.create().load(program);
  loaded.write("a", new Float32Array(n * n).fill(0.5));
  loaded.write("b", new Float32Array(n * n).fill(0.25));
  return measure(async () => loaded.run(), (2 * n ** 3) / 1e9, protocol);
}
