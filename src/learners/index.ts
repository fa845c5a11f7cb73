/** The learners: what commands, tests and tables know, and the public entry exports. */
import { anilRecord } from "./anil.ts";
import { anpRecord } from "./anp.ts";
import { cnpRecord } from "./cnp.ts";
import { lstmRecord } from "./lstm.ts";
import { mamlRecord } from "./maml.ts";
import { mannRecord } from "./mann.ts";
import { metaSgdRecord } from "./meta-sgd.ts";
import { protoNetRecord } from "./proto-net.ts";
import type { LearnerRecord } from "./record.ts";
import { reptileRecord } from "./reptile.ts";
import { snailRecord } from "./snail.ts";
import { tnpRecord } from "./tnp.ts";

export { type AnilOptions, anil } from "./anil.ts";
export { type AnpOptions, anp } from "./anp.ts";
export { type CnpOptions, cnp } from "./cnp.ts";
export { type LstmOptions, lstm } from "./lstm.ts";
export { type MamlOptions, maml } from "./maml.ts";
export { type MannOptions, mann } from "./mann.ts";
export { type MetaSgdOptions, metaSgd } from "./meta-sgd.ts";
export { protoNet } from "./proto-net.ts";
export { type ReptileOptions, reptile } from "./reptile.ts";
export { type SnailOptions, snail } from "./snail.ts";
export { type TnpOptions, tnp } from "./tnp.ts";

export const LEARNERS: readonly LearnerRecord[] = [
  mamlRecord,
  anilRecord,
  metaSgdRecord,
  reptileRecord,
  protoNetRecord,
  cnpRecord,
  anpRecord,
  tnpRecord,
  lstmRecord,
  mannRecord,
  snailRecord,
];
