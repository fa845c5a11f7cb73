import { scenarios } from "./scenarios.ts";
import { sha256 } from "./sha256.ts";

/** SHA-256 of every output of every scenario, as `scenario.output`. Where there is a NaN, its payload counts as well. */
export async function hashes(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [scenario, outputsOf] of Object.entries(scenarios)) {
    for (const [output, values] of Object.entries(await outputsOf())) {
      found[`${scenario}.${output}`] = await sha256(values);
    }
  }
  return found;
}
