/** Parquet files. */
import { show } from "../../arguments.ts";
import { bytesOf, type Fail, failing, nameOf, type ReadOptions, requireReading, type Source } from "../bytes.ts";
import { type Column, listColumn, Table } from "../table.ts";
import { NumberBlocks } from "./columns.ts";

/**
 * A table of the flat columns of a Parquet file. Whole numbers within +-2^53, floats, decimals and booleans (1 or 0) become
 * numbers; times become milliseconds since 1970, dates days; strings become text. Pages may be packed by Snappy or gzip.
 * @throws DataError for a file that is damaged or nested, has other types or encodings
 */
export async function readParquet(source: Source, options: ReadOptions = {}): Promise<Table> {
  requireReading("readParquet", source, options);
  const name = nameOf(source, options);
  const fail = failing(name);
  const bytes = await bytesOf("readParquet", source, options);
  const { decodeParquet } = await import("../decoders/parquet.ts");
  const columns = await decodeParquet(bytes, fail);
  const made = columns.map((each) => [each.name, columnOf(each.name, each.values, fail)] as const);
  if (columns[0]?.values.length === 0) fail("must have at least one row, got none");
  return new Table(name, Object.fromEntries(made));
}

function columnOf(name: string, values: readonly unknown[], fail: Fail): Column {
  const first = values.find((value) => value !== null);
  const numbers = new NumberBlocks();
  const texts: (string | null)[] = [];
  const isText = typeof first === "string";
  for (const [row, value] of values.entries()) {
    if (isText && (typeof value === "string" || value === null)) texts.push(value);
    else if (!isText && value === null) numbers.push(Number.NaN);
    else if (!isText && (typeof value === "number" || typeof value === "boolean")) numbers.push(Number(value));
    else if (!isText && typeof value === "bigint" && Number.isSafeInteger(Number(value))) numbers.push(Number(value));
    else
      fail(`row ${row + 1}: column ${show(name)} must be a number or text as in the rows before, got ${show(value)}`);
  }
  return isText ? listColumn("text", texts) : numbers.column();
}
