/** Timing with a stated protocol: warm up, then rounds of equal length; the median and the spread are reported. */

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
