/** All tasks that the command line knows: those without files, those of data sets in folders, and those of the user's own data. */
import { TASKS as WITHOUT_FILES } from "../../tasks/index.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import { cifarFsRecord } from "./cifar-fs-record.ts";
import { clinc150Record } from "./clinc150-record.ts";
import { csvRecord } from "./csv-record.ts";
import type { DataTaskRecord } from "./data-task.ts";
import { fsddRecord } from "./fsdd-record.ts";
import { heart4Record } from "./heart4-record.ts";
import { idxRecord, mnistRecord } from "./idx-record.ts";
import { imagesRecord } from "./images-record.ts";
import { omniglotRecord } from "./omniglot-record.ts";
import { textRecord } from "./text-record.ts";
import { wavRecord } from "./wav-record.ts";

/** Of the user's own data. */
export const OWN_DATA: readonly DataTaskRecord[] = [csvRecord, textRecord, imagesRecord, wavRecord, idxRecord];

/** Of data sets that are published. */
export const PUBLISHED: readonly (TaskRecord | DataTaskRecord)[] = [
  omniglotRecord,
  mnistRecord,
  cifarFsRecord,
  clinc150Record,
  heart4Record,
  fsddRecord,
];

export const TASKS: readonly (TaskRecord | DataTaskRecord)[] = [...WITHOUT_FILES, ...PUBLISHED, ...OWN_DATA];
