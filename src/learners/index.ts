/** The learners that commands, tests and tables know. */
import { mamlRecord } from "./maml.ts";
import { metaSgdRecord } from "./meta-sgd.ts";
import { protoNetRecord } from "./proto-net.ts";
import type { LearnerRecord } from "./record.ts";
import { reptileRecord } from "./reptile.ts";

export const LEARNERS: readonly LearnerRecord[] = [mamlRecord, metaSgdRecord, reptileRecord, protoNetRecord];
