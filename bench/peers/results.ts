/** What a run of bench:peers leaves: plain data, from which the table and the picture are made. */
import type { Timing } from "../../src/cli/measure.ts";
import type { Group } from "./competitors.ts";

/** One competitor on one workload. */
export interface Row {
  readonly who: string;
  readonly group: Group;
  /** Tasks a second over rounds. */
  readonly speed?: Timing;
  /** Worst relative difference of its meta-gradient from the f64 reference, over all checks. */
  readonly gradient?: number;
  /** The check where it is. */
  readonly gradientAt?: string;
  readonly remark?: string;
  /** Whether the figure is of the workload as it is, and counts for the ratios. */
  readonly comparable: boolean;
  /** Why there is no figure. */
  readonly problem?: string;
}

export interface WorkloadResult {
  readonly workload: string;
  readonly rows: readonly Row[];
}

export interface Results {
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly system: string };
  /** By the names of the competitors; `Node` is what runs all but `quickstudy relaxed`. */
  readonly versions: Readonly<Record<string, string>>;
  readonly protocol: { readonly rounds: number; readonly seconds: number; readonly warmSeconds: number };
  readonly workloads: readonly WorkloadResult[];
}

/** Differences above this are a wrong gradient: rounding leaves less than 1e-5. */
export const WRONG = 1e-3;

export const PLAIN = "quickstudy";
export const RELAXED = "quickstudy relaxed";

/** What the ratios of a workload should reach: for plain SIMD, or for both. */
interface Target {
  readonly torch: Readonly<Record<string, number>>;
  readonly js: Readonly<Record<string, number>>;
}

export const TARGETS: Readonly<Record<string, Target>> = {
  sine: { torch: { [PLAIN]: 6 }, js: { [PLAIN]: 20 } },
  sine5: { torch: { [PLAIN]: 6 }, js: { [PLAIN]: 20 } },
  omni_fc: { torch: { [PLAIN]: 3.5 }, js: { [PLAIN]: 15 } },
  omni_conv: { torch: { [PLAIN]: 0.75, [RELAXED]: 1 }, js: { [PLAIN]: 15, [RELAXED]: 20 } },
  proto_conv: { torch: { [PLAIN]: 0.7 }, js: { [PLAIN]: 10 } },
};

/** The fastest of a group, wrong gradients included: being wrong is no excuse for being slower. */
export function bestOf({ rows }: WorkloadResult, group: Group): Row | undefined {
  return rows
    .filter((row) => row.group === group && row.comparable && row.speed !== undefined)
    .sort((a, b) => (b.speed as Timing).median - (a.speed as Timing).median)[0];
}

/** How many times as fast as `row` one of ours is; undefined where that cannot be said. */
export function ratio({ rows }: WorkloadResult, ours: string, row: Row): number | undefined {
  const speed = rows.find(({ who }) => who === ours)?.speed;
  return speed === undefined || row.speed === undefined || !row.comparable
    ? undefined
    : speed.median / row.speed.median;
}
