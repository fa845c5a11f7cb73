/** One thread, one worker and two on the same workloads, in turns: how much of a second core becomes speed. */
import { performance } from "node:perf_hooks";
import { type Workload, workloads } from "../src/cli/workloads.ts";
import { type Executor, inThread, metaTrain, workers } from "../src/index.ts";
import { gated } from "./gated.ts";

const ROUNDS = 9;
/** Rounds of one way are at least this long; short ones catch quiet moments of a machine that others use. */
const ROUND_SECONDS = 1.5;

/** A training run that goes on for a round when it is told to. */
interface Contestant {
  readonly name: string;
  /** @returns tasks a second, and milliseconds that the main thread was busy a step */
  round(): Promise<{ rate: number; busy: number }>;
  end(): Promise<void>;
}

function contestant(name: string, { learner, tasks, metaBatch }: Workload, executor: Executor) {
  const stop = new AbortController();
  let steps = 0;
  let resume: (() => void) | undefined;
  let stopped: (() => void) | undefined;
  let until = 0;
  // The run waits between rounds inside its executor: a job that is asked for a sum only answers within a round.
  const gate = async () => {
    if (performance.now() >= until) {
      await new Promise<void>((resolve) => {
        resume = resolve;
        stopped?.();
      });
    }
    steps++;
  };
  const go = (seconds: number) =>
    new Promise<void>((resolve) => {
      stopped = resolve;
      until = performance.now() + 1000 * seconds;
      resume?.();
    });
  const run = metaTrain(learner, tasks, {
    iterations: 2 ** 31,
    metaBatch,
    seed: 1,
    executor: gated(executor, gate),
    signal: stop.signal,
  }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    name,
    async round() {
      steps = 0;
      const began = performance.now();
      const before = performance.eventLoopUtilization();
      await go(ROUND_SECONDS);
      const { active } = performance.eventLoopUtilization(before);
      const done = Math.max(1, steps);
      return { rate: (done * metaBatch * 1000) / (performance.now() - began), busy: active / done };
    },
    async end() {
      stop.abort();
      void go(0);
      await run;
      await executor.close();
    },
  } satisfies Contestant;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const show = (value: number) => (value >= 1000 ? value.toFixed(0) : value.toPrecision(4));

async function benchOne(name: string): Promise<void> {
  const workload = (workloads[name] as NonNullable<(typeof workloads)[string]>)();
  const contestants = [
    contestant("one thread", workload, inThread()),
    contestant("1 worker", workload, workers(1)),
    contestant("2 workers", workload, workers(2)),
  ];
  const rounds = contestants.map(() => ({ rates: [] as number[], busy: [] as number[] }));
  for (const each of contestants) await each.round();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, each] of contestants.entries()) {
      const { rate, busy } = await each.round();
      rounds[i]?.rates.push(rate);
      rounds[i]?.busy.push(busy);
    }
  }
  for (const each of contestants) await each.end();
  const [one, single] = rounds.map(({ rates }) => ({ median: median(rates), best: Math.max(...rates) }));
  for (const [i, { rates, busy }] of rounds.entries()) {
    const own = { median: median(rates), best: Math.max(...rates) };
    const against = (base = own) =>
      `${(own.median / base.median).toFixed(2).padStart(8)} (${(own.best / base.best).toFixed(2)})`;
    console.log(
      `${name.padEnd(12)}${(contestants[i]?.name ?? "").padEnd(12)}${show(own.median).padStart(9)}${show(own.best).padStart(9)}` +
        `${against(one)}${against(single)}${median(busy).toFixed(2).padStart(14)}`,
    );
  }
}

/** `npm run bench -- workers [workload …]` */
export async function benchWorkers(names: readonly string[]): Promise<void> {
  const chosen = names.length > 0 ? names : ["omni_fc", "omni_conv"];
  const unknown = chosen.filter((name) => workloads[name] === undefined);
  if (unknown.length > 0) throw new Error(`no workload is called ${unknown}; there are ${Object.keys(workloads)}`);
  console.log(`whole outer steps; median (and best) of ${ROUNDS} rounds of ${ROUND_SECONDS} s, in turns`);
  console.log("workload    how           tasks/s     best  x 1 thread    x 1 worker    main ms/step");
  for (const name of chosen) await benchOne(name);
}
