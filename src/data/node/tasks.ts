/** The tasks that the command line knows. */
import type { TaskRecord } from "../../tasks/record.ts";
import { sinusoidRecord } from "../../tasks/sinusoid.ts";
import { omniglotRecord } from "./omniglot-record.ts";

export const TASKS: readonly TaskRecord[] = [sinusoidRecord, omniglotRecord];
