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
export { isMissing, type OneHotOptions, type OrdinalOptions, oneHot, ordinal } from "./data/features/categories.ts";
export { clip } from "./data/features/clip.ts";
export type { Feature, Fit, FittedFeature, MaskedFeature, Row } from "./data/features/feature.ts";
export { type LogMelOptions, logMel } from "./data/features/log-mel.ts";
export { type PixelOptions, type PixelScale, pixels } from "./data/features/pixels.ts";
export { minMax, numbers, type ScaleOptions, standardise } from "./data/features/scale.ts";
export type { From } from "./data/features/sequences.ts";
export { type SeriesOptions, series, type WindowOptions, windows } from "./data/features/series.ts";
export {
  type HashedNgramOptions,
  hashedNgrams,
  type NgramOptions,
  type TfidfOptions,
  tfidf,
} from "./data/features/text.ts";
export { type TokenOptions, tokens } from "./data/features/tokens.ts";
export { type ResizeOptions, resizePixels } from "./data/images.ts";
export type { Fits, Packed } from "./data/packed.ts";
export {
  type ExampleOptions,
  type FeatureColumns,
  Preprocess,
  Preprocessing,
  preprocess,
  type RawRows,
} from "./data/preprocessing.ts";
export { type CsvOptions, type CsvRowsOptions, csvRows, readCsv } from "./data/readers/csv.ts";
export { type CifarOptions, readCifar, readIdx } from "./data/readers/idx.ts";
export { decodeImage, readImage } from "./data/readers/image.ts";
export { type JsonLinesOptions, type JsonOptions, readJson, readJsonLines } from "./data/readers/json.ts";
export { type ArraysOptions, readNpy, readNpz } from "./data/readers/npy.ts";
export { readParquet } from "./data/readers/parquet.ts";
export { readSafetensors } from "./data/readers/safetensors.ts";
export { readWav } from "./data/readers/wav.ts";
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
export { type RelativeOptions, relative } from "./learners/relative.ts";
export { type HeadOptions, headPerSource } from "./nn/heads.ts";
export type { Augmentation } from "./tasks/augment/augmentation.ts";
export {
  type AugmentedColumns,
  type AugmentedOptions,
  type AugmentedSource,
  augmented,
} from "./tasks/augment/augmented.ts";
export { brightness, contrast, erase, type FlipOptions, flip, shift } from "./tasks/augment/images.ts";
export {
  channelMask,
  mixup,
  noise,
  timeMask,
  timeShift,
  type WordDropoutOptions,
  wordDropout,
} from "./tasks/augment/sequences.ts";
export {
  cropAndResize,
  type ElasticOptions,
  elastic,
  type FillOptions,
  rotate,
  scale,
  shear,
} from "./tasks/augment/warps.ts";
export { type EntityOptions, entities } from "./tasks/entities.ts";
export { type Examples, type Fact, type LazyExamples, selectRows } from "./tasks/examples.ts";
export { type FeedOptions, fromIterable, type Observation } from "./tasks/feeds.ts";
export { type GroupSource, type OnceFeed, type OnceOptions, once } from "./tasks/groups.ts";
export { type JumpingSinusoidOptions, jumpingSinusoid } from "./tasks/jumping-sinusoid.ts";
export { type Decoded, type LazyExampleOptions, lazyExamples } from "./tasks/lazy-examples.ts";
export { classIncremental, type IncrementalOptions, type SequenceOptions, sequence } from "./tasks/sequences.ts";
export { type StreamOptions, stream } from "./tasks/streams.ts";
export { type WithinOptions, type WithinSource, within } from "./tasks/within.ts";
