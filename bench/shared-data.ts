import { fileURLToPath } from "node:url";

/** A path below the folder of real data sets, which is beside the project. */
export function sharedData(path: string): string {
  return fileURLToPath(new URL(`../../shared/data/${path}`, import.meta.url));
}
