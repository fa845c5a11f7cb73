import { requireObject } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import { meanAndInterval } from "../nn/metrics.ts";
import type { Report } from "../train/evaluate.ts";

/** What two reports of the same episodes say about each other. */
export interface Paired {
  /** Mean of the first's metric less the second's, over the episodes where both are finite. */
  readonly difference: number;
  /** Half the width of the 95 % interval of the difference. */
  readonly ci95: number;
  /** Episodes where the first is better, neither is, and the second is. */
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Episodes that are left out, since a metric is not finite. */
  readonly diverged: number;
}

/**
 * Compares two learners episode by episode. Episodes differ far more than learners, so that the interval of the difference
 * is much narrower than those of the two means.
 * @throws OptionError unless both reports are of the same episodes and metric
 */
export function comparePaired(first: Report, second: Report): Paired {
  for (const [name, report] of Object.entries({ first, second })) {
    requireObject(`comparePaired: ${name}`, report, "a report, as evaluate gives it", [
      "metric",
      "fingerprint",
      "values",
    ]);
  }
  for (const member of ["fingerprint", "seed", "episodes", "metric"] as const) {
    if (first[member] === second[member]) continue;
    throw new OptionError(
      `comparePaired: reports must have the same ${member}, got ${first[member]} and ${second[member]}; evaluate both on the same tasks with the same seed`,
    );
  }
  const pairs = Array.from(first.values, (value, i) => [value, second.values[i] as number] as const);
  const finite = pairs.filter((pair) => pair.every(Number.isFinite));
  const differences = finite.map(([a, b]) => a - b);
  const { mean, ci95 } = meanAndInterval(differences);
  const sign = first.better === "lower" ? -1 : 1;
  return {
    difference: mean,
    ci95,
    wins: differences.filter((each) => sign * each > 0).length,
    ties: differences.filter((each) => each === 0).length,
    losses: differences.filter((each) => sign * each < 0).length,
    diverged: pairs.length - finite.length,
  };
}
