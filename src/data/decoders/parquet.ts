/**
 * Parquet files of untrusted bytes, by hyparquet: flat columns, without compression or packed by Snappy or gzip.
 *
 * hyparquet sets memory aside for whatever a header says. So all headers are read here first: pages must lie in the file, and
 * rows and unpacked bytes are bounded by the bytes of the file.
 */
import { gunzipSync } from "fflate";
import { type FileMetaData, parquetMetadata, parquetRead } from "hyparquet";
import { DataError } from "../../errors.ts";
import type { Fail } from "../bytes.ts";
import { type Fields, thriftFields } from "./thrift.ts";

/** Cells that a file may have: a run of equal ones takes few bytes. */
const FREE_CELLS = 2 ** 20;
const CELLS_PER_BYTE = 1024;
const MOST_CELLS = 2 ** 28;
/** Bytes that a page may become: Snappy packs at most about 21, deflate 1,032 times. */
const MOST_EXPANSION = 1032;
const DELTA_ENCODINGS = [5, 6, 7];
const CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP"];

/** Values of a column: null where missing. Times are milliseconds since 1970, dates days. */
export interface ParquetColumn {
  readonly name: string;
  readonly values: readonly unknown[];
}

export async function decodeParquet(bytes: Uint8Array, fail: Fail): Promise<ParquetColumn[]> {
  try {
    return await columnsOf(bytes, fail);
  } catch (error) {
    if (error instanceof DataError) throw error;
    // Metadata whose fields have other types than they should.
    return fail(`must be an intact Parquet file, got damaged data (${error instanceof Error ? error.message : error})`);
  }
}

async function columnsOf(bytes: Uint8Array, fail: Fail): Promise<ParquetColumn[]> {
  const metadata = checkedMetadata(bytes, fail);
  const names = metadata.schema.slice(1).map(({ name }) => name);
  const rows = Number(metadata.num_rows);
  const buffer = bytes.slice().buffer;
  const file = { byteLength: bytes.length, slice: (from: number, to?: number) => buffer.slice(from, to) };
  const columns: ParquetColumn[] = [];
  for (const name of names) {
    const values: unknown[] = new Array(rows);
    let filled = 0;
    try {
      await parquetRead({
        file,
        metadata,
        columns: [name],
        parsers: PARSERS,
        compressors: { GZIP: gunzipTo },
        onChunk: ({ columnData, rowStart }) => {
          for (let i = 0; i < columnData.length; i++) values[rowStart + i] = columnData[i];
          filled += columnData.length;
        },
      });
    } catch (error) {
      fail(
        `column ${JSON.stringify(name)} must be intact, got damaged data (${error instanceof Error ? error.message : error})`,
      );
    }
    if (filled !== rows || values.length !== rows) {
      fail(`column ${JSON.stringify(name)} must have ${rows} rows, got ${filled}`);
    }
    columns.push({ name, values });
  }
  return columns;
}

const PARSERS = {
  timestampFromMilliseconds: (value: bigint) => Number(value),
  timestampFromMicroseconds: (value: bigint) => Number(value) / 1e3,
  timestampFromNanoseconds: (value: bigint) => Number(value) / 1e6,
  dateFromDays: (days: number) => days,
  jsonFromBytes: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
};

function gunzipTo(packed: Uint8Array, length: number): Uint8Array {
  const out = gunzipSync(packed, { out: new Uint8Array(length + 1) });
  if (out.length !== length) throw new Error("a page of another length");
  return out;
}

