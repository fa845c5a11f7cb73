/** The learners: what commands, tests and tables know, and the public entry exports. */
import { anilRecord } from "./anil.ts";
import { boilRecord } from "./boil.ts";
import { caviaRecord } from "./cavia.ts";
import { fomamlRecord } from "./fomaml.ts";
import { imamlRecord } from "./imaml.ts";
import { mamlRecord } from "./maml.ts";
import { mamlPlusPlusRecord } from "./maml-plus-plus.ts";
import { metaCurvatureRecord } from "./meta-curvature.ts";
import { metaSgdRecord } from "./meta-sgd.ts";
import { protoNetRecord } from "./proto-net.ts";
import { rbmlRecord } from "./rbml.ts";
import type { LearnerRecord } from "./record.ts";
import { reptileRecord } from "./reptile.ts";

export { type AnilOptions, anil } from "./anil.ts";
export { type BoilOptions, boil } from "./boil.ts";
export { type CaviaOptions, cavia } from "./cavia.ts";
export { type FomamlOptions, fomaml } from "./fomaml.ts";
export { type ImamlOptions, imaml } from "./imaml.ts";
export { type MamlOptions, maml } from "./maml.ts";
export { type MamlPlusPlusOptions, mamlPlusPlus } from "./maml-plus-plus.ts";
export { type MetaCurvatureOptions, metaCurvature } from "./meta-curvature.ts";
export { type MetaSgdOptions, metaSgd } from "./meta-sgd.ts";
export { protoNet } from "./proto-net.ts";
export { type RbmlOptions, rbml } from "./rbml.ts";
export { type ReptileOptions, reptile } from "./reptile.ts";

export const LEARNERS: readonly LearnerRecord[] = [
  mamlRecord,
  fomamlRecord,
  anilRecord,
  boilRecord,
  metaSgdRecord,
  rbmlRecord,
  mamlPlusPlusRecord,
  metaCurvatureRecord,
  caviaRecord,
  imamlRecord,
  reptileRecord,
  protoNetRecord,
];
