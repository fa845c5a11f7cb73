/** JSON and JSON lines: a list of records, or a record a line. */
import { isRecord, requireWhole, show, wrong } from "../../arguments.ts";
import { bytesOf, type Fail, failing, nameOf, type ReadOptions, requireReading, type Source } from "../bytes.ts";
import { nameList } from "../names.ts";
import { Table } from "../table.ts";
import { JsonColumn } from "./json-column.ts";
import { textOf } from "./text.ts";

/** Options of `readJsonLines`. */
export interface JsonLinesOptions extends ReadOptions {
  /** Names of the columns, where each row is a list of cells and no record. */
  readonly header?: readonly string[];
  /** Reads the first rows only, at most this many. */
  readonly rows?: number;
}

/** Options of `readJson`. */
export interface JsonOptions extends JsonLinesOptions {
  /** The keys that lead to the list of rows, where it is not the whole file: `["data", "rows"]`. */
  readonly path?: readonly string[];
}

/** Most bytes of a JSON file, all of which is in memory at once. */
const LARGEST_JSON = 2 ** 28;
const LONGEST_LINE = 2 ** 24;
const DEEPEST = 64;
const MOST_COLUMNS = 2 ** 14;

/**
 * A table of a JSON file that holds a list of records: `[{ "age": 63, "text": "…" }, …]`. Numbers, texts and true or false
 * (1 or 0) become cells; null and keys that a record does not have are missing ones. Lists of numbers, nested or not,
 * become `arrays` where all have one shape, else `series` [time, channels].
 * @throws DataError naming file, row (from 1) and key, where a cell is something else, a column mixes kinds, or the file is
 *   no JSON, is nested more than 64 deep or has more than 256 MiB (unless `largest` says so)
 */
export async function readJson(source: Source, options: JsonOptions = {}): Promise<Table> {
  requireReading("readJson", source, options, ["header", "rows", "path"]);
  const { path = [], ...rest } = options;
  if (!Array.isArray(path) || path.some((key) => typeof key !== "string")) {
    throw wrong("readJson: path", 'a list of keys, such as ["data"]', path);
  }
  const rows = new Rows("readJson", nameOf(source, options), rest);
  const bytes = await bytesOf("readJson", source, { largest: LARGEST_JSON, ...rest });
  const text = decode(bytes, rows.fail);
  let found = parse(text, rows.fail);
  for (const key of path) {
    if (!isRecord(found) || !Object.hasOwn(found, key)) {
      rows.fail(
        `path: there is no key ${show(key)}; it has ${isRecord(found) ? nameList(Object.keys(found)) : "no keys"}`,
      );
    }
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  if (!Array.isArray(found)) {
    const keys = isRecord(found) ? `; say which of ${nameList(Object.keys(found))} as path` : "";
    return rows.fail(`must hold a list of records, got ${show(found)}${keys}`);
  }
  for (const [i, row] of found.entries()) if (!rows.push(row, `row ${i + 1}`)) break;
  return rows.table();
}

/**
 * A table of JSON lines: a record a line, read in pieces. Cells as for `readJson`; empty lines are skipped.
 * @throws DataError as `readJson`, naming the line, which may have at most 16,777,216 characters
 */
export async function readJsonLines(source: Source, options: JsonLinesOptions = {}): Promise<Table> {
  requireReading("readJsonLines", source, options, ["header", "rows"]);
  const rows = new Rows("readJsonLines", nameOf(source, options), options);
  for await (const { text, line } of linesOf(source, options, rows.fail)) {
    const place = `line ${line}`;
    const fail: Fail = (problem) => rows.fail(`${place}: ${problem}`);
    if (/^[ \t\r]*$/.test(text)) continue;
    if (!rows.push(parse(text, fail), place)) break;
  }
  return rows.table();
}

async function* linesOf(
  source: Source,
  options: ReadOptions,
  fail: Fail,
): AsyncGenerator<{ text: string; line: number }> {
  let pending = "";
  let line = 1;
  for await (const piece of textOf("readJsonLines", source, options)) {
    let from = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
      yield { text: pending + piece.slice(from, end), line };
      pending = "";
      from = end + 1;
      line++;
    }
    pending += piece.slice(from);
    if (pending.length > LONGEST_LINE) fail(`line ${line}: must have at most ${LONGEST_LINE} characters, got more`);
  }
  yield { text: pending, line };
}

function decode(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail("must be UTF-8 text, got other bytes; save it as UTF-8");
  }
}

function parse(text: string, fail: Fail): unknown {
  // A parser that calls itself for every bracket runs out of stack on a file of brackets.
  if (depthOf(text) > DEEPEST) fail(`must be nested at most ${DEEPEST} deep, got more`);
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(`must be JSON, got something else (${error instanceof Error ? error.message.slice(0, 200) : error})`);
  }
}

/** How deep brackets outside strings are nested, up to `DEEPEST` + 1. */
function depthOf(text: string): number {
  let [depth, deepest, quoted] = [0, 0, false];
  for (let i = 0; i < text.length && deepest <= DEEPEST; i++) {
    const code = text.charCodeAt(i);
    if (quoted && code === 0x5c) i++;
    else if (code === 0x22) quoted = !quoted;
    else if (quoted) continue;
    else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x5d || code === 0x7d) depth--;
  }
  return deepest;
}

/** Rows as they come, and the table of them. */
class Rows {
  readonly fail: Fail;
  private readonly columns = new Map<string, JsonColumn>();
  private readonly header: readonly string[] | undefined;
  private readonly most: number;
  private size = 0;

  constructor(
    what: string,
    private readonly name: string,
    { header, rows = Number.MAX_SAFE_INTEGER }: JsonLinesOptions,
  ) {
    this.fail = failing(name);
    this.most = requireWhole(`${what}: rows`, rows, 1);
    this.header = header;
    if (header === undefined) return;
    const sound =
      Array.isArray(header) && header.length > 0 && header.every((each) => typeof each === "string" && each);
    if (!sound || new Set(header).size !== header.length)
      throw wrong(`${what}: header`, "a list of distinct names", header);
  }

  /** @returns whether more rows are wanted */
  push(row: unknown, place: string): boolean {
    for (const [name, value] of this.entries(row, place)) {
      let column = this.columns.get(name);
      if (column === undefined) {
        if (this.columns.size >= MOST_COLUMNS)
          this.fail(`${place}: must have at most ${MOST_COLUMNS} keys in all, got more`);
        column = new JsonColumn((where, problem) => this.fail(`${where}: key ${show(name)} ${problem}`));
        this.columns.set(name, column);
      }
      column.push(value, this.size, place);
    }
    return ++this.size < this.most;
  }

  table(): Table {
    if (this.size === 0) this.fail("must have at least one row, got none");
    if (this.columns.size === 0) this.fail("rows must have at least one key, got none");
    return new Table(
      this.name,
      Object.fromEntries(Array.from(this.columns, ([name, column]) => [name, column.column(this.size)])),
    );
  }

  private entries(row: unknown, place: string): readonly (readonly [string, unknown])[] {
    const { header } = this;
    if (header === undefined) {
      if (isRecord(row)) return Object.entries(row);
      const remedy = Array.isArray(row) ? "; give the names of its cells as header" : "";
      return this.fail(`${place}: must be a record, got ${show(row)}${remedy}`);
    }
    if (!Array.isArray(row) || row.length !== header.length) {
      return this.fail(`${place}: must be a list of the ${header.length} cells that header names, got ${show(row)}`);
    }
    return header.map((name, i) => [name, row[i]]);
  }
}
