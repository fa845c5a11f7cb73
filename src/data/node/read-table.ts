/** Tables by the ending of a file's name. */
import { basename } from "node:path";
import { DataError } from "../../errors.ts";
import { readCsv } from "../readers/csv.ts";
import { readJson, readJsonLines } from "../readers/json.ts";
import { readParquet } from "../readers/parquet.ts";
import { type Column, Table } from "../table.ts";
import { file } from "./files.ts";

/** By ending; what has no other ending is delimited text. */
const READERS = {
  json: readJson,
  jsonl: readJsonLines,
  ndjson: readJsonLines,
  parquet: readParquet,
} as const;

/** A table of delimited text, JSON, JSON lines or Parquet, as the ending says. @throws DataError as the readers do */
export async function readTable(path: string): Promise<Table> {
  const ending = path.slice(path.lastIndexOf(".") + 1);
  const read = Object.hasOwn(READERS, ending) ? READERS[ending as keyof typeof READERS] : readCsv;
  return named(basename(path), await read(file(path)));
}

/** A table under a name that does not depend on where its file is, as fingerprints must not. */
export const named = (name: string, table: Table): Table => new Table(name, table.columns);

/** Tables of the same columns, one below the other. @throws DataError where one lacks a column of the first */
export function stacked(name: string, tables: readonly Table[]): Table {
  const [first] = tables;
  if (first === undefined) throw new DataError(`${name}: there must be at least one table, got none`);
  const owners = tables.flatMap((table, i) => Array.from({ length: table.size }, (_, row) => [i, row] as const));
  const columns = Object.entries(first.columns).map(([column, { kind, shape }]) => {
    const parts = tables.map((table) => table.column(column, kind));
    const whole: Column = {
      kind,
      size: owners.length,
      ...(shape === undefined ? {} : { shape }),
      at(row) {
        const [table, own] = owners[row] as readonly [number, number];
        return (parts[table] as Column).at(own);
      },
    };
    return [column, whole] as const;
  });
  return new Table(name, Object.fromEntries(columns));
}
