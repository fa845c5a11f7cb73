/** The learners: what commands, tests and tables know, and the public entry exports. */
import { anilRecord } from "./anil.ts";
import { anpRecord } from "./anp.ts";
import { boilRecord } from "./boil.ts";
import { caviaRecord } from "./cavia.ts";
import { cnpRecord } from "./cnp.ts";
import { fineTuneRecord } from "./fine-tune.ts";
import { fomamlRecord } from "./fomaml.ts";
import { imamlRecord } from "./imaml.ts";
import { learnedOptimizerRecord } from "./learned-descent.ts";
import { lstmRecord } from "./lstm.ts";
import { mamlRecord } from "./maml.ts";
import { mamlPlusPlusRecord } from "./maml-plus-plus.ts";
import { mannRecord } from "./mann.ts";
import { matchingRecord } from "./matching.ts";
import { metaCurvatureRecord } from "./meta-curvature.ts";
import { metaOptNetRecord } from "./meta-opt-net.ts";
import { metaSgdRecord } from "./meta-sgd.ts";
import { nearestCentroidRecord } from "./nearest-centroid.ts";
import { omlRecord } from "./oml.ts";
import { protoNetRecord } from "./proto-net.ts";
import { r2d2Record } from "./r2d2.ts";
import { rbmlRecord } from "./rbml.ts";
import type { LearnerRecord } from "./record.ts";
import { relationRecord } from "./relation.ts";
import { reptileRecord } from "./reptile.ts";
import { ridgeRecord } from "./ridge.ts";
import { scratchRecord } from "./scratch.ts";
import { snailRecord } from "./snail.ts";
import { tnpRecord } from "./tnp.ts";

export { type AnilOptions, anil } from "./anil.ts";
export { type AnpOptions, anp } from "./anp.ts";
export { type BoilOptions, boil } from "./boil.ts";
export { type CaviaOptions, cavia } from "./cavia.ts";
export { type CnpOptions, cnp } from "./cnp.ts";
export { type FineTuneOptions, fineTune } from "./fine-tune.ts";
export { type FomamlOptions, fomaml } from "./fomaml.ts";
export { type ImamlOptions, imaml } from "./imaml.ts";
export { type LearnedDescentOptions, learnedDescent } from "./learned-descent.ts";
export { type LstmOptions, lstm } from "./lstm.ts";
export { type MamlOptions, maml } from "./maml.ts";
export { type MamlPlusPlusOptions, mamlPlusPlus } from "./maml-plus-plus.ts";
export { type MannOptions, mann } from "./mann.ts";
export { type MatchingOptions, matching } from "./matching.ts";
export { type MetaCurvatureOptions, metaCurvature } from "./meta-curvature.ts";
export { type MetaOptNetOptions, metaOptNet } from "./meta-opt-net.ts";
export { type MetaSgdOptions, metaSgd } from "./meta-sgd.ts";
export { nearestCentroid } from "./nearest-centroid.ts";
export { type OmlOptions, oml } from "./oml.ts";
export { type ProtoNetOptions, protoNet } from "./proto-net.ts";
export { type R2d2Options, r2d2 } from "./r2d2.ts";
export { type RbmlOptions, rbml } from "./rbml.ts";
export { type RelationOptions, relation } from "./relation.ts";
export { type ReptileOptions, reptile } from "./reptile.ts";
export { type RidgeOptions, ridge } from "./ridge.ts";
export { type ScratchOptions, scratch } from "./scratch.ts";
export { type SnailOptions, snail } from "./snail.ts";
export { type TnpOptions, tnp } from "./tnp.ts";

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
  learnedOptimizerRecord,
  omlRecord,
  protoNetRecord,
  matchingRecord,
  relationRecord,
  r2d2Record,
  metaOptNetRecord,
  cnpRecord,
  anpRecord,
  tnpRecord,
  lstmRecord,
  mannRecord,
  snailRecord,
  fineTuneRecord,
  scratchRecord,
  nearestCentroidRecord,
  ridgeRecord,
];
