/** All tasks that the command line knows: those without files, and those of data sets in folders. */
import { TASKS as WITHOUT_FILES } from "../../tasks/index.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import { omniglotRecord } from "./omniglot-record.ts";

export const TASKS: readonly TaskRecord[] = [...WITHOUT_FILES, omniglotRecord];
