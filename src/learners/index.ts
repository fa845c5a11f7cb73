/** The learners: what commands, tests and tables know, and the public entry exports. */
import { anilRecord } from "./anil.ts";
import { fineTuneRecord } from "./fine-tune.ts";
import { mamlRecord } from "./maml.ts";
import { metaSgdRecord } from "./meta-sgd.ts";
import { protoNetRecord } from "./proto-net.ts";
import type { LearnerRecord } from "./record.ts";
import { reptileRecord } from "./reptile.ts";
import { scratchRecord } from "./scratch.ts";

export { type AnilOptions, anil } from "./anil.ts";
export { type FineTuneOptions, fineTune } from "./fine-tune.ts";
export { type MamlOptions, maml } from "./maml.ts";
export { type MetaSgdOptions, metaSgd } from "./meta-sgd.ts";
export { protoNet } from "./proto-net.ts";
export { type ReptileOptions, reptile } from "./reptile.ts";
export { type ScratchOptions, scratch } from "./scratch.ts";

export const LEARNERS: readonly LearnerRecord[] = [
  mamlRecord,
  anilRecord,
  metaSgdRecord,
  reptileRecord,
  protoNetRecord,
  fineTuneRecord,
  scratchRecord,
];
