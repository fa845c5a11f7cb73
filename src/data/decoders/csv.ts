/** Delimited text by papaparse, a piece at a time (RFC 4180, with line ends of any kind). */
import Papa from "papaparse";
import type { Fail } from "../bytes.ts";

/** Most characters of one record: a quote that is never closed ends here. */
const LONGEST_RECORD = 2 ** 20;

/** Records of one piece. */
export interface Records {
  readonly cells: string[][];
  /** Line of the first of them, from 1. */
  readonly line: number;
}

/** Makes records of text that comes in pieces. What is waiting for the rest of its record is at most a piece and a record. */
export class RecordParser {
  private readonly parser: Papa.Parser;
  private pending = "";
  private line = 1;
  private readonly newline: "\n" | "\r";

  /** @param start the first piece: it tells which line ends the text has */
  constructor(
    delimiter: string,
    start: string,
    private readonly fail: Fail,
  ) {
    // \r\n counts as \n: a file may have both, and a piece may end between the two.
    const [firstEnd = "\n"] = /\r\n|[\r\n]/.exec(start.replace(/"[^"]*"/g, "")) ?? [];
    this.newline = firstEnd === "\r" && start.indexOf("\r") < start.length - 1 ? "\r" : "\n";
    this.parser = new Papa.Parser({ delimiter, newline: this.newline });
  }

  /** @param last whether the text ends with this piece */
  push(text: string, last: boolean): Records {
    this.pending += text;
    const parsed = this.parser.parse(this.pending, 0, !last) as Parsed;
    const consumed = last ? this.pending.length : parsed.meta.cursor;
    // A record that is not whole yet shows errors that the next piece may mend.
    const [error] = parsed.errors.filter(({ row }) => last || row < parsed.data.length);
    if (error !== undefined) this.failQuote(parsed.data, error);
    const records = { cells: parsed.data, line: this.line };
    this.line += linesIn(this.pending, consumed, this.newline);
    this.pending = this.pending.slice(consumed);
    if (this.pending.length > LONGEST_RECORD) {
      this.fail(
        `line ${this.line}: a record must have at most ${LONGEST_RECORD} characters, got more; a quote may not be closed`,
      );
    }
    if (this.newline === "\n") for (const cells of records.cells) cutReturn(cells);
    return records;
  }

  private failQuote(data: readonly (readonly string[])[], { code, row }: ParseError): never {
    const line = lineOf({ cells: data.slice(0, row) as string[][], line: this.line }, row);
    const got = code === "MissingQuotes" ? "one that is not closed" : "one with text behind its closing quote";
    return this.fail(
      `line ${line}: a quoted cell must end with a quote, got ${got}; write quotes inside it twice ("")`,
    );
  }
}

interface ParseError {
  readonly code: string;
  /** Counted from 0. */
  readonly row: number;
}

interface Parsed {
  readonly data: string[][];
  readonly errors: readonly ParseError[];
  readonly meta: { readonly cursor: number };
}

/** The line on which a record begins: cells in quotes may go over several. */
export function lineOf({ cells, line }: Records, index: number): number {
  let at = line;
  for (const record of cells.slice(0, index)) {
    at++;
    for (const cell of record) at += Math.max(linesIn(cell, cell.length, "\n"), linesIn(cell, cell.length, "\r"));
  }
  return at;
}

function linesIn(text: string, end: number, newline: string): number {
  let count = 0;
  for (let at = text.indexOf(newline); at >= 0 && at < end; at = text.indexOf(newline, at + 1)) count++;
  return count;
}

function cutReturn(cells: string[]): void {
  const last = cells.length - 1;
  if (cells[last]?.endsWith("\r")) cells[last] = (cells[last] as string).slice(0, -1);
}
