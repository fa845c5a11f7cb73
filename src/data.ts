/**
 * Data as it is found, from files to examples: the entry `quickstudy/data`. It runs wherever `quickstudy` does; what decodes a
 * format is loaded when a file of that format is read.
 */

export { type ByClassOptions, byClass } from "./data/by-class.ts";
export type { Readable, ReadOptions, Source } from "./data/bytes.ts";
export {
  type Fold,
  type FoldOptions,
  folds,
  type PartOptions,
  randomParts,
  type SplitOptions,
  splitByTime,
  splitExamples,
} from "./data/example-splits.ts";
export type { Feature, Fit, FittedFeature, Row } from "./data/features/feature.ts";
export { minMax, standardise } from "./data/features/scale.ts";
export {
  type ExampleOptions,
  type FeatureColumns,
  Preprocess,
  Preprocessing,
  preprocess,
  type RawRows,
} from "./data/preprocessing.ts";
export {
  arrayColumn,
  type Cell,
  type CellKind,
  type Cells,
  type Column,
  listColumn,
  numberColumn,
  type Pixels,
  type Series,
  type Sound,
  Table,
  tableOf,
} from "./data/table.ts";
export { type EntityOptions, entities } from "./tasks/entities.ts";
export { type Examples, type Fact, type LazyExamples, selectRows } from "./tasks/examples.ts";
export { type FeedOptions, fromIterable, type Observation } from "./tasks/feeds.ts";
export { type GroupSource, type OnceFeed, type OnceOptions, once } from "./tasks/groups.ts";
export { type JumpingSinusoidOptions, jumpingSinusoid } from "./tasks/jumping-sinusoid.ts";
export { type Decoded, type LazyExampleOptions, lazyExamples } from "./tasks/lazy-examples.ts";
export { classIncremental, type IncrementalOptions, type SequenceOptions, sequence } from "./tasks/sequences.ts";
export { type StreamOptions, stream } from "./tasks/streams.ts";
export { type WithinOptions, type WithinSource, within } from "./tasks/within.ts";
