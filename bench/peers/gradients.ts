/** Meta-gradients of everybody, held against the f64 reference. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { unpack } from "./case-file.ts";
import { caseFile, checksOf, referenceGradient } from "./cases.ts";
import type { Child } from "./child.ts";
import type { Group } from "./competitors.ts";

/** One episode of a check: what it is called, where peers find it, and what is right. */
interface Episode {
  readonly name: string;
  readonly file: string;
  readonly reference: Readonly<Record<string, Float64Array>>;
}

/**
 * Episodes a check is made on; the smaller difference counts. An activation may lie so near a kink of ReLU that f32 and f64
 * fall on different sides of it, which shows in one episode; a wrong derivative shows in all.
 */
const EPISODES = 2;
/** Below this part of the largest gradient a parameter's is zero but for rounding: that of a bias before batch normalisation. */
const ZERO = 1e-6;
const MOST_SECONDS = 600;

export interface Check {
  readonly name: string;
  readonly episodes: readonly Episode[];
}

/** Computes the references of a workload's checks, and writes what peers need. */
export function prepareChecks(form: string, folder: string): Check[] {
  return checksOf(form).map((workload, i) => ({
    name: workload.name,
    episodes: Array.from({ length: EPISODES }, (_, episode) => {
      const file = join(folder, `check-${i}-${episode}.json`);
      writeFileSync(file, JSON.stringify(caseFile(form, { ...workload, metaBatch: 1 }, episode)));
      return { name: `${workload.name}/${episode}`, file, reference: referenceGradient(workload, episode) };
    }),
  }));
}

/** The worst check of a peer. @throws PeerError with what the peer throws */
export async function worstCheck(child: Child, group: Group, checks: readonly Check[]) {
  let worst = { gradient: 0, gradientAt: "" };
  for (const { name, episodes } of checks) {
    let least = Number.POSITIVE_INFINITY;
    for (const episode of episodes) {
      const file = group === "ours" ? episode.name : episode.file;
      const { gradient = {} } = await child.ask({ do: "gradient", file }, MOST_SECONDS);
      least = Math.min(least, difference(episode.reference, gradient));
    }
    if (least >= worst.gradient) worst = { gradient: least, gradientAt: name };
  }
  return worst;
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Over all parameters, the worst of: largest difference, relative to the parameter's largest gradient.
 * @param packed base64 by parameter name
 */
export function difference(
  reference: Readonly<Record<string, Float64Array>>,
  packed: Readonly<Record<string, string>>,
): number {
  const top = Math.max(...Object.values(reference).map(largest));
  const parts = Object.entries(reference).map(([name, right]) => {
    const found = unpack(packed[name] ?? "");
    if (found.length !== right.length) return Number.POSITIVE_INFINITY;
    const own = largest(right);
    const off = largest(right.map((value, i) => value - (found[i] as number)));
    return Number.isNaN(off) ? Number.POSITIVE_INFINITY : off / (own < ZERO * top ? top : own);
  });
  return Math.max(...parts);
}
