/**
 * Data as it is found, from files to examples: the entry `quickstudy/data`. It runs wherever `quickstudy` does; what decodes a
 * format is loaded when a file of that format is read.
 */
export type { Readable, ReadOptions, Source } from "./data/bytes.ts";
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