function checkedMetadata(bytes: Uint8Array, fail: Fail): FileMetaData {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = (at: number) => at >= 0 && at + 4 <= bytes.length && view.getUint32(at) === 0x50415231;
  if (bytes.length < 12 || !magic(0) || !magic(bytes.length - 4)) {
    return fail("must be a Parquet file (PAR1 at both ends), got something else, or a file that is cut short");
  }
  const footer = view.getUint32(bytes.length - 8, true);
  const start = bytes.length - 8 - footer;
  const found = start >= 4 ? thriftFields(bytes.subarray(0, bytes.length - 8), start) : undefined;
  if (found === undefined) return fail("must have intact metadata, got damaged ones");
  const metadata = parquetMetadata(bytes.subarray(start), { geoparquet: false });
  checkColumns(metadata, bytes.length, fail);
  for (const group of metadata.row_groups) {
    for (const [i, { file_path, meta_data: column }] of group.columns.entries()) {
      const name = JSON.stringify(metadata.schema[i + 1]?.name);
      if (!column || file_path || column.path_in_schema.join("\0") !== metadata.schema[i + 1]?.name) {
        return fail(`column ${name} must be in this file, in the order of the schema, got another`);
      }
      if (!CODECS.includes(column.codec)) {
        fail(`column ${name} must be packed by Snappy, gzip or not at all, got ${column.codec}; write it so`);
      }
      const from = Number(column.dictionary_page_offset || column.data_page_offset);
      const to = from + Number(column.total_compressed_size);
      if (!(from >= 4 && to <= start && from < to))
        fail(`column ${name} must lie in the file, got bytes ${from} to ${to}`);
      const values = checkPages(bytes.subarray(0, to), from, (problem) => fail(`column ${name}: ${problem}`));
      if (values !== Number(group.num_rows)) {
        fail(`column ${name} must have ${group.num_rows} values in a group of rows, got ${values}`);
      }
    }
  }
  return metadata;
}

function checkColumns({ schema, num_rows, row_groups }: FileMetaData, length: number, fail: Fail): void {
  const [root, ...columns] = schema;
  const names = columns.map(({ name }) => name);
  const nested = columns.find(({ type, num_children, repetition_type }) => {
    return type === undefined || num_children || repetition_type === "REPEATED";
  });
  if (nested !== undefined) fail(`column ${JSON.stringify(nested.name)} must be flat, got lists or groups; flatten it`);
  if (columns.length === 0 || root?.num_children !== columns.length) fail("must have columns, got an unknown schema");
  if (new Set(names).size !== names.length || names.includes(""))
    fail("must have columns of distinct names, got others");
  const rows = Number(num_rows);
  const most = Math.min(MOST_CELLS, FREE_CELLS + CELLS_PER_BYTE * length);
  if (!(rows >= 0 && rows * columns.length <= most)) {
    fail(`must have at most ${most} cells for its ${length} bytes, got ${rows} rows of ${columns.length} columns`);
  }
  let sum = 0;
  for (const group of row_groups) {
    sum += Number(group.num_rows);
    if (group.columns.length !== columns.length) fail("every group of rows must have all columns, got others");
  }
  if (sum !== rows) fail(`groups of rows must have ${rows} rows in all, got ${sum}`);
}

/** Walks over the pages of a column, which end with the bytes. @returns how many values they have */
function checkPages(bytes: Uint8Array, from: number, fail: Fail): number {
  let values = 0;
  for (let at = from; at < bytes.length; ) {
    const found = thriftFields(bytes, at);
    if (found === undefined) return fail("must have intact pages, got a damaged header");
    const { fields, end } = found;
    const [type, unpacked, packed] = [1, 2, 3].map((id) => fields.get(id)) as [number, number, number];
    const kind = { 0: 5, 2: 7, 3: 8 }[type];
    const header = kind === undefined ? undefined : (fields.get(kind) as Fields | undefined);
    const count = header instanceof Map ? header.get(1) : undefined;
    const encoding = header instanceof Map ? header.get(type === 3 ? 4 : 2) : undefined;
    if (!isCount(count) || !isCount(unpacked) || !isCount(packed))
      return fail("must have data pages, got unknown ones");
    if (end + packed > bytes.length) fail(`pages must lie in the column, got one up to byte ${end + packed}`);
    if (unpacked > MOST_EXPANSION * (packed + 1)) {
      fail(`pages must become at most ${MOST_EXPANSION} times as long, got ${packed} and ${unpacked} bytes`);
    }
    if (DELTA_ENCODINGS.includes(encoding as number)) {
      fail(
        "must have plain, dictionary or run-length encoding, got differences (DELTA); write it with version 1 encodings",
      );
    }
    if (type === 2 && count > 8 * unpacked)
      fail(`a dictionary of ${unpacked} bytes must have as many values, got ${count}`);
    if (type !== 2) values += count;
    at = end + packed;
  }
  return values;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
