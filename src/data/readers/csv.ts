/** Delimited text: CSV and TSV. */
import { isRecord, requireBoolean, requireOneOf, requireText, requireWhole, show, wrong } from "../../arguments.ts";
import { type Fail, failing, nameOf, type ReadOptions, requireReading, type Source } from "../bytes.ts";
import type { Records } from "../decoders/csv.ts";
import { nameList } from "../names.ts";
import { Table } from "../table.ts";
import { TextColumn, type Told } from "./columns.ts";
import { textOf } from "./text.ts";

/** Options of `readCsv`. */
export interface CsvOptions extends ReadOptions {
  /** One character between cells. Default: a tab where the name ends in `.tsv` or `.tab`, else a comma. */
  readonly delimiter?: string;
  /**
   * Whether the first line names the columns (the default), or the names where it does not; with false they are called
   * `column1`, `column2` and so on.
   */
  readonly header?: boolean | readonly string[];
  /** Kinds of columns by name. A column that is left out is of numbers where every cell that is there is one, else of text. */
  readonly columns?: Readonly<Record<string, "number" | "text">>;
  /** Cells that count as missing, with or without spaces around. Default: an empty one, `NA`, `NaN`, `null` and `?`. */
  readonly missing?: readonly string[];
  /** Reads the first rows only, at most this many. */
  readonly rows?: number;
}

/** Options of `csvRows`. */
export interface CsvRowsOptions extends CsvOptions {
  /** Rows of each table, from 1 to 10,000; the last one may have fewer. Default 1,000. */
  readonly batch?: number;
}

const OPTIONS = ["delimiter", "header", "columns", "missing", "rows"] as const;
const MISSING = ["", "NA", "NaN", "null", "?"] as const;
const MOST_BATCH = 10_000;
const MOST_COLUMNS = 2 ** 16;

/**
 * A table of delimited text in UTF-8 (RFC 4180: cells in double quotes may hold delimiters, line ends and doubled quotes),
 * with line ends of any kind. Empty lines are skipped. The text is read in pieces: memory holds 8 bytes per number and the
 * texts, of which equal ones are kept once.
 *
 * Numbers are decimal. Where a column begins with 10,000 numbers and turns out to be text, the source is read a second
 * time, if it can be.
 * @throws DataError naming file, row (from 1, without the header) and line, for a row with another number of cells, names
 *   that repeat or are empty, a quote that is not closed, a text among numbers that are told, or no row at all
 */
export async function readCsv(source: Source, options: CsvOptions = {}): Promise<Table> {
  const what = "readCsv";
  requireReading(what, source, options, OPTIONS);
  const format = formatOf(what, source, options);
  const again = !(source instanceof ReadableStream);
  const texts = new Set<string>();
  for (;;) {
    let columns: Columns | undefined;
    const late = new Set<string>();
    for await (const batch of batchesOf(what, source, options, format)) {
      columns ??= new Columns(format, batch.names, (name) => (texts.has(name) ? "text" : undefined));
      for (let i = batch.from; i < batch.to; i++) {
        columns.push(batch, i, (name) => {
          if (!again) return false;
          late.add(name);
          return true;
        });
      }
    }
    if (late.size === 0 && columns !== undefined) return columns.table(format.name);
    for (const name of late) texts.add(name);
  }
}

/**
 * The rows of delimited text as tables of `batch` rows, for streams that never end or do not fit in memory; there is no
 * limit of bytes unless `largest` says one. Which columns are of numbers is told by the first table, or by `columns`.
 * @throws DataError as `readCsv`, and where a later table has text among the numbers
 */
