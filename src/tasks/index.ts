/** The tasks that need no files: what commands, tests and tables know, and the public entry exports. */
import { clustersRecord } from "./clusters.ts";
import type { TaskRecord } from "./record.ts";
import { sinusoidRecord } from "./sinusoid.ts";

export { type ClustersOptions, type ClustersSource, clusters } from "./clusters.ts";
export { type SinusoidOptions, type SinusoidSource, sinusoid } from "./sinusoid.ts";

export const TASKS: readonly TaskRecord[] = [sinusoidRecord, clustersRecord];