export async function* csvRows(source: Source, options: CsvRowsOptions = {}): AsyncGenerator<Table, void, undefined> {
  const what = "csvRows";
  requireReading(what, source, options, [...OPTIONS, "batch"]);
  const { batch: size = 1000, ...rest } = options;
  requireWhole(`${what}: batch`, size, 1, MOST_BATCH);
  const format = formatOf(what, source, options);
  const told: Record<string, Told> = {};
  let columns: Columns | undefined;
  const finish = (full: Columns): Table => {
    const table = full.table(format.name);
    for (const [name, kind] of full.kinds()) told[name] = kind;
    columns = undefined;
    return table;
  };
  for await (const batch of batchesOf(what, source, { largest: Number.MAX_SAFE_INTEGER, ...rest }, format)) {
    for (let i = batch.from; i < batch.to; i++) {
      columns ??= new Columns(format, batch.names, (name) => told[name]);
      columns.push(batch, i, () => false);
      if (columns.size === size) yield finish(columns);
    }
  }
  if (columns !== undefined && columns.size > 0) yield finish(columns);
}

/** What options and name say about a file. */
interface Format {
  readonly name: string;
  readonly fail: Fail;
  readonly delimiter: string;
  readonly header: boolean | readonly string[];
  readonly kinds: Readonly<Record<string, "number" | "text">>;
  readonly missing: ReadonlySet<string>;
  /** Characters of the longest of these. */
  readonly longest: number;
  readonly rows: number;
}

function formatOf(what: string, source: Source, options: CsvOptions): Format {
  const name = nameOf(source, options);
  const { delimiter = /\.(tsv|tab)$/i.test(name) ? "\t" : ",", header = true, columns = {} } = options;
  const { missing = MISSING, rows = Number.MAX_SAFE_INTEGER } = options;
  requireText(`${what}: delimiter`, delimiter);
  if (delimiter.length !== 1 || /["\r\n\uFEFF]/.test(delimiter)) {
    throw wrong(`${what}: delimiter`, 'one character, such as "," or "\\t", and no quote or line end', delimiter);
  }
  if (Array.isArray(header)) requireNames(`${what}: header`, header);
  else requireBoolean(`${what}: header`, header);
  if (!isRecord(columns)) throw wrong(`${what}: columns`, 'kinds by name, such as { age: "number" }', columns);
  for (const [each, kind] of Object.entries(columns)) {
    requireOneOf(`${what}: columns.${each}`, kind, ["number", "text"]);
  }
  if (!Array.isArray(missing) || missing.some((each) => typeof each !== "string")) {
    throw wrong(`${what}: missing`, "a list of strings", missing);
  }
  requireWhole(`${what}: rows`, rows, 1);
  const longest = missing.reduce((most, each) => Math.max(most, each.length), 0);
  return { name, fail: failing(name), delimiter, header, kinds: columns, missing: new Set(missing), longest, rows };
}

function requireNames(what: string, names: readonly unknown[]): void {
  const sound = names.length > 0 && names.every((each) => typeof each === "string" && each !== "");
  if (!sound || new Set(names).size !== names.length) throw wrong(what, "true, false or distinct names", names);
}

/** Records of one piece of text: rows from `from` to before `to`. */
interface Batch {
  readonly names: readonly string[];
  readonly records: Records;
  readonly from: number;
  readonly to: number;
  /** Row and line of a record, for errors. */
  place(index: number): string;
}

/** Rows in batches, whose header is read. @throws DataError where there is no row */
async function* batchesOf(what: string, source: Source, options: ReadOptions, format: Format): AsyncGenerator<Batch> {
  const { RecordParser, lineOf } = await import("../decoders/csv.ts");
  const { fail, rows } = format;
  let parser: InstanceType<typeof RecordParser> | undefined;
  let names: readonly string[] | undefined;
  let row = 0;
  const batch = (records: Records): Batch | undefined => {
    const { cells } = records;
    // Empty lines.
    const kept = { ...records, cells: cells.filter((each) => each.length > 1 || each[0] !== "") };
    if (kept.cells.length === 0) return undefined;
    const before = row;
    let from = 0;
    if (names === undefined) {
      names = namesOf(format, kept.cells[0] as string[]);
      from = format.header === true ? 1 : 0;
    }
    const to = Math.min(kept.cells.length, from + rows - row);
    row += to - from;
    const place = (index: number): string =>
      `row ${before + index - from + 1} (line ${lineOf(records, cells.indexOf(kept.cells[index] as string[]))})`;
    return { names, records: kept, from, to, place };
  };
  for await (const text of textOf(what, source, options)) {
    parser ??= new RecordParser(format.delimiter, text, fail);
    const next = batch(parser.push(text, false));
    if (next !== undefined) yield next;
    if (row >= rows) return;
  }
  const last = parser === undefined ? undefined : batch(parser.push("", true));
  if (last !== undefined) yield last;
  if (row === 0) fail(`must have at least one row${format.header === true ? " below its header" : ""}, got none`);
}

function namesOf({ header, kinds, fail }: Format, first: readonly string[]): readonly string[] {
  if (first.length > MOST_COLUMNS) fail(`must have at most ${MOST_COLUMNS} columns, got ${first.length}`);
  const names = header === true ? first : Array.isArray(header) ? header : first.map((_, i) => `column${i + 1}`);
  if (names.length !== first.length) {
    fail(`must have the ${names.length} columns that header names, got ${first.length} cells in its first row`);
  }
  const remedy = "mend the header, or give the names as header with the first line taken out";
  const empty = names.indexOf("");
  if (empty >= 0) fail(`every column must have a name, got none for column ${empty + 1}; ${remedy}`);
  if (new Set(names).size !== names.length) {
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    fail(`names of columns must differ, got ${show(twice)} twice; ${remedy}`);
  }
  const foreign = Object.keys(kinds).find((name) => !names.includes(name));
  if (foreign !== undefined) fail(`columns: there is no column ${show(foreign)}; it has ${nameList(names, 20)}`);
  return names;
}

/** The columns of a table that is being read. */
class Columns {
  size = 0;
  private readonly columns: readonly TextColumn[];

  constructor(
    private readonly format: Format,
    private readonly names: readonly string[],
    told: (name: string) => Told,
  ) {
    this.columns = names.map((name) => new TextColumn(ownKind(format, name) ?? told(name)));
  }

  /**
   * Adds the row of a record.
   * @param late whether a text that comes too late for its column is no error; it is left out then
   */
  push(batch: Batch, index: number, late: (name: string) => boolean): void {
    const { names, columns, format } = this;
    const cells = batch.records.cells[index] as readonly string[];
    if (cells.length !== columns.length) {
      format.fail(
        `${batch.place(index)}: must have ${columns.length} cells, got ${cells.length}; ` +
          "put cells that hold the delimiter in quotes",
      );
    }
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i] as string;
      const trouble = (columns[i] as TextColumn).push(isMissing(cell, format) ? null : cell);
      if (trouble === undefined || (trouble === "late" && late(names[i] as string))) continue;
      const name = names[i] as string;
      format.fail(
        `${batch.place(index)}: column ${show(name)} must be a number, as in the rows before, got ${show(cell)}; ` +
          `say columns: { ${JSON.stringify(name)}: "text" }, or list it as missing`,
      );
    }
    this.size++;
  }

  /** Kinds of the columns; none for one that has no cell yet. */
  kinds(): (readonly [string, Told])[] {
    return this.names.map((name, i) => [name, (this.columns[i] as TextColumn).known]);
  }

  table(name: string): Table {
    return new Table(
      name,
      Object.fromEntries(this.names.map((each, i) => [each, (this.columns[i] as TextColumn).column()])),
    );
  }
}

const ownKind = ({ kinds }: Format, name: string): Told => (Object.hasOwn(kinds, name) ? kinds[name] : undefined);

/** Whether a cell counts as missing; most are longer than any that does, and are not looked up. */
function isMissing(cell: string, { missing, longest }: Format): boolean {
  let [from, to] = [0, cell.length];
  while (from < to && cell[from] === " ") from++;
  while (to > from && cell[to - 1] === " ") to--;
  return (to - from <= longest && missing.has(cell.slice(from, to))) || (to - from < cell.length && missing.has(cell));
}
